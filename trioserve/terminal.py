"""One telnet client: its negotiation, and in character mode the line that is typed there.

It sits beside the outbox. In line mode it cuts what comes into lines, as for
everybody. In character mode keys go through the editor, and all that the outbox
is given is framed: the row that is typed in is erased, the lines are printed, the
row is drawn again, in one write.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import attrs
import trio

from trioserve.errors import ProtocolError
from trioserve.outbox import Outbox
from trioserve.rooms import Member
from trioserve.wire.buffer import lines_of
from trioserve.wire.client import TelnetClient
from trioserve.wire.editor import (
    CompletionWanted,
    Editor,
    Ended,
    Happening,
    Interrupted,
    PasteRefused,
    Submitted,
)
from trioserve.wire.keys import Key, KeyDecoder, Keystroke, PasteRest
from trioserve.wire.lines import LineSplitter
from trioserve.wire.pager import Pager
from trioserve.wire.style import Screen
from trioserve.wire.telnet import Signal
from trioserve.wire.text import clean, encode, plural

Typed = str | Signal | None  # a line, a key that jumps the queue, or a line that was too long

COLUMNS, ROWS = 80, 24  # of a window whose size is not known
MAX_DRAFT: Final = 8 * 1024  # bytes of what is typed or pasted and not sent yet
DROPPING: Final = "(press Enter) "  # the prompt while what is typed is dropped
ESCAPE: Final = 0.1  # seconds after which Esc was a key of its own, and begins no sequence

# What keys cost of the bytes that one may send, besides their own: at the rate of 4 KiB/s a
# hundred packets a second, each of which draws the row anew (0.2 ms), and more on a long draft.
PACKET_COST: Final = 32
KEY_COST: Final = 16
TAB_COST: Final = 256
MAX_TABS: Final = 4  # that are answered in one packet: among 10 000 people each takes 1 ms
DRAFT_SHARE: Final = 64  # bytes of draft that cost one more

_PASTE_MODE_ON, _PASTE_MODE_OFF = b"\x1b[?2004h", b"\x1b[?2004l"  # xterm's bracketed paste


@attrs.define(eq=False)
class Terminal:
    """One telnet client, and what is typed there."""

    outbox: Outbox
    splitter: LineSplitter
    client: TelnetClient = attrs.field(factory=TelnetClient, init=False)
    screen: Screen = attrs.field(factory=Screen, init=False)  # what is known of it by now
    # What a word can become, the likeliest first.
    complete: Callable[[CompletionWanted], Sequence[str]] = attrs.field(
        default=lambda _: (), init=False
    )
    # Whether keys are read: who cannot turn a page is shown the whole answer.
    is_heard: Callable[[], bool] = attrs.field(default=lambda: True, init=False)
    # How many lines wait, if too many for another; else 0.
    crowd: Callable[[], int] = attrs.field(default=lambda: 0, init=False)
    # Whether a line need not wait behind others.
    is_urgent: Callable[[str], bool] = attrs.field(default=lambda _: False, init=False)
    _member: Member | None = attrs.field(default=None, init=False)
    _prompted: object = attrs.field(default=None, init=False)  # the room that the prompt names
    _question: str | None = attrs.field(default=None, init=False)
    _secret: bool = attrs.field(default=False, init=False)  # the answer to the question
    # What is typed is the rest of a secret that nothing asks for any more, or of an overlong line.
    _dropping: bool = attrs.field(default=False, init=False)
    _editor: Editor | None = attrs.field(default=None, init=False)  # in character mode
    _keys: KeyDecoder = attrs.field(factory=KeyDecoder, init=False)
    # Of a paste that had begun when character mode ended: its lines, which nobody has had yet,
    # and what has still to come.
    _lines: list[Typed] = attrs.field(factory=list, init=False)
    _rest_of_paste: PasteRest | None = attrs.field(default=None, init=False)
    _pager: Pager = attrs.field(factory=lambda: Pager(COLUMNS, ROWS), init=False)
    _changed: trio.Event | None = attrs.field(default=None, init=False)
    _cost: int = attrs.field(default=0, init=False)
    _tabs: int = attrs.field(default=0, init=False)  # that this packet had answered
    _received: float = attrs.field(default=0.0, init=False)  # when something came last
    _fault: ProtocolError | None = attrs.field(default=None, init=False)  # that ends the session

    @property
    def is_broken(self) -> bool:
        """Whether the next `receive_data` raises what ends the session, whatever comes."""
        return self._fault is not None

    @property
    def has_keys(self) -> bool:
        """Whether it is in character mode."""
        return self._editor is not None

    @property
    def unread(self) -> int:
        """How many lines have come that nobody has had yet."""
        return len(self._lines)

    # ------------------------------------------------------------ what comes

    def receive_data(self, data: bytes, now: float) -> list[Typed]:
        """Return the lines and signals that received bytes complete.

        Raises:
            ProtocolError: when the client has sent a subnegotiation without end, as soon as the
                lines before it have been returned.
        """
        if self._fault is not None:
            raise self._fault
        typed: list[Typed] = []
        self._tabs = 0
        commanded = self.client.is_cut or b"\xff" in data
        try:
            for part in self.client.parts(data):
                if self.client.sends_keys != self.has_keys:
                    self._say_answers()
                    self._follow()
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
        return typed + self._take_lines()

    def finish(self) -> list[Typed]:
        """Return the line that the end of input has ended, if there was one."""
        if self._editor is not None:
            self.show_rest()
            return []  # what stands there was not sent, and its row stays to be seen
        lines = self.splitter.receive_data(self.client.finish()) + self.splitter.finish()
        return self._take_lines() + [decoded(line) for line in lines]

    def take_cost(self) -> int:
        """What the keys since the last time cost besides their bytes, in bytes."""
        cost, self._cost = self._cost, 0
        return cost

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
        self._member = member
        self._reprompt()

    def ask(self, question: str, *, secret: bool = False) -> bool:
        """Show a question where its answer is typed; whether that is done.

        It is not in line mode, where the question has to be printed. With
        `secret` the answer is not shown, as far as the client can.
        """
        self._question, self._secret = question, secret
        if self._editor is None:
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
        if self._question is None and not self.client.is_to_hide:
            return
        was_secret = self._secret
        self._question, self._secret = None, False
        if self._editor is not None:
            if was_secret and (self._editor.size or self._keys.is_pasting):
                self._editor.clear()
                self._editor.print_above(
                    ["-- the question is over: what you typed is dropped, up to your Enter"]
                )
                self._dropping = True
            self._reprompt()
            self._draw()
        elif self.client.is_to_hide:
            was_hidden = self.client.is_hiding
            self.client.hide(False)  # also if it has not answered yet, or has refused
            self._say_answers()
            if was_hidden:
                self.outbox.put(b"\r\n")  # the Enter was not shown either

    def close(self) -> None:
        """Take the row away, for good; what was typed there and not sent stays to be seen."""
        if self._editor is not None:
            pasted = self._keys.take_paste()  # its end will not come
            end = b"\r\n" if self._editor.text else b""
            self.outbox.write(self._leave() + end + self._not_sent(pasted))

    # ----------------------------------------------------------------- inside

    def _text(self, text: bytes, now: float) -> Iterator[Typed]:
        if self._editor is None:
            if self._rest_of_paste is not None:
                text = self._rest_of_paste.receive_data(text)
            yield from map(decoded, self.splitter.receive_data(text))
            return
        keys = self._keys.flush() if now - self._received >= ESCAPE else []
        keys += self._keys.receive_data(text)
        self._cost += max(PACKET_COST - len(text), 0)
        for key in _joined(keys):
            yield from self._press(self._editor, key)

    def _press(self, editor: Editor, key: Keystroke) -> Iterator[Typed]:
        while self._pager.is_holding:
            rest, stopped = self._page_by(key)
            if stopped:
                yield Signal.ENOUGH
            if rest is None:
                return
            key = rest
        if self._dropping:
            if key in (Key.ENTER, Key.INTERRUPT):
                self._dropping = False
                self._reprompt()
            return
        self._cost += KEY_COST + editor.size // DRAFT_SHARE
        if key is Key.ENTER and self._has_to_wait(editor.text):
            waiting = plural(self.crowd(), "line")
            editor.print_above([f"-- not sent yet: {waiting} wait before it; /cancel drops them"])
            return
        for happening in editor.feed(key):
            yield from self._heed(editor, happening)

    def _has_to_wait(self, draft: str) -> bool:
        """Whether Enter leaves what is typed where it is: keys are read on, but lines pile up."""
        return self._question is None and bool(self.crowd()) and not self.is_urgent(draft)

    def _heed(self, editor: Editor, happening: Happening) -> Iterator[Typed]:
        match happening:
            case Submitted(text):
                self._submitted(editor, text)
                yield text
            case Interrupted():
                yield Signal.INTERRUPT
            case Ended():
                yield "/quit"
            case CompletionWanted():
                self._complete(editor, happening)
            case PasteRefused(reason):
                editor.print_above([f"-- {reason}"])

    def _complete(self, editor: Editor, wanted: CompletionWanted) -> None:
        """Answer Tab: to one who reads, and not for ever in one packet; it looks at everybody."""
        if self._tabs < MAX_TABS and not self.outbox.is_full:
            self._tabs += 1
            self._cost += TAB_COST
            editor.complete(wanted, self.complete(wanted))

    def _submitted(self, editor: Editor, text: str) -> None:
        """Leave in the transcript what no room will show: commands, and answers."""
        self._pager.begin()
        is_command = text.startswith("/") and not text.startswith("//")
        if self._question is not None or is_command:
            editor.print_above([editor.prompt + ("" if self._secret else text)])
        if self._question is not None:
            self._question, self._secret = None, False
            self._reprompt()

    def _signal(self, signal: Signal) -> Iterator[Typed]:
        if signal is Signal.INTERRUPT:
            self._rest_of_paste = None  # a person whose terminal forgot its end presses ^C
        if self._editor is not None and signal is Signal.INTERRUPT:
            yield from self._press(self._editor, Key.INTERRUPT)
        elif self._editor is not None and signal is Signal.ERASE_CHARACTER:
            yield from self._press(self._editor, Key.BACKSPACE)
        elif self._editor is not None and signal is Signal.ERASE_LINE:
            yield from self._press(self._editor, Key.KILL_LEFT)
        elif signal is Signal.ERASE_CHARACTER:
            self.splitter.erase_character()
        elif signal is Signal.ERASE_LINE:
            self.splitter.erase_line()
        else:
            yield signal

    # ------------------------------------------------------------- the modes

    def _follow(self) -> None:
        """Go along with what the client has told, and with the mode that it is in."""
        client, editor = self.client, self._editor
        columns, rows = client.width or COLUMNS, client.height or ROWS
        if client.sends_keys and editor is None:
            self._enter(columns)
        elif not client.sends_keys and editor is not None:
            self.outbox.write(self._leave(question=self._question or ""))
        elif editor is not None and editor.width != columns:
            editor.resize(columns)
        self._pager.columns, self._pager.rows = columns, rows
        if self._pager.is_holding:
            self._reprompt()  # in fewer words, or in more
        self.screen = client.screen
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def _enter(self, columns: int) -> None:
        self._rest_of_paste = None
        self._editor = Editor(columns, "", self.splitter.max_line, MAX_DRAFT)
        self._keys = KeyDecoder(MAX_DRAFT)
        self.outbox.frame, self.outbox.pager = self._framed, self._page
        self.outbox.write(_PASTE_MODE_ON)
        self._pager.begin()
        self._dropping = self.splitter.is_discarding
        self._reprompt()
        # What has been typed of a line is still there to be gone on with.
        if begun := self.splitter.take_unfinished():
            self._editor.feed(begun.decode("utf-8", "replace"))

    def _leave(self, lines: bytes = b"", question: str = "") -> bytes:
        """End character mode; return what brings the screen up to that, with lines to show.

        What has been typed of a line is still there, as if typed in line mode, and
        a question that is still asked is shown where its answer is typed now.
        """
        editor, self._editor = self._editor, None
        assert editor is not None
        self.outbox.frame = self.outbox.pager = None
        output = editor.close() + lines + self._pager.take_all() + _PASTE_MODE_OFF
        self.outbox.resume()
        self.client.want_keys(False)
        draft = editor.text
        if "\n" in draft:
            output += self._not_sent(draft)
            draft = ""
        elif draft and editor.secret:  # it must not become the beginning of the secret
            output += encode(f"-- not sent: {draft}")
            draft = ""
        if question and self._secret:
            self.client.hide(True)
            self.splitter.receive_data(editor.unseen.encode())
        self.splitter.receive_data(draft.encode())
        if self._dropping:
            self.splitter.discard_line()
            self._dropping = False
        pasted = ""
        if self._keys.is_pasting:
            pasted, refused = self._go_on_pasting()
            output += self._not_sent(refused)
        row = f"{clean(question)}{draft}{pasted}"
        return output + self.client.take_answers() + row.encode()

    def _go_on_pasting(self) -> tuple[str, str]:
        """Let the paste that has begun go on as lines, which is what line mode makes of one.

        Return what of it is to be shown, for its terminal has not; and what is not sent.
        """
        pasted = self._keys.take_paste()
        refused = pasted is None or self._secret  # its other lines would be read by the room
        self._rest_of_paste = self._keys.rest_of_paste(refused=refused)
        if refused or pasted is None:
            return "", pasted or ""
        self._lines += map(decoded, self.splitter.receive_data(pasted.encode()))
        return "\r\n".join(map(clean, pasted.split("\n"))), ""

    def _not_sent(self, pasted: str | None) -> bytes:
        """Return the line that tells how much was pasted for nothing, if it was."""
        return (
            encode(f"-- {plural(len(lines_of(pasted)), 'line')} of a paste not sent")
            if pasted
            else b""
        )

    def _take_lines(self) -> list[Typed]:
        lines, self._lines = self._lines, []
        return lines

    def _reprompt(self) -> None:
        if self._editor is None:
            return
        self._prompted = room = self._member.room if self._member is not None else None
        if self._pager.is_holding:
            prompt = self._pager.prompt
        elif self._dropping:
            prompt = DROPPING
        elif self._question is not None:
            prompt = self._question
        else:
            prompt = f"{room.name}> " if room is not None else ""
        is_secret = prompt is DROPPING or (self._secret and prompt is self._question)
        self._editor.set_prompt(prompt, secret=is_secret)

    def _draw(self) -> None:
        """Show what keys have changed; not to one who does not read: a later line shows it."""
        if self._editor is None or self.outbox.is_full:
            return
        if output := self._editor.take_output():
            self.outbox.write(output)

    def _framed(self, data: bytes) -> bytes:
        """Put lines above the row that is typed in."""
        member, editor = self._member, self._editor
        assert editor is not None
        if member is not None:
            if member.json or member.look.spoken:  # neither a program nor a voice can use a row
                return self._leave(data, question=self._question or "")
            if member.room is not self._prompted:
                self._reprompt()
        return editor.above(data)

    def _say_answers(self) -> None:
        if answers := self.client.take_answers():
            self.outbox.write(answers)

    # ------------------------------------------------------------- the pages

    def _page(self, data: bytes) -> bool:
        """Show an answer as far as the window has rows; whether the rest is held."""
        editor = self._editor
        is_busy = self._question is not None or (editor is not None and editor.size)
        if is_busy or not self.is_heard():
            data = self._pager.take_all() + data
        else:
            data = self._pager.add(data)
        self._show_page(data)
        return self._pager.is_holding

    def show_rest(self) -> None:
        """Show what is held of an answer, for no key will come that turns the page."""
        if self._pager.is_holding:
            shown = self._pager.take_all()
            self.outbox.resume()
            self._show_page(shown)

    def _page_by(self, key: Keystroke) -> tuple[Keystroke | None, bool]:
        """Obey a key while a page is shown.

        Return what of it belongs to the draft, and whether that was enough of the answer.
        """
        rest: Keystroke | None = None
        stopped = False
        if key in (Key.ENTER, Key.DOWN) or (isinstance(key, str) and key[0] == " "):
            shown = self._pager.turn()
            rest = key[1:] or None if isinstance(key, str) else None
        elif key in (Key.INTERRUPT, Key.END_OF_INPUT) or (isinstance(key, str) and key[0] in "qQ"):
            stopped = True
            shown = encode(f"-- {plural(self._pager.drop(), 'line')} not shown --")
            rest = key[1:] or None if isinstance(key, str) else None
        else:  # something is typed: the answer is shown to its end, so that nothing is lost
            shown, rest = self._pager.take_all(), key
        # Who has had enough has the command ended first, or it would go on with the next page.
        if not (self._pager.is_holding or stopped):
            self.outbox.resume()
        self._show_page(shown)
        return rest, stopped

    def _show_page(self, lines: bytes) -> None:
        """Show lines with the prompt that belongs below them, in one write."""
        self._reprompt()
        self.outbox.put(lines)
        self._draw()


def _joined(keys: list[Keystroke]) -> Iterator[Keystroke]:
    """Characters that follow each other as one text: the draft is changed once, not for each."""
    text = ""
    for key in keys:
        if isinstance(key, str):
            text += key
            continue
        if text:
            yield text
            text = ""
        yield key
    if text:
        yield text


def decoded(line: bytes | None) -> str | None:
    """A line as text; None, for one that was too long, stays so."""
    return None if line is None else line.decode("utf-8", "replace")
