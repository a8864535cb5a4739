"""``trioserve top``: against real servers, in a real terminal."""

import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pexpect
import pytest

from tests.running import PATIENCE, Running, running
from tests.terminals import end
from tests.test_topview import SNAPSHOT
from trioserve.cli import main
from trioserve.operating.top import ANSWER

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


@contextmanager
def serving(address: str) -> Iterator[Running]:
    with running("--listen", "127.0.0.1:0", "--metrics", address) as server:
        while "metrics on" not in server.line():
            pass
        yield server


@contextmanager
def answering(path: str, answer: bytes) -> Iterator[None]:
    """Somebody else, who answers one request."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(PATIENCE)


@contextmanager
def watching(address: str, rows: int = 24, columns: int = 80) -> Iterator["pexpect.spawn[str]"]:
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "trioserve", "top", address],
        encoding="utf-8",
        timeout=PATIENCE,
        dimensions=(rows, columns),
    )
    try:
        yield terminal
    finally:
        end(terminal)


def test_where_the_output_is_no_terminal_one_snapshot_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"unix:{tmp_path / 'metrics'}"
    with serving(address):
        assert main(["top", address]) == 0

    shown = capsys.readouterr().out
    assert shown.startswith("trioserve, up ")
    assert "people 0" in shown
    assert "└─ " in shown  # of the tree, as far as it has grown


def test_it_comes_by_tcp_too(capsys: pytest.CaptureFixture[str]) -> None:
    with running("--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0") as server:
        while not (line := server.line()).startswith("metrics on"):
            pass
        assert main(["top", line.removeprefix("metrics on ")]) == 0

    assert "people 0" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["q", "\x03"])
def test_a_key_ends_it_and_the_terminal_is_as_it_was(tmp_path: Path, key: str) -> None:
    address = f"unix:{tmp_path / 'metrics'}"
    with serving(address), watching(address) as terminal:
        terminal.expect_exact(ENTER)
        terminal.expect_exact("messages 0/s")  # drawn anew, with a snapshot before it
        assert not terminal.getecho()

        terminal.send(key)

        terminal.expect_exact(LEAVE)
        terminal.expect(pexpect.EOF)
        assert terminal.wait() == 0


def test_a_key_ends_it_also_while_the_server_is_stuck(tmp_path: Path) -> None:
    path = str(tmp_path / "stuck")
    body = json.dumps(attrs.asdict(SNAPSHOT)).encode()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        listening.settimeout(PATIENCE)
        with watching(f"unix:{path}") as terminal:
            with listening.accept()[0] as first:
                first.recv(4096)
                first.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            terminal.expect_exact("people 1,203")
            with listening.accept()[0]:  # and it is never answered
                began = time.monotonic()
                terminal.send("q")
                terminal.expect_exact(LEAVE)
                terminal.expect(pexpect.EOF)
                assert time.monotonic() - began < ANSWER


def test_a_signal_to_end_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'metrics'}"
    with serving(address), watching(address) as terminal:
        terminal.expect_exact("people 0")

        terminal.kill(signal.SIGTERM)

        terminal.expect_exact(LEAVE)
        terminal.expect(pexpect.EOF)


def test_a_window_that_is_resized_is_drawn_for_its_new_size(tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'metrics'}"
    with serving(address), watching(address) as terminal:
        terminal.expect_exact("\x1b[7H")

        terminal.setwinsize(2, 20)

        terminal.expect_exact("\x1b[2H\x1b[J\x1b[1H")  # two rows
        terminal.send("q")
        terminal.expect(pexpect.EOF)
        assert "\x1b[3H" not in terminal.before


def test_it_goes_on_when_the_server_is_there_again(tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'metrics'}"
    with watching_a_restart(address) as terminal:
        terminal.expect_exact("-- no answer from")
        with serving(address):
            terminal.expect_exact("messages 0 in all")
            terminal.expect_exact("messages 0/s")


@contextmanager
def watching_a_restart(address: str) -> Iterator["pexpect.spawn[str]"]:
    with serving(address) as server, watching(address) as terminal:
        terminal.expect_exact("messages 0/s")
        server.stop(signal.SIGTERM)
        yield terminal


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"220 mail\r\n", "speaks no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "is no trioserve of this version"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "is no trioserve of this version"),
        (
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n",
            "answers 403: no",
        ),
    ],
)
def test_who_is_no_trioserve_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: bytes, problem: str
) -> None:
    path = str(tmp_path / "other")
    with answering(path, answer):
        assert main(["top", f"unix:{path}"]) == 1

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("trioserve: ")
    assert line.endswith(problem)


def test_a_server_that_is_not_there_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["top", f"unix:{tmp_path / 'none'}"]) == 1

    assert capsys.readouterr() == (
        "",
        f"trioserve: no answer from unix:{tmp_path / 'none'}: No such file or directory\n",
    )


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("here", "expected HOST:PORT"),
        ("tls:127.0.0.1:9400", 'expected an address without TLS, got "tls:127.0.0.1:9400"'),
    ],
)
def test_a_wrong_address_is_a_wrong_argument(
    capsys: pytest.CaptureFixture[str], address: str, problem: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["top", address])

    assert caught.value.code == 2
    assert f"argument HOST:PORT: {problem}" in capsys.readouterr().err
