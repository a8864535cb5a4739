"""That something was taken out and may still be in the files: noted until it is not."""

import sqlite3
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import attrs

SCHEMA: Final[Sequence[str]] = (
    # A row as long as something that was taken out may still be in the files.
    "CREATE TABLE unshredded (one INTEGER PRIMARY KEY CHECK (one = 1)) STRICT",
)


@attrs.frozen
class Unshredded:
    """Something has been taken out, and may still be in the files."""

    sql: ClassVar[str] = "INSERT OR IGNORE INTO unshredded (one) VALUES (1)"
    size: ClassVar[int] = 0

    def row(self) -> tuple[Any, ...]:
        return ()


@attrs.frozen
class Shredded:
    """Nothing is in the files that has been taken out."""

    sql: ClassVar[str] = "DELETE FROM unshredded"
    size: ClassVar[int] = 0

    def row(self) -> tuple[Any, ...]:
        return ()


def is_unshredded(connection: sqlite3.Connection) -> bool:
    """Whether something that has been taken out may still be in the files."""
    return connection.execute("SELECT 1 FROM unshredded").fetchone() is not None
