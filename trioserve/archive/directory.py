"""The directory in which a server keeps what outlives it: found, made, and locked. Blocks."""

import fcntl
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

import attrs

from trioserve.archive.archives import DiskArchive
from trioserve.errors import ArchiveError

DATABASE: Final = "trioserve.db"
LOCK: Final = "lock"


def default_directory(environment: Mapping[str, str]) -> Path:
    """Where this machine's programs keep their data.

    systemd's StateDirectory=, or what the XDG base directory specification says, or
    Apple's place for it.
    """
    if state := environment.get("STATE_DIRECTORY"):
        return Path(state.partition(":")[0])
    if home := environment.get("XDG_DATA_HOME"):
        return Path(home) / "trioserve"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "trioserve"
    return Path.home() / ".local" / "share" / "trioserve"


@attrs.define(eq=False)
class Directory:
    """A directory that is this server's alone until it is closed."""

    path: Path
    _lock: TextIO

    @classmethod
    def open(cls, path: Path) -> "Directory":
        """Make it, readable by nobody else, if there is none, and lock it.

        Raises:
            ArchiveError: if it cannot be had, or another server has it.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (path / LOCK).open("a+", encoding="ascii")
        except OSError as error:
            raise ArchiveError(f"cannot keep anything in {path}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise ArchiveError(
                f"{path} is in use by process {owner}: end that first, a server, or trioserve "
                "db vacuum"
            ) from None
        except OSError as error:
            lock.close()
            raise ArchiveError(f"cannot lock {path / LOCK}: {error.strerror}") from None
        with suppress(OSError):  # the disk is full: the number is only for people
            lock.truncate(0)
            os.write(lock.fileno(), f"{os.getpid()}\n".encode())  # a buffer would try it once more
        return cls(path, lock)

    def archive(self) -> DiskArchive:
        """Open the database in it; raises ArchiveError if that cannot be had."""
        path = self.path / DATABASE
        try:
            # Hashes of passwords are in it; what SQLite puts beside it has the same mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise ArchiveError(f"cannot keep anything in {path}: {error.strerror}") from None
        return DiskArchive(path)

    def close(self) -> None:
        """Leave it to others."""
        self._lock.close()
