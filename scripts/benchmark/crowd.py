"""Thousands of clients that log in: raw non-blocking sockets and one epoll."""

import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

import attrs
from process import Server
from protocols import TRIOSERVE_LOBBY, Step

BURST: Final = 32  # connections made before what has come is read: less than anyone's backlog
READ_SIZE: Final = 65_536  # bytes
LOGIN_BASE, LOGIN_EACH = 60.0, 0.06  # seconds: all must be in after base + members x each
BIG: Final = 200  # members: trioserve tells bigger crowds later who came (rooms.fold_above)
SETTLED: Final = 15.0  # seconds for that, which comes every 10
STUCK_BUFFER: Final = 4096  # bytes that the kernel takes for a client that shall not read
PONG: Final = 30.0  # seconds until everybody's ping must be answered
# Close with a reset, so that no port waits for two minutes.
RESET: Final = struct.pack("ii", 1, 0)


@attrs.define(eq=False)
class Client:
    """One connection that has logged in, or is about to."""

    socket: socket.socket
    fd: int
    number: int
    room: str
    prefix: bytes  # what stands before the text of a message of its,
    end: bytes  # and behind it
    stuck: bool  # will stop reading

    def send(self, data: bytes) -> None:
        os.write(self.fd, data)

    def say(self, text: bytes) -> None:
        os.write(self.fd, b"%b%b%b" % (self.prefix, text, self.end))


@attrs.define(eq=False)
class Crowd:
    """Everybody at one server, in the order in which they came in."""

    server: Server
    poll: select.epoll = attrs.field(factory=select.epoll, init=False)
    clients: list[Client] = attrs.field(factory=list, init=False)
    _ignored: set[int] = attrs.field(factory=set, init=False)  # descriptors
    _opened: list[socket.socket] = attrs.field(factory=list, init=False)

    def enter(self, members: int, rooms: int, *, stuck: int = 0) -> None:
        """Log in `members` clients, each in one of `rooms`; returns when all are in.

        Raises:
            BenchError: if they are not all in within the deadline.
        """
        numbers = iter(range(members))
        entering: dict[int, _Entrant] = {}
        deadline = time.monotonic() + LOGIN_BASE + LOGIN_EACH * members
        while len(self.clients) < members:
            if time.monotonic() > deadline or self.server.has_ended():
                raise self.server.failure(f"let {len(self.clients)} of {members} in")
            room = min(BURST, self.server.kind.at_once - len(entering))
            for number in islice(numbers, room):
                is_stuck = stuck > 0 and number % (members // stuck) == 1
                entrant = self._connect(number, _room_name(self.server, number, rooms), is_stuck)
                entering[entrant.client.fd] = entrant
            for fd, data in self.receive(0.0 if room > 0 else 0.1):
                if fd in entering and entering[fd].receive_data(data):
                    self.clients.append(entering.pop(fd).client)

    def settle(self) -> None:
        """Read until the server has told a big crowd of itself and has nothing left to do."""
        wanted = self.server.kind.protocol.settled
        last = self.clients[-1].fd
        deadline = time.monotonic() + SETTLED
        waiting = bool(wanted) and len(self.clients) > BIG
        while waiting:
            if time.monotonic() > deadline:
                raise self.server.failure("has not told its crowd who came")
            waiting = not any(fd == last and wanted in data for fd, data in self.receive(0.1))
        while any(self.receive(0.3)):
            pass
        self.server.wait_idle()

    def receive(self, seconds: float) -> Iterator[tuple[int, bytes]]:
        """Wait for input for so long at most, and yield what has come, by descriptor."""
        for fd, _ in self.poll.poll(seconds):
            yield fd, self.read(fd)

    def read(self, fd: int) -> bytes:
        try:
            if data := os.read(fd, READ_SIZE):
                return data
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self.server.failure(f"broke a connection ({error.strerror})") from None
        raise self.server.failure("closed a connection")

    def ping(self) -> int:
        """Have everybody ask for an answer, and return how many got none."""
        protocol = self.server.kind.protocol
        for client in self.clients:
            client.send(protocol.ping)
        missing = {client.fd for client in self.clients}
        deadline = time.monotonic() + PONG
        while missing and time.monotonic() < deadline:
            missing -= {fd for fd, data in self.receive(0.1) if protocol.pong in data}
        return len(missing)

    def by_room(self) -> dict[str, list[Client]]:
        rooms: dict[str, list[Client]] = {}
        for client in self.clients:
            rooms.setdefault(client.room, []).append(client)
        return rooms

    def ignore(self, client: Client) -> None:
        """Read nothing more of what a client is sent."""
        if client.fd not in self._ignored:
            self._ignored.add(client.fd)
            self.poll.unregister(client.fd)

    def close(self) -> None:
        for each in self._opened:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            each.close()
        self.poll.close()

    def _connect(self, number: int, room: str, stuck: bool) -> "_Entrant":
        connection = socket.socket()
        self._opened.append(connection)
        connection.settimeout(10.0)
        if stuck:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STUCK_BUFFER)
        try:
            connection.connect(("127.0.0.1", self.server.port))
        except OSError as error:
            raise self.server.failure(f"cannot be connected to ({error})") from None
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        protocol = self.server.kind.protocol
        client = Client(
            connection, connection.fileno(), number, room, protocol.say(room), protocol.end, stuck
        )
        self.poll.register(client.fd, select.EPOLLIN)
        return _Entrant(client, protocol.login(f"m{number}", room))


class _Entrant:
    """A client on its way in."""

    def __init__(self, client: Client, steps: list[Step]) -> None:
        self.client = client
        self._steps = steps
        self._got = b""
        self.receive_data(b"")

    def receive_data(self, data: bytes) -> bool:
        """Take the steps that have become possible, and return whether the client is in."""
        self._got += data
        while self._steps and self._steps[0].expected in self._got:
            step = self._steps.pop(0)
            self._got = self._got.partition(step.expected)[2] if step.expected else self._got
            if step.answer:
                self.client.send(step.answer)
        return not self._steps


def _room_name(server: Server, number: int, rooms: int) -> str:
    lobby = server.kind.protocol.settled  # only trioserve has one, where everybody is anyway
    return TRIOSERVE_LOBBY if rooms == 1 and lobby else f"#r{number % rooms}"
