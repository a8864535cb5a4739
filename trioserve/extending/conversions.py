"""What every server converts: words to numbers, times, people, rooms."""

import difflib
import re
from collections.abc import Iterable
from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, NewType

from trioserve.errors import ChatError
from trioserve.extending.converters import Converter, add_converter, converter, cut
from trioserve.names import MAX_ROOM, check_room, fold
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room
from trioserve.state.sights import lists

if TYPE_CHECKING:
    from trioserve.extending.context import Context  # which imports us, by way of the registry

Nick = NewType("Nick", str)
"""The nick of somebody who is here, as they write it."""

MAX_SPAN: Final = timedelta(days=3650)  # far from where adding one to a date overflows
CANDIDATES: Final = 200  # names that a wrong one is compared with, see _suggestion

# Plain numbers, as people write them, and no more digits than a 64-bit integer holds: int()
# and float() would also take "1_000", "１２", "nan" and "1e400".
_WHOLE = re.compile("[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]*)?|\.[0-9]+)")

_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
# Spaces only before a count: nowhere can they match in two ways, which would take for ever.
_SPAN = re.compile("".join(f"(?: *([0-9]{{1,9}}){unit})?" for unit in _SECONDS), re.IGNORECASE)


@converter
def _word(word: str) -> str:
    """A word."""
    return word


@converter
def _whole_number(word: str) -> int:
    """A whole number."""
    if _WHOLE.fullmatch(word) is None:
        raise ValueError(word)
    return int(word)


@converter
def _number(word: str) -> float:
    """A number."""
    if _DECIMAL.fullmatch(word) is None:
        raise ValueError(word)
    return float(word)


def _on_or_off(word: str) -> bool:
    words = {"on": True, "yes": True, "off": False, "no": False}
    if (found := words.get(word.lower())) is None:
        raise ValueError(word)
    return found


add_converter(bool, Converter(_on_or_off, "on or off", choices=("on", "off")))


@converter
def _span(word: str) -> timedelta:
    """A time such as 90s, 10m, 2h30m or 3d."""
    if not word or (match := _SPAN.fullmatch(word)) is None:
        raise ValueError(word)
    counts = [int(count or 0) for count in match.groups()]
    seconds = sum(count * unit for count, unit in zip(counts, _SECONDS.values(), strict=True))
    if seconds > MAX_SPAN.total_seconds():
        raise ChatError(f'expected a time of at most {MAX_SPAN.days}d, got "{cut(word)}"')
    return timedelta(seconds=seconds)


@converter
def _member(word: str, ctx: "Context") -> Member:
    """The name of somebody who is here."""
    if not word:
        raise ValueError(word)
    if (member := ctx.world.members.get(fold(word))) is not None:
        return member
    nearest = ctx.member.room.members if ctx.member.room else ()
    known = (each.nick for each in chain(nearest, ctx.world.members.values()))
    raise ChatError(f"nobody here is called {cut(word)}{_suggestion(word, known)}")


@converter
def _nick(word: str, ctx: "Context") -> Nick:
    """The name of somebody who is here."""
    return Nick(_member(word, ctx).nick)


@converter
def _room(word: str, ctx: "Context") -> Room:
    """The name of a room."""
    name = check_room(word)
    if fold(name) in ctx.world.rooms:
        return ctx.world.room_shown_to(ctx.member, name)
    rooms = chain(ctx.member.rooms.values(), ctx.world.rooms.values())
    known = (each.name for each in rooms if lists(each, ctx.member))
    raise ChatError(f"there is no room {name}{_suggestion(name, known)}")


def _suggestion(name: str, known: Iterable[str]) -> str:
    """Words to add about a known name that looks like `name`; none if there is none.

    To compare holds the loop: about 1.5 ms for 200 names, 80 ms for the 10 000 of a full server.
    So only the first CANDIDATES are: callers begin with those who are likely to be meant, who
    may come once more among the others. What is far longer than any name is like none of them.
    """
    if len(name) > 2 * MAX_ROOM:
        return ""
    folded = {fold(each): each for each in islice(known, 2 * CANDIDATES)}
    similar = difflib.get_close_matches(fold(name), list(folded)[:CANDIDATES], n=1)
    return f"; did you mean {folded[similar[0]]}?" if similar else ""
