"""The server as a process: what it needs, its signals, and the services beside the chat."""

import gc
import importlib.util
import logging
import os
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trioserve.accounts.passwords import return_large_blocks
from trioserve.archive.archives import Archive, MemoryArchive
from trioserve.archive.database import IN_MEMORY
from trioserve.archive.directory import DATABASE, Directory, default_directory
from trioserve.configuration.config import Config
from trioserve.configuration.source import Source
from trioserve.edge.arrivals import Arrivals
from trioserve.edge.sockets import Listener
from trioserve.errors import ArchiveError, PluginError
from trioserve.extending.plugins import Plugins, built_in, offered
from trioserve.operating.listening import (
    CannotListen,
    announce,
    fit_open_files,
    open_everything,
    port_of,
)
from trioserve.operating.rereading import Rereading
from trioserve.operating.resort import LastResort
from trioserve.operating.systemd import Notifier
from trioserve.server import Server
from trioserve.tasks.watchdog import Watchdog, watching_the_loop
from trioserve.wire.text import plural
from trioserve.wire.times import zones

if TYPE_CHECKING:
    from trioserve.operating.monitor import Monitor

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)  # that stop the server

log = logging.getLogger(__name__)


class CannotRun(Exception):
    """Something that the server was to have is not to be had; the text says what."""


async def run(
    config: Config,
    context: ssl.SSLContext | None = None,
    source: Source | None = None,
    *,
    strict: bool = False,
    repair: bool = False,
) -> int:
    """Listen, say where, and serve until SIGTERM or SIGINT; return the exit code.

    What is kept is opened before that, and is this server's alone. With `repair`, it
    is checked, and moved aside if it is damaged; without, the server does not start then.

    Whoever comes by an address for TLS is talked to through `context`. SIGHUP has
    both read anew from `source`.
    A second signal ends the goodbyes. If anything still runs `shutdown.total`
    seconds after the first, the process is ended from a thread. With `strict`,
    a plug-in that cannot be loaded keeps the server from starting.
    """
    with ExitStack() as kept:
        try:
            archive = _open_archive(config.data, kept, repair=repair)
            plugins = _prepare(config, strict=strict)
            fitted = attrs.evolve(config, connections=fit_open_files(config.connections))
            pages, listeners = await open_everything(fitted, has_certificate=context is not None)
        except (ArchiveError, CannotRun, CannotListen) as error:
            print(f"trioserve: {error}", file=sys.stderr)
            return 1
        arrivals = Arrivals(context, config.tls.handshake, config.proxy)
        for listener in listeners:
            listener.wrap = partial(arrivals.wrap, tls=listener.is_tls)
        telnet_port = port_of(listeners, telnet=True) or 0
        server = Server(fitted, plugins, archive=archive, telnet_port=telnet_port)
        asked = config.connections.most
        server.reread = Rereading(source or Source(), server, arrivals, asked).reread
        await _serve(server, listeners, pages)
    return 0


def _prepare(config: Config, *, strict: bool) -> Plugins:
    """Load what the server is made of, now that nobody waits; raises CannotRun."""
    _tune_garbage_collection()
    plugins = built_in()
    if _install(plugins, [*offered(), *config.plugins]) and strict:
        raise CannotRun("not started (--strict)")
    return_large_blocks()
    if config.metrics is not None:
        if lacking := _lacking():
            raise CannotRun(
                f"metrics need {lacking}; install the extra: "
                "pip install '.[metrics]', where the source of trioserve is"
            )
        _import_monitor()  # before the loop is watched: it takes half a second
    return plugins


