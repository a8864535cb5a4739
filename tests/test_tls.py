"""TLS: what comes before the text, and what may go wrong then and later."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.peers import Authority, MemoryPeer, TlsPeer
from trioserve.configuration.config import Config
from trioserve.edge import tls
from trioserve.edge.addresses import TcpAddress
from trioserve.edge.tls import WANTS_TLS, TlsTransport
from trioserve.memory import MemoryTransport
from trioserve.testing import Chat, open_chat

AUTHORITY = Authority()
HANDSHAKE = 10.0  # seconds, of the clock that jumps


@pytest.fixture
def below() -> MemoryTransport:
    return MemoryTransport("192.0.2.7:50123", "192.0.2.7", reading=False)


@pytest.fixture
def waiting(below: MemoryTransport) -> TlsTransport:
    """A connection that has come in and is not open yet."""
    return TlsTransport(below, AUTHORITY.server_context(), HANDSHAKE)


def client(below: MemoryTransport) -> TlsPeer:
    return TlsPeer(MemoryPeer(below), AUTHORITY.client_context())


@asynccontextmanager
async def opening(waiting: TlsTransport) -> AsyncIterator[None]:
    """Open it, for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiting.open)
        await wait_all_tasks_blocked()
        yield


async def connected(waiting: TlsTransport, peer: TlsPeer) -> None:
    async with opening(waiting):
        while not peer.shake_hands():
            await wait_all_tasks_blocked()


async def fails(waiting: TlsTransport) -> str:
    with pytest.raises(OSError, match=r".") as caught:
        await waiting.open()
    return caught.value.strerror or ""


async def receive(waiting: TlsTransport) -> bytes:
    buffer = memoryview(bytearray(1000))
    with trio.fail_after(10):
        size = await waiting.receive_into(buffer)
    return bytes(buffer[:size])


# ------------------------------------------------------------------ opening


def test_it_is_private_and_has_the_address_of_what_it_runs_over(
    waiting: TlsTransport,
) -> None:
    assert waiting.is_private
    assert (waiting.peer, waiting.host) == ("192.0.2.7:50123", "192.0.2.7")
    assert not waiting.is_operator


async def test_plain_text_is_answered_in_the_clear_with_what_the_port_wants(
    below: MemoryTransport, waiting: TlsTransport, autojump_clock: MockClock
) -> None:
    below.type(b"ann\n")

    assert await fails(waiting) == "plain text on a port for TLS"

    assert below.read(1000) == f"{WANTS_TLS}\r\n".encode()
    assert below.output_ended


async def test_who_waits_for_a_greeting_is_told_so_when_the_handshake_is_overdue(
    below: MemoryTransport, waiting: TlsTransport, autojump_clock: MockClock
) -> None:
    assert await fails(waiting) == "no TLS handshake within 10 seconds"

    assert below.read(1000) == f"{WANTS_TLS}\r\n".encode()
    assert trio.current_time() >= HANDSHAKE


async def test_a_handshake_that_gets_stuck_ends_at_its_deadline(
    below: MemoryTransport, waiting: TlsTransport, autojump_clock: MockClock
) -> None:
    hello = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        AUTHORITY.client_context().wrap_bio(
            ssl.MemoryBIO(), hello, server_hostname="localhost"
        ).do_handshake()
    below.type(hello.read()[:100])

    assert await fails(waiting) == "no TLS handshake within 10 seconds"

    assert below.read(1000) == b""


async def test_a_client_that_hangs_up_in_the_middle_is_an_error_of_its_own(
    below: MemoryTransport, waiting: TlsTransport
) -> None:
    peer = client(below)
    peer.shake_hands()
    below.end_input()

    assert await fails(waiting) == "TLS: unexpected eof while reading"


async def test_a_handshake_that_is_garbage_is_answered_with_an_alert(
    below: MemoryTransport, waiting: TlsTransport
) -> None:
    below.type(b"\x16\x03\x01\x00\x05hello")

    assert (await fails(waiting)).startswith("TLS: ")

    assert below.read(1000).startswith(b"\x15\x03")  # an alert (RFC 8446, 6)


async def test_the_handshake_waits_for_a_client_that_does_not_read(
    below: MemoryTransport, waiting: TlsTransport
) -> None:
    below.window = 100
    peer = client(below)

    await connected(waiting, peer)

    assert waiting.try_send(b"x") == 1
    assert peer.receive() == b"x"


# ------------------------------------------------------------------ talking


async def test_what_a_full_connection_did_not_take_is_no_more_than_a_record(
    below: MemoryTransport, waiting: TlsTransport
) -> None:
    await connected(waiting, client(below))

    waiting.try_send(b"x" * 1_000_000)
    for _ in range(100):
        assert waiting.try_send(b"x" * 1_000_000) == 0

    assert len(waiting._unsent) < 17_000


async def test_text_of_which_a_part_went_out_counts_as_sent_only_when_all_of_it_has(
    below: MemoryTransport, waiting: TlsTransport
) -> None:
    peer = client(below)
    await connected(waiting, peer)
    below.window = 10

    assert waiting.try_send(b"hello") == 0
    received = b""
    while not waiting.try_send(b"hello"):
        received += peer.receive() or b""
    received += peer.receive() or b""

    assert received == b"hello"


