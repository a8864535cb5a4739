"""What owners and operators can have done in a room, and what comes of it.

Plain calls, of which the broker makes one at a time.
"""

from collections.abc import Callable
from typing import Final, assert_never

import attrs

from trioserve.broker.admission import Admission
from trioserve.broker.audit import Audit
from trioserve.broker.fanout import Fanout
from trioserve.broker.policing import Policing
from trioserve.broker.powers import (
    checked_reason,
    governed,
    present,
    refuse_first,
    refuse_unassailable,
    rules_of,
)
from trioserve.broker.standing import Standing, muted
from trioserve.errors import ChatError
from trioserve.messages import Noticed
from trioserve.names import fold
from trioserve.orders import (
    Ban,
    GiveRoom,
    Invite,
    Kick,
    Knock,
    Mute,
    Order,
    RoomOrder,
    Seclude,
    Slow,
    Sweep,
    Unban,
    Unmute,
)
from trioserve.rooms.member import Member
from trioserve.rooms.moderation import Identity, Sanction
from trioserve.rooms.room import Room
from trioserve.rulings import Deed, Moderated, Owned, Slowed
from trioserve.state.world import World
from trioserve.wire.spans import pace

ELSEWHERE: Final = "you may talk in other rooms"


@attrs.define(eq=False)
class Moderators:
    """The orders that there are, and what they do."""

    world: World
    fanout: Fanout
    standing: Standing
    now: Callable[[], float]  # seconds since 1970
    audit: Audit = attrs.field(init=False)
    _admission: Admission = attrs.field(init=False)
    _policing: Policing = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.audit = Audit(self.world, self.fanout)
        self._admission = Admission(self.world, self.fanout, self.audit, self.now)
        self._policing = Policing(self.world, self.fanout, self.audit, self.now)

    def obey(self, member: Member, order: Order) -> None:
        """Handle an order; raises ChatError, before anything has changed, to refuse it."""
        if isinstance(order, RoomOrder):
            self._govern(member, governed(self.world, member, order.room), order)
        elif isinstance(order, Knock):
            room = self.world.room(order.room)
            self._admission.knock(member, room, checked_reason(order.text))
        elif isinstance(order, Sweep):
            for room in self.world.roomkeeping.sweep(self.now(), self.world.last_id):
                self.audit.tell_of_owner(room, None)
        else:
            self._policing.obey(member, order)

    def hold_anew(self, member: Member) -> None:
        """Have bans and mutes hold one who is known otherwise now, in all of their rooms."""
        now = self.now()
        for room in list(member.rooms.values()):
            ban = None if room.rules is None else room.rules.bans.holding(member.identity, now)
            # An owner could lift it, and would lose the room to whoever is there.
            if ban is None or member.is_operator or room.owner is member:
                self.standing.look_up_mute(member, room)
                continue
            whom = ban.whom.nick
            along = "" if fold(whom) == fold(member.nick) else whom
            deed, name = Deed.BANNED, room.name
            banned = Moderated(
                deed, name, member.nick, ban.by, ban.reason, now, ban.until, along=along
            )
            self._turn_out(member, room, banned, ELSEWHERE)

    def _govern(self, member: Member, room: Room, order: RoomOrder) -> None:
        match order:
            case GiveRoom(_, nick):
                self._give(member, room, nick)
            case Kick(_, nick, reason):
                self._kick(member, room, nick, checked_reason(reason))
            case Ban(_, nick, reason, seconds):
                self._ban(member, room, nick, checked_reason(reason), seconds)
            case Unban(_, nick):
                self._unban(member, room, nick)
            case Mute(_, nick, reason, seconds):
                self._mute(member, room, nick, checked_reason(reason), seconds)
            case Unmute(_, nick):
                self._unmute(member, room, nick)
            case Slow(_, seconds):
                self._slow(member, room, seconds)
            case Seclude(_, private):
                self._admission.seclude(member, room, private=private)
            case Invite(_, nick):
                self._admission.invite(member, room, nick)
            case _:
                assert_never(order)

    def _give(self, member: Member, room: Room, nick: str) -> None:
        refuse_first(self.world, room, "belongs to the operators")
        other = present(self.world, room, nick)
        if room.owner is other:
            raise ChatError(f"{room.name} belongs to {other.nick} already")
        self.audit.post_owner(room, other, Owned(room.name, other.nick, member.nick))
        self.world.roomkeeping.claims.give(room, other)
        deed = Deed.GIVEN
        self.audit.record(Moderated(deed, room.name, other.nick, member.nick, "", self.now()))

    def _slow(self, member: Member, room: Room, seconds: float) -> None:
        self.fanout.post(room, Slowed(room.name, member.nick, seconds))
        rules_of(room).set_pause(seconds)
        deed, why = (Deed.SLOWED, pace(seconds)) if seconds else (Deed.UNSLOWED, "")
        self.audit.record(Moderated(deed, room.name, "", member.nick, why, self.now()))

    def _kick(self, member: Member, room: Room, nick: str, reason: str) -> None:
        other = present(self.world, room, nick)
        refuse_unassailable(member, other)
        private = room.rules is not None and room.rules.private
        may = "you may come back when you are invited" if private else "you may come back"
        kicked = Moderated(Deed.KICKED, room.name, other.nick, member.nick, reason, self.now())
        self._turn_out(other, room, kicked, may)

    def _ban(self, member: Member, room: Room, nick: str, reason: str, seconds: float) -> None:
        other, whom = self._meant(member, nick)
        now = self.now()
        is_there = other is not None and other in room.members
        ban = Sanction(whom, member.nick, reason, now + seconds, is_there)
        rules = rules_of(room)
        rules.bans.add(ban, now)
        rules.invited.pop(whom.number, None)
        banned = Moderated(Deed.BANNED, room.name, whom.nick, member.nick, reason, now, ban.until)
        if other is not None and is_there:
            self._turn_out(other, room, banned, ELSEWHERE)
        else:
            self.audit.post(room, banned)
        for each in _housemates(room, whom):
            if not each.is_operator:
                along = attrs.evolve(banned, nick=each.nick, along=whom.nick)
                self._turn_out(each, room, along, ELSEWHERE)

    def _unban(self, member: Member, room: Room, nick: str) -> None:
        now = self.now()
        ban = rules_of(room).bans.lift(self._identity(nick), now)
        lifted = Moderated(Deed.UNBANNED, room.name, ban.whom.nick, member.nick, "", now)
        self.audit.post(room, lifted)
        if ban.is_known and (other := self.world.numbered.get(ban.whom.number)) is not None:
            self.fanout.remind(other, room.name, lifted)

    def _mute(self, member: Member, room: Room, nick: str, reason: str, seconds: float) -> None:
        other, whom = self._meant(member, nick)
        now = self.now()
        mute = Sanction(whom, member.nick, reason, now + seconds)
        rules = rules_of(room)
        rules.mutes.add(mute, now)
        ruling = Moderated(Deed.MUTED, room.name, whom.nick, member.nick, reason, now, mute.until)
        self.audit.post(room, ruling)
        changed = self._look_up_mutes(room, whom)
        owner = room.owner
        if owner is not None and owner is other:  # an owner would not be held by it
            room.pass_on()
        self._tell_changed(room, ruling, whom, changed)
        self.audit.tell_of_owner(room, owner)

    def _unmute(self, member: Member, room: Room, nick: str) -> None:
        now = self.now()
        whom = rules_of(room).mutes.lift(self._identity(nick), now).whom
        ruling = Moderated(Deed.UNMUTED, room.name, whom.nick, member.nick, "", now)
        self.audit.post(room, ruling)
        self._tell_changed(room, ruling, whom, self._look_up_mutes(room, whom))

    def _look_up_mutes(self, room: Room, whom: Identity) -> dict[Member, Sanction | None]:
        """Have the mutes, of which one of somebody's is new or gone, hold who is there.

        Return who is held by another one than before, and by which.
        """
        rules, now = rules_of(room), self.now()
        rules.forget_ended(now)
        before = dict(rules.muted)
        concerned = [
            each
            for each in room.members
            if each.number in before
            or each.number == whom.number
            or (whom.address is not None and each.address == whom.address)
        ]
        after = {each: rules.look_up_mute(each.identity, now) for each in concerned}
        return {each: mute for each, mute in after.items() if mute is not before.get(each.number)}

    def _tell_changed(
        self,
        room: Room,
        ruling: Moderated,
        whom: Identity,
        changed: dict[Member, Sanction | None],
    ) -> None:
        """Tell whom mutes hold now, or no more; and the room, if that is another than was meant."""
        for each, mute in changed.items():
            if self.standing.is_exempt(each, room):
                continue
            if each.number != whom.number and (mute is None) == (ruling.deed is Deed.UNMUTED):
                along = attrs.evolve(ruling, nick=each.nick, along=whom.nick)
                self.audit.post(room, along)
            may = f"you may talk in {room.name} again"
            text = may if mute is None else muted(room, mute, self.now(), each)
            self.fanout.remind(each, room.name, Noticed(text))

    def _turn_out(self, other: Member, room: Room, ruling: Moderated, may: str) -> None:
        """Take somebody out of a room, which is told, and tell them what they may do."""
        self.standing.settle([room])
        self.fanout.flush_rooms(other.rooms.values())
        owner = room.owner
        self.world.leave(other, room)
        self.audit.post(room, ruling)
        self.fanout.put(other, ruling)
        where = f"what you say goes to {other.room.name}" if other.room else "/join a room to talk"
        self.fanout.put(other, Noticed(f"{may}; {where}"))
        self.audit.tell_of_owner(room, owner)

    def _identity(self, nick: str) -> Identity:
        other = self.world.members.get(fold(nick))
        return Identity(nick) if other is None else other.identity

    def _meant(self, member: Member, nick: str) -> tuple[Member | None, Identity]:
        """Who is to be moderated, and by what they are to be known again."""
        other = self.world.members.get(fold(nick))
        if other is None:
            return None, Identity(nick)
        refuse_unassailable(member, other)
        whom = other.identity
        if whom.address == member.address:  # or it would hold its author, too
            whom = attrs.evolve(whom, address=None)
        return other, whom


def _housemates(room: Room, whom: Identity) -> list[Member]:
    """Who is in a room and comes from where somebody does, who is not here any more."""
    address = whom.address
    return [each for each in room.members if address is not None and each.address == address]
