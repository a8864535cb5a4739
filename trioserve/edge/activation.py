"""Listening on sockets that somebody else has opened: they outlive this process."""

import socket
from contextlib import ExitStack
from typing import Final

from trioserve.edge.addresses import TcpAddress, UnixAddress
from trioserve.edge.sockets import Listener
from trioserve.edge.tcp import TcpOptions, set_options
from trioserve.limits import is_loopback

# What a socket is for, by its name.
TELNET: Final = "telnet"
TLS: Final = "tls"
OPERATORS: Final = "operators"


def adopt(handed: list[tuple[socket.socket, str]], options: TcpOptions) -> list[Listener]:
    """Listen on sockets that were handed over, which it owns from now on.

    One called ``telnet`` greets telnets, one called ``tls`` speaks TLS, a unix
    socket called ``operators`` is theirs; any other name is for everybody.

    Raises:
        ValueError: if one does not listen, or cannot be what its name says; with none left open.
    """
    with ExitStack() as opened:
        for listening, _ in handed:
            opened.callback(listening.close)
        listeners = [_adopted(listening, name, options) for listening, name in handed]
        opened.pop_all()
    return listeners


def _adopted(listening: socket.socket, name: str, options: TcpOptions) -> Listener:
    is_stream = listening.type == socket.SOCK_STREAM
    if not is_stream or not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise ValueError(f"descriptor {listening.fileno()} ({name or 'no name'}) does not listen")
    listening.setblocking(False)
    if listening.family == socket.AF_UNIX:
        if name in (TELNET, TLS):
            raise ValueError(f"descriptor {listening.fileno()}: no unix socket is for {name}")
        path = str(UnixAddress(listening.getsockname()))
        return Listener(listening, path, is_local=True, is_operators=name == OPERATORS)
    if name == OPERATORS:
        raise ValueError(f"descriptor {listening.fileno()}: operators come by a unix socket")
    set_options(listening, options)
    host, port = listening.getsockname()[:2]
    return Listener(
        listening,
        str(TcpAddress(host, port, tls=name == TLS)),
        is_loopback(host),
        is_telnet=name == TELNET,
        is_tls=name == TLS,
    )
