"""How long what was said is kept: bounds for all rooms, a room's own, and what is beyond them.

Topics stay: a room would begin without one.
"""

import sqlite3
from collections.abc import Callable
from typing import Any, ClassVar, Final

import attrs

from trioserve.names import fold

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


def bounds_of(room: str) -> Callable[[sqlite3.Connection], Bounds]:
    """A query for a room's own bounds."""

    def query(connection: sqlite3.Connection) -> Bounds:
        sql = "SELECT most, seconds FROM retention WHERE room = ?"
        row = connection.execute(sql, (fold(room),)).fetchone()
        return Bounds() if row is None else Bounds(*row)

    return query


def beyond(bounds: Bounds, now: int) -> Callable[[sqlite3.Connection], list[Prune]]:
    """A query for what is to be taken out, by now as in an id: one portion of each room at most."""

    def query(connection: sqlite3.Connection) -> list[Prune]:
        own = {
            room: Bounds(most, seconds)
            for room, most, seconds in connection.execute(
                "SELECT room, most, seconds FROM retention"
            )
        }
        if bounds == Bounds() and not own:
            return []
        rooms = connection.execute(
            "SELECT room, count(*), min(id) FROM messages WHERE kind != 'topic' GROUP BY room"
        ).fetchall()
        found = []
        for room, count, first in rooms:
            last = _last_beyond(
                connection, room, count, bounds.within(own.get(room, Bounds())), now
            )
            if last >= first:
                found.append(Prune(room, last))
        return found

    return query


def _last_beyond(
    connection: sqlite3.Connection, room: str, count: int, bounds: Bounds, now: int
) -> int:
    """The id up to which a room's messages are too many or too old; 0: none is."""
    last = now - bounds.seconds * 1_000_000 if bounds.seconds else 0
    if bounds.most and count > bounds.most:
        row = connection.execute(
            "SELECT id FROM messages WHERE room = ? AND kind != 'topic'"
            " ORDER BY id LIMIT 1 OFFSET ?",
            (room, min(count - bounds.most, PORTION) - 1),
        ).fetchone()
        last = max(last, row[0])
    return last


def _tighter(one: int, other: int) -> int:
    return min(one, other) if one and other else one or other
