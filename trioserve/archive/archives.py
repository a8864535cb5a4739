"""Where records go: a database on a disk, in threads; or one in memory, without any."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import attrs
import trio

from trioserve.archive.database import IN_MEMORY, Database, Query
from trioserve.archive.records import Record

T = TypeVar("T")
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

    def close(self) -> None:
        """Close it. Nothing of it may be under way."""


@attrs.define(eq=False)
class DiskArchive:
    """A database in a file. It is written in one thread, and read in another one."""

    path: Path
    keeps_talk: bool = attrs.field(default=True, init=False)
    _writer: Database = attrs.field(init=False)
    _reader: Database = attrs.field(init=False)
    # Apart from other threads, and one at a time: a connection is nobody's but its thread's.
    _writing: trio.CapacityLimiter = attrs.field(
        factory=lambda: trio.CapacityLimiter(1), init=False
    )
    _reading: trio.CapacityLimiter = attrs.field(
        factory=lambda: trio.CapacityLimiter(1), init=False
    )

    def __attrs_post_init__(self) -> None:
        self._writer = Database(self.path)
        self._reader = Database(self.path)

    @property
    def name(self) -> str:
        return str(self.path)

    async def write(self, records: Sequence[Record]) -> Unwritable:
        # A disk that does not answer must not hold up the end of the server.
        return await trio.to_thread.run_sync(
            self._writer.write, records, abandon_on_cancel=True, limiter=self._writing
        )

    async def read(self, query: Query[T]) -> T:
        return await trio.to_thread.run_sync(
            self._reader.read, query, abandon_on_cancel=True, limiter=self._reading
        )

    def close(self) -> None:
        # What a thread still has in its hands is left to it: the process ends soon.
        if not self._writing.borrowed_tokens:
            self._writer.close()
        if not self._reading.borrowed_tokens:
            self._reader.close()


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

    def close(self) -> None:
        self._database.close()
