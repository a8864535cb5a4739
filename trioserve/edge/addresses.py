"""Where to listen, as people write it: ``HOST:PORT``, ``[::1]:4000``, ``tls:…``, ``unix:PATH``."""

import re
from ipaddress import IPv6Address
from typing import Final

import attrs

# What may be the name of a host, or an IPv4 address: the rest is for the resolver to judge.
_HOST: Final = re.compile(r"[^\s:/\[\]]+")


@attrs.frozen
class TcpAddress:
    """A host name or address, and a port; 0 lets the system choose one."""

    host: str
    port: int
    telnet: bool = False  # whoever comes this way is greeted as a telnet
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls:' if self.tls else ''}{host}:{self.port}"


@attrs.frozen
class UnixAddress:
    """A path in the file system."""

    path: str
    operator: bool = False  # whoever comes this way is an operator

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = TcpAddress | UnixAddress


def parse_address(text: str) -> Address:
    """Read an address; raises ValueError with what was expected."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path or "\0" in path:
            raise ValueError(f'expected unix:PATH, got "{text}"')
        return UnixAddress(path)
    if text.startswith("tls:"):
        return attrs.evolve(_parse_tcp(text.removeprefix("tls:"), text), tls=True)
    return _parse_tcp(text, text)


def _parse_tcp(text: str, whole: str) -> TcpAddress:
    host, _, port = text.rpartition(":")
    shown = f'expected HOST:PORT such as 127.0.0.1:4000, or unix:PATH; got "{whole}"'
    if text.endswith("]"):
        raise ValueError(shown)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" in host and not _is_ipv6(host):
            raise ValueError(f'expected an IPv6 address in the brackets, got "{whole}"')
    elif ":" in host and "/" not in host:  # with one, it is a URL
        raise ValueError(f'an IPv6 address needs brackets, [::1]:4000; got "{whole}"')
    if not (_HOST.fullmatch(host) or _is_ipv6(host)) or not (port.isascii() and port.isdigit()):
        raise ValueError(shown)
    if int(port) > 65535:
        raise ValueError(f'a port is at most 65535, got "{whole}"')
    return TcpAddress(host, int(port))


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True
