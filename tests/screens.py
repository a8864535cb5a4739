"""People at real programs whose terminal is an emulator, so that its screen can be looked at."""

import os
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import pyte

from tests.running import PATIENCE, POLL

CURSOR: Final = "▏"  # where the cursor stands in a row: before the next character
READ_SIZE: Final = 65_536  # bytes

ENTER, TAB, BACKSPACE = "\r", "\t", "\x7f"  # what keys send
UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
HOME, END, DELETE = "\x1b[H", "\x1b[F", "\x1b[3~"
CTRL_A, CTRL_C, CTRL_D, CTRL_E = "\x01", "\x03", "\x04", "\x05"
CTRL_K, CTRL_L, CTRL_T, CTRL_U, CTRL_W, CTRL_Y = "\x0b", "\x0c", "\x14", "\x15", "\x17", "\x19"

_TIME: Final = re.compile(r"\[\d\d:\d\d\]")


@attrs.define(eq=False)
class Viewer:
    """Somebody who presses keys and looks at a screen.

    `spawned` is pexpect's, which has started the program and speaks bytes.
    """

    spawned: Any  # pexpect has no types
    columns: int
    rows: int
    screen: Any = attrs.field(init=False)  # pyte has none either
    printed: bytearray = attrs.field(factory=bytearray, init=False)  # all that the program has
    _stream: Any = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.screen = pyte.Screen(self.columns, self.rows)
        self._stream = pyte.ByteStream(self.screen)

    def presses(self, *keys: str) -> None:
        """Press keys, one after the other, or type text."""
        data = "".join(keys).encode()
        while data:
            data = data[os.write(self.spawned.child_fd, data) :]

    def types(self, *lines: str) -> None:
        """Type lines, each with its Enter."""
        self.presses(*(f"{line}{ENTER}" for line in lines))

    def pastes(self, text: str) -> None:
        """Paste, as a terminal does that was asked to mark what is pasted (bracketed paste)."""
        assert 2004 << 5 in self.screen.mode, "the terminal was not asked to mark pastes"
        self.presses("\x1b[200~", text.replace("\n", "\r"), "\x1b[201~")

    def resizes(self, columns: int, rows: int) -> None:
        """Make the window bigger or smaller, as xterm does it: what is cut off is gone."""
        screen = self.screen
        row, column = screen.cursor.y, min(screen.cursor.x, columns - 1)
        # pyte cuts at the top whatever is there; a terminal rather cuts blank rows at the bottom.
        gone = max(row - rows + 1, 0)
        screen.cursor_position(1, 1)
        screen.insert_lines(max(screen.lines - rows - gone, 0))
        screen.resize(rows, columns)
        screen.cursor_position(row - gone + 1, column + 1)
        self.spawned.setwinsize(rows, columns)

    def seen(self) -> list[str]:
        """The rows of the screen, but for blank ones at its end, with the cursor's place marked.

        Times of day are shown as 00:00.
        """
        rows = [self._row(number) for number in range(self.screen.lines)]
        while rows and not rows[-1]:
            del rows[-1]
        return rows

    def shows(self, *rows: str) -> None:
        """Wait until these are the last rows of the screen, with nothing below."""
        self._waits_until(lambda: self.seen()[-len(rows) :] == list(rows), rows)

    def shows_nothing_but(self, *rows: str) -> None:
        """Wait until the screen holds these rows, from its top on, and no others."""
        self._waits_until(lambda: self.seen() == list(rows), rows)

    def sees(self, text: str) -> None:
        """Wait until a text is somewhere on the screen, within one row."""
        self._waits_until(lambda: any(text in row for row in self.seen()), (text,))

    def sees_the_end(self) -> None:
        """Wait until the program has ended."""
        deadline = time.monotonic() + PATIENCE
        while self._reads(deadline):
            assert time.monotonic() < deadline, self.seen()

    def gives_the_name(self, nick: str, prompt: str = "#lobby> ") -> None:
        """Answer the first question, and see the first room."""
        self.sees(f"Your name? {CURSOR}")
        self.types(nick)
        self.sees("-- topic: ")
        self.shows(f"{prompt}{CURSOR}")

    def _waits_until(self, is_so: Callable[[], bool], wanted: tuple[str, ...]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            if not self._reads(deadline):
                seen = "\n".join(self.seen())
                raise AssertionError("not seen:\n" + "\n".join(wanted) + f"\nbut:\n{seen}")

    def _reads(self, deadline: float) -> bool:
        """Let the program print more; whether there was any before the deadline."""
        wait = max(deadline - time.monotonic(), 0)
        if not select.select([self.spawned.child_fd], [], [], wait)[0]:
            return False
        try:
            data = os.read(self.spawned.child_fd, READ_SIZE)
        except OSError:  # how Linux tells the end of a pseudo-terminal
            return False
        self.printed += data
        self._stream.feed(data)
        return bool(data)

    def _row(self, number: int) -> str:
        cells = [self.screen.buffer[number][at].data for at in range(self.screen.columns)]
        if number == self.screen.cursor.y:
            at = self.screen.cursor.x
            row = "".join(cells[:at]) + CURSOR + "".join(cells[at:])
        else:
            row = "".join(cells)
        return _TIME.sub("[00:00]", row.rstrip())


@attrs.define(eq=False)
class Pane:
    """A pane of tmux, which is a terminal of its own, and so are the keys that it sends."""

    _tmux: tuple[str, ...]  # the command that speaks to its server

    def presses(self, *keys: str) -> None:
        """Press keys by tmux's names for them (``Enter``, ``Left``), or type text."""
        self._run("send-keys", *keys)

    def shows(self, *rows: str) -> None:
        """Wait until these are the last rows of the pane, but for blank ones."""
        deadline = time.monotonic() + PATIENCE
        while (seen := self._seen())[-len(rows) :] != list(rows):
            assert time.monotonic() < deadline, seen
            time.sleep(POLL)

    def _seen(self) -> list[str]:
        shown = _TIME.sub("[00:00]", self._run("capture-pane", "-p"))
        return [row.rstrip() for row in shown.rstrip("\n").split("\n")]

    def _run(self, *command: str) -> str:
        return subprocess.run(
            [*self._tmux, *command], stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE
        ).stdout


@contextmanager
def open_pane(tmux: str, socket: Path, *command: str) -> Iterator[Pane]:
    """Run a command in a tmux of its own, which ends with the block."""
    start = (tmux, "-f", "/dev/null", "-S", str(socket), "-u")
    subprocess.run(
        [*start, "new-session", "-d", "-x", "80", "-y", "24", *command],
        check=True,
        timeout=PATIENCE,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    try:
        yield Pane(start)
    finally:
        subprocess.run([*start, "kill-server"], timeout=PATIENCE, check=False)
