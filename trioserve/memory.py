"""Connections in memory, whose other end a test holds."""

import errno
import os
from collections.abc import Callable
from typing import ClassVar, Final

import attrs
import trio
from trio.lowlevel import ParkingLot

from trioserve.transport import Transport

WINDOW: Final = 64 * 1024  # bytes that a connection holds for a person who does not read


@attrs.define(eq=False)
class MemoryTransport:
    """A connection in memory, whose other end a test holds.

    While `reading`, the other end takes whatever is sent at once; else at most
    `window` bytes fit, as in a kernel's buffers.
    """

    is_open: ClassVar[bool] = True

    peer: str = "memory"
    host: str | None = None
    is_operator: bool = False
    window: int = WINDOW  # bytes
    reading: bool = True
    is_private: bool = True
    is_telnet: bool = False
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

    async def open(self) -> Transport:
        return self

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

    def peek(self, size: int) -> bytes:
        self._check()
        return bytes(self._typed[:size])

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
