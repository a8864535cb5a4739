"""What a plug-in declares: commands, filters, watchers, services, as plain values."""

import enum
import inspect
import re
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from trioserve.errors import ChatError
from trioserve.extending.arguments import Arguments

if TYPE_CHECKING:
    from trioserve.extending.context import Context  # which imports us
    from trioserve.extending.decorators import Group  # which does, too

Function = Callable[..., Awaitable[None] | None]
F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "__trioserve__"


class Permission(enum.Enum):
    """Who may use a command; each includes those below it."""

    EVERYONE = "everyone"
    OWNER = "the room's owner"
    OPERATOR = "operators"


@attrs.frozen(eq=False)
class Command:
    """Something people can type behind a slash."""

    name: str  # of a group's command, both words: "poll new"
    function: Function
    arguments: Arguments
    help: str
    aliases: tuple[str, ...]
    cost: float  # in lines, for flood control
    urgent: bool  # jumps the queue, also while another command runs or flood control waits
    permission: Permission
    hidden: bool  # not in the list of /help
    category: str  # under which /help lists it
    timeout: float | None  # seconds, after which it is cancelled
    secret: bool  # asks for what no room is to read, such as a password
    group: "Group | None"

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
        return inspect.iscoroutinefunction(inspect.unwrap(self.function))

    @property
    def word(self) -> str:
        """The last word of the name: of a group's command the second one."""
        return self.name.rpartition(" ")[2]

    def bind(self, text: str, ctx: "Context") -> tuple[list[Any], dict[str, Any]]:
        """Convert what was typed; a ChatError names the fault and the usage.

        Of what asks for a secret it repeats nothing that was typed: it may be that.
        """
        try:
            return self.arguments.bind(text, ctx)
        except ChatError as error:
            fault = "a password is asked for later; nothing is tried" if self.secret else error
            raise ChatError(f"/{self.name}: {fault}; usage: {self.usage}") from None


@attrs.frozen(eq=False)
class Filter:
    """A function that sees each message before anybody else does."""

    function: Callable[..., Any]


@attrs.frozen(eq=False)
class Watcher:
    """A function that is told what happens in the rooms."""

    function: Callable[..., Awaitable[None]]


@attrs.frozen(eq=False)
class Service:
    """A function that runs beside the sessions."""

    function: Callable[..., Awaitable[None]]


Declaration = Command | Filter | Watcher | Service


def declared_in(module: ModuleType) -> list[Declaration]:
    """What a module declares, in the order in which it does.

    That is what it defines itself, and what a package takes from its own modules;
    nothing else that it has imported.
    """
    marked = [each for each in vars(module).values() if hasattr(each, _MARK)]
    own = [each for each in marked if f"{each.__module__}.".startswith(f"{module.__name__}.")]
    return [declaration_of(each) for each in dict.fromkeys(own)]  # one may have two names


def declaration_of(function: Callable[..., Any]) -> Declaration:
    """What a decorator has made of a function; raises TypeError if none has."""
    try:
        declaration: Declaration = getattr(function, _MARK)
    except AttributeError:
        raise TypeError(f"{where(function)} is not declared, as with @command") from None
    return declaration


def where(function: Callable[..., Any]) -> str:
    """Name a function in an error message."""
    return f"{function.__module__}.{function.__qualname__}"


def mark(function: F, declaration: Declaration) -> F:
    """Note what a function is; raises TypeError if it is something already."""
    if hasattr(function, _MARK):
        raise TypeError(f"{where(function)} is declared already")
    setattr(function, _MARK, declaration)
    return function
