"""What systemd and the server tell each other, by the environment and a datagram socket.

The protocols are those of sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3).
Without systemd nothing here does anything.
"""

import errno
import logging
import os
import socket
from collections.abc import Callable, MutableMapping
from contextlib import ExitStack
from typing import Final

import attrs
import trio

FIRST: Final = 3  # the first descriptor that is handed over

log = logging.getLogger(__name__)


def handed_sockets(environ: MutableMapping[str, str]) -> list[tuple[socket.socket, str]]:
    """Take the sockets that were handed to this process, each with the name of its unit's.

    What says so goes out of the environment: it is not for whatever we start.

    Raises:
        ValueError: if what says so makes no sense, or one is no socket; with none left open.
    """
    pid = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count:
        return []
    if not (count.isascii() and count.isdigit()):
        raise ValueError(f'LISTEN_FDS: expected a number, got "{count}"')
    handed = []
    with ExitStack() as opened:
        for number in range(int(count)):
            name = names[number] if number < len(names) else ""
            handed.append((_handed(FIRST + number, name), name))
            opened.callback(handed[-1][0].close)
        opened.pop_all()
    return handed


def _handed(descriptor: int, name: str) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        return socket.socket(fileno=descriptor)
    except OSError as error:
        fault = "is not open" if error.errno == errno.EBADF else "is no socket"
        raise ValueError(f"descriptor {descriptor} ({name or 'no name'}) {fault}") from None


@attrs.define(eq=False)
class Notifier:
    """Tells systemd how the server is, if it wants to know."""

    address: str  # of its socket, "@" for the abstract namespace; empty: nobody wants to know
    watchdog: float  # seconds within which it wants to hear of us; 0: never
    _refused: bool = attrs.field(default=False, init=False)

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> "Notifier":
        """Take what the environment says; it is not for whatever we start."""
        address = environ.pop("NOTIFY_SOCKET", "")
        usec = environ.pop("WATCHDOG_USEC", "0")
        pid = environ.pop("WATCHDOG_PID", str(os.getpid()))
        is_ours = pid == str(os.getpid()) and usec.isascii() and usec.isdigit()
        return cls(address, int(usec) / 1e6 if is_ours else 0.0)

    def notify(self, *lines: str) -> None:
        """Send assignments such as ``READY=1``; never waits, never raises."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
                notifying.setblocking(False)
                notifying.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            if not self._refused:
                self._refused = True
                log.warning("systemd cannot be told of anything: %s", error.strerror)

    async def report(self, status: Callable[[], str]) -> None:
        """Say again and again that the loop runs, and how it is, until cancelled."""
        if not (self.address and self.watchdog):
            return
        while True:
            self.notify("WATCHDOG=1", f"STATUS={status()}")
            await trio.sleep(self.watchdog / 2)
