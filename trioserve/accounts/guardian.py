"""Who comes under a name that is somebody's own: its owner, or a guest, who gives it back.

A guest who only borrows a name is given a while, and then another one. An owner is in their
rooms again.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from trioserve.accounts.accounts import Accounts
from trioserve.broker.broker import Broker
from trioserve.errors import ChatError
from trioserve.names import fold, free_nick
from trioserve.ownership import Arrive, GiveBack, Rejoin
from trioserve.requests import Depart, Enter, Notify
from trioserve.rooms.member import Member
from trioserve.wire.text import names

BORROWED: Final = 30.0  # seconds that a guest may have a name that is kept

log = logging.getLogger(__name__)


class Guardian:
    """The service that asks guests for the names back that are somebody's own."""

    def __init__(self, accounts: Accounts, broker: Broker) -> None:
        self._accounts = accounts
        self._broker = broker
        self._nursery: trio.Nursery | None = None
        self._proven: dict[Member, None] = {}  # who come under a name that is their own

    async def run(self) -> None:
        """Watch over names until cancelled."""
        async with trio.open_nursery() as self._nursery:
            await trio.sleep_forever()

    def named(self, member: Member) -> None:
        """Look at one who has just taken a nick; never waits."""
        is_borrowed = self._accounts.is_borrowed(member) and member not in self._proven
        if self._nursery is not None and is_borrowed:
            self._nursery.start_soon(self._ask_back, member, name="name borrowed")

    async def _ask_back(self, member: Member) -> None:
        nick = member.nick
        try:
            text = (
                f"the name {nick} is somebody's own; if it is yours, /login within "
                f"{BORROWED:g} seconds, else you are given another one"
            )
            await self._broker.call(member, Notify(text))
            await trio.sleep(BORROWED)
            if self._accounts.is_borrowed(member):
                await self._broker.call(member, GiveBack(nick))
        except ChatError as error:
            log.info("%s keeps a borrowed name: %s", nick, error)

    async def log_in(self, member: Member, name: str, number: int | None) -> None:
        """Take a member for the owner of an account; checkpoints, and `rejoin` comes next.

        See `LogIn` for what becomes of others. `number` is the account's, from before its owner
        was asked for the password.

        Raises:
            ChatError: if the member or the account is gone, or what is kept cannot be read.
        """
        await self._broker.call(member, await self._accounts.log_in(name, number))

    async def come_back(self, newcomer: Member, account: str, room: str) -> None:
        """Let whoever has an owner's words be that one; checkpoints, and raises as `log_in`.

        Args:
            newcomer: may be nobody yet, and enters the first `room` then.
        """
        number = self._accounts.number(account)
        request = await self._accounts.log_in(await self._accounts.name_of(account), number)
        world = self._broker.world
        is_nobody = not world.is_here(newcomer)
        if is_nobody:
            taken = fold(account) in world.members
            newcomer.nick = free_nick(account, world.members) if taken else request.account
            self._proven[newcomer] = None
            try:
                await self._broker.call(newcomer, Enter(room))
            finally:
                del self._proven[newcomer]
        refusal = None
        try:
            await self._broker.call(newcomer, request)
        except ChatError as error:
            refusal = error
        if refusal is not None:
            if is_nobody:
                await self._broker.call(newcomer, Depart())
            raise refusal

    async def rejoin(self, account: str, ready: Callable[[], Awaitable[None]]) -> list[str]:
        """Join the rooms again in which an owner was; checkpoints.

        Returns why some are not joined again.

        Args:
            ready: waits until the owner reads, before they are shown more.

        Raises:
            ChatError: if they have left meanwhile.
        """
        owner = self._broker.world.owner_of_account(account)
        if owner is None or (before := owner.returning) is None:
            return []
        refused = []
        for room in before.rooms:
            await ready()
            try:
                await self._broker.call(owner, Rejoin(room))
            except ChatError as error:
                refused.append(f"{room} is not joined again: {error}")
        await self._broker.call(owner, Arrive(before.current))
        return refused


def where(member: Member) -> str:
    """In which rooms somebody is, if they are here: as the end of a sentence."""
    if member.room is None:
        return ""
    others = [each.name for each in member.rooms.values() if each is not member.room]
    also = f"; you are also in {names(others, len(others))}" if others else ""
    return f", in {member.room.name}{also}"
