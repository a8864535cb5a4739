"""How long what was said is kept: bounds for all rooms, a room's own, and what is beyond them.

Topics stay: a room would begin without one.
"""

import sqlite3
from collections.abc import Callable
from typing import Any, ClassVar, Final

import attrs

from trioserve.archive.history import distinct
from trioserve.names import fold

_TALK: Final = " FROM messages WHERE room = ? AND kind != 'topic'"
PORTION: Final = 500  # messages that are taken out in one go

# A room has own bounds as long as a row says so.
SCHEMA: Final = (
    """CREATE TABLE retention (
        room TEXT PRIMARY KEY,
        most INTEGER NOT NULL,
        seconds INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
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
class Retain:
    """A room's own bounds, which can only be tighter than everybody's."""

    sql: ClassVar[str] = "INSERT OR REPLACE INTO retention (room, most, seconds) VALUES (?, ?, ?)"

    room: str
    bounds: Bounds

    @property
    def size(self) -> int:
        return len(self.room)

    def row(self) -> tuple[Any, ...]:
        return fold(self.room), self.bounds.most, self.bounds.seconds


@attrs.frozen
class Prune:
    """The oldest messages of a room, up to an id and a portion: take them out."""

    sql: ClassVar[str] = (
        "DELETE FROM messages WHERE id IN (SELECT id FROM messages"
        " WHERE room = ? AND id <= ? AND kind != 'topic' ORDER BY id LIMIT ?)"
    )
    size: ClassVar[int] = 0

    room: str  # folded
    last: int

    def row(self) -> tuple[Any, ...]:
        return self.room, self.last, PORTION


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


def bounds_of(room: str) -> Callable[[sqlite3.Connection], Bounds]:
    """A query for a room's own bounds."""

    def query(connection: sqlite3.Connection) -> Bounds:
        sql = "SELECT most, seconds FROM retention WHERE room = ?"
        row = connection.execute(sql, (fold(room),)).fetchone()
        return Bounds() if row is None else Bounds(*row)

    return query


def all_bounds(connection: sqlite3.Connection) -> dict[str, Bounds]:
    """The bounds of all rooms that have own ones, by folded name."""
    rows = connection.execute("SELECT room, most, seconds FROM retention")
    return {room: Bounds(most, seconds) for room, most, seconds in rows}


def beyond(bounds: Bounds, now: int) -> Callable[[sqlite3.Connection], list[Prune | PrunePrivate]]:
    """A query for what is to be taken out, by now as in an id: one portion of each room at most."""

    def query(connection: sqlite3.Connection) -> list[Prune | PrunePrivate]:
        own = all_bounds(connection)
        rooms = list(own) if bounds == Bounds() else _distinct(connection, "room", "messages")
        found: list[Prune | PrunePrivate] = []
        for room in rooms:
            both = bounds.within(own.get(room, Bounds()))
            if (last := _last_beyond(connection, room, both, now)) is not None:
                found.append(Prune(room, last))
        if bounds != Bounds():
            found += _private_beyond(connection, bounds, now)
        return found

    return query


def _private_beyond(connection: sqlite3.Connection, bounds: Bounds, now: int) -> list[PrunePrivate]:
    """One portion of each account at most; what still waits to be read is not meant."""
    found = []
    for account in _distinct(connection, "account", "private_messages"):
        last = now - bounds.seconds * 1_000_000 if bounds.seconds else 0
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


def _last_beyond(connection: sqlite3.Connection, room: str, bounds: Bounds, now: int) -> int | None:
    """The id up to which a room's messages are too many or too old; None: none is."""

    def one(sql: str, *values: object) -> int:
        row = connection.execute(sql, (room, *values)).fetchone()
        return 0 if row is None else row[0]

    last = now - bounds.seconds * 1_000_000 if bounds.seconds else 0
    if bounds.most:
        # Both by an index alone: a topic is told by its row, and there are few.
        count = one("SELECT count(*) FROM messages WHERE room = ?")
        count -= one("SELECT count(*) FROM messages WHERE room = ? AND kind = 'topic'")
        if count > bounds.most:
            beyond = min(count - bounds.most, PORTION)
            last = max(last, one(f"SELECT id{_TALK} ORDER BY id LIMIT 1 OFFSET ?", beyond - 1))
    first = one(f"SELECT id{_TALK} ORDER BY id LIMIT 1") if last else 0
    return last if 0 < first <= last else None


def _tighter(one: int, other: int) -> int:
    return min(one, other) if one and other else one or other
