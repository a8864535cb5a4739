"""Which accounts are being given up: noted first, so that none is half forgotten for ever."""

import sqlite3
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import attrs

from trioserve.archive.records import OfAccount

SCHEMA: Final[Sequence[str]] = (
    # Folded; `wholly`: what was said under it is forgotten, too.
    """CREATE TABLE farewells (
        account TEXT PRIMARY KEY,
        wholly INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
)


@attrs.frozen
class Farewell:
    """An account that is to be given up, or `wholly` forgotten; its name is nobody else's yet."""

    sql: ClassVar[str] = "INSERT OR REPLACE INTO farewells (account, wholly) VALUES (?, ?)"
    size: ClassVar[int] = 0

    account: str  # folded
    wholly: bool

    def row(self) -> tuple[Any, ...]:
        return self.account, int(self.wholly)


@attrs.frozen
class FarewellOver(OfAccount):
    """Nothing is left to be done for it, or it is not to be after all."""

    sql: ClassVar[str] = "DELETE FROM farewells WHERE account = ?"


def farewells(connection: sqlite3.Connection) -> list[Farewell]:
    """All that were not over when the last server ended."""
    rows = connection.execute("SELECT account, wholly FROM farewells ORDER BY account")
    return [Farewell(account, bool(wholly)) for account, wholly in rows]
