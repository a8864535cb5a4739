"""Lines that wait to be shown above the row that is typed in: what keys have done."""

from typing import Final

import attrs

from trioserve.wire.style import MIN_WIDTH
from trioserve.wire.text import clean, encode, plural
from trioserve.wire.wrap import hang, wrap

MAX_ABOVE: Final = 8 * 1024  # bytes of lines to show with the next output; more are counted
NOTICE: Final = "-- "  # the head of a line that tells the typist something


@attrs.define(eq=False)
class Above:
    """Bytes to show above the row with the next output, of which only so many are kept."""

    _shown: bytearray = attrs.field(factory=bytearray, init=False)
    _unshown: int = attrs.field(default=0, init=False)  # lines that it had no place for

    def __bool__(self) -> bool:
        return bool(self._shown)

    def add(self, data: bytes) -> None:
        """Add what is ready for the terminal, however much it is, behind all that waits."""
        self._tell_unshown()
        self._shown += data

    def wipe(self, data: bytes) -> None:
        """Add what wipes the screen, once if nothing has been added since."""
        if not self._shown.endswith(data):
            self._shown += data

    def print(self, text: str, columns: int, head: str = NOTICE) -> None:
        """Add a line, made safe and wrapped for a screen of so many columns under its head."""
        if len(self._shown) >= MAX_ABOVE:
            self._unshown += 1
            return
        for row in _wrapped(text, columns, head):
            self._shown += encode(row)

    def take(self) -> bytes:
        """Return what waits, once."""
        self._tell_unshown()
        shown = bytes(self._shown)
        self._shown.clear()
        return shown

    def _tell_unshown(self) -> None:
        if self._unshown:
            self._shown += encode(f"{NOTICE}{plural(self._unshown, 'more line')} of what keys did")
            self._unshown = 0


def rows_of(text: str, columns: int) -> int:
    """How many rows a line takes that is printed for a screen of so many columns."""
    return len(_wrapped(text, columns, NOTICE))


def _wrapped(text: str, columns: int, head: str) -> list[str]:
    line = clean(head + text)
    if columns < MIN_WIDTH:
        return [line]
    indent = hang(head, columns - 1)
    return [
        " " * (indent if number else 0) + line[start:end]
        for number, (start, end) in enumerate(wrap(line, columns - 1, indent))
    ]
