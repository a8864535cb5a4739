"""Private rooms: who is let into one, by an invitation, and asks for that by a knock."""

import math
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

import attrs

from trioserve.broker.audit import Audit
from trioserve.broker.fanout import Fanout
from trioserve.broker.powers import refuse_deaf, refuse_first, rules_of
from trioserve.broker.standing import terms
from trioserve.errors import ChatError
from trioserve.limits import TokenBucket
from trioserve.messages import Noticed
from trioserve.rooms.member import Member
from trioserve.rooms.moderation import Identity
from trioserve.rooms.room import Room
from trioserve.rulings import Deed, Invited, Knocked, Moderated, Secluded
from trioserve.state.sights import is_private
from trioserve.state.world import World
from trioserve.wire.spans import exact, until

KNOCK_PAUSE: Final = 60.0  # seconds until somebody may knock again, as one owner hears it
KNOCKS: Final = (20.0, 0.5)  # that one owner hears: at once, and a second


@attrs.define(eq=False)
class Knocks:
    """Who has knocked of late at the rooms of one owner.

    Each may in a while; one who has many addresses, or many connections on this machine,
    where nothing tells people apart, holds up those of their own kind alone, and for seconds.
    """

    _last: dict[str | int, float] = attrs.field(factory=dict, init=False)  # the oldest first
    _near: TokenBucket = attrs.field(factory=lambda: TokenBucket(*KNOCKS), init=False)
    _far: TokenBucket = attrs.field(factory=lambda: TokenBucket(*KNOCKS), init=False)

    def take(self, whom: Identity, name: str, now: float) -> None:
        """Note that somebody knocks at a room; raises ChatError if they have to wait."""
        while self._last and (oldest := next(iter(self._last.items())))[1] + KNOCK_PAUSE <= now:
            del self._last[oldest[0]]
        since = max((self._last.get(mark, -math.inf) for mark in whom.marks), default=-math.inf)
        if (wait := since + KNOCK_PAUSE - now) > 0:
            raise ChatError(f"you may knock at {name} again in {exact(wait)}")
        bucket = self._near if whom.address is None else self._far
        if wait := bucket.delay(now, 1):
            raise ChatError(f"many knock at {name} now: you may in {exact(wait)}")
        bucket.take(now, 1)
        for mark in whom.marks:
            self._last.pop(mark, None)
            self._last[mark] = now


@attrs.define(eq=False)
class Admission:
    """What owners do with the doors of their rooms, and people do in front of them."""

    world: World
    fanout: Fanout
    audit: Audit
    now: Callable[[], float]  # seconds since 1970
    # By the owner who hears them, wherever that is: the rooms of one are many.
    _knocks: WeakKeyDictionary[Member, Knocks] = attrs.field(factory=WeakKeyDictionary, init=False)

    def seclude(self, member: Member, room: Room, *, private: bool) -> None:
        """Let people into a room by invitation only, or all of them again."""
        refuse_first(self.world, room, "is where everybody begins, and stays open")
        if private == is_private(room):
            raise ChatError(f"{room.name} is {'private' if private else 'open'} already")
        self.fanout.post(room, Secluded(room.name, member.nick, private))
        rules_of(room).seclude(private, self.world.last_id)
        deed = Deed.SECLUDED if private else Deed.OPENED
        self.audit.record(Moderated(deed, room.name, "", member.nick, "", self.now()))

    def invite(self, member: Member, room: Room, nick: str) -> None:
        """Let somebody into a room once, who is told so."""
        other = self.world.member(nick)
        now = self.now()
        rules = rules_of(room)
        if other in room.members:
            raise ChatError(f"{other.nick} is in {room.name}")
        if rules.bans.holding(other.identity, now) is not None:
            raise ChatError(f"{other.nick} is banned from {room.name}; /unban them first")
        if rules.is_invited(other.number, now):
            already = until(rules.invited[other.number], now, member.look.zone)
            raise ChatError(f"{other.nick} is invited{already} already")
        refuse_deaf(member, other)
        rules.invite(other.number, now)
        end = rules.invited[other.number]
        self.fanout.put(other, Invited(room.name, member.nick, now, end))
        deed = Deed.INVITED
        self.audit.record(Moderated(deed, room.name, other.nick, member.nick, "", now, end))

    def knock(self, member: Member, room: Room, text: str) -> None:
        """Ask the owner of a private room to let somebody in."""
        if member in room.members:
            raise ChatError(f"you are in {room.name}")
        owner = room.owner
        if (rules := room.rules) is None or not rules.private:
            raise ChatError(f"{room.name} is open: /join {room.name}")
        now = self.now()
        if rules.lets_in(member.identity, member.account, now):
            raise ChatError(f"you are invited: /join {room.name}")
        if (ban := rules.bans.holding(member.identity, now)) is not None:
            raise ChatError(f"you are banned from {room.name}{terms(ban, now, member)}")
        if owner is None:
            raise ChatError(f"{room.name} waits for its owner, who has not come back yet")
        refuse_deaf(member, owner)
        if (knocks := self._knocks.get(owner)) is None:
            knocks = self._knocks[owner] = Knocks()
        knocks.take(member.identity, room.name, now)
        self.fanout.put(owner, Knocked(room.name, member.nick, text))
        lets = f"in {room.name}, /invite {member.nick} lets them in"
        self.fanout.put(owner, Noticed(lets))
