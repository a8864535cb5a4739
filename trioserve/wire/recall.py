"""The lines that were sent, to be had back into the draft."""

from collections import deque
from typing import Final

import attrs

from trioserve.wire.buffer import Content, Draft

MAX_HISTORY: Final = 50  # lines


@attrs.define(eq=False)
class History:
    """The lines sent, the oldest first, and which of them is in the draft now.

    What was being typed when one went back is kept, and stands behind the last line;
    changes to a line from the history are lost on leaving it.
    """

    lines: deque[str] = attrs.field(factory=lambda: deque(maxlen=MAX_HISTORY), init=False)
    _back: int = attrs.field(default=0, init=False)  # how many lines up; 0 is the draft
    _typed: Content = attrs.field(default=([], 0, 0), init=False)

    def add(self, line: str) -> None:
        """Keep a line that was sent, unless it is blank or the last one again."""
        if line.strip() and (not self.lines or self.lines[-1] != line):
            self.lines.append(line)

    def up(self, draft: Draft) -> None:
        if self._back == len(self.lines):
            return
        if self._back == 0:
            self._typed = draft.take()
        self._back += 1
        draft.load(self.lines[-self._back])

    def down(self, draft: Draft) -> None:
        if self._back == 0:
            return
        self._back -= 1
        if self._back:
            draft.load(self.lines[-self._back])
        else:
            draft.put(*self._typed)
            self.leave()

    def leave(self) -> None:
        """Go to where new lines are typed: the draft was sent or thrown away."""
        self._back = 0
        self._typed = ([], 0, 0)
