"""Bytes that no client should send, on both ports."""

import random
import socket
from itertools import cycle

import pytest
import trio

from tests.attacks.siege import Siege, bystanders
from trioserve.wire.options import DO, DONT, IAC, WILL, WINDOW_SIZE, WONT
from trioserve.wire.telnet import SB, SE

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

both_ports = pytest.mark.parametrize("telnet", [False, True], ids=["text", "telnet"])


@both_ports
async def test_eighty_megabytes_without_a_newline(siege: Siege, telnet: bool) -> None:
    async with bystanders(siege):
        attacker = await siege.connect(telnet=telnet)
        await attacker.send_as_far_as_it_goes(b"x" * 80_000_000, seconds=2)
        attacker.reset()


async def test_the_tail_of_an_overlong_line_is_no_command(siege: Siege) -> None:
    async with bystanders(siege):
        attacker = await siege.enter("mallory")
        await attacker.send(b"x" * 5000 + b"/nick gotcha\n/nick last\n")
        await attacker.sees(b"you are last now")
        assert b"gotcha" not in attacker.received
        assert attacker.received.count(b"a line of more than 1024 bytes is not sent") == 1


async def test_five_hundred_lines_in_one_packet(siege: Siege) -> None:
    async with bystanders(siege):
        attacker = await siege.enter("mallory")
        await attacker.send(b"".join(b"%d\n" % number for number in range(500)) + b"/cancel\n")
        await attacker.sees(b"lines not sent")


@both_ports
async def test_one_byte_a_packet(siege: Siege, telnet: bool) -> None:
    async with bystanders(siege):
        attacker = await siege.connect(telnet=telnet)
        with trio.move_on_after(2):
            for byte in cycle(b"mallory\nhello\n"):
                await attacker.send(bytes([byte]))
        attacker.reset()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\0", b"\r"])
async def test_every_line_ending_ends_one_line(siege: Siege, end: bytes) -> None:
    async with bystanders(siege):
        attacker = await siege.connect()
        watcher = await siege.enter("watcher")
        await attacker.send(end.join([b"mallory", b"one", b"", b"two", b""]))
        await watcher.sees(b"<mallory> one\r\n")
        await watcher.sees(b"<mallory> two\r\n")


@pytest.mark.parametrize(
    "nonsense",
    [
        "åß漢🙂".encode()[:-1],
        b"\xc0\xaf",  # overlong
        b"\xed\xa0\x80",  # a surrogate
        b"\xf5\x80\x80\x80",  # beyond Unicode
        b"\xfe",
        bytes(range(128, 240)),
    ],
)
async def test_what_is_not_utf_8_is_shown_as_such(siege: Siege, nonsense: bytes) -> None:
    async with bystanders(siege):
        attacker, watcher = await siege.enter("mallory"), await siege.enter("watcher")
        await attacker.send(b"a" + nonsense + b"z\n")
        await watcher.sees(b"<mallory> a")
        await watcher.sees(b"z\r\n")
        watcher.received.decode()


async def test_utf_8_cut_at_every_byte(siege: Siege) -> None:
    text = "åß漢🙂 is whole".encode()
    async with bystanders(siege):
        attacker, watcher = await siege.enter("mallory"), await siege.enter("watcher")
        for byte in text + b"\n":
            await attacker.send(bytes([byte]))
            await trio.sleep(0.002)
        await watcher.sees(b"<mallory> " + text)


# ------------------------------------------------------------------ telnet


@both_ports
@pytest.mark.parametrize("content", [b"x", bytes([IAC, IAC])], ids=["plain", "escaped"])
async def test_a_subnegotiation_without_end(siege: Siege, telnet: bool, content: bytes) -> None:
    async with bystanders(siege):
        attacker = await siege.connect(telnet=telnet)
        begin = bytes([IAC, SB, WINDOW_SIZE])
        await attacker.send_as_far_as_it_goes(begin + content * 5_000_000, seconds=2)
        attacker.reset()


@both_ports
async def test_sixty_thousand_random_option_verbs(siege: Siege, telnet: bool) -> None:
    chance = random.Random(1)
    storm = b"".join(
        bytes([IAC, chance.choice([WILL, WONT, DO, DONT]), chance.randrange(256)])
        for _ in range(60_000)
    )
    async with bystanders(siege):
        attacker = await siege.connect(telnet=telnet)
        await attacker.send_as_far_as_it_goes(storm, seconds=2)
        attacker.reset()


