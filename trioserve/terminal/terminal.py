"""One telnet client: its negotiation, and the mode that it is in.

It sits beside the outbox. What comes are lines, as of everybody (see `linemode`), or
keys (see `charmode`).
"""

from collections.abc import Iterator
from typing import Final

import attrs
import trio

from trioserve.errors import ProtocolError
from trioserve.outbox import Outbox
from trioserve.rooms.member import Member
from trioserve.terminal.charmode import CharacterMode
from trioserve.terminal.linemode import LineMode, not_sent
from trioserve.terminal.typist import Typist
from trioserve.wire.buffer import MAX_DRAFT
from trioserve.wire.client import TelnetClient
from trioserve.wire.editor import Editor
from trioserve.wire.keys import Key
from trioserve.wire.keystream import KeyDecoder
from trioserve.wire.lines import Typed
from trioserve.wire.pager import Pager
from trioserve.wire.style import Screen
from trioserve.wire.telnet import Signal

COLUMNS, ROWS = 80, 24  # of a window whose size is not known
ESCAPE: Final = 0.1  # seconds after which Esc was a key of its own, and begins no sequence

_PASTE_MODE_ON, _PASTE_MODE_OFF = b"\x1b[?2004h", b"\x1b[?2004l"  # xterm's bracketed paste

_KEYS: Final = {
    Signal.INTERRUPT: Key.INTERRUPT,
    Signal.ERASE_CHARACTER: Key.BACKSPACE,
    Signal.ERASE_LINE: Key.KILL_LEFT,
}


