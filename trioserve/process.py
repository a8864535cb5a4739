"""The server as a process: its sockets, its signals, and a last resort at its end."""

import gc
import importlib.util
import logging
import os
import resource
import signal
import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from trioserve import tree
from trioserve.archive.archives import Archive, MemoryArchive
from trioserve.archive.database import IN_MEMORY
from trioserve.archive.directory import DATABASE, Directory, default_directory
from trioserve.archive.upkeep import move_damaged
from trioserve.config import DEFAULT_LISTEN, Config
from trioserve.edge.activation import adopt
from trioserve.edge.addresses import Address, UnixAddress
from trioserve.edge.arrivals import Arrivals
from trioserve.edge.sockets import Listener
from trioserve.edge.tcp import ABSENT, open_tcp
from trioserve.edge.unix import open_unix
from trioserve.errors import ArchiveError, PluginError
from trioserve.limits import DoorLimits
from trioserve.passwords import return_large_blocks
from trioserve.plugins import Plugins, built_in, offered
from trioserve.rereading import Rereading
from trioserve.server import Server
from trioserve.source import Source
from trioserve.systemd import Notifier, handed_sockets
from trioserve.watchdog import Watchdog, watching_the_loop
from trioserve.wire.text import plural
from trioserve.wire.times import zones

if TYPE_CHECKING:
    from trioserve.monitor import Monitor

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)  # that stop the server
LOG_FLUSH: Final = 0.5  # seconds for the log to be written before the process is ended
SPARE_FILES: Final = 64  # descriptors that the process needs for other things than connections

log = logging.getLogger(__name__)


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
        except ArchiveError as error:
            print(f"trioserve: {error}", file=sys.stderr)
            return 1
        return await _run(config, archive, context, source or Source(), strict=strict)


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
    if (moved := move_damaged(path, time.time())) is None:
        print(f"{path}: no damage")
        return
    aside, faults = moved
    for fault in faults:
        print(f"trioserve: {fault}", file=sys.stderr)
    print(f"{path} is damaged: it is {aside} now, and another one begins")


async def _run(
    config: Config,
    archive: Archive,
    context: ssl.SSLContext | None,
    source: Source,
    *,
    strict: bool,
) -> int:
    zones()  # now, while nobody waits
    _tune_garbage_collection()
    plugins = built_in()
    faults = _install(plugins, [*offered(), *config.plugins])
    if faults and strict:
        print("trioserve: not started (--strict)", file=sys.stderr)
        return 1
    return_large_blocks()
    asked = config.connections.most
    config = attrs.evolve(config, connections=fit_open_files(config.connections))
    if config.metrics is not None and (lacking := _lacking()):
        print(
            f"trioserve: metrics need {lacking}; install the extra: "
            "pip install '.[metrics]', where the source of trioserve is",
            file=sys.stderr,
        )
        return 1
    if config.metrics is not None:
        _import_monitor()  # before the loop is watched: it takes half a second
    try:
        pages, listeners = await _open_everything(config, has_certificate=context is not None)
    except (_CannotListen, ValueError, OSError) as error:
        print(f"trioserve: {error}", file=sys.stderr)
        return 1
    arrivals = Arrivals(context, config.tls.handshake, config.proxy)
    for listener in listeners:
        listener.wrap = partial(arrivals.wrap, tls=listener.is_tls)
    telnet_port = _port_of(listeners, telnet=True) or 0
    server = Server(config, plugins, archive=archive, telnet_port=telnet_port)
    server.reread = Rereading(source, server, arrivals, asked).reread
    notifier = Notifier.of(os.environ)
    resort = LastResort(lambda: server.config.shutdown.total)
    with (
        trio.open_signal_receiver(*SIGNALS) as signals,
        trio.open_signal_receiver(signal.SIGHUP) as hangups,
    ):
        _arm_on_signals(resort)
        # Only now: whoever reads that we listen may send a signal at once.
        _announce(listeners, archive)
        for page in pages:
            print(f"metrics on {page.address}", flush=True)
        notifier.notify("READY=1")
        with watching_the_loop() as watchdog:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_stop_on_signals, server, signals, notifier, name="signals")
                nursery.start_soon(_reread_on_hangups, server, hangups, notifier, name="hang-ups")
                nursery.start_soon(notifier.report, partial(_status, server), name="systemd")
                if pages:
                    _serve_metrics(nursery, server, watchdog, pages)
                await server.serve(listeners)
                nursery.cancel_scope.cancel()
    resort.disarm()
    log.info("stopped")
    return 0


def _lacking() -> str:
    """Which library is missing that metrics need; empty if none is."""
    names = ("h11", "prometheus_client")
    return ", ".join(name for name in names if importlib.util.find_spec(name) is None)


def _import_monitor() -> "type[Monitor]":
    from trioserve.monitor import Monitor  # needs the extra

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


class _CannotListen(Exception):
    """There is an address on which we cannot listen; the text says which and why."""

    def __init__(self, address: Address, error: OSError) -> None:
        reason = error.strerror or str(error)
        super().__init__(f"cannot listen on {address}: {reason}")
        self.is_absent = error.errno in ABSENT


