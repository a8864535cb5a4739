"""The server as a process: what it needs, signals, the last resort, and open files."""

import importlib.util
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio

from tests.running import PATIENCE, Running, read_until, running
from trioserve.configuration.config import Config
from trioserve.edge.addresses import TcpAddress
from trioserve.operating.listening import SPARE_FILES
from trioserve.operating.process import run

ANYWHERE = "127.0.0.1:0"

# ------------------------------------------------------------- what it needs


async def test_metrics_without_what_they_need_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    lacking = {"h11", "prometheus_client"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in lacking else find(name)
    )

    with trio.fail_after(PATIENCE):
        assert await run(Config(metrics=TcpAddress("127.0.0.1", 0))) == 1

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("trioserve: metrics need h11, prometheus_client; install the extra")


# ---------------------------------------------------------------- signals


def config(tmp_path: Path, text: str) -> tuple[str, ...]:
    """Arguments for a server with this configuration."""
    file = tmp_path / "chat.toml"
    file.write_text(text, encoding="utf-8")
    return ("--listen", ANYWHERE, "--config", str(file))


def connect(port: int, stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))


def join(port: int, nick: str, stack: ExitStack) -> socket.socket:
    person = connect(port, stack)
    person.sendall(f"{nick}\n".encode())
    read_until(person, b"-- #lobby: ")
    return person


def read_to_the_end(person: socket.socket) -> bytes:
    data = b""
    while received := person.recv(65536):
        data += received
    return data


def log_of(server: Running) -> str:
    return "\n".join(server.log)


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_in_order_with_a_farewell(number: signal.Signals) -> None:
    with running("--listen", ANYWHERE) as server, ExitStack() as people:
        port = server.port()
        ann, stranger = join(port, "ann", people), connect(port, people)
        read_until(stranger, b"Your name? ")

        server.process.send_signal(number)
        farewells = [read_to_the_end(person) for person in (ann, stranger)]
        people.close()
        code = server.wait()

    assert code == 0
    assert all(b"-- the server is shutting down: goodbye" in each for each in farewells)
    assert f"INFO {number.name}: stopping" in log_of(server)
    assert server.log[-1].endswith("INFO stopped")


@pytest.mark.e2e
@pytest.mark.slow
def test_a_signal_stops_a_server_that_has_just_said_where_it_listens() -> None:
    with running("--listen", ANYWHERE) as server:
        server.line()
        assert server.stop(signal.SIGTERM) == 0


# Who comes in is sent megabytes, and nobody is cut for not reading them.
MUCH = """
rooms = { history = 4000, shown_on_join = 4000 }
limits = { flood_control = false, drain = 300 }
outbox = { soft = 100_000_000, hard = 200_000_000 }
"""


def with_somebody_who_does_not_read(port: int, people: ExitStack) -> socket.socket:
    """Let somebody come in who is sent much and does not read it; return another who does."""
    ann = join(port, "ann", people)
    line = b"x" * 1000 + b"\n"
    ann.sendall(line * 4000 + b"/who\n")
    read_until(ann, b"-- #lobby: ann")
    person = people.enter_context(socket.socket())
    person.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    person.settimeout(PATIENCE)
    person.connect(("127.0.0.1", port))
    person.sendall(b"bob\n")
    read_until(ann, b"* bob joined")
    return ann


@pytest.mark.e2e
@pytest.mark.slow
def test_a_second_signal_does_not_wait_for_who_does_not_read(tmp_path: Path) -> None:
    settings = MUCH + "shutdown = { drain = 300, total = 400 }"
    with running(*config(tmp_path, settings)) as server, ExitStack() as people:
        ann = with_somebody_who_does_not_read(server.port(), people)

        server.process.send_signal(signal.SIGTERM)
        read_until(ann, b"shutting down")
        code = server.stop(signal.SIGTERM)

    assert code == 0


@pytest.mark.e2e
@pytest.mark.slow
def test_the_drain_ends_for_who_does_not_read(tmp_path: Path) -> None:
    settings = MUCH + "shutdown = { drain = 0.2, total = 300 }"
    with running(*config(tmp_path, settings)) as server, ExitStack() as people:
        with_somebody_who_does_not_read(server.port(), people)

        code = server.stop(signal.SIGTERM)

    assert code == 0


# -------------------------------------------------------------- last resort

