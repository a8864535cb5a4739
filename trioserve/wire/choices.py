"""What a word can become: what all of that begins with, and how it is shown."""

from collections.abc import Sequence
from typing import Final

from trioserve.wire.above import rows_of
from trioserve.wire.text import names

MAX_CHOICES: Final = 40  # shown of a completion


def choices(candidates: Sequence[str], rows: int, columns: int) -> str:
    """The first of the candidates, as many as fit so many rows, and how many more there are."""
    shown = [candidate.strip() for candidate in candidates[:MAX_CHOICES]]
    while len(shown) > 1 and rows_of(names(shown, len(candidates)), columns) > rows:
        del shown[len(shown) * 7 // 8 :]  # to try one less each time takes too long
    return names(shown, len(candidates))


def common_beginning(candidates: Sequence[str]) -> str:
    """What all begin with, as the first of them spells it."""
    if not candidates:
        return ""
    first = candidates[0]
    for other in candidates[1:]:
        end = 0
        while end < min(len(first), len(other)) and first[end].lower() == other[end].lower():
            end += 1
        first = first[:end]
    return first
