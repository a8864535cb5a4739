"""What holds of a server after each step, whatever people have done."""

from tests.sim.chronicle import Wrong
from trioserve.names import fold
from trioserve.server import Server


def check(server: Server) -> None:
    """Raises Wrong unless the server is consistent, and within its bounds."""
    _check_people(server)
    _check_rooms(server)
    _check_outboxes(server)


def check_end(server: Server) -> None:
    """Raises Wrong unless nothing is left of those who were there."""
    left = {
        "sessions": list(server.sessions),
        "members": list(server.world.members),
        "rooms": [name for name in server.world.rooms if server.world.rooms[name].members],
        "bytes that wait": server.waiting,
        "requests that wait": server.broker.waiting,
    }
    if remains := {name: what for name, what in left.items() if what}:
        raise Wrong(f"left when the server has ended: {remains}")


def _check_people(server: Server) -> None:
    world = server.world
    for nick, member in world.members.items():
        if fold(member.nick) != nick:
            raise Wrong(f"{member.nick} is known as {nick}")
    live = {id(session.member) for session in server.sessions if session.member is not None}
    ghosts = [
        member.nick
        for member in world.members.values()
        if not member.is_bot and id(member) not in live
    ]
    if ghosts:
        raise Wrong(f"members without a session: {ghosts}")


def _check_rooms(server: Server) -> None:
    world = server.world
    for name, room in world.rooms.items():
        if fold(room.name) != name:
            raise Wrong(f"{room.name} is known as {name}")
        if not room.members and room not in world.deserted:
            raise Wrong(f"{room.name} is empty and still there")
        for member in room.members:
            if member.rooms.get(name) is not room:
                raise Wrong(f"{member.nick} is in {name}, and does not know it")
            if world.members.get(fold(member.nick)) is not member:
                raise Wrong(f"{member.nick} is in {name}, and not on the server")
        grouped = [member for group in room.groups.values() for member in group]
        if sorted(map(id, grouped)) != sorted(map(id, room.members)):
            raise Wrong(f"the styles of {name} are not those of its members")
    for member in world.members.values():
        for name, room in member.rooms.items():
            if world.rooms.get(name) is not room or member not in room.members:
                raise Wrong(f"{member.nick} believes to be in {name}")


def _check_outboxes(server: Server) -> None:
    limits = server.config.outbox
    sizes = [session.waiting for session in server.sessions]
    if any(size > limits.hard for size in sizes):
        raise Wrong(f"an outbox holds {max(sizes)} bytes, and {limits.hard} is the most")
    if sum(sizes) != server.waiting:
        raise Wrong(f"{sum(sizes)} bytes wait in all outboxes, and {server.waiting} are counted")
