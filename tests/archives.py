"""Archives for the tests: records to put into them, and one that fails when it is told to."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import attrs
import trio

from trioserve.archive.archives import Archive, DiskArchive, MemoryArchive, Unwritable
from trioserve.archive.records import Record, Talk
from trioserve.errors import ArchiveError
from trioserve.messages import Said

T = TypeVar("T")


def said(number: int, text: str = "hello", *, room: str = "#lobby", private: int = 0) -> Talk:
    return Talk(Said(number, room, "ann", text), private)


@attrs.define(eq=False)
class FaultyArchive:
    """An archive in memory that fails, or does not answer, for as long as it is told to."""

    name: str = "the disk"
    keeps_talk: bool = True
    fault: str = ""  # what each write fails with
    answers: trio.Event | None = None  # what each write waits for
    unreadable: str = ""  # what each reading fails with
    unread: trio.Event | None = None  # what each reading waits for
    writes: int = attrs.field(default=0, init=False)
    reading: int = attrs.field(default=0, init=False)  # readings that go on
    others: int = attrs.field(default=0, init=False)  # records that are no talk, and were written
    _memory: MemoryArchive = attrs.field(factory=lambda: MemoryArchive(keeps_talk=True), init=False)

    async def write(self, records: Sequence[Record]) -> Unwritable:
        self.writes += 1
        if self.answers is not None:
            await self.answers.wait()
        if self.fault:
            raise ArchiveError(self.fault)
        unwritable = await self._memory.write(records)
        self.others += sum(not isinstance(each, Talk) for each in records)
        return unwritable

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        self.reading += 1
        try:
            if self.unread is not None:
                await self.unread.wait()
            if self.unreadable:
                raise ArchiveError(self.unreadable)
            return await self._memory.read(query)
        finally:
            self.reading -= 1

    async def shred(self, *, anew: bool) -> bool:
        if self.fault:
            raise ArchiveError(self.fault)
        return await self._memory.shred(anew=anew)

    def close(self) -> None:
        self._memory.close()


class Lasting(FaultyArchive):
    """One that outlives a server, for the next one."""

    def close(self) -> None:
        """Stay open."""


# Every kind of archive, for tests that each has to pass: made from where a file of it would be.
KINDS: dict[str, Callable[[Path], Archive]] = {
    "disk": DiskArchive,
    "memory": lambda path: MemoryArchive(keeps_talk=True),
    "faulty": lambda path: FaultyArchive(),
}
