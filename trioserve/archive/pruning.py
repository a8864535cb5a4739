"""The task that takes out what is kept no longer.

It does so through the journal, as everything is written, and in small portions:
whoever has something kept waits for one of them at most.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import attrs
import trio

from trioserve.archive.archives import Archive
from trioserve.archive.journal import Journal
from trioserve.archive.leftovers import Unshredded
from trioserve.archive.retention import Bounds, beyond, own_bounds
from trioserve.archive.shredding import IN_TIME, Shredding
from trioserve.errors import ArchiveError, ChatError

EVERY: Final = 300.0  # seconds between two looks
PAUSE: Final = 0.1  # seconds between two portions, for what others have kept

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Retention:
    """Takes out what is kept no longer; `bounds` are everybody's.

    `shorten` is given them, the own bounds of rooms (see `own_bounds`), and `now`, for what rooms
    hold in memory.
    """

    archive: Archive
    journal: Journal
    shredding: Shredding
    bounds: Bounds
    now: Callable[[], int]  # as in an id
    shorten: Callable[[Bounds, Mapping[str, Sequence[tuple[int, Bounds]]], int], Awaitable[None]]

    async def run(self) -> None:
        """Look every EVERY seconds until cancelled."""
        while True:
            await trio.sleep(EVERY)
            try:
                await self.prune()
            except (ArchiveError, ChatError) as error:
                log.warning("what is beyond its bounds stays for now: %s", error)

    async def prune(self) -> None:
        """Take out all that is beyond its bounds, portion by portion; checkpoints.

        Raises:
            ArchiveError: if it cannot be read.
            ChatError: if it cannot be written.
        """
        await self.shorten(self.bounds, await self.archive.read(own_bounds), self.now())
        while prunes := await self.archive.read(beyond(self.bounds, self.now())):
            self.shredding.want(IN_TIME)
            for prune in prunes:
                self.journal.put_all([prune, Unshredded()])
                await self.journal.settle()
                await trio.sleep(PAUSE)
