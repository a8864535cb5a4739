"""What owners and operators can have done, and what comes of it.

Plain calls, of which the broker makes one at a time. That the caller may do it is
checked here: between their typing and this call they may have lost the room.
"""

import attrs

from trioserve.errors import ChatError
from trioserve.fanout import Fanout
from trioserve.names import fold
from trioserve.orders import GiveRoom, Order
from trioserve.rooms import Member, Room
from trioserve.rulings import Owned
from trioserve.world import World


@attrs.define(eq=False)
class Moderators:
    """The orders that there are, and what they do."""

    world: World
    fanout: Fanout

    def obey(self, member: Member, order: Order) -> None:
        """Handle an order; raises ChatError, before anything has changed, to refuse it."""
        match order:
            case GiveRoom(name, nick):
                self._give(member, self._governed(member, name), nick)

    def tell_of_owner(self, room: Room, former: Member | None) -> None:
        """Tell a room of its owner, if that is another than before."""
        if room.owner is not None and room.owner is not former:
            self.fanout.post(room, Owned(room.name, room.owner.nick))

    def _give(self, member: Member, room: Room, nick: str) -> None:
        if fold(room.name) == fold(self.world.limits.first):
            raise ChatError(f"{room.name} belongs to the operators")
        other = self._present(room, nick)
        if room.owner is other:
            raise ChatError(f"{room.name} belongs to {other.nick} already")
        self.fanout.post(room, Owned(room.name, other.nick, member.nick))
        room.owner = other

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
