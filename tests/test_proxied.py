"""Who comes by a proxy: whose address counts, what may go wrong, and who is believed."""

import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.peers import Authority, MemoryPeer, TlsPeer
from trioserve.configuration.config import Config
from trioserve.edge.arrivals import Arrivals
from trioserve.edge.proxied import ProxiedTransport, ProxySettings
from trioserve.edge.sockets import SocketTransport
from trioserve.edge.tls import TlsTransport
from trioserve.limits import DoorLimits
from trioserve.memory import MemoryTransport
from trioserve.sessions.reception import REFUSED_BURST
from trioserve.testing import Chat, Person, open_chat
from trioserve.transport import Transport
from trioserve.wire.proxy import SIGNATURE

PROXY = "198.51.100.1"  # RFC 5737
SECONDS = 5.0  # for a header, of the clock that jumps
FROM_ANN = b"PROXY TCP4 192.0.2.7 198.51.100.1 50123 4000\r\n"
FROM_HERE = b"PROXY TCP4 127.0.0.1 127.0.0.1 50123 4000\r\n"
UNKNOWN = b"PROXY UNKNOWN\r\n"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
UNIX = SIGNATURE + b"\x21\x31" + struct.pack("!H", 216) + bytes(216)
AUTHORITY = Authority()


def from_proxy(*, private: bool = False) -> MemoryTransport:
    return MemoryTransport(f"{PROXY}:1", PROXY, is_private=private)


async def opened(header: bytes, *, private: bool = False) -> Transport:
    below = from_proxy(private=private)
    below.type(header)
    return await ProxiedTransport(below, SECONDS).open()


async def fails(below: MemoryTransport) -> str:
    with pytest.raises(OSError, match=r".") as caught:
        await ProxiedTransport(below, SECONDS).open()
    return caught.value.strerror or ""


# ----------------------------------------------------------------- the header


@pytest.mark.parametrize(
    ("header", "peer", "host"),
    [
        (FROM_ANN, "192.0.2.7:50123", "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 50123 4000\r\n", "[2001:db8::7]:50123", "2001:db8::7"),
        (UNIX, "unix by 198.51.100.1:1", None),
        # The proxy itself, which no limit by address is to keep from its checks.
        (LOCAL, "198.51.100.1:1", None),
        (UNKNOWN, "198.51.100.1:1", None),
    ],
)
async def test_the_header_says_who_it_is(header: bytes, peer: str, host: str | None) -> None:
    transport = await opened(header)

    assert (transport.peer, transport.host) == (peer, host)
    assert not transport.is_operator


def test_before_its_header_nobody_knows_whose_it_is() -> None:
    waiting = ProxiedTransport(from_proxy(), SECONDS)

    assert (waiting.peer, waiting.host) == ("198.51.100.1:1", None)


@pytest.mark.parametrize(
    ("header", "near", "private"),
    [
        (FROM_ANN, True, False),  # the proxy is next door, and ann far away
        (FROM_ANN, False, False),
        (FROM_HERE, True, True),
        (FROM_HERE, False, False),  # from the proxy's own machine
        (UNIX, True, True),
        (LOCAL, False, False),
    ],
)
async def test_it_is_private_only_if_no_part_of_the_way_leaves_the_machine(
    header: bytes, near: bool, private: bool
) -> None:
    assert (await opened(header, private=near)).is_private is private


async def test_what_comes_behind_the_header_is_received_as_it_fits_the_buffer() -> None:
    transport = await opened(FROM_ANN + b"ann\nhello\n")
    buffer = memoryview(bytearray(6))

    assert bytes(buffer[: await transport.receive_into(buffer)]) == b"ann\nhe"
    assert bytes(buffer[: await transport.receive_into(buffer)]) == b"llo\n"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"ann\n", "no PROXY header"),
        (b"", "went without a byte"),
        (FROM_ANN[:-1], "ended before its PROXY header did"),
    ],
)
async def test_who_does_not_begin_with_a_header_is_turned_away(sent: bytes, reason: str) -> None:
    below = from_proxy()
    below.type(sent)
    below.end_input()

    assert await fails(below) == reason


