"""What is typed: the draft, the secret that puts it aside for a while, and what was sent."""

import attrs

from trioserve.wire.buffer import Draft, lines_of
from trioserve.wire.recall import History


@attrs.define(eq=False)
class Drafts:
    """The draft that keys change now. Nothing of a secret is kept, or had back."""

    max_line: int  # bytes
    max_size: int  # bytes, of all lines of a paste together
    current: Draft = attrs.field(init=False)
    _put_aside: Draft | None = attrs.field(default=None, init=False)  # while a secret is typed
    _history: History = attrs.field(factory=History, init=False)

    def __attrs_post_init__(self) -> None:
        self.current = self._new()

    @property
    def is_secret(self) -> bool:
        return self._put_aside is not None

    @property
    def text(self) -> str:
        """What has been typed and not sent; nothing of a secret."""
        return (self.current if self._put_aside is None else self._put_aside).text

    def set_secret(self, is_secret: bool) -> None:
        """Begin a secret, of which the draft is no beginning, or go back to the draft."""
        if is_secret and self._put_aside is None:
            self._put_aside, self.current = self.current, self._new()
        elif not is_secret and self._put_aside is not None:
            self.current, self._put_aside = self._put_aside, None

    def recall(self, *, back: bool) -> None:
        """Have the line into the draft that was sent before this one, or behind it."""
        if not self.is_secret:
            move = self._history.up if back else self._history.down
            move(self.current)

    def take(self) -> list[str]:
        """Empty the draft, and return the lines that it is sent as."""
        lines = lines_of(self.current.text)
        self.remember()
        self.clear()
        return lines

    def remember(self) -> None:
        """Keep the lines of the draft as if they had been sent, for whoever goes up."""
        if not self.is_secret:
            for line in lines_of(self.current.text):
                self._history.add(line)

    def clear(self) -> bool:
        """Empty the draft; return whether there was anything in it."""
        was_empty = not self.current.cells
        self.current.clear()
        if not self.is_secret:
            self._history.leave()
        return not was_empty

    def _new(self) -> Draft:
        return Draft(self.max_line, self.max_size)