async def test_a_record_that_was_tampered_with_breaks_the_connection(
    below: MemoryTransport, waiting: TlsTransport
) -> None:
    await connected(waiting, client(below))
    below.type(b"\x17\x03\x03\x00\x20" + bytes(32))

    with pytest.raises(OSError, match=r"TLS: .*bad record mac"):
        await receive(waiting)


async def test_a_client_that_ends_without_saying_so_has_its_text_taken(
    below: MemoryTransport, waiting: TlsTransport
) -> None:
    peer = client(below)
    await connected(waiting, peer)
    peer.send(b"last words\n")
    below.end_input()

    assert await receive(waiting) == b"last words\n"
    assert await receive(waiting) == b""


async def test_ending_with_a_record_half_sent_sends_nothing_more(
    below: MemoryTransport, waiting: TlsTransport
) -> None:
    await connected(waiting, client(below))
    waiting.try_send(b"x" * 100_000)
    read = len(below.read(1_000_000))

    waiting.end_writing()

    assert read == below.window
    assert below.output_ended
    assert below.read(1000) == b""


async def test_who_sends_records_without_text_for_long_is_cut(
    below: MemoryTransport, waiting: TlsTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "IDLE_TALK", 1000)
    peer = client(below)
    await connected(waiting, peer)
    for _ in range(100):  # with text it may be as many as they like
        peer.send(b"x")
        assert await receive(waiting) == b"x"

    below.type(b"\x17\x03\x03\x40\x00" + bytes(1000))  # the beginning of a large one

    with pytest.raises(OSError, match=r"^\[Errno \d+\] TLS without text$"):
        await receive(waiting)


# ---------------------------------------------------------- the whole server


async def come_in(chat: Chat, below: MemoryTransport) -> TlsPeer:
    chat.edge.connect(TlsTransport(below, AUTHORITY.server_context(), HANDSHAKE))
    peer = client(below)
    while not peer.shake_hands():
        await wait_all_tasks_blocked()
    return peer


async def shown(peer: TlsPeer) -> bytes:
    await wait_all_tasks_blocked()
    text = b""
    while data := peer.receive():
        text += data
    return text


async def test_people_chat_over_tls_with_those_in_the_clear(
    chat: Chat, below: MemoryTransport
) -> None:
    bob = await chat.join("bob")
    ann = await come_in(chat, below)

    ann.send(b"ann\nhello\n")
    await bob.sees("<ann> hello")
    await bob.types("hi ann")

    assert b"<bob> hi ann\r\n" in await shown(ann)


async def test_a_cancel_behind_a_paste_over_tls_is_obeyed_at_once(
    chat: Chat, below: MemoryTransport
) -> None:
    bob = await chat.join("bob")
    ann = await come_in(chat, below)
    ann.send(b"ann\n")
    for _ in range(35):
        ann.send(b"what was never to be pasted\n" * 20)
    await trio.sleep(1)
    assert below.untaken
    before = trio.current_time()

    ann.send(b"/cancel\n")
    await trio.sleep(1)
    ann.send(b"sorry\n")

    await bob.sees("<ann> sorry")
    assert trio.current_time() - before < 3.0
    said = bob.transport.received.count(b"never")
    assert said <= 16
    assert b"-- %d lines not sent" % (700 - said) in await shown(ann)


async def test_a_slow_reader_over_tls_gets_every_byte_in_order(
    chat: Chat, below: MemoryTransport
) -> None:
    below.window = 700
    ann = await come_in(chat, below)
    ann.send(b"ann\n/quiet\n")
    bob = await chat.join("bob")
    lines = [f"line {number} {'x' * 300}" for number in range(60)]
    await shown(ann)

    await bob.types(*lines)
    text = b""
    with trio.fail_after(60):
        while lines[-1].encode() not in text:
            text += await shown(ann)
            await trio.sleep(0.1)

    found = [line for line in text.decode().splitlines() if "<bob> line" in line]
    assert [line.partition("<bob> ")[2] for line in found] == lines


async def test_a_goodbye_over_tls_is_read_to_its_end(chat: Chat, below: MemoryTransport) -> None:
    ann = await come_in(chat, below)
    ann.send(b"ann\n/quit\n")

    assert (await shown(ann)).endswith(b"-- goodbye (nc ends when you press Enter)\r\n")
    assert ann.receive() == b""


async def test_a_handshake_does_not_hold_up_the_end_of_the_server(
    chat: Chat, below: MemoryTransport
) -> None:
    chat.edge.connect(TlsTransport(below, AUTHORITY.server_context(), HANDSHAKE))
    await wait_all_tasks_blocked()
    began = trio.current_time()

    chat.server.stop()
    await wait_all_tasks_blocked()

    assert below.is_closed
    assert trio.current_time() == began


async def test_who_speaks_tls_in_the_wrong_place_is_told_the_right_one(
    autojump_clock: MockClock,
) -> None:
    listen = (TcpAddress("127.0.0.1", 4000), TcpAddress("127.0.0.1", 4433, tls=True))
    async with open_chat(Config(listen=listen)) as chat:
        stranger = chat.connect()
        await stranger.types("\x16\x03\x01")

        assert "not for TLS; for that there is port 4433\r\n" in await stranger.sees_the_end()
