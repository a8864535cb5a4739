"""The whole server put together: the tree of nurseries, and how it comes down.

services               broker, drains, journal      outlive everything below them
└─ extensions          what plug-ins run            their bots leave before the broker ends
   └─ sessions         one task per connection      each in its own cancel scope
      └─ listeners     one accept loop per way in   cancelled first at shutdown
"""

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import attrs
import trio

from trioserve import __version__
from trioserve.accounts.accounts import Accounts
from trioserve.accounts.forgetting import Forgetting
from trioserve.accounts.guardian import Guardian
from trioserve.accounts.letters import Letters
from trioserve.accounts.operators import Operators
from trioserve.accounts.passwords import Passwords, Scrypt
from trioserve.accounts.returning import Returning
from trioserve.archive.archives import Archive, MemoryArchive
from trioserve.archive.history import last_id
from trioserve.archive.journal import Journal, Keeping
from trioserve.archive.pruning import Retention
from trioserve.archive.retention import Bounds
from trioserve.archive.rulebook import rulebook
from trioserve.archive.shredding import Shredding
from trioserve.broker.broker import Broker
from trioserve.broker.chores import Chores
from trioserve.configuration.changes import Changes, merged
from trioserve.configuration.config import Config
from trioserve.errors import ArchiveError, ChatError
from trioserve.extending.plugins import Plugins
from trioserve.limits import Door, Tries
from trioserve.observe import Counters
from trioserve.outbox import Drains
from trioserve.requests import Close
from trioserve.sessions.reception import Reception
from trioserve.sessions.services import SHUTDOWN, Services
from trioserve.sessions.session import Session
from trioserve.state.past import Past
from trioserve.state.world import World
from trioserve.transport import Edge
from trioserve.wire.text import plural

DAY: Final = 86_400  # seconds
LAST_WRITE: Final = 1.0  # seconds to keep what was said last, when the server ends
TIMEOUT_SLACK: Final = 5.0  # seconds by which the kernel may be late to give a connection up
READ_SIZE: Final = 8 * 1024  # bytes received at once, into the one buffer of all connections

log = logging.getLogger(__name__)


def _steady_clock(now_ns: Callable[[], int]) -> Callable[[], float]:
    """Seconds since 1970 by Trio's clock: to set the machine's own ends no ban."""
    offset = now_ns() / 1e9 - trio.current_time()
    return lambda: offset + trio.current_time()


def _bounds(config: Config) -> Bounds:
    return Bounds(config.history.most, int(config.history.days * DAY))


