"""Who comes and does not come in, and how the server ends all the same."""

import signal
import socket

import pytest
import trio

from tests.attacks.siege import HOST, PATIENCE, Siege, bystanders, open_siege

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

EXHAUSTING = """
import resource, sys
from trioserve.cli import main
from trioserve import process

process.SPARE_FILES = -1000  # more connections are let in than there are descriptors for
resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
process.fit_open_files = lambda limits: limits
sys.exit(main())
"""


async def test_three_hundred_who_never_log_in_or_dribble(siege: Siege) -> None:
    async with bystanders(siege):
        crowd = [await siege.connect(telnet=number % 2 == 0) for number in range(300)]
        with trio.move_on_after(2):
            while True:
                for each in crowd[::3]:
                    await each.send(b"x")


async def test_connections_that_are_gone_before_they_are_greeted(siege: Siege) -> None:
    async with bystanders(siege):
        for _ in range(500):
            (await siege.connect()).reset()


async def test_a_nick_is_one_person_s_however_many_want_it(siege: Siege) -> None:
    async with bystanders(siege):
        crowd = [await siege.connect() for _ in range(20)]
        async with trio.open_nursery() as nursery:
            for each in crowd:
                nursery.start_soon(each.send, b"highlander\n/quit\n")
        shown = [await each.reads_to_the_end() for each in crowd]
        assert sum(b"* highlander left" in each for each in shown) <= 19
        assert any(b"highlander is taken" in each for each in shown)


async def test_the_ghost_of_a_dead_connection_does_not_keep_its_nick(siege: Siege) -> None:
    async with bystanders(siege):
        ghost = await siege.enter("casper")
        ghost.reset()
        await trio.sleep(0.2)
        await siege.enter("casper")


@pytest.mark.parametrize(
    "hello",
    [
        b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"NICK ann\r\nUSER ann 0 * :ann\r\n",
    ],
    ids=["HTTP", "TLS", "SSH", "IRC"],
)
async def test_clients_of_other_protocols_are_told_and_let_go(siege: Siege, hello: bytes) -> None:
    async with bystanders(siege):
        crowd = [await siege.connect() for _ in range(50)]
        for each in crowd:
            await each.send(hello)
        for each in crowd:
            assert b"this is a trioserve chat server" in await each.reads_to_the_end()
            each.close()


async def test_the_server_recovers_when_it_runs_out_of_descriptors() -> None:
    with open_siege(program=EXHAUSTING) as siege:
        async with bystanders(siege):
            crowd = [await siege.connect() for _ in range(100)]
            await trio.sleep(1)
            for each in crowd:
                each.close()
            await trio.sleep(1)
            await siege.enter("late")
            assert any("cannot accept: Too many open files" in line for line in siege.running.log)


async def test_a_stuck_reader_does_not_keep_the_server_from_ending() -> None:
    with open_siege() as siege:
        stuck = await siege.enter("stuck", buffer=4096)
        await stuck.send_as_far_as_it_goes(b"/help\n" * 200, seconds=1)
        reader = await siege.enter("reader")

        siege.running.process.send_signal(signal.SIGTERM)
        farewell = await reader.reads_to_the_end()
        siege.running.process.send_signal(signal.SIGTERM)  # who does not wait for the stuck one
        with trio.fail_after(PATIENCE):
            code = await trio.to_thread.run_sync(siege.running.wait)

        assert b"the server is shutting down: goodbye" in farewell
        assert code == 0
        for each in (stuck, reader):
            each.close()


async def test_a_server_starts_again_at_once_on_the_port_of_a_dead_one() -> None:
    with open_siege() as siege:
        for number in range(5):
            await siege.enter(f"p{number}")
        port = siege.port
        siege.running.process.kill()
        await trio.to_thread.run_sync(siege.running.process.wait)

        with (
            open_siege("--listen", f"{HOST}:{port}"),
            socket.create_connection((HOST, port), PATIENCE) as connection,
        ):
            assert connection.recv(100).startswith(b"trioserve ")
