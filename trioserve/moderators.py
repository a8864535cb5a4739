"""What owners and operators can have done, and what comes of it.

Plain calls, of which the broker makes one at a time. That the caller may do it is
checked here: between their typing and this call they may have lost the room.
"""

import logging
from collections.abc import Callable
from typing import Final, assert_never

import attrs

from trioserve.errors import ChatError
from trioserve.fanout import Fanout
from trioserve.limits import network_of
from trioserve.messages import Noticed
from trioserve.moderation import MAX_REASON, Identity, Rules, Sanction
from trioserve.names import fold
from trioserve.orders import (
    Ban,
    BanAddress,
    GiveRoom,
    Invite,
    Kick,
    Kill,
    Knock,
    Mute,
    Order,
    Rise,
    Seclude,
    Slow,
    StepDown,
    Sweep,
    Unban,
    UnbanAddress,
    Unmute,
    Wall,
)
from trioserve.rooms import Member, Room
from trioserve.rulings import Deed, Invited, Knocked, Moderated, Owned, Secluded, Slowed, Walled
from trioserve.wire.rulings import ruling_text
from trioserve.wire.spans import exact, until
from trioserve.wire.text import flatten
from trioserve.world import World

MAY_STILL: Final = "you can still read, and talk elsewhere"

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Moderators:
    """The orders that there are, what they do, and what they have made hold."""

    world: World
    fanout: Fanout
    now: Callable[[], float]  # seconds since 1970

    def obey(self, member: Member, order: Order) -> None:  # noqa: C901  (a case for each)
        """Handle an order; raises ChatError, before anything has changed, to refuse it."""
        match order:
            case GiveRoom(name, nick):
                self._give(member, self._governed(member, name), nick)
            case Kick(name, nick, reason):
                self._kick(member, self._governed(member, name), nick, _reason(reason))
            case Ban(name, nick, reason, seconds):
                room = self._governed(member, name)
                self._ban(member, room, nick, _reason(reason), seconds)
            case Unban(name, nick):
                self._unban(member, self._governed(member, name), nick)
            case Mute(name, nick, reason, seconds):
                room = self._governed(member, name)
                self._mute(member, room, nick, _reason(reason), seconds)
            case Unmute(name, nick):
                self._unmute(member, self._governed(member, name), nick)
            case Slow(name, seconds):
                room = self._governed(member, name)
                self.fanout.post(room, Slowed(room.name, member.nick, seconds))
                _rules(room).set_pause(seconds)
            case Seclude(name, private):
                self._seclude(member, self._governed(member, name), private=private)
            case Invite(name, nick):
                self._invite(member, self._governed(member, name), nick)
            case Knock(name, text):
                self._knock(member, self.world.room(name), _reason(text))
            case Wall(text):
                _refuse_commoner(member)
                self.fanout.tell_all(Walled(member.nick, flatten(text)))
            case Kill(nick, reason):
                _refuse_commoner(member)
                self._kill(member, self.world.member(nick), _reason(reason))
            case BanAddress(whom, reason, seconds):
                _refuse_commoner(member)
                self._ban_address(member, whom, _reason(reason), seconds)
            case UnbanAddress(address):
                _refuse_commoner(member)
                ban = self.world.banned.lift(Identity(_network(address)), self.now())
                self._tell_operators(
                    member,
                    Moderated(Deed.UNBANNED, "", ban.whom.nick, member.nick, "", self.now()),
                )
            case Rise(name):
                self.world.refuse_absent(member)
                if member.is_operator:
                    raise ChatError("you are an operator already")
                member.is_operator = True
                self._tell_operators(member, self._became(member, Deed.RISEN, name))
            case StepDown():
                _refuse_commoner(member)
                member.is_operator = False
                self._tell_operators(member, self._became(member, Deed.RESIGNED, member.nick))
            case Sweep():
                self.world.sweep(self.now())
            case _:
                assert_never(order)

    # ------------------------------------------ what holds, wherever people go

    def check_entry(self, member: Member, name: str) -> None:
        """Raises ChatError to whoever may not enter a room; `name` has its ``#``."""
        room = self.world.rooms.get(fold(name))
        if room is None or (rules := room.rules) is None or member in room.members:
            return
        now = self.now()
        if member.is_operator:
            return
        if (ban := rules.bans.holding(member.identity, now)) is not None:
            raise ChatError(f"you are banned from {room.name}{_terms(ban, now, member)}")
        if rules.private and not rules.is_invited(member.number, now):
            raise ChatError(self.world.refusal_of_private(room))

    def received(self, member: Member, room: Room) -> None:
        """Note that somebody has entered a room, and tell them if they are muted there."""
        if (rules := room.rules) is None:
            return
        now = self.now()
        rules.invited.pop(member.number, None)
        if rules.pause:
            others = {each.number for each in room.members if each is not member}
            rules.recognise(member.identity, others)
        if (mute := rules.mutes.holding(member.identity, now)) is not None:
            rules.muted[member.number] = mute
            if not self._is_exempt(member, room):
                self.fanout.show(member, Noticed(_muted(room, mute, now, member)))

    def check_speech(self, member: Member, room: Room) -> None:
        """Raises ChatError to whoever may say nothing in a room they are in, or not yet."""
        if (rules := room.rules) is None or self._is_exempt(member, room):
            return
        now = self.now()
        if (mute := rules.mute_of(member.number, now)) is not None:
            raise ChatError(_muted(room, mute, now, member))
        if rules.pause and (wait := rules.wait(member.identity, now)):
            raise ChatError(
                f"not said: {room.name} takes one line in {exact(rules.pause)} from each; "
                f"yours can be said in {exact(wait)}"
            )

    def is_muted(self, member: Member, room: Room) -> bool:
        """Whether somebody may say nothing in a room they are in."""
        if room.rules is None or self._is_exempt(member, room):
            return False
        return room.rules.mute_of(member.number, self.now()) is not None

    def tell_of_owner(self, room: Room, former: Member | None) -> None:
        """Tell a room of its owner, if that is another than before."""
        if room.owner is not None and room.owner is not former:
            self.fanout.post(room, Owned(room.name, room.owner.nick))

    @staticmethod
    def _is_exempt(member: Member, room: Room) -> bool:
        # Who is not in the room is a plug-in, which speaks for the server.
        return member.is_operator or room.owner is member or member not in room.members

    # ------------------------------------------------------------------ orders

    def _give(self, member: Member, room: Room, nick: str) -> None:
        if fold(room.name) == fold(self.world.limits.first):
            raise ChatError(f"{room.name} belongs to the operators")
        other = self._present(room, nick)
        if room.owner is other:
            raise ChatError(f"{room.name} belongs to {other.nick} already")
        self.fanout.post(room, Owned(room.name, other.nick, member.nick))
        room.owner = other

    def _kick(self, member: Member, room: Room, nick: str, reason: str) -> None:
        other = self._present(room, nick)
        _refuse_unassailable(member, other)
        private = room.rules is not None and room.rules.private
        may = "you may come back when you are invited" if private else "you may come back"
        kicked = Moderated(Deed.KICKED, room.name, other.nick, member.nick, reason, self.now())
        self._turn_out(other, room, kicked, may)

    def _ban(self, member: Member, room: Room, nick: str, reason: str, seconds: float) -> None:
        other, whom = self._meant(member, nick)
        now = self.now()
        ban = Sanction(whom, member.nick, reason, now + seconds)
        rules = _rules(room)
        rules.bans.add(ban, now)
        rules.invited.pop(whom.number, None)
        banned = Moderated(Deed.BANNED, room.name, whom.nick, member.nick, reason, now, ban.until)
        if other is not None and other in room.members:
            self._turn_out(other, room, banned, "you may talk in other rooms")
        else:
            self._post(room, banned)

    def _unban(self, member: Member, room: Room, nick: str) -> None:
        now = self.now()
        ban = _rules(room).bans.lift(self._identity(nick), now)
        self._post(room, Moderated(Deed.UNBANNED, room.name, ban.whom.nick, member.nick, "", now))

    def _mute(self, member: Member, room: Room, nick: str, reason: str, seconds: float) -> None:
        other, whom = self._meant(member, nick)
        now = self.now()
        mute = Sanction(whom, member.nick, reason, now + seconds)
        rules = _rules(room)
        rules.mutes.add(mute, now)
        self._post(
            room,
            Moderated(Deed.MUTED, room.name, whom.nick, member.nick, reason, now, mute.until),
        )
        if other is not None and other in room.members:
            rules.muted[other.number] = mute
            if not other.outlet.lagging:  # nobody may push a slow reader over the brink
                self.fanout.put(other, Noticed(_muted(room, mute, now, other)))
            if room.owner is other:  # an owner would not be held by it
                room.pass_on()
                self.tell_of_owner(room, other)

    def _unmute(self, member: Member, room: Room, nick: str) -> None:
        now = self.now()
        rules = _rules(room)
        mute = rules.mutes.lift(self._identity(nick), now)
        rules.unmute(mute)
        self._post(room, Moderated(Deed.UNMUTED, room.name, mute.whom.nick, member.nick, "", now))

    def _seclude(self, member: Member, room: Room, *, private: bool) -> None:
        if fold(room.name) == fold(self.world.limits.first):
            raise ChatError(f"{room.name} is where everybody begins, and stays open")
        if private == self.world.is_private(room):
            raise ChatError(f"{room.name} is {'private' if private else 'open'} already")
        self.fanout.post(room, Secluded(room.name, member.nick, private))
        _rules(room).seclude(private, self.world.last_id)

    def _invite(self, member: Member, room: Room, nick: str) -> None:
        other = self.world.member(nick)
        now = self.now()
        rules = _rules(room)
        if other in room.members:
            raise ChatError(f"{other.nick} is in {room.name}")
        if rules.bans.holding(other.identity, now) is not None:
            raise ChatError(f"{other.nick} is banned from {room.name}; /unban them first")
        if rules.is_invited(other.number, now):
            end = until(rules.invited[other.number], now, member.look.zone)
            raise ChatError(f"{other.nick} is invited{end} already")
        _refuse_deaf(member, other)
        rules.invite(other.number, now)
        invited = Invited(room.name, member.nick, now, rules.invited[other.number])
        self.fanout.put(other, invited)

    def _knock(self, member: Member, room: Room, text: str) -> None:
        if member in room.members:
            raise ChatError(f"you are in {room.name}")
        owner = room.owner
        if owner is None or (rules := room.rules) is None or not rules.private:
            raise ChatError(f"{room.name} is open: /join {room.name}")
        now = self.now()
        if rules.is_invited(member.number, now):
            raise ChatError(f"you are invited: /join {room.name}")
        if (ban := rules.bans.holding(member.identity, now)) is not None:
            raise ChatError(f"you are banned from {room.name}{_terms(ban, now, member)}")
        _refuse_deaf(member, owner)
        if wait := rules.knock(member.number, now):
            raise ChatError(f"you may knock at {room.name} again in {exact(wait)}")
        self.fanout.put(owner, Knocked(room.name, member.nick, text))

    def _kill(self, member: Member, other: Member, reason: str) -> None:
        _refuse_unassailable(member, other)
        if other.seat is None:
            raise ChatError(f"{other.nick} is a bot: /unload its plug-in")
        killed = Moderated(Deed.KILLED, "", other.nick, member.nick, reason, self.now())
        self.fanout.put(other, killed)
        other.seat.dismiss(f"taken off by {member.nick}" + (f": {reason}" if reason else ""))
        self._record(killed)

    def banned(self, network: str | None) -> str | None:
        """What people from an address are told if they are banned from the server; else None."""
        now = self.now()
        if network is None or (ban := self.world.banned.of(network, now)) is None:
            return None
        end = until(ban.until, now, "UTC")
        when = f"{end} UTC" if end else " until that is lifted"
        reason = f" ({ban.reason})" if ban.reason else ""
        return f"your address is banned from this server{when}{reason}"

    def _ban_address(self, member: Member, whom: str, reason: str, seconds: float) -> None:
        network = self._network_meant(whom)
        people = [each for each in self.world.members.values() if each.address == network]
        for each in people:
            _refuse_unassailable(member, each)  # or operators could lock one another out
        now = self.now()
        ban = Sanction(Identity(network), member.nick, reason, now + seconds)
        self.world.banned.add(ban, now)
        ruling = Moderated(Deed.BANNED, "", network, member.nick, reason, now, ban.until)
        for each in people:
            self.fanout.put(each, ruling)
            if each.seat is not None:
                each.seat.dismiss(f"banned by {member.nick}" + (f": {reason}" if reason else ""))
        self._tell_operators(member, ruling)

    def _network_meant(self, whom: str) -> str:
        """An address, or that of a nick; raises ChatError if that is this machine's."""
        if whom[:1].isdigit() or ":" in whom:
            return _network(whom)
        other = self.world.member(whom)
        if other.address is None:
            raise ChatError(f"{other.nick} comes from this machine: that would ban all who do")
        return other.address

    def _became(self, member: Member, deed: Deed, by: str) -> Moderated:
        return Moderated(deed, "", member.nick, by, "", self.now())

    def _tell_operators(self, member: Member, ruling: Moderated) -> None:
        """Record what somebody has done, and tell the other operators that are on."""
        for other in self.world.members.values():
            if other.is_operator and other is not member and not other.outlet.lagging:
                self.fanout.put(other, ruling)
        self._record(ruling)

    # ------------------------------------------------------------------- parts

    def _turn_out(self, other: Member, room: Room, ruling: Moderated, may: str) -> None:
        """Take somebody out of a room, which is told, and tell them what they may do."""
        self.fanout.flush_rooms(other.rooms.values())
        owner = room.owner
        self.world.leave(other, room)
        self._post(room, ruling)
        self.fanout.put(other, ruling)
        where = f"what you say goes to {other.room.name}" if other.room else "/join a room to talk"
        self.fanout.put(other, Noticed(f"{may}; {where}"))
        self.tell_of_owner(room, owner)

    def _post(self, room: Room, ruling: Moderated) -> None:
        self.fanout.post(room, ruling)
        self._record(ruling)

    def _record(self, ruling: Moderated) -> None:
        """Keep who was moderated, by whom, when and why."""
        self.world.audit.append(ruling)
        log.info("%s", ruling_text(ruling))

    def _governed(self, member: Member, name: str) -> Room:
        """A room of the member's; raises ChatError if it is not theirs to govern."""
        room = self.world.room_of(member, name)
        if not (member.is_operator or room.owner is member):
            owner = "the operators" if room.owner is None else room.owner.nick
            raise ChatError(f"{room.name} belongs to {owner}")
        return room

    def _present(self, room: Room, nick: str) -> Member:
        """Raises ChatError if nobody of this nick is in the room."""
        member = self.world.member(nick)
        if member not in room.members:
            raise ChatError(f"{member.nick} is not in {room.name}")
        return member

    def _identity(self, nick: str) -> Identity:
        other = self.world.members.get(fold(nick))
        return Identity(nick) if other is None else other.identity

    def _meant(self, member: Member, nick: str) -> tuple[Member | None, Identity]:
        """Who is to be moderated, and by what they are to be known again."""
        other = self.world.members.get(fold(nick))
        if other is None:
            return None, Identity(nick)
        _refuse_unassailable(member, other)
        whom = other.identity
        if whom.address == member.address:  # or it would hold its author, too
            whom = attrs.evolve(whom, address=None)
        return other, whom


