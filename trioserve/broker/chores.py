"""What has to be done now and then: tell of crowds and of days, and let go of what is over."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import trio

from trioserve.archive.journal import Keeping
from trioserve.archive.retention import Bounds, last_held, stretches
from trioserve.broker.broker import Broker
from trioserve.errors import ChatError
from trioserve.orders import Sweep
from trioserve.requests import PartWithLost, ReportKeeping, Shorten, TurnDay, Unfold

QUARTER: Final = 900.0  # seconds
SWEEP_EVERY: Final = 60.0  # seconds
LOST_EVERY: Final = 10.0  # seconds, at most, between looks at who is lost,
SHORTEST_PAUSE: Final = 0.1  # and at least, however few of them they have


class Chores:
    """Asks the broker for what nobody else asks for."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._world = broker.world

    async def run(self) -> None:
        """Do each in its time until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_of_crowds, name="crowds")
            nursery.start_soon(self._tell_of_days, name="days")
            nursery.start_soon(self._sweep, name="sweep")
            nursery.start_soon(self._part_with_lost, name="lost")

    async def tell_of_crowds(self) -> None:
        """Tell the rooms of whoever came or went and is not told of yet."""
        with suppress(ChatError):  # it crashed; the broker has logged it
            while self._broker.has_comings():
                await self._broker.call(self._broker.house, Unfold())

    async def tell_of_keeping(self, keeping: Keeping) -> None:
        """Tell everybody that nothing is saved at present, or that it is again."""
        with suppress(ChatError):  # it crashed; the broker has logged it
            report = ReportKeeping(keeping.trouble, keeping.lost)
            await self._broker.call(self._broker.house, report)

    async def shorten(
        self, everybody: Bounds, own: Mapping[str, Sequence[tuple[int, Bounds]]], now: int
    ) -> None:
        """Let no room hold more in memory of what was said than is kept of it.

        Args:
            everybody: what holds where a room has no bounds of its own.
            own: what does where it has, by folded name (see `own_bounds`).
            now: as in an id.
        """
        for name, room in list(self._world.rooms.items()):
            if everybody == Bounds() and name not in own:
                continue
            # To look at each costs less than to have the broker look at all.
            parts = stretches(everybody, own.get(name, ()))
            if last := last_held([each.id for each in room.history], parts, now):
                with suppress(ChatError):  # it has vanished
                    await self._broker.call(self._broker.house, Shorten(name, last))
            await trio.lowlevel.checkpoint()

    async def _tell_of_crowds(self) -> None:
        while True:
            await trio.sleep(self._world.limits.fold_every)
            await self.tell_of_crowds()

    async def _tell_of_days(self) -> None:
        """Tell people when their day turns: at a quarter of an hour, whatever their zone."""
        while True:
            into_the_quarter = self._broker.now_ns() / 1e9 % QUARTER
            await trio.sleep(QUARTER - into_the_quarter)
            with suppress(ChatError):  # it crashed; the broker has logged it
                await self._broker.call(self._broker.house, TurnDay())

    async def _sweep(self) -> None:
        """Let go now and then of what nobody needs any more."""
        while True:
            await trio.sleep(SWEEP_EVERY)
            if self._world.roomkeeping.deserted or self._world.roomkeeping.claims.held:
                with suppress(ChatError):  # it crashed; the broker has logged it
                    await self._broker.call(self._broker.house, Sweep())

    async def _part_with_lost(self) -> None:
        """Let those depart whose connections broke and who have not come back in time."""
        while True:
            resuming = self._broker.resuming
            # Whoever is lost from now on has longer than we sleep.
            pause = min(LOST_EVERY, resuming.limits.keep or LOST_EVERY)
            if (deadline := resuming.next_deadline) is not None:
                pause = min(pause, deadline - self._broker.now())
            await trio.sleep(max(pause, SHORTEST_PAUSE))
            if (deadline := resuming.next_deadline) is not None and deadline <= self._broker.now():
                with suppress(ChatError):  # it crashed; the broker has logged it
                    await self._broker.call(self._broker.house, PartWithLost())
