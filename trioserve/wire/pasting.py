"""What is pasted: where it begins and ends, as xterm's bracketed paste mode marks it."""

import re
from typing import Final

import attrs

PASTE_BEGINS: Final = "\x1b[200~"
PASTE_ENDS: Final = "\x1b[201~"
# No terminal pastes a ^C; a person whose terminal forgot the end presses it.
PASTE_IS_OVER: Final = re.compile("\x1b\\[201~|(?=\x03)")


@attrs.define(eq=False)
class PasteRest:
    """What has still to come of a paste when lines are read, and no keys any more.

    The mark of its end is taken out of it; of a paste that was refused, nothing is left.
    """

    _held: bytes  # what the mark may begin with
    _refused: bool
    _is_over: bool = attrs.field(default=False, init=False)

    def receive_data(self, data: bytes) -> bytes:
        """Return received bytes as they are to be read."""
        if self._is_over:
            return data
        paste, mark, behind = (self._held + data).partition(PASTE_ENDS.encode())
        self._is_over = bool(mark)
        self._held = b"" if mark else beginning_of_end(paste.decode("latin-1")).encode("latin-1")
        return behind if self._refused else paste.removesuffix(self._held) + behind


def beginning_of_end(text: str) -> str:
    """The end of `text` that the mark of a paste's end may begin with."""
    for length in range(min(len(text), len(PASTE_ENDS) - 1), 0, -1):
        if PASTE_ENDS.startswith(text[-length:]):
            return text[-length:]
    return ""


def with_one_kind_of_end(text: str) -> str:
    r"""A paste with ``\n`` between its lines, whatever its terminal has put there."""
    # Terminals paste CR for a new line, and telnet makes CR NUL of it.
    for end in ("\r\n", "\r\0", "\r"):
        text = text.replace(end, "\n")
    return text
