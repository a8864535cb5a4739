"""Rooms that were there when the server ended: held for their people, and claimed by owners."""

import attrs

from trioserve.names import fold
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room


@attrs.define(eq=False)
class Claims:
    """Which rooms are held, and until when.

    The first who comes ends that, but where an account owned the room, only who has that. Until
    then it has no owner: whoever comes first after a restart could else take any room.
    """

    touched: dict[str, None]  # rooms, by folded name, of which what is kept may have changed
    held: dict[Room, float] = attrs.field(factory=dict, init=False)  # seconds since 1970

    def hold(self, room: Room, until: float) -> None:
        """Hold a room, which is in the world, for its people to come back."""
        self.held[room] = until

    def receive(self, member: Member, room: Room) -> bool:
        """Note that somebody is in a room; return whether it is theirs, for whom it was held."""
        is_theirs = bool(room.claim) and room.claim == fold(member.account)
        if is_theirs:
            self.give(room, member)
        elif not room.claim:
            self.held.pop(room, None)
        return is_theirs

    def give(self, room: Room, member: Member) -> None:
        """Make somebody who is in a room its owner."""
        room.own(member)
        room.claim = ""
        self.held.pop(room, None)
        self.touched[fold(room.name)] = None

    def release(self, room: Room) -> None:
        """Hold a room no longer."""
        room.claim = ""
        self.held.pop(room, None)
        self.touched[fold(room.name)] = None

    def late(self, now: float) -> list[Room]:
        """Those that have been held for long enough."""
        return [room for room, until in self.held.items() if until <= now]

    def spare(self) -> Room | None:
        """One that nobody is in, if there are too many rooms."""
        return next((room for room in self.held if not room.members), None)
