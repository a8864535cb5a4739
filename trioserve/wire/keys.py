r"""Received bytes to keys, for a terminal that sends each key as it is pressed.

What terminals send: xterm's "XTerm Control Sequences" (PC-style function keys,
bracketed paste mode), and where others differ the Linux console (console_codes(4)),
rxvt and PuTTY. The grammar of sequences is that of ECMA-48, 5.4 (CSI) and 5.6
(control strings: OSC, DCS, SOS, PM, APC).
"""

import codecs
import enum
import re
from collections.abc import Callable
from typing import Final, TypeAlias

import attrs

MAX_PASTE: Final = 16 * 1024  # bytes
MAX_SEQUENCE: Final = 256  # characters; answers of terminals are shorter

_Decode: TypeAlias = Callable[[bytes], str]


class Key(enum.Enum):
    """Keys that are no characters, by what they do. Several on a keyboard may do the same."""

    ENTER = "Enter"
    TAB = "Tab"
    ESCAPE = "Esc"
    LEFT = "Left, ^B"
    RIGHT = "Right, ^F"
    UP = "Up, ^P"
    DOWN = "Down, ^N"
    HOME = "Home, ^A"
    END = "End, ^E"
    WORD_LEFT = "Ctrl-Left, Alt-B"
    WORD_RIGHT = "Ctrl-Right, Alt-F"
    BACKSPACE = "Backspace, ^H"
    DELETE = "Delete"
    KILL_LEFT = "^U"
    KILL_RIGHT = "^K"
    KILL_BLANK_WORD = "^W"
    KILL_WORD_LEFT = "Alt-Backspace"
    KILL_WORD_RIGHT = "Alt-D"
    YANK = "^Y"
    TRANSPOSE = "^T"
    CLEAR_SCREEN = "^L"
    INTERRUPT = "^C"
    END_OF_INPUT = "^D"


@attrs.frozen
class Paste:
    r"""What was pasted, with ``\n`` between its lines; None if it was too long and is lost."""

    text: str | None


# A character stands for itself.
Keystroke: TypeAlias = Key | Paste | str

_CONTROLS: Final = {
    "\x01": Key.HOME,
    "\x02": Key.LEFT,
    "\x03": Key.INTERRUPT,
    "\x04": Key.END_OF_INPUT,
    "\x05": Key.END,
    "\x06": Key.RIGHT,
    "\x08": Key.BACKSPACE,
    "\x09": Key.TAB,
    "\x0a": Key.ENTER,
    "\x0b": Key.KILL_RIGHT,
    "\x0c": Key.CLEAR_SCREEN,
    "\x0d": Key.ENTER,
    "\x0e": Key.DOWN,
    "\x10": Key.UP,
    "\x14": Key.TRANSPOSE,
    "\x15": Key.KILL_LEFT,
    "\x17": Key.KILL_BLANK_WORD,
    "\x19": Key.YANK,
    "\x7f": Key.BACKSPACE,
}
_FINALS: Final = {  # of CSI and SS3: `ESC [ D`, `ESC O D`
    "A": Key.UP,
    "B": Key.DOWN,
    "C": Key.RIGHT,
    "D": Key.LEFT,
    "H": Key.HOME,
    "F": Key.END,
}
_SS3_FINALS: Final = _FINALS | {
    "M": Key.ENTER,  # of the keypad
    "c": Key.WORD_RIGHT,  # rxvt's Ctrl-Right
    "d": Key.WORD_LEFT,
}
_NUMBERED: Final = {  # `ESC [ 3 ~`
    1: Key.HOME,
    3: Key.DELETE,
    4: Key.END,
    7: Key.HOME,  # rxvt's
    8: Key.END,
}
_WITH_ALT: Final = {
    "b": Key.WORD_LEFT,
    "f": Key.WORD_RIGHT,
    "d": Key.KILL_WORD_RIGHT,
    "\x7f": Key.KILL_WORD_LEFT,
    "\x08": Key.KILL_WORD_LEFT,
}
_BY_WORD: Final = {  # what Ctrl or Alt makes of a key
    Key.LEFT: Key.WORD_LEFT,
    Key.RIGHT: Key.WORD_RIGHT,
    Key.DELETE: Key.KILL_WORD_RIGHT,
}
_ALT_OR_CTRL: Final = 0b110  # of xterm's modifier less 1; bit 0 is Shift