class LastResort:
    """A thread that ends the process when it has not ended by itself in time.

    For whatever keeps Trio's loop from ending: a command that blocks, one that
    shields itself from cancellation, a thread that it waits for and that is stuck.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._root = trio.lowlevel.current_root_task()
        # Whether there is something to wait for. What a signal handler may call at any time
        # must take no lock: SimpleQueue is made for that, and to start a thread is not.
        self._is_armed: SimpleQueue[bool] = SimpleQueue()
        threading.Thread(target=self._watch, daemon=True, name="last resort").start()

    def arm(self) -> None:
        """Begin to count, the first time this is called."""
        self._is_armed.put(True)

    def disarm(self) -> None:
        """All has ended in time."""
        self._is_armed.put(False)

    def _watch(self) -> None:
        if not self._is_armed.get():
            return
        seconds = self._seconds()
        deadline = time.monotonic() + seconds
        try:
            while self._is_armed.get(timeout=max(0.0, deadline - time.monotonic())):
                pass  # armed already
        except Empty:
            self._end_process(seconds)

    def _end_process(self, seconds: float) -> None:
        try:
            log.critical(
                "still running after %g seconds, ended by force: %s",
                seconds,
                ", ".join(tree.leaves(self._root)) or "no tasks",
            )
            time.sleep(LOG_FLUSH)  # the log has a thread of its own
        finally:
            os._exit(1)  # whatever the tasks, which change while they are named, have raised


async def _open_everything(
    config: Config, *, has_certificate: bool
) -> tuple[list[Listener], list[Listener]]:
    """Open where the metrics are, if anywhere, and where people come; or nothing at all.

    What systemd has handed over stands in the place of the addresses for people.
    """
    with ExitStack() as opened:
        pages = await _open(config.metrics, config) if config.metrics is not None else []
        for page in pages:
            opened.callback(page.close)
        handed = handed_sockets(os.environ)
        listeners = adopt(handed, config.tcp) if handed else await _open_all(config)
        if not has_certificate and any(each.is_tls for each in listeners):
            raise ValueError("a socket for TLS is given, and no tls.certificate")
        opened.pop_all()
    return pages, listeners


async def _open_all(config: Config) -> list[Listener]:
    """Open every configured address, or of the default ones those that the machine has."""
    listeners: list[Listener] = []
    absent: list[_CannotListen] = []
    with ExitStack() as opened:
        for address in config.addresses:
            try:
                found = await _open(address, config)
            except _CannotListen as error:
                if not error.is_absent or address in (
                    *(config.listen or ()),
                    *(config.telnet or ()),
                ):
                    raise
                absent.append(error)
                continue
            for listener in found:
                opened.callback(listener.close)
            listeners += found
        if not listeners:
            raise absent[0]
        opened.pop_all()
    return listeners


async def _open(address: Address, config: Config) -> list[Listener]:
    try:
        if isinstance(address, UnixAddress):
            return [open_unix(address)]
        return await open_tcp(address, config.tcp)
    except OSError as error:
        raise _CannotListen(address, error) from None


def _announce(listeners: list[Listener], archive: Archive) -> None:
    """Say where we listen, how to let others in when only this machine can come, what is kept."""
    for beginning, are_telnet in ("trioserve listens on", False), ("for telnet, on", True):
        addresses = [each.address for each in listeners if each.is_telnet == are_telnet]
        if addresses:
            print(f"{beginning} {' and '.join(addresses)}")
    if all(each.is_local for each in listeners):
        plain = _port_of(listeners, telnet=False)
        encrypted = next((each.port for each in listeners if each.is_tls), None)
        ways = []
        if plain or not encrypted:
            ways.append(_for_everybody("--listen", plain or DEFAULT_LISTEN[0].port))
        if encrypted:
            ways.append(_for_everybody("--listen", encrypted, "tls:"))
        options = " ".join(ways)
        if port := _port_of(listeners, telnet=True):
            options += f" {_for_everybody('--telnet', port)}"
        print(f"Only people on this machine can come. To let others in: start it with {options}")
    kept = f"is kept in {archive.name}" if archive.keeps_talk else "ends with the server"
    print(f"What is said {kept}")
    if sys.stdout is not None:  # it is, for a process that was started without one
        sys.stdout.flush()


def _port_of(listeners: list[Listener], *, telnet: bool) -> int | None:
    """The first TCP port of this kind where no TLS is spoken; None if there is none."""
    clear = (each for each in listeners if not each.is_tls)
    ports = (each.port for each in clear if each.is_telnet == telnet)
    return next((port for port in ports if port), None)


def _for_everybody(option: str, port: int, before: str = "") -> str:
    return f"{option} {before}0.0.0.0:{port} {option} '{before}[::]:{port}'"


def _arm_on_signals(resort: LastResort) -> None:
    """Count from the signal itself: while something blocks, Trio's loop does not hear of it."""

    def arm_and(tell_trio: Callable[[int, Any], object], number: int, frame: Any) -> None:
        resort.arm()
        tell_trio(number, frame)

    for number in SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler):  # Trio's, which puts back what was there before itself
            signal.signal(number, partial(arm_and, handler))


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


def fit_open_files(limits: DoorLimits) -> DoorLimits:
    """Raise the process's limit of open files as far as need be, and fit ours to it."""
    wanted = limits.most + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        except (OSError, ValueError) as error:  # macOS has a lower bound that it does not tell
            log.debug("the limit of open files stays at %d: %s", soft, error)
            allowed = soft
        if allowed < wanted:
            fitting = max(1, allowed - SPARE_FILES)
            log.warning("at most %d connections: the limit of open files is %d", fitting, allowed)
            return attrs.evolve(limits, most=fitting)
    return limits
