"""Converters: how a word that somebody typed becomes the value that a command asks for."""

import difflib
import enum
import inspect
import re
import types
import typing
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, Literal, NewType, TypeVar

import attrs

from trioserve.errors import ChatError
from trioserve.names import MAX_ROOM, check_room, fold
from trioserve.rooms import Member, Room
from trioserve.wire.text import names

if TYPE_CHECKING:
    from trioserve.context import Context  # which imports us, by way of the registry

Nick = NewType("Nick", str)
"""The nick of somebody who is here, as they write it."""

MAX_SPAN: Final = timedelta(days=3650)  # far from where adding one to a date overflows
CHOICES_TOLD: Final = 10  # of those that a mistake lists; the rest are counted
MAX_SHOWN: Final = 60  # characters of what was typed, when it is wrong
CANDIDATES: Final = 200  # names that a wrong one is compared with, see _suggestion

# Plain numbers, as people write them, and no more digits than a 64-bit integer holds: int()
# and float() would also take "1_000", "１２", "nan" and "1e400".
_WHOLE = re.compile("[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]*)?|\.[0-9]+)")

_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
# Spaces only before a count: nowhere can they match in two ways, which would take for ever.
_SPAN = re.compile("".join(f"(?: *([0-9]{{1,9}}){unit})?" for unit in _SECONDS), re.IGNORECASE)

_Function = TypeVar("_Function", bound=Callable[..., Any])


@attrs.frozen
class Converter:
    """What makes a value of a word, and how to speak of what it takes."""

    function: Callable[..., Any]
    expected: str  # "a whole number"
    choices: tuple[str, ...] = ()  # all that may be typed, if that is a few words
    takes_context: bool = False

    @property
    def where(self) -> str:
        """The function's full name."""
        return f"{self.function.__module__}.{self.function.__qualname__}"

    def convert(self, word: str, ctx: "Context") -> Any:
        """Return the value of a word.

        Raises:
            ValueError: if it is not what was expected.
            ChatError: the same, in words of its own.
        """
        return self.function(word, ctx) if self.takes_context else self.function(word)


_converters: Final[dict[Any, Converter]] = {}  # by the type that they convert to


# --------------------------------------------------------------- declaring


def converter(function: _Function) -> _Function:
    """Let commands take a type of your own.

        @converter
        def colour(word: str) -> Colour:
            '''A colour such as red.'''
            return Colour.named(word)

    The return annotation is the type, the docstring's first line what people
    are told was expected. It is a plain function of the word, or of the word
    and the caller's Context, and raises ValueError for "not that" or ChatError
    with words of its own. A command looks its annotations up when it is
    declared: put the converter above it. A module that is loaded again
    replaces its own converters.

    Raises:
        TypeError: if it cannot be a converter, or the type has one already.
    """
    if not inspect.isfunction(function) or inspect.iscoroutinefunction(function):
        raise TypeError(f"{function!r}: a converter is a plain function")
    where = f"{function.__module__}.{function.__qualname__}"
    signature = inspect.signature(function)
    needed = [each for each in signature.parameters.values() if each.default is each.empty]
    if len(needed) not in (1, 2) or any(each.kind > each.POSITIONAL_OR_KEYWORD for each in needed):
        raise TypeError(f"{where}: a converter takes a word, and if it likes the context")
    new = Converter(function, _expected(where, function), takes_context=len(needed) == 2)
    _add(_returned(where, function, signature.return_annotation), new)
    return function


def forget(module: str) -> None:
    """Drop the converters of a module; commands declared with them keep them."""
    for kind in [kind for kind, each in _converters.items() if each.function.__module__ == module]:
        del _converters[kind]


def _expected(where: str, function: Callable[..., Any]) -> str:
    if not (text := inspect.cleandoc(function.__doc__ or "").strip()):
        raise TypeError(f"{where}: no docstring to say what is expected")
    article, space, thing = text.splitlines()[0].strip().rstrip(".").partition(" ")
    return (article.lower() if article in ("A", "An", "The") else article) + space + thing


