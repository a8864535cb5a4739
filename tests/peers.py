"""The other ends of transports, for tests that hold them: nothing here ever waits."""

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import attrs
import trustme

from trioserve.memory import MemoryTransport


class Peer(Protocol):
    """The other end of a transport."""

    def send(self, data: bytes) -> None: ...

    def receive(self, most: int = 65536) -> bytes | None:
        """What has come; None if nothing has, empty at the end."""

    def end(self) -> None:
        """Send no more."""


@attrs.frozen(eq=False)
class SocketPeer:
    socket: socket.socket

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, most: int = 65536) -> bytes | None:
        try:
            return self.socket.recv(most)
        except BlockingIOError:
            return None

    def end(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)


@attrs.frozen(eq=False)
class MemoryPeer:
    """Reads only when it is told to."""

    transport: MemoryTransport

    def send(self, data: bytes) -> None:
        self.transport.type(data)

    def receive(self, most: int = 65536) -> bytes | None:
        data = self.transport.read(most)
        if not data and not (self.transport.output_ended or self.transport.is_closed):
            return None
        return data

    def end(self) -> None:
        self.transport.end_input()


@attrs.define(eq=False)
class TlsPeer:
    """A TLS client whose ciphertext goes by another peer."""

    below: Peer
    context: ssl.SSLContext
    _in: ssl.MemoryBIO = attrs.field(factory=ssl.MemoryBIO, init=False)
    _out: ssl.MemoryBIO = attrs.field(factory=ssl.MemoryBIO, init=False)
    tls: ssl.SSLObject = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tls = self.context.wrap_bio(self._in, self._out, server_hostname="localhost")

    def shake_hands(self) -> bool:
        """Go on with the handshake as far as can be; whether it is complete."""
        self._fetch()
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._flush()
        return True

    def send(self, data: bytes) -> None:
        self.tls.write(data)
        self._flush()

    def receive(self, most: int = 65536) -> bytes | None:
        self._fetch()
        try:
            return self.tls.read(most)
        except ssl.SSLWantReadError:
            return None
        finally:
            self._flush()

    def end(self) -> None:
        with suppress(ssl.SSLWantReadError):  # the other side's end is not there yet
            self.tls.unwrap()
        self._flush()
        self.below.end()

    def _fetch(self) -> None:
        while (data := self.below.receive()) is not None:
            if not data:
                self._in.write_eof()
                return
            self._in.write(data)

    def _flush(self) -> None:
        if data := self._out.read():
            self.below.send(data)


@attrs.frozen(eq=False)
class Authority:
    """Who vouches for the certificates of the tests."""

    ca: trustme.CA = attrs.field(factory=trustme.CA)

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("localhost").configure_cert(context)
        context.num_tickets = 0
        return context

    def client_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return context

    def write(self, folder: Path, name: str = "server") -> tuple[Path, Path]:
        """Issue a certificate into files; return that of the chain and that of the key."""
        issued = self.ca.issue_cert("localhost", "127.0.0.1")
        chain, key = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return chain, key
