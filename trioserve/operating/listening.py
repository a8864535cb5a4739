"""Every way in: opened all of them or none, and told of."""

import logging
import os
import resource
import sys
from contextlib import ExitStack
from typing import Final

import attrs

from trioserve.archive.archives import Archive
from trioserve.configuration.config import DEFAULT_LISTEN, Config
from trioserve.edge.activation import adopt
from trioserve.edge.addresses import Address, UnixAddress
from trioserve.edge.sockets import Listener
from trioserve.edge.tcp import ABSENT, open_tcp
from trioserve.edge.unix import open_unix
from trioserve.limits import DoorLimits
from trioserve.operating.systemd import handed_sockets
from trioserve.wire.text import plural

SPARE_FILES: Final = 64  # descriptors that the process needs for other things than connections

log = logging.getLogger(__name__)


class CannotListen(Exception):
    """There is no way in; the text says which one, and why."""


class _CannotOpen(CannotListen):
    """There is an address on which we cannot listen."""

    def __init__(self, address: Address, error: OSError) -> None:
        reason = error.strerror or str(error)
        super().__init__(f"cannot listen on {address}: {reason}")
        self.is_absent = error.errno in ABSENT


async def open_everything(
    config: Config, *, has_certificate: bool
) -> tuple[list[Listener], list[Listener]]:
    """Open where the metrics are, if anywhere, and where people come; or nothing at all.

    What systemd has handed over stands in the place of the addresses for people.

    Raises:
        CannotListen: naming what is in the way.
    """
    with ExitStack() as opened:
        pages = await _open(config.metrics, config) if config.metrics is not None else []
        for page in pages:
            opened.callback(page.close)
        listeners = _handed(config) or await _open_all(config)
        for listener in listeners:
            opened.callback(listener.close)
        if not has_certificate and any(each.is_tls for each in listeners):
            raise CannotListen("a socket for TLS is given, and no tls.certificate")
        opened.pop_all()
    return pages, listeners


def _handed(config: Config) -> list[Listener]:
    """Listen on what systemd has handed over, if anything."""
    try:
        return adopt(handed_sockets(os.environ), config.tcp)
    except ValueError as error:
        raise CannotListen(str(error)) from None


async def _open_all(config: Config) -> list[Listener]:
    """Open every configured address, or of the default ones those that the machine has."""
    listeners: list[Listener] = []
    absent: list[_CannotOpen] = []
    with ExitStack() as opened:
        for address in config.addresses:
            try:
                found = await _open(address, config)
            except _CannotOpen as error:
                if not error.is_absent or address in (
                    *(config.listen or ()),
                    *(config.telnet or ()),
                ):
                    raise
                absent.append(error)
                continue
            for listener in found:
                opened.callback(listener.close)
            listeners += found
        if not listeners:
            raise absent[0]
        opened.pop_all()
    return listeners


async def _open(address: Address, config: Config) -> list[Listener]:
    try:
        if isinstance(address, UnixAddress):
            return [open_unix(address)]
        return await open_tcp(address, config.tcp)
    except OSError as error:
        raise _CannotOpen(address, error) from None


def fit_open_files(limits: DoorLimits) -> DoorLimits:
    """Raise the process's limit of open files as far as need be, and fit ours to it."""
    wanted = limits.most + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        except (OSError, ValueError) as error:  # macOS has a lower bound that it does not tell
            log.debug("the limit of open files stays at %d: %s", soft, error)
            allowed = soft
        if allowed < wanted:
            fitting = max(1, allowed - SPARE_FILES)
            most = plural(fitting, "connection")
            log.warning("at most %s: the limit of open files is %d", most, allowed)
            return attrs.evolve(limits, most=fitting)
    return limits


def announce(listeners: list[Listener], pages: list[Listener], archive: Archive) -> None:
    """Say where we listen, how to let others in when only this machine can come, what is kept."""
    for beginning, are_telnet in ("trioserve listens on", False), ("for telnet, on", True):
        addresses = [each.address for each in listeners if each.is_telnet == are_telnet]
        if addresses:
            print(f"{beginning} {' and '.join(addresses)}")
    if all(each.is_local for each in listeners):
        options = _options_for_everybody(listeners)
        print(f"Only people on this machine can come. To let others in: start it with {options}")
    kept = f"is kept in {archive.name}" if archive.keeps_talk else "ends with the server"
    print(f"What is said {kept}")
    for page in pages:
        print(f"metrics on {page.address}")
    if sys.stdout is not None:  # it is, for a process that was started without one
        sys.stdout.flush()


def _options_for_everybody(listeners: list[Listener]) -> str:
    plain = port_of(listeners, telnet=False)
    encrypted = next((each.port for each in listeners if each.is_tls), None)
    ways = []
    if plain or not encrypted:
        ways.append(_for_everybody("--listen", plain or DEFAULT_LISTEN[0].port))
    if encrypted:
        ways.append(_for_everybody("--listen", encrypted, "tls:"))
    if port := port_of(listeners, telnet=True):
        ways.append(_for_everybody("--telnet", port))
    return " ".join(ways)


def port_of(listeners: list[Listener], *, telnet: bool) -> int | None:
    """The first TCP port of this kind where no TLS is spoken; None if there is none."""
    clear = (each for each in listeners if not each.is_tls)
    ports = (each.port for each in clear if each.is_telnet == telnet)
    return next((port for port in ports if port), None)


def _for_everybody(option: str, port: int, before: str = "") -> str:
    return f"{option} {before}0.0.0.0:{port} {option} '{before}[::]:{port}'"
