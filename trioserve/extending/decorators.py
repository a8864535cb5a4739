"""How a plug-in declares what it has: ``@command``, ``@watcher``, and so on.

A decorator only marks the function: the server takes it in when it loads its module.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any, Final, TypedDict, TypeVar, Unpack, overload

from trioserve.extending.arguments import Arguments
from trioserve.extending.declarations import (
    Command,
    F,
    Filter,
    Function,
    Permission,
    Service,
    Watcher,
    mark,
    where,
)

C = TypeVar("C", bound=Function)

FILE_PREFIX: Final = "trioserve_plugin_"  # of the module that a plug-in's file becomes
_NAME = re.compile(r"\w[\w-]*")


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
    secret: bool


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
            return mark(function, _command(function, self, **options))

        return declare if function is None else declare(function)


@overload
def command(function: C, /) -> C: ...
@overload
def command(**options: Unpack[Options]) -> Callable[[C], C]: ...
def command(function: C | None = None, /, **options: Unpack[Options]) -> C | Callable[[C], C]:
    """Make a function a command: its docstring is the help, its signature the usage.

    Its first parameter is the `Context` it acts through. Words bind to the
    others in order, converted by annotation (see `trioserve.extending.converters`);
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
        secret: it asks for one; should it be refused, what is typed on then is not said.

    Raises:
        TypeError: if the function cannot be a command; the message names it.
    """

    def declare(function: C) -> C:
        return mark(function, _command(function, None, **options))

    return declare if function is None else declare(function)


def message_filter(function: F) -> F:
    """Make a function a filter: it sees each message before it is sent.

    ``(ctx: Context, text: str) -> str | None``, plain or async: None lets the
    message pass, a text takes its place, and a `ChatError` refuses it, with its
    own text shown to whoever wrote it. It runs in the sender's own task, so a
    slow one slows nobody else. One that crashes is logged, and the message passes.
    """
    _check_takes(function, "ctx", "text")
    return mark(function, Filter(function))


def watcher(function: F) -> F:
    """Make an async function a watcher: it is told what happens in the rooms.

    ``async def (events: Events, host: Host) -> None``: iterate over the events.
    They come through a bounded channel. The server never waits for a watcher:
    what it is too slow for is counted, and told to it as `Missed`.
    """
    _check_async(function, "events", "host")
    return mark(function, Watcher(function))


def service(function: F) -> F:
    """Make an async function a service, which runs as long as its plug-in is loaded.

    ``async def (host: Host) -> None``. One that crashes is logged and started
    again, later each time; after 5 crashes in a minute it stays down.
    """
    _check_async(function, "host")
    return mark(function, Service(function))


def _command(function: Function, group: Group | None, **options: Unpack[Options]) -> Command:
    here = where(function)
    if unknown := ", ".join(options.keys() - Options.__annotations__.keys()):
        raise TypeError(f"{here}: a command has no {unknown}")
    called = _checked_name(options.get("name") or function.__name__.rstrip("_"), here)
    if not (text := inspect.cleandoc(function.__doc__ or "").strip()):
        raise TypeError(f"{here}: no docstring, no help")
    _check_waiting(function, options)
    if not (cost := options.get("cost", 1.0)) >= 0:
        raise TypeError(f"{here}: a cost of {cost}, less than nothing")
    return Command(
        name=called if group is None else f"{group.name} {called}",
        function=function,
        arguments=Arguments.of(function),
        help=text,
        aliases=_checked_aliases(options.get("aliases", ()), here),
        cost=cost,
        urgent=options.get("urgent", False),
        permission=options.get("permission", Permission.EVERYONE),
        hidden=options.get("hidden", False),
        category=options.get("category") or _category(function),
        timeout=options.get("timeout"),
        secret=options.get("secret", False),
        group=group,
    )


def _check_waiting(function: Function, options: Options) -> None:
    """Raises TypeError if an option is only for what waits, or for what does not."""
    here, waits = where(function), inspect.iscoroutinefunction(function)
    if options.get("urgent", False) and waits:
        raise TypeError(f"{here}: urgent, yet it waits")
    if options.get("secret", False) and not waits:
        raise TypeError(f"{here}: it asks for a secret, yet it does not wait")
    if (timeout := options.get("timeout")) is not None:
        if not waits:
            raise TypeError(f"{here}: a timeout, yet it does not wait")
        if not timeout > 0:
            raise TypeError(f"{here}: a timeout of {timeout}, and it could never run")


def _checked_aliases(aliases: tuple[str, ...], whose: str) -> tuple[str, ...]:
    if isinstance(aliases, str):  # each letter would be one
        raise TypeError(f"{whose}: aliases are a tuple, as in aliases=({aliases!r},)")
    return tuple(_checked_name(alias, whose) for alias in aliases)


def _category(function: Function) -> str:
    """The module's name, of a file without what it is told apart from other modules by."""
    return function.__module__.rpartition(".")[2].removeprefix(FILE_PREFIX)


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