def _returned(where: str, function: Callable[..., Any], returns: Any) -> Any:
    """The type a converter converts to: the only annotation of it that must be there to read."""
    if isinstance(returns, str):
        lone = types.SimpleNamespace(__annotations__={"return": returns})
        try:
            returns = typing.get_type_hints(lone, function.__globals__)["return"]
        except (NameError, AttributeError, SyntaxError, TypeError) as error:
            raise TypeError(f"{where}: its return annotation cannot be read: {error}") from None
    if returns is inspect.Signature.empty:
        raise TypeError(f"{where}: no return annotation to say what it converts to")
    nothing = returns in (None, types.NoneType, Any, object)
    if nothing or _is_union(returns) or not isinstance(returns, Hashable):
        raise TypeError(f"{where}: {_named(returns)} is no type to convert to")
    return returns


def _add(kind: Any, new: Converter) -> None:
    module = new.function.__module__
    if (old := _converters.get(kind)) is not None and old.function.__module__ != module:
        raise TypeError(f"{new.where}: {_named(kind)} has a converter already, {old.where}")
    # A module that was loaded again has made its types anew: let go of those of before.
    for each, other in list(_converters.items()):
        if other.function.__module__ == module and str(each) == str(kind):
            del _converters[each]
    _converters[kind] = new


# ----------------------------------------------------------------- finding


def converter_for(annotation: Any) -> Converter:
    """The converter for a type; for ``X | None`` that for X.

    Raises:
        TypeError: if there is none.
    """
    annotation = without_none(annotation)
    try:
        found = _converters.get(annotation)
    except TypeError:  # not even hashable
        found = None
    if found is not None:
        return found
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum) and len(annotation):
        shown = [_plain(each.name) for each in annotation]  # aliases are taken, not shown
        return _one_of(annotation.__members__.items(), shown)
    values = typing.get_args(annotation) if typing.get_origin(annotation) is Literal else ()
    if values and all(type(value) in (str, int) for value in values):
        return _one_of([(str(value), value) for value in values], [str(value) for value in values])
    if annotation is inspect.Parameter.empty:
        raise TypeError("it has no annotation")
    raise TypeError(f"no converter for {_named(annotation)}: declare it with @converter before")


def without_none(annotation: Any) -> Any:
    """X for ``X | None``; any other annotation as it is."""
    if not _is_union(annotation):
        return annotation
    others = [each for each in typing.get_args(annotation) if each is not types.NoneType]
    return others[0] if len(others) == 1 else annotation


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _named(annotation: Any) -> str:
    """A type as its author writes it."""
    return annotation.__name__ if isinstance(annotation, type | NewType) else str(annotation)


def _one_of(values: Iterable[tuple[str, Any]], shown: Sequence[str]) -> Converter:
    """The converter for a few words, in any case, and with - for _."""
    plain: dict[str, Any] = {}
    for name, value in values:
        if plain.setdefault(_plain(name), value) is not value:
            raise TypeError(f'"{name}" differs from another choice by case only')

    def choose(word: str) -> Any:
        if (plain_word := _plain(word)) not in plain:
            raise ValueError(word)
        return plain[plain_word]

    if len(shown) > CHOICES_TOLD:
        expected = names(shown[:CHOICES_TOLD], len(shown))
    else:
        expected = " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
    return Converter(choose, expected, tuple(shown))


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


# ------------------------------------------------- what every server converts


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


_add(bool, Converter(_on_or_off, "on or off", choices=("on", "off")))


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
    if (room := ctx.world.rooms.get(fold(name))) is not None:
        return room
    known = (each.name for each in chain(ctx.member.rooms.values(), ctx.world.rooms.values()))
    raise ChatError(f"there is no room {name}{_suggestion(name, known)}")


def cut(text: str) -> str:
    """As much of a text as fits into the line about a mistake."""
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


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
