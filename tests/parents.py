"""A parent that hands sockets to a server, in systemd's place."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from tests.running import PATIENCE

# As systemd starts a service: what it hands over begins at descriptor 3, and LISTEN_PID is
# the process's own.
START = """
import os, sys
descriptors = [int(each) for each in sys.argv[1].split(",") if each]
for number, each in enumerate(descriptors):
    os.dup2(each, 100 + number)
for number, _ in enumerate(descriptors):
    os.dup2(100 + number, 3 + number, inheritable=True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "trioserve", *sys.argv[2:]])
"""


@contextmanager
def started(
    *handed: socket.socket | IO[str],
    names: str = "",
    options: tuple[str, ...] = (),
    **environment: str,
) -> Iterator["subprocess.Popen[str]"]:
    descriptors = [each.fileno() for each in handed]
    with subprocess.Popen(
        [sys.executable, "-c", START, ",".join(map(str, descriptors)), *options],
        pass_fds=descriptors,
        env={
            **os.environ,
            "LISTEN_FDS": str(len(handed)),
            "LISTEN_FDNAMES": names,
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """How a process has ended, and its last words."""
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


def come_to(listening: socket.socket) -> socket.socket:
    """Stand at the door: the kernel has let us in, whether a server runs or not."""
    connection = socket.create_connection(listening.getsockname(), PATIENCE)
    connection.settimeout(PATIENCE)
    return connection
