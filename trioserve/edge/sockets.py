"""Stream sockets: a transport over one, and the loop that accepts them."""

import errno
import itertools
import logging
import math
import socket
from collections.abc import Callable
from typing import Any, Final

import attrs
import trio

from trioserve.limits import network_of
from trioserve.transport import Transport

ACCEPTED_AT_ONCE: Final = 64  # connections, then others get a turn
BACKLOG: Final = 1024  # connections that the kernel holds for us; it may have a lower bound
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds between tries while accepting fails

# The process, the system or the network is short of something: wait, and try again.
_SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
# The peer is gone before it was accepted, or a firewall has forbidden it: none of our
# concern (Linux's accept(2); not every system knows every name).
_GONE: Final = frozenset(
    getattr(errno, name)
    for name in (
        "ECONNABORTED EPROTO ENETDOWN ENOPROTOOPT EHOSTDOWN ENONET EHOSTUNREACH EOPNOTSUPP "
        "ENETUNREACH ETIMEDOUT EPERM"
    ).split()
    if hasattr(errno, name)
)

_unix_peers = itertools.count(1)  # they have no address to tell them apart by

log = logging.getLogger(__name__)


class SocketTransport:
    """A transport over a non-blocking stream socket, which it owns."""

    __slots__ = ("_socket", "host", "is_operator", "is_telnet", "peer")

    is_open: Final = True

    def __init__(
        self,
        connection: socket.socket,
        peer: str,
        host: str | None,
        *,
        is_operator: bool = False,
        is_telnet: bool = False,
    ) -> None:
        self._socket = connection
        self.peer = peer
        self.host = host
        self.is_operator = is_operator
        self.is_telnet = is_telnet

    @property
    def is_private(self) -> bool:
        return network_of(self.host) is None  # it does not leave this machine

    async def open(self) -> Transport:
        return self

    def try_send(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    async def wait_writable(self) -> None:
        self._check_open()
        await trio.lowlevel.wait_writable(self._socket)

    async def receive_into(self, buffer: memoryview) -> int:
        connection = self._socket
        self._check_open()
        while True:
            await trio.lowlevel.wait_readable(connection)
            try:
                return connection.recv_into(buffer)
            except BlockingIOError:
                continue  # woken for nothing

    def peek(self, size: int) -> bytes:
        try:
            return self._socket.recv(size, socket.MSG_PEEK)
        except BlockingIOError:
            return b""

    def end_writing(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    def _check_open(self) -> None:
        if self._socket.fileno() < 0:
            raise trio.ClosedResourceError


@attrs.define(eq=False)
class Listener:
    """A listening socket, which it owns, and how people would name it."""

    socket: socket.socket
    address: str  # "127.0.0.1:4000", "tls:[::1]:4433", "unix:/run/trioserve.sock"
    is_local: bool  # only this machine can reach it
    cleanup: Callable[[], None] | None = None  # run when it is closed
    is_operators: bool = False  # whoever comes this way is an operator
    is_telnet: bool = False  # whoever comes this way is greeted as a telnet
    is_tls: bool = False
    # Puts before a connection what it has to go through.
    wrap: Callable[[SocketTransport], Transport] = attrs.field(default=lambda plain: plain)

    async def serve(self, admit: Callable[[Transport], None]) -> None:
        """Accept connections and hand each to `admit` until cancelled; then close."""
        pause = FIRST_PAUSE
        logged = -math.inf
        try:
            while True:
                await self._arrival()
                try:
                    self._accept_waiting(admit)
                    pause = FIRST_PAUSE
                except OSError as error:
                    if error.errno not in _SHORTAGES:
                        raise
                    if trio.current_time() - logged >= 1.0:
                        logged = trio.current_time()
                        log.error("%s cannot accept: %s", self.address, error.strerror)
                    await trio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            self.close()

    @property
    def port(self) -> int | None:
        """The TCP port; None of a unix socket."""
        return None if self.socket.family == socket.AF_UNIX else self.socket.getsockname()[1]

    def close(self) -> None:
        """Listen no more."""
        if self.socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()
            if self.cleanup is not None:
                self.cleanup()

    async def _arrival(self) -> None:
        """Wait until somebody is at the door."""
        await trio.lowlevel.wait_readable(self.socket)

    def _accept_waiting(self, admit: Callable[[Transport], None]) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, address = self.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _GONE:
                    continue
                raise
            connection.setblocking(False)
            peer, host = _named(connection.family, address)
            accepted = SocketTransport(
                connection,
                peer,
                host,
                is_operator=self.is_operators,
                is_telnet=self.is_telnet,
            )
            admit(self.wrap(accepted))


def _named(family: int, address: Any) -> tuple[str, str | None]:
    """Name a peer for logs and for limits; a socket address has a shape per family."""
    if family == socket.AF_INET:
        return f"{address[0]}:{address[1]}", address[0]
    if family == socket.AF_INET6:
        return f"[{address[0]}]:{address[1]}", address[0]
    return f"unix:{next(_unix_peers)}", None
