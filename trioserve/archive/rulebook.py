"""What is kept of rooms, and of how order is kept: rules, sanctions with their ends.

A time is in seconds since 1970, and infinite where something has no end.
"""

import json
import math
import sqlite3
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import attrs

from trioserve.archive.audited import SCHEMA as AUDIT
from trioserve.archive.audited import Audited, audited
from trioserve.names import fold
from trioserve.rooms.moderation import Guest, Identity, Sanction

BAN, MUTE = "ban", "mute"  # kinds of sanctions
SERVER: Final = ""  # stands for the whole server in place of a room

SCHEMA: Final = (
    # Their order is that in which they were imposed.
    """CREATE TABLE sanctions (
        room TEXT NOT NULL,
        kind TEXT NOT NULL,
        folded TEXT NOT NULL,
        nick TEXT NOT NULL,
        address TEXT,
        author TEXT NOT NULL,
        reason TEXT NOT NULL,
        until REAL NOT NULL,
        UNIQUE (room, kind, folded)
    ) STRICT""",
    # A room that is kept, because something holds there or its owner has an account.
    """CREATE TABLE rooms (
        folded TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        number INTEGER NOT NULL,
        owner TEXT NOT NULL,
        pause REAL NOT NULL,
        private INTEGER NOT NULL,
        secluded TEXT NOT NULL,
        until REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE guests (
        room TEXT NOT NULL,
        account TEXT NOT NULL,
        folded TEXT NOT NULL,
        nick TEXT NOT NULL,
        address TEXT,
        until REAL NOT NULL,
        since INTEGER,
        PRIMARY KEY (room, account, folded)
    ) STRICT, WITHOUT ROWID""",
    *AUDIT,
)


@attrs.frozen
class SanctionKept:
    """A ban or a mute that holds in a room, or on the whole server, in place of what its nick had.

    The number of whom it holds is not kept: it tells people apart only while the server runs.
    """

    sql: ClassVar[str] = (
        "INSERT OR REPLACE INTO sanctions"
        " (room, kind, folded, nick, address, author, reason, until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )

    room: str  # folded
    kind: str
    sanction: Sanction

    @property
    def key(self) -> tuple[str, ...]:
        return self.kind, fold(self.sanction.whom.nick)

    @property
    def size(self) -> int:
        return len(self.sanction.reason)

    def row(self) -> tuple[Any, ...]:
        each = self.sanction
        whom = each.whom
        folded = fold(whom.nick)
        return (
            self.room,
            self.kind,
            folded,
            whom.nick,
            whom.address,
            each.by,
            each.reason,
            each.until,
        )

    def undone(self) -> "SanctionGone":
        return SanctionGone(self.room, *self.key)


@attrs.frozen
class SanctionGone:
    """A ban or a mute that was lifted or has ended."""

    sql: ClassVar[str] = "DELETE FROM sanctions WHERE room = ? AND kind = ? AND folded = ?"
    size: ClassVar[int] = 0

    room: str  # folded
    kind: str
    folded: str

    def row(self) -> tuple[Any, ...]:
        return self.room, self.kind, self.folded


@attrs.frozen
class RoomKept:
    """A room with an owner who has an account, or with rules: what of it one row holds."""

    sql: ClassVar[str] = (
        "INSERT OR REPLACE INTO rooms"
        " (folded, name, number, owner, pause, private, secluded, until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )
    key: ClassVar[tuple[str, ...]] = ("room",)
    size: ClassVar[int] = 0

    name: str
    number: int  # no other room's, ever
    owner: str = ""  # the account, folded; empty: a guest's, or the operators'
    pause: float = 0.0  # seconds
    private: bool = False
    secluded: Sequence[tuple[int, float]] = ()  # the ids between which it was private
    until: float = math.inf  # it waits for its people; without an end: some are in it

    def row(self) -> tuple[Any, ...]:
        return (
            fold(self.name),
            self.name,
            self.number,
            self.owner,
            self.pause,
            int(self.private),
            json.dumps(self.secluded),
            self.until,
        )

    def undone(self) -> "RoomGone":
        return RoomGone(fold(self.name))


@attrs.frozen
class RoomGone:
    """A room that is no more, or of which nothing is left to be kept."""

    sql: ClassVar[str] = "DELETE FROM rooms WHERE folded = ?"
    size: ClassVar[int] = 0

    folded: str

    def row(self) -> tuple[Any, ...]:
        return (self.folded,)


@attrs.frozen
class GuestKept:
    """Somebody who is in a room that is or was private, or may enter it."""

    sql: ClassVar[str] = (
        "INSERT OR REPLACE INTO guests (room, account, folded, nick, address, until, since)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    size: ClassVar[int] = 0

    room: str  # folded
    guest: Guest

    @property
    def key(self) -> tuple[str, ...]:
        return "guest", self.guest.account, fold(self.guest.whom.nick)

    def row(self) -> tuple[Any, ...]:
        each = self.guest
        whom = each.whom
        folded = fold(whom.nick)
        return self.room, each.account, folded, whom.nick, whom.address, each.until, each.since

    def undone(self) -> "GuestGone":
        return GuestGone(self.room, self.guest.account, fold(self.guest.whom.nick))


@attrs.frozen
class GuestGone:
    """Somebody who may not enter a room any more."""

    sql: ClassVar[str] = "DELETE FROM guests WHERE room = ? AND account = ? AND folded = ?"
    size: ClassVar[int] = 0

    room: str  # folded
    account: str
    folded: str

    def row(self) -> tuple[Any, ...]:
        return self.room, self.account, self.folded


@attrs.frozen
class Rulebook:
    """All that is kept of these, also what has ended; the oldest first."""

    sanctions: Sequence[SanctionKept] = ()
    rooms: Sequence[RoomKept] = ()
    guests: Sequence[GuestKept] = ()
    audited: Sequence[Audited] = ()


def rulebook(connection: sqlite3.Connection) -> Rulebook:
    """A query for all of it."""
    return Rulebook(
        _sanctions(connection), _rooms(connection), _guests(connection), audited(connection)
    )


def _sanctions(connection: sqlite3.Connection) -> list[SanctionKept]:
    rows = connection.execute(
        "SELECT room, kind, nick, address, author, reason, until FROM sanctions ORDER BY rowid"
    )
    return [
        SanctionKept(room, kind, Sanction(Identity(nick, address), by, reason, until))
        for room, kind, nick, address, by, reason, until in rows
    ]


def _rooms(connection: sqlite3.Connection) -> list[RoomKept]:
    rows = connection.execute(
        "SELECT name, number, owner, pause, private, secluded, until FROM rooms ORDER BY number"
    )
    return [
        RoomKept(name, number, owner, pause, bool(private), _pairs(secluded), until)
        for name, number, owner, pause, private, secluded, until in rows
    ]


def _pairs(text: str) -> tuple[tuple[int, float], ...]:
    return tuple((begin, end) for begin, end in json.loads(text))


def _guests(connection: sqlite3.Connection) -> list[GuestKept]:
    rows = connection.execute(
        "SELECT room, nick, address, account, until, since FROM guests ORDER BY room, folded"
    )
    return [
        GuestKept(room, Guest(Identity(nick, address), account, until, since))
        for room, nick, address, account, until, since in rows
    ]
