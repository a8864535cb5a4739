"""What an operator's machines ask for over HTTP, and logs for machines."""

import io
import json
import logging

import trio
from trio.testing import wait_all_tasks_blocked

from trioserve.edge.http import HttpEdge
from trioserve.memory import MemoryTransport
from trioserve.monitor import Monitor
from trioserve.observe import logging_to
from trioserve.testing import Chat
from trioserve.watchdog import Watchdog


async def fetched(chat: Chat, path: str, *, host: str = "localhost", method: str = "GET") -> str:
    edge: HttpEdge = Monitor(chat.server, Watchdog(0.1)).edge
    transport = MemoryTransport()
    transport.type(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    transport.end_input()
    with trio.fail_after(5):
        await edge._serve_one(transport)
    return transport.received.decode()


async def test_the_figures_are_prometheus_s(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("hello")

    page = await fetched(chat, "/metrics")

    assert page.startswith("HTTP/1.1 200")
    assert "\ntrioserve_people 1.0\n" in page
    assert "\ntrioserve_messages_total 1.0\n" in page


async def test_health_is_ok_until_the_server_stops(chat: Chat) -> None:
    assert (await fetched(chat, "/healthz")).endswith("\r\n\r\nok\n")

    chat.server.stop()
    await wait_all_tasks_blocked()

    assert (await fetched(chat, "/healthz")).startswith("HTTP/1.1 503")


async def test_a_snapshot_is_for_this_machine(chat: Chat) -> None:
    await chat.join("ann")

    page = await fetched(chat, "/snapshot")

    assert json.loads(page.partition("\r\n\r\n")[2])["people"] == 1
    assert (await fetched(chat, "/snapshot", host="evil.example")).startswith("HTTP/1.1 403")


async def test_other_pages_and_methods_are_refused(chat: Chat) -> None:
    assert (await fetched(chat, "/else")).startswith("HTTP/1.1 404")
    assert (await fetched(chat, "/metrics", method="POST")).startswith("HTTP/1.1 405")


def test_a_json_log_is_an_object_a_line() -> None:
    stream = io.StringIO()
    with logging_to(stream, json=True):
        logging.getLogger("trioserve.test").info("%s", "a\nb\u2028")

    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["message"] == "a\nb\u2028"
