"""A terminal in character mode: keys go through the editor, and become lines.

All that the outbox is given is framed: the row that is typed in is erased, the lines
are printed, the row is drawn again, in one write. Long answers are shown by pages.
"""

from collections.abc import Callable, Iterator
from typing import Final

import attrs

from trioserve.outbox import Outbox
from trioserve.terminal.typist import Typist
from trioserve.wire.answers import Answer
from trioserve.wire.editor import Editor
from trioserve.wire.happenings import (
    CompletionWanted,
    Ended,
    Happening,
    Interrupted,
    LineRefused,
    PasteRefused,
    Submitted,
)
from trioserve.wire.keys import Key, Keystroke
from trioserve.wire.keystream import KeyDecoder
from trioserve.wire.lines import Typed
from trioserve.wire.pager import Pager
from trioserve.wire.style import Screen
from trioserve.wire.telnet import Signal
from trioserve.wire.text import plural

DROPPING: Final = "(press Enter) "  # the prompt while what is typed is dropped

# What keys cost of the bytes that one may send, besides their own: at the rate of 4 KiB/s a
# hundred packets a second, each of which draws the row anew (0.2 ms), and more on a long draft.
PACKET_COST: Final = 32
KEY_COST: Final = 16
TAB_COST: Final = 256
MAX_TABS: Final = 4  # that are answered in one packet: among 10 000 people each takes 1 ms
DRAFT_SHARE: Final = 64  # bytes of draft that cost one more
LAYOUT_SHARE: Final = 16  # bytes of an answer, laid out for another window, that cost one


