"""What one person types: received bytes to lines, queued, bounded, paced."""

import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import attrs
import trio

from trioserve.limits import TokenBucket
from trioserve.messages import Asked
from trioserve.outbox import Outbox
from trioserve.sessions.withholding import Withholding, may_be_secret
from trioserve.terminal.linemode import LineMode
from trioserve.terminal.terminal import Terminal
from trioserve.transport import Transport
from trioserve.wire.lines import LineSplitter, Typed, decoded
from trioserve.wire.render import render
from trioserve.wire.strangers import Stranger, protocol_of
from trioserve.wire.style import Style
from trioserve.wire.telnet import Signal

LINE_SIZE: Final = 64  # bytes that a waiting line takes besides its text
KEYS_AT_ONCE: Final = 256  # bytes of keys, then others get a turn: each may cost 0.1 ms

# Bytes that are read beyond what may wait, for what ends it. A kernel holds less of them (see
# `tcp.RECEIVE_BUFFER`): what is behind those has not come yet.
LOOK_AHEAD: Final = 64 * 1024
LOOK: Final = 0.5  # seconds between two looks at what has come and is not read

# A /cancel that is a line, or telnet's Interrupt Process.
_ENDS_WHAT_WAITS: Final = re.compile(rb"(?:\A|[\r\n])/cancel[ \t]*[\r\n]|\xff\xf4", re.IGNORECASE)


