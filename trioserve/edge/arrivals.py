"""What a new connection has to go through before its text."""

import ssl

import attrs

from trioserve.edge.sockets import SocketTransport
from trioserve.edge.tls import TlsTransport
from trioserve.transport import Transport


@attrs.define(eq=False)
class Arrivals:
    """What stands before the text of connections that come from now on."""

    context: ssl.SSLContext | None = None  # of the certificate; None: there is none
    handshake: float = 10.0  # seconds for TLS to begin

    def wrap(self, accepted: SocketTransport, *, tls: bool) -> Transport:
        """Put before a connection what it has to go through; `open` does it."""
        if not tls:
            return accepted
        assert self.context is not None, "nobody listens for TLS without a certificate"
        return TlsTransport(accepted, self.context, self.handshake)
