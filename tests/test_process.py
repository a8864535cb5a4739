"""The server as a process: signals, the last resort, and open files."""

import importlib.util
import logging
import re
import resource
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from tests.peers import Authority
from tests.running import PATIENCE, Running, running
from trioserve import config as configuration
from trioserve import process
from trioserve.config import Config
from trioserve.edge.addresses import TcpAddress, UnixAddress
from trioserve.limits import DoorLimits
from trioserve.process import SPARE_FILES, fit_open_files, run

ANYWHERE = "127.0.0.1:0"

# ------------------------------------------------------ the limit of open files


@attrs.define
class OpenFiles:
    """The process's limit of open files, as a system would keep it."""

    soft: int
    hard: int
    most: int | None = None  # that the system grants, without telling

    def getrlimit(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.soft, self.hard

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        if self.most is not None and limits[0] > self.most:
            raise ValueError("current limit exceeds maximum limit")
        self.soft, self.hard = limits


WITHOUT_LIMIT = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("system", "connections", "soft"),
    [
        (OpenFiles(soft=20_000, hard=20_000), 1000, 20_000),
        (OpenFiles(soft=1064, hard=1064), 1000, 1064),
        (OpenFiles(soft=1024, hard=20_000), 1000, 1064),
        (OpenFiles(soft=1024, hard=WITHOUT_LIMIT), 1000, 1064),
        (OpenFiles(soft=WITHOUT_LIMIT, hard=WITHOUT_LIMIT), 1000, WITHOUT_LIMIT),
        (OpenFiles(soft=256, hard=1024), 960, 1024),
        (OpenFiles(soft=1024, hard=1024), 960, 1024),
        (OpenFiles(soft=256, hard=WITHOUT_LIMIT, most=1000), 192, 256),
        (OpenFiles(soft=64, hard=64), 1, 64),
        (OpenFiles(soft=20, hard=20), 1, 20),
    ],
)
def test_connections_fit_the_limit_of_open_files_which_is_raised_as_far_as_need_be(
    monkeypatch: pytest.MonkeyPatch, system: OpenFiles, connections: int, soft: int
) -> None:
    system = attrs.evolve(system)
    monkeypatch.setattr(process, "resource", as_module(system))

    fitted = fit_open_files(DoorLimits(most=1000, per_address=7))

    assert fitted == DoorLimits(most=connections, per_address=7)
    assert system.soft == soft


def test_that_fewer_can_come_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "resource", as_module(OpenFiles(soft=256, hard=1024)))

    fit_open_files(DoorLimits())

    assert caplog.messages == ["at most 960 connections: the limit of open files is 1024"]


def test_that_all_can_come_is_not_worth_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(process, "resource", as_module(OpenFiles(soft=256, hard=20_000)))

    fit_open_files(DoorLimits())

    assert not caplog.messages


def as_module(system: OpenFiles) -> Any:
    """Stands in for `resource`."""

    class Resource:
        RLIMIT_NOFILE = resource.RLIMIT_NOFILE
        RLIM_INFINITY = resource.RLIM_INFINITY
        getrlimit = system.getrlimit
        setrlimit = system.setrlimit

    return Resource