@pytest.mark.parametrize("sent", [b"", FROM_ANN[:-1], SIGNATURE])
async def test_a_header_has_to_come_in_time(sent: bytes, autojump_clock: MockClock) -> None:
    below = from_proxy()
    below.type(sent)

    assert await fails(below) == "no PROXY header within 5 seconds"
    assert trio.current_time() == pytest.approx(SECONDS)


# ------------------------------------------------------------ who is believed


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("::ffff:127.0.0.1", True),  # as a socket for both families shows it
        ("192.0.2.200", True),
        ("192.0.3.1", False),
        ("2001:db8::7", True),
        ("2001:db9::7", False),
        ("fe80::1%eth0", True),
        (None, False),  # a unix socket
    ],
)
def test_believed_is_who_is_listed(host: str | None, trusted: bool) -> None:
    listed = ("127.0.0.1", "192.0.2.0/24", "2001:db8::/32", "fe80::1")

    assert ProxySettings(tuple(map(ip_network, listed))).trusts(host) is trusted


def test_nobody_is_believed_unless_they_are_listed() -> None:
    assert not ProxySettings().trusts("127.0.0.1")


def test_from_others_a_header_is_not_asked_for() -> None:
    arrivals = Arrivals(proxy=ProxySettings((ip_network(PROXY),)))
    with socket.socket() as one, socket.socket() as other:
        proxy = SocketTransport(one, "proxy", PROXY)
        stranger = SocketTransport(other, "stranger", "198.51.100.2")

        assert isinstance(arrivals.wrap(proxy, tls=False), ProxiedTransport)
        assert arrivals.wrap(stranger, tls=False) is stranger


# ------------------------------------------------------------- in the server


@pytest.fixture
async def narrow() -> AsyncIterator[Chat]:
    """A server for three connections, two of an address, three times in ten minutes."""
    limits = DoorLimits(most=3, per_address=2, new_per_address=3)
    async with open_chat(Config(connections=limits)) as chat:
        yield chat


def connect(chat: Chat, *sent: bytes) -> Person:
    """Let somebody come by the proxy, which sends this first."""
    below = from_proxy()
    chat.edge.connect(ProxiedTransport(below, SECONDS))
    below.type(b"".join(sent))
    return Person(below)


