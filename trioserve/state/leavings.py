"""Up to where those who have left a room had seen it: what came since is new to them."""

from typing import Final

import attrs

from trioserve.names import fold
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room

MAX_LEAVINGS: Final = 10_000  # that are remembered; the oldest is forgotten first


@attrs.define(eq=False)
class Leavings:
    """What had been said last when somebody left a room, until they come back to it."""

    # The id of that message, by who it was, and the folded room.
    _seen: dict[tuple[str, str], int] = attrs.field(factory=dict, init=False)

    def note(self, member: Member, room: Room, last_id: int) -> None:
        """Remember that a member leaves a room, having been shown all up to a message."""
        self.take(member, room)
        self._seen[_known_as(member), fold(room.name)] = last_id
        if len(self._seen) > MAX_LEAVINGS:
            del self._seen[next(iter(self._seen))]

    def take(self, member: Member, room: Room) -> int | None:
        """The id behind which all is new to one who comes back to a room; None: they never left."""
        return self._seen.pop((_known_as(member), fold(room.name)), None)


def _known_as(member: Member) -> str:
    """By what a member is known again who has left: the account, or within one run the nick."""
    return f"account {fold(member.account)}" if member.account else fold(member.nick)
