"""How long what was said is kept: bounds for all rooms, a room's own, and what is beyond them.

A room's own hold for what was said from some message on, up to where others do: whoever has
come to own a room cannot take out what was said there before. Topics stay: a room would begin
without one.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import attrs

from trioserve.archive.history import NEVER, distinct
from trioserve.names import fold

_TALK: Final = " FROM messages WHERE room = ? AND id > ? AND id <= ?"
_NO_TOPIC: Final = " AND kind != 'topic'"
MOST_RULES: Final = 10  # of one room; what older ones held for is held for by everybody's alone
PORTION: Final = 500  # messages that are taken out in one go

# A room has own bounds as long as a row says so.
SCHEMA: Final = (
    """CREATE TABLE retention (
        room TEXT PRIMARY KEY,
        most INTEGER NOT NULL,
        seconds INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
)


# One room may have several of them, each for what was said behind the message `since`; who
# sets one takes out all that are of later.
SINCE: Final = (
    """CREATE TABLE retained (
        room TEXT NOT NULL,
        since INTEGER NOT NULL,
        most INTEGER NOT NULL,
        seconds INTEGER NOT NULL,
        PRIMARY KEY (room, since)
    ) STRICT, WITHOUT ROWID""",
    "INSERT INTO retained SELECT room, 0, most, seconds FROM retention",
    "DROP TABLE retention",
    f"""CREATE TRIGGER retained_anew AFTER INSERT ON retained BEGIN
        DELETE FROM retained WHERE room = new.room AND since > new.since;
        DELETE FROM retained WHERE room = new.room AND since < (SELECT since FROM retained
            WHERE room = new.room ORDER BY since DESC LIMIT 1 OFFSET {MOST_RULES - 1});
    END""",  # noqa: S608
)


@attrs.frozen
class Bounds:
    """How much of a room is kept: so many messages, for so long; 0: without a bound."""

    most: int = 0
    seconds: int = 0

    def within(self, others: "Bounds") -> "Bounds":
        """The tighter of both, in each respect."""
        return Bounds(_tighter(self.most, others.most), _tighter(self.seconds, others.seconds))


@attrs.frozen
class Stretch:
    """Part of what was said in a room, by ids, and the bounds that hold for it."""

    after: int
    upto: int
    bounds: Bounds


@attrs.frozen
class Retain:
    """A room's own bounds, which can only be tighter than everybody's: from a message on."""

    sql: ClassVar[str] = (
        "INSERT OR REPLACE INTO retained (room, most, seconds, since) VALUES (?, ?, ?, ?)"
    )

    room: str
    bounds: Bounds
    since: int = 0

    @property
    def size(self) -> int:
        return len(self.room)

    def row(self) -> tuple[Any, ...]:
        return fold(self.room), self.bounds.most, self.bounds.seconds, self.since


@attrs.frozen
class Prune:
    """The oldest messages of a room, between two ids and up to a portion: take them out."""

    sql: ClassVar[str] = (
        f"DELETE FROM messages WHERE id IN (SELECT id{_TALK}{_NO_TOPIC} ORDER BY id LIMIT ?)"  # noqa: S608
    )
    size: ClassVar[int] = 0

    room: str  # folded
    last: int
    after: int = 0

    def row(self) -> tuple[Any, ...]:
        return self.room, self.after, self.last, PORTION


@attrs.frozen
class PrunePrivate:
    """The oldest private messages of an account, likewise; what waits to be read stays."""

    sql: ClassVar[str] = (
        "DELETE FROM private_messages WHERE number IN (SELECT number FROM private_messages"
        " WHERE account = ? AND id <= ? AND source IS NULL ORDER BY id LIMIT ?)"
    )
    size: ClassVar[int] = 0

    account: str  # folded
    last: int

    def row(self) -> tuple[Any, ...]:
        return self.account, self.last, PORTION


def bounds_of(room: str) -> Callable[[sqlite3.Connection], tuple[Bounds, bool]]:
    """A query for a room's own bounds, for what is said now; and whether older messages are there.

    For which others hold.
    """

    def query(connection: sqlite3.Connection) -> tuple[Bounds, bool]:
        sql = "SELECT since, most, seconds FROM retained WHERE room = ? ORDER BY since DESC"
        row = connection.execute(f"{sql} LIMIT 1", (fold(room),)).fetchone()
        if row is None:
            return Bounds(), False
        since, most, seconds = row
        sql = f"SELECT 1{_TALK}{_NO_TOPIC} LIMIT 1"
        older = connection.execute(sql, (fold(room), 0, since)).fetchone()
        return Bounds(most, seconds), older is not None

    return query


