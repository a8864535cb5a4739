"""What is kept of the audit: who was moderated, by whom, when and why; the last thousand times."""

import sqlite3
from typing import Any, ClassVar, Final

import attrs

from trioserve.rulings import Deed, Moderated

_DEEDS: Final = frozenset(each.value for each in Deed)

SCHEMA: Final = (
    """CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        deed TEXT NOT NULL,
        room TEXT NOT NULL,
        nick TEXT NOT NULL,
        author TEXT NOT NULL,
        reason TEXT NOT NULL,
        at REAL NOT NULL,
        until REAL NOT NULL
    ) STRICT""",
    # As many as the server holds in memory.
    """CREATE TRIGGER audit_bounded AFTER INSERT ON audit BEGIN
        DELETE FROM audit WHERE id <= (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET 1000);
    END""",
)
# Whom it was meant for, where it has hit somebody of the same address.
ALONG: Final = ("ALTER TABLE audit ADD COLUMN along TEXT NOT NULL DEFAULT ''",)


@attrs.frozen
class Audited:
    """Who was moderated, by whom, when and why. The id rises, and is no message's."""

    sql: ClassVar[str] = (
        "INSERT OR IGNORE INTO audit (id, deed, room, nick, author, reason, at, until, along)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )

    id: int
    ruling: Moderated

    @property
    def size(self) -> int:
        return len(self.ruling.reason)

    def row(self) -> tuple[Any, ...]:
        each = self.ruling
        return (
            self.id,
            each.deed.value,
            each.room,
            each.nick,
            each.by,
            each.reason,
            each.at,
            each.until,
            each.along,
        )


def audited(connection: sqlite3.Connection) -> list[Audited]:
    """All that are kept, the oldest first."""
    rows = connection.execute(
        "SELECT id, deed, room, nick, author, reason, at, until, along FROM audit ORDER BY id"
    )
    return [
        Audited(number, Moderated(Deed(deed), room, nick, by, reason, at, until, along))
        for number, deed, room, nick, by, reason, at, until, along in rows
        if deed in _DEEDS  # others may be of a newer server
    ]
