"""What people who have an account have chosen for themselves, as it is kept.

Only what is not as it would be anyway has a row.
"""

import json
import sqlite3
from typing import Any, ClassVar, Final

import attrs

from trioserve.archive.belongings import HAS_ACCOUNT, few
from trioserve.archive.records import OfAccount
from trioserve.names import fold

SCHEMA: Final = (
    """CREATE TABLE preferences (
        account TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (account, name)
    ) STRICT, WITHOUT ROWID""",
)


@attrs.frozen
class Chosen:
    """A preference of somebody's: its name, and its value, which JSON can hold."""

    sql: ClassVar[str] = (
        "INSERT OR REPLACE INTO preferences (account, name, value)"
        f" SELECT ?1, ?2, ?3 WHERE {HAS_ACCOUNT}"
    )

    account: str
    name: str
    value: Any

    @property
    def size(self) -> int:
        return len(json.dumps(self.value))

    def row(self) -> tuple[Any, ...]:
        return fold(self.account), self.name, json.dumps(self.value, ensure_ascii=False)


@attrs.frozen
class Unchosen:
    """A preference that is as it would be anyway."""

    sql: ClassVar[str] = "DELETE FROM preferences WHERE account = ? AND name = ?"
    size: ClassVar[int] = 0

    account: str
    name: str

    def row(self) -> tuple[Any, ...]:
        return fold(self.account), self.name


@attrs.frozen
class PreferencesGone(OfAccount):
    """All of somebody's preferences: forgotten."""

    sql: ClassVar[str] = "DELETE FROM preferences WHERE account = ?"


def choices(connection: sqlite3.Connection, account: str) -> dict[str, Any]:
    """What the owner of an account, by its folded name, has chosen."""
    sql = "SELECT name, value FROM preferences WHERE account = ? ORDER BY name"
    return {name: json.loads(value) for name, value in connection.execute(sql, (account,))}


def _rows(connection: sqlite3.Connection, account: str) -> list[dict[str, Any]]:
    chosen = choices(connection, account)
    return [{"what": "preference", "name": name, "value": value} for name, value in chosen.items()]


PREFERENCES: Final = few(_rows, PreferencesGone)
