"""Transports over sockets, and the loop that accepts them."""

import errno
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trioserve.edge.sockets import ACCEPTED_AT_ONCE, Listener, SocketTransport
from trioserve.transport import Transport

PATIENCE = 10.0  # seconds of the real clock; for a loaded machine
MUCH = b"x" * 10_000_000  # bytes, more than a kernel takes at once


@pytest.fixture
def pair() -> Iterator[tuple[SocketTransport, socket.socket]]:
    """A transport and its other end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(PATIENCE)
    with ours, theirs:
        yield SocketTransport(ours, "unix", None), theirs


Pair = tuple[SocketTransport, socket.socket]


async def receive(transport: Transport, size: int = 100) -> bytes:
    buffer = bytearray(size)
    with trio.fail_after(PATIENCE):
        received = await transport.receive_into(memoryview(buffer))
    return bytes(buffer[:received])


# --------------------------------------------------------------- transport


@pytest.mark.parametrize(
    ("host", "private"),
    [
        (None, True),  # a unix socket
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("192.0.2.7", False),
        ("10.0.0.7", False),
        ("2001:db8::7", False),
        ("fe80::7%eth0", False),
    ],
)
def test_what_does_not_leave_the_machine_is_private(host: str | None, private: bool) -> None:
    with socket.socket() as connection:
        assert SocketTransport(connection, "somebody", host).is_private is private


def test_a_peer_that_has_gone_breaks_the_sending(pair: Pair) -> None:
    transport, peer = pair
    peer.close()

    with pytest.raises(BrokenPipeError):
        transport.try_send(b"x")


async def test_a_reset_breaks_the_receiving() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = socket.create_connection(listening.getsockname())
        ours, _ = listening.accept()
    with ours:
        ours.setblocking(False)
        transport = SocketTransport(ours, "peer", "127.0.0.1")
        linger = b"\1\0\0\0\0\0\0\0"  # on, for 0 seconds: closing resets
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        peer.close()

        with pytest.raises(ConnectionResetError):
            await receive(transport)


# ---------------------------------------------------------------- listener


class Faulty(socket.socket):
    """A listening socket whose next accepts fail with these errors."""

    faults: list[int]

    def accept(self) -> tuple[socket.socket, Any]:
        if self.faults:
            number = self.faults.pop(0)
            raise OSError(number, os.strerror(number))
        return super().accept()


@pytest.fixture
def listening() -> Iterator[Faulty]:
    with Faulty() as listening:
        listening.faults = []
        listening.bind(("127.0.0.1", 0))
        listening.listen(2 * ACCEPTED_AT_ONCE)
        listening.setblocking(False)
        yield listening


@pytest.fixture
async def admitted() -> AsyncIterator[list[Transport]]:
    """Where tests admit to; what came in is closed."""
    admitted: list[Transport] = []
    yield admitted
    for transport in admitted:
        transport.close()
    await trio.lowlevel.checkpoint()  # closing needs Trio, and wakes who waits


async def until(happened: Callable[[], bool]) -> None:
    """Wait for the loop to do its work on a real socket, whatever clock it has."""
    deadline = time.monotonic() + PATIENCE
    await wait_all_tasks_blocked()
    while not happened():  # the kernel needs a moment
        assert time.monotonic() < deadline
        await wait_all_tasks_blocked(0.001)


async def test_a_connection_is_admitted_under_its_address(
    listening: Faulty, admitted: list[Transport], nursery: trio.Nursery
) -> None:
    nursery.start_soon(Listener(listening, "here", is_local=True).serve, admitted.append)

    with socket.create_connection(listening.getsockname()) as peer:
        await until(lambda: bool(admitted))

        host, port = peer.getsockname()
        assert admitted[0].peer == f"{host}:{port}"
        assert admitted[0].host == host
        admitted[0].try_send(b"hello")
        assert peer.recv(100) == b"hello"


async def test_an_ipv6_peer_is_named_with_brackets(
    admitted: list[Transport], nursery: trio.Nursery
) -> None:
    listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    listening.setblocking(False)
    nursery.start_soon(Listener(listening, "here", is_local=True).serve, admitted.append)

    with socket.create_connection(listening.getsockname()[:2]) as peer:
        await until(lambda: bool(admitted))

        assert admitted[0].peer == f"[::1]:{peer.getsockname()[1]}"
        assert admitted[0].host == "::1"


async def test_all_who_wait_are_admitted_be_they_more_than_a_turns_worth(
    listening: Faulty, admitted: list[Transport], nursery: trio.Nursery
) -> None:
    peers = [socket.create_connection(listening.getsockname()) for _ in range(ACCEPTED_AT_ONCE + 3)]

    nursery.start_soon(Listener(listening, "here", is_local=True).serve, admitted.append)

    await until(lambda: len(admitted) == len(peers))
    for peer in peers:
        peer.close()


@pytest.mark.parametrize(
    "fault", [errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETUNREACH, errno.EHOSTDOWN]
)
async def test_a_peer_that_is_gone_before_it_is_accepted_is_passed_over(
    listening: Faulty, admitted: list[Transport], nursery: trio.Nursery, fault: int
) -> None:
    listening.faults = [fault] * 3

    nursery.start_soon(Listener(listening, "here", is_local=True).serve, admitted.append)
    with socket.create_connection(listening.getsockname()):
        await until(lambda: bool(admitted))

    assert not listening.faults


async def test_a_listener_that_is_broken_says_so(
    listening: Faulty, admitted: list[Transport]
) -> None:
    listening.faults = [errno.EINVAL]

    with (
        socket.create_connection(listening.getsockname()),
        trio.fail_after(PATIENCE),
        pytest.raises(OSError, match="Invalid argument"),
    ):
        await Listener(listening, "here", is_local=True).serve(admitted.append)

    assert listening.fileno() == -1


@pytest.mark.parametrize("fault", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS])
async def test_a_shortage_passes_and_the_waiting_are_admitted(
    listening: Faulty,
    admitted: list[Transport],
    nursery: trio.Nursery,
    mock_clock: MockClock,
    fault: int,
) -> None:
    listening.faults = [fault]
    nursery.start_soon(Listener(listening, "here", is_local=True).serve, admitted.append)

    with socket.create_connection(listening.getsockname()):
        await until(lambda: not listening.faults)
        assert not admitted
        mock_clock.jump(0.1)
        await until(lambda: len(admitted) == 1)


async def test_the_longer_a_shortage_lasts_the_longer_the_pauses_up_to_a_second(
    listening: Faulty, admitted: list[Transport], nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    listening.faults = [errno.EMFILE] * 6
    nursery.start_soon(Listener(listening, "here", is_local=True).serve, admitted.append)

    tries: list[float] = []
    with socket.create_connection(listening.getsockname()):
        for _ in range(8 * 64):
            await wait_all_tasks_blocked()
            if len(listening.faults) < 6 - len(tries):
                tries.append(trio.current_time())
            mock_clock.jump(1 / 64)

    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0], abs=1 / 64)
    assert admitted


async def test_a_shortage_is_logged_at_most_once_a_second(
    listening: Faulty,
    admitted: list[Transport],
    nursery: trio.Nursery,
    mock_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    listening.faults = [errno.EMFILE] * 6
    nursery.start_soon(Listener(listening, "127.0.0.1:4000", is_local=True).serve, admitted.append)

    with caplog.at_level(logging.ERROR), socket.create_connection(listening.getsockname()):
        for _ in range(40):
            await wait_all_tasks_blocked()
            mock_clock.jump(0.1)

    # The tries are at 0, 0.1, 0.3, 0.7, 1.5 and 2.5 seconds.
    assert caplog.messages == ["127.0.0.1:4000 cannot accept: Too many open files"] * 3
    assert admitted


async def test_a_listener_that_is_cancelled_is_closed(listening: Faulty) -> None:
    cleaned = []
    listener = Listener(listening, "here", is_local=True, cleanup=lambda: cleaned.append(True))

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, lambda _: None)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    assert listening.fileno() == -1
    assert cleaned == [True]


async def test_a_listener_that_is_cancelled_during_a_shortage_is_closed(
    listening: Faulty, mock_clock: MockClock
) -> None:
    listening.faults = [errno.EMFILE]
    listener = Listener(listening, "here", is_local=True)

    with socket.create_connection(listening.getsockname()):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, lambda _: None)
            await until(lambda: not listening.faults)
            nursery.cancel_scope.cancel()

    assert listening.fileno() == -1


async def test_a_listener_cleans_up_once(listening: Faulty) -> None:
    cleaned = []
    listener = Listener(listening, "here", is_local=True, cleanup=lambda: cleaned.append(True))

    with trio.CancelScope() as scope:
        scope.cancel()
        await listener.serve(lambda _: None)
    listener.close()

    assert cleaned == [True]


def test_a_listener_knows_its_port(listening: Faulty) -> None:
    assert Listener(listening, "here", is_local=True).port == listening.getsockname()[1]
