"""A server as a process of its own, for the tests that need a real one."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory

import attrs

PATIENCE = 60.0  # seconds of the real clock; for a loaded machine, not for the server
POLL = 0.02  # seconds between looks at what cannot be waited for


@attrs.define(eq=False)
class Running:
    """A process that runs ``python -m trioserve``, and what it has printed."""

    process: subprocess.Popen[str]
    _lines: SimpleQueue[str | None] = attrs.field(factory=SimpleQueue, init=False)
    log: list[str] = attrs.field(factory=list, init=False)  # stderr, line by line
    _threads: list[threading.Thread] = attrs.field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        for target in (self._read_output, self._read_log):
            thread = threading.Thread(target=target, daemon=True)
            thread.start()
            self._threads.append(thread)

    def line(self) -> str:
        """The next line that it prints on its standard output."""
        try:
            line = self._lines.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError(f"nothing was printed; the log: {self.log}") from None
        assert line is not None, f"the server has ended; the log: {self.log}"
        return line

    def port(self) -> int:
        """The port of the first address that it says it listens on."""
        found = re.search(r":(\d+)(?: |$)", line := self.line())
        assert found is not None, line
        return int(found[1])

    def logs(self, text: str, *, behind: int = 0) -> None:
        """Wait until its log has a line that holds this, among those behind so many."""
        deadline = time.monotonic() + PATIENCE
        while not any(text in line for line in self.log[behind:]):
            assert time.monotonic() < deadline, self.log
            time.sleep(POLL)

    def stop(self, signal: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(signal)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        return code

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))


def read_until(person: socket.socket, text: bytes) -> bytes:
    """What comes up to a text, and what has come behind it."""
    data = b""
    while text not in data:
        received = person.recv(65536)
        assert received, data
        data += received
    return data


@contextmanager
def running(*arguments: str, program: str | None = None) -> Iterator[Running]:
    """Run the server with these arguments for as long as the block lasts.

    `program` is Python source to run instead of the module: it changes something
    and then calls `trioserve.cli.main`.
    """
    start = ["-m", "trioserve"] if program is None else ["-c", program]
    with (
        TemporaryDirectory() as data,
        subprocess.Popen(
            [sys.executable, *start, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_DATA_HOME": data, "PYTHONUNBUFFERED": "1"},
        ) as process,
    ):
        server = Running(process)
        try:
            yield server
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
            server.wait()  # or what its threads still read would be closed under them
