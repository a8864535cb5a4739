"""What holds of a server after each step, whatever people have done."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import pytest
import trio

from tests.sim.chronicle import Chronicle, Wrong
from tests.sim.wires import Wire
from trioserve.names import fold
from trioserve.outbox import Outbox
from trioserve.rooms.outlet import Piece
from trioserve.server import Server


def check(server: Server, bots: Collection[str]) -> None:
    """Raises Wrong unless the server is consistent, and within its bounds.

    `bots` are the nicks of those who may be here.
    """
    _check_people(server, bots)
    _check_rooms(server)
    _check_outboxes(server)
    _check_inbox(server)


def check_settled(server: Server, wires: Iterable[Wire]) -> None:
    """Raises Wrong unless each session has its member and each open connection its session.

    Once nobody has anything to do; `wires` are of those who were let in.
    """
    world, served = server.world, {}
    for session in server.sessions:
        served[id(session._transport)] = session
        if session._login is not None or (member := session.member) is None:
            continue
        if world.members.get(fold(member.nick)) is not member or member.seat is not session:
            raise Wrong(f"{member.nick} has a session, and is not here")
    if left := [wire.peer for wire in wires if not wire.is_closed and id(wire) not in served]:
        raise Wrong(f"open, though their sessions have ended: {left}")


@contextmanager
def checked_outboxes() -> Iterator[None]:
    """See in the block that each outbox keeps its bounds at each piece that it is given.

    Raises:
        Wrong: at the end, of the first that did not: in the middle, the server would log it.
    """
    wrongs: list[Wrong] = []
    put_piece = Outbox.put_piece

    def checked(outbox: Outbox, piece: Piece) -> None:
        limits, before = outbox.drains.limits, outbox.size
        put_piece(outbox, piece)
        if before >= limits.soft and outbox.size > before:
            wrongs.append(Wrong(f"{piece.room} is sent to one with {before} bytes to read"))
        if outbox.size > limits.hard:
            wrongs.append(Wrong(f"an outbox holds {outbox.size} bytes"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outbox, "put_piece", checked)
        yield
    if wrongs:
        raise wrongs[0]


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


def check_rest(server: Server) -> None:
    """Raises Wrong unless each task has its session or outbox, when everything has come to rest."""
    root = trio.lowlevel.current_root_task()
    assert root is not None
    tasks = Counter(task.name for task in _tasks_below(root))
    sessions = len(server.sessions)
    full = sum(1 for session in server.sessions if session.waiting)
    if server.broker.resuming.lost:
        raise Wrong(f"still kept are {list(server.broker.resuming.lost)}, who have not come back")
    if tasks["session"] != sessions or tasks["drain"] != full:
        raise Wrong(
            f"{tasks['session']} tasks for {sessions} sessions, {tasks['drain']} for {full} drains"
        )


async def check_kept(server: Server, chronicle: Chronicle, others: int) -> None:
    """Raises Wrong unless all that was said is kept, once, but for what is counted as lost.

    `others` is how many records were kept that are no talk.
    """
    await server.journal.settle()
    kept = await server.archive.read(_ids)
    said = [message.id for message in chronicle.said()]
    missing = len(set(said) - set(kept))
    if missing > server.journal.lost or len(kept) != len(set(kept)):
        raise Wrong(f"{missing} messages are not kept, and {server.journal.lost} were lost")
    if server.journal.kept != len(kept) + others:
        raise Wrong(f"{server.journal.kept} are counted as kept, {len(kept)} and {others} are")


def _ids(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT id FROM messages ORDER BY id")]


def _tasks_below(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield child
            yield from _tasks_below(child)


def _check_inbox(server: Server) -> None:
    waiting = server.broker._receive.statistics().current_buffer_used
    if waiting > server.config.broker.inbox:
        raise Wrong(f"{waiting} requests wait in the inbox for {server.config.broker.inbox}")


def _check_people(server: Server, bots: Collection[str]) -> None:
    world = server.world
    for nick, member in world.members.items():
        if fold(member.nick) != nick:
            raise Wrong(f"{member.nick} is known as {nick}")
    # Also whom a session has asked the broker to let go, which is not done yet.
    live = {id(session): session._member for session in server.sessions}
    ghosts = [
        member.nick
        for member in world.members.values()
        if not (member.is_bot or member.is_lost) and live.get(id(member.seat)) is not member
    ]
    if ghosts:
        raise Wrong(f"members without a session: {ghosts}")
    if stray := [
        each.nick for each in world.members.values() if each.is_bot and each.nick not in bots
    ]:
        raise Wrong(f"bots that nobody speaks by: {stray}")
    if len({*map(id, world.members.values())}) != len(world.members):
        raise Wrong(f"one has several of these nicks: {list(world.members)}")
    _check_lost(server)


def _check_lost(server: Server) -> None:
    world, resuming = server.world, server.broker.resuming
    lost = [member for member in world.members.values() if member.is_lost]
    if {*map(id, lost)} != {*map(id, resuming.lost)}:
        raise Wrong(f"lost are {lost}, and kept are {list(resuming.lost)}")
    if len(lost) > resuming.limits.most:
        raise Wrong(f"{len(lost)} are kept who are lost, and {resuming.limits.most} is the most")
    latest = server.broker.now() + resuming.limits.keep
    for member, box in resuming.lost.items():
        if box.deadline > latest:
            raise Wrong(f"{member.nick} is to be kept for {box.deadline - latest:g} s too long")
    for words, member in resuming._by_words.items():
        if member.words != words or not world.is_here(member):
            raise Wrong(f"{words} are the words of {member}, who is gone")


def _check_rooms(server: Server) -> None:
    world = server.world
    for name, room in world.rooms.items():
        if fold(room.name) != name:
            raise Wrong(f"{room.name} is known as {name}")
        kept = world.roomkeeping
        if not (room.members or room in kept.deserted or room in kept.claims.held):
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
    served = [session._transport for session in server.sessions]
    if any(size > limits.hard for size in sizes):
        raise Wrong(f"an outbox holds {max(sizes)} bytes, and {limits.hard} is the most")
    drained = server._drains._draining
    for session in server.sessions:
        is_held = session._outbox._held and session._login is not None  # who is about to come in
        if session.waiting and session._outbox not in drained and not is_held:
            raise Wrong(f"for {session._transport.peer} bytes wait, and nobody sends them")
    if stray := [each for each in drained if each.size and each.transport not in served]:
        raise Wrong(f"for {stray[0].transport.peer} bytes wait, whose session has ended")
    if sum(sizes) != server.waiting:
        raise Wrong(f"{sum(sizes)} bytes wait in all outboxes, and {server.waiting} are counted")