@both_ports
async def test_a_peer_that_mirrors_every_option_back(siege: Siege, telnet: bool) -> None:
    async with bystanders(siege):
        attacker = await siege.connect(telnet=telnet)
        await attacker.send(bytes([IAC, WILL, 1, IAC, DO, 1, IAC, DO, 3, IAC, WILL, 24]))
        echoed = 0
        with trio.move_on_after(2):
            while data := await attacker.stream.receive_some(65536):
                echoed += len(data)
                await attacker.send(data.replace(b"\n", b""))
        assert echoed < 10_000
        attacker.reset()


WORDS = {
    "a command": bytes([IAC, 241]),  # NOP
    "an option": bytes([IAC, WILL, 99]),
    "a subnegotiation": bytes([IAC, SB, WINDOW_SIZE, 0, 80, 0, 24, IAC, SE]),
    "an escaped one": bytes([IAC, SB, 99, IAC, IAC, IAC, SE]),
}


@both_ports
@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
async def test_an_iac_at_a_packet_s_edge(siege: Siege, telnet: bool, word: bytes) -> None:
    """Telnet's words, cut at every byte: nothing of them leaks into the text, nor eats of it."""
    async with bystanders(siege):
        attacker, watcher = await siege.connect(telnet=telnet), await siege.enter("watcher")
        await attacker.send(b"mallory\r\n")
        await attacker.sees(b"-- topic: ")
        for cut in range(len(word) + 1):
            await attacker.send(b"be" + word[:cut])
            await trio.sleep(0.02)  # so that it goes as a packet of its own
            await attacker.send(word[cut:] + b"fore %d\r\n" % cut)
            await watcher.sees(b"<mallory> before %d\r\n" % cut)


async def test_a_window_that_changes_with_every_packet(siege: Siege) -> None:
    async with bystanders(siege):
        attacker = await siege.connect(telnet=True)
        await attacker.send(bytes([IAC, WILL, WINDOW_SIZE]) + b"mallory\r\n")
        with trio.move_on_after(2):
            for columns in cycle(range(20, 250)):
                size = bytes([IAC, SB, WINDOW_SIZE, 0, columns, 0, 24, IAC, SE])
                await attacker.send(size)
        attacker.reset()


async def test_urgent_data_eats_no_character(siege: Siege) -> None:
    async with bystanders(siege):
        attacker, watcher = await siege.enter("mallory"), await siege.enter("watcher")
        await attacker.send(b"be")
        await attacker.stream.socket.send(b"f", socket.MSG_OOB)
        await attacker.send(b"ore\n")
        await watcher.sees(b"<mallory> before\r\n")


KEYS = {
    "characters in a long line": b"x" * 900 + b"\x01" + "é\x02".encode() * 4000,
    "kills and yanks": b"x" * 900 + b"\x15\x19" * 8000,
    "a paste without end": b"\x1b[200~" + b"y" * 200_000,
    "a paste of many lines": b"\x1b[200~" + b"y\r" * 4000 + b"\x1b[201~\r",
    "tabs": b"\t" * 20_000,
    "escapes": b"\x1b" * 50_000,
    "a sequence without end": b"\x1b[" + b"1;" * 50_000,
    "marks on one base": b"e" + "\u0301".encode() * 40_000,
    "screens to clear": b"\x0c" * 20_000,
    "history": b"a\r" * 10 + b"\x10\x0e" * 20_000,
}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
async def test_keys_in_character_mode(siege: Siege, keys: bytes) -> None:
    async with bystanders(siege):
        attacker = await siege.connect(telnet=True)
        name = bytes([IAC, SB, 24, 0]) + b"XTERM" + bytes([IAC, SE])
        await attacker.send(bytes([IAC, WILL, 24, IAC, DO, 3]) + 2 * name)
        await attacker.sees(bytes([IAC, WILL, 1]))
        await attacker.send(bytes([IAC, DO, 1]) + b"mallory\r")
        await attacker.sees(b"#lobby> ")
        await attacker.send_as_far_as_it_goes(keys, seconds=2)
        attacker.reset()
