"""Three words by which somebody is known again: made by chance, and short enough to type.

Of 2048 words each is worth 11 bits. To guess one of 10 000 phrases, at three tries a
minute, takes an address half a year; at thirty, all of this machine three weeks.
"""

import functools
import re
import secrets
from importlib import resources
from typing import Final

from trioserve.wire.spans import exact

WORDS: Final = 3  # of a phrase
BITS: Final = 11  # that each is worth: there are 2048
MOST: Final = 2**BITS - 1

_BETWEEN: Final = re.compile(r"[\s-]+")


@functools.cache
def words() -> tuple[str, ...]:
    """The words that phrases are made of; their source and licence stand in the file."""
    text = resources.files("trioserve.broker").joinpath("words.txt").read_text(encoding="ascii")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def new_phrase() -> str:
    """Return a phrase that nobody can foresee: ``able-baker-cargo``."""
    chance = secrets.randbits(WORDS * BITS)  # asked for once: each time is a system call
    return "-".join([words()[chance >> BITS * each & MOST] for each in range(WORDS)])


def nobody_s(keep: float) -> str:
    """What is said of words that are nobody's, where they hold for so many seconds."""
    if not keep:
        return "nobody has these words: none are given here"
    return f"nobody who is here has these words: they hold for {exact(keep)}, once"


def normal(text: str) -> str:
    """Return a phrase as it is written, if it was typed with blanks, or in capitals."""
    return _BETWEEN.sub("-", text.strip().lower())
