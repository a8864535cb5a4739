"""Text that would be more than text: in every place where people's words are shown."""

import re

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.archives import Lasting
from tests.attacks.siege import Siege, bystanders
from tests.sim.transcripts import transcript
from tests.test_accounts import kept, logs_in, registers
from trioserve.extending.plugins import built_in
from trioserve.testing import Chat, Person, open_chat
from trioserve.wire.options import DO, ECHO, IAC, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WILL
from trioserve.wire.style import Screen
from trioserve.wire.telnet import SB, SE

# Whatever moves a cursor, changes colours, hides text or turns its direction.
ESCAPES = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x1b]52;c;aGk=\x1b\\",
    "\x9b31m",
    "\x90q\x9c",
    "\x00\x07\x08\x0c\x0e\x7f",
    "\u202e\u2066\u200e",
    "\u200b\u2060\ufeff",
    "\u2028\u2029\u0085",
    "\r* eve is now an operator",
    "a\u0301" + "\u0301" * 30,
    "\U000e0041\U000e007f",
]
UNSAFE = re.compile(
    "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f"
    "\u2060\ufeff\U000e0000-\U000e0fff]|\r(?!\n)|(?<!\r)\n"
)
# Commands that take a text behind their first word, and each command by that word itself.
SINKS = [
    "{}",
    "/{}",
    "/msg bob {}",
    "/nick x{}",
    "/join #x{}",
    "/leave #dev {}",
    "/knock #dev {}",
    "/kick bob {}",
    "/mute bob 10m {}",
    "/ban nobody 10m {}",
    "/banip 192.0.2.1 10m {}",
    "/kill bob {}",
    *(f"/{each.name} {{}}" for each in built_in().registry if each.usage != f"/{each.name}"),
]
words = st.lists(st.sampled_from(ESCAPES) | st.text(max_size=5), max_size=4).map("".join)


def unsafe(shown: str) -> list[str]:
    return UNSAFE.findall(shown)


def typed(sink: str, text: str) -> str:
    return sink.format(text.replace("\n", " "))


@pytest.mark.parametrize("sink", SINKS)
async def test_escape_sequences_reach_nobody_by_any_way(
    autojump_clock: MockClock, sink: str
) -> None:
    async with open_chat() as chat:
        ann, *others = await some_in_a_room_of_their_own(chat)
        for escape in ESCAPES:
            for each in (others[0], ann):  # as a guest, and as an operator who owns the room
                await each.types(typed(sink, f"a{escape}b"))
        for each in (ann, *others):
            await each.types("/who", "/topic", "/bans", "/audit", "/history")

        assert not any(unsafe(drawn(each.unseen())) for each in (ann, *others))


async def some_in_a_room_of_their_own(chat: Chat) -> list[Person]:
    """An operator, two guests, and one whose terminal has colours, rings, and is narrow."""
    screen = Screen(width=40, colors=256, rich=True)
    people = [
        await chat.join("ann", operator=True),
        await chat.join("carl"),
        await chat.join("bob"),
        await chat.join("rita", screen=screen),
    ]
    for each in people:
        await each.types("/join #dev")
    return people


def drawn(shown: str) -> str:
    """What is shown but for the server's own marks, and its bell at a line's end."""
    return re.sub(r"\x1b\[[\d;]*m|\a(?=\r\n)", "", shown)


@given(sink=st.sampled_from(SINKS), text=words)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_text_at_all_is_more_than_text_by_any_way(
    autojump_clock: MockClock, sink: str, text: str
) -> None:
    async with open_chat() as chat:
        people = await some_in_a_room_of_their_own(chat)

        for each in people[1::-1]:
            await each.types(typed(sink, text))

        assert not any(unsafe(drawn(each.unseen())) for each in people)


async def test_what_was_kept_is_shown_again_as_text(autojump_clock: MockClock) -> None:
    """Letters, mentions, what was found, the history, and all that is kept of somebody."""
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        await kept(chat, "bob")
        ann = await kept_and_here(chat)
        for escape in ESCAPES:
            for sink in ("{}", "/me {}", "/msg bob {}", "/topic {}"):
                await ann.types(typed(sink, f"bob a{escape}b"))
                await trio.sleep(10)
        await ann.types("/export")
        assert not unsafe(ann.unseen())
    async with open_chat(archive=archive) as chat:
        bob = await chat.join("bob")
        await logs_in(bob)
        await bob.types("/history", "/mentions", "/search ab", "/topic", "/export")
        await trio.sleep(60)

        shown = bob.unseen()
        assert shown.count("ann -> you: bob a") >= len(ESCAPES)
        assert not unsafe(shown)


async def kept_and_here(chat: Chat) -> Person:
    """Somebody who owns their name."""
    ann = await chat.join("ann")
    await registers(ann)
    ann.unseen()
    return ann


