"""What is to be kept, on its way to the archive: a queue with a bound, and the task that writes it.

Whoever puts a record here never waits: the broker must not for a disk. While the
archive fails, what waits is tried again; beyond the bound, what comes is not kept,
and counted; and people are told when that begins and when it has ended.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import attrs
import trio

from trioserve.archive.archives import Archive, Unwritable
from trioserve.archive.records import Record
from trioserve.errors import ArchiveError, ChatError
from trioserve.settings import setting

GATHER: Final = 0.2  # seconds for records to come together: what is shown is kept within a second
BATCH: Final = 5000  # records in one transaction
RECORD_SIZE: Final = 200  # bytes that a record takes besides its text
STALLED: Final = 3.0  # seconds for the archive to answer, then people are told
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between tries while it fails
RECEIPT: Final = 10.0  # seconds for whoever has to know that something is kept

UNKEPT: Final = "the server cannot keep anything at the moment; try again later"

log = logging.getLogger(__name__)


@attrs.frozen
class HistorySettings:
    """What is kept of what is said."""

    most: int = setting(
        0, "messages kept of a room, and of those one has privately; 0: all", least=0
    )
    days: float = setting(0.0, "that each is kept; 0: for ever", least=0)
    waiting: int = setting(16 * 2**20, "bytes that wait for the disk; then nothing more is kept")


@attrs.frozen
class Keeping:
    """How the keeping goes: well; or not, and why, for operators."""

    trouble: str = ""
    lost: int = 0  # records that were not kept since it went well, once it does again


@attrs.define(eq=False)
class Journal:
    """Records that wait, the oldest first; `run` takes them to the archive."""

    archive: Archive
    bound: int  # bytes that may wait
    tell: Callable[[Keeping], Awaitable[None]]  # lets people know that it has changed
    keeping: Keeping = attrs.field(factory=Keeping, init=False)
    kept: int = attrs.field(default=0, init=False)  # records, in all
    lost: int = attrs.field(default=0, init=False)  # records that were not kept, in all
    _waiting: deque[Record] = attrs.field(factory=deque, init=False)
    _size: int = attrs.field(default=0, init=False)  # bytes, about, of what waits
    _put: int = attrs.field(default=0, init=False)  # records that came,
    _done: int = attrs.field(default=0, init=False)  # and that are kept or lost
    _lost_now: int = attrs.field(default=0, init=False)  # since the trouble began
    _arrived: trio.Event = attrs.field(factory=trio.Event, init=False)
    _hurry: trio.Event = attrs.field(factory=trio.Event, init=False)  # somebody waits for it
    _progress: trio.Event = attrs.field(factory=trio.Event, init=False)

    @property
    def waiting(self) -> int:
        """How many records are not written yet."""
        return len(self._waiting)

    def held(self) -> Collection[Record]:
        """Those, the oldest first; what is being written is among them."""
        return self._waiting

    def put(self, record: Record) -> bool:
        """Have a record kept, or count it as lost where too much waits; return whether it is kept.

        Never waits or raises.
        """
        size = RECORD_SIZE + record.size
        if self._size + size > self.bound:
            self._lose(1)
            self._put += 1
            self._done += 1
            return False
        self._waiting.append(record)
        self._size += size
        self._put += 1
        if not self._arrived.is_set():
            self._arrived.set()
        return True

    def put_all(self, records: Sequence[Record]) -> bool:
        """Have all of them kept, or none where too much waits; return whether they are."""
        if self._size + sum(RECORD_SIZE + record.size for record in records) > self.bound:
            return False
        return all(self.put(record) for record in records)  # there is room for each

    async def keep(self, *records: Record, undo: Sequence[Record] = ()) -> None:
        """Have records kept, and wait until they are; checkpoints.

        Args:
            undo: what makes good what they do, if it is not known that they are kept: they
                may come to be written later all the same, and this behind them.

        Raises:
            ChatError: if that cannot be had.
        """
        lost, is_kept = self.lost, False
        try:
            for record in records:
                self.put(record)
            if self.lost > lost:
                raise ChatError(UNKEPT)
            await self.settle()
            is_kept = True
        finally:
            for record in () if is_kept else undo:  # also if who waits for it has gone
                self.insist(record)

    def insist(self, record: Record) -> None:
        """Have a record kept however much waits: it makes good one that is kept, or waits.

        Never waits or raises. There are no more of them than of those others.
        """
        self._waiting.append(record)
        self._size += RECORD_SIZE + record.size
        self._put += 1
        self._arrived.set()

    async def settle(self) -> None:
        """Wait until all that has been put here is written; checkpoints.

        Raises:
            ChatError: if that cannot be had within `RECEIPT` seconds.
        """
        wanted, lost = self._put, self.lost
        if self._waiting:
            self._hurry.set()
        with trio.move_on_after(RECEIPT):
            while self._done < wanted:
                await self._progress.wait()
            await trio.lowlevel.checkpoint()
        if self._done < wanted or self.lost > lost:
            raise ChatError(UNKEPT)

    async def run(self) -> None:
        """Write what comes, until cancelled; then say what was not kept, and close the archive."""
        pause = FIRST_PAUSE
        try:
            while True:
                await self._arrived.wait()
                if not self.keeping.trouble:
                    with trio.move_on_after(GATHER):
                        await self._hurry.wait()
                batch = [self._waiting[at] for at in range(min(len(self._waiting), BATCH))]
                if await self._write(batch):
                    pause = FIRST_PAUSE
                else:
                    await trio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            if unkept := len(self._waiting) + self._lost_now:
                log.error("%d records are not kept", unkept)
            self.archive.close()

    # ------------------------------------------------------------ one batch

    async def _write(self, batch: list[Record]) -> bool:
        """Write the records that have waited longest; False if that failed."""
        faults: Unwritable = []
        trouble = ""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_of_stall, name="stall")
            try:
                faults = await self.archive.write(batch)
            except ArchiveError as error:
                trouble = str(error)
            except Exception:  # chatting goes on, whatever happens here
                log.exception("writing what is to be kept crashed")
                trouble = "an error of the server's, which is logged"
            nursery.cancel_scope.cancel()
        if trouble:
            await self._change(Keeping(trouble))
            return False
        for record, fault in faults:
            log.error("%s can never be kept: %s", type(record).__name__, fault)
        for record in batch:
            self._waiting.popleft()
            self._size -= RECORD_SIZE + record.size
        self._done += len(batch)
        self.kept += len(batch) - len(faults)
        self._lose(len(faults))
        self._rest()
        if not self._waiting and (self.keeping.trouble or self._lost_now):
            lost, self._lost_now = self._lost_now, 0
            await self._change(Keeping(lost=lost))
        return True

    async def _tell_of_stall(self) -> None:
        await trio.sleep(STALLED)
        await self._change(Keeping(f"{self.archive.name}: no answer for {STALLED:g} seconds"))

    async def _change(self, keeping: Keeping) -> None:
        if keeping == self.keeping or (keeping.trouble and self.keeping.trouble):
            self.keeping = keeping
            return
        self.keeping = keeping
        if keeping.trouble:
            log.error("not kept at present: %s", keeping.trouble)
        else:
            log.warning("kept again; %d records were lost", keeping.lost)
        await self.tell(keeping)

    def _rest(self) -> None:
        """Let who waits for it know how far it has come, and wait for more if nothing is left."""
        self._progress.set()
        self._progress = trio.Event()
        if not self._waiting:
            self._arrived, self._hurry = trio.Event(), trio.Event()

    def _lose(self, count: int) -> None:
        self.lost += count
        self._lost_now += count