def own_bounds(connection: sqlite3.Connection) -> dict[str, list[tuple[int, Bounds]]]:
    """The bounds of all rooms that have own ones, by folded name: each with where it begins."""
    found: dict[str, list[tuple[int, Bounds]]] = {}
    rows = connection.execute(
        "SELECT room, since, most, seconds FROM retained ORDER BY room, since"
    )
    for room, since, most, seconds in rows:
        found.setdefault(room, []).append((since, Bounds(most, seconds)))
    return found


def stretches(everybody: Bounds, own: Sequence[tuple[int, Bounds]]) -> list[Stretch]:
    """What bounds hold for which part of what was said in a room, the oldest first."""
    rules = own if own and not own[0][0] else [(0, Bounds()), *own]
    ends = [*(since for since, _ in rules[1:]), NEVER]
    return [
        Stretch(since, end, everybody.within(bounds))
        for (since, bounds), end in zip(rules, ends, strict=True)
    ]


def last_held(ids: Sequence[int], parts: Sequence[Stretch], now: int) -> int:
    """The last of the messages that a room holds, oldest first, that is kept no more; 0: none."""
    rules = list(parts)
    for newer, number in enumerate(reversed(ids)):
        while number <= rules[-1].after:
            rules.pop()
        bounds = rules[-1].bounds
        if (bounds.most and newer >= bounds.most) or number <= _too_old(bounds, now):
            return number
    return 0


def beyond(bounds: Bounds, now: int) -> Callable[[sqlite3.Connection], list[Prune | PrunePrivate]]:
    """A query for what is to be taken out, by now as in an id: one portion of each room at most."""

    def query(connection: sqlite3.Connection) -> list[Prune | PrunePrivate]:
        own = own_bounds(connection)
        rooms = list(own) if bounds == Bounds() else _distinct(connection, "room", "messages")
        found: list[Prune | PrunePrivate] = []
        for room in rooms:
            for part in stretches(bounds, own.get(room, ())):
                if (last := _last_beyond(connection, room, part, now)) is not None:
                    found.append(Prune(room, last, part.after))
                    break
        if bounds != Bounds():
            found += _private_beyond(connection, bounds, now)
        return found

    return query


def _private_beyond(connection: sqlite3.Connection, bounds: Bounds, now: int) -> list[PrunePrivate]:
    """One portion of each account at most; what still waits to be read is not meant."""
    found = []
    for account in _distinct(connection, "account", "private_messages"):
        last = _too_old(bounds, now)
        if bounds.most:
            # The id of the first that may stay, by an index alone.
            sql = "SELECT id FROM private_messages WHERE account = ? ORDER BY id DESC"
            row = connection.execute(f"{sql} LIMIT 1 OFFSET ?", (account, bounds.most)).fetchone()
            last = max(last, row[0] if row is not None else 0)
        sql = "SELECT min(id) FROM private_messages WHERE account = ? AND source IS NULL"
        (first,) = connection.execute(sql, (account,)).fetchone()
        if first is not None and first <= last:
            found.append(PrunePrivate(account, last))
    return found


def _distinct(connection: sqlite3.Connection, column: str, table: str) -> list[str]:
    return [row[0] for row in connection.execute(distinct(column, table))]


def _last_beyond(connection: sqlite3.Connection, room: str, part: Stretch, now: int) -> int | None:
    """The id up to which messages of a part are too many or too old; None: none is."""

    def one(sql: str, after: int, upto: int, *values: object) -> int:
        row = connection.execute(sql, (room, after, upto, *values)).fetchone()
        return 0 if row is None else row[0]

    def count(after: int, upto: int) -> int:
        # Both by an index alone: a topic is told by its row, and there are few.
        topics = f"SELECT count(*){_TALK} AND kind = 'topic'"
        return one(f"SELECT count(*){_TALK}", after, upto) - one(topics, after, upto)

    bounds, here = part.bounds, (part.after, part.upto)
    last = min(part.upto, _too_old(bounds, now))
    if bounds.most:
        newer = 0 if part.upto == NEVER else count(part.upto, NEVER)
        total = count(*here)
        if (too_many := min(total, total + newer - bounds.most)) > 0:
            sql = f"SELECT id{_TALK}{_NO_TOPIC} ORDER BY id LIMIT 1 OFFSET ?"
            last = max(last, one(sql, *here, min(too_many, PORTION) - 1))
    first = one(f"SELECT id{_TALK}{_NO_TOPIC} ORDER BY id LIMIT 1", *here) if last else 0
    return last if 0 < first <= last else None


def _too_old(bounds: Bounds, now: int) -> int:
    """The id up to which all is too old; 0: none is."""
    return now - bounds.seconds * 1_000_000 if bounds.seconds else 0


def _tighter(one: int, other: int) -> int:
    return min(one, other) if one and other else one or other
