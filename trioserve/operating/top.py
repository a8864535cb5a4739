"""``trioserve top``: watch a server that runs, in a terminal."""

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

import attrs
import trio

from trioserve.edge.addresses import Address, TcpAddress, UnixAddress, parse_address
from trioserve.operating.topview import Snapshot, view

DEFAULT: Final = TcpAddress("127.0.0.1", 9400)
EVERY: Final = 1.0  # seconds
ANSWER: Final = 5.0  # seconds that a server may take
MOST: Final = 1024 * 1024  # bytes of an answer
EVERYTHING: Final = 1000  # rows of what is not shown in a window
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# The alternate screen without a cursor, where a line does not run on (xterm's control sequences).
_ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE: Final = "\x1b[?7h\x1b[?25h\x1b[?1049l"


class Unanswered(Exception):
    """There is no snapshot to be had; the text says why."""


def main(arguments: Sequence[str]) -> int:
    """Watch until told to stop; return the exit code.

    0: it was shown; 1: the server is not there; 2: the arguments are wrong (SystemExit).
    """
    address = _parser().parse_args(arguments).address
    try:
        snapshot = fetch(address)
    except Unanswered as problem:
        print(f"trioserve: {problem}", file=sys.stderr)
        return 1
    if sys.stdin.isatty() and sys.stdout.isatty():
        with _screen() as draw:
            trio.run(_Watch(address, draw, snapshot).run)
    else:
        columns = shutil.get_terminal_size().columns
        print("\n".join(view(snapshot, None, str(address), columns, EVERYTHING)))
    return 0


def fetch(address: Address) -> Snapshot:
    """Ask a server for its snapshot; blocks for ANSWER seconds a step at most.

    Raises:
        Unanswered: if it does not answer, or with something else.
    """
    connection = _Connection(address)
    try:
        connection.request("GET", "/snapshot")
        response = connection.getresponse()
        body = response.read(MOST)
    except OSError as error:
        raise Unanswered(f"no answer from {address}: {error.strerror or error}") from None
    except http.client.HTTPException:
        raise Unanswered(f"what answers at {address} speaks no HTTP") from None
    finally:
        connection.close()
    if response.status != http.client.OK:
        line = body.partition(b"\n")[0].decode("utf-8", "replace")
        raise Unanswered(f"{address} answers {response.status}: {line}")
    try:
        return Snapshot.of(json.loads(body))
    except ValueError:
        raise Unanswered(f"what answers at {address} is no trioserve of this version") from None


class _Connection(http.client.HTTPConnection):
    """HTTP over TCP or a unix socket."""

    def __init__(self, address: Address) -> None:
        host = address.host if isinstance(address, TcpAddress) else "localhost"
        port = address.port if isinstance(address, TcpAddress) else None
        super().__init__(host, port, timeout=ANSWER)
        self._path = address.path if isinstance(address, UnixAddress) else None

    def connect(self) -> None:
        if self._path is None:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ANSWER)
        self.sock.connect(self._path)


@attrs.define
class _Watch:
    """A server's snapshots, drawn as they come."""

    address: Address
    draw: Callable[[list[str]], None]
    now: Snapshot
    before: Snapshot | None = None
    problem: str = ""

    async def run(self) -> None:
        """Draw until a key, a signal or the end of the input says that it is enough."""
        with trio.open_signal_receiver(signal.SIGWINCH, *ENDING) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._refresh)
                nursery.start_soon(self._until_a_key, nursery.cancel_scope)
                async for number in signals:
                    if number != signal.SIGWINCH:
                        nursery.cancel_scope.cancel()
                    self._show()

    async def _refresh(self) -> None:
        while True:
            self._show()
            await trio.sleep(EVERY)
            try:
                # Abandoned, because it may take its ANSWER while somebody wants to leave.
                snapshot = await trio.to_thread.run_sync(
                    partial(fetch, self.address), abandon_on_cancel=True
                )
            except Unanswered as problem:
                self.problem = f"-- {problem}; trying again"
            else:
                self.before, self.now, self.problem = self.now, snapshot, ""

    async def _until_a_key(self, scope: trio.CancelScope) -> None:
        while True:
            await trio.lowlevel.wait_readable(sys.stdin.fileno())
            keys = b""
            with suppress(OSError):  # the terminal is gone
                keys = os.read(sys.stdin.fileno(), 1024)
            if not keys or set(keys) & set(b"qQ\x03"):
                scope.cancel()
                return

    def _show(self) -> None:
        size = os.get_terminal_size(sys.stdout.fileno())
        columns, rows = size.columns or 80, size.lines or 24  # 0: the terminal does not know
        source = str(self.address)
        self.draw(view(self.now, self.before, source, columns, rows, self.problem))


@contextmanager
def _screen() -> Iterator[Callable[[list[str]], None]]:
    """Take the terminal for as long as the block lasts, and give it back as it was."""
    keyboard = sys.stdin.fileno()
    former = termios.tcgetattr(keyboard)
    taken = termios.tcgetattr(keyboard)
    # No echo, each key at once, and Ctrl-C and Ctrl-Z are keys: who is stopped keeps the screen.
    taken[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
    termios.tcsetattr(keyboard, termios.TCSADRAIN, taken)
    try:
        _write(_ENTER)
        yield _draw
    finally:
        with suppress(OSError, termios.error):  # the terminal is gone
            _write(_LEAVE)
            termios.tcsetattr(keyboard, termios.TCSADRAIN, former)


def _draw(lines: list[str]) -> None:
    """Draw lines over what is there; each is cleared first, so that nothing flickers."""
    # What is below them first: behind a full last row, there is nowhere to clear it from.
    rows = [f"\x1b[{len(lines)}H\x1b[J"]
    rows += [f"\x1b[{row}H\x1b[2K{line}" for row, line in enumerate(lines, 1)]
    _write("".join(rows))


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trioserve top",
        description="Watch a server that runs with --metrics; q ends it. "
        "Where the output is no terminal, show it once.",
    )
    parser.add_argument(
        "address",
        nargs="?",
        type=_address,
        default=DEFAULT,
        metavar="HOST:PORT",
        help=f"where its metrics are, or unix:PATH (default: {DEFAULT})",
    )
    return parser


def _address(text: str) -> Address:
    try:
        address = parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if isinstance(address, TcpAddress) and address.tls:
        raise argparse.ArgumentTypeError(f'expected an address without TLS, got "{text}"')
    return address
