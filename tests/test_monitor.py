"""What an operator's machines ask for over HTTP."""

import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.running import PATIENCE, running
from trioserve.broker.handlers import Handlers
from trioserve.configuration.config import Config
from trioserve.edge.http import DEADLINE, MAX_REQUEST, MOST_OPEN
from trioserve.extending.plugins import built_in
from trioserve.memory import MemoryEdge, MemoryTransport
from trioserve.observe import MOST_REASONS, OTHER, Counters
from trioserve.operating.monitor import Monitor
from trioserve.server import Server
from trioserve.tasks.watchdog import Watchdog
from trioserve.testing import Chat


async def fetched(
    server: Server, path: str, *, host: str = "localhost", method: str = "GET", head: str = ""
) -> str:
    transport = MemoryTransport()
    transport.type(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{head}\r\n".encode())
    transport.end_input()
    return await answered(server, transport)


async def answered(server: Server, transport: MemoryTransport) -> str:
    """What a connection is sent until the server closes it."""
    edge = MemoryEdge()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Monitor(server, Watchdog(0.1)).serve, [edge])
        await wait_all_tasks_blocked()
        edge.connect(transport)
        with trio.fail_after(DEADLINE + 1):
            while not transport.is_closed:
                await transport.changed()
        nursery.cancel_scope.cancel()
    return transport.received.decode()