@attrs.define(eq=False)
class Terminal:
    """One telnet client, and what is typed there."""

    outbox: Outbox
    lines: LineMode
    client: TelnetClient = attrs.field(factory=TelnetClient, init=False)
    typist: Typist = attrs.field(factory=Typist, init=False)
    screen: Screen = attrs.field(factory=Screen, init=False)  # what is known of it by now
    _mode: CharacterMode | None = attrs.field(default=None, init=False)
    _changed: trio.Event | None = attrs.field(default=None, init=False)
    _received: float = attrs.field(default=0.0, init=False)  # when something came last
    _fault: ProtocolError | None = attrs.field(default=None, init=False)  # that ends the session

    @property
    def is_broken(self) -> bool:
        """Whether the next `receive_data` raises what ends the session, whatever comes."""
        return self._fault is not None

    @property
    def has_keys(self) -> bool:
        """Whether it is in character mode."""
        return self._mode is not None

    @property
    def unread(self) -> int:
        """How many lines have come that nobody has had yet."""
        return self.lines.unread

    # ------------------------------------------------------------ what comes

    def receive_data(self, data: bytes, now: float) -> list[Typed]:
        """Return the lines and signals that received bytes complete.

        Raises:
            ProtocolError: when the client has sent a subnegotiation without end, as soon as the
                lines before it have been returned.
        """
        if self._fault is not None:
            raise self._fault
        # What character mode leaves behind goes before what comes then: it was typed before.
        typed = self.lines.take_lines()
        if self._mode is not None:
            self._mode.begin_packet()
        commanded = self.client.is_cut or b"\xff" in data
        try:
            for part in self.client.parts(data):
                if self.client.sends_keys != self.has_keys:
                    self._say_answers()
                    self._follow()
                    typed += self.lines.take_lines()
                if isinstance(part, bytes):
                    typed += self._text(part, now)
                else:
                    typed += self._signal(part)
        except ProtocolError as error:
            if not typed:
                raise
            self._fault = error
        self._received = now
        self._say_answers()
        if commanded:
            self._follow()
        self._draw()
        return typed + self.lines.take_lines()

    def finish(self) -> list[Typed]:
        """Return the line that the end of input has ended, if there was one."""
        if self._mode is not None:
            self._mode.show_rest()
            return self.lines.take_lines()  # what stands in the row was not sent, and is seen still
        return self.lines.finish(self.client.finish())

    def take_cost(self) -> int:
        """What the keys since the last time cost besides their bytes, in bytes."""
        return self._mode.take_cost() if self._mode is not None else 0

    def _text(self, text: bytes, now: float) -> Iterator[Typed]:
        if self._mode is None:
            return self.lines.receive_data(text)
        return self._mode.receive_data(text, after_a_while=now - self._received >= ESCAPE)

    def _signal(self, signal: Signal) -> Iterator[Typed]:
        if signal is Signal.INTERRUPT:
            self.lines.end_paste()  # a person whose terminal forgot its end presses ^C
        if self._mode is not None and signal in _KEYS:
            return self._mode.press(_KEYS[signal])
        return self.lines.press(signal)

    # ------------------------------------------------------ what is asked for

    def get_to_know(self) -> None:
        """Ask the client what it is. Who is no telnet sees that, so blanks are put over it."""
        self.client.ask()
        if asked := self.client.take_answers():
            blanks = b"" if self.client.spoken else b"\r" + b" " * len(asked) + b"\r"
            self.outbox.write(asked + blanks)

    async def changed_to(self, keys: bool) -> None:
        """Wait until the client is in the mode asked for, or has refused that; checkpoints.

        The caller has a deadline. Somebody else has to receive meanwhile.
        """
        await trio.lowlevel.checkpoint()
        while self.has_keys != keys and not (keys and self.client.refuses_keys):
            await self._wait_for_change()

    async def _wait_for_change(self) -> None:
        if self._changed is None:
            self._changed = trio.Event()
        await self._changed.wait()

    async def hides(self) -> bool:
        """Have what is typed not shown; whether it is so. Checkpoints, and waits for the answer.

        The caller has a deadline, and calls `end_question` in the end. Somebody else has to
        receive meanwhile.
        """
        await trio.lowlevel.checkpoint()
        if not (self.has_keys or self.client.is_to_hide):
            self.client.hide(True)
            self._say_answers()
        while not (self.has_keys or self.client.has_answered_hiding):
            await self._wait_for_change()
        return self.has_keys or self.client.is_hiding

    def want_keys(self, wanted: bool) -> None:
        """Ask for character mode, or for line mode."""
        self.client.want_keys(wanted)
        self._say_answers()
        self._follow()
        self._draw()

    def belong_to(self, member: Member) -> None:
        """Let the prompt name the member's current room from now on."""
        self.typist.member = member
        self._reprompt()

    def ask(self, question: str, *, secret: bool = False) -> bool:
        """Show a question where its answer is typed; whether that is done.

        It is not in line mode, where the question has to be printed. With
        `secret` the answer is not shown, as far as the client can.
        """
        self.typist.ask(question, secret=secret)
        if self._mode is None:
            # Once: who has refused by now would be asked in the middle of the row.
            if secret and self.client.spoken and not self.client.is_to_hide:
                self.client.hide(True)
                self._say_answers()
            return False
        self._reprompt()
        self._draw()
        return True

    def end_question(self) -> None:
        """The question is answered, or needs no answer any more.

        What has been typed of a secret by then is dropped, with the rest of its line: what
        is typed on in good faith must not be read by the room.
        """
        if self.typist.question is None and not self.client.is_to_hide:
            return
        was_secret = self.typist.is_secret
        self.typist.end_question()
        if self._mode is not None:
            if was_secret:
                self._mode.drop_secret()
            self._reprompt()
            self._draw()
        elif self.client.is_to_hide:
            was_hidden = self.client.is_hiding
            self.client.hide(False)  # also if it has not answered yet, or has refused
            self._say_answers()
            if was_hidden:
                self.outbox.put(b"\r\n")  # the Enter was not shown either

    @property
    def is_dropping(self) -> bool:
        """Whether what is typed is dropped, up to its Enter, with a word of that."""
        return self._mode is not None and self._mode.is_dropping

    def close(self) -> None:
        """Take the row away, for good; what was typed there and not sent stays to be seen."""
        if self._mode is not None:
            pasted = self._mode.keys.take_paste()  # its end will not come
            end = b"\r\n" if self._mode.editor.text else b""
            self.typist.end_question()
            self.outbox.write(self._leave() + end + not_sent(pasted))

    # ------------------------------------------------------------- the modes

    def _follow(self) -> None:
        """Go along with what the client has told, and with the mode that it is in."""
        client, mode = self.client, self._mode
        columns, rows = client.width or COLUMNS, client.height or ROWS
        if client.sends_keys and mode is None:
            self._enter(columns, rows)
        elif not client.sends_keys and mode is not None:
            self.outbox.write(self._leave())
        elif mode is not None:
            mode.resize(columns, rows, client.screen)
        self.screen = client.screen
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def _enter(self, columns: int, rows: int) -> None:
        splitter = self.lines.splitter
        self.lines.end_paste()
        self._mode = CharacterMode(
            self.outbox,
            self.typist,
            Editor(columns, "", splitter.max_line),
            KeyDecoder(MAX_DRAFT),
            Pager(columns, rows),
            self._leave,
            splitter.is_discarding,
        )
        self.outbox.write(_PASTE_MODE_ON)
        self._mode.begin()
        # What has been typed of a line is still there to be gone on with.
        if begun := splitter.take_unfinished():
            self._mode.go_on_with(begun)

    def _leave(self, lines: bytes = b"") -> bytes:
        """End character mode; return what brings the screen up to that, with lines to show."""
        mode, self._mode = self._mode, None
        assert mode is not None
        output = mode.end(lines) + _PASTE_MODE_OFF
        self.client.want_keys(False)
        if self.typist.is_secret:
            self.client.hide(True)
        row = self.lines.inherit(mode, self.typist.question)
        return output + self.client.take_answers() + row

    def _reprompt(self) -> None:
        if self._mode is not None:
            self._mode.reprompt()

    def _draw(self) -> None:
        if self._mode is not None:
            self._mode.draw()

    def _say_answers(self) -> None:
        if answers := self.client.take_answers():
            self.outbox.write(answers)
