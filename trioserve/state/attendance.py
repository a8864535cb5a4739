"""Whether those who are among the people are there: away, or lost with their connection.

Since when they are not, is kept of those who have an account (see `World.place`).
"""

from trioserve.errors import ChatError
from trioserve.rooms.member import Absence, Member
from trioserve.rooms.whereabouts import begun, ended
from trioserve.state.world import World


def set_away(world: World, member: Member, text: str) -> None:
    """Note that a member is away; raises ChatError of one who has left."""
    world.refuse_absent(member)
    member.absence = Absence(text)
    member.absences = begun(member.absences, world.last_id)
    world.place(member)
    for room in member.rooms.values():
        room.expecting[member] = None


def see_news(member: Member) -> None:
    """Note that a message has come for one who is away: what comes now is no news any more."""
    if member.absence is not None:
        member.absence.is_fresh = False
    for room in member.rooms.values():
        room.expecting.pop(member, None)


def come_back(world: World, member: Member) -> None:
    """Note that a member is away no more; raises ChatError if it is not away."""
    if member.absence is None:
        raise ChatError("you are not away")
    see_news(member)
    member.absence = None
    member.absences = ended(member.absences, world.last_id)
    world.place(member)


def lose(world: World, member: Member, seen: int) -> None:
    """Note that a member is lost, and has seen nothing for sure behind a message."""
    # What was said before they came is no news, however doubtful it is what arrived.
    seen = max([seen, *sorted(room.entered[member] for room in member.rooms.values())[:1]])
    member.is_lost = True
    member.lost_at = seen
    member.absences = begun(member.absences, seen)
    world.place(member, seen)


def find(world: World, member: Member) -> None:
    """Note that a member is lost no more."""
    member.is_lost = False
    if member.absence is None:
        member.absences = ended(member.absences, world.last_id)
    world.place(member)
