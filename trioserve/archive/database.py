"""One SQLite database: opened, brought to this schema, written in whole batches. Blocks.

No Trio here: `archives` says in which thread.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final, TypeVar

from trioserve.archive import index
from trioserve.archive.migrations import STEPS
from trioserve.archive.records import Record
from trioserve.errors import ArchiveError, DamagedError
from trioserve.names import fold

T = TypeVar("T")
Query = Callable[[sqlite3.Connection], T]

BUSY: Final = 5.0  # seconds to wait for another process, such as one that makes a copy
HOLD_UP: Final = 0.1  # seconds to wait for our own readers, while nothing is written
MERGED: Final = 32  # pages of 4 KiB, about, of an index that are merged at once
IN_MEMORY: Final = ":memory:"
STEPS_BETWEEN: Final = 10_000  # of SQLite's machine, between two looks whether it is over

# What is wrong with one record, not with the disk: to write it again would fail again.
_UNWRITABLE: Final = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    UnicodeEncodeError,
    OverflowError,
)


log = logging.getLogger(__name__)


class Database:
    """A connection to a database, for one thread at a time."""

    def __init__(
        self,
        path: Path | str,
        *,
        steps: Sequence[Sequence[str]] = STEPS,
        is_another: bool = False,
    ) -> None:
        """Open a database, which is made if there is none, and bring it to this schema.

        One that `is_another` connection to it finds that done.

        Raises:
            ArchiveError: if it cannot be had, or is of a newer server's; it is not touched then.
        """
        self.path = path
        self._indexes: Sequence[index.Index] = ()  # that follow what is written here
        # Those with words that were taken out; whether it is to begin that these are.
        self._unmerged: dict[index.Index, bool] = {}
        with _explained(path):
            self._connection = sqlite3.connect(
                path, timeout=BUSY, isolation_level=None, check_same_thread=False
            )
            with ExitStack() as opened:
                opened.callback(self._connection.close)
                self._refuse_newer(len(steps))
                self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA foreign_keys = ON")
                self._connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is gone
                index.prepare(self._connection)
                self._connection.create_function("fold", 1, fold, deterministic=True)
                if not is_another:
                    self._migrate(steps)
                    self._bring_index_on()
                opened.pop_all()

    def write(self, records: Sequence[Record]) -> list[tuple[Record, Exception]]:
        """Write all of them in one transaction; return those that can never be written.

        Raises:
            ArchiveError: if nothing can be written at present; nothing is then.
        """
        with _explained(self.path):
            try:
                with self._transaction():
                    for sql, group in groupby(records, key=lambda each: each.sql):
                        self._connection.executemany(sql, [each.row() for each in group])
                    self._index()
            except _UNWRITABLE:
                return self._write_each(records)
        return []

    def read(self, query: Query[T], is_over: Callable[[], bool] = lambda: False) -> T:
        """What a query makes of it, as of one moment; broken off once `is_over`.

        Raises:
            ArchiveError: if it cannot be read, or is broken off.
        """
        self._connection.set_progress_handler(is_over, STEPS_BETWEEN)
        with _explained(self.path), self._transaction("DEFERRED"):
            return query(self._connection)

    def shred(self, *, anew: bool) -> bool:
        """Do a piece of what takes out of the files what was taken out; whether all is done.

        `anew`: something was since the last time.

        Raises:
            ArchiveError: if it cannot be done.
        """
        if anew:
            self._unmerged = dict.fromkeys(self._indexes, True)
        with _explained(self.path):
            for each, begins in self._unmerged.items():
                with self._transaction():
                    goes_on = each.merge(self._connection, MERGED, begins=begins)
                if goes_on:
                    self._unmerged[each] = False
                else:
                    del self._unmerged[each]
                return False
            return self._empty_log()

    def _empty_log(self) -> bool:
        """Let nothing be in the log; False if somebody reads from it."""
        self._connection.execute(f"PRAGMA busy_timeout = {round(HOLD_UP * 1000)}")
        try:
            sql = "PRAGMA wal_checkpoint(TRUNCATE)"
            (is_busy, _, _) = self._connection.execute(sql).fetchone()
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {round(BUSY * 1000)}")
        return not is_busy

    def interrupt(self) -> None:
        """Break off what is read; from another thread, while that goes on."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close it; what has been written stays."""
        self._connection.close()

    def _write_each(self, records: Sequence[Record]) -> list[tuple[Record, Exception]]:
        faults: list[tuple[Record, Exception]] = []
        with self._transaction():
            for each in records:
                try:
                    self._connection.execute(each.sql, each.row())
                except _UNWRITABLE as error:
                    faults.append((each, error))
            self._index()
        return faults

    def _index(self) -> None:
        for each in self._indexes:
            each.take_in(self._connection)

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        self._connection.execute(f"BEGIN {kind}")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:  # whatever has kept it from being committed
                self._connection.execute("ROLLBACK")

    def _version(self) -> int:
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return version

    def _refuse_newer(self, known: int) -> None:
        if (version := self._version()) > known:
            raise ArchiveError(
                f"{self.path} is of a newer trioserve (schema {version}, and this one knows "
                f"{known}): nothing is touched"
            )

    def _migrate(self, steps: Sequence[Sequence[str]]) -> None:
        for number, statements in enumerate(steps[self._version() :], self._version() + 1):
            with self._transaction():
                for statement in statements:
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {number}")

    def _bring_index_on(self) -> None:
        if not index.has_fts5(self._connection):
            log.warning("there is no /search: the SQLite at hand has no FTS5")
        with self._transaction():
            self._indexes = index.bring_on(self._connection)


@contextmanager
def _explained(path: Path | str) -> Iterator[None]:
    try:
        yield
    except _UNWRITABLE:
        raise
    except sqlite3.Error as error:
        if is_damage(error):
            raise DamagedError(
                f"{path}: {error}; started with --repair, the server moves it aside"
            ) from error
        raise ArchiveError(f"{path}: {error}") from error
    except OSError as error:
        raise ArchiveError(f"{path}: {error}") from error


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error is of what stands in the file, not of how it is reached."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what makes it more exact
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
