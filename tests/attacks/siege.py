"""A server under attack, and two bystanders who must not notice.

They say a line each, many times, and are to see all of each other's, in order, none
later than a second after it was said. The server is a process of its own; what it
takes of memory and of descriptors is read from ``/proc``.
"""

import ctypes
import os
import re
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import attrs
import trio

from tests.running import Running, running

HOST: Final = "127.0.0.1"
PAUSE: Final = 0.25  # seconds between a bystander's lines, which the flood control allows
LATE: Final = 1.0  # seconds
GROWTH: Final = 32 * 1024  # KiB of memory that an attack may cost
PATIENCE: Final = 60.0  # seconds for what has to happen at all
PROXY: Final = "127.0.0.2"  # where the proxy is
TRUSTING: Final = f'proxy.trusted = ["{PROXY}"]\n'
SO_ATTACH_FILTER: Final = 26  # of Linux's socket(7), whose packet filters need no privilege
RETURN: Final = 0x06  # BPF's instruction, here with how much of a packet is let through


@attrs.define(eq=False)
class Siege:
    """The server, and what an attacker has of it."""

    running: Running
    port: int
    telnet_port: int
    other_ports: list[int]  # of further addresses to listen on
    attackers: list["Attacker"] = attrs.field(factory=list, init=False)

    async def connect(
        self,
        *,
        telnet: bool = False,
        buffer: int | None = None,
        port: int | None = None,
        source: str = HOST,
    ) -> "Attacker":
        """Come to the door; with `buffer`, with so small a receive buffer (bytes)."""
        connection = trio.socket.socket()
        await connection.bind((source, 0))
        if buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        await connection.connect((HOST, port or (self.telnet_port if telnet else self.port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        attacker = Attacker(trio.SocketStream(connection))
        self.attackers.append(attacker)
        return attacker

    def send_home(self) -> None:
        """Close all that is left of them, so that the next attack finds the server as it was."""
        for each in self.attackers:
            each.close()
        self.attackers.clear()

    async def relay(self, address: str) -> "Attacker":
        """Come by the proxy, for somebody at an address; see `TRUSTING`."""
        attacker = await self.connect(source=PROXY)
        await attacker.send(f"PROXY TCP4 {address} {HOST} 50123 4000\r\n".encode())
        return attacker

    async def enter(self, nick: str, *, buffer: int | None = None) -> "Attacker":
        """Come in under a name."""
        attacker = await self.connect(buffer=buffer)
        await attacker.send(f"{nick}\n".encode())
        await attacker.sees(b"-- topic: ")
        return attacker

    async def frees(self, nick: str) -> None:
        """Wait until nobody has a nick any more."""
        with trio.fail_after(PATIENCE):
            while True:
                next_one = await self.connect()
                await next_one.send(f"{nick}\n/quit\n".encode())
                if b"-- topic: " in await next_one.reads_to_the_end():
                    return
                next_one.close()
                await trio.sleep(0.2)

    async def logs(self, text: str) -> None:
        """Wait until the server's log has a line that holds this."""
        await trio.to_thread.run_sync(self.running.logs, text)

    @property
    def memory(self) -> int:
        """KiB that are resident."""
        status = Path(f"/proc/{self.running.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1])

    @property
    def descriptors(self) -> int:
        # A Path would look at each of them, and they come and go.
        return len(os.listdir(f"/proc/{self.running.process.pid}/fd"))  # noqa: PTH208  (names do)


@attrs.define(eq=False)
class Attacker:
    """A connection in the wrong hands, or somebody's whom they are used against."""

    stream: trio.SocketStream
    received: bytearray = attrs.field(factory=bytearray, init=False)

    async def send(self, data: bytes) -> None:
        with trio.fail_after(PATIENCE):
            await self.stream.send_all(data)

    async def send_as_far_as_it_goes(self, data: bytes, seconds: float) -> None:
        """Send until all is taken, the server has had enough, or the time is over."""
        with trio.move_on_after(seconds):
            try:
                await self.stream.send_all(data)
            except trio.BrokenResourceError:
                return

    async def sees(self, text: bytes) -> None:
        """Read until `text` has come."""
        await self.sees_either(text)

    async def sees_either(self, *texts: bytes) -> None:
        """Read until one of them has come."""
        with trio.fail_after(PATIENCE):
            while not any(text in self.received for text in texts):
                data = await self.stream.receive_some(65536)
                assert data, f"the end, and none of {texts} in {bytes(self.received[-500:])!r}"
                self.received += data

    async def reads_to_the_end(self) -> bytes:
        """Read until the server has closed, however it does."""
        with trio.fail_after(PATIENCE):
            try:
                while data := await self.stream.receive_some(65536):
                    self.received += data
            except trio.BrokenResourceError:
                pass
        return bytes(self.received)

    def vanish(self) -> None:
        """Be gone without a word, as who has lost the network.

        Nothing that comes is taken in any more, be it data or a probe: it is answered by
        nothing, neither by an ACK nor by a RST. The socket stays, so that no FIN is sent.
        """
        drop = ctypes.create_string_buffer(struct.pack("HBBI", RETURN, 0, 0, 0))
        program = struct.pack("HP", 1, ctypes.addressof(drop))
        self.stream.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

    def reset(self) -> None:
        """Break the connection off, with a RST."""
        sock = self.stream.socket
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def close(self) -> None:
        self.stream.socket.close()


@attrs.define(eq=False)
class Bystander:
    """Somebody who talks to one other person, and minds what they see."""

    nick: str
    other: str
    attacker: Attacker
    said: dict[int, float] = attrs.field(factory=dict, init=False)  # when, by number
    seen: list[int] = attrs.field(factory=list, init=False)
    latest: float = attrs.field(default=0.0, init=False)  # seconds

    async def talk(self, until: trio.Event) -> None:
        while not until.is_set():
            number = len(self.said)
            self.said[number] = trio.current_time()
            await self.attacker.send(f"tick {number}\n".encode())
            with trio.move_on_after(PAUSE):
                await until.wait()

    async def listen(self, to: "Bystander") -> None:
        line = re.compile(rf"<{self.other}> tick (\d+)\r\n".encode())
        buffer = b""
        while True:
            buffer += await self.attacker.stream.receive_some(65536)
            position = 0
            for match in line.finditer(buffer):
                position = match.end()
                number = int(match[1])
                self.seen.append(number)
                self.latest = max(self.latest, trio.current_time() - to.said[number])
            buffer = buffer[position:][-4096:]

    async def has_seen_all(self, of: "Bystander") -> None:
        while len(self.seen) < len(of.said):  # noqa: ASYNC110  (nobody could set an event)
            await trio.sleep(0.02)


@contextmanager
def open_siege(*options: str, program: str | None = None) -> Iterator[Siege]:
    """Run a server to attack."""
    arguments = ("--listen", f"{HOST}:0", "--telnet", f"{HOST}:0", *options)
    with ExitStack() as opened:
        if "--config" not in options:
            arguments += configured(Path(opened.enter_context(TemporaryDirectory())))
        server = opened.enter_context(running(*arguments, program=program))
        port, *others = map(int, re.findall(r":(\d+)(?= |$)", server.line()))
        siege = Siege(server, port, server.port(), others)
        try:
            yield siege
        finally:
            siege.send_home()


def configured(folder: Path, text: str = "", *, keep: float = 0) -> tuple[str, str]:
    """The options for a configuration.

    Whoever is reset leaves at once, if not with `keep` (seconds): one attack is not to find
    what another one has left.
    """
    path = folder / "chat.toml"
    path.write_text(f"resume.keep = {keep}\n{text}")
    return "--config", str(path)


@asynccontextmanager
async def bystanders(siege: Siege) -> AsyncIterator[None]:
    """Two who talk in the lobby while the block lasts; then everybody is sent home.

    Raises:
        AssertionError: if they miss a line, wait for one, or the server does not recover.
    """
    descriptors = siege.descriptors
    try:
        eve = Bystander("eve", "zoe", await siege.enter("eve"))
        zoe = Bystander("zoe", "eve", await siege.enter("zoe"))
        enough = trio.Event()
        lag, growth = Lag(), Growth(siege, siege.memory)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lag.measure)
            nursery.start_soon(growth.measure)
            for one, other in ((eve, zoe), (zoe, eve)):
                nursery.start_soon(one.talk, enough)
                nursery.start_soon(one.listen, other)
            await trio.sleep(PAUSE)
            yield
            await trio.sleep(4 * PAUSE)
            enough.set()
            with trio.fail_after(PATIENCE):
                await eve.has_seen_all(zoe)
                await zoe.has_seen_all(eve)
            nursery.cancel_scope.cancel()
        for each in (eve, zoe):
            assert each.seen == sorted(set(each.seen)), f"{each.nick} saw {each.seen}"
            assert each.latest < LATE + lag.most, f"{each.nick} waited for {each.latest:.2f} s"
        assert growth.most < GROWTH, f"{growth.most} KiB more"
        assert siege.running.process.poll() is None, "the server has ended"
    finally:
        siege.send_home()
    with trio.fail_after(PATIENCE):
        while siege.descriptors > descriptors:  # noqa: ASYNC110  (nobody could set an event)
            await trio.sleep(0.05)


@attrs.define(eq=False)
class Growth:
    """How much more memory the server takes, at the worst moment."""

    siege: Siege
    before: int  # KiB
    most: int = attrs.field(default=0, init=False)  # KiB more

    async def measure(self) -> None:
        while True:
            self.most = max(self.most, self.siege.memory - self.before)
            await trio.sleep(0.05)


@attrs.define(eq=False)
class Lag:
    """How long this process itself is held up: that is not the server's doing."""

    most: float = attrs.field(default=0.0, init=False)  # seconds

    async def measure(self) -> None:
        while True:
            began = trio.current_time()
            await trio.sleep(0.01)
            self.most = max(self.most, trio.current_time() - began - 0.01)
