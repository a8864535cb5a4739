"""Long answers, shown a window at a time."""

from collections import deque
from typing import Final

import attrs
from wcwidth import width as width_of

from trioserve.wire.answers import Answer
from trioserve.wire.keys import Key, Keystroke
from trioserve.wire.style import Style
from trioserve.wire.text import encode, plural

# The longest is shown that takes no more than half of the window, which is a prompt's share.
MORE: Final = ("--more-- (Space: on, q: enough) ", "--more-- (q: stop) ", "--more-- ", "--")
MAX_HELD: Final = 64 * 1024  # bytes; of what is longer nothing is held


@attrs.frozen
class Turned:
    """What a key has done while a page was shown."""

    shown: bytes
    rest: Keystroke | None = None  # what of the key belongs to the draft
    is_enough: bool = False  # of the answer: what its command still shows is not wanted


@attrs.define(eq=False)
class _Held:
    """An answer, and its parts that have not been shown."""

    answer: Answer
    parts: deque[bytes]
    is_cut: bool = False  # the first part has been begun, being higher than the window

    def change(self, style: Style) -> None:
        """Make the parts anew, but for what is left of one that has been begun."""
        begun = [self.parts.popleft()] if self.is_cut else []
        anew = self.answer(style)
        self.parts = deque([*begun, *anew[len(anew) - len(self.parts) :]])


@attrs.define(eq=False)
class Pager:
    """Parts of answers, of which no more are shown at once than the window has rows."""

    columns: int
    rows: int
    _left: int = attrs.field(default=0, init=False)  # rows of this page that are still free
    _held: deque[_Held] = attrs.field(factory=deque, init=False)  # none of them empty
    _size: int = attrs.field(default=0, init=False)  # bytes held
    _style: Style | None = attrs.field(default=None, init=False)  # by which they were laid out last

    @property
    def is_holding(self) -> bool:
        return bool(self._held)

    @property
    def prompt(self) -> str:
        """What is shown below a page."""
        return next((each for each in MORE if len(each) <= self.columns // 2), MORE[-1])

    def begin(self) -> None:
        """Begin an answer: it has the whole window."""
        self._left = self._rows_of_page

    def add(self, answer: Answer, style: Style) -> bytes:
        """Take an answer, and return what of it can be shown now."""
        was_holding, self._style = self.is_holding, style
        if parts := deque(answer(style)):
            self._held.append(_Held(answer, parts))
        self._size += sum(map(len, parts))
        if self._size > MAX_HELD:
            return self.take_all()
        return b"" if was_holding else self._take()

    def resize(self, columns: int, rows: int, style: Style) -> int:
        """Show what is held in a window of another size, and as wide as the style has it.

        Return how many bytes were laid out anew for that.
        """
        self.columns, self.rows = columns, rows
        if style == self._style:
            return 0
        self._style = style
        for held in self._held:
            held.change(style)
        self._size = sum(len(part) for held in self._held for part in held.parts)
        return self._size

    def press(self, key: Keystroke, *, is_all: bool = True) -> Turned:
        """Obey a key while a page is shown; `is_all`: no more comes of what is held."""
        first = key[0] if isinstance(key, str) else ""
        rest = (key[1:] or None) if isinstance(key, str) else None
        if key in (Key.ENTER, Key.DOWN) or first == " ":
            return Turned(self.turn(), rest)
        if key in (Key.INTERRUPT, Key.END_OF_INPUT) or first in ("q", "Q"):
            count = f"{'' if is_all else 'at least '}{plural(self.drop(), 'line')}"
            return Turned(encode(f"-- {count} not shown --"), rest, True)
        return Turned(self.take_all(), key)  # something is typed, and nothing lost

    def turn(self) -> bytes:
        """Return the next page."""
        self.begin()
        return self._take()

    def take_all(self) -> bytes:
        """Return all that is held."""
        parts = b"".join(part for held in self._held for part in held.parts)
        self._held.clear()
        self._size = 0
        return parts

    def drop(self) -> int:
        """Forget what is held, and return how many lines that was."""
        return self.take_all().count(b"\n")

    @property
    def _rows_of_page(self) -> int:
        return max(self.rows - 1, 1)  # the last row is for the prompt

    def _take(self) -> bytes:
        shown = []
        while self._held:
            held = self._held[0]
            if (rows := self._rows(held.parts[0])) <= self._left:
                shown.append(held.parts.popleft())
                held.is_cut = False
                self._left -= rows
            elif rows <= self._rows_of_page or shown or self._left < self._rows_of_page:
                break  # on the next page it has a place, or the most that it can have
            else:
                shown.append(self._cut(held))
            if not held.parts:
                self._held.popleft()
        self._size -= sum(map(len, shown))
        return b"".join(shown)

    def _cut(self, held: _Held) -> bytes:
        """As many lines of a part as make a page, and one at least; the others stay held."""
        lines = held.parts.popleft().splitlines(keepends=True)
        count = 1
        while self._rows(b"".join(lines[: count + 1])) <= self._left and count < len(lines):
            count += 1
        if rest := b"".join(lines[count:]):
            held.parts.appendleft(rest)
        held.is_cut = bool(rest)
        self._left = 0
        return b"".join(lines[:count])

    def _rows(self, part: bytes) -> int:
        """How many rows the terminal makes of lines."""
        return sum(map(self._rows_of_line, part.splitlines()))

    def _rows_of_line(self, line: bytes) -> int:
        columns = width_of(line.decode("utf-8", "replace"))
        return max(-(-columns // max(self.columns, 1)), 1)