class Server:
    """One chat server. It knows nothing of sockets, signals, or the command line."""

    def __init__(
        self,
        config: Config,
        plugins: Plugins,
        *,
        archive: Archive | None = None,
        passwords: Passwords | None = None,
        telnet_port: int = 0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Make a server that does not run yet, within a Trio run.

        Args:
            archive: what is kept, for which the server cares until it ends; without it, in memory.
            passwords: how they are hashed; without it, by scrypt.
            telnet_port: where telnet is asked what it is, as people are told; 0: nowhere.
            now_ns: nanoseconds since 1970.
        """
        self.plugins = plugins
        self.reread: Callable[[], Awaitable[list[str]]] | None = None  # see `rehash`
        self.config = config
        self.counters = Counters(started=trio.current_time())
        self.archive = archive or MemoryArchive()
        self.journal = Journal(self.archive, config.history.waiting, self._tell_of_keeping)
        keep = self.journal.put if self.archive.keeps_talk else None
        self.world = World(config.rooms, keep, self.journal.put)
        past = Past(self.archive, self.journal)
        self.broker = self._made_broker(past, now_ns)
        self.chores = Chores(self.broker)
        self._shredding = Shredding(self.archive, self.journal)
        self.retention = self._made_retention(now_ns)
        doubt = config.tcp.user_timeout + TIMEOUT_SLACK
        self._drains = Drains(config.outbox, self.counters, config.connections.most, doubt)
        words, passwords = passwords or Scrypt(), passwords or Scrypt()
        self._accounts = Accounts(self.archive, self.journal, passwords)
        self._guardian = Guardian(self._accounts, self.broker)
        self._forgetting = Forgetting(self._accounts, self.broker, self._shredding)
        # Hashes of its own: who types a password does not wait for everybody's words.
        self._returning = Returning(self.archive, self.journal, words, self.world)
        self._watch_broker()
        self._door = Door(config.connections, self.counters, self.broker.banned)
        services = self._made_services(past, passwords, telnet_port)
        self._reception = Reception(self._door, services, self.counters)
        self._stopping = trio.Event()
        self._everybody = trio.CancelScope()

    def _watch_broker(self) -> None:
        """Have the broker tell those of names who keep them for their owners."""
        self.broker.watch_names(self._guardian.named)
        self.broker.tell_owners_apart(self._accounts.is_owned)
        self.broker.watch_words(self._returning.give)

    def _made_broker(self, past: Past, now_ns: Callable[[], int]) -> Broker:
        return Broker(
            self.world,
            self.counters,
            inbox_size=self.config.broker.inbox,
            now_ns=now_ns,
            now=_steady_clock(now_ns),
            resume=self.config.resume,
            past=past,
        )

    def _made_retention(self, now_ns: Callable[[], int]) -> Retention:
        return Retention(
            self.archive,
            self.journal,
            self._shredding,
            _bounds(self.config),
            lambda: now_ns() // 1000,
            self.chores.shorten,
        )

    def _made_services(self, past: Past, passwords: Passwords, telnet_port: int) -> Services:
        config = self.config
        return Services(
            broker=self.broker,
            drains=self._drains,
            plugins=self.plugins,
            counters=self.counters,
            operators=Operators(config.operators, passwords, config.passwords.in_the_clear),
            accounts=self._accounts,
            guardian=self._guardian,
            forgetting=self._forgetting,
            letters=Letters(self.archive, self.journal),
            returning=self._returning,
            tries=Tries(),
            past=past,
            retention=self.retention,
            rehash=self.rehash,
            limits=config.limits,
            name=f"trioserve {__version__.rpartition('.')[0]}",
            first_room=config.rooms.first,
            buffer=memoryview(bytearray(READ_SIZE)),
            tls_port=config.tls_port,
            telnet_port=telnet_port,
        )

    async def serve(
        self,
        edges: Sequence[Edge],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve everyone who comes by these ways, until `stop` is called and all have left."""
        await self._continue()
        async with trio.open_nursery() as services:
            self._start(services)
            async with trio.open_nursery() as extensions:
                extensions.start_soon(self.plugins.run, self.broker, name="plug-ins")
                with self._everybody:
                    async with trio.open_nursery() as sessions:
                        async with trio.open_nursery() as listeners:
                            for edge in edges:
                                listeners.start_soon(
                                    edge.serve,
                                    partial(self._reception.admit, sessions),
                                    name="listener",
                                )
                            task_status.started()
                            await self._stopping.wait()
                            listeners.cancel_scope.cancel()
                        await self._dismiss_everybody()
                extensions.cancel_scope.cancel()
            with trio.move_on_after(LAST_WRITE), suppress(ChatError):  # told of at its end
                await self.journal.settle()
            services.cancel_scope.cancel()

    def _start(self, services: trio.Nursery) -> None:
        services.start_soon(self.journal.run, name="journal")
        services.start_soon(self.retention.run, name="retention")
        services.start_soon(self._shredding.run, name="shredding")
        services.start_soon(self.broker.run, name="broker")
        services.start_soon(self._drains.run, name="drains")
        services.start_soon(self._guardian.run, name="guardian")
        services.start_soon(self._forgetting.run, name="forgetting")
        services.start_soon(self._returning.run, self.config.resume.keep, name="words")
        services.start_soon(self.chores.run, name="chores")
        services.start_soon(self._reception.refusals.run, name="refusals")

    @property
    def is_stopping(self) -> bool:
        """Whether the shutdown has begun."""
        return self._stopping.is_set()

    @property
    def sessions(self) -> Collection[Session]:
        """The connections that are being served."""
        return self._reception.sessions

    @property
    def waiting(self) -> int:
        """Bytes that wait in all outboxes."""
        return self._drains.total

    def stop(self) -> None:
        """Begin the shutdown: let nobody in, and say goodbye to everybody.

        They have `shutdown.drain` seconds to read it. Called again, they have none.
        """
        if self._stopping.is_set():
            self._everybody.cancel()
        self._stopping.set()

    async def rehash(self) -> list[str]:
        """Read the configuration anew by `reread`; return what came of it, line by line."""
        if self.reread is None:
            return ["there is nothing to read the configuration from"]
        return await self.reread()

    def apply(self, config: Config) -> Changes:
        """Take what can change while it runs, for connections and rooms that come from now on."""
        self.config, changes = merged(self.config, config)
        self.world.limits = self.config.rooms
        self.retention.bounds = _bounds(self.config)
        self._door.limits = self.config.connections
        self.broker.resuming.limits = self.config.resume
        # The old ones stay with the sessions that began with them.
        services = attrs.evolve(self._reception.services, limits=self.config.limits)
        self._reception.services = services
        # Who is an operator already stays one.
        services.operators.hashes = self.config.operators
        services.operators.in_the_clear = self.config.passwords.in_the_clear
        return changes

    async def _continue(self) -> None:
        """Go on where an earlier server has ended."""
        try:
            await self._accounts.load()
            await self._returning.load()
        except ArchiveError as error:  # nobody can have a name then that is somebody's own
            log.error("the accounts cannot be read: %s", error)
        try:
            self.broker.continue_from(await self.archive.read(last_id))
            self.broker.restore(await self.archive.read(rulebook))
        except ArchiveError as error:  # a clock that goes right does for the ids
            log.error("what is kept cannot be read: %s", error)
            self.broker.continue_from(0)

    async def _tell_of_keeping(self, keeping: Keeping) -> None:
        await self.chores.tell_of_keeping(keeping)  # which are made after the journal

    async def _dismiss_everybody(self) -> None:
        log.info("shutting down: %s", plural(len(self.sessions), "connection"))
        # Of all that is awaited from here on, the broker too.
        self._everybody.deadline = trio.current_time() + self.config.shutdown.drain
        with suppress(ChatError):  # it crashed; the broker has logged it
            await self.broker.call(self.broker.house, Close())
        self._reception.dismiss(SHUTDOWN)