# A server with one command more, each of which does not end.
STUBBORN = """
import sys, threading, time
import trio
import trioserve.operating.process
from trioserve import Context, command
from trioserve.cli import main
from trioserve.extending.plugins import built_in

@command
def block(ctx: Context):
    "Block the loop."
    print("blocked", flush=True)
    time.sleep(600)

@command
async def shield(ctx):
    "Be deaf to cancellation."
    print("shielded", flush=True)
    with trio.CancelScope(shield=True):
        await trio.sleep(600)

@command
async def thread(ctx):
    "Wait for a thread that is stuck."
    await trio.to_thread.run_sync(lambda: (print("in a thread", flush=True), time.sleep(600)))

def more():
    plugins = built_in()
    plugins.add("test", (block, shield, thread))
    return plugins

trioserve.operating.process.built_in = more
sys.exit(main())
"""


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "said", "task"),
    [
        (b"/block\n", "blocked", "session ("),
        (b"/shield\n", "shielded", "/shield ("),
        (b"/thread\n", "in a thread", "/thread ("),
    ],
)
def test_what_does_not_end_is_ended_by_force_and_its_tasks_are_told(
    tmp_path: Path, line: bytes, said: str, task: str
) -> None:
    arguments = config(tmp_path, "shutdown = { drain = 0.1, total = 0.3 }")
    with running(*arguments, program=STUBBORN) as server, ExitStack() as people:
        ann = join(server.port(), "ann", people)
        ann.sendall(line)
        while server.line() != said:
            pass

        code = server.stop(signal.SIGTERM)

    assert code == 1
    # Not the last line always: until the log is written, what holds the loop may be told again.
    [told] = [line for line in server.log if " CRITICAL " in line]
    assert "still running after 0.3 seconds, ended by force: " in told
    assert task in told


# A stderr that nobody reads, and that is full.
UNREAD = """
import os, sys
reader, writer = os.pipe()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, b"x")
except BlockingIOError:
    pass
os.set_blocking(writer, True)
os.dup2(writer, 2)
from trioserve import observe
from trioserve.cli import main
observe.LOG_FLUSH = 0.1
sys.exit(main())
"""


@pytest.mark.e2e
@pytest.mark.slow
def test_a_log_that_nobody_reads_holds_up_neither_people_nor_the_end() -> None:
    with running("--listen", ANYWHERE, program=UNREAD) as server, ExitStack() as people:
        ann = join(server.port(), "ann", people)

        server.process.send_signal(signal.SIGTERM)
        farewell = read_to_the_end(ann)
        people.close()
        code = server.wait()

    assert b"goodbye" in farewell
    assert code == 0


# ---------------------------------------------------------- few open files


def with_few_files(limit: int, used: int = 0) -> str:
    """A server that may open so many files, of which something else has used some."""
    return f"""
import os, resource, sys
from trioserve.cli import main
resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))
used = [os.open(os.devnull, os.O_RDONLY) for _ in range({used})]
sys.exit(main())
"""


@pytest.mark.e2e
@pytest.mark.slow
def test_with_few_files_the_one_too_many_is_told_and_has_room_when_another_leaves() -> None:
    program = with_few_files(limit=SPARE_FILES + 3)
    with running("--listen", ANYWHERE, program=program) as server, ExitStack() as people:
        port = server.port()
        first, *_ = [join(port, nick, people) for nick in ("ann", "bob", "carol")]

        too_many = connect(port, people)
        assert read_to_the_end(too_many) == b"-- the server is full; try again later\r\n"

        first.sendall(b"/quit\n")
        read_to_the_end(first)
        first.close()
        deadline = time.monotonic() + PATIENCE
        while not is_let_in(port, people):  # until the server has noticed that the first has gone
            assert time.monotonic() < deadline
        people.close()
        code = server.stop(signal.SIGTERM)

    assert code == 0
    assert any("at most 3 connections" in line for line in server.log)


def is_let_in(port: int, people: ExitStack) -> bool:
    return b"here" in connect(port, people).recv(100)


@pytest.mark.e2e
@pytest.mark.slow
def test_a_server_that_is_short_of_files_recovers_when_it_has_some() -> None:
    program = with_few_files(limit=SPARE_FILES + 30, used=SPARE_FILES)
    with running("--listen", ANYWHERE, program=program) as server, ExitStack() as people:
        port = server.port()
        everybody = [connect(port, people) for _ in range(30)]
        for person in everybody[:5]:
            read_until(person, b"Your name? ")

        for person in everybody[:20]:
            person.close()
        for person in everybody[20:]:
            read_until(person, b"Your name? ")
        people.close()
        code = server.stop(signal.SIGTERM)

    assert code == 0
    # Once a second, for as long as it lasts.
    told = {line.partition(" ERROR ")[2] for line in server.log if "cannot accept" in line}
    assert told == {f"127.0.0.1:{port} cannot accept: Too many open files"}
