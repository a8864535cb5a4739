r"""The row at the bottom of a terminal: what of a draft is in view, and bytes that draw it.

It uses nothing but CR, EL and ED (``ESC [ K``, ``ESC [ J``), CUB (``ESC [ n D``), CUP and
BS, which xterm, the Linux console, PuTTY and tmux all have (ECMA-48, 8.3).
"""

from collections.abc import Sequence
from typing import Final

import attrs
from wcwidth import iter_graphemes, width

ERASE: Final = b"\r\x1b[K"  # the row
ERASE_BELOW: Final = b"\r\x1b[J"  # the row, and whatever a terminal made of it on a resize
WIPE: Final = b"\x1b[H\x1b[2J"  # the screen

MIN_WIDTH: Final = 4  # columns
_NEW_LINE_MARK: Final = "\u23ce"
_NO_BASE: Final = "\u25cc"  # what Unicode shows a combining mark on that stands alone


@attrs.frozen
class Row:
    """What is shown, cell by cell, and the cell that the cursor stands before."""

    cells: tuple[str, ...]
    cursor: int

    def drawn(self) -> bytes:
        """Return the bytes that draw it on an empty row, from its first column on."""
        return (
            "".join(self.cells) + self._moved(self.cells, len(self.cells), self.cursor)
        ).encode()

    def drawn_over(self, old: "Row") -> bytes:
        """Return the bytes that make it of the row that is on the screen."""
        if self == old:
            return b""
        same = _common(self.cells, old.cells)
        if same == len(self.cells) == len(old.cells):
            return self._moved(self.cells, old.cursor, self.cursor).encode()
        parts = [self._moved(old.cells, old.cursor, same), "".join(self.cells[same:])]
        # With it too when only the terminal knows how wide something is.
        if not (len(self.cells) >= len(old.cells) and _is_ascii(old.cells[same:])):
            parts.append("\x1b[K")
        parts.append(self._moved(self.cells, len(self.cells), self.cursor))
        return "".join(parts).encode()

    def _moved(self, cells: Sequence[str], start: int, end: int) -> str:
        """What moves the cursor over `cells`, which the screen shows.

        Terminals do not agree on the width of all characters. But each puts the cursor
        behind what it has just drawn: so to draw it again finds the place in any.
        """
        if start <= end:
            return "".join(cells[start:end])
        if not _is_ascii(cells[end:start]):
            return "\r" + "".join(cells[:end])
        return "\b" * (start - end) if start - end < 4 else f"\x1b[{start - end}D"


def view(cells: Sequence[str], cursor: int, left: int, room: int) -> tuple[int, int]:
    """Return the first cell of the part that is shown in `room` columns, and the one behind it.

    `left` is the first that was shown until now, and stays if it can. When it cannot,
    the cursor comes to stand in the middle. No cell is shown in part; the one that
    the cursor stands on is shown. It takes no longer for a long draft than for a short one.
    """
    if _back(cells, len(cells), room) == 0:
        return 0, len(cells)
    under = cell_width(cells[cursor]) if cursor < len(cells) else 0
    if left >= cursor or left < _back(cells, cursor, room - under):
        left = _back(cells, cursor, room // 2)
    right = left
    while right < len(cells) and (room := room - cell_width(cells[right])) >= 0:
        right += 1
    return left, right


def fit_prompt(prompt: str, columns: int) -> tuple[str, ...]:
    """Return the cells of a prompt; of one that is too wide, the beginning and ``> ``."""
    cells = tuple(iter_graphemes(prompt))
    if _back(cells, len(cells), columns) == 0:
        return cells
    ending = cells[-2:] if columns > 2 and _back(cells, len(cells), 2) <= len(cells) - 2 else ()
    _, end = view(cells, 0, 0, columns - len(ending))
    return cells[:end] + ending


def shown(cell: str) -> str:
    """What is shown for a cell of a draft."""
    if cell == "\n":
        return _NEW_LINE_MARK
    return cell if width(cell) > 0 else _NO_BASE + cell


def cell_width(cell: str) -> int:
    return width(shown(cell))


def _back(cells: Sequence[str], end: int, columns: int) -> int:
    """The first of the cells before `end` that fit into `columns`."""
    start = end
    while start and (columns := columns - cell_width(cells[start - 1])) >= 0:
        start -= 1
    return start


def _common(some: Sequence[str], others: Sequence[str]) -> int:
    """How many cells at the beginning are the same."""
    count = 0
    for one, other in zip(some, others, strict=False):
        if one != other:
            break
        count += 1
    return count


def _is_ascii(cells: Sequence[str]) -> bool:
    return "".join(cells).isascii()
