"""Connections that a proxy relays: they begin with a header that says for whom."""

import errno
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

import attrs
import trio

from trioserve.errors import ProtocolError
from trioserve.limits import network_of
from trioserve.settings import setting
from trioserve.transport import Transport, WordlessError
from trioserve.wire.proxy import Origin, read_header

Network = IPv4Network | IPv6Network

# Where every header is received: nothing awaits between that and its being copied.
_RAW: Final = memoryview(bytearray(512))


@attrs.frozen
class ProxySettings:
    """Who may speak for others. From anybody else a header is what they type."""

    trusted: tuple[Network, ...] = setting((), "addresses and networks, as 192.0.2.0/24")
    header: float = setting(5.0, "seconds for a proxy to say for whom it comes")

    def trusts(self, host: str | None) -> bool:
        """Whether a connection from this address begins with a header."""
        if host is None or not self.trusted:
            return False
        address = ip_address(host.partition("%")[0])
        mapped = address.ipv4_mapped if address.version == 6 else None
        return any(address in each or (mapped or address) in each for each in self.trusted)


class ProxiedTransport:
    """A connection from a proxy, which owns the one below.

    Until it is open, nobody knows whose it is: `host` is None, as it stays for what
    the proxy does for itself, its checks for instance.
    """

    __slots__ = ("_above", "_ahead", "_below", "_seconds", "host", "is_open", "is_private", "peer")

    def __init__(
        self,
        below: Transport,
        seconds: float,
        above: Callable[[Transport], Transport] = lambda proxied: proxied,
    ) -> None:
        """Make one that has yet to be opened.

        Args:
            seconds: for the header to come.
            above: puts over it what comes behind the header, as TLS.
        """
        self._below = below
        self._seconds = seconds
        self._above = above
        self._ahead = b""  # what came with the header
        self.is_open = False
        self.peer = below.peer
        self.host: str | None = None
        self.is_private = below.is_private

    @property
    def is_operator(self) -> bool:
        return self._below.is_operator

    @property
    def is_telnet(self) -> bool:
        return self._below.is_telnet

    async def open(self) -> Transport:
        if self.is_open:
            return self
        self._below = await self._below.open()
        with trio.move_on_after(self._seconds):
            await self._read_header()
        if not self.is_open:
            raise OSError(errno.ETIMEDOUT, f"no PROXY header within {self._seconds:g} seconds")
        return self._above(self)

    async def _read_header(self) -> None:
        received = b""
        try:
            while (header := read_header(received)) is None:
                size = await self._receive_from(received)
                received += _RAW[:size]
        except ProtocolError as error:
            raise OSError(errno.EPROTO, str(error)) from None
        self._ahead = received[header.size :]
        self.is_open = True
        if header.origin is not None:
            self._relay(header.origin)

    async def _receive_from(self, received: bytes) -> int:
        """Receive behind what was received; return how many bytes, never 0."""
        try:
            size = await self._below.receive_into(_RAW)
        except OSError as error:
            if received:
                raise
            raise WordlessError(error.errno, "went without a byte") from None
        if size:
            return size
        if received:
            raise OSError(errno.EPROTO, "ended before its PROXY header did")
        raise WordlessError(errno.EPROTO, "went without a byte")

    def _relay(self, origin: Origin) -> None:
        """Be the connection of whom the proxy speaks for."""
        self.peer = f"unix by {self.peer}" if origin.host is None else str(origin)
        self.host = origin.host
        # The proxy may be next door, and they come from far away.
        self.is_private = self.is_private and network_of(origin.host) is None

    def try_send(self, data: bytes) -> int:
        return self._below.try_send(data)

    async def wait_writable(self) -> None:
        await self._below.wait_writable()

    async def receive_into(self, buffer: memoryview) -> int:
        if self._ahead:
            await trio.lowlevel.checkpoint()
            if ahead := self._ahead[: len(buffer)]:  # else it was closed meanwhile
                buffer[: len(ahead)] = ahead
                self._ahead = self._ahead[len(ahead) :]
                return len(ahead)
        return await self._below.receive_into(buffer)

    def peek(self, size: int) -> bytes:
        return self._ahead[:size] or self._below.peek(size)

    def end_writing(self) -> None:
        self._below.end_writing()

    def close(self) -> None:
        self._ahead = b""
        self._below.close()
