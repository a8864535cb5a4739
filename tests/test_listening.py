"""Every way in: opened all of them or none, and told of; and how many can come."""

import logging
import re
import resource
import socket
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from tests.peers import Authority
from tests.running import PATIENCE
from trioserve.configuration import config as configuration
from trioserve.configuration.config import Config
from trioserve.edge.addresses import TcpAddress, UnixAddress
from trioserve.limits import DoorLimits
from trioserve.operating import listening, process
from trioserve.operating.listening import fit_open_files
from trioserve.operating.process import run

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
    monkeypatch.setattr(listening, "resource", as_module(system))

    fitted = fit_open_files(DoorLimits(most=1000, per_address=7))

    assert fitted == DoorLimits(most=connections, per_address=7)
    assert system.soft == soft


def test_that_fewer_can_come_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "resource", as_module(OpenFiles(soft=256, hard=1024)))

    fit_open_files(DoorLimits())

    assert caplog.messages == ["at most 960 connections: the limit of open files is 1024"]


def test_that_all_can_come_is_not_worth_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(listening, "resource", as_module(OpenFiles(soft=256, hard=20_000)))

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
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs stops as soon as it listens."""

    class Server:
        def __init__(self, *_: object, archive: object, telnet_port: int) -> None:
            self.archive = archive

        async def serve(self, listeners: list[Any]) -> None:
            await trio.lowlevel.checkpoint()
            for listener in listeners:
                listener.close()

    monkeypatch.setattr(process, "Server", Server)
    monkeypatch.setattr(process, "fit_open_files", lambda limits: limits)
    monkeypatch.setattr(configuration, "DEFAULT_TELNET", ())


async def test_of_the_default_addresses_those_are_taken_that_the_machine_has(
    brief: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here, absent = TcpAddress("127.0.0.1", 0), TcpAddress("192.0.2.1", 0)
    monkeypatch.setattr(configuration, "DEFAULT_LISTEN", (absent, here))

    with trio.fail_after(PATIENCE):
        assert await run(Config()) == 0

    first = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(r"trioserve listens on 127\.0\.0\.1:\d+", first)


async def test_the_default_addresses_for_telnet_are_told_apart(
    brief: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
    brief: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(configuration, "DEFAULT_LISTEN", (TcpAddress("192.0.2.1", 0),))

    with trio.fail_after(PATIENCE):
        assert await run(Config()) == 1

    assert capsys.readouterr() == (
        "",
        "trioserve: cannot listen on 192.0.2.1:0: Cannot assign requested address\n",
    )


async def test_a_default_address_in_use_is_not_passed_over(
    brief: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
    brief: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with trio.fail_after(PATIENCE):
        await run(Config(listen=(TcpAddress("127.0.0.1", 0), TcpAddress("0.0.0.0", 0))))

    line, kept = capsys.readouterr().out.splitlines()
    assert " and 0.0.0.0:" in line
    assert kept.startswith("What is said is kept in ")


@pytest.mark.parametrize("plain", [True, False])
async def test_an_address_for_tls_is_told_as_such_and_how_to_let_others_in_by_it(
    brief: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], plain: bool
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
    brief: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
