"""Whose nick stands in a text: the words that could be one."""

import re
from collections.abc import Iterator
from typing import Final

from trioserve.names import fold

# A nick, and no part of a longer word; nor with a mark over its last letter, as in "ann\u20dd".
WORD: Final = re.compile(
    r"(?<![\w-])[A-Za-z][A-Za-z0-9_-]*"
    r"(?![\w\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff\ufe00-\ufe2f])"
)


def words(text: str) -> Iterator[str]:
    """Each word that could be a nick, folded, once."""
    seen = set()
    for match in WORD.finditer(text):
        if (word := fold(match[0])) not in seen:
            seen.add(word)
            yield word


def is_mentioned(nick: str, text: str) -> bool:
    """Whether a nick stands in a text as a word; the empty one never does."""
    folded = fold(nick)
    return folded != "" and folded in fold(text) and folded in words(text)
