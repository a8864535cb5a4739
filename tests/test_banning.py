"""Addresses that operators ban from the whole server."""

import time

import pytest
import trio

from trioserve.rooms.moderation import MAX_BANNED, Identity, Sanction
from trioserve.testing import Chat

HOST, ELSEWHERE = "192.0.2.1", "192.0.2.2"


async def test_who_is_there_is_taken_off_and_who_comes_is_refused_with_the_reason(
    chat: Chat,
) -> None:
    bob, ann = await chat.join("bob", host=HOST), await chat.join("ann", host=ELSEWHERE)
    op = await chat.join("op", operator=True)

    await op.types(f"/banip {HOST} 1h flooding")

    assert "* 192.0.2.1 is banned from the server by op until" in await bob.sees_the_end()
    assert await ann.sees("bob") == "* bob left (banned by op: flooding)"
    refused = await chat.connect(host=HOST).sees_the_end()
    assert refused.startswith("-- your address is banned from this server until ")
    assert " UTC (flooding)" in refused
    assert chat.server.counters.refused == {"banned": 1}
    await op.types("/banips", "/audit")
    await op.sees("-- 192.0.2.1 is banned by op until")
    await op.sees("192.0.2.1 is banned from the server by op")


async def test_other_operators_are_told_of_bans_and_their_ends(chat: Chat) -> None:
    op, other = await chat.join("op", operator=True), await chat.join("other", operator=True)

    await op.types(f"/banip {HOST} 1h flooding", f"/unbanip {HOST}")

    await other.sees("* 192.0.2.1 is banned from the server by op until")
    await other.sees("* 192.0.2.1 is no longer banned from the server, by op")


async def test_a_nick_stands_for_its_address_of_ipv6_the_64(chat: Chat) -> None:
    await chat.join("bob", host="2001:db8::1")
    op = await chat.join("op", operator=True)

    await op.types("/banip bob")

    refused = await chat.connect(host="2001:db8::2").sees_the_end()
    assert refused == "-- your address is banned from this server until that is lifted\r\n"
    await op.types("/unbanip 2001:db8::/64")
    await chat.join("bob", host="2001:db8::1")


async def test_a_ban_ends_by_itself(chat: Chat) -> None:
    op = await chat.join("op", operator=True)

    await op.types(f"/banip {HOST} 1h")
    await trio.sleep(3601)

    await chat.join("bob", host=HOST)
    await op.types("/banips")
    await op.sees("-- no address is banned")


async def test_who_has_connected_and_given_no_name_gets_in_no_further(chat: Chat) -> None:
    op, bob = await chat.join("op", operator=True), chat.connect(host=HOST)

    await op.types(f"/banip {HOST}")
    await bob.types("bob")

    await bob.sees("-- your address is banned from this server")


@pytest.mark.parametrize(
    ("whom", "problem"),
    [
        ("127.0.0.1", "127.0.0.1 is this machine"),
        ("::1", "::1 is this machine"),
        ("op", "op comes from this machine"),
        ("nobody2", "there is no nobody2 here"),
        ("192.0.2.300", "expected an address such as 192.0.2.1"),
        (ELSEWHERE, "op2 is an operator"),
    ],
)
async def test_what_cannot_be_banned_is_one_line(chat: Chat, whom: str, problem: str) -> None:
    op = await chat.join("op", operator=True)
    await chat.join("op2", operator=True, host=ELSEWHERE)

    await op.types(f"/banip {whom}", "/banips")

    await op.sees(f"-- {problem}")
    await op.sees("-- no address is banned")


async def test_only_operators_ban_addresses(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types(f"/banip {HOST}")

    await ann.sees("-- /banip is for operators")


async def test_a_thousand_addresses_may_be_banned_and_no_more(chat: Chat) -> None:
    op = await chat.join("op", operator=True)
    now = time.time()
    for number in range(MAX_BANNED):
        ban = Sanction(Identity(f"198.51.{number // 256}.{number % 256}"), "op", until=now + 3600)
        chat.server.world.banned.add(ban, now)

    await op.types(f"/banip {HOST}")

    await op.sees(f"-- there are {MAX_BANNED} ")
    assert HOST not in op.unseen()
    await chat.join("bob", host=HOST)


async def test_a_reason_at_the_door_is_one_line_that_controls_no_terminal(chat: Chat) -> None:
    op = await chat.join("op", operator=True)

    await op.types(f"/banip {HOST} 1h \x1b[2Jso\u2028-- and\u202e \x07on")

    refused = await chat.connect(host=HOST).sees_the_end()
    assert refused.isascii()
    assert refused.removesuffix("\r\n").isprintable()
    assert refused.count("\n") == 1
    assert refused.startswith("-- your address is banned from this server until ")
