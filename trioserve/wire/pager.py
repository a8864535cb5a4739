"""Long answers, shown a window at a time."""

from collections import deque
from typing import Final

import attrs
from wcwidth import width as width_of

from trioserve.wire.keys import Key, Keystroke
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
class Pager:
    """Lines of an answer, of which no more are shown at once than the window has rows."""

    columns: int
    rows: int
    _left: int = attrs.field(default=0, init=False)  # rows of this page that are still free
    _held: deque[bytes] = attrs.field(factory=deque, init=False)  # whole lines
    _size: int = attrs.field(default=0, init=False)  # bytes held

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

    def add(self, data: bytes) -> bytes:
        """Take whole lines, and return those of them that can be shown now."""
        self._held.extend(data.splitlines(keepends=True))
        self._size += len(data)
        if self._size > MAX_HELD:
            return self.take_all()
        return self._take() if self._size == len(data) else b""

    def press(self, key: Keystroke) -> Turned:
        """Obey a key while a page is shown."""
        first = key[0] if isinstance(key, str) else ""
        rest = (key[1:] or None) if isinstance(key, str) else None
        if key in (Key.ENTER, Key.DOWN) or first == " ":
            return Turned(self.turn(), rest)
        if key in (Key.INTERRUPT, Key.END_OF_INPUT) or first in ("q", "Q"):
            return Turned(encode(f"-- {plural(self.drop(), 'line')} not shown --"), rest, True)
        return Turned(self.take_all(), key)  # something is typed, and nothing lost

    def turn(self) -> bytes:
        """Return the next page."""
        self.begin()
        return self._take()

    def take_all(self) -> bytes:
        """Return all that is held."""
        held = b"".join(self._held)
        self._held.clear()
        self._size = 0
        return held

    def drop(self) -> int:
        """Forget what is held, and return how many lines that was."""
        dropped = len(self._held)
        self.take_all()
        return dropped

    @property
    def _rows_of_page(self) -> int:
        return max(self.rows - 1, 1)  # the last row is for the prompt

    def _take(self) -> bytes:
        shown = []
        while self._held and (rows := self._rows(self._held[0])) <= self._left:
            shown.append(self._held.popleft())
            self._left -= rows
        if self._held and not shown and self._left == self._rows_of_page:
            shown.append(self._held.popleft())  # higher than the window, and to be had no other way
            self._left = 0
        self._size -= sum(map(len, shown))
        return b"".join(shown)

    def _rows(self, line: bytes) -> int:
        """How many rows the terminal makes of a line."""
        columns = width_of(line.rstrip(b"\r\n").decode("utf-8", "replace"))
        return max(-(-columns // max(self.columns, 1)), 1)
