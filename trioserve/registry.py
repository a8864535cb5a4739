"""Commands: how a function becomes one, and how what was typed finds it."""

import difflib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, overload

import attrs

from trioserve.arguments import Arguments
from trioserve.errors import ChatError

if TYPE_CHECKING:
    from trioserve.context import Context  # which imports us

Function = Callable[..., Awaitable[None] | None]

_MARK = "__trioserve_command__"
_NAME = re.compile(r"\w[\w-]*")


@attrs.frozen(eq=False)
class Command:
    """Something people can type behind a slash."""

    name: str
    function: Function
    arguments: Arguments
    help: str
    cost: float  # in lines, for flood control
    urgent: bool  # jumps the queue, also while another command runs or flood control waits

    @property
    def usage(self) -> str:
        return f"/{self.name} {self.arguments.usage}".rstrip()

    @property
    def summary(self) -> str:
        """The first sentence of the help, as one line."""
        paragraph = self.help.split("\n\n")[0]
        return re.split(r"(?<=[.!?])\s", paragraph)[0].replace("\n", " ")

    @property
    def waits(self) -> bool:
        """Whether it may wait, and so runs as a task of its own; a plain function is called."""
        return inspect.iscoroutinefunction(self.function)

    def bind(self, text: str, ctx: "Context") -> tuple[list[Any], dict[str, Any]]:
        """Convert what was typed; a ChatError names the fault and the usage."""
        try:
            return self.arguments.bind(text, ctx)
        except ChatError as error:
            raise ChatError(f"/{self.name}: {error}; usage: {self.usage}") from None


@overload
def command(function: Function, /) -> Function: ...
@overload
def command(
    *, name: str | None = None, cost: float = 1.0, urgent: bool = False
) -> Callable[[Function], Function]: ...
def command(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    cost: float = 1.0,
    urgent: bool = False,
) -> Function | Callable[[Function], Function]:
    """Make a function a command: its docstring is the help, its signature the usage.

    Its first parameter is the `Context` it acts through. Words bind to the
    others in order, converted by annotation (str, int, float, bool); ``*words``
    takes all further ones; a keyword-only ``text: str`` the rest of the line.

    An ``async def`` runs in its caller's session, which goes on reading: it may
    wait, open nurseries, and ends with the session. A plain ``def`` is called
    directly and must not block.

    Args:
        name: what to type; the function's own name if it is not given.
        cost: how many lines it counts as in flood control.
        urgent: jump the queue of lines that wait; for plain functions only.

    Raises:
        TypeError: if the function cannot be a command; the message names it.
    """

    def declare(function: Function) -> Function:
        where = f"{function.__module__}.{function.__qualname__}"
        called = name or function.__name__.rstrip("_")
        if _NAME.fullmatch(called) is None or called != called.lower():
            raise TypeError(
                f'{where}: "{called}" is no name of a command: one word in small letters'
            )
        if not (text := inspect.cleandoc(function.__doc__ or "").strip()):
            raise TypeError(f"{where}: no docstring, no help")
        if urgent and inspect.iscoroutinefunction(function):
            raise TypeError(f"{where}: urgent, yet it waits")
        declared = Command(
            name=called,
            function=function,
            arguments=Arguments.of(function),
            help=text,
            cost=cost,
            urgent=urgent,
        )
        setattr(function, _MARK, declared)
        return function

    return declare if function is None else declare(function)


class Registry:
    """The commands of one server, by name."""

    def __init__(self) -> None:
        self._commands: dict[str, Command] = {}

    def __iter__(self) -> Iterator[Command]:
        return iter(sorted(self._commands.values(), key=lambda each: each.name))

    def add(self, function: Function) -> None:
        """Take in a function that `command` has marked.

        Raises:
            TypeError: if it is not one, or its name is taken.
        """
        where = f"{function.__module__}.{function.__qualname__}"
        declared = getattr(function, _MARK, None)
        if not isinstance(declared, Command):
            raise TypeError(f"{where} is not marked with @command")
        if (other := self._commands.get(declared.name)) is not None:
            there = f"{other.function.__module__}.{other.function.__qualname__}"
            raise TypeError(f"{where}: there is a command /{declared.name} already, {there}")
        self._commands[declared.name] = declared

    def add_module(self, module: ModuleType) -> None:
        """Take in every command that a module defines; raises TypeError as `add` does."""
        for value in vars(module).values():
            if hasattr(value, _MARK) and value.__module__ == module.__name__:
                self.add(value)

    def find(self, word: str) -> Command:
        """The command of this name, or the only one whose name begins so.

        Raises:
            ChatError: if there is none or more than one; the message suggests some.
        """
        word = word.lower()
        if (exact := self._commands.get(word)) is not None:
            return exact
        matches = [name for name in self._commands if word and name.startswith(word)]
        if len(matches) == 1:
            return self._commands[matches[0]]
        if matches:
            raise ChatError(f"/{word} could be {_choice(sorted(matches))}")
        similar = difflib.get_close_matches(word, self._commands, n=3, cutoff=0.65)
        hint = f"did you mean {_choice(similar)}?" if similar else "/help lists them"
        raise ChatError(f"no command /{word}: {hint}")


def _choice(names: list[str]) -> str:
    return " or ".join(f"/{name}" for name in names)


def builtin() -> Registry:
    """The commands in ``trioserve/commands/``: a file there is in every server."""
    registry = Registry()
    package = importlib.import_module("trioserve.commands")
    for found in pkgutil.iter_modules(package.__path__):
        registry.add_module(importlib.import_module(f"{package.__name__}.{found.name}"))
    return registry
