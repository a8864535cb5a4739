"""A command's signature, read as its usage and as the way to bind what was typed."""

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import attrs

from trioserve.errors import ChatError
from trioserve.extending.converters import Converter, converter_for, cut, without_none

if TYPE_CHECKING:
    from trioserve.extending.context import Context  # which imports us, by way of the registry

MAX_CHOICES_SHOWN: Final = 40  # characters; more of them would drown a usage


@attrs.frozen
class Parameter:
    """One argument of a command: how it is called, converted, and whether it must be there."""

    name: str
    converter: Converter
    required: bool
    has_default: bool = False  # if it has none and is left out, it is None

    @property
    def shown(self) -> str:
        """The name as people see it."""
        return self.name.replace("_", "-")

    @property
    def choices(self) -> str:
        """All that may be typed, which the usage has in place of the name; empty: that is much."""
        choices = "|".join(self.converter.choices)
        return choices if len(choices) <= MAX_CHOICES_SHOWN else ""

    def usage(self, suffix: str = "") -> str:
        shown = self.choices or self.shown
        return f"<{shown}{suffix}>" if self.required else f"[{shown}{suffix}]"

    def value(self, text: str, ctx: "Context") -> Any:
        """Convert what was typed for it; raises ChatError, which names what the usage does."""
        try:
            return self.converter.convert(text, ctx)
        except ChatError as error:
            raise ChatError(f"{self.shown}: {error}") from None
        except ValueError:
            name = "" if self.choices else f"{self.shown}: "
            expected = self.converter.expected
            raise ChatError(f'{name}expected {expected}, got "{cut(text)}"') from None

    def next_word(self, text: str) -> tuple[str | None, str]:
        """Split off a word, or several in double quotes; None if there is none.

        A quote elsewhere is a sign like others (``it's``, ``5"``), and so is a backslash.

        Raises:
            ChatError: if a quote is not closed, or a word adjoins it.
        """
        if not text:
            return None, ""
        if text[0] != '"':
            word, *rest = text.split(maxsplit=1)
            return word, rest[0] if rest else ""
        word, quote, behind = text[1:].partition('"')
        if not quote:
            raise ChatError(f"{self.shown}: {cut(text)} has no closing quote")
        if behind and not behind[0].isspace():
            raise ChatError(f'{self.shown}: a space is missing behind "{cut(word)}"')
        return word, behind.lstrip()


@attrs.frozen
class Arguments:
    """The arguments of one command: words in order, then the rest of the line.

    No required one stands behind one that may be left out.
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
        _refuse_disorder(where, [*parameters, *([rest] if rest else [])])
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

    def bind(self, text: str, ctx: "Context") -> tuple[list[Any], dict[str, Any]]:
        """Convert what was typed behind a command's name to its arguments.

        Words are grouped by double quotes; the rest of the line stays as it was typed.

        Raises:
            ChatError: if something is missing, too much, or not what was expected.
        """
        values: list[Any] = []
        text = text.strip()
        for parameter in self.parameters:
            word, text = parameter.next_word(text)
            if word is not None:
                values.append(parameter.value(word, ctx))
            elif parameter.required:
                raise ChatError(f"{parameter.choices or parameter.shown} is missing")
            elif not parameter.has_default:
                values.append(None)
        if self.words is not None:
            values.extend(_all_words(self.words, text, ctx))
        elif self.rest is not None:
            return values, _rest_of_line(self.rest, text, ctx)
        elif text:
            raise ChatError(f'"{cut(text)}" is too much')
        return values, {}


# ----------------------------------------------------- reading a signature


def _is_context(declared: inspect.Parameter) -> bool:
    """Whether a context can be bound to it, as opposed to something typed."""
    if declared.kind > inspect.Parameter.POSITIONAL_OR_KEYWORD:
        return False
    try:
        converter_for(declared.annotation)
    except TypeError:
        return True
    return False


def _parameter(where: str, declared: inspect.Parameter) -> Parameter:
    try:
        converter = converter_for(declared.annotation)
    except TypeError as error:
        raise TypeError(
            f"{where}: nothing typed can be converted for the parameter {declared}; {error}"
        ) from None
    has_default = declared.default is not inspect.Parameter.empty
    may_be_none = without_none(declared.annotation) is not declared.annotation
    return Parameter(declared.name, converter, not (has_default or may_be_none), has_default)


def _refuse_disorder(where: str, parameters: list[Parameter]) -> None:
    optional = None
    for each in parameters:
        if not each.required:
            optional = each
        elif optional is not None:
            raise TypeError(
                f"{where}: {each.name} is required, so {optional.name} before it must be, too"
            )


# ----------------------------------------------------- reading what was typed


def _all_words(parameter: Parameter, text: str, ctx: "Context") -> Iterator[Any]:
    while text:
        word, text = parameter.next_word(text)
        if word is not None:
            yield parameter.value(word, ctx)


def _rest_of_line(parameter: Parameter, text: str, ctx: "Context") -> dict[str, Any]:
    if text:
        return {parameter.name: parameter.value(text, ctx)}
    if parameter.required:
        raise ChatError(f"{parameter.choices or parameter.shown} is missing")
    return {} if parameter.has_default else {parameter.name: None}
