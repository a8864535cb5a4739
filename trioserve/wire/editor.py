"""The protected input line: keys and incoming lines in, bytes for the terminal out.

It needs a terminal that sends each key (telnet's character mode), and shows what is
typed in one row at the bottom, below everything that was printed.
"""

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from trioserve.wire.above import NOTICE, Above
from trioserve.wire.buffer import MAX_DRAFT, MAX_LINE, Draft
from trioserve.wire.choices import MAX_CHOICES, choices, common_beginning
from trioserve.wire.drafts import Drafts
from trioserve.wire.happenings import (
    CompletionWanted,
    Ended,
    Happening,
    Interrupted,
    LineRefused,
    PasteRefused,
    Submitted,
)
from trioserve.wire.keys import Key, Keystroke, Paste
from trioserve.wire.row import (
    ERASE,
    ERASE_BELOW,
    MIN_WIDTH,
    WIPE,
    Row,
    cell_width,
    fit_prompt,
    shown,
    view,
)
from trioserve.wire.text import clean

_EDITS: Final[dict[Key, Callable[[Draft], bool | None]]] = {
    Key.LEFT: Draft.left,
    Key.RIGHT: Draft.right,
    Key.HOME: Draft.home,
    Key.END: Draft.end,
    Key.WORD_LEFT: Draft.word_left,
    Key.WORD_RIGHT: Draft.word_right,
    Key.BACKSPACE: Draft.backspace,
    Key.DELETE: Draft.delete,
    Key.KILL_LEFT: Draft.kill_left,
    Key.KILL_RIGHT: Draft.kill_right,
    Key.KILL_BLANK_WORD: Draft.kill_blank_word,
    Key.KILL_WORD_LEFT: Draft.kill_word_left,
    Key.KILL_WORD_RIGHT: Draft.kill_word_right,
    Key.TRANSPOSE: Draft.transpose,
}


def _at_least_the_minimum(width: int) -> int:
    return max(width, MIN_WIDTH)


