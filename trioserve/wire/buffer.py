r"""The draft of a line: its text, the cursor, and what was killed.

The commands are those of Emacs and GNU readline.
"""

from bisect import bisect_left
from itertools import accumulate
from typing import Final

import attrs
from wcwidth import iter_graphemes

from trioserve.wire.text import clean

MAX_LINE: Final = 1024  # bytes
MAX_DRAFT: Final = 8 * 1024  # bytes of what is typed or pasted and not sent yet

Content = tuple[list[str], int, int]  # cells, cursor, size


@attrs.define(eq=False)
class Draft:
    r"""Text that is being typed, with a cursor in it.

    It is a list of *cells*: grapheme clusters (Unicode's UAX #29), which is what a
    person takes for one character. A new line, from a paste, is a cell ``\n``.
    The cursor stands before the cell of its number.

    No line is ever longer than `max_line` bytes, nor all of them than `max_size`. What
    would make one so returns False and changes nothing: also to delete the new line
    between two, for a line that cannot be sent would be lost.
    """

    max_line: int = MAX_LINE  # bytes
    max_size: int = MAX_DRAFT  # bytes
    cells: list[str] = attrs.field(factory=list, init=False)
    cursor: int = attrs.field(default=0, init=False)
    size: int = attrs.field(default=0, init=False)  # bytes
    _killed: str = attrs.field(default="", init=False)
    _edits: int = attrs.field(default=0, init=False)
    _last_kill: tuple[int, int] = attrs.field(default=(-1, -1), init=False)

    @property
    def text(self) -> str:
        return "".join(self.cells)

    @property
    def line_before(self) -> str:
        """What stands before the cursor in its line."""
        return "".join(self.cells[: self.cursor]).rpartition("\n")[2]

    # -------------------------------------------------------------- editing

    def insert(self, text: str) -> bool:
        """Insert text at the cursor.

        What could move a cursor or cannot be seen is left out (see `clean`).
        """
        # Characters are bytes at the least; nothing is made of what is too long in any case.
        return len(text) <= self.max_size and self._replace(
            self.cursor, self.cursor, _clean_lines(text)
        )

    def replace_before(self, length: int, text: str) -> bool:
        """Put `text` in the place of the `length` characters before the cursor; see `insert`."""
        start = self.cursor
        while length > 0:
            start -= 1
            length -= len(self.cells[start])
        return self._replace(start, self.cursor, _clean_lines(text))

    def backspace(self) -> bool:
        return self._replace(max(self.cursor - 1, 0), self.cursor, "")

    def delete(self) -> bool:
        return self._replace(self.cursor, min(self.cursor + 1, len(self.cells)), "")

    def transpose(self) -> bool:
        """Swap the characters around the cursor, or the last two, and go behind them."""
        at = min(self.cursor, len(self.cells) - 1)
        return at <= 0 or self._replace(at - 1, at + 1, self.cells[at] + self.cells[at - 1])

    def clear(self) -> None:
        self.put([], 0, 0)

    # --------------------------------------------------------------- moving

    def left(self) -> None:
        self.cursor = max(self.cursor - 1, 0)

    def right(self) -> None:
        self.cursor = min(self.cursor + 1, len(self.cells))

    def home(self) -> None:
        self.cursor = 0

    def end(self) -> None:
        self.cursor = len(self.cells)

    def word_left(self) -> None:
        self.cursor = self._word_start()

    def word_right(self) -> None:
        self.cursor = self._word_end()

    # -------------------------------------------------------------- killing

    def kill_left(self) -> bool:
        return self._kill(0, self.cursor)

    def kill_right(self) -> bool:
        return self._kill(self.cursor, len(self.cells))

    def kill_blank_word(self) -> bool:
        """Kill what stands before the cursor, back to a blank."""
        start = self.cursor
        while start and self.cells[start - 1].isspace():
            start -= 1
        while start and not self.cells[start - 1].isspace():
            start -= 1
        return self._kill(start, self.cursor)

    def kill_word_left(self) -> bool:
        return self._kill(self._word_start(), self.cursor)

    def kill_word_right(self) -> bool:
        return self._kill(self.cursor, self._word_end())

    def yank(self) -> bool:
        """Insert what was killed last."""
        return self._replace(self.cursor, self.cursor, self._killed)

    # -------------------------------------------------------- whole contents

    def take(self) -> Content:
        """Return everything that `put` needs to make it as it is now."""
        return self.cells, self.cursor, self.size

    def put(self, cells: list[str], cursor: int, size: int) -> None:
        self.cells, self.cursor, self.size = cells, cursor, size
        self._edits += 1

    def load(self, text: str) -> None:
        """Put `text` in the place of everything, with the cursor behind it."""
        cells = list(iter_graphemes(text))
        self.put(cells, len(cells), len(text.encode()))

    def _word_start(self) -> int:
        start = self.cursor
        while start and not _in_word(self.cells[start - 1]):
            start -= 1
        while start and _in_word(self.cells[start - 1]):
            start -= 1
        return start

    def _word_end(self) -> int:
        end = self.cursor
        while end < len(self.cells) and not _in_word(self.cells[end]):
            end += 1
        while end < len(self.cells) and _in_word(self.cells[end]):
            end += 1
        return end

    def _kill(self, start: int, end: int) -> bool:
        killed = "".join(self.cells[start:end])
        # One kill right after another adds to it.
        if self._last_kill != (self._edits, self.cursor):
            kept = killed
        elif start < self.cursor:
            kept = killed + self._killed
        else:
            kept = self._killed + killed
        if not killed or not self._replace(start, end, ""):
            return not killed
        self._killed = kept
        self._last_kill = (self._edits, self.cursor)
        return True

    def _replace(self, start: int, end: int, text: str) -> bool:
        """Replace cells by text, and go behind it; return False if a line became too long.

        Cells may join with their neighbours (a combining mark, half a flag), but never
        over a new line: it is enough to look at the lines around.
        """
        if self._joins_nothing(start, end, text):
            # Nearly every key: 2 µs, where to look at all of a long line takes 90.
            self.size += len(text) - sum(map(len, self.cells[start:end]))
            self.cells[start:end] = text
            self.cursor = start + len(text)
            self._edits += 1
            return True
        first, last = self._line_start(start), self._line_end(end)
        head = "".join(self.cells[first:start]) + text
        changed = head + "".join(self.cells[end:last])
        size = self.size + len(changed.encode())
        size -= len("".join(self.cells[first:last]).encode())
        if not self._has_room_for(changed, size):
            return False
        cells = list(iter_graphemes(changed))
        self.cells[first:last] = cells
        one_each = len(cells) == len(changed)  # mostly so, and faster
        self.cursor = first + (len(head) if one_each else _cells_up_to(len(head), cells))
        self.size = size
        self._edits += 1
        return True

    def _joins_nothing(self, start: int, end: int, text: str) -> bool:
        """Whether a change is of ASCII among ASCII, which joins with nothing, and surely fits."""
        return (
            self.size + len(text) <= min(self.max_line, self.max_size)
            and text.isascii()
            and "".join(self.cells[max(start - 1, 0) : end + 1]).isascii()
        )

    def _has_room_for(self, lines: str, size: int) -> bool:
        return size <= self.max_size and all(
            len(line.encode()) <= self.max_line for line in lines.split("\n")
        )

    def _line_start(self, at: int) -> int:
        # A line has no more cells than bytes.
        start = max(at - self.max_line, 0)
        before = self.cells[start:at]
        before.reverse()
        return at - before.index("\n") if "\n" in before else start

    def _line_end(self, at: int) -> int:
        try:
            return self.cells.index("\n", at)
        except ValueError:
            return len(self.cells)


def _cells_up_to(length: int, cells: list[str]) -> int:
    """How many cells the first `length` characters touch."""
    ends = list(accumulate(map(len, cells)))
    return bisect_left(ends, length) + 1 if length else 0


def _clean_lines(text: str) -> str:
    return "\n".join(map(clean, text.split("\n"))) if "\n" in text else clean(text)


def _in_word(cell: str) -> bool:
    return cell[0].isalnum()


def lines_of(text: str) -> list[str]:
    """The lines that a draft is sent as; a new line at the end of a paste begins none."""
    return text.removesuffix("\n").split("\n")
