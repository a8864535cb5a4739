"""Who speaks another protocol on this port, and what to tell them."""

import re
from typing import Final

from trioserve.errors import ProtocolError

_SSH = re.compile(rb"SSH-\d+\.")  # RFC 4253, 4.2; SSH-fan is somebody's name
_HTTP = re.compile(rb"[A-Z]{3,10} \S+ HTTP/\d")
# A client writes it so (RFC 2812, 2.3); Nick, Pass and User are people's names.
_IRC = re.compile(rb"CAP (LS|REQ)\b|(NICK|PASS|USER) \S[^\r\n]*\r\n")

HERE: Final = "this is a trioserve chat server for nc and telnet"


class Stranger(ProtocolError):
    """Somebody speaks another protocol; the text is what they are told."""

    def __init__(self, protocol: str, tls_port: int | None) -> None:
        """`tls_port`, if there is one, is where TLS is spoken."""
        elsewhere = f"; for that there is port {tls_port}" if protocol == "TLS" and tls_port else ""
        super().__init__(f"{HERE}, not for {protocol}{elsewhere}")
        self.protocol = protocol


def protocol_of(first: bytes) -> str | None:
    """Name the protocol that a connection's first bytes belong to, if it is not chat."""
    if first.startswith(b"\x16\x03"):  # a TLS handshake record (RFC 8446, 5.1)
        return "TLS"
    if _SSH.match(first):
        return "SSH"
    if _HTTP.match(first):
        return "HTTP"
    if _IRC.match(first):
        return "IRC"
    return None
