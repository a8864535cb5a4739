"""Text made safe for a terminal, as the bytes of a line; and words for counts and times."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

BELL: Final = b"\a"  # what rings it

MAX_MARKS: Final = 4  # combining marks and joiners on one base; more climb over other lines
MAX_RUN: Final = 64  # of them in a row, with those that spread: to sort n of them takes n² steps


# ---------------------------------------------------------------- safe text

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0a-\x1f\x7f-\x9f"  # C0 but for the tab, DEL, C1
    "\u2028\u2029"  # line and paragraph separator
    "\u202a-\u202e\u2066-\u2069"  # bidi embeddings, overrides and isolates
    "\u200e\u200f\u061c"  # bidi marks
    "\u00ad\u034f\u17b4\u17b5\u180e\u200b\u2060-\u2065"  # of no width, but for ZWJ and ZWNJ
    "\u206a-\u206f\ufeff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # and more of no width
    "\u115f\u1160\u3164\uffa0"  # fillers: blank where a letter is expected
    "\ufff0-\ufffb\ufffe\uffff"  # interlinear marks, and no characters at all
    "\ud800-\udfff"  # surrogates
    "\U000e0000-\U000e0fff"  # tags and variation selectors of no width
    "]"
)
_BLANKS = re.compile("[\\s\u2800]{2,}")  # Braille's blank is no space for Unicode
# Where more marks may stand than MAX_RUN: no letter or digit is among what could be one.
_LONG_RUN = re.compile(rf"(?<![^\x00-\x7f\w])[^\x00-\x7f\w]{{{MAX_RUN + 1},}}")
_JOINERS = "\u200c\u200d"  # ZWNJ and ZWJ: Persian, Indic scripts and emoji need them


def clean(text: str) -> str:
    """Return `text` without anything that could move a cursor or hide what is said.

    A tab becomes a space, the rest of what is unsafe goes; what is left is in
    Unicode's NFC, with at most MAX_MARKS combining marks on a base, and no run of
    marks longer than MAX_RUN. Text that is clean already comes back as the same object.
    """
    if text.isprintable() and text.isascii():
        return text
    cleaned = _LONG_RUN.sub(_shortened, _UNSAFE.sub("", text.replace("\t", " ")))
    cleaned = _without_piled_marks(unicodedata.normalize("NFC", cleaned))
    cleaned = _LONG_RUN.sub(_shortened, cleaned)  # NFC takes some marks apart
    return text if cleaned == text else cleaned


def _shortened(found: re.Match[str]) -> str:
    kept = []
    run = 0
    for character in found[0]:
        is_mark = character in _JOINERS or unicodedata.category(character)[0] == "M"
        run = run + 1 if is_mark else 0
        if run <= MAX_RUN:
            kept.append(character)
    return "".join(kept)


def _without_piled_marks(text: str) -> str:
    kept = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if character in _JOINERS or category in ("Mn", "Me"):
            marks += 1
        elif category != "Mc" or marks <= MAX_MARKS:
            # A spacing mark (Mc) makes room for more, as in Burmese; but behind marks that
            # go it goes too, or it could combine with those that stay, and NFC were lost.
            marks = 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def flatten(text: str) -> str:
    """Return clean text in which blanks stand alone: no padding can wrap it to a line of its own.

    For a person's text on a line that is the server's.
    """
    return _BLANKS.sub(" ", clean(text))


def encode(line: str) -> bytes:
    """Return a line as the bytes that go out: the one place where text becomes bytes.

    It ends with CR LF for everybody: a telnet that has sent nothing yet cannot
    be told from nc, and would show bare LFs as stairs.
    """
    return clean(line).encode() + b"\r\n"


def encode_marked(runs: Iterable[tuple[str, str]]) -> bytes:
    """Return a line of texts, each with the SGR parameters that mark it, as `encode` does.

    Each mark is taken back where its text ends (ECMA-48, 8.3.117): none reaches another line.
    """
    marked = []
    for sgr, group in groupby(runs, key=itemgetter(0)):
        text = clean("".join([each for _, each in group]))
        marked.append(f"\x1b[{sgr}m{text}\x1b[0m" if sgr and text else text)
    return "".join(marked).encode() + b"\r\n"


# ----------------------------------------------------------- words in text


def names(some: Sequence[str], total: int) -> str:
    """Name the first of `total` people: ``ann, bob and 3 others``."""
    others = total - len(some)
    if others > 0:
        return f"{', '.join(some)} and {plural(others, 'other')}"
    return ", ".join(some)


def plural(count: int, noun: str) -> str:
    """Count a thing: ``1 message``, ``2 messages``, ``2 people``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {'people' if noun == 'person' else noun + 's'}"


def duration(seconds: float) -> str:
    """A time span to read: ``42s``, ``17m``, ``3h 5m``, ``2d 4h``."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days}d {hours % 24}h"
    if hours:
        return f"{hours}h {minutes % 60}m"
    return f"{minutes}m" if minutes else f"{int(seconds)}s"
