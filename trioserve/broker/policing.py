"""What operators can have done on the whole server, and how one becomes one of them."""

import math
from collections.abc import Callable
from typing import Final, assert_never

import attrs

from trioserve.broker.audit import Audit
from trioserve.broker.fanout import Fanout
from trioserve.broker.powers import (
    checked_network,
    checked_reason,
    refuse_commoner,
    refuse_unassailable,
)
from trioserve.errors import ChatError
from trioserve.messages import Noticed
from trioserve.orders import BanAddress, Kill, Rise, ServerOrder, StepDown, UnbanAddress, Wall
from trioserve.rooms.member import Member
from trioserve.rooms.moderation import Identity, Sanction
from trioserve.rulings import Deed, Moderated, Walled
from trioserve.state.world import World
from trioserve.wire.text import flatten

TAKEN_OFF: Final = "taken off by an operator"  # why sessions were cut, as is counted
BANNED: Final = "address banned by an operator"


@attrs.define(eq=False)
class Policing:
    """The orders that hold everywhere."""

    world: World
    fanout: Fanout
    audit: Audit
    now: Callable[[], float]  # seconds since 1970

    def obey(self, member: Member, order: ServerOrder) -> None:
        """Handle an order; raises ChatError, before anything has changed, to refuse it."""
        if not isinstance(order, Rise):
            refuse_commoner(member)
        match order:
            case Wall(text):
                self._wall(member, flatten(text))
            case Kill(nick, reason):
                self._kill(member, self.world.member(nick), checked_reason(reason))
            case BanAddress(whom, reason, seconds):
                self._ban(member, whom, checked_reason(reason), seconds)
            case UnbanAddress(address):
                self._unban(member, address)
            case Rise(name):
                self._rise(member, name)
            case StepDown():
                member.is_operator = False
                self._announce(member, Deed.RESIGNED, member.nick, member.nick)
            case _:
                assert_never(order)

    def _wall(self, member: Member, text: str) -> None:
        self.fanout.tell_all(Walled(member.nick, text))
        walled = Moderated(Deed.WALLED, "", member.nick, member.nick, text, self.now())
        self.audit.record(walled)

    def _rise(self, member: Member, name: str) -> None:
        self.world.refuse_absent(member)
        if member.is_operator:
            raise ChatError("you are an operator already")
        member.is_operator = True
        self._announce(member, Deed.RISEN, member.nick, name)

    def _kill(self, member: Member, other: Member, reason: str) -> None:
        refuse_unassailable(member, other)
        if (seat := other.seat) is None:
            raise ChatError(f"{other.nick} is a bot: /unload its plug-in")
        killed = Moderated(Deed.KILLED, "", other.nick, member.nick, reason, self.now())
        self.fanout.put(other, killed)
        self.fanout.put(other, Noticed("you may come again"))
        seat.dismiss(TAKEN_OFF, _because(f"taken off by {member.nick}", reason))
        self.audit.record(killed)

    def _ban(self, member: Member, whom: str, reason: str, seconds: float) -> None:
        network = self._network_meant(whom)
        people = [each for each in self.world.members.values() if each.address == network]
        for each in people:
            refuse_unassailable(member, each)  # or operators could lock one another out
        now = self.now()
        ban = Sanction(Identity(network), member.nick, reason, now + seconds)
        self.world.banned.add(ban, now)
        ruling = Moderated(Deed.BANNED, "", network, member.nick, reason, now, ban.until)
        when = "then" if math.isfinite(ban.until) else "when that is lifted"
        for each in people:
            self.fanout.put(each, ruling)
            self.fanout.put(each, Noticed(f"you may come again {when}"))
            if each.seat is not None:
                each.seat.dismiss(BANNED, _because(f"banned by {member.nick}", reason))
        self.audit.tell_operators(member, ruling)

    def _unban(self, member: Member, text: str) -> None:
        if not _is_address(text):
            raise ChatError("/unbanip takes an address; /banips lists those that are banned")
        network = checked_network(text)
        if self.world.banned.of(network, self.now()) is None:
            raise ChatError(f"{network} is not banned; /banips lists the addresses that are")
        self.world.banned.lift(Identity(network), self.now())
        self._announce(member, Deed.UNBANNED, network, member.nick)

    def _network_meant(self, whom: str) -> str:
        """An address, or that of a nick; raises ChatError if that is this machine's."""
        if _is_address(whom):
            return checked_network(whom)
        other = self.world.member(whom)
        if other.address is None:
            raise ChatError(f"{other.nick} comes from this machine: that would ban all who do")
        return other.address

    def _announce(self, member: Member, deed: Deed, nick: str, by: str) -> None:
        """Tell the other operators what somebody has done, or become."""
        self.audit.tell_operators(member, Moderated(deed, "", nick, by, "", self.now()))


def _because(done: str, reason: str) -> str:
    return f"{done}: {reason}" if reason else done


def _is_address(text: str) -> bool:
    """Whether an address is meant: no nick looks like one."""
    return text[:1].isdigit() or ":" in text
