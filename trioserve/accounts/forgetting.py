"""Accounts that are given up, and what is forgotten with them: to the end, whoever leaves.

Theory of operation. It may be a million messages, so it goes portion by portion: whoever
has something kept, or reads, waits for one of them at most. What is to be done is noted
before anything is, and the note goes last: where the server ends in the middle, the next
one goes on. Until all is done, the name is nobody's.
"""

import logging
from typing import Final

import attrs
import trio

from trioserve.accounts.accounts import Accounts
from trioserve.archive.farewells import Farewell, FarewellOver, farewells
from trioserve.archive.leftovers import Unshredded
from trioserve.archive.private import ForgetPrivate
from trioserve.archive.records import AccountGone
from trioserve.archive.shredding import Shredding
from trioserve.broker.broker import Broker
from trioserve.errors import ArchiveError, ChatError
from trioserve.names import fold
from trioserve.ownership import Disown
from trioserve.requests import Retract

PAUSE: Final = 0.02  # seconds between two portions, for what others have kept
FIRST_RETRY, LONGEST_RETRY = 1.0, 30.0  # seconds, while nothing can be written

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class _Parting:
    """One account that is being given up."""

    farewell: Farewell
    # Set when it is over, or it is known why that takes longer; `refusal` then says which.
    settled: trio.Event = attrs.field(factory=trio.Event, init=False)
    refusal: str = attrs.field(default="", init=False)


@attrs.define(eq=False)
class Forgetting:
    """The service that gives accounts up."""

    accounts: Accounts
    broker: Broker
    shredding: Shredding
    _nursery: trio.Nursery | None = attrs.field(default=None, init=False)
    _partings: dict[str, _Parting] = attrs.field(factory=dict, init=False)  # by account
    # One portion at a time, whoever is forgotten.
    _turn: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    async def run(self) -> None:
        """Go on with what the last server has begun, and do what is asked for until cancelled."""
        async with trio.open_nursery() as self._nursery:
            try:
                left = await self.accounts.archive.read(farewells)
            except ArchiveError as error:  # nor are there any accounts then
                log.error("what is still to be forgotten cannot be read: %s", error)
                left = []
            for each in left:
                parting = self._partings[each.account] = _Parting(each)
                self._nursery.start_soon(self._finish, parting, name="forgetting")
            await trio.sleep_forever()

    async def part_with(self, name: str, *, wholly: bool) -> None:
        """Give an account up, `wholly` with what was said under it; waits until it is done.

        Whoever is cancelled meanwhile does not know, but it goes on.

        Raises:
            ChatError: if nothing of it is done; or if all of it will be, but not at once.
        """
        parting = self._partings.get(fold(name)) or self._begin(Farewell(fold(name), wholly))
        await parting.settled.wait()
        if parting.refusal:
            raise ChatError(parting.refusal)

    def _begin(self, farewell: Farewell) -> _Parting:
        if self._nursery is None:
            raise ChatError("the server is about to begin: nothing is changed")
        parting = self._partings[farewell.account] = _Parting(farewell)
        self.accounts.part_with(farewell.account)
        self._nursery.start_soon(self._part, parting, name="forgetting")
        return parting

    async def _part(self, parting: _Parting) -> None:
        account = parting.farewell.account
        try:
            over = FarewellOver(account)
            await self.accounts.journal.keep(parting.farewell, undo=[over])
        except ChatError as error:
            self.accounts.retain(account)
            parting.refusal = f"{error}\nnothing is changed: the name is yours, and all is kept"
            self._end(parting)
            return
        await self._finish(parting)

    async def _finish(self, parting: _Parting) -> None:
        pause = FIRST_RETRY
        while True:
            try:
                await self._take_out(parting.farewell)
                break
            except ChatError as error:
                log.warning("forgetting is held up: %s", error)
                parting.refusal = (
                    f"{error}\nit is noted, and done as soon as that can be; "
                    "until then nobody can have the name"
                )
                parting.settled.set()
            await trio.sleep(pause)
            pause = min(2 * pause, LONGEST_RETRY)
        self.accounts.release(parting.farewell.account)
        self._end(parting)

    def _end(self, parting: _Parting) -> None:
        del self._partings[parting.farewell.account]
        parting.settled.set()

    async def _take_out(self, farewell: Farewell) -> None:
        """Take out all of it; raises ChatError if that cannot be read or written."""
        account, journal = farewell.account, self.accounts.journal
        await self.broker.call(self.broker.house, Disown(account))  # first: no more is theirs
        if farewell.wholly:
            await self._retract(account)
        await journal.settle()  # what was on its way
        while True:
            async with self._turn:
                record = await self.accounts.next_removal(account, wholly=farewell.wholly)
                if record is None:
                    break
                await journal.keep(record)
                await trio.sleep(PAUSE)
        if farewell.wholly:
            await self._retract(account)  # a room may have begun with some of it meanwhile
        # What was left for them at the last moment goes with the account.
        last = ForgetPrivate(account), AccountGone(account)
        await journal.keep(*last, Unshredded(), FarewellOver(account))
        self.shredding.want(0)

    async def _retract(self, account: str) -> None:
        """Have no room in memory hold what was said under an account."""
        world = self.broker.world
        world.roomkeeping.histories.note_forgotten(account, world.last_id)
        # To look at a room costs less than to have the broker do so.
        for name, room in list(world.rooms.items()):
            if any(each.account == account for each in room.history):
                await self.broker.call(self.broker.house, Retract(account, name))
            await trio.lowlevel.checkpoint()