# Without converters when something is set: for them attrs makes each assignment a call.
@attrs.define(eq=False, on_setattr=attrs.setters.NO_OP)
class Editor:
    """A prompt and a draft in the last row, which survive whatever is printed above.

    The row is never wider than the screen: a longer draft scrolls sideways. Its last
    column stays empty, or stands under the cursor: a terminal that has filled it is in
    a state of its own.

    Changes are drawn when `take_output` or `above` is called, and then at once.
    """

    width: int = attrs.field(converter=_at_least_the_minimum)  # columns
    prompt: str = attrs.field(converter=clean)
    max_line: int = MAX_LINE  # bytes
    max_draft: int = MAX_DRAFT  # bytes
    _drafts: Drafts = attrs.field(init=False)
    _left: int = attrs.field(default=0, init=False)  # the first cell of the draft in view
    _drawn: Row | None = attrs.field(default=None, init=False)  # what the screen shows, if known
    _redraw: bytes | None = attrs.field(default=None, init=False)  # draws it, until it changes
    _above: Above = attrs.field(factory=Above, init=False)
    _bell: bool = attrs.field(default=False, init=False)
    # The word that the last Tab left as it is; any other key forgets it.
    _ambiguous: str | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._drafts = Drafts(self.max_line, self.max_draft)

    @property
    def secret(self) -> bool:
        """Whether what is typed is not shown, kept, or completed."""
        return self._drafts.is_secret

    @property
    def text(self) -> str:
        """What has been typed and not sent; nothing of a secret."""
        return self._drafts.text

    @property
    def unseen(self) -> str:
        """What has been typed of a secret."""
        return self._drafts.current.text if self.secret else ""

    @property
    def size(self) -> int:
        """How much has been typed and not sent, in bytes."""
        return self._drafts.current.size

    # ----------------------------------------------------------------- keys

    def feed(self, key: Keystroke) -> list[Happening]:
        """Take a key, and return what the caller has to see to, in order."""
        self._redraw = None
        ambiguous, self._ambiguous = self._ambiguous, None
        match key:
            case str():
                return self._type(key)
            case Paste():
                return self._paste(key.text)
            case Key.ENTER:
                return [Submitted(line) for line in self._drafts.take()]
            case Key.TAB:
                self._ambiguous = ambiguous
                return self._tab()
            case Key.INTERRUPT:
                return [Interrupted()] if not self.clear() else []
            case Key.END_OF_INPUT:
                if not self._drafts.current.cells:
                    return [Ended()]
                self._drafts.current.delete()
            case Key.YANK:
                self._ring_unless(self._drafts.current.yank())
            case Key.CLEAR_SCREEN:
                self._above.wipe(WIPE)
            case Key.UP | Key.DOWN:
                self._drafts.recall(back=key is Key.UP)
            case _ if key in _EDITS:
                self._ring_unless(_EDITS[key](self._drafts.current) is not False)
        return []

    def complete(
        self, wanted: CompletionWanted, candidates: Sequence[str], rows: int = MAX_CHOICES
    ) -> None:
        """Answer Tab with what the word can become, the likeliest first.

        One candidate takes the word's place, with whatever it ends in (``ann: ``);
        of several what they begin with in common. Where that is no more than the
        word, a second Tab prints them above, in so many rows at most. An answer to a
        word that is no longer before the cursor comes too late, and does nothing.
        """
        if self.secret or self._wanted().word != wanted.word:
            return
        self._redraw = None
        common = common_beginning(candidates)
        if len(common) > len(wanted.word) or (len(candidates) == 1 and common):
            self._ring_unless(self._drafts.current.replace_before(len(wanted.word), common))
        elif candidates and self._ambiguous == wanted.word:
            self.print_above(choices(candidates, rows, self.width))
        else:
            self._bell = True
        self._ambiguous = self._wanted().word

    def clear(self) -> bool:
        """Empty the draft; return whether there was anything in it."""
        self._redraw = None
        return self._drafts.clear()

    # --------------------------------------------------------------- output

    def take_output(self) -> bytes:
        """Return what brings the screen up to date, to be written at once; mostly little."""
        if self._redraw is not None and not self._above:
            return self._take_bell()
        row = self._row()
        drawn, self._drawn = self._drawn, row
        self._redraw = row.drawn()
        if drawn is not None and not self._above:
            return self._take_bell() + row.drawn_over(drawn)
        erase = ERASE_BELOW if drawn is None else ERASE
        return self._take_bell() + erase + self._above.take() + self._redraw

    def above(self, lines: bytes) -> bytes:
        """Return the bytes that show whole lines above the row, and the row as it is now.

        The lines end with CR LF, and are safe for a terminal. This is for what comes
        in: one join of bytes as long as no key is pressed.
        """
        if self._redraw is None or self._above:
            self._above.add(lines)
            return self.take_output()
        return b"".join((ERASE, lines, self._redraw))

    def print_above(self, text: str, head: str = NOTICE) -> None:
        """Print a line above the row with the next output, made safe, and wrapped as it is now."""
        self._above.print(text, self.width, head)

    def close(self) -> bytes:
        """Return the bytes that take the row away, for good: lines can be printed as they are."""
        return ERASE + self._above.take()

    # -------------------------------------------------------------- changes

    def resize(self, width: int) -> None:
        """Draw for another number of columns from now on."""
        # A terminal may have cut or wrapped the row by itself; what is below is of no use.
        self.width = _at_least_the_minimum(width)
        self._drawn = self._redraw = None

    def set_prompt(self, prompt: str, *, secret: bool = False) -> None:
        """Show another prompt; with `secret`, what is typed behind it is not shown.

        A draft is no beginning of a secret: it is put aside, and comes back afterwards.
        """
        self.prompt = clean(prompt)
        self._redraw = self._ambiguous = None
        self._drafts.set_secret(secret)

    # ---------------------------------------------------------------- inside

    def _ring_unless(self, fits: bool) -> None:
        if not fits:
            self._bell = True

    def _take_bell(self) -> bytes:
        bell, self._bell = self._bell, False
        return b"\a" if bell else b""

    def _type(self, text: str) -> list[Happening]:
        """Insert text; where it does not fit, refuse the line whole.

        What came behind it might fit again, and the line would be sent with a hole: not every
        terminal marks what is pasted.
        """
        if self._drafts.current.insert(text):
            return []
        self._bell = True
        refused = (
            f"a line of more than {self.max_line} bytes, or more than {self.max_draft} in all,"
            " is refused, up to your Enter"
        )
        if not self.secret:
            self._drafts.remember()
            refused += "; Up brings back what stood there"
        self.clear()
        return [LineRefused(refused)]

    def _paste(self, text: str | None) -> list[Happening]:
        if text is None:
            return self._refuse(f"a paste longer than {self.max_draft} bytes is refused")
        if self.secret:
            text = text.split("\n")[0]  # the rest would be read by the room
        if self._drafts.current.insert(text):
            return []
        return self._refuse(
            f"a paste that makes a line longer than {self.max_line} bytes,"
            f" or all of them than {self.max_draft}, is refused"
        )

    def _refuse(self, reason: str) -> list[Happening]:
        self._bell = True
        return [PasteRefused(reason)]

    def _tab(self) -> list[Happening]:
        return [] if self.secret else [self._wanted()]

    def _wanted(self) -> CompletionWanted:
        line = self._drafts.current.line_before
        word = line.rpartition(" ")[2]
        return CompletionWanted(word, line.removesuffix(word))

    def _row(self) -> Row:
        prompt = fit_prompt(self.prompt, min(self.width // 2, self.width - MIN_WIDTH))
        if self.secret:
            return Row(prompt, len(prompt))
        room = self.width - 1 - sum(map(cell_width, prompt))
        draft = self._drafts.current
        self._left, right = view(draft.cells, draft.cursor, self._left, room)
        part = tuple(map(shown, draft.cells[self._left : right]))
        return Row(prompt + part, len(prompt) + draft.cursor - self._left)
