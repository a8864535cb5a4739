"""The kit for tests: the whole server without a socket, and people to talk to it.

    async with open_chat() as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("hello")
        await bob.sees("<ann> hello")

Run it under Trio's mock clock (pytest-trio's ``autojump_clock``): nothing here
waits for a file descriptor or a thread, so days pass in milliseconds.
"""

import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio
import trio.testing
from trio.lowlevel import ParkingLot

from trioserve.config import Config
from trioserve.registry import Registry, builtin
from trioserve.server import Server
from trioserve.transport import Transport

PATIENCE: Final = 5.0  # seconds on the test's clock to wait for what should be seen
WINDOW: Final = 64 * 1024  # bytes that a connection holds for a person who does not read


@attrs.define(eq=False)
class MemoryTransport:
    """A connection in memory, whose other end a test holds.

    While `reading`, the other end takes whatever is sent at once; else at most
    `window` bytes fit, as in a kernel's buffers.
    """

    peer: str = "memory"
    host: str | None = None
    window: int = WINDOW  # bytes
    reading: bool = True
    received: bytearray = attrs.field(factory=bytearray, init=False)  # what the other end read
    writes: int = attrs.field(default=0, init=False)  # calls of try_send
    is_closed: bool = attrs.field(default=False, init=False)
    output_ended: bool = attrs.field(default=False, init=False)
    _unread: bytearray = attrs.field(factory=bytearray, init=False)  # by the other end
    _typed: bytearray = attrs.field(factory=bytearray, init=False)  # not received here yet
    _input_ended: bool = attrs.field(default=False, init=False)
    _broken: OSError | None = attrs.field(default=None, init=False)
    _arrived: ParkingLot = attrs.field(factory=ParkingLot, init=False)  # bytes for the server
    _eased: ParkingLot = attrs.field(factory=ParkingLot, init=False)  # room for more from it
    _shown: ParkingLot = attrs.field(factory=ParkingLot, init=False)  # for a test to look at

    # ------------------------------------------------------- the server's end

    def try_send(self, data: bytes) -> int:
        self._check()
        self.writes += 1
        if self.output_ended:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        if self.reading:
            self.received += data
            sent = len(data)
        else:
            sent = max(0, min(len(data), self.window - len(self._unread)))
            self._unread += data[:sent]
        self._shown.unpark_all()
        return sent

    async def wait_writable(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self._is_over() and not self.reading and len(self._unread) >= self.window:
            await self._eased.park()
        if self.is_closed:
            raise trio.ClosedResourceError

    async def receive_into(self, buffer: memoryview) -> int:
        await trio.lowlevel.checkpoint()
        while not (self._typed or self._input_ended or self._is_over()):
            await self._arrived.park()
        if self.is_closed:
            raise trio.ClosedResourceError
        self._check()
        size = min(len(buffer), len(self._typed))
        buffer[:size] = self._typed[:size]
        del self._typed[:size]
        return size

    def end_writing(self) -> None:
        self._check()
        self.output_ended = True
        self._shown.unpark_all()

    def close(self) -> None:
        self.is_closed = True
        self._wake()

    def _check(self) -> None:
        if self.is_closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if self._broken is not None:
            raise self._broken

    def _is_over(self) -> bool:
        return self.is_closed or self._broken is not None

    def _wake(self) -> None:
        for lot in (self._arrived, self._eased, self._shown):
            lot.unpark_all()

    # --------------------------------------------------------- the other end

    def type(self, data: bytes) -> None:
        """Send bytes to the server."""
        self._typed += data
        self._arrived.unpark_all()

    @property
    def untaken(self) -> int:
        """How many of the bytes that were sent the server has not received yet."""
        return len(self._typed)

    def end_input(self) -> None:
        """Send no more: a FIN."""
        self._input_ended = True
        self._arrived.unpark_all()

    def read(self, most: int) -> bytes:
        """Read at most so many of the bytes that wait."""
        data = bytes(self._unread[:most])
        del self._unread[:most]
        self.received += data
        self._eased.unpark_all()
        self._shown.unpark_all()
        return data

    def read_on(self) -> None:
        """Read all that waits, and from now on whatever comes."""
        self.reading = True
        self.read(len(self._unread))

    def break_off(self, error: OSError | None = None) -> None:
        """Break the connection: a reset, or another error."""
        self._broken = error or ConnectionResetError(
            errno.ECONNRESET, os.strerror(errno.ECONNRESET)
        )
        self._wake()

    async def changed(self) -> None:
        """Wait until the other end has something new to look at."""
        await self._shown.park()


@attrs.define(eq=False)
class MemoryEdge:
    """A way in for connections in memory."""

    _admit: Callable[[Transport], None] | None = attrs.field(default=None, init=False)

    async def serve(self, admit: Callable[[Transport], None]) -> None:
        self._admit = admit
        try:
            await trio.sleep_forever()
        finally:
            self._admit = None

    def connect(self, transport: Transport) -> None:
        """Let a connection come in.

        Raises:
            ConnectionRefusedError: if nobody listens.
        """
        if self._admit is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        self._admit(transport)


@attrs.define(eq=False)
class Person:
    """Somebody at a terminal: types lines, and sees them one after the other.

    What was seen is seen: each `sees` looks behind the line that the last one found.
    """

    transport: MemoryTransport
    nick: str = "nobody"
    _seen: int = attrs.field(default=0, init=False)  # bytes

    async def types(self, *lines: str) -> None:
        """Type lines, and let the server do what it can about them."""
        self.transport.type("".join(f"{line}\n" for line in lines).encode())
        await trio.testing.wait_all_tasks_blocked()

    async def sees(self, text: str) -> str:
        """Wait for a line that holds `text`, and return it; a prompt counts as a line.

        Raises:
            AssertionError: if there is none within PATIENCE, or the connection ended first.
        """
        with trio.move_on_after(PATIENCE):
            while True:
                if (line := self._find(text)) is not None:
                    return line
                if self.is_gone:
                    break
                await self.transport.changed()
        raise AssertionError(f"{self.nick} does not see {text!r} but {self.unseen()!r}")

    async def sees_nothing(self) -> None:
        """Check that nothing more is shown once the server has come to rest."""
        await trio.testing.wait_all_tasks_blocked()
        if unseen := self.unseen():
            raise AssertionError(f"{self.nick} sees {unseen!r}")

    async def sees_the_end(self) -> str:
        """Wait until the connection is closed, and return what was shown until then."""
        with trio.fail_after(60):
            while not self.is_gone:
                await self.transport.changed()
        return self.unseen()

    def unseen(self) -> str:
        """What has been shown since the last line that was seen; now it is seen, too."""
        text = self.transport.received[self._seen :].decode("utf-8", "replace")
        self._seen = len(self.transport.received)
        return text

    @property
    def is_gone(self) -> bool:
        """Whether the server has closed the connection."""
        return self.transport.is_closed

    def _find(self, text: str) -> str | None:
        position = self._seen
        for line in self.transport.received[self._seen :].splitlines(keepends=True):
            position += len(line)
            if text in (decoded := line.decode("utf-8", "replace")):
                self._seen = position
                return decoded.rstrip("\r\n")
        return None


@attrs.define(eq=False)
class Chat:
    """A server that runs, and the way into it."""

    server: Server
    edge: MemoryEdge
    people: list[Person] = attrs.field(factory=list, init=False)  # who have joined

    def connect(
        self, *, host: str | None = None, window: int = WINDOW, reading: bool = True
    ) -> Person:
        """Let somebody connect who has given no name yet."""
        transport = MemoryTransport(host=host, window=window, reading=reading)
        self.edge.connect(transport)
        return Person(transport)

    async def join(self, nick: str, *, host: str | None = None, window: int = WINDOW) -> Person:
        """Let somebody come in under a name.

        They have seen their greeting then, and everybody the news of their coming.
        """
        person = self.connect(host=host, window=window)
        person.nick = nick
        await person.types(nick)
        await person.sees(f"-- {self.server.config.rooms.first}: ")
        self.people.append(person)
        for each in self.people:
            each.unseen()  # of the joining
        return person


@asynccontextmanager
async def open_chat(
    config: Config | None = None, registry: Registry | None = None
) -> AsyncIterator[Chat]:
    """Run a server for as long as the block lasts, then stop it in order."""
    chat = Chat(Server(config or Config(), registry or builtin()), MemoryEdge())
    async with trio.open_nursery() as nursery:
        await nursery.start(chat.server.serve, [chat.edge])
        await trio.testing.wait_all_tasks_blocked()
        yield chat
        chat.server.stop()
