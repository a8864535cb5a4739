"""What operators do to a database by hand: check it, copy it, shrink it, count what is in it.

All of it blocks. But for `vacuum`, the server may run meanwhile, and does not wait.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import localtime, strftime
from typing import Final

import attrs

from trioserve.archive import index
from trioserve.archive.database import is_damage
from trioserve.archive.migrations import STEPS
from trioserve.errors import ArchiveError, DamagedError

BUSY: Final = 5.0  # seconds to wait for a server that writes
MAX_FAULTS: Final = 20  # that are told of
_SIDECARS: Final = ("", "-wal")  # what holds pages of a database


@attrs.frozen
class Stats:
    """What is in a database, and how much of a disk it takes."""

    schema: int
    size: int  # bytes, with what is not merged into the file yet
    free: int  # bytes of it that nothing is kept in: `vacuum` gives them back
    rows: dict[str, int]  # of each table
    first: int  # the ids of the oldest and of the newest message; 0: there is none
    last: int


def check(path: Path) -> list[str]:
    """Look at every page, index and reference; return the faults, at most MAX_FAULTS.

    Raises:
        ArchiveError: if it cannot be read at all.
    """
    with _opened(path) as connection:
        found = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MAX_FAULTS})")]
        faults = [each for each in found if each != "ok"]
        for table, row, other, _ in connection.execute("PRAGMA foreign_key_check"):
            faults.append(f"row {row} of {table} refers to what is not in {other}")
        if not faults and index.has_fts5(connection) and index.is_kept(connection):
            faults += _check_words(connection)
    return faults[:MAX_FAULTS]


def _check_words(connection: sqlite3.Connection) -> list[str]:
    """Let FTS5 compare its own index with the messages; to SQLite it is a table like any other.

    In a copy on the disk that ends with this: to FTS5 that is to write, and a server would wait.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as copy:
        connection.backup(copy)
        index.prepare(copy)
        try:
            for each in index.INDEXES:
                copy.execute(each.command("integrity-check", 1))
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return [f"the index of words: {error}"]
    return []


def backup(path: Path, target: Path) -> int:
    """Copy a database as it is at this moment to a file that is not there; return its bytes.

    The copy is readable by nobody else. It has its name only once it is whole, and on the disk.

    Raises:
        ArchiveError: if it cannot be read or written, or there is such a file already.
    """
    part = target.with_name(f"{target.name}.part")
    with _opened(path) as source, _explained(target):
        if target.exists():
            raise ArchiveError(f"{target} is there already")
        part.unlink(missing_ok=True)  # of a copy that was broken off
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            with closing(sqlite3.connect(part, isolation_level=None)) as copy:
                # All at once: else each change meanwhile would make it begin again.
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE").fetchone()  # one file, not three
                fault = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            if fault != "ok":
                raise ArchiveError(f"{path} is not sound, and not copied: {fault}")
            _to_disk(part)
            os.link(part, target)  # not a rename, which would replace what has come meanwhile
            _to_disk(target.parent)
            return target.stat().st_size
        finally:
            part.unlink(missing_ok=True)


def vacuum(path: Path) -> tuple[int, int]:
    """Give back what nothing is kept in; return the bytes before and after. No server may run.

    Raises:
        ArchiveError: if that cannot be done; nothing has changed then.
    """
    with _opened(path) as connection:
        before = _size(path)
        if index.has_fts5(connection) and index.is_kept(connection):
            index.prepare(connection)
            for each in index.INDEXES:
                connection.execute(each.command("optimize"))
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return before, _size(path)


def move_damaged(path: Path, now: float) -> tuple[Path, list[str]] | None:
    """Move a damaged database out of the way; return where it is now, and its faults.

    None: it is sound, or there is none. `now` is in seconds since 1970, for its name. No
    server may run.

    Raises:
        ArchiveError: if that cannot be found out or done, whatever is wrong with it.
    """
    if not path.exists():
        return None
    try:
        faults = check(path)
    except DamagedError as error:
        faults = [str(error)]
    if not faults:
        return None
    aside = Path(f"{path}.damaged-{strftime('%Y%m%d-%H%M%S', localtime(now))}")
    with _explained(path):
        if aside.exists():
            raise ArchiveError(f"{aside} is there already")
        for suffix in ("-wal", "-shm", ""):  # the database last: else a new one had an old -wal
            with suppress(FileNotFoundError):
                Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    return aside, faults


def stats(path: Path) -> Stats:
    """Count what is in a database; raises ArchiveError if it cannot be read."""
    with _opened(path) as connection:
        pages, free, page = (
            connection.execute(f"PRAGMA {each}").fetchone()[0]
            for each in ("page_count", "freelist_count", "page_size")
        )
        tables = _tables(connection)
        rows = {
            # A name of our own schema.
            each: connection.execute(f'SELECT count(*) FROM "{each}"').fetchone()[0]  # noqa: S608
            for each in tables
            if not each.startswith(("found", "sqlite_"))
        }
        first, last = (0, 0)
        if "messages" in tables:
            first, last = connection.execute(
                "SELECT ifnull(min(id), 0), ifnull(max(id), 0) FROM messages"
            ).fetchone()
        schema = connection.execute("PRAGMA user_version").fetchone()[0]
        return Stats(schema, max(_size(path), pages * page), free * page, rows, first, last)


def is_newer(schema: int) -> bool:
    """Whether a schema is one that this code does not know yet."""
    return schema > len(STEPS)


def _tables(connection: sqlite3.Connection) -> Sequence[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return [row[0] for row in rows]


def _size(path: Path) -> int:
    size = 0
    for suffix in _SIDECARS:
        with suppress(FileNotFoundError):
            size += Path(f"{path}{suffix}").stat().st_size
    return size


def _to_disk(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a database that is there; its errors are ArchiveErrors."""
    with _explained(path):
        if not path.exists():
            raise ArchiveError(f"there is no {path}: nothing is kept there")
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(
            sqlite3.connect(address, uri=True, timeout=BUSY, isolation_level=None)
        ) as connection:
            yield connection


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        kind = DamagedError if is_damage(error) else ArchiveError
        raise kind(f"{path}: {error}") from error
    except OSError as error:
        raise ArchiveError(f"{error.filename or path}: {error.strerror}") from error
