"""Listening on a unix socket: a stale one is taken over, a live one is refused."""

import errno
import socket
import stat
from contextlib import ExitStack, suppress
from pathlib import Path

from trioserve.edge.addresses import UnixAddress
from trioserve.edge.sockets import BACKLOG, Listener


def open_unix(address: UnixAddress) -> Listener:
    """Listen on a path; the file goes when the listener is closed.

    Raises:
        OSError: if that is not possible: a server answers there, or something
            that is no socket has the name.
    """
    _clear(address.path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with ExitStack() as opened:
        opened.callback(listening.close)
        listening.setblocking(False)
        listening.bind(address.path)
        listening.listen(BACKLOG)
        made = Path(address.path).stat()
        opened.pop_all()

    def remove() -> None:
        # Only our own: a newer server may have taken the path over. What we may not remove
        # stays, and is taken over as stale the next time.
        with suppress(OSError):
            now = Path(address.path).stat()
            if (now.st_dev, now.st_ino) == (made.st_dev, made.st_ino):
                Path(address.path).unlink()

    return Listener(
        listening,
        str(address),
        is_local=True,
        cleanup=remove,
        is_operators=address.operator,
    )


def _clear(path: str) -> None:
    """Remove a socket that nobody listens on."""
    try:
        if not stat.S_ISSOCK(Path(path).stat().st_mode):
            raise FileExistsError(errno.EEXIST, "there is a file that is no socket", path)
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except BlockingIOError:
            pass  # its backlog is full, so somebody listens
    raise OSError(errno.EADDRINUSE, "a server answers there already", path)
