"""Who has power over whom, and what an order may hold.

Each is checked where the order is carried out: between their typing and that, whoever
gave it may have lost the room. Every refusal is a ChatError and changes nothing.
"""

from trioserve.errors import ChatError
from trioserve.limits import network_of
from trioserve.names import fold
from trioserve.rooms.member import Member
from trioserve.rooms.moderation import MAX_REASON, Rules
from trioserve.rooms.room import Room
from trioserve.state.world import World
from trioserve.wire.text import flatten


def governed(world: World, member: Member, name: str) -> Room:
    """A room of the member's; raises ChatError if it is not theirs to govern."""
    room = world.room_of(member, name)
    if not (member.is_operator or room.owner is member):
        raise ChatError(f"{room.name} belongs to {room.possessor}")
    return room


def rules_of(room: Room) -> Rules:
    """What holds in a room beside the usual; nothing yet, if nothing has."""
    if room.rules is None:
        room.rules = Rules()
    return room.rules


def present(world: World, room: Room, nick: str) -> Member:
    """Raises ChatError if nobody of this nick is in the room."""
    member = world.member(nick)
    if member not in room.members:
        raise ChatError(f"{member.nick} is not in {room.name}")
    return member


def refuse_first(world: World, room: Room, why: str) -> None:
    """Raises ChatError for the room where everybody begins."""
    if fold(room.name) == fold(world.limits.first):
        raise ChatError(f"{room.name} {why}")


def refuse_unassailable(member: Member, other: Member) -> None:
    """Raises ChatError if a member may not moderate another."""
    if other is member:
        raise ChatError("that is yourself")
    if other.is_operator:
        raise ChatError(f"{other.nick} is an operator, whom nobody moderates")


def refuse_commoner(member: Member) -> None:
    """Raises ChatError if the member is no operator."""
    if not member.is_operator:
        raise ChatError("that is for operators")


def refuse_deaf(member: Member, other: Member) -> None:
    """Raises ChatError if somebody would not see what is sent to them alone."""
    if other.outlet.lagging:
        raise ChatError(f"{other.nick} is not reading at the moment; try again later")
    if other.ignores(member.nick):
        raise ChatError(f"{other.nick} ignores you")


def checked_reason(text: str) -> str:
    """What somebody gives as a reason, as one line; raises ChatError if it is too long."""
    text = flatten(text).strip()
    if len(text) > MAX_REASON:
        raise ChatError(f"at most {MAX_REASON} characters of text, please")
    return text


def checked_network(text: str) -> str:
    """What an address is banned as: itself, of IPv6 its /64; raises ChatError if it cannot be."""
    try:
        network = network_of(text.removesuffix("/64"))
    except ValueError:
        raise ChatError(f'expected an address such as 192.0.2.1, got "{text[:40]}"') from None
    if network is None:
        raise ChatError(f"{text} is this machine: that would ban all who come from it")
    return network
