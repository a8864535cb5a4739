"""The kit for tests: the whole server without a socket, and people to talk to it.

    async with open_chat() as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("hello")
        await bob.sees("<ann> hello")

Run it under Trio's mock clock (pytest-trio's ``autojump_clock``): nothing here
waits for a file descriptor or a thread, so days pass in milliseconds.
"""

import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import trio
import trio.testing

from trioserve.accounts.passwords import Passwords
from trioserve.archive.archives import Archive
from trioserve.configuration.config import Config
from trioserve.extending.plugins import Plugins, built_in
from trioserve.memory import WINDOW, MemoryEdge, MemoryTransport
from trioserve.requests import SetScreen
from trioserve.server import Server
from trioserve.wire.style import Screen

__all__ = [
    "PATIENCE",
    "WINDOW",
    "Chat",
    "MemoryEdge",
    "MemoryTransport",
    "Person",
    "PlainPasswords",
    "open_chat",
]

PATIENCE: Final = 5.0  # seconds on the test's clock to wait for what should be seen


@attrs.define(eq=False)
class Person:
    """Somebody at a terminal: types lines, and sees them one after the other.

    What was seen is seen: each `sees` looks behind the line that the last one found.
    """

    transport: MemoryTransport
    nick: str = "nobody"
    _seen: int = attrs.field(default=0, init=False)  # bytes

    async def types(self, *lines: str) -> None:
        """Type lines, and let the server do what it can about them."""
        self.transport.type("".join(f"{line}\n" for line in lines).encode())
        await trio.testing.wait_all_tasks_blocked()

    async def stops_reading(self) -> None:
        """Read nothing more: what is sent stays in the connection, as far as it fits."""
        self.transport.reading = False
        await trio.lowlevel.checkpoint()

    async def reads(self, count: int) -> None:
        """Read at most so many of the bytes that wait, and let the server send on."""
        self.transport.read(count)
        await trio.testing.wait_all_tasks_blocked()

    async def reads_on(self) -> None:
        """Read what waits, and from now on whatever comes."""
        self.transport.read_on()
        await trio.testing.wait_all_tasks_blocked()

    async def hangs_up(self) -> None:
        """Send no more, as ``nc`` does at the end of its input, and read on: a FIN."""
        self.transport.end_input()
        await trio.testing.wait_all_tasks_blocked()

    async def vanishes(self) -> None:
        """Break the connection, as a machine does that has crashed: a reset."""
        self.transport.break_off()
        await trio.testing.wait_all_tasks_blocked()

    async def sees(self, text: str) -> str:
        """Wait for a line that holds `text`, and return it; a prompt counts as a line.

        Raises:
            AssertionError: if there is none within PATIENCE, or the connection ended first.
        """
        with trio.move_on_after(PATIENCE):
            while True:
                if (line := self._find(text)) is not None:
                    return line
                if self.is_gone:
                    break
                await self.transport.changed()
        raise AssertionError(f"{self.nick} does not see {text!r} but {self.unseen()!r}")

    async def sees_nothing(self) -> None:
        """Check that nothing more is shown once the server has come to rest."""
        await trio.testing.wait_all_tasks_blocked()
        if unseen := self.unseen():
            raise AssertionError(f"{self.nick} sees {unseen!r}")

    async def sees_the_end(self) -> str:
        """Wait until the connection is closed, and return what was shown until then."""
        with trio.fail_after(60):
            while not self.is_gone:
                await self.transport.changed()
        return self.unseen()

    def unseen(self) -> str:
        """What has been shown since the last line that was seen; now it is seen, too."""
        text = self.transport.received[self._seen :].decode("utf-8", "replace")
        self._seen = len(self.transport.received)
        return text

    @property
    def is_gone(self) -> bool:
        """Whether the server has closed the connection."""
        return self.transport.is_closed

    def _find(self, text: str) -> str | None:
        position = self._seen
        for line in self.transport.received[self._seen :].splitlines(keepends=True):
            position += len(line)
            if text in (decoded := line.decode("utf-8", "replace")):
                self._seen = position
                return decoded.rstrip("\r\n")
        return None