# In a string end of line and ^C are as good as its end: whoever has typed Alt-P by mistake
# must not type on unheard.
_STRING = "[]PX^_][^\x03\x07\n\r\x18\x1a\x1b]*"
_SEQUENCE: Final = re.compile(
    "\x1b(?:"
    "(?P<csi>\x1b?\\[(?:"
    "\\[[ -~]"  # the Linux console's F1 to F5: `ESC [ [ A`
    "|[0-9]+\\$"  # rxvt's keys with Shift; an answer that has `$` has a `;` before it
    "|(?!\\[)[0-?]*[ -/]*[@-~]))"
    "|(?P<ss3>\x1b?O[0-9;]*[@-~])"  # old terminals have a modifier: `ESC O 5 D`
    f"|(?P<string>{_STRING}(?:[\x07\x18\x1a]|\x1b\\\\))"
    # Nothing that a terminal answers has blanks and the like here (ECMA-35's nF); Alt-/ has.
    "|(?P<alt>[\x08\x7f]|[^\x00-\x1f\x1b[O\\]PX^_])"
    ")"
)
# What may yet become a sequence.
_BEGUN: Final = re.compile(f"\x1b(?:\x1b?(?:\\[(?:\\[|[0-?]*[ -/]*)|O[0-9;]*)|{_STRING}|\x1b\\Z)?")
_PLAIN: Final = re.compile("\x1b?([O\\[])([0-9]*)(?:;([0-9]+))?([@-~])")

_PASTE_BEGINS: Final = "\x1b[200~"
_PASTE_ENDS: Final = "\x1b[201~"
# No terminal pastes a ^C; a person whose terminal forgot the end presses it.
_PASTE_IS_OVER: Final = re.compile("\x1b\\[201~|(?=\x03)")


def _utf8() -> _Decode:
    return codecs.getincrementaldecoder("utf-8")("replace").decode


@attrs.define(eq=False)
class KeyDecoder:
    """Cut a stream of bytes into keys, however it is chopped.

    Text is UTF-8; what is not becomes U+FFFD. Escape sequences that stand for no
    key are swallowed whole, and so is one's beginning if it goes on to be none.
    What is held back is at most MAX_SEQUENCE characters of a sequence, or
    `max_paste` bytes of a paste.
    """

    max_paste: int = MAX_PASTE  # bytes
    _decode: _Decode = attrs.field(factory=_utf8, init=False)
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
        return _with_one_kind_of_end("".join(pasted))

    def rest_of_paste(self, *, refused: bool) -> "PasteRest":
        """What takes the rest of the paste that was given up."""
        return PasteRest(self._held.encode(), refused)

    def receive_data(self, data: bytes) -> list[Keystroke]:
        """Add received bytes and return the keys that they complete.

        Each of CR, LF, CR LF and CR NUL is one Enter (RFC 854).
        """
        text = self._held + self._decode(data)
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
        elif character in _CONTROLS:
            keys.append(_CONTROLS[character])

    def _escape(self, text: str, start: int, keys: list[Keystroke]) -> int:
        """Take the sequence at `start`, and return where it ends."""
        self._after_cr = False
        # The bound holds for one that came at once too: chopping must make no difference.
        bound = start + MAX_SEQUENCE
        if match := _SEQUENCE.match(text, start, bound):
            if match[0] == _PASTE_BEGINS:
                self._pasted, self._pasted_size = [], 0
            elif (key := _key_of(match)) is not None:
                keys.append(key)
            return match.end()
        begun = _BEGUN.match(text, start, bound)
        assert begun is not None  # it begins with ESC
        end = begun.end()
        if end == len(text):
            self._held = text[start:]
        elif end == start + 1:
            keys.append(Key.ESCAPE)
        return end

    def _go_on_pasting(self, text: str, start: int, keys: list[Keystroke]) -> int:
        """Add what stands at `start` to the paste, and return where that ends."""
        over = _PASTE_IS_OVER.search(text, start)
        end = len(text) if over is None else over.start()
        if over is None:
            self._held = _beginning_of_end(text[start:])
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
        paste, mark, behind = (self._held + data).partition(_PASTE_ENDS.encode())
        self._is_over = bool(mark)
        self._held = b"" if mark else _beginning_of_end(paste.decode("latin-1")).encode("latin-1")
        return behind if self._refused else paste.removesuffix(self._held) + behind


def _beginning_of_end(text: str) -> str:
    """The end of `text` that the mark of a paste's end may begin with."""
    for length in range(min(len(text), len(_PASTE_ENDS) - 1), 0, -1):
        if _PASTE_ENDS.startswith(text[-length:]):
            return text[-length:]
    return ""


def _with_one_kind_of_end(text: str) -> str:
    # Terminals paste CR for a new line, and telnet makes CR NUL of it.
    for end in ("\r\n", "\r\0", "\r"):
        text = text.replace(end, "\n")
    return text


def _key_of(match: re.Match[str]) -> Key | None:
    if match["alt"]:
        return _WITH_ALT.get(match["alt"])
    plain = _PLAIN.fullmatch(match["csi"] or match["ss3"] or "")
    if plain is None:
        return None
    kind, number, modifier, final = plain.groups(default="")
    if final == "~":
        key = _NUMBERED.get(int(number or 0))
    else:
        key = (_FINALS if kind == "[" else _SS3_FINALS).get(final)
        modifier = modifier or number  # `ESC [ 5 D` of old ones
    modified = int(modifier or 1) - 1 & _ALT_OR_CTRL or plain[0].startswith("\x1b")
    return _BY_WORD.get(key, key) if key and modified else key
