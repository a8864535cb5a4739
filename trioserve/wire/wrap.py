"""Lines that fit a window: broken between words, by the columns that a terminal shows."""

import functools
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

import attrs
from wcwidth import iter_graphemes, width

# All blanks, also those that do not break elsewhere, and Braille's: a row that a terminal breaks
# by itself, because a link is too long, must hold none, or it could pass for the server's.
_WORD: Final = re.compile(r"[^\s\u2800]+")
LINK: Final = re.compile(r"\b(?:https?://|www\.)[^\s\u2800]+", re.IGNORECASE)

INDENT: Final = 2  # columns, where the head takes more than a third of the window

Slice = tuple[int, int]  # where a line begins in the text, and where it ends


def hang(head: str, window: int) -> int:
    """How many columns all lines but the first of a text leave free, to stand under its head."""
    return columns if (columns := width(head)) <= window // 3 else INDENT


def wrap(text: str, window: int, indent: int) -> list[Slice]:
    """Return the lines of a clean text: `window` columns at most, `indent` less from the second on.

    Blanks at which a line is broken belong to none. A word that fits no line is
    cut behind a |, or between graphemes; one that holds a link is left whole, on a line of its own.
    """
    if text.isascii() and len(text) <= window:
        return [(0, len(text))]
    measured = _measure(text)
    lines = _Lines(measured, window, window - indent)
    for start, end in measured.words:
        lines.add(start, end)
    return [*lines.ended, (lines.start, lines.end)]


@attrs.frozen
class _Measured:
    """What a text is measured as, once for however many windows it is wrapped for."""

    text: str
    words: Sequence[Slice]
    columns: Sequence[int]  # before each character, and before the end
    borders: Sequence[int]  # where it may be cut,
    at: Sequence[int]  # and the columns before that


@functools.lru_cache(maxsize=32)
def _measure(text: str) -> _Measured:
    words = [match.span() for match in _WORD.finditer(text)]
    if text.isascii():
        offsets = range(len(text) + 1)
        return _Measured(text, words, offsets, offsets, offsets)
    columns, borders = [0], [0]
    for grapheme in iter_graphemes(text):
        before = columns[-1]
        # A mark without a base of its own takes a column behind a blank, and none at a beginning.
        wide = max(width(grapheme), width(f" {grapheme}") - 1)
        columns += [before + width(grapheme[:count]) for count in range(1, len(grapheme))]
        columns.append(before + wide)
        # Hangul makes graphemes without end, which are as wide as their characters.
        first = borders[-1] + (1 if wide > 2 else len(grapheme))
        borders += range(first, len(columns))
    return _Measured(text, words, columns, borders, [columns[border] for border in borders])


class _Lines:
    """The lines that have ended, and the one that is being filled."""

    def __init__(self, measured: _Measured, window: int, rest: int) -> None:
        self._measured = measured
        self._room = window  # columns of the present line
        self._rest = rest  # of all later ones
        self.ended: list[Slice] = []
        self.start = self.end = 0  # of the present one

    def add(self, start: int, end: int) -> None:
        """Add a word, behind the blanks before it if it fits the present line."""
        columns = self._measured.columns
        if columns[end] - columns[self.start] <= self._room:
            self.end = end
        elif columns[end] - columns[start] <= self._rest or self._has_link(start, end):
            self._break(start)
            self.end = end
        else:
            self._cut(start, end)

    def _has_link(self, start: int, end: int) -> bool:
        return LINK.search(self._measured.text, start, end) is not None

    def _cut(self, start: int, end: int) -> None:
        """Fill the present line with what fits of a word, and as many more as it takes."""
        measured = self._measured
        while True:
            last = measured.columns[self.start] + self._room
            border = measured.borders[bisect_right(measured.at, last) - 1]
            if border <= start and self.start == start:  # not even one fits
                border = measured.borders[bisect_right(measured.borders, start)]
            if start < border < end:  # choices, as on|off, are parted between two of them
                border = measured.text.rfind("|", start, border) + 1 or border
            if border > start:
                self.end = start = min(border, end)
            if start == end:
                return
            self._break(start)

    def _break(self, start: int) -> None:
        """End the present line, and begin another one."""
        if self.end > self.start:
            self.ended.append((self.start, self.end))
            self._room = self._rest
        self.start = self.end = start
