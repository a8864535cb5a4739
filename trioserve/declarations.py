"""What a plug-in declares: commands, filters, watchers, services.

A decorator only marks the function: the server takes it in when it loads its module.
"""

import enum
import inspect
import re
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, Unpack, overload

import attrs

from trioserve.arguments import Arguments
from trioserve.errors import ChatError

if TYPE_CHECKING:
    from trioserve.context import Context  # which imports us

Function = Callable[..., Awaitable[None] | None]
F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=Function)

_MARK: Final = "__trioserve__"
FILE_PREFIX: Final = "trioserve_plugin_"  # of the module that a plug-in's file becomes
_NAME = re.compile(r"\w[\w-]*")


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
        """Convert what was typed; a ChatError names the fault and the usage."""
        try:
            return self.arguments.bind(text, ctx)
        except ChatError as error:
            raise ChatError(f"/{self.name}: {error}; usage: {self.usage}") from None


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


class Options(TypedDict, total=False):
    """What may be said of a command besides its function; see `command`."""

    name: str
    aliases: tuple[str, ...]
    cost: float
    permission: Permission
    hidden: bool
    category: str
    timeout: float
    urgent: bool


class Group:
    """Commands of two words: ``/poll new``, ``/poll vote``.

    poll = Group("poll", "Ask the room something.")

    @poll.command
    async def new(ctx: Context, question: str) -> None: ...
    """

    def __init__(self, name: str, help: str) -> None:  # noqa: A002  (as the attribute is called)
        self.name = _checked_name(name, f"the group {name}")
        self.help = help

    @overload
    def command(self, function: C, /) -> C: ...
    @overload
    def command(self, /, **options: Unpack[Options]) -> Callable[[C], C]: ...
    def command(
        self, function: C | None = None, /, **options: Unpack[Options]
    ) -> C | Callable[[C], C]:
        """Make a function a command of the group; takes what `command` takes."""

        def declare(function: C) -> C:
            return _mark(function, _command(function, self, **options))

        return declare if function is None else declare(function)


@overload
def command(function: C, /) -> C: ...
@overload
def command(**options: Unpack[Options]) -> Callable[[C], C]: ...
def command(function: C | None = None, /, **options: Unpack[Options]) -> C | Callable[[C], C]:
    """Make a function a command: its docstring is the help, its signature the usage.

    Its first parameter is the `Context` it acts through. Words bind to the
    others in order, converted by annotation (see `trioserve.converters`);
    ``*words`` takes all further ones; a keyword-only ``text: str`` the rest of
    the line.

    An ``async def`` runs in its caller's session, which goes on reading: it may
    wait, open nurseries, and ends with the session. A plain ``def`` is called
    directly and must not block.

    Args:
        name: what to type; the function's own name if it is not given.
        aliases: what may be typed instead.
        cost: how many lines it counts as in flood control.
        permission: who may use it.
        hidden: leave it out of the list of /help.
        category: under which /help lists it; the module's name if it is not given.
        timeout: seconds, after which it is cancelled and its caller told.
        urgent: jump the queue of lines that wait; for plain functions only.

    Raises:
        TypeError: if the function cannot be a command; the message names it.
    """

    def declare(function: C) -> C:
        return _mark(function, _command(function, None, **options))

    return declare if function is None else declare(function)


def message_filter(function: F) -> F:
    """Make a function a filter: it sees each message before it is sent.

    ``(ctx: Context, text: str) -> str | None``, plain or async: None lets the
    message pass, a text takes its place, and a `ChatError` refuses it, with its
    own text shown to whoever wrote it. It runs in the sender's own task, so a
    slow one slows nobody else. One that crashes is logged, and the message passes.
    """
    _check_takes(function, "ctx", "text")
    return _mark(function, Filter(function))


def watcher(function: F) -> F:
    """Make an async function a watcher: it is told what happens in the rooms.

    ``async def (events: Events, host: Host) -> None``: iterate over the events.
    They come through a bounded channel. The server never waits for a watcher:
    what it is too slow for is counted, and told to it as `Missed`.
    """
    _check_async(function, "events", "host")
    return _mark(function, Watcher(function))


def service(function: F) -> F:
    """Make an async function a service, which runs as long as its plug-in is loaded.

    ``async def (host: Host) -> None``. One that crashes is logged and started
    again, later each time; after 5 crashes in a minute it stays down.
    """
    _check_async(function, "host")
    return _mark(function, Service(function))


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


def _mark(function: F, declaration: Declaration) -> F:
    if hasattr(function, _MARK):
        raise TypeError(f"{where(function)} is declared already")
    setattr(function, _MARK, declaration)
    return function


def _check_async(function: Callable[..., Any], *arguments: str) -> None:
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{where(function)}: expected an async function")
    _check_takes(function, *arguments)


def _check_takes(function: Callable[..., Any], *arguments: str) -> None:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        raise TypeError(
            f"{where(function)}: expected a function of ({', '.join(arguments)})"
        ) from None


def _checked_name(name: str, whose: str) -> str:
    if _NAME.fullmatch(name) is None or name != name.lower():
        raise TypeError(f'{whose}: "{name}" is no name of a command: one word in small letters')
    return name


def _command(function: Function, group: Group | None, **options: Unpack[Options]) -> Command:
    here = where(function)
    if unknown := ", ".join(options.keys() - Options.__annotations__.keys()):
        raise TypeError(f"{here}: a command has no {unknown}")
    called = _checked_name(options.get("name") or function.__name__.rstrip("_"), here)
    if not (text := inspect.cleandoc(function.__doc__ or "").strip()):
        raise TypeError(f"{here}: no docstring, no help")
    if (urgent := options.get("urgent", False)) and inspect.iscoroutinefunction(function):
        raise TypeError(f"{here}: urgent, yet it waits")
    if (timeout := options.get("timeout")) is not None:
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"{here}: a timeout, yet it does not wait")
        if not timeout > 0:
            raise TypeError(f"{here}: a timeout of {timeout}, and it could never run")
    if not (cost := options.get("cost", 1.0)) >= 0:
        raise TypeError(f"{here}: a cost of {cost}, less than nothing")
    if isinstance(aliases := options.get("aliases", ()), str):  # each letter would be one
        raise TypeError(f"{here}: aliases are a tuple, as in aliases=({aliases!r},)")
    return Command(
        name=called if group is None else f"{group.name} {called}",
        function=function,
        arguments=Arguments.of(function),
        help=text,
        aliases=tuple(_checked_name(alias, here) for alias in aliases),
        cost=cost,
        urgent=urgent,
        permission=options.get("permission", Permission.EVERYONE),
        hidden=options.get("hidden", False),
        category=options.get("category") or _category(function),
        timeout=timeout,
        group=group,
    )


def _category(function: Function) -> str:
    """The module's name, of a file without what it is told apart from other modules by."""
    return function.__module__.rpartition(".")[2].removeprefix(FILE_PREFIX)
