"""One plug-in: what it declares, what runs of it, and how it does."""

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any, Final, TypeVar

import attrs
import trio

from trioserve.broker.broker import Broker
from trioserve.errors import ChatError
from trioserve.extending.declarations import (
    Command,
    Declaration,
    Filter,
    Service,
    Watcher,
)
from trioserve.extending.host import Host
from trioserve.extending.store import Store
from trioserve.extending.supervisor import logged_crash, supervise

MOST_JOBS: Final = 10_000  # background tasks of one plug-in

T = TypeVar("T")
Job = Callable[[], Awaitable[None]]


@attrs.define(eq=False)
class Plugin:
    """One plug-in: what it declares, what runs of it, and how it does.

    When it is loaded anew it stays the same: what it keeps, its counts, and its
    background tasks go on. Only `declarations` change, and with them its services.
    """

    name: str
    source: str | None  # where to load it from; None if it was made in the process itself
    declarations: list[Declaration]
    module: str | None = None  # its name
    store: Store = attrs.field(factory=Store, init=False)
    calls: int = attrs.field(default=0, init=False)  # of its commands
    errors: int = attrs.field(default=0, init=False)
    seconds: float = attrs.field(default=0.0, init=False)  # for which its code held the loop
    down: list[str] = attrs.field(factory=list, init=False)  # services that have been given up
    _all: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _services: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _calls_running: dict[trio.CancelScope, None] = attrs.field(factory=dict, init=False)
    _background: int = attrs.field(default=0, init=False)  # tasks
    _send: trio.MemorySendChannel[Job] = attrs.field(init=False)
    _jobs: trio.MemoryReceiveChannel[Job] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._send, self._jobs = trio.open_memory_channel[Job](MOST_JOBS)

    @property
    def commands(self) -> Iterator[Command]:
        return (each for each in self.declarations if isinstance(each, Command))

    @property
    def filters(self) -> Iterator[Filter]:
        return (each for each in self.declarations if isinstance(each, Filter))

    def count_error(self) -> None:
        self.errors += 1

    @contextmanager
    def counted_call(self) -> Iterator[None]:
        """Count a call, and for how long the block holds the loop."""
        self.calls += 1
        with self.held_loop():
            yield

    @contextmanager
    def held_loop(self) -> Iterator[None]:
        """Count for how long the block holds the loop."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds += perf_counter() - began

    @contextmanager
    def running_call(self, scope: trio.CancelScope) -> Iterator[None]:
        """Have a command's scope cancelled if the plug-in is removed meanwhile."""
        self._calls_running[scope] = None
        try:
            yield
        finally:
            del self._calls_running[scope]

    def start_soon(self, function: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        """Run a task until it returns or the plug-in is removed.

        Raises:
            ChatError: if it has been removed, or too many run.
        """
        if self._all.cancel_called:
            raise ChatError(f"{self.name} is unloaded")
        if self._background >= MOST_JOBS:
            raise ChatError(f"{self.name} has too much to do; try again later")
        self._background += 1
        self._send.send_nowait(partial(self._run_job, partial(function, *arguments)))

    async def run(self, broker: Broker) -> None:
        """Run what the plug-in does by itself, until it is removed."""
        with self._all:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._run_services, Host(broker, self.store), name="services")
                async for job in self._jobs:
                    nursery.start_soon(job, name=f"{self.name}: background")

    def restart_services(self) -> None:
        """End those that run, then start those that are declared now."""
        self._services.cancel()

    def end(self) -> None:
        """End what it does by itself, and its running commands."""
        self._all.cancel()
        for scope in list(self._calls_running):
            scope.cancel()

    async def _run_services(self, host: Host) -> None:
        while True:
            # The old ones end first: their bots have the nicks that the new ones want.
            with self._services:
                async with trio.open_nursery() as nursery:
                    for each in self.declarations:
                        if isinstance(each, Service | Watcher):
                            name = f"{self.name}: {each.function.__name__}"
                            nursery.start_soon(self._run_service, each, host, name=name)
                    await trio.sleep_forever()
            if not self._services.cancel_called:
                return  # the server ends
            self._services = trio.CancelScope()
            self.down.clear()

    async def _run_service(self, declared: Service | Watcher, host: Host) -> None:
        async def run() -> None:
            if isinstance(declared, Service):
                await timed(declared.function(host), self)
            else:
                with host.broker.watched() as events:
                    await timed(declared.function(events, host), self)

        name = declared.function.__name__
        if not await supervise(f"{self.name}: {name}", run, self.count_error):
            self.down.append(name)

    async def _run_job(self, run: partial[Awaitable[None]]) -> None:
        name = getattr(run.func, "__name__", "a task")
        try:
            with logged_crash(f"{self.name}: {name}", self.count_error):
                await timed(run(), self)
        finally:
            self._background -= 1


async def timed(awaitable: Awaitable[T], plugin: Plugin) -> T:
    """Await something, and add to the plug-in's seconds for how long that holds the loop."""
    # A coroutine as it is: whoever looks at the tree of tasks can look into it.
    if isinstance(awaitable, Coroutine):
        return await drive(awaitable, plugin)
    return await drive(awaitable.__await__(), plugin)


@types.coroutine
def drive(
    driven: Generator[Any, Any, T] | Coroutine[Any, Any, T], plugin: Plugin
) -> Generator[Any, Any, T]:
    # As `yield from` does, with a clock.
    step: Callable[[Any], Any] = driven.send
    value: Any = None
    while True:
        began = perf_counter()
        try:
            wanted = step(value)
        except StopIteration as stop:
            answer: T = stop.value
            return answer
        finally:
            plugin.seconds += perf_counter() - began
        try:
            value = yield wanted
            step = driven.send
        except GeneratorExit:
            driven.close()
            raise
        # Trio's, for one who awaits what is not Trio's; it is raised within.
        except BaseException as error:  # noqa: ASYNC103  (`driven.throw` raises it)
            step, value = driven.throw, error
