"""Where records go: a database on a disk, in threads; or one in memory, without any."""

import threading
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import attrs
import trio

from trioserve.archive.database import IN_MEMORY, Database, Query
from trioserve.archive.records import Record
from trioserve.errors import ArchiveError

T = TypeVar("T")
READERS: Final = 3  # connections to read by: who asks for much holds up nobody but others who do
Unwritable = list[tuple[Record, Exception]]  # records that could not be written, and why not


class Archive(Protocol):
    """What the server needs of wherever things are kept."""

    @property
    def keeps_talk(self) -> bool:
        """Whether it has room for all that is said."""

    @property
    def name(self) -> str:
        """What people call it: where it is."""

    async def write(self, records: Sequence[Record]) -> Unwritable:
        """Write all of them, as one; return those that can never be written.

        Checkpoints. Cancelled, it may have written them or not: to write them
        again does no harm.

        Raises:
            ArchiveError: if nothing can be written at present; nothing is then.
        """

    async def read(self, query: Query[T]) -> T:
        """What a query makes of all that is kept, as of one moment; checkpoints.

        Raises:
            ArchiveError: if it cannot be read.
        """

    async def shred(self, *, anew: bool) -> bool:
        """Do a piece of what takes out of the files what was taken out; whether all is done.

        `anew`: something was since the last time. Checkpoints.

        Raises:
            ArchiveError: if it cannot be done.
        """

    def close(self) -> None:
        """Close it. Nothing of it may be under way."""


@attrs.define(eq=False)
class _Reading:
    """One query, made in a thread by a connection that is free, which can be broken off."""

    query: Query[Any]
    free: "deque[Database]"  # never empty when this runs: there are as many as threads
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _reader: Database | None = attrs.field(default=None, init=False)
    _is_over: bool = attrs.field(default=False, init=False)

    def run(self) -> Any:
        """Make the query; in the thread."""
        reader = self.free.popleft()
        try:
            with self._lock:
                if self._is_over:
                    raise ArchiveError("nobody waits for it any more")
                self._reader = reader
            try:
                # An interruption ends what runs at that moment; this, what would begin later.
                return reader.read(self.query, lambda: self._is_over)
            finally:
                with self._lock:  # to break off what this connection does next, nobody may
                    self._reader = None
        finally:
            self.free.append(reader)

    def break_off(self) -> None:
        """Let go on no further what nobody waits for any more; never waits."""
        with self._lock:
            self._is_over = True
            if self._reader is not None:
                self._reader.interrupt()


@attrs.define(eq=False)
class DiskArchive:
    """A database in a file. It is written in one thread, and read in READERS others.

    A reading that is cancelled is broken off.
    """

    path: Path
    keeps_talk: bool = attrs.field(default=True, init=False)
    _writer: Database = attrs.field(init=False)
    _readers: deque[Database] = attrs.field(factory=deque, init=False)  # those that are free
    # Apart from other threads: a connection is nobody's but its thread's at a time.
    _writing: trio.CapacityLimiter = attrs.field(
        factory=lambda: trio.CapacityLimiter(1), init=False
    )
    _reading: trio.CapacityLimiter = attrs.field(
        factory=lambda: trio.CapacityLimiter(READERS), init=False
    )

    def __attrs_post_init__(self) -> None:
        self._writer = Database(self.path)
        self._readers.extend(Database(self.path, is_another=True) for _ in range(READERS))

    @property
    def name(self) -> str:
        return str(self.path)

    async def write(self, records: Sequence[Record]) -> Unwritable:
        # A disk that does not answer must not hold up the end of the server.
        return await trio.to_thread.run_sync(
            self._writer.write, records, abandon_on_cancel=True, limiter=self._writing
        )

    async def read(self, query: Query[T]) -> T:
        reading = _Reading(query, self._readers)
        try:
            found: T = await trio.to_thread.run_sync(
                reading.run, abandon_on_cancel=True, limiter=self._reading
            )
        finally:
            reading.break_off()
        return found

    async def shred(self, *, anew: bool) -> bool:
        return await trio.to_thread.run_sync(
            partial(self._writer.shred, anew=anew), abandon_on_cancel=True, limiter=self._writing
        )

    def close(self) -> None:
        # What a thread still has in its hands is left to it: the process ends soon.
        if not self._writing.borrowed_tokens:
            self._writer.close()
        while self._readers:
            self._readers.popleft().close()


@attrs.define(eq=False)
class MemoryArchive:
    """A database that ends with the server, for tests and for who wants nothing kept.

    There are no threads in it. Without `keeps_talk`, which has no bound here,
    what is said stays as long as its room has it.
    """

    keeps_talk: bool = False
    name: str = attrs.field(default=IN_MEMORY, init=False)
    _database: Database = attrs.field(factory=lambda: Database(IN_MEMORY), init=False)

    async def write(self, records: Sequence[Record]) -> Unwritable:
        await trio.lowlevel.checkpoint()
        return self._database.write(records)

    async def read(self, query: Query[T]) -> T:
        await trio.lowlevel.checkpoint()
        return self._database.read(query)

    async def shred(self, *, anew: bool) -> bool:
        await trio.lowlevel.checkpoint()
        return self._database.shred(anew=anew)

    def close(self) -> None:
        self._database.close()
