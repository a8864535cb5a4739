"""What a terminal has printed, also of a client in character mode: without the row typed in.

There the row is erased before each output and drawn again behind it, so that what was printed
for good is what a line's end stands behind. Lines that were wrapped are whole again here.
"""

import re
from collections.abc import Iterator
from typing import Final

# A command of telnet's, and a subnegotiation (RFC 854, RFC 855): the server sends no 255 as text.
TELNET: Final = re.compile(
    rb"\xff(?:\xfa(?:[^\xff]|\xff[^\xf0])*\xff\xf0|[\xfb-\xfe].|[^\xfa-\xfe])", re.DOTALL
)
_UNSEEN: Final = re.compile(r"\x1b\[[\d;]*m|\x1b\[\?2004[hl]|\a")  # marks, modes and the bell
_ERASED: Final = re.compile(r"\r\x1b\[[KJ]|\x1b\[H\x1b\[2J")  # the row, or the whole screen
_MOVE: Final = re.compile(r"\r|\x08|\x1b\[\d*[DKJ]")


def transcript(received: bytes) -> str:
    """Return the lines that a client has printed, each with its line feed, and what follows."""
    if b"\xff" in received:
        received = TELNET.sub(b"", received)
    text = received.decode("utf-8", "replace")
    if "\x1b" not in text:
        return text  # line mode all the time
    *rows, rest = _UNSEEN.sub("", text).split("\n")
    return "".join(f"{line}\n" for line in _unwrapped(map(_printed, rows))) + _printed(rest)


def _unwrapped(rows: Iterator[str]) -> Iterator[str]:
    """Join rows to the lines that they were wrapped from: all but the first are indented."""
    line: str | None = None
    for row in rows:
        if line is not None and row.startswith(" "):
            line = f"{line} {row.strip()}"
            continue
        if line is not None:
            yield line
        line = row
    if line is not None:
        yield line


def _printed(row: str) -> str:
    """What stands in a row in the end, of all that was drawn into it."""
    row = _ERASED.split(row.removesuffix("\r"))[-1]
    return row if _MOVE.search(row) is None else _drawn(row)


def _drawn(row: str) -> str:
    """The same, cell by cell."""
    cells: list[str] = []
    at = start = 0
    for move in [*_MOVE.finditer(row), None]:
        text = row[start : None if move is None else move.start()]
        cells += " " * (at - len(cells))
        cells[at : at + len(text)] = text
        at += len(text)
        if move is None:
            break
        start = move.end()
        match move[0][-1]:
            case "\r":
                at = 0
            case "\x08":
                at = max(at - 1, 0)
            case "D":
                at = max(at - int(move[0][2:-1] or 1), 0)
            case _:
                del cells[at:]
    return "".join(cells).rstrip()
