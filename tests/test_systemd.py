"""What systemd and the server tell each other, with a parent in systemd's place."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.parents import come_to, ended, started
from tests.running import PATIENCE
from trioserve.edge.activation import adopt
from trioserve.edge.tcp import TcpOptions
from trioserve.operating.systemd import Notifier, handed_sockets

UNITS = Path(__file__).parent.parent / "scripts" / "systemd"

e2e = pytest.mark.e2e
slow = pytest.mark.slow


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def notified(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket on which systemd hears of services."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(PATIENCE)
        yield notified


# ------------------------------------------------------------- activation


@e2e
@slow
def test_a_server_listens_on_the_sockets_that_it_is_handed(listening: socket.socket) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as telnet,
        started(listening, telnet, names="chat:telnet"),
        come_to(listening) as ann,
        come_to(telnet) as bob,
    ):
        assert ann.recv(100).startswith(b"trioserve ")
        assert bob.recv(100).startswith(b"\xff\xfd\x18")


@e2e
@slow
def test_who_waits_at_the_door_during_a_restart_is_served_by_the_next_server(
    listening: socket.socket,
) -> None:
    with ExitStack() as opened:
        first = opened.enter_context(started(listening))
        before = opened.enter_context(come_to(listening))
        assert before.recv(100).startswith(b"trioserve ")

        first.send_signal(signal.SIGTERM)
        assert ended(first)[0] == 0
        waiting = opened.enter_context(come_to(listening))  # between the two
        opened.enter_context(started(listening))

        assert waiting.recv(100).startswith(b"trioserve ")
        told = b"".join(iter(lambda: before.recv(4096), b""))
        assert b"the server is shutting down: goodbye" in told


@e2e
@slow
@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("operators", "operators come by a unix socket"),
        ("tls", "a socket for TLS is given, and no tls.certificate"),
    ],
)
def test_a_socket_that_cannot_be_what_it_is_called_keeps_it_from_starting(
    listening: socket.socket, tmp_path: Path, names: str, told: str
) -> None:
    metrics = tmp_path / "metrics"
    with started(listening, names=names, options=("--metrics", f"unix:{metrics}")) as process:
        code, errors = ended(process)

    assert code == 1
    assert told in errors
    assert not metrics.exists()


def test_a_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket() as idle, pytest.raises(ValueError, match="does not listen"):
        adopt([(idle, "chat")], TcpOptions())


def test_a_unix_socket_called_operators_is_theirs(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "operators.sock"))
        listening.listen()

        (listener,) = adopt([(listening, "operators")], TcpOptions())

        assert listener.is_operators
        assert listener.address == f"unix:{tmp_path}/operators.sock"


@pytest.mark.parametrize("pid", ["", "1", str(os.getpid() + 1)])
def test_what_was_handed_to_another_process_is_not_ours(pid: str) -> None:
    environment = {"LISTEN_PID": pid, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "chat"}

    assert handed_sockets(environment) == []
    assert environment == {}


def test_a_number_of_sockets_that_is_none_is_refused() -> None:
    environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "two"}

    with pytest.raises(ValueError, match='expected a number, got "two"'):
        handed_sockets(environment)


@e2e
@slow
def test_what_is_handed_over_and_is_no_socket_is_one_line() -> None:
    with Path(os.devnull).open() as file, started(file, names="chat") as process:
        code, errors = ended(process)

    assert code == 1
    assert errors == "trioserve: descriptor 3 (chat) is no socket\n"


@e2e
@slow
def test_fewer_sockets_than_were_to_be_handed_over_are_one_line(listening: socket.socket) -> None:
    with started(listening, names="chat", LISTEN_FDS="2") as process:
        code, errors = ended(process)

    assert code == 1
    # By then something of the server's own may be there.
    assert errors.startswith("trioserve: descriptor 4 (no name) is no")
    assert errors.count("\n") == 1


# ----------------------------------------------------------- notification


@e2e
@slow
def test_a_server_tells_when_it_is_ready_that_it_lives_and_when_it_stops(
    listening: socket.socket, notified: socket.socket
) -> None:
    address = notified.getsockname()
    with started(listening, NOTIFY_SOCKET=address, WATCHDOG_USEC="400000") as process:
        assert notified.recv(1000) == b"READY=1"
        for _ in range(3):
            assert notified.recv(1000) == b"WATCHDOG=1\nSTATUS=0 people in 0 rooms"
        process.send_signal(signal.SIGTERM)
        while (told := notified.recv(1000)).startswith(b"WATCHDOG=1"):
            pass
        assert told == b"STOPPING=1"


async def test_the_watchdog_is_fed_twice_within_its_time(
    notified: socket.socket, autojump_clock: MockClock
) -> None:
    notifier = Notifier(notified.getsockname(), watchdog=30.0)

    with trio.move_on_after(61):
        await notifier.report(lambda: "well")

    assert [notified.recv(100) for _ in range(5)] == [b"WATCHDOG=1\nSTATUS=well"] * 5


def test_the_abstract_namespace_is_written_with_an_at(notified: socket.socket) -> None:
    name = f"trioserve-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        abstract.bind(f"\0{name}")
        abstract.settimeout(PATIENCE)

        Notifier(f"@{name}", 0.0).notify("READY=1")

        assert abstract.recv(100) == b"READY=1"


def test_a_systemd_that_is_gone_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier(str(tmp_path / "nobody"), 0.0)

    notifier.notify("READY=1")
    notifier.notify("STOPPING=1")

    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
async def test_without_a_watchdog_nothing_is_fed(environment: dict[str, str]) -> None:
    with trio.fail_after(PATIENCE):
        await Notifier.of({"NOTIFY_SOCKET": "/nowhere", **environment}).report(lambda: "well")


# ------------------------------------------------------------------ units


@slow
def test_the_units_verify(tmp_path: Path) -> None:
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("there is no systemd-analyze")
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/trioserve/bin/trioserve", sys.executable)
        (tmp_path / unit.name).write_text(text)

    verified = subprocess.run(
        [analyze, "verify", "--man=no", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (verified.returncode, verified.stderr) == (0, "")
