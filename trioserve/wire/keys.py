r"""Keys, by what they do, and the sequences that terminals send for them.

What terminals send: xterm's "XTerm Control Sequences" (PC-style function keys,
bracketed paste mode), and where others differ the Linux console (console_codes(4)),
rxvt and PuTTY. The grammar of sequences is that of ECMA-48, 5.4 (CSI) and 5.6
(control strings: OSC, DCS, SOS, PM, APC).
"""

import enum
import re
from typing import Final, TypeAlias

import attrs


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

CONTROLS: Final = {
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
SEQUENCE: Final = re.compile(
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
BEGUN: Final = re.compile(f"\x1b(?:\x1b?(?:\\[(?:\\[|[0-?]*[ -/]*)|O[0-9;]*)|{_STRING}|\x1b\\Z)?")
_PLAIN: Final = re.compile("\x1b?([O\\[])([0-9]*)(?:;([0-9]+))?([@-~])")


def key_of(match: re.Match[str]) -> Key | None:
    """The key that a whole sequence stands for, if it stands for one."""
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
