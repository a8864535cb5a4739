"""What one person types: received bytes to lines, queued, bounded, paced."""

from collections import deque
from collections.abc import Callable, Iterator

import attrs
import trio

from trioserve.errors import ProtocolError
from trioserve.limits import TokenBucket
from trioserve.transport import Transport
from trioserve.wire.lines import LineSplitter
from trioserve.wire.strangers import HERE, protocol_of
from trioserve.wire.telnet import Signal, TelnetFilter

Typed = str | Signal | None  # a line, a key of telnet's, or a line that was too long


@attrs.define(eq=False)
class Intake:
    """The input of one connection: bytes that become lines, and those that wait.

    Until a byte has looked like telnet's, there is no telnet filter, and until
    a line has to wait, no queue: an idle connection keeps little more than its
    unfinished line. `buffer` is shared by all connections of a run; nothing
    awaits between filling it and cutting it into lines.
    """

    transport: Transport
    buffer: memoryview
    splitter: LineSplitter
    max_waiting: int  # bytes of lines that wait; with more, nothing is read
    bucket: TokenBucket | None  # bytes that may be read; None: all
    answer: Callable[[bytes], None]  # sends telnet's answers
    on_slowed: Callable[[], None]  # tells, once, that bytes come too fast
    ended: bool = attrs.field(default=False, init=False)  # nothing more will come
    _telnet: TelnetFilter | None = attrs.field(default=None, init=False)
    _slowed: bool = attrs.field(default=False, init=False)
    _began: bool = attrs.field(default=False, init=False)
    _waiting: deque[Typed] | None = attrs.field(default=None, init=False)
    _waiting_size: int = attrs.field(default=0, init=False)  # bytes, about
    _eased: trio.Event | None = attrs.field(default=None, init=False)

    @property
    def is_telnet(self) -> bool:
        """Whether the peer has shown that it speaks telnet."""
        return self._telnet is not None and self._telnet.spoken

    async def receive(self) -> list[Typed]:
        """Wait for input and return what it completes, maybe nothing; checkpoints.

        Waits also while too many lines wait already or too many bytes came of
        late, which closes the peer's window.

        Raises:
            OSError: when the connection breaks.
            ProtocolError: when the peer sends what no chat client should.
        """
        while self._waiting_size > self.max_waiting:
            if self._eased is None:
                self._eased = trio.Event()
            await self._eased.wait()
        if self.bucket is not None:
            delay = self.bucket.delay(trio.current_time(), 1)
            if delay > 0:
                if not self._slowed:
                    self._slowed = True
                    self.on_slowed()
                await trio.sleep(delay)
        size = await self.transport.receive_into(self.buffer)
        if self.bucket is not None:
            self.bucket.take(trio.current_time(), size)
        return self._typed(bytes(self.buffer[:size])) if size else self._finish()

    def push(self, typed: Typed) -> None:
        """Let a line wait behind the others."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(typed)
        self._waiting_size += _size(typed)

    def pop(self) -> Typed:
        """Take the line that has waited longest; raises IndexError if none waits."""
        if self._waiting is None:
            raise IndexError("no line waits")
        typed = self._waiting.popleft()
        self._waiting_size -= _size(typed)
        if not self._waiting:
            self._waiting = None
        if self._eased is not None:
            self._eased.set()
            self._eased = None
        return typed

    def __len__(self) -> int:
        """How many lines wait."""
        return 0 if self._waiting is None else len(self._waiting)

    def _typed(self, data: bytes) -> list[Typed]:
        if not self._began:
            self._began = True
            if (protocol := protocol_of(data)) is not None:
                raise ProtocolError(f"{HERE}, not for {protocol}")
        if self._telnet is None:
            if 0xFF not in data:
                return [_decoded(line) for line in self.splitter.receive_data(data)]
            self._telnet = TelnetFilter()
        typed: list[Typed] = []
        for part in self._telnet.receive_data(data):
            typed.extend(self._part(part))
        if answers := self._telnet.take_answers():
            self.answer(answers)
        return typed

    def _part(self, part: bytes | Signal) -> Iterator[Typed]:
        if isinstance(part, bytes):
            yield from map(_decoded, self.splitter.receive_data(part))
        elif part is Signal.ERASE_CHARACTER:
            self.splitter.erase_character()
        elif part is Signal.ERASE_LINE:
            self.splitter.erase_line()
        else:
            yield part

    def _finish(self) -> list[Typed]:
        self.ended = True
        last = self._telnet.finish() if self._telnet is not None else b""
        lines = self.splitter.receive_data(last) + self.splitter.finish()
        return [_decoded(line) for line in lines]


def _decoded(line: bytes | None) -> str | None:
    return None if line is None else line.decode("utf-8", "replace")


def _size(typed: Typed) -> int:
    return len(typed) + 1 if isinstance(typed, str) else 1
