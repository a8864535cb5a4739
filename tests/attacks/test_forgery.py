"""Text that would be more than text: in every place where people's words are shown."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.attacks.siege import Siege, bystanders
from trioserve.testing import Chat, Person, open_chat

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
SINKS = [
    "{}",
    "/me {}",
    "/msg bob {}",
    "/topic {}",
    "/nick x{}",
    "/join #x{}",
    "/leave #dev {}",
    "/away {}",
    "/kick bob {}",
    "/mute bob 10m {}",
    "/ban nobody 10m {}",
    "/help {}",
    "/{}",
    "/who {}",
    "/ignore {}",
    "/timezone {}",
    "/theme {}",
    "/quit {}",
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
        ann, bob = await two_in_a_room_of_their_own(chat)
        for escape in ESCAPES:
            await ann.types(typed(sink, f"a{escape}b"))
        await ann.types("/history")
        await bob.types("/who", "/topic", "/history")

        assert not unsafe(bob.unseen())
        assert not unsafe(ann.unseen())


async def two_in_a_room_of_their_own(chat: Chat) -> tuple[Person, Person]:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    for each in (ann, bob):
        await each.types("/join #dev")
    return ann, bob


@given(sink=st.sampled_from(SINKS), text=words)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_text_at_all_is_more_than_text_by_any_way(
    autojump_clock: MockClock, sink: str, text: str
) -> None:
    async with open_chat() as chat:
        ann, bob = await two_in_a_room_of_their_own(chat)
        bob.unseen()

        await ann.types(typed(sink, text))

        assert not unsafe(bob.unseen())
        assert not unsafe(ann.unseen())


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
        ann, bob = await two_in_a_room_of_their_own(chat)
        bob.unseen()

        await ann.types(typed("{}", f"* zoe left{text}"), typed("/me {}", f"-- {text}"))

        for line in bob.unseen().split("\r\n"):
            assert re.match(r"$|\[\d\d:\d\d\] <ann> |\*\* ann ", line), line


@pytest.mark.parametrize(
    "nick", ["server", "Operator", "аnn", "ann\u200b", "ann ", "-ann", "a.b", "/ann", "𝒶nn", "you"]
)
async def test_names_that_look_like_others_cannot_be_had(chat: Chat, nick: str) -> None:
    await chat.join("ann")
    stranger = chat.connect()

    await stranger.types(nick)

    assert len(chat.server.world.members) == 1


@pytest.mark.e2e
@pytest.mark.slow
async def test_nobody_writes_lines_of_their_own_into_the_log(siege: Siege) -> None:
    async with bystanders(siege):
        attacker = await siege.connect()
        forged = b"2026-01-01 00:00:00,000 CRITICAL the server is on fire"
        await attacker.send(b"a\x0b" + forged + b"\n\x1b[31m\r\nmallory\n/quit\r" + forged + b"\n")
        await attacker.reads_to_the_end()
    assert not any("on fire" in line or "\x1b" in line for line in siege.running.log)
