"""Who comes in and who does not, and what those are told who have to open TLS first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.peers import Authority, MemoryPeer, TlsPeer
from trioserve.configuration.config import Config
from trioserve.edge.proxied import ProxiedTransport
from trioserve.edge.tls import TlsTransport
from trioserve.limits import DoorLimits
from trioserve.memory import MemoryTransport
from trioserve.sessions.reception import REFUSAL, REFUSED_AT_ONCE, REFUSED_BURST
from trioserve.testing import Chat, Person, open_chat

AUTHORITY = Authority()
HOST = "192.0.2.7"
WHY = b"-- there is 1 connection from your address, the most; try again later\r\n"


@asynccontextmanager
async def crowded() -> AsyncIterator[Chat]:
    """A server that lets nobody else in from HOST."""
    async with open_chat(Config(connections=DoorLimits(per_address=1))) as chat:
        await chat.join("ann", host=HOST)
        yield chat


def come(chat: Chat) -> MemoryTransport:
    """Come from there by TLS."""
    below = MemoryTransport(f"{HOST}:50123", HOST, reading=False)
    chat.edge.connect(TlsTransport(below, AUTHORITY.server_context(), handshake=10))
    return below


async def read(below: MemoryTransport) -> bytes:
    """Open TLS, and read to the end."""
    peer = TlsPeer(MemoryPeer(below), AUTHORITY.client_context())
    with trio.fail_after(60):
        while not peer.shake_hands():
            await wait_all_tasks_blocked()
    await wait_all_tasks_blocked()
    text = b""
    while data := peer.receive():
        text += data
    peer.end()
    await wait_all_tasks_blocked()
    return text


async def test_who_is_refused_by_tls_reads_why(autojump_clock: MockClock) -> None:
    async with crowded() as chat:
        refused = come(chat)

        assert await read(refused) == WHY
        assert refused.is_closed


async def test_who_is_banned_from_the_server_reads_that_by_tls(autojump_clock: MockClock) -> None:
    async with open_chat() as chat:
        op = await chat.join("op", operator=True)
        await op.types(f"/banip {HOST} 1h flooding")
        await wait_all_tasks_blocked()

        assert b"banned" in (banned := await read(come(chat)))
        assert b"flooding" in banned


async def test_who_is_refused_behind_a_proxy_reads_why(autojump_clock: MockClock) -> None:
    async with open_chat(Config(connections=DoorLimits(most=1))) as chat:
        await chat.join("ann")
        below = MemoryTransport("127.0.0.1:50000", "127.0.0.1")
        below.type(b"PROXY TCP4 192.0.2.7 192.0.2.1 5 4000\r\nbob\n")

        chat.edge.connect(ProxiedTransport(below, 5))

        assert await Person(below).sees_the_end() == "-- the server is full; try again later\r\n"
        assert below.untaken == 0  # else the end would be a reset


async def test_who_opens_no_tls_is_not_waited_for_to_be_refused(autojump_clock: MockClock) -> None:
    async with crowded() as chat:
        refused, began = come(chat), trio.current_time()
        await wait_all_tasks_blocked()
        assert not refused.is_closed

        await trio.sleep(REFUSAL)
        await wait_all_tasks_blocked()

        assert refused.is_closed
        assert trio.current_time() == pytest.approx(began + REFUSAL)


async def test_few_at_a_time_are_opened_to_be_refused(autojump_clock: MockClock) -> None:
    async with crowded() as chat:
        waiting = [come(chat) for _ in range(REFUSED_AT_ONCE)]
        await wait_all_tasks_blocked()

        assert come(chat).is_closed
        assert not any(each.is_closed for each in waiting)


async def test_few_within_a_while_are_opened_to_be_refused(autojump_clock: MockClock) -> None:
    async with crowded() as chat:
        for _ in range(REFUSED_BURST):
            assert await read(come(chat)) == WHY
        assert come(chat).is_closed

        await trio.sleep(1)

        assert await read(come(chat)) == WHY


async def test_who_is_being_refused_does_not_hold_up_the_end(autojump_clock: MockClock) -> None:
    async with crowded() as chat:
        refused, began = come(chat), trio.current_time()
        await wait_all_tasks_blocked()

        chat.server.stop()
        await wait_all_tasks_blocked()

        assert refused.is_closed
        assert trio.current_time() == began