def _rules(room: Room) -> Rules:
    if room.rules is None:
        room.rules = Rules()
    return room.rules


def _refuse_unassailable(member: Member, other: Member) -> None:
    if other is member:
        raise ChatError("that is yourself")
    if other.is_operator:
        raise ChatError(f"{other.nick} is an operator")


def _network(text: str) -> str:
    """What an address is banned as: itself, of IPv6 its /64; raises ChatError if it cannot be."""
    try:
        network = network_of(text.removesuffix("/64"))
    except ValueError:
        raise ChatError(f'expected an address such as 192.0.2.1, got "{text[:40]}"') from None
    if network is None:
        raise ChatError(f"{text} is this machine: that would ban all who come from it")
    return network


def _refuse_commoner(member: Member) -> None:
    if not member.is_operator:
        raise ChatError("that is for operators")


def _refuse_deaf(member: Member, other: Member) -> None:
    """Raises ChatError if somebody would not see what is sent to them alone."""
    if other.outlet.lagging:
        raise ChatError(f"{other.nick} is not reading at the moment; try again later")
    if other.ignores(member.nick):
        raise ChatError(f"{other.nick} ignores you")


def _reason(text: str) -> str:
    text = flatten(text).strip()
    if len(text) > MAX_REASON:
        raise ChatError(f"at most {MAX_REASON} characters of text, please")
    return text


def _terms(sanction: Sanction, now: float, reader: Member) -> str:
    """When a sanction ends, and why it was imposed, to be read behind its name."""
    end = until(sanction.until, now, reader.look.zone) or " until that is lifted"
    return f"{end} ({sanction.reason})" if sanction.reason else end


def _muted(room: Room, mute: Sanction, now: float, reader: Member) -> str:
    return f"you are muted in {room.name}{_terms(mute, now, reader)}; {MAY_STILL}"
