"""What was lately: the peaks of the last minute, which rooms are busy, and who lags.

A task looks every STEP seconds. To read what it has seen changes nothing, so
any number may.
"""

import heapq
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import attrs
import trio

from trioserve.outbox import Outbox
from trioserve.rooms.room import Room
from trioserve.server import Server
from trioserve.tasks.watchdog import Watchdog

STEP: Final = 10.0  # seconds
STEPS: Final = 6  # that peaks are kept for, besides the one under way
MOST_SHOWN: Final = 20  # rooms, and laggards
STRIDE: Final = 500  # rooms or people looked at in one go


@attrs.frozen
class Peaks:
    """The longest turns of the broker and of the loop (seconds), the most that waited."""

    turn: float
    inbox: int
    loop: float


@attrs.frozen
class _Mark:
    """How much each room had said at a time (seconds on Trio's clock)."""

    time: float
    said: Mapping[Room, int]


class Recent:
    """What a server's plain integers have been lately."""

    def __init__(self, server: Server, watchdog: Watchdog) -> None:
        self._server = server
        self._watchdog = watchdog
        self._peaks: deque[Peaks] = deque(maxlen=STEPS)
        # Two: what is counted since the older one is of STEP seconds at least.
        self._marks: deque[_Mark] = deque([_Mark(trio.current_time(), {})], maxlen=2)

    async def run(self) -> None:
        """Look every STEP seconds until cancelled."""
        while True:
            await trio.sleep(STEP)
            await self.step()

    async def step(self) -> None:
        """Keep the peaks since the last step, and what the rooms have said by now; checkpoints."""
        counters = self._server.counters
        self._peaks.append(self._peaks_now())
        counters.turn_peak, counters.inbox_peak, self._watchdog.peak = 0.0, 0, 0.0
        said: dict[Room, int] = {}
        now = trio.current_time()
        for number, room in enumerate(list(self._server.world.rooms.values())):
            if number % STRIDE == 0:
                await trio.lowlevel.checkpoint()
            said[room] = room.said
        self._marks.append(_Mark(now, said))

    def peaks(self) -> Peaks:
        """Of the last minute, or a little more."""
        seen = [*self._peaks, self._peaks_now()]
        return Peaks(
            turn=max(each.turn for each in seen),
            inbox=max(each.inbox for each in seen),
            loop=max(each.loop for each in seen),
        )

    async def busiest(self) -> list[dict[str, Any]]:
        """The rooms with most messages a second in the last 10 to 20 s; checkpoints."""
        mark = self._marks[0]
        span = max(trio.current_time() - mark.time, 1.0)
        counted: list[tuple[int, str, int]] = []
        for number, room in enumerate(list(self._server.world.rooms.values())):
            if number % STRIDE == 0:
                await trio.lowlevel.checkpoint()
            if said := room.said - mark.said.get(room, 0):
                counted.append((said, room.name, len(room.members)))
        return [
            {"room": name, "per_second": said / span, "people": people}
            for said, name, people in heapq.nlargest(MOST_SHOWN, counted)
        ]

    async def laggards(self) -> list[dict[str, Any]]:
        """Who does not read: most bytes waiting first; checkpoints."""
        found: list[tuple[int, str, int]] = []
        for number, member in enumerate(list(self._server.world.members.values())):
            if number % STRIDE == 0:
                await trio.lowlevel.checkpoint()
            outlet = member.outlet
            if isinstance(outlet, Outbox) and outlet.lagging:
                skipped = sum(each.count for each in (outlet.missed or {}).values())
                found.append((outlet.size, member.nick, skipped))
        return [
            {"nick": nick, "bytes": size, "skipped": skipped}
            for size, nick, skipped in heapq.nlargest(MOST_SHOWN, found)
        ]

    def _peaks_now(self) -> Peaks:
        counters = self._server.counters
        return Peaks(counters.turn_peak, counters.inbox_peak, self._watchdog.peak)
