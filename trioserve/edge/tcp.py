"""Listening on TCP, with the options that accepted connections inherit."""

import errno
import socket
from contextlib import ExitStack
from typing import Final

import attrs
import trio

from trioserve.edge.addresses import TcpAddress
from trioserve.edge.sockets import BACKLOG, Listener
from trioserve.limits import is_loopback
from trioserve.settings import setting

NOTSENT_LOWAT: Final = 16 * 1024  # bytes that the kernel keeps unsent for one connection
# Bytes that the kernel takes in for one connection, of which we read some 4 KiB/s: else it is
# megabytes, and a connection that is reset would go on for half an hour with what is in there.
RECEIVE_BUFFER: Final = 16 * 1024

ABSENT: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})  # the machine has none such


@attrs.frozen
class TcpOptions:
    """How soon a peer that has vanished is noticed."""

    # What each may be at most is Linux's bound (tcp(7), and 31 bits of milliseconds).
    keepalive_idle: int = setting(60, "seconds of silence before the first probe", most=32767)
    keepalive_interval: int = setting(15, "seconds between probes", most=32767)
    keepalive_count: int = setting(4, "unanswered probes", most=127)
    # RFC 5482; less than 0.001 would be none.
    user_timeout: float = setting(
        120.0, "seconds that sent bytes may stay unacknowledged", least=0.001, most=2_000_000
    )


async def open_tcp(address: TcpAddress, options: TcpOptions) -> list[Listener]:
    """Listen on every address that the host name has on this machine.

    With port 0 the first gets a free port, and the others the same one.

    Raises:
        OSError: if that is not possible, with none left open.
    """
    try:
        found = await trio.socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except UnicodeError:  # too long, or with an empty part: "a..b"
        raise OSError(errno.EINVAL, "not the name of a host") from None
    listeners: list[Listener] = []
    absent: OSError | None = None
    port = address.port
    with ExitStack() as opened:
        for family, _, _, _, place in dict.fromkeys(found):
            try:
                listener = _open_one(family, (place[0], port, *place[2:]), address.tls, options)
                listener.is_telnet = address.telnet
            except OSError as error:
                if error.errno not in ABSENT:
                    raise
                absent = error
                continue
            opened.callback(listener.close)
            listeners.append(listener)
            port = listener.socket.getsockname()[1]
        if not listeners:
            raise absent or OSError(errno.EADDRNOTAVAIL, "no address of this machine")
        opened.pop_all()
    return listeners


def _open_one(
    family: int,
    place: tuple[object, ...],
    tls: bool,
    options: TcpOptions,
) -> Listener:
    listening = socket.socket(family, socket.SOCK_STREAM)
    with ExitStack() as opened:
        opened.callback(listening.close)
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        set_options(listening, options)
        listening.bind(place)
        listening.listen(BACKLOG)
        host, port = listening.getsockname()[:2]
        opened.pop_all()
    address = str(TcpAddress(host, port, tls=tls))
    return Listener(listening, address, is_loopback(host), is_tls=tls)


def set_options(listening: socket.socket, options: TcpOptions) -> None:
    """Set what each connection needs on the listener: on Linux they inherit it.

    That saves seven system calls a connection.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    # In line with the rest: else telnet's urgent mark eats a character of the text.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in {
        "TCP_KEEPIDLE": options.keepalive_idle,
        "TCP_KEEPINTVL": options.keepalive_interval,
        "TCP_KEEPCNT": options.keepalive_count,
        "TCP_USER_TIMEOUT": round(options.user_timeout * 1000),
        # Else the kernel hides megabytes behind each reader that is stuck.
        "TCP_NOTSENT_LOWAT": NOTSENT_LOWAT,
    }.items():
        if hasattr(socket, name):  # not every system has them all
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
