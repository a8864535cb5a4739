"""A command's signature, read as its usage and as the way to bind what was typed."""

import inspect
import re
from collections.abc import Callable
from typing import Any, Final

import attrs

from trioserve.errors import ChatError

# Plain numbers, as people write them, and no more digits than a 64-bit integer holds: int()
# and float() would also take "1_000", "１２", "nan" and "1e400".
_WHOLE = re.compile("[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]*)?|\.[0-9]+)")

_BOOLEANS: Final = {"on": True, "yes": True, "off": False, "no": False}


def _to_int(word: str) -> int:
    if _WHOLE.fullmatch(word) is None:
        raise ValueError(word)
    return int(word)


def _to_float(word: str) -> float:
    if _DECIMAL.fullmatch(word) is None:
        raise ValueError(word)
    return float(word)


def _to_bool(word: str) -> bool:
    return _BOOLEANS[word.lower()]


# What an annotation converts with, and what a person is told was expected.
_CONVERTERS: Final[dict[Any, tuple[Callable[[str], Any], str]]] = {
    str: (str, "a word"),
    int: (_to_int, "a whole number"),
    float: (_to_float, "a number"),
    bool: (_to_bool, "on or off"),
}


@attrs.frozen
class Parameter:
    """One argument of a command: how it is called, converted, and whether it must be there."""

    name: str
    convert: Callable[[str], Any]
    expected: str
    required: bool

    @property
    def shown(self) -> str:
        """The name as people see it."""
        return self.name.replace("_", "-")

    def usage(self, suffix: str = "") -> str:
        shown = ("on|off" if self.convert is _to_bool else self.shown) + suffix
        return f"<{shown}>" if self.required else f"[{shown}]"


@attrs.frozen
class Arguments:
    """The arguments of one command: words in order, then the rest of the line.

    Either `words` takes every further word, or `rest` what is left of the line
    as it was typed, or neither.
    """

    parameters: tuple[Parameter, ...]
    words: Parameter | None
    rest: Parameter | None

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "Arguments":
        """Read the signature of a command, whose first parameter is its context.

        Raises:
            TypeError: if it cannot be a command; the message names the function.
        """
        where = f"{function.__module__}.{function.__qualname__}"
        try:
            declared = list(inspect.signature(function, eval_str=True).parameters.values())
        except NameError as error:  # imported under TYPE_CHECKING alone, or misspelt
            raise TypeError(f"{where}: its annotations cannot be read: {error}") from None
        if not declared or not _is_context(declared[0]):
            raise TypeError(f"{where}: a command takes its context as the first parameter")
        parameters = []
        words = rest = None
        for each in declared[1:]:
            parameter = _parameter(where, each)
            match each.kind:
                case inspect.Parameter.VAR_POSITIONAL:
                    words = attrs.evolve(parameter, required=False)
                case inspect.Parameter.KEYWORD_ONLY if rest is None and words is None:
                    rest = parameter
                case inspect.Parameter.POSITIONAL_ONLY | inspect.Parameter.POSITIONAL_OR_KEYWORD:
                    parameters.append(parameter)
                case _:
                    raise TypeError(f"{where}: nothing typed could be bound to {each}")
        return cls(tuple(parameters), words, rest)

    @property
    def usage(self) -> str:
        """What to type behind the command's name: ``<nick> <text>``, ``[n]``."""
        parts = [parameter.usage() for parameter in self.parameters]
        if self.words is not None:
            parts.append(self.words.usage("..."))
        if self.rest is not None:
            parts.append(self.rest.usage())
        return " ".join(parts)

    def bind(self, text: str) -> tuple[list[Any], dict[str, Any]]:
        """Convert what was typed behind a command's name to its arguments.

        Raises:
            ChatError: if something is missing, too much, or not what was expected.
        """
        values = []
        text = text.strip()
        for parameter in self.parameters:
            word, text = _next_word(text)
            if word:
                values.append(_converted(parameter, word))
            elif parameter.required:
                raise ChatError(f"{parameter.shown} is missing")
            else:
                break
        named = {}
        if self.words is not None:
            values.extend(_converted(self.words, word) for word in text.split())
        elif self.rest is not None:
            if text:
                named[self.rest.name] = _converted(self.rest, text)
            elif self.rest.required:
                raise ChatError(f"{self.rest.shown} is missing")
        elif text:
            raise ChatError(f'"{text}" is too much')
        return values, named


def _is_context(declared: inspect.Parameter) -> bool:
    """Whether a context can be bound to it, as opposed to something typed."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return declared.kind in positional and not any(
        declared.annotation is kind for kind in _CONVERTERS
    )


def _parameter(where: str, declared: inspect.Parameter) -> Parameter:
    try:
        convert, expected = _CONVERTERS[declared.annotation]
    except (KeyError, TypeError):
        raise TypeError(
            f"{where}: nothing typed can be converted for the parameter {declared}"
        ) from None
    required = declared.default is inspect.Parameter.empty
    return Parameter(declared.name, convert, expected, required)


def _next_word(text: str) -> tuple[str, str]:
    word, *rest = text.split(maxsplit=1) or [""]
    return word, rest[0] if rest else ""


def _converted(parameter: Parameter, text: str) -> Any:
    try:
        return parameter.convert(text)
    except (ValueError, KeyError):
        raise ChatError(f'{parameter.shown}: expected {parameter.expected}, got "{text}"') from None