# ------------------------------------------------------- where it listens


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs stops as soon as it listens."""

    class Server:
        def __init__(self, *_: object, archive: object, telnet_port: int) -> None:
            pass

        async def serve(self, listeners: list[Any]) -> None:
            await trio.lowlevel.checkpoint()
            for listener in listeners:
                listener.close()

    monkeypatch.setattr(process, "Server", Server)
    monkeypatch.setattr(process, "fit_open_files", lambda limits: limits)
    monkeypatch.setattr(configuration, "DEFAULT_TELNET", ())


async def test_of_the_default_addresses_those_are_taken_that_the_machine_has(
    listening: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here, absent = TcpAddress("127.0.0.1", 0), TcpAddress("192.0.2.1", 0)
    monkeypatch.setattr(configuration, "DEFAULT_LISTEN", (absent, here))

    with trio.fail_after(PATIENCE):
        assert await run(Config()) == 0

    first = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(r"trioserve listens on 127\.0\.0\.1:\d+", first)


async def test_the_default_addresses_for_telnet_are_told_apart(
    listening: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = TcpAddress("127.0.0.1", 0)
    monkeypatch.setattr(configuration, "DEFAULT_LISTEN", (here,))
    monkeypatch.setattr(configuration, "DEFAULT_TELNET", (attrs.evolve(here, telnet=True),))

    with trio.fail_after(PATIENCE):
        assert await run(Config()) == 0

    _, second, third, _ = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"for telnet, on 127\.0\.0\.1:\d+", second)
    # Whoever goes by this has the port for telnet, too.
    port = second.rpartition(":")[2]
    assert third.endswith(f" --telnet 0.0.0.0:{port} --telnet '[::]:{port}'")


async def test_with_none_of_the_default_addresses_it_cannot_run(
    listening: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(configuration, "DEFAULT_LISTEN", (TcpAddress("192.0.2.1", 0),))

    with trio.fail_after(PATIENCE):
        assert await run(Config()) == 1

    assert capsys.readouterr() == (
        "",
        "trioserve: cannot listen on 192.0.2.1:0: Cannot assign requested address\n",
    )


async def test_a_default_address_in_use_is_not_passed_over(
    listening: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        used = TcpAddress(*other.getsockname())
        monkeypatch.setattr(configuration, "DEFAULT_LISTEN", (TcpAddress("127.0.0.1", 0), used))

        with trio.fail_after(PATIENCE):
            assert await run(Config()) == 1

    assert capsys.readouterr().err == (
        f"trioserve: cannot listen on {used}: Address already in use\n"
    )


async def test_who_listens_for_others_is_told_nothing_more(
    listening: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with trio.fail_after(PATIENCE):
        await run(Config(listen=(TcpAddress("127.0.0.1", 0), TcpAddress("0.0.0.0", 0))))

    line, kept = capsys.readouterr().out.splitlines()
    assert " and 0.0.0.0:" in line
    assert kept.startswith("What is said is kept in ")


@pytest.mark.parametrize("plain", [True, False])
async def test_an_address_for_tls_is_told_as_such_and_how_to_let_others_in_by_it(
    listening: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], plain: bool
) -> None:
    encrypted = TcpAddress("127.0.0.1", 0, tls=True)
    also = (TcpAddress("127.0.0.1", 0),) if plain else ()
    context = Authority().server_context()

    with trio.fail_after(PATIENCE):
        assert await run(Config(listen=(encrypted, *also)), context) == 0

    first, hint, _ = capsys.readouterr().out.splitlines()
    port = first.removeprefix("trioserve listens on tls:127.0.0.1:").partition(" and ")[0]
    assert hint.endswith(f"--listen tls:0.0.0.0:{port} --listen 'tls:[::]:{port}'")
    assert hint.count("--listen") == (4 if plain else 2)


async def test_what_cannot_listen_for_people_does_not_listen_for_metrics(
    listening: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = UnixAddress(str(tmp_path / "metrics"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        used = TcpAddress(*other.getsockname())

        with trio.fail_after(PATIENCE):
            assert await run(Config(listen=(used,), metrics=metrics)) == 1

    assert capsys.readouterr().err == (
        f"trioserve: cannot listen on {used}: Address already in use\n"
    )
    assert not Path(metrics.path).exists()  # noqa: ASYNC240


async def test_metrics_without_what_they_need_are_refused_in_one_line(
    listening: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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


def read_until(person: socket.socket, text: bytes) -> bytes:
    data = b""
    while text not in data:
        received = person.recv(65536)
        assert received, data
        data += received
    return data


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
import trioserve.process
from trioserve import Context, command
from trioserve.cli import main
from trioserve.plugins import built_in

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

trioserve.process.built_in = more
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
    assert "CRITICAL still running after 0.3 seconds, ended by force: " in server.log[-1]
    assert task in server.log[-1]


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
        while not is_let_in(port, people):
            pass  # until the server has noticed that the first has gone
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
    [shortage] = [line for line in server.log if "cannot accept" in line]
    assert shortage.endswith(f"ERROR 127.0.0.1:{port} cannot accept: Too many open files")
