"""Connections in memory that remember what tests must know of them, and some that break."""

import errno
import os
from collections import deque
from collections.abc import Callable

import attrs
import trio

from trioserve.memory import MemoryTransport


@attrs.define(eq=False)
class Wire(MemoryTransport):
    """A connection that knows since when its other end has not read what it was sent."""

    # When the bytes that lie there unread were sent, and how many at a time.
    _sent: deque[tuple[float, int]] = attrs.field(factory=deque, init=False)

    def try_send(self, data: bytes) -> int:
        sent = MemoryTransport.try_send(self, data)
        if sent and not self.reading:
            self._sent.append((trio.current_time(), sent))
        return sent

    def read(self, most: int) -> bytes:
        data = MemoryTransport.read(self, most)
        read = len(data)
        while read:
            at, size = self._sent.popleft()
            if size > read:
                self._sent.appendleft((at, size - read))
            read -= min(size, read)
        return data

    @property
    def unread_for(self) -> float:
        """For how long (seconds) the oldest of what was sent has not been read."""
        return trio.current_time() - self._sent[0][0] if self._sent else 0.0

    @property
    def is_broken(self) -> bool:
        """Whether it was broken off: each end knows, sooner or later."""
        return self._broken is not None


@attrs.define(eq=False)
class FragileWire(Wire):
    """One that breaks in the middle of a write, or at whose end the code itself fails."""

    struck: Callable[[str], None] = attrs.field(kw_only=True)  # told of each fault
    holds: int = attrs.field(kw_only=True)  # bytes, then it breaks
    fails_at_end: Exception | None = attrs.field(kw_only=True)  # instead of breaking

    def try_send(self, data: bytes) -> int:
        if self.fails_at_end is not None or len(data) <= self.holds:
            sent = Wire.try_send(self, data)
            self.holds -= sent
            return sent
        self.struck("wire broke in a write")
        Wire.try_send(self, data[: self.holds])
        error = BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        self.break_off(error)
        raise error

    def end_writing(self) -> None:
        if self.fails_at_end is not None:
            self.struck("cleanup crashed")
            raise self.fails_at_end
        Wire.end_writing(self)
