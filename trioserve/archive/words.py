"""The words by which owners of accounts come back after a restart: hashed, as passwords are.

All of one server's run have one salt, which no other run has: who brings words brings no name.
"""

import sqlite3
from typing import Any, ClassVar, Final

import attrs

from trioserve.archive.belongings import HAS_ACCOUNT, few
from trioserve.archive.records import OfAccount
from trioserve.names import fold

SCHEMA: Final = (
    """CREATE TABLE words (
        account TEXT PRIMARY KEY,
        salt BLOB NOT NULL,
        hash TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
)


@attrs.frozen
class WordsKept:
    """The hash of the words that somebody has from now on."""

    sql: ClassVar[str] = (
        f"INSERT OR REPLACE INTO words (account, salt, hash) SELECT ?1, ?2, ?3 WHERE {HAS_ACCOUNT}"
    )

    account: str
    salt: bytes
    hash: str = attrs.field(repr=False)

    @property
    def size(self) -> int:
        return len(self.hash)

    def row(self) -> tuple[Any, ...]:
        return fold(self.account), self.salt, self.hash


@attrs.frozen
class WordsGone(OfAccount):
    """Somebody's words are none any more."""

    sql: ClassVar[str] = "DELETE FROM words WHERE account = ?"


def words(connection: sqlite3.Connection) -> dict[str, tuple[bytes, str]]:
    """The salt and the hash of all that are kept, by folded account."""
    rows = connection.execute("SELECT account, salt, hash FROM words ORDER BY account")
    return {account: (salt, hashed) for account, salt, hashed in rows}


def _rows(connection: sqlite3.Connection, account: str) -> list[dict[str, Any]]:
    rows = connection.execute("SELECT 1 FROM words WHERE account = ?", (account,))
    return [{"what": "words", "kept": "hashed, until you leave"} for _ in rows]


WORDS: Final = few(_rows, WordsGone)
