"""Which rooms there are: made, begun, left and let go of, or held for who had them.

Plain data as the world's, of which it is a part.
"""

from collections import deque
from typing import Final

import attrs

from trioserve.errors import ChatError
from trioserve.names import fold
from trioserve.rooms.claims import Claims
from trioserve.rooms.histories import Histories
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room, RoomPast
from trioserve.settings import setting

MAX_DESERTED: Final = 1000  # rooms that are kept for their bans alone; the oldest go first,
MAX_DESERTED_BANS: Final = 10_000  # and bans and mutes in all of them


@attrs.frozen
class RoomLimits:
    """How many rooms there may be, what they keep, and how much of it is shown."""

    first: str = setting("#lobby", "where everybody begins", restart=True)
    topic: str = setting("Welcome!", "of that room", restart=True)
    per_member: int = setting(20)
    most: int = setting(10_000)
    history: int = setting(200, "messages kept in memory per room", least=0)
    history_bytes: int = setting(
        64 * 1024 * 1024, "bytes of memory for those of all rooms; the fullest forget first"
    )
    shown_on_join: int = setting(10, "messages", least=0)
    names_shown: int = setting(20, "of a list of people or rooms; the rest are counted")
    fold_after: int = setting(3, "comings and goings in a room, after which more are told", least=0)
    fold_every: float = setting(10.0, "together, this often (seconds)", least=0.1)
    fold_above: int = setting(200, "members, above which all are told together")


@attrs.define(eq=False)
class Roomkeeping:
    """All rooms, by folded name. None is empty but for those that are `deserted` or held."""

    first: str  # the room where everybody begins, which is nobody's,
    topic: str  # and its topic
    rooms: dict[str, Room]
    touched: dict[str, None]  # rooms, by folded name, of which what is kept may have changed
    next_number: int = 1  # of the next room that is made
    # Rooms that nobody is in and that have bans, in the order in which they were left.
    deserted: dict[Room, None] = attrs.field(factory=dict, init=False)
    histories: Histories = attrs.field(init=False)
    claims: Claims = attrs.field(init=False)  # to rooms that were there when the server ended

    def __attrs_post_init__(self) -> None:
        self.histories = Histories(self.rooms)
        self.claims = Claims(self.touched)

    def make(self, name: str, limits: RoomLimits) -> Room:
        """Make a room; raises ChatError if there are too many."""
        is_first = self._is_first(name)  # to be had always, or nobody could enter
        spare = next(iter(self.deserted), None) or self.claims.spare()
        if len(self.rooms) >= limits.most and spare is not None:
            self._remove(spare)
        if len(self.rooms) >= limits.most and not is_first:
            raise ChatError(f"there are {limits.most} rooms, the most; join one of them")
        topic = self.topic if is_first else ""
        room = Room(name, topic, deque(maxlen=limits.history), self.next_number)
        self.next_number += 1
        self.rooms[fold(name)] = room
        return room

    def begin(self, room: Room, member: Member, past: RoomPast | None, most: int) -> None:
        """Let a room be its first member's, with what is known of its past.

        `most` bytes are held in all of what was said.
        """
        self.deserted.pop(room, None)
        is_first = self._is_first(room.name)
        room.owner = None if is_first or room.claim else member
        if past is None or past.private not in (0, room.number):  # let go of meanwhile
            return
        if past.topic is not None:
            room.topic = past.topic
        for message in past.messages:
            if not self.histories.is_forgotten(message):
                self.histories.hold(room, message, most)

    def hold(self, room: Room, until: float) -> None:
        """Take up a room that was there when the server ended, for its people to come back."""
        self.rooms[fold(room.name)] = room
        self.next_number = max(self.next_number, room.number + 1)
        self.claims.hold(room, until)

    def disown(self, account: str, last_id: int) -> list[Room]:
        """Let nothing wait for the owner of an account, folded, which is nobody's any more.

        Returns the rooms that belong to another by that.
        """
        for name, room in self.rooms.items():
            if room.rules is not None and room.rules.disown(account):
                self.touched[name] = None
        claimed = [room for room in self.claims.held if room.claim == account]
        return [room for room in claimed if self._release(room, last_id)]

    def sweep(self, now: float, last_id: int) -> list[Room]:
        """Let go of deserted rooms without bans, and hold none for longer than they are to be.

        `now` is in seconds since 1970, `last_id` of the last message. Returns the rooms that
        belong to another, for want of who had them when the server ended.
        """
        for room in list(self.deserted):
            if room.rules is None or next(room.rules.bans.current(now), None) is None:
                self._remove(room)
        return [room for room in self.claims.late(now) if self._release(room, last_id)]

    def _release(self, room: Room, last_id: int) -> bool:
        """Hold a room no longer; return whether that makes another its owner."""
        self.claims.release(room)
        if not room.members:
            self.desert(room, last_id)
        elif not self._is_first(room.name):
            room.pass_on()
            return True
        return False

    def desert(self, room: Room, last_id: int) -> None:
        """Let go of a room that nobody is in; of one with bans, of all but those.

        One that is held stays as it is, but for what was said, which whoever comes is shown.
        """
        if room not in self.claims.held and (room.rules is None or not len(room.rules.bans)):
            self._remove(room)
            return
        self.histories.drop(room)
        room.topic = self.topic if self._is_first(room.name) else ""
        if room in self.claims.held or room.rules is None:
            return
        room.rules.desert(last_id)
        self.deserted[room] = None
        # Nobody may fill the memory with rooms that they need not even be in.
        while len(self.deserted) > MAX_DESERTED or self._deserted_bans() > MAX_DESERTED_BANS:
            self._remove(next(iter(self.deserted)))

    def _deserted_bans(self) -> int:
        rules = [room.rules for room in self.deserted if room.rules is not None]
        return sum(len(each.bans) + len(each.mutes) for each in rules)

    def _remove(self, room: Room) -> None:
        del self.rooms[fold(room.name)]
        self.touched[fold(room.name)] = None
        self.deserted.pop(room, None)
        self.claims.held.pop(room, None)
        self.histories.release(room)

    def _is_first(self, name: str) -> bool:
        return fold(name) == fold(self.first)