async def test_who_comes_by_a_proxy_is_limited_and_banned_by_their_own_address(
    autojump_clock: MockClock, narrow: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for nick in (b"ann\n", b"bob\n"):
        await connect(narrow, FROM_ANN, nick).sees("-- #lobby: ")

    third = connect(narrow, FROM_ANN, b"carol\n")

    reason = "there are 2 connections from your address, the most"
    assert await third.sees_the_end() == f"-- {reason}; try again later\r\n"
    assert f"192.0.2.7:50123 refused: {reason}; try again later" in caplog.messages
    assert "192.0.2.7:50123 is ann" in caplog.messages
    assert narrow.server.world.member("ann").address == "192.0.2.7"
    assert narrow.server.counters.refused == {"per_address": 1}


async def test_others_by_the_same_proxy_are_not_touched(
    autojump_clock: MockClock, narrow: Chat
) -> None:
    for header in (FROM_ANN, FROM_ANN, FROM_ANN.replace(b"192.0.2.7", b"192.0.2.8")):
        await connect(narrow, header).sees("Your name?")


async def test_who_is_banned_from_the_server_is_refused_behind_a_proxy_too(chat: Chat) -> None:
    op = await chat.join("op", operator=True)
    await op.types("/banip 192.0.2.7 1h flooding")

    refused = await connect(chat, FROM_ANN).sees_the_end()

    assert refused.startswith("-- your address is banned from this server until ")
    assert chat.server.counters.refused == {"banned": 1}


async def test_a_proxy_may_check_as_often_as_it_likes(
    autojump_clock: MockClock, narrow: Chat
) -> None:
    for _ in range(10):
        check = connect(narrow, LOCAL)
        await check.sees("Your name?")
        await check.hangs_up()
        await check.sees_the_end()


async def ends_at_once(chat: Chat) -> None:
    await connect(chat, b"ann\n").sees_the_end()


async def says_nothing(chat: Chat) -> None:
    await connect(chat).sees_the_end()


async def vanishes(chat: Chat) -> None:
    person = connect(chat, FROM_ANN[:5])
    await person.vanishes()
    await person.sees_the_end()


async def is_refused(chat: Chat) -> None:
    first = [connect(chat, FROM_ANN, b"ann\n"), connect(chat, FROM_ANN, b"bob\n")]
    await wait_all_tasks_blocked()
    await connect(chat, FROM_ANN).sees_the_end()
    for each in first:
        await each.types("/quit")
        await each.sees_the_end()


async def leaves(chat: Chat) -> None:
    person = connect(chat, FROM_ANN, b"ann\n/quit\n")
    await person.sees_the_end()


async def shakes_no_hands(chat: Chat) -> None:
    below = from_proxy()
    context = AUTHORITY.server_context()
    chat.edge.connect(
        ProxiedTransport(below, SECONDS, lambda proxied: TlsTransport(proxied, context, SECONDS))
    )
    below.type(FROM_ANN)
    await Person(below).sees_the_end()


WAYS = [ends_at_once, says_nothing, vanishes, is_refused, leaves, shakes_no_hands]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_however_it_ends_its_place_is_free_again(
    autojump_clock: MockClock, narrow: Chat, way: Callable[[Chat], Awaitable[None]]
) -> None:
    await way(narrow)
    await trio.sleep(600)  # then the address may come again
    await wait_all_tasks_blocked()

    for _ in range(2):
        await connect(narrow, FROM_ANN).sees("Your name?")
    assert "from your address" in await connect(narrow, FROM_ANN).sees_the_end()
    await connect(narrow, LOCAL).sees("Your name?")
    full = "-- the server is full; try again later\r\n"
    assert await connect(narrow, LOCAL).sees_the_end() == full


async def test_a_shutdown_does_not_wait_for_headers(
    autojump_clock: MockClock, narrow: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = connect(narrow, FROM_ANN[:5])
    await wait_all_tasks_blocked()

    narrow.server.stop()
    await wait_all_tasks_blocked()

    assert waiting.is_gone
    assert not waiting.unseen()


async def test_a_header_that_is_none_is_one_line_of_the_log(
    autojump_clock: MockClock, narrow: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    assert not await connect(narrow, b"ann\n").sees_the_end()

    assert caplog.messages == ["198.51.100.1:1 turned away: no PROXY header"]


async def test_what_a_stranger_types_like_a_header_is_no_more_than_that(chat: Chat) -> None:
    eve = chat.connect(host="203.0.113.9")

    await eve.types(FROM_ANN.decode().rstrip())

    await eve.sees("-- a name ")


async def test_tls_comes_behind_the_header(chat: Chat) -> None:
    below = from_proxy()
    context = AUTHORITY.server_context()
    chat.edge.connect(
        ProxiedTransport(below, SECONDS, lambda proxied: TlsTransport(proxied, context, SECONDS))
    )
    below.reading = False
    peer = TlsPeer(MemoryPeer(below), AUTHORITY.client_context())
    below.type(FROM_ANN)

    with trio.fail_after(SECONDS):
        while not peer.shake_hands():
            await wait_all_tasks_blocked()
    peer.send(b"ann\n")
    await wait_all_tasks_blocked()

    shown = peer.receive()
    assert shown is not None
    assert shown.startswith(b"trioserve ")
    assert chat.server.world.member("ann").address == "192.0.2.7"


async def test_many_who_are_refused_cost_few_handshakes(
    autojump_clock: MockClock, narrow: Chat
) -> None:
    for _ in range(2):
        await connect(narrow, FROM_ANN).sees("Your name?")
    context, answered = AUTHORITY.server_context(), 0

    for _ in range(2 * REFUSED_BURST):
        below = from_proxy()
        narrow.edge.connect(
            ProxiedTransport(
                below, SECONDS, lambda proxied: TlsTransport(proxied, context, SECONDS)
            )
        )
        below.type(FROM_ANN + b"what ever")
        below.end_input()
        await Person(below).sees_the_end()
        answered += bool(below.received)

    assert answered == REFUSED_BURST


async def test_a_proxy_s_checks_do_not_fill_the_log(
    autojump_clock: MockClock, narrow: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    below = from_proxy()
    narrow.edge.connect(ProxiedTransport(below, SECONDS))
    below.end_input()
    assert not await Person(below).sees_the_end()

    assert caplog.messages == []
