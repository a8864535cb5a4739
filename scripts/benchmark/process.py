"""A server as a process: started, pinned to a core, measured, and ended in any case."""

import os
import resource
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import attrs
from errors import BenchError
from servers import Kind

READY: Final = 15.0  # seconds until a server must accept connections
END: Final = 10.0  # seconds for a killed process to be gone
END_SOON: Final = 0.5  # seconds for one that has closed its connections
LOG_LINES: Final = 5  # of a server's log, shown when it fails
IDLE: Final = 0.0005  # seconds of CPU within IDLE_STEP: less means that there is no work left
IDLE_STEP: Final = 0.1  # seconds
IDLE_MOST: Final = 60.0  # seconds


@attrs.define(eq=False)
class Server:
    """A server that accepts connections on 127.0.0.1."""

    kind: Kind
    port: int
    log: Path
    _process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        """Seconds of CPU that all its threads have used so far, those that have ended too.

        The process's CPU clock counts nanoseconds (clock_getcpuclockid(3); the
        number is Linux's, CPUCLOCK_SCHED), where /proc/PID/stat has ticks of 10 ms.
        """
        return time.clock_gettime((~self._process.pid << 3) | 2)

    def memory(self) -> float:
        """KiB resident."""
        rollup = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text()
        return float(rollup.partition("\nRss:")[2].split()[0])

    def wait_idle(self) -> None:
        """Wait until it has done all its work."""
        deadline = time.monotonic() + IDLE_MOST
        before = self.cpu()
        while time.monotonic() < deadline:
            time.sleep(IDLE_STEP)
            now = self.cpu()
            if now - before < IDLE:
                return
            before = now
        raise self.failure(f"is still busy after {IDLE_MOST:g} seconds")

    def failure(self, what: str) -> BenchError:
        """Describe a failure, with how the process ended if it did and its last log lines."""
        with suppress(subprocess.TimeoutExpired):  # it may be about to end
            what += f"; it has ended with {self._process.wait(END_SOON)}"
        lines = self.log.read_text(errors="replace").strip().splitlines()[-LOG_LINES:]
        said = "; its log ends: " + " | ".join(lines) if lines else "; its log is empty"
        return BenchError(f"{self.kind.name} {what}{said}")

    def has_ended(self) -> bool:
        return self._process.poll() is not None


@contextmanager
def running(kind: Kind, core: int) -> Iterator[Server]:
    """Start a server on a core; it has ended when the block has."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # ngIRCd gives root up before it reads on
        log = folder / "log"
        with log.open("wb") as output:
            try:
                process = subprocess.Popen(
                    kind.command(folder, port),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=folder,
                    preexec_fn=lambda: _prepare(core),
                )
            except OSError as error:
                raise BenchError(f"{kind.name} cannot be started: {error.strerror}") from None
        try:
            server = Server(kind, port, log, process)
            _wait_ready(server)
            yield server
        finally:
            process.kill()  # it has nothing worth a slow goodbye to thousands
            process.wait(END)


def _prepare(core: int) -> None:
    """In the new process: one core, and as many open files as the system lets it have."""
    os.sched_setaffinity(0, {core})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_ready(server: Server) -> None:
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline and not server.has_ended():
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            server.wait_idle()
            return
    if server.has_ended():
        raise server.failure("does not start")
    raise server.failure(f"accepts no connection within {READY:g} seconds")
