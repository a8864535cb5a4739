"""What a new connection has to go through before its text."""

import ssl
from functools import partial

import attrs

from trioserve.edge.proxied import ProxiedTransport, ProxySettings
from trioserve.edge.sockets import SocketTransport
from trioserve.edge.tls import TlsTransport
from trioserve.transport import Transport


@attrs.define(eq=False)
class Arrivals:
    """What stands before the text of connections that come from now on."""

    context: ssl.SSLContext | None = None  # of the certificate; None: there is none
    handshake: float = 10.0  # seconds for TLS to begin
    proxy: ProxySettings = ProxySettings()

    def wrap(self, accepted: SocketTransport, *, tls: bool) -> Transport:
        """Put before a connection what it has to go through; `open` does it."""
        above = partial(self._encrypt, tls=tls)
        if self.proxy.trusts(accepted.host):
            return ProxiedTransport(accepted, self.proxy.header, above)
        return above(accepted)

    def _encrypt(self, below: Transport, *, tls: bool) -> Transport:
        if not tls:
            return below
        assert self.context is not None, "nobody listens for TLS without a certificate"
        return TlsTransport(below, self.context, self.handshake)