RAW = [
    b"\x1b[31m\x1b]0;t\x07",
    b"\x9b31m\x9d0;t\x9c",  # C1 as single bytes, as an 8-bit terminal takes them
    "\x9b31m\x9d0;t\x9c\u202e\u200b".encode(),
    b"\xc2\x1b[2J\xe2\x80",  # a sequence within a character that is cut
    b"\xff\x1b[2J",
    b"\x1b\x00[2J",
]


@pytest.mark.parametrize("raw", RAW)
@pytest.mark.parametrize("size", [1, 2, 1000])
async def test_bytes_that_are_split_over_packets_come_out_as_text(
    chat: Chat, raw: bytes, size: int
) -> None:
    ann, bob, reader = [await chat.join(nick) for nick in ("ann", "bob", "reader")]
    await reader.types("/format json")
    line = b"a" + raw + b"b\r\n/topic a" + raw + b"b\r\n"

    for at in range(0, len(line), size):
        ann.transport.type(line[at : at + size])
        await wait_all_tasks_blocked()

    assert not unsafe(bob.unseen())
    shown = reader.unseen()
    assert '"kind":"said"' in shown.replace(" ", "")
    assert not unsafe(shown.replace("\r", "").replace("\n", "\r\n"))


@given(text=words)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_line_of_a_person_begins_as_the_server_s_do(
    autojump_clock: MockClock, text: str
) -> None:
    async with open_chat() as chat:
        ann, _, bob, _ = await some_in_a_room_of_their_own(chat)
        bob.unseen()

        await ann.types(typed("{}", f"* zoe left{text}"), typed("/me {}", f"-- {text}"))

        for line in bob.unseen().split("\r\n"):
            assert re.match(r"$|\[\d\d:\d\d\] <ann> |\*\* ann ", line), line


LOOK_ALIKE = [
    *("server", "Operator", "you", "ann\u200b", "ann ", "-ann", "a.b", "/ann", "\U0001d4b6nn"),
    "\u0430nn",  # with a Cyrillic letter
]


@pytest.mark.parametrize("nick", LOOK_ALIKE)
async def test_names_that_look_like_others_cannot_be_had(chat: Chat, nick: str) -> None:
    await chat.join("ann")
    stranger = chat.connect()

    await stranger.types(nick)

    assert len(chat.server.world.members) == 1


@pytest.mark.e2e
@pytest.mark.slow
async def test_escape_sequences_over_real_connections(siege: Siege) -> None:
    async with bystanders(siege):
        mallory, reader = await siege.enter("mallory"), await siege.enter("reader")
        program = await siege.enter("program")
        await program.send(b"/format json\n")
        await program.sees(b"the format is json now")
        keyboard = await siege.connect(telnet=True)
        await keyboard.send(bytes([IAC, WILL, TERMINAL_TYPE, IAC, DO, SUPPRESS_GO_AHEAD]))
        await keyboard.send(2 * (bytes([IAC, SB, TERMINAL_TYPE, 0]) + b"XTERM" + bytes([IAC, SE])))
        await keyboard.sees(bytes([IAC, WILL, ECHO]))
        await keyboard.send(bytes([IAC, DO, ECHO]) + b"keyboard\r")
        await keyboard.sees(b"#lobby> ")
        for sink in ("%b", "/me %b", "/topic %b", "/msg reader %b", "/nick x%b", "/jion %b"):
            for raw in RAW:
                line = sink.encode() % (b"a" + raw + b"b") + b"\n"
                await mallory.send(line[:5])
                await trio.sleep(0.3)  # as flood control has it, and as two packets
                await mallory.send(line[5:])
        await mallory.send(b"that is all\n")
        for each in (reader, program, keyboard):
            await each.sees(b"that is all")

    assert reader.received.count(b"mallory") > 4 * len(RAW)
    for shown in (
        reader.received.decode(),
        program.received.decode().replace("\r\n", "\n").replace("\n", "\r\n"),  # JSON has LF
        transcript(bytes(keyboard.received)).replace("\r", "").replace("\n", "\r\n"),
    ):
        assert not unsafe(drawn(shown))


@pytest.mark.e2e
@pytest.mark.slow
async def test_names_of_others_cannot_be_had_by_looking_alike(siege: Siege) -> None:
    async with bystanders(siege):
        for nick in LOOK_ALIKE:
            stranger = await siege.connect()
            await stranger.send(nick.replace("ann", "eve").encode() + b"\n")
            await stranger.sees_either(b"-- a name ", b"is taken", b"reserved", b"-- ")
            assert b"-- topic: " not in stranger.received, nick
            stranger.close()


@pytest.mark.e2e
@pytest.mark.slow
async def test_nobody_writes_lines_of_their_own_into_the_log(siege: Siege) -> None:
    async with bystanders(siege):
        attacker = await siege.connect()
        forged = b"2026-01-01 00:00:00,000 CRITICAL the server is on fire"
        await attacker.send(b"a\x0b" + forged + b"\n\x1b[31m\r\nmallory\n/quit\r" + forged + b"\n")
        await attacker.reads_to_the_end()
    assert not any("on fire" in line or "\x1b" in line for line in siege.running.log)
