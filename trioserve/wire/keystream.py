"""Received bytes to keys, for a terminal that sends each key as it is pressed."""

import codecs
from typing import Final

import attrs

from trioserve.wire.keys import BEGUN, CONTROLS, SEQUENCE, Key, Keystroke, Paste, key_of
from trioserve.wire.pasting import (
    PASTE_BEGINS,
    PASTE_IS_OVER,
    PasteRest,
    beginning_of_end,
    with_one_kind_of_end,
)

MAX_PASTE: Final = 16 * 1024  # bytes
MAX_SEQUENCE: Final = 256  # characters; answers of terminals are shorter


def _utf8() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")


@attrs.define(eq=False)
class KeyDecoder:
    """Cut a stream of bytes into keys, however it is chopped.

    Text is UTF-8; what is not becomes U+FFFD. Escape sequences that stand for no
    key are swallowed whole, and so is one's beginning if it goes on to be none.
    What is held back is at most MAX_SEQUENCE characters of a sequence, or
    `max_paste` bytes of a paste.
    """

    max_paste: int = MAX_PASTE  # bytes
    _utf8: codecs.IncrementalDecoder = attrs.field(factory=_utf8, init=False)
    _held: str = attrs.field(default="", init=False)
    _after_cr: bool = attrs.field(default=False, init=False)
    _pasted: list[str] | None = attrs.field(default=None, init=False)
    _pasted_size: int = attrs.field(default=0, init=False)  # bytes

    @property
    def waiting(self) -> bool:
        """Whether a sequence has begun, or only Esc was pressed: time will tell, see `flush`."""
        return bool(self._held) and self._pasted is None

    @property
    def is_pasting(self) -> bool:
        """Whether a paste has begun that has not ended."""
        return self._pasted is not None

    def take_paste(self) -> str | None:
        r"""Give up the paste that has begun; return what has come of it, with ``\n`` in it.

        None if none has begun, or if it is too long already.
        """
        pasted, self._pasted = self._pasted, None
        if pasted is None or self._pasted_size > self.max_paste:
            return None
        return with_one_kind_of_end("".join(pasted))

    def rest_of_paste(self, *, refused: bool) -> PasteRest:
        """What takes the rest of the paste that was given up."""
        return PasteRest(self._held.encode() + self.take_half(), refused)

    def decode(self, data: bytes) -> str:
        """Return received bytes as text, of which no key is made; half a character is held back."""
        return self._utf8.decode(data)

    def take_half(self) -> bytes:
        """Return what has come of a character whose rest has not, once."""
        half, _ = self._utf8.getstate()
        self._utf8.reset()
        return half

    def receive_data(self, data: bytes) -> list[Keystroke]:
        """Add received bytes and return the keys that they complete.

        Each of CR, LF, CR LF and CR NUL is one Enter (RFC 854).
        """
        text = self._held + self.decode(data)
        self._held = ""
        keys: list[Keystroke] = []
        position = 0
        while position < len(text):
            if self._pasted is not None:
                position = self._go_on_pasting(text, position, keys)
            elif text[position] == "\x1b":
                position = self._escape(text, position, keys)
            else:
                self._press(text[position], keys)
                position += 1
        return keys

    def flush(self) -> list[Keystroke]:
        """Give up the sequence that has begun, for nothing came for a while; return its keys.

        A lone Esc is a key. A sequence takes one packet, or two: 0.1 s tell them apart.
        A paste may take its time, and is left alone.
        """
        if not self.waiting:
            return []
        held, self._held = self._held, ""
        return [Key.ESCAPE] * len(held) if not held.strip("\x1b") else []

    def _press(self, character: str, keys: list[Keystroke]) -> None:
        after_cr, self._after_cr = self._after_cr, character == "\r"
        if after_cr and character in "\n\0":
            return
        if character >= " " and character != "\x7f":
            keys.append(character)
        elif character in CONTROLS:
            keys.append(CONTROLS[character])

    def _escape(self, text: str, start: int, keys: list[Keystroke]) -> int:
        """Take the sequence at `start`, and return where it ends."""
        self._after_cr = False
        # The bound holds for one that came at once too: chopping must make no difference.
        bound = start + MAX_SEQUENCE
        if match := SEQUENCE.match(text, start, bound):
            if match[0] == PASTE_BEGINS:
                self._pasted, self._pasted_size = [], 0
            elif (key := key_of(match)) is not None:
                keys.append(key)
            return match.end()
        begun = BEGUN.match(text, start, bound)
        assert begun is not None  # it begins with ESC
        end = begun.end()
        if end == len(text):
            self._held = text[start:]
        elif end == start + 1:
            keys.append(Key.ESCAPE)
        return end

    def _go_on_pasting(self, text: str, start: int, keys: list[Keystroke]) -> int:
        """Add what stands at `start` to the paste, and return where that ends."""
        over = PASTE_IS_OVER.search(text, start)
        end = len(text) if over is None else over.start()
        if over is None:
            self._held = beginning_of_end(text[start:])
            end -= len(self._held)
        self._add_pasted(text[start:end], keys)
        if over is None:
            return len(text)
        if (pasted := self.take_paste()) is not None:
            keys.append(Paste(pasted))
        return over.end()

    def _add_pasted(self, piece: str, keys: list[Keystroke]) -> None:
        was_too_long = self._pasted_size > self.max_paste
        self._pasted_size += len(piece.encode())
        if self._pasted_size <= self.max_paste:
            assert self._pasted is not None
            self._pasted.append(piece)
        elif not was_too_long:
            self._pasted = []
            keys.append(Paste(None))
