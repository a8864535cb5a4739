"""Who comes to a room and goes: told at once, or together where many do.

The first few comings and goings of a while are told at once, in a room that is
not too big for that. What more there are join a crowd, which is told of in one
line at the while's end: when a net comes back, a room reads that and not a
hundred lines. Nobody is seen to speak who has not been seen to come: whoever of
the crowd says something is told of first. Whoever has come and gone again
within one crowd is not told of at all, and a last word is never held back. The
reasons that the server gives are told in both cases.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from trioserve.broker.fanout import Fanout
from trioserve.messages import Departed, Dropped, Flickered, Joined, Left, Lost, Returned, Thronged
from trioserve.rooms.member import Member
from trioserve.rooms.room import Crowd, Room
from trioserve.state.world import World

NICKS_NAMED: Final = 3  # of those who came or went; the rest are counted
REASONS_NAMED: Final = 3  # of why they went; operators may give each another
OTHER_REASONS: Final = "for other reasons"


@attrs.define(eq=False)
class Comings:
    """Tells rooms who comes and goes."""

    world: World
    fanout: Fanout
    _crowded: dict[Room, None] = attrs.field(factory=dict, init=False)  # with a crowd to tell of
    _moves: dict[Room, int] = attrs.field(factory=dict, init=False)  # of this while

    @property
    def has_begun(self) -> bool:
        """Whether anybody has come or gone since the last `unfold`."""
        return bool(self._moves or self._crowded)

    def tell_joined(self, member: Member, room: Room) -> None:
        """Tell a room who has joined it."""
        joined = Joined(room.name, member.nick)
        if len(room.members) > 1 and self._is_folded(member, room):
            self._crowd(room).add_joined(member)
            self.fanout.publish(joined)
            self._tell_bots(member, joined, [room])
        else:
            self.fanout.post(room, joined, silent=member)

    def tell_left(self, member: Member, room: Room, text: str) -> None:
        """Tell a room who has left it."""
        left = Left(room.name, member.nick, text=text)
        if room.members and not text and self._is_folded(member, room):
            self._crowd(room).add_left(member)
            self.fanout.publish(left)
            self._tell_bots(member, left, [room])
        else:
            self.fanout.post(room, left)

    def tell_departed(self, member: Member, reason: str, text: str) -> None:
        """Tell the rooms of one who is about to depart."""
        departed = Departed(member.nick, reason, text)
        folded = [
            room
            for room in member.rooms.values()
            if len(room.members) > 1 and not text and self._is_folded(member, room)
        ]
        told = [room for room in member.rooms.values() if room not in folded]
        self.fanout.tell_neighbours(member, departed, told)
        for room in folded:
            self._crowd(room).add_left(member, reason)
        self._tell_bots(member, departed, folded, told)

    def tell_dropped(self, member: Member) -> None:
        """Tell the rooms of one whose connection has broken."""
        for room in self._tell_all_but_folded(member, Dropped(member.nick)):
            self._crowd(room).add_dropped(member)

    def tell_returned(self, member: Member) -> None:
        """Tell the rooms of one who is back from that."""
        for room in self._tell_all_but_folded(member, Returned(member.nick)):
            self._crowd(room).add_returned(member)

    def _tell_all_but_folded(self, member: Member, event: Dropped | Returned) -> list[Room]:
        rooms = [each for each in member.rooms.values() if len(each.members) > 1]
        folded = [room for room in rooms if self._is_folded(member, room)]
        told = [room for room in rooms if room not in folded]
        self.fanout.tell_neighbours(member, event, told)
        self._tell_bots(member, event, folded, told)
        return folded

    def tell_first(self, member: Member, rooms: Iterable[Room]) -> None:
        """Tell of one who has come or is back, before they are seen to do anything."""
        for room in rooms:
            if (crowd := room.crowd) is None:
                continue
            if nick := crowd.joined.pop(member, None):
                self.fanout.post(room, Thronged(room.name, [nick], 1, [], 0), silent=member)
            if crowd.returned.pop(member, None):
                self.fanout.post(room, Returned(member.nick), silent=member)

    def unfold(self) -> None:
        """Tell the rooms who came and went: as many of them as the turn has place for."""
        self._moves.clear()
        while self._crowded and not self.fanout.full:
            room = next(iter(self._crowded))
            del self._crowded[room]
            crowd, room.crowd = room.crowd, None
            if crowd is not None:
                self._tell_crowd(room, crowd)

    def _tell_crowd(self, room: Room, crowd: Crowd) -> None:
        # Whoever was thrown out meanwhile has been told of.
        joined = [nick for member, nick in crowd.joined.items() if member in room.members]
        left = [nick for member, nick in crowd.left.items() if member not in crowd.reasons]
        if joined or crowd.left:
            thronged = Thronged(
                room.name,
                joined[:NICKS_NAMED],
                len(joined),
                left[:NICKS_NAMED],
                len(left),
                list(_lost(crowd)),
            )
            # Nobody is told of themself alone.
            alone = next(iter(crowd.joined)) if len(crowd.joined) == 1 and not crowd.left else None
            self.fanout.post(room, thronged, silent=alone)
        if crowd.dropped or crowd.returned:
            self._tell_flickered(room, crowd)

    def _tell_flickered(self, room: Room, crowd: Crowd) -> None:
        dropped = [nick for member, nick in crowd.dropped.items() if member in room.members]
        returned = [nick for member, nick in crowd.returned.items() if member in room.members]
        if dropped or returned:
            flickered = Flickered(
                room.name,
                dropped[:NICKS_NAMED],
                len(dropped),
                returned[:NICKS_NAMED],
                len(returned),
            )
            alone = next(iter(crowd.returned), None) if len(dropped + returned) == 1 else None
            self.fanout.post(room, flickered, silent=alone)

    def _is_folded(self, member: Member, room: Room) -> bool:
        """Whether it is told later, with others, that a member comes or goes now."""
        crowd = room.crowd
        if crowd is not None and any(
            member in moved for moved in (crowd.joined, crowd.left, crowd.dropped, crowd.returned)
        ):
            return True
        limits = self.world.limits
        self._moves[room] = self._moves.get(room, 0) + 1
        return self._moves[room] > limits.fold_after or len(room.members) > limits.fold_above

    def _crowd(self, room: Room) -> Crowd:
        if room.crowd is None:
            room.crowd = Crowd()
            self._crowded[room] = None
        return room.crowd

    def _tell_bots(
        self,
        member: Member,
        event: Joined | Left | Departed | Dropped | Returned,
        rooms: Iterable[Room],
        told: Iterable[Room] = (),
    ) -> None:
        """Tell the bots in some rooms, who are told of each, unless they are in one that was."""
        for bot in self.world.bots:
            is_concerned = bot is not member and any(bot in room.members for room in rooms)
            if is_concerned and not any(bot in room.members for room in told):
                self.fanout.put(bot, event)


def _lost(crowd: Crowd) -> Iterator[Lost]:
    """Who of a crowd left for the same reason; more than a few reasons are told as one."""
    nicks: dict[str, list[str]] = {}
    for member, reason in crowd.reasons.items():
        known = reason if reason in nicks or len(nicks) < REASONS_NAMED else OTHER_REASONS
        nicks.setdefault(known, []).append(crowd.left[member])
    for reason, each in nicks.items():
        yield Lost(reason, each[:NICKS_NAMED], len(each))
