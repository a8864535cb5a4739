"""A way in that the simulator owns: the real accept loop, at a socket in memory that runs short."""

import errno
import os
import socket
from collections import deque
from typing import Any, cast

import attrs
import trio

from tests.sim.wires import Wire
from trioserve.edge.sockets import Listener, SocketTransport
from trioserve.transport import Transport

NO_DESCRIPTOR = 1_000_000  # of a file: none of ours is


@attrs.define(eq=False)
class Arrived:
    """What stands for an accepted socket: the connection behind it."""

    wire: Wire
    family: int = socket.AF_UNIX

    def setblocking(self, _: bool) -> None:
        """It never blocks."""


@attrs.define(eq=False)
class Door:
    """A listening socket, which has no descriptors left while it is `short`."""

    family: int = socket.AF_UNIX
    short: bool = False
    refused: int = attrs.field(default=0, init=False)  # how often nobody could be accepted
    waiting: deque[Wire] = attrs.field(factory=deque, init=False)
    _moved: trio.Event = attrs.field(factory=trio.Event, init=False)

    def knock(self, wire: Wire) -> None:
        """Let somebody come to the door."""
        self.waiting.append(wire)
        self._moved.set()

    async def wait(self) -> None:
        """Wait until somebody is at the door; a level, as of a socket, and no edge."""
        await trio.lowlevel.checkpoint()
        while not self.waiting:
            self._moved = trio.Event()
            await self._moved.wait()

    def accept(self) -> tuple[Arrived, str]:
        if not self.waiting:
            raise BlockingIOError
        if self.short:
            self.refused += 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return Arrived(self.waiting.popleft()), ""

    def fileno(self) -> int:
        return NO_DESCRIPTOR

    def close(self) -> None:
        """Nothing is to be closed."""


class Doorway(Listener):
    """The server's own accept loop, at a `Door`."""

    def __init__(self, door: Door) -> None:
        super().__init__(cast("socket.socket", door), "the door", is_local=True, wrap=_wire_of)
        self.door = door

    async def _arrival(self) -> None:
        await self.door.wait()


def _wire_of(accepted: SocketTransport) -> Transport:
    found: Any = accepted._socket
    wire: Wire = found.wire
    return wire