class PlainPasswords:
    """Passwords whose hash is ``plain:`` and themselves: no thread, which the clock cannot see."""

    async def hash(self, password: str) -> str:
        """Return the password behind ``plain:``."""
        await trio.lowlevel.checkpoint()
        return f"plain:{password}"

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether a hash is this password's."""
        await trio.lowlevel.checkpoint()
        return hashed == f"plain:{password}"

    async def digest(self, text: str, salt: bytes) -> str:
        """Return the text behind ``plain:`` and the salt."""
        await trio.lowlevel.checkpoint()
        return f"plain:{salt.hex()}:{text}"


@attrs.define(eq=False)
class Chat:
    """A server that runs, and the way into it."""

    server: Server
    edge: MemoryEdge
    folder: Path = attrs.field(factory=Path)  # where `load` looks for files
    people: list[Person] = attrs.field(factory=list, init=False)  # who have joined
    # Of those who connect: what tells them apart in a log, and for limits.
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1), init=False)

    def connect(
        self,
        *,
        host: str | None = None,
        window: int = WINDOW,
        reading: bool = True,
        operator: bool = False,
        private: bool = True,
        telnet: bool = False,
    ) -> Person:
        """Let somebody connect who has given no name yet.

        `private`: nobody between can read along, as on loopback or with TLS;
        `telnet`: by the way in for telnet, where the server asks what they are.
        """
        peer = f"memory:{next(self._numbers)}"
        transport = MemoryTransport(peer, host, operator, window, reading, private, telnet)
        self.edge.connect(transport)
        return Person(transport)

    def load(self, source: str) -> None:
        """Load a plug-in from ``FILE.py`` or ``package.module``; raises PluginError.

        With the `chat` fixture, a file is looked for beside the test's own.
        """
        self.server.plugins.install(str(self.folder / source) if source.endswith(".py") else source)

    async def join(
        self,
        nick: str,
        *,
        host: str | None = None,
        window: int = WINDOW,
        operator: bool = False,
        private: bool = True,
        screen: Screen | None = None,
    ) -> Person:
        """Let somebody come in under a name, at a terminal that can do what `screen` says.

        They have seen their greeting then, and everybody the news of their coming.
        """
        person = self.connect(host=host, window=window, operator=operator, private=private)
        person.nick = nick
        await person.types(nick)
        await person.sees(f"-- {self.server.config.rooms.first}: ")
        if screen is not None:
            await self.server.broker.call(self.server.world.member(nick), SetScreen(screen))
        await self.server.chores.tell_of_crowds()
        self.people.append(person)
        for each in self.people:
            each.unseen()  # of the joining
        return person


@asynccontextmanager
async def open_chat(
    config: Config | None = None,
    functions: Iterable[Callable[..., Any]] = (),
    *,
    plugins: Plugins | None = None,
    archive: Archive | None = None,
    passwords: Passwords | None = None,
    telnet_port: int = 0,
    now_ns: Callable[[], int] = time.time_ns,
) -> AsyncIterator[Chat]:
    """Run a server for as long as the block lasts, then stop it in order.

    Args:
        functions: declared in the test, as commands, filters, watchers, or services.
        plugins: all that it shall have; the built-in ones if they are not given.
        archive: what is kept, which ends with the server: a `MemoryArchive`, without threads.
        passwords: how they are hashed: `PlainPasswords`, without threads.
        telnet_port: where people are told to come by telnet; 0: nowhere.
        now_ns: the time of day, as `time.time_ns` tells it; it need not be the clock's.
    """
    plugins = plugins or built_in()
    plugins.add("test", functions)
    passwords = passwords or PlainPasswords()
    server = Server(
        config or Config(),
        plugins,
        archive=archive,
        passwords=passwords,
        telnet_port=telnet_port,
        now_ns=now_ns,
    )
    chat = Chat(server, MemoryEdge())
    async with trio.open_nursery() as nursery:
        await nursery.start(chat.server.serve, [chat.edge])
        await trio.testing.wait_all_tasks_blocked()
        yield chat
        chat.server.stop()