@attrs.define(eq=False)
class Intake:
    """The input of one connection: bytes that become lines, and those that wait.

    Until a byte has looked like telnet's, there is no `terminal`, and until a
    line has to wait, no queue: an idle connection keeps little more than its
    unfinished line. `buffer` is shared by all connections of a run; nothing
    awaits between filling it and cutting it into lines.
    """

    transport: Transport
    buffer: memoryview
    splitter: LineSplitter
    max_waiting: int  # bytes of lines that wait; with more, no line is read
    bucket: TokenBucket | None  # bytes that may be read; None: all
    outbox: Outbox
    on_slowed: Callable[[], None]  # tells, once, that bytes come too fast
    tls_port: int | None  # of the same server's, for who speaks TLS here
    ended: bool = attrs.field(default=False, init=False)  # nothing more will come
    is_holding: bool = attrs.field(default=False, init=False)  # a line is held by flood control
    terminal: Terminal | None = attrs.field(default=None, init=False)
    _question: Asked | None = attrs.field(default=None, init=False)  # what is asked at present
    _secret: bool = attrs.field(default=False, init=False)  # its answer
    # Of the lines that come next; None: all are sent.
    _withholding: Withholding | None = attrs.field(default=None, init=False)
    _slowed: bool = attrs.field(default=False, init=False)
    _began: bool = attrs.field(default=False, init=False)
    _waiting: deque[Typed] | None = attrs.field(default=None, init=False)
    _waiting_size: int = attrs.field(default=0, init=False)  # bytes, about
    _eased: trio.Event | None = attrs.field(default=None, init=False)

    @property
    def is_telnet(self) -> bool:
        """Whether the peer has shown that it speaks telnet."""
        return self.terminal is not None and self.terminal.client.spoken

    @property
    def is_hiding(self) -> bool:
        """Whether the peer, in line mode, shows nothing of what is typed there."""
        return not self.has_keys and self.terminal is not None and self.terminal.client.is_hiding

    @property
    def has_keys(self) -> bool:
        """Whether the peer sends each key as it is pressed."""
        return self.terminal is not None and self.terminal.has_keys

    def open_terminal(self) -> Terminal:
        """Take the peer for a telnet from now on, or at least for what may turn out as one."""
        if self.terminal is None:
            self.terminal = Terminal(self.outbox, LineMode(self.splitter))
            self.terminal.typist.is_heard = lambda: not self.ended
            self.terminal.typist.crowd = lambda: self.unsent if self.is_full else 0
            if self._question is not None:
                self.terminal.ask(self._question.text, secret=self._secret)
        return self.terminal

    def close_terminal(self) -> None:
        """Leave the terminal as it was before us; what came of a line stays to be seen."""
        if self.terminal is not None:
            self.terminal.close()

    def ask(self, question: Asked, style: Style, *, secret: bool = False) -> None:
        """Show a question, behind which its answer is typed; of a secret, unseen if possible."""
        self._question, self._secret = question, secret
        if secret:
            self._withholding = None
        self.ask_again(style)

    def ask_again(self, style: Style) -> None:
        """Show the question once more: what came was no answer."""
        question = self._question
        assert question is not None
        if self.terminal is None or not self.terminal.ask(question.text, secret=self._secret):
            self.outbox.put(render(question, style))

    def end_question(self, *, abandoned: bool = False) -> None:
        """What was asked needs no answer any more.

        An `abandoned` question ended while somebody may be typing its answer. A secret
        must not be read by the room then: what a terminal's keys have begun is dropped, else
        the next line is withheld, if it is no command.
        """
        was_secret = self._secret
        self._question, self._secret = None, False
        if self.terminal is not None:
            self.terminal.end_question()
        if abandoned and was_secret:
            self.withhold_next()

    def withhold_next(self, among: Sequence[str] | None = None) -> None:
        """Send no line that comes next, if it is no command: it may be a secret, or is among some.

        What a terminal drops already is that line.
        """
        if among is not None and self.withholds_any:
            return  # a question that was abandoned is not made good by what came of its command
        if self.terminal is None or not self.terminal.is_dropping:
            self._withholding = Withholding(among)

    @property
    def withholds_any(self) -> bool:
        """Whether the line that comes next is not sent, whatever it is, but for a command."""
        return self._withholding is not None and self._withholding.among is None

    def withhold_waiting(self, among: Sequence[str] | None = None) -> int:
        """Drop the lines that wait and may be secrets, or are among these; return how many."""
        kept = [each for each in self._waiting or () if not may_be_secret(each, among)]
        dropped = [each for each in self._waiting or () if may_be_secret(each, among)]
        if dropped:
            self._waiting = deque(kept)
            self._ease(sum(map(_size, dropped)))
        return len(dropped)

    async def receive(self) -> list[Typed]:
        """Wait for input and return what it completes, maybe nothing; checkpoints.

        Waits also while too many lines wait already or too many bytes came of
        late, which closes the peer's window (see `may_read`).

        Raises:
            OSError: when the connection breaks.
            ProtocolError: when the peer sends what no chat client should.
        """
        if self.is_full:
            await self.may_read()
        if self.bucket is not None:
            delay = self.bucket.delay(trio.current_time(), 1)
            if delay > 0:
                if not self._slowed:
                    self._slowed = True
                    self.on_slowed()
                await trio.sleep(delay)
        terminal = self.terminal
        if terminal is not None and terminal.is_broken:
            await trio.lowlevel.checkpoint()
            return terminal.receive_data(b"", trio.current_time())
        has_keys = terminal is not None and terminal.has_keys
        buffer = self.buffer[:KEYS_AT_ONCE] if has_keys else self.buffer
        size = await self.transport.receive_into(buffer)
        typed = self._typed(bytes(buffer[:size])) if size else self._finish()
        if self._withholding is not None and not self._withholding.sift(typed):
            self._withholding = None
        if self.bucket is not None:
            cost = 0 if self.terminal is None else self.terminal.take_cost()
            self.bucket.take(trio.current_time(), size + cost)
        return typed

    @property
    def is_full(self) -> bool:
        """Whether so many lines wait that no more are taken."""
        return self._waiting_size > self.max_waiting

    @property
    def unsent(self) -> int:
        """How many lines wait, with the one that flood control holds back."""
        pasted = self.terminal.unread if self.terminal is not None else 0
        waiting = sum(isinstance(each, str) for each in self._waiting or ())
        return waiting + pasted + self.is_holding

    async def may_read(self) -> None:
        """Wait while too many lines wait for more to be read.

        Keys are read on, or what is typed were not seen, nor Ctrl-C heeded: their Enter has to
        wait. And so are lines, if one has come that is to end those: who has pasted a
        novel by mistake must not have to wait until most of it is said.
        """
        while self.is_full and not self.has_keys and not self._sees_its_end():
            with trio.move_on_after(LOOK):
                await self.eased()

    def _sees_its_end(self) -> bool:
        """Whether there is, in what has come and is not read, what ends that which waits."""
        if self._waiting_size > self.max_waiting + LOOK_AHEAD:
            return False
        return _ENDS_WHAT_WAITS.search(self.transport.peek(LOOK_AHEAD)) is not None

    async def eased(self) -> None:
        """Wait until a line has been taken."""
        if self._eased is None:
            self._eased = trio.Event()
        await self._eased.wait()

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
        self._ease(_size(typed))
        return typed

    def clear(self) -> int:
        """Drop what waits; return how many lines that were."""
        dropped = len(self)
        self._waiting = None
        self._ease(self._waiting_size)
        return dropped

    def take_first(self, wanted: Callable[[Typed], bool], *, keep_others: bool) -> int | None:
        """Take out the first of what waits that is wanted, and drop what waits before it.

        Return how many were dropped, none if `keep_others`; None if nothing was wanted.
        """
        waiting = list(self._waiting or ())
        index = next((at for at, each in enumerate(waiting) if wanted(each)), None)
        if index is None:
            return None
        gone = waiting[index : index + 1] if keep_others else waiting[: index + 1]
        self._waiting = deque([*(waiting[:index] if keep_others else ()), *waiting[index + 1 :]])
        self._ease(sum(map(_size, gone)))
        return 0 if keep_others else index

    def _ease(self, gone: int) -> None:
        """Note that so many bytes less wait."""
        self._waiting_size -= gone
        if not self._waiting:
            self._waiting = None
        if self._eased is not None:
            self._eased.set()
            self._eased = None

    def __len__(self) -> int:
        """How many lines wait."""
        return 0 if self._waiting is None else len(self._waiting)

    def _typed(self, data: bytes) -> list[Typed]:
        if not self._began:
            self._began = True
            if (protocol := protocol_of(data)) is not None:
                raise Stranger(protocol, self.tls_port)
        if self.terminal is None and 0xFF not in data:
            lines = self.splitter.receive_data(data)
            return [None if line is None else line.decode("utf-8", "replace") for line in lines]
        terminal = self.open_terminal()
        return _once_each(terminal.receive_data(data, trio.current_time()))

    def _finish(self) -> list[Typed]:
        self.ended = True
        if self.terminal is not None:
            return self.terminal.finish()
        return [decoded(line) for line in self.splitter.finish()]


def _once_each(typed: list[Typed]) -> list[Typed]:
    """Keep only the last of each of telnet's keys: who sends thousands at once gets one answer."""
    last = {each: at for at, each in enumerate(typed) if isinstance(each, Signal)}
    return [
        each for at, each in enumerate(typed) if not isinstance(each, Signal) or last[each] == at
    ]


def _size(typed: Typed) -> int:
    return LINE_SIZE + (len(typed) if isinstance(typed, str) else 0)
