"""What every transport promises, whatever it runs over."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.peers import Authority, MemoryPeer, Peer, SocketPeer, TlsPeer
from trioserve.edge.proxied import ProxiedTransport
from trioserve.edge.sockets import SocketTransport
from trioserve.edge.tls import TlsTransport
from trioserve.memory import MemoryTransport
from trioserve.transport import Transport

PATIENCE = 10.0  # seconds of the real clock; for a loaded machine
MUCH = bytes(range(256)) * 4000  # about a megabyte: more than any of them takes at once
AUTHORITY = Authority()


@attrs.frozen(eq=False)
class Pair:
    """A transport and its other end."""

    transport: Transport
    peer: Peer


def over_socket(stack: ExitStack) -> tuple[Transport, Peer]:
    ours, theirs = map(stack.enter_context, socket.socketpair())
    ours.setblocking(False)
    theirs.setblocking(False)
    return SocketTransport(ours, "unix:1", None), SocketPeer(theirs)


def in_memory(_: ExitStack) -> tuple[Transport, Peer]:
    transport = MemoryTransport(reading=False)
    return transport, MemoryPeer(transport)


def with_tls(
    below: Callable[[ExitStack], tuple[Transport, Peer]],
) -> Callable[[ExitStack], tuple[Transport, Peer]]:
    def make(stack: ExitStack) -> tuple[Transport, Peer]:
        transport, peer = below(stack)
        tls = TlsTransport(transport, AUTHORITY.server_context(), handshake=PATIENCE)
        return tls, TlsPeer(peer, AUTHORITY.client_context())

    return make


def by_a_proxy(
    below: Callable[[ExitStack], tuple[Transport, Peer]],
) -> Callable[[ExitStack], tuple[Transport, Peer]]:
    def make(stack: ExitStack) -> tuple[Transport, Peer]:
        transport, peer = below(stack)
        peer.send(b"PROXY TCP4 192.0.2.7 198.51.100.1 50123 4000\r\n")
        return ProxiedTransport(transport, PATIENCE), peer

    return make


KINDS = {
    "socket": over_socket,
    "memory": in_memory,
    "TLS over a socket": with_tls(over_socket),
    "TLS in memory": with_tls(in_memory),
    "by a proxy over a socket": by_a_proxy(over_socket),
    "by a proxy in memory": by_a_proxy(in_memory),
    "TLS by a proxy": with_tls(by_a_proxy(over_socket)),
}


@pytest.fixture(params=KINDS)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    with ExitStack() as stack:
        waiting, peer = KINDS[request.param](stack)
        transport = waiting
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:

                async def opened() -> None:
                    nonlocal transport
                    transport = await waiting.open()

                nursery.start_soon(opened)
                while isinstance(peer, TlsPeer) and not peer.shake_hands():
                    await wait_all_tasks_blocked()
        yield Pair(transport, peer)
        transport.close()
        await trio.lowlevel.checkpoint()  # closing wakes who waits


async def receive(transport: Transport, size: int = 100) -> bytes:
    buffer = bytearray(size)
    with trio.fail_after(PATIENCE):
        received = await transport.receive_into(memoryview(buffer))
    return bytes(buffer[:received])


async def test_what_has_come_can_be_looked_at(pair: Pair) -> None:
    assert pair.transport.peek(100) == b""
    pair.peer.send(b"hello")
    await wait_all_tasks_blocked()

    seen = pair.transport.peek(4)

    assert seen == b"hell"
    assert await receive(pair.transport) == b"hello"


async def test_what_comes_behind_what_was_looked_at_is_received_behind_it(pair: Pair) -> None:
    text = b"".join(b"%d\n" % number for number in range(2000))
    pair.peer.send(text[:4000])
    await wait_all_tasks_blocked()
    assert pair.transport.peek(10_000) == text[:4000]
    received = await receive(pair.transport, 1000)
    pair.peer.send(text[4000:])
    await wait_all_tasks_blocked()

    assert pair.transport.peek(10_000) == text[1000:]

    while len(received) < len(text):
        received += await receive(pair.transport, 1000)
    assert received == text


async def test_what_fits_is_sent_at_once(pair: Pair) -> None:
    await trio.lowlevel.checkpoint()
    assert pair.transport.try_send(b"hello") == 5
    assert pair.peer.receive() == b"hello"


async def test_what_is_full_takes_a_part_and_then_nothing(pair: Pair) -> None:
    await trio.lowlevel.checkpoint()

    sent = pair.transport.try_send(MUCH)

    assert 0 < sent < len(MUCH)
    assert pair.transport.try_send(MUCH[sent:]) == 0


async def test_offered_again_and_again_all_arrives_once_and_in_order(pair: Pair) -> None:
    rest, received = MUCH, b""

    with trio.fail_after(PATIENCE):
        while len(received) < len(MUCH):
            rest = rest[pair.transport.try_send(rest) :]
            if not rest or not pair.transport.try_send(rest[:1]):
                received += pair.peer.receive() or b""
            else:
                rest = rest[1:]
            await trio.lowlevel.checkpoint()

    assert received == MUCH


async def test_what_was_full_can_be_written_again_when_its_peer_has_read(pair: Pair) -> None:
    rest = MUCH[pair.transport.try_send(MUCH) :]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pair.transport.wait_writable)
        await wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        while pair.peer.receive():
            pass
        nursery.cancel_scope.deadline = trio.current_time() + PATIENCE

    assert not nursery.cancel_scope.cancelled_caught
    assert pair.transport.try_send(rest) > 0


async def test_what_the_peer_sends_is_received_as_it_fits_the_buffer(pair: Pair) -> None:
    pair.peer.send(b"hello")

    assert await receive(pair.transport, 4) == b"hell"
    assert await receive(pair.transport, 4) == b"o"


async def test_much_that_the_peer_sends_at_once_is_received_whole(pair: Pair) -> None:
    for start in range(0, 20_000, 1000):
        pair.peer.send(MUCH[start : start + 1000])

    received = b""
    while len(received) < 20_000:
        received += await receive(pair.transport, 1500)

    assert received == MUCH[:20_000]


async def test_receiving_waits_for_the_first_byte(pair: Pair) -> None:
    received = []

    async def read() -> None:
        received.append(await receive(pair.transport))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        assert not received
        pair.peer.send(b"x")

    assert received == [b"x"]


async def test_one_buffer_serves_all_who_receive(pair: Pair) -> None:
    buffer = memoryview(bytearray(10))
    other = MemoryTransport()
    received = []

    async def read(transport: Transport) -> None:
        for _ in range(5):
            size = await transport.receive_into(buffer)
            received.append(bytes(buffer[:size]))

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, pair.transport)
            nursery.start_soon(read, other)
            for _ in range(5):
                pair.peer.send(b"a" * 10)
                other.type(b"b" * 10)

    assert sorted(received) == [b"a" * 10] * 5 + [b"b" * 10] * 5


async def test_the_peers_end_is_no_bytes_and_stays_so(pair: Pair) -> None:
    pair.peer.send(b"last")
    pair.peer.end()

    assert await receive(pair.transport) == b"last"
    assert await receive(pair.transport) == b""
    assert await receive(pair.transport) == b""


async def test_to_who_sends_no_more_can_still_be_sent(pair: Pair) -> None:
    pair.peer.end()
    assert await receive(pair.transport) == b""

    assert pair.transport.try_send(b"answer") == 6
    assert pair.peer.receive() == b"answer"


@pytest.mark.parametrize("before", [b"", b"x"])
async def test_a_receive_that_is_cancelled_has_read_nothing(pair: Pair, before: bytes) -> None:
    pair.peer.send(before + b"hello")
    if before:
        assert await receive(pair.transport, len(before)) == before

    with trio.CancelScope() as scope:
        scope.cancel()
        await pair.transport.receive_into(memoryview(bytearray(100)))

    assert scope.cancelled_caught
    assert await receive(pair.transport) == b"hello"


@pytest.mark.parametrize("before", [b"", b"early "])
async def test_ending_the_writing_leaves_the_reading_open(pair: Pair, before: bytes) -> None:
    pair.peer.send(b"x" + before)
    assert await receive(pair.transport, 1) == b"x"

    pair.transport.end_writing()

    assert pair.peer.receive() == b""
    pair.peer.send(b"still here")
    received = b""
    while len(received) < len(before + b"still here"):
        received += await receive(pair.transport)
    assert received == before + b"still here"
    with pytest.raises(OSError, match=r"(?i)pipe|shutdown"):
        pair.transport.try_send(b"x")


WAITS: list[Callable[[Transport], Awaitable[object]]] = [
    lambda transport: transport.wait_writable(),
    receive,
]


@pytest.mark.parametrize("wait", WAITS)
async def test_closing_wakes_whoever_waits(
    pair: Pair, wait: Callable[[Transport], Awaitable[object]]
) -> None:
    rest = MUCH[pair.transport.try_send(MUCH) :]
    pair.transport.try_send(rest)
    closed = []

    async def until_closed() -> None:
        with trio.fail_after(PATIENCE), pytest.raises(trio.ClosedResourceError):
            await wait(pair.transport)
        closed.append(True)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(until_closed)
        await wait_all_tasks_blocked()
        pair.transport.close()

    assert closed


@pytest.mark.parametrize("wait", WAITS)
async def test_nobody_waits_for_a_closed_transport(
    pair: Pair, wait: Callable[[Transport], Awaitable[object]]
) -> None:
    pair.transport.close()
    pair.transport.close()

    with pytest.raises(trio.ClosedResourceError):
        await wait(pair.transport)


async def test_a_closed_transport_sends_nothing(pair: Pair) -> None:
    pair.transport.close()
    await trio.lowlevel.checkpoint()

    with pytest.raises(OSError, match="Bad file descriptor"):
        pair.transport.try_send(b"x")
