"""What was taken out, taken out of the files, too: of the index of words, and of SQLite's log.

Theory of operation. What a row held is overwritten when it is taken out. But FTS5 then only
notes beside its words that they are no more: they go when all of its pieces are merged into
one, which may be long after, or never. And SQLite's log keeps what was written until it is
written over. So after something was taken out the pieces are merged, and the log is emptied:
a little at a time, for whoever has something kept waits for that much at most. That it is to
be done is noted, for the next server to go on with. (FTS5's own "secure-delete" is of SQLite
3.42, and nothing older reads an index that has seen it.)
"""

import logging
import math
from typing import Final

import attrs
import trio

from trioserve.archive.archives import Archive
from trioserve.archive.journal import Journal
from trioserve.archive.leftovers import Shredded, is_unshredded
from trioserve.errors import ArchiveError, ChatError

PAUSE: Final = 0.1  # seconds between two pieces of work, for what others have kept
RETRY: Final = 60.0  # seconds, where it cannot be done
IN_TIME: Final = 86_400.0  # seconds in which it is done where nobody has asked for it

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Shredding:
    """The service that takes out of the files what was taken out."""

    archive: Archive
    journal: Journal
    _due: float = attrs.field(default=math.inf, init=False)  # on Trio's clock
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)

    def want(self, within: float) -> None:
        """Have it done for all that has been taken out up to now, within so many seconds.

        And not at once, so that much that is taken out costs no more than little. Never waits.
        """
        self._due = min(self._due, trio.current_time() + within)
        self._changed.set()

    async def run(self) -> None:
        """Do it when it is due, until cancelled."""
        try:
            if await self.archive.read(is_unshredded):
                self.want(0)
        except ArchiveError as error:
            log.warning("whether anything is to be shredded cannot be read: %s", error)
        while True:
            while self._due > trio.current_time():
                self._changed = trio.Event()
                with trio.move_on_at(self._due):
                    await self._changed.wait()
            self._due = math.inf
            try:
                await self._shred()
            except (ArchiveError, ChatError) as error:
                log.warning("what was taken out is still in the files: %s", error)
                self.want(RETRY)

    async def _shred(self) -> None:
        is_done = await self.archive.shred(anew=True)
        while not is_done:
            await trio.sleep(PAUSE)
            is_done = await self.archive.shred(anew=False)
        if self._due == math.inf:  # else more has been taken out meanwhile
            await self.journal.keep(Shredded())
