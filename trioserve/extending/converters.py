"""Converters: how a word that somebody typed becomes the value that a command asks for."""

import enum
import inspect
import types
import typing
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, NewType, TypeVar

import attrs

from trioserve.wire.text import names

if TYPE_CHECKING:
    from trioserve.extending.context import Context  # which imports us, by way of the registry

CHOICES_TOLD: Final = 10  # of those that a mistake lists; the rest are counted
MAX_SHOWN: Final = 60  # characters of what was typed, when it is wrong

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
    add_converter(_returned(where, function, signature.return_annotation), new)
    return function


def add_converter(kind: Any, new: Converter) -> None:
    """Let commands take a type by a converter that is made already; raises TypeError as above."""
    module = new.function.__module__
    if (old := _converters.get(kind)) is not None and old.function.__module__ != module:
        raise TypeError(f"{new.where}: {_named(kind)} has a converter already, {old.where}")
    # A module that was loaded again has made its types anew: let go of those of before.
    for each, other in list(_converters.items()):
        if other.function.__module__ == module and str(each) == str(kind):
            del _converters[each]
    _converters[kind] = new


@contextmanager
def undone_on_failure() -> Iterator[None]:
    """Put all converters back as they were if the block fails."""
    before = dict(_converters)
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            _converters.clear()
            _converters.update(before)


def forget(module: str) -> None:
    """Drop the converters of a module or package; commands declared with them keep them."""
    for kind, each in list(_converters.items()):
        if f"{each.function.__module__}.".startswith(f"{module}."):
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


def cut(text: str) -> str:
    """As much of a text as fits into the line about a mistake."""
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