async def test_the_figures_are_prometheus_s(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("hello")

    page = await fetched(chat.server, "/metrics")

    assert page.startswith("HTTP/1.1 200")
    assert "\ntrioserve_people 1.0\n" in page
    assert "\ntrioserve_messages_total 1.0\n" in page


async def test_health_is_ok_until_the_server_stops(chat: Chat) -> None:
    assert (await fetched(chat.server, "/healthz")).endswith("\r\n\r\nok\n")

    chat.server.stop()
    await wait_all_tasks_blocked()

    assert (await fetched(chat.server, "/healthz")).startswith("HTTP/1.1 503")


async def test_a_snapshot_is_for_this_machine(chat: Chat) -> None:
    await chat.join("ann")

    page = await fetched(chat.server, "/snapshot")

    assert json.loads(page.partition("\r\n\r\n")[2])["people"] == 1
    assert (await fetched(chat.server, "/snapshot", host="evil.example")).startswith("HTTP/1.1 403")


async def test_other_pages_and_methods_are_refused(chat: Chat) -> None:
    assert (await fetched(chat.server, "/else")).startswith("HTTP/1.1 404")
    assert (await fetched(chat.server, "/metrics", method="POST")).startswith("HTTP/1.1 405")


# ------------------------------------------------------ what goes wrong


async def test_a_client_that_is_stuck_ends_at_its_deadline(chat: Chat) -> None:
    stuck, began = MemoryTransport(), trio.current_time()
    stuck.type(b"GET /metrics HTTP/1.1\r\nHo")

    assert await answered(chat.server, stuck) == ""

    assert trio.current_time() - began == pytest.approx(DEADLINE)


async def test_a_client_that_does_not_read_ends_at_its_deadline(chat: Chat) -> None:
    deaf, began = MemoryTransport(window=10, reading=False), trio.current_time()
    deaf.type(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")

    await answered(chat.server, deaf)

    assert trio.current_time() - began == pytest.approx(DEADLINE)


@asynccontextmanager
async def full_of(chat: Chat, held: list[MemoryTransport]) -> AsyncIterator[MemoryEdge]:
    """Pages for as long as the block lasts, of which these connections hold every place."""
    edge = MemoryEdge()
    async with trio.open_nursery() as nursery:
        monitor = Monitor(chat.server, Watchdog(0.1))
        nursery.start_soon(monitor.serve, [edge])  # noqa: ASYNC113  (nothing to say that it began)
        await wait_all_tasks_blocked()
        for each in held:
            edge.connect(each)
            await wait_all_tasks_blocked()
        yield edge
        nursery.cancel_scope.cancel()


async def asks(edge: MemoryEdge) -> str:
    """What somebody is told who asks for their health."""
    asking = MemoryTransport()
    asking.type(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    asking.end_input()
    edge.connect(asking)
    with trio.fail_after(1):
        while not asking.is_closed:
            await asking.changed()
    return asking.received.decode()


async def test_who_has_been_silent_longest_gives_way_to_one_more(chat: Chat) -> None:
    silent = [MemoryTransport() for _ in range(MOST_OPEN)]
    silent[0].type(b"GET /healthz HTTP/1.1\r\nHo")

    async with full_of(chat, silent) as edge:
        assert (await asks(edge)).endswith("ok\n")

        assert [each.is_closed for each in silent] == [True] + [False] * (MOST_OPEN - 1)


async def test_who_takes_longest_to_read_gives_way_when_all_have_asked(chat: Chat) -> None:
    deaf = [MemoryTransport(window=10, reading=False) for _ in range(MOST_OPEN)]
    for each in deaf:
        each.type(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")

    async with full_of(chat, deaf) as edge:
        assert (await asks(edge)).endswith("ok\n")

        assert [each.is_closed for each in deaf] == [True] + [False] * (MOST_OPEN - 1)


async def test_any_number_of_silent_connections_leave_room_for_a_question(chat: Chat) -> None:
    async with full_of(chat, [MemoryTransport() for _ in range(10 * MOST_OPEN)]) as edge:
        for _ in range(3):
            assert (await asks(edge)).endswith("ok\n")


async def test_an_oversized_request_is_refused(chat: Chat) -> None:
    page = await fetched(chat.server, "/metrics", head=f"X: {'x' * 2 * MAX_REQUEST}\r\n")

    assert page.startswith("HTTP/1.1 431")


async def test_what_is_no_http_is_refused(chat: Chat) -> None:
    transport = MemoryTransport()
    transport.type(b"hello\r\n\r\n")

    assert (await answered(chat.server, transport)).startswith("HTTP/1.1 400")


async def test_a_host_or_a_target_that_is_no_address_is_answered(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    transport = MemoryTransport()
    transport.type(b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await answered(chat.server, transport)).startswith("HTTP/1.1 400")

    transport = MemoryTransport()
    transport.type(b"GET /snapshot HTTP/1.1\r\nHost: [\r\n\r\n")
    assert (await answered(chat.server, transport)).startswith("HTTP/1.1 403")
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


async def test_a_broker_that_does_not_answer_is_not_healthy(
    autojump_clock: trio.abc.Clock,
) -> None:
    server = Server(Config(), built_in())  # whose broker does not run

    page = await fetched(server, "/healthz")

    assert page.startswith("HTTP/1.1 503")
    assert page.endswith("the broker has not answered within 1 s\n")


async def test_a_broker_that_fails_is_not_healthy(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Handlers, "obey", crash)
    page = await fetched(chat.server, "/healthz")
    monkeypatch.undo()

    assert page.startswith("HTTP/1.1 503")


def test_reasons_are_few_also_if_they_are_many() -> None:
    counters = Counters()

    for number in range(MOST_REASONS + 5):
        counters.count_cut(f"reason {number}")
        counters.count_refused(f"reason {number}")
    counters.count_cut("reason 3")

    for counts in (counters.cut, counters.refused):
        assert len(counts) == MOST_REASONS + 1
        assert counts[OTHER] == 5
    assert counters.cut["reason 3"] == 2


async def test_what_operators_give_as_a_reason_is_no_label(chat: Chat) -> None:
    ann, bob = await chat.join("ann", operator=True), await chat.join("bob")

    await ann.types("/kick bob selling hats", "/kill bob selling hats")
    await bob.sees_the_end()

    assert "hats" not in await fetched(chat.server, "/metrics")
    assert "hats" not in repr(chat.server.counters)


# ------------------------------------------------------------ a real one


def got(address: str, path: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(address)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.mark.e2e
@pytest.mark.slow
def test_the_pages_are_served_on_a_unix_socket_too(tmp_path: Path) -> None:
    path = str(tmp_path / "metrics")
    with running("--listen", "127.0.0.1:0", "--metrics", f"unix:{path}") as server:
        while "metrics on" not in server.line():
            pass

        assert got(path, "/healthz").endswith("\r\n\r\nok\n")
        assert json.loads(got(path, "/snapshot").partition("\r\n\r\n")[2])["people"] == 0


SLOW_TO_IMPORT = """
import sys, time
from trioserve.cli import main

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "trioserve.operating.monitor":
            time.sleep(0.5)

sys.meta_path.insert(0, Slow())
sys.exit(main())
"""


@pytest.mark.e2e
@pytest.mark.slow
def test_what_takes_long_to_import_does_not_hold_the_loop(tmp_path: Path) -> None:
    path = str(tmp_path / "metrics")
    arguments = ("--listen", "127.0.0.1:0", "--metrics", f"unix:{path}")
    with running(*arguments, program=SLOW_TO_IMPORT) as server:
        while "metrics on" not in server.line():
            pass
        got(path, "/metrics")
        time.sleep(0.2)  # for the watchdog to look

    # Whatever else may have on a slow machine.
    assert not [line for line in server.log if "find_spec" in line]