@attrs.define(eq=False)
class CharacterMode:
    """The row that is typed in, from when a client begins to send keys until it ends that.

    `leave` ends character mode, for one whom a row is of no use to; it returns what brings
    the screen up to that, with lines to show.
    """

    outbox: Outbox
    typist: Typist
    editor: Editor
    keys: KeyDecoder
    pager: Pager
    leave: Callable[[bytes], bytes]
    # What is typed is the rest of a secret that nothing asks for any more, or of an overlong line.
    is_dropping: bool
    _room: object = attrs.field(default=None, init=False)  # that the prompt names
    _cost: int = attrs.field(default=0, init=False)
    _tabs: int = attrs.field(default=0, init=False)  # that this packet had answered

    def begin(self) -> None:
        """Have all that the outbox is given framed from now on."""
        self.outbox.frame, self.outbox.pager = self._framed, self._page
        self.pager.begin()
        self.reprompt()

    def end(self, lines: bytes) -> bytes:
        """Return what takes the row away, with lines to show, and what is held of an answer."""
        self.outbox.frame = self.outbox.pager = None
        held = self.pager.take_all()
        self.outbox.resume()
        return self.editor.close() + lines + held

    def take_cost(self) -> int:
        """What the keys since the last time cost besides their bytes, in bytes."""
        cost, self._cost = self._cost, 0
        return cost

    # ------------------------------------------------------------------ keys

    def begin_packet(self) -> None:
        """Note that what comes now came together."""
        self._tabs = 0

    def receive_data(self, text: bytes, *, after_a_while: bool) -> Iterator[Typed]:
        """Take received bytes, and yield what their keys make."""
        keys = self.keys.flush() if after_a_while else []
        keys += self.keys.receive_data(text)
        self._cost += max(PACKET_COST - len(text), 0)
        for key in _joined(keys):
            yield from self.press(key)

    def go_on_with(self, begun: bytes) -> None:
        """Take what has come of a line before keys did."""
        typed = list(self.press(self.keys.decode(begun)))
        assert not typed  # without an Enter

    def press(self, key: Keystroke) -> Iterator[Typed]:
        """Take one key, and yield what it makes."""
        while self.pager.is_holding:
            rest, stopped = self._page_by(key)
            if stopped:
                yield Signal.ENOUGH
            if rest is None:
                return
            key = rest
        if self.is_dropping:
            if key in (Key.ENTER, Key.INTERRUPT):
                self.is_dropping = False
                self.reprompt()
            return
        self._cost += KEY_COST + self.editor.size // DRAFT_SHARE
        if key is Key.ENTER and self.typist.has_to_wait(self.editor.text):
            waiting = plural(self.typist.crowd(), "line")
            self.editor.print_above(f"not sent yet: {waiting} wait before it; /cancel drops them")
            return
        for happening in self.editor.feed(key):
            yield from self._heed(happening)

    def _heed(self, happening: Happening) -> Iterator[Typed]:
        match happening:
            case Submitted(text):
                self._submitted(text)
                yield text
            case Interrupted():
                yield Signal.INTERRUPT
            case Ended():
                yield "/quit"
            case CompletionWanted():
                self._complete(happening)
            case PasteRefused(reason):
                self.editor.print_above(reason)
            case LineRefused(reason):
                self.editor.print_above(reason)
                self.is_dropping = True
                self.reprompt()

    def _complete(self, wanted: CompletionWanted) -> None:
        """Answer Tab: to one who reads, and not for ever in one packet; it looks at everybody."""
        if self._tabs < MAX_TABS and not self.outbox.is_full:
            self._tabs += 1
            self._cost += TAB_COST
            self.editor.complete(wanted, self.typist.complete(wanted), self.pager.rows - 1)

    def _submitted(self, text: str) -> None:
        """Leave in the transcript what no room will show: commands, and answers."""
        self.pager.begin()
        is_answer = self.typist.question is not None
        is_command = text.startswith("/") and not text.startswith("//")
        if is_answer or is_command:
            typed = "" if self.typist.is_secret else text
            self.editor.print_above(typed, self.editor.prompt)
        if is_answer:
            self.typist.end_question()
            self.reprompt()

    # --------------------------------------------------------------- the row

    def reprompt(self) -> None:
        """Show the prompt that belongs there by now."""
        typist = self.typist
        self._room = typist.room
        if self.pager.is_holding:
            self.editor.set_prompt(self.pager.prompt)
        elif self.is_dropping:
            self.editor.set_prompt(DROPPING, secret=True)
        else:
            self.editor.set_prompt(typist.prompt, secret=typist.is_secret)

    def draw(self) -> None:
        """Show what keys have changed; to one who does not read, once they do again."""
        self.outbox.is_outdated = self.outbox.is_full
        if not self.outbox.is_full and (output := self.editor.take_output()):
            self.outbox.write(output)

    def drop_secret(self) -> None:
        """Drop what has been typed of a secret that nothing asks for any more."""
        if self.editor.size or self.keys.is_pasting:
            self.editor.clear()
            told = "the question is over: what you typed is dropped, up to your Enter"
            self.editor.print_above(told)
            self.is_dropping = True

    def resize(self, columns: int, rows: int, screen: Screen) -> None:
        """Draw for a window of another size from now on."""
        if self.editor.width != columns:
            self.editor.resize(columns)
        if (self.pager.columns, self.pager.rows) != (columns, rows):
            # Of the style, only the screen is not yet as the rooms will know it.
            style = attrs.evolve(self.outbox.style(), screen=screen)
            self._cost += self.pager.resize(columns, rows, style) // LAYOUT_SHARE
        if self.pager.is_holding:
            self.reprompt()  # in fewer words, or in more

    def _framed(self, data: bytes) -> bytes:
        """Put lines above the row that is typed in."""
        member = self.typist.member
        if member is not None:
            if member.json or member.look.spoken:  # neither a program nor a voice can use a row
                return self.leave(data)
            if member.room is not self._room:
                self.reprompt()
        return self.editor.above(data)

    # ------------------------------------------------------------- the pages

    def _page(self, answer: Answer) -> bool:
        """Show an answer as far as the window has rows; whether the rest is held."""
        is_busy = self.typist.question is not None or self.editor.size
        style = self.outbox.style()
        if is_busy or not self.typist.is_heard():
            data = self.pager.take_all() + b"".join(answer(style))
        else:
            data = self.pager.add(answer, style)
        self._show_page(data)
        return self.pager.is_holding

    def show_rest(self) -> None:
        """Show what is held of an answer, for no key will come that turns the page."""
        if self.pager.is_holding:
            shown = self.pager.take_all()
            self.outbox.resume()
            self._show_page(shown)

    def _page_by(self, key: Keystroke) -> tuple[Keystroke | None, bool]:
        """Obey a key while a page is shown.

        Return what of it belongs to the draft, and whether that was enough of the answer.
        """
        turned = self.pager.press(key, is_all=not self.typist.is_being_answered())
        # Who has had enough has the command ended first, or it would go on with the next page.
        if not (self.pager.is_holding or turned.is_enough):
            self.outbox.resume()
        self._show_page(turned.shown)
        return turned.rest, turned.is_enough

    def _show_page(self, lines: bytes) -> None:
        """Show lines with the prompt that belongs below them, in one write."""
        self.reprompt()
        self.outbox.put(lines)
        self.draw()


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
