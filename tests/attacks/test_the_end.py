"""How the server ends, whatever anybody does, and begins again."""

import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from tests.attacks.siege import HOST, LATE, PATIENCE, Attacker, Lag, Siege, open_siege
from trioserve.configuration.config import ShutdownLimits

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FAREWELL = b"the server is shutting down: goodbye"


@asynccontextmanager
async def ending(siege: Siege) -> AsyncIterator[None]:
    """Have the server end while one is stuck and two read, who are to be told of it at once."""
    stuck = await siege.enter("stuck", buffer=4096)
    await stuck.send_as_far_as_it_goes(b"/help\n" * 200, seconds=1)
    readers = [await siege.enter(nick) for nick in ("eve", "zoe")]
    lag = Lag()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lag.measure)
        siege.running.process.send_signal(signal.SIGTERM)
        for each in readers:
            assert FAREWELL in await each.reads_to_the_end()
        assert trio.current_time() - began < LATE + lag.most
        yield
        nursery.cancel_scope.cancel()


async def ended(siege: Siege) -> int:
    """Wait until the process has ended; return its exit code."""
    with trio.fail_after(PATIENCE):
        return await trio.to_thread.run_sync(siege.running.wait)


async def test_a_stuck_reader_does_not_keep_the_server_from_ending() -> None:
    limits = ShutdownLimits()
    with open_siege() as siege:
        began = trio.current_time()
        async with ending(siege):
            assert await ended(siege) == 0

        assert limits.drain / 2 < trio.current_time() - began < limits.total + LATE
        assert not any("ended by force" in line for line in siege.running.log)


async def test_a_second_signal_waits_for_nobody() -> None:
    with open_siege() as siege:
        async with ending(siege):
            began = trio.current_time()
            siege.running.process.send_signal(signal.SIGTERM)
            assert await ended(siege) == 0

        assert trio.current_time() - began < ShutdownLimits().drain / 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
async def test_a_server_starts_again_at_once_on_the_port_of_a_dead_one(number: int) -> None:
    with open_siege() as siege:
        people: list[Attacker] = [await siege.enter(f"p{number}") for number in range(5)]
        port = siege.port
        siege.running.process.send_signal(number)
        await trio.to_thread.run_sync(siege.running.process.wait)

        with (
            open_siege("--listen", f"{HOST}:{port}"),
            socket.create_connection((HOST, port), PATIENCE) as connection,
        ):
            assert connection.recv(100).startswith(b"trioserve ")
        assert all(each.stream.socket.fileno() >= 0 for each in people)  # to the very end
