"""The header by which a proxy tells whom it speaks for: PROXY protocol, versions 1 and 2.

After HAProxy's proxy-protocol.txt, of which the sections are cited here.
"""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import attrs

from trioserve.errors import ProtocolError

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"  # of version 2 (2.2)
LONGEST_LINE: Final = 107  # bytes of a header of version 1, with its CR LF (2.1)
# Bytes behind the fixed part of version 2: addresses, and what else a proxy likes to tell
# (2.2.7). The length could say 65535; a certificate's name and the like take a few hundred.
LONGEST_BLOCK: Final = 4096

_WORD: Final = b"PROXY "
_FIXED: Final = struct.Struct("!12sBBH")  # signature, version and command, family, length
_LOCAL, _PROXY = 0x20, 0x21
_UNSPECIFIED: Final = 0x00
# Of streams: how many bytes the addresses of a family take.
_TCP4, _TCP6, _UNIX = 0x11, 0x21, 0x31
_ADDRESSES: Final = {_TCP4: 12, _TCP6: 36, _UNIX: 216}


@attrs.frozen
class Origin:
    """Where a connection came from before it was relayed."""

    host: str | None  # an address; None: a unix socket
    port: int = 0

    def __str__(self) -> str:
        if self.host is None:
            return "unix"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@attrs.frozen
class Header:
    """What a header says, and how many bytes it took."""

    origin: Origin | None  # None: the proxy speaks for itself, or does not know
    size: int


def read_header(data: bytes) -> Header | None:
    """Read what a connection begins with; None while the header is not complete.

    Call it again with all of the bytes whenever more have come: what it says does
    not depend on how they were cut. It needs at most `LONGEST_BLOCK` + 16 of them.

    Raises:
        ProtocolError: if no header can come of this. The text quotes none of it.
    """
    if SIGNATURE.startswith(data[: len(SIGNATURE)]):
        return _read_binary(data)
    if _WORD.startswith(data[: len(_WORD)]):
        return _read_line(data)
    raise ProtocolError("no PROXY header")


# ------------------------------------------------------------- version 1 (2.1)


def _read_line(data: bytes) -> Header | None:
    end = data.find(b"\n", 0, LONGEST_LINE)
    if end < 0:
        if len(data) >= LONGEST_LINE:
            raise ProtocolError(f"a PROXY line of more than {LONGEST_LINE} bytes")
        return None
    if data[end - 1 : end] != b"\r":
        raise ProtocolError("a PROXY line without CR LF")
    words = data[: end - 1].decode("ascii", "replace").split(" ")
    if words[1] == "UNKNOWN":  # what follows has to be ignored
        return Header(None, end + 1)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise ProtocolError("a PROXY line that is none of TCP4, TCP6 and UNKNOWN")
    source, _ = (_address(word, words[1]) for word in words[2:4])
    port, _ = map(_port, words[4:])
    return Header(Origin(source, port), end + 1)


def _address(word: str, family: str) -> str:
    try:
        if "%" in word:  # Python knows zones, which mean nothing elsewhere
            raise ValueError
        return str(IPv4Address(word) if family == "TCP4" else IPv6Address(word))
    except ValueError:
        raise ProtocolError(f"a PROXY line whose address is none of {family}") from None


def _port(word: str) -> int:
    is_decimal = word.isascii() and word.isdigit() and (word == "0" or word[0] != "0")
    if not is_decimal or len(word) > 5 or int(word) > 65535:
        raise ProtocolError("a PROXY line whose port is none")
    return int(word)


# ------------------------------------------------------------- version 2 (2.2)


def _read_binary(data: bytes) -> Header | None:
    if len(data) < _FIXED.size:
        return None
    _, command, family, length = _FIXED.unpack_from(data)
    if command not in (_LOCAL, _PROXY):
        raise ProtocolError("a PROXY header of an unknown version or command")
    if length > LONGEST_BLOCK:
        raise ProtocolError(f"a PROXY header of more than {LONGEST_BLOCK} bytes")
    is_relayed = command == _PROXY and family != _UNSPECIFIED
    if is_relayed and family not in _ADDRESSES:
        raise ProtocolError("a PROXY header for something else than a stream")
    if is_relayed and length < _ADDRESSES[family]:
        raise ProtocolError("a PROXY header that is too short for its addresses")
    size = _FIXED.size + length
    if len(data) < size:
        return None
    block = data[_FIXED.size : size]
    return Header(_origin(family, block) if is_relayed else None, size)


def _origin(family: int, block: bytes) -> Origin:
    if family == _TCP4:
        source, _, port = struct.unpack_from("!4s4sH", block)
        return Origin(str(IPv4Address(source)), port)
    if family == _TCP6:
        source, _, port = struct.unpack_from("!16s16sH", block)
        return Origin(str(IPv6Address(source)), port)
    return Origin(None)