async def _serve(server: Server, listeners: list[Listener], pages: list[Listener]) -> None:
    """Serve until a signal says that it is enough."""
    notifier = Notifier.of(os.environ)
    resort = LastResort(lambda: server.config.shutdown.total)
    with (
        trio.open_signal_receiver(*SIGNALS) as signals,
        trio.open_signal_receiver(signal.SIGHUP) as hangups,
        watching_the_loop() as watchdog,
    ):
        resort.arm_on(SIGNALS)
        # Only now: whoever reads that we listen may send a signal at once.
        announce(listeners, pages, server.archive)
        notifier.notify("READY=1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop_on_signals, server, signals, notifier, name="signals")
            nursery.start_soon(_reread_on_hangups, server, hangups, notifier, name="hang-ups")
            nursery.start_soon(notifier.report, partial(_status, server), name="systemd")
            nursery.start_soon(_look_for_zones, name="time zones")
            if pages:
                _serve_metrics(nursery, server, watchdog, pages)
            await server.serve(listeners)
            nursery.cancel_scope.cancel()
    resort.disarm()
    log.info("stopped")


async def _look_for_zones() -> None:
    """Look which time zones there are, before somebody asks; nobody who comes has to wait."""
    await trio.to_thread.run_sync(zones, abandon_on_cancel=True)


def _open_archive(data: str | None, kept: ExitStack, *, repair: bool) -> Archive:
    """Open what is kept, for as long as `kept` lasts; raises ArchiveError."""
    if data == IN_MEMORY:
        return MemoryArchive()
    directory = Directory.open(Path(data) if data else default_directory(os.environ))
    kept.callback(directory.close)
    if repair:
        _repair(directory.path / DATABASE)
    archive = directory.archive()
    kept.callback(archive.close)
    return archive


def _repair(path: Path) -> None:
    """Begin anew where what is kept is damaged, and say so; raises ArchiveError."""
    from trioserve.archive.upkeep import move_damaged  # no other start needs it

    if (moved := move_damaged(path, time.time())) is None:
        print(f"{path}: no damage")
        return
    aside, faults = moved
    for fault in faults:
        print(f"trioserve: {fault}", file=sys.stderr)
    print(f"{path} is damaged: it is {aside} now, and another one begins")


def _lacking() -> str:
    """Which library is missing that metrics need; empty if none is."""
    names = ("h11", "prometheus_client")
    return ", ".join(name for name in names if importlib.util.find_spec(name) is None)


def _import_monitor() -> "type[Monitor]":
    from trioserve.operating.monitor import Monitor  # needs the extra

    return Monitor


def _serve_metrics(
    nursery: trio.Nursery, server: Server, watchdog: Watchdog, listeners: list[Listener]
) -> None:
    monitor = _import_monitor()(server, watchdog)
    nursery.start_soon(monitor.serve, listeners, name="metrics")


def _tune_garbage_collection() -> None:
    """Look for cycles less often: a chat makes few, and each look at thousands of members costs.

    Measured with 2000 of them: 18 % less CPU for a line in a room of four.
    """
    gc.collect()
    gc.freeze()  # what is there by now stays; plug-ins come later, and may go
    gc.set_threshold(20_000, 50, 100)


def _install(plugins: Plugins, sources: list[str]) -> int:
    """Load plug-ins, and say which of them cannot be; return how many."""
    faults = 0
    for source in dict.fromkeys(sources):  # what a package offers may be asked for, too
        try:
            plugins.install(source)
        except PluginError as error:
            print(f"trioserve: without a plug-in: {error}", file=sys.stderr)
            faults += 1
    return faults


def _status(server: Server) -> str:
    people = plural(len(server.world.members), "person")
    return f"{people} in {plural(len(server.world.rooms), 'room')}"


async def _stop_on_signals(server: Server, signals: AsyncIterator[int], notifier: Notifier) -> None:
    async for number in signals:
        log.info("%s: stopping", signal.Signals(number).name)
        notifier.notify("STOPPING=1")
        server.stop()


async def _reread_on_hangups(
    server: Server, hangups: AsyncIterator[int], notifier: Notifier
) -> None:
    async for _ in hangups:
        log.info("SIGHUP: reading the configuration")
        if server.is_stopping:  # nothing is read, and it is not for us to be ready again
            continue
        notifier.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        await server.rehash()
        if not server.is_stopping:
            notifier.notify("READY=1")
