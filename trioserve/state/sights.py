"""What a member may see of rooms, and of what is kept of them: not what is private to others."""

from collections.abc import Mapping

from trioserve.archive.history import NEVER, Span
from trioserve.archive.sight import Sight
from trioserve.names import fold
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room


def is_private(room: Room) -> bool:
    """Whether one enters it by invitation only."""
    return room.rules is not None and room.rules.private


def hides(room: Room, member: Member) -> bool:
    """Whether a room is kept from a member's eyes."""
    return is_private(room) and member not in room.members and not member.is_operator


def lists(room: Room, member: Member) -> bool:
    """Whether a member is shown that there is a room.

    Not of one that all have left and that is kept for its bans: it may have been private.
    """
    return member.is_operator or (bool(room.members) and not hides(room, member))


def refusal_of_private(room: Room) -> str:
    """What outsiders are told of it."""
    return f"{room.name} is private; /knock {room.name} asks to be let in"


def span_for(
    member: Member, room: Room, count: int, *, after: int = 0, before: int = NEVER
) -> Span:
    """What of all that is kept of a room, which a member is in, they may see."""
    private, since = 0, 0
    if room.rules is not None and room.rules.secluded:
        private, since = room.number, room.rules.since.get(member.number, 0)
    return Span(room.name, count, after, before, private, since)


def sight_for(member: Member, rooms: Mapping[str, Room]) -> Sight:
    """What of all that is kept a member may see, with the rooms that there are by folded name."""
    own = {
        room.number: room.rules.since.get(member.number, 0)
        for room in member.rooms.values()
        if room.rules is not None and room.rules.secluded
    }
    hidden = [key for key, room in rooms.items() if hides(room, member)]
    return Sight(own, hidden, fold(member.account))
