"""Who comes and does not come in."""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from tests.attacks.siege import (
    HOST,
    TRUSTING,
    Attacker,
    Siege,
    bystanders,
    configured,
    open_siege,
)
from tests.peers import Authority
from trioserve.accounts.passwords import hash_password

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

EXHAUSTING = """
import resource, sys
from trioserve.cli import main
from trioserve.operating import listening
from trioserve.operating import process

listening.SPARE_FILES = -1000  # more connections are let in than there are descriptors for
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
                nursery.start_soon(each.reads_to_the_end)
        # Who had it has given it back at once, so that others may have had it behind them.
        had = [b"-- topic: " in each.received for each in crowd]
        assert any(had)
        assert had == [b"highlander is taken" not in each.received for each in crowd]
        staying = [await siege.connect() for _ in range(20)]
        async with trio.open_nursery() as nursery:
            for each in staying:
                nursery.start_soon(each.send, b"macleod\n")
                nursery.start_soon(each.sees_either, b"-- topic: ", b"macleod is taken")
        assert sum(b"-- topic: " in each.received for each in staying) == 1


async def test_the_ghost_of_a_dead_connection_does_not_keep_its_nick(siege: Siege) -> None:
    async with bystanders(siege):
        ghost = await siege.enter("casper")
        ghost.reset()
        await siege.frees("casper")


async def test_five_hundred_connections_from_one_address(tmp_path: Path) -> None:
    with open_siege(*configured(tmp_path, TRUSTING)) as siege:
        async with bystanders(siege):
            crowd = [await siege.relay("192.0.2.7") for _ in range(500)]
            async with trio.open_nursery() as nursery:
                for each in crowd:
                    nursery.start_soon(each.sees_either, b"Your name? ", b"from your address")
            assert sum(b"Your name? " in each.received for each in crowd) == 16
            neighbour = await siege.relay("192.0.2.8")
            await neighbour.sees(b"Your name? ")


async def test_tls_handshakes_that_stop_half_way(tmp_path: Path) -> None:
    chain, key = Authority().write(tmp_path)
    tls = f'tls = {{ certificate = "{chain}", key = "{key}", handshake = 2 }}\n'
    hello = client_hello()
    with open_siege("--listen", f"tls:{HOST}:0", *configured(tmp_path, tls)) as siege:
        async with bystanders(siege):
            crowd = [await siege.connect(port=siege.other_ports[0]) for _ in range(200)]
            for number, each in enumerate(crowd):
                await each.send(hello[: number * len(hello) // 200])
            for byte in hello[-20:]:
                await crowd[0].send_as_far_as_it_goes(bytes([byte]), seconds=1)
                await trio.sleep(0.05)
            for each in crowd:
                await each.reads_to_the_end()


def client_hello() -> bytes:
    """The first bytes of a TLS client."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="localhost"
    )
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


async def test_guessing_a_password_costs_nobody_else_and_ends_after_three(tmp_path: Path) -> None:
    operators = f"operators.ann = '{hash_password('correct horse')}'\n"
    settings = TRUSTING + operators + "passwords.in_the_clear = true\n"
    with open_siege(*configured(tmp_path, settings)) as siege:
        async with bystanders(siege):
            crowd = [await siege.relay("192.0.2.7") for _ in range(10)]
            local = [await siege.connect() for _ in range(10)]
            async with trio.open_nursery() as nursery:
                for number, each in enumerate(crowd + local):
                    nursery.start_soon(guess, each, f"guest{number}")
        wrong = sum(each.received.count(b"not the name of an operator") for each in crowd)
        assert wrong == 3
        assert not any(b"you are an operator" in each.received for each in crowd + local)


async def guess(attacker: Attacker, nick: str) -> None:
    """Try passwords until no more are taken."""
    await attacker.send(f"{nick}\n".encode())
    await attacker.sees(b"-- topic: ")
    for number in range(4):
        await attacker.send(b"/op ann\n")
        await attacker.sees_either(b"Password: ", b"3 wrong tries within 1m, the most")
        if b"3 wrong tries within" in attacker.received:
            return
        await attacker.send(f"secret{number}\n".encode())
        await attacker.sees_either(b"and the password", b"3 wrong tries within 1m, the most")
        if b"3 wrong tries within" in attacker.received:
            return
        attacker.received[:] = attacker.received.replace(b"Password: ", b"").replace(
            b"and the password", b""
        )
    raise AssertionError(f"{nick} has guessed four times")


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
            await siege.logs("cannot accept: Too many open files")
            for each in crowd:
                each.close()
            await siege.enter("late")
