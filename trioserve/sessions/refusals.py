"""What the log has of those who are not let in: a bounded number of lines, however many come.

Who is refused can come again at once, and thousands of times a second. So within a period some
of one address are a line each, and some in all; the rest are counted, and how many they were is
logged when the period is over.
"""

import logging
from collections import Counter
from typing import Final

import attrs
import trio

from trioserve.limits import HERE, network_of
from trioserve.wire.text import plural

PERIOD: Final = 60.0  # seconds
EACH: Final = 5  # lines of one address in a period,
ALL: Final = 100  # and of all of them
MOST_COUNTED: Final = 1000  # addresses that are told apart when they are counted,
MOST_NAMED: Final = 20  # and when it is logged how many they were
OTHERS: Final = "others"

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Refusals:
    """Who was not let in, of late."""

    _logged: Counter[str] = attrs.field(factory=Counter, init=False)  # by address, at most ALL
    _counted: Counter[str] = attrs.field(factory=Counter, init=False)  # and not logged

    async def run(self) -> None:
        """Log at the end of each period how many were only counted, until cancelled."""
        try:
            while True:
                await trio.sleep(PERIOD)
                self.tell()
        finally:
            self.tell()

    def note(self, peer: str, host: str | None, why: str) -> None:
        """Note that a connection is refused, or fails to open; `host` is as of a transport."""
        source = network_of(host) or HERE
        if self._logged[source] < EACH and self._logged.total() < ALL:
            self._logged[source] += 1
            log.info("%s %s", peer, why)
        elif source in self._counted or len(self._counted) < MOST_COUNTED:
            self._counted[source] += 1
        else:
            self._counted[OTHERS] += 1

    def tell(self) -> None:
        """Log how many were only counted, and begin another period."""
        named = self._counted.most_common(MOST_NAMED)
        for source, count in named:
            log.info("%s not let in %s more, within a minute", source, _times(count))
        if rest := self._counted.total() - sum(count for _, count in named):
            log.info("%s not let in %s more, within a minute", OTHERS, _times(rest))
        self._logged.clear()
        self._counted.clear()


def _times(count: int) -> str:
    return plural(count, "time")
