"""What operators do on the whole server, as others read, count and log it."""

import logging

import pytest
import trio

from trioserve.broker.policing import BANNED, TAKEN_OFF
from trioserve.testing import Chat

HERE = "192.0.2.7"


async def test_what_is_told_to_everybody_is_audited_and_logged(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trioserve.broker.audit")
    op, ann = await chat.join("op", operator=True), await chat.join("ann")

    await op.types("/wall tea at five")
    await ann.sees("* op, an operator, to everybody: tea at five")
    await op.types("/audit")

    await op.sees(" op told everybody: tea at five")
    assert "op told everybody: tea at five" in caplog.messages


async def test_who_is_taken_off_is_counted_under_a_cause_without_their_reason(
    chat: Chat,
) -> None:
    op = await chat.join("op", operator=True)
    ann, bob = await chat.join("ann"), await chat.join("bob", host=HERE)

    await op.types("/kill ann some reason", f"/banip {HERE} another reason")
    assert "-- you may come again\r\n" in await ann.sees_the_end()
    assert "-- you may come again when that is lifted\r\n" in await bob.sees_the_end()

    await trio.sleep(1)  # until the connections are closed
    assert chat.server.counters.cut == {TAKEN_OFF: 1, BANNED: 1}


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("bob", "-- /unbanip takes an address; /banips lists those that are banned"),
        ("192.0.2.9", "-- 192.0.2.9 is not banned; /banips lists the addresses that are"),
        ("2001:db8::5", "-- 2001:db8::/64 is not banned; /banips lists the addresses that are"),
        ("1.2.3", '-- expected an address such as 192.0.2.1, got "1.2.3"'),
    ],
)
async def test_what_is_no_banned_address_is_one_line(chat: Chat, typed: str, answer: str) -> None:
    op = await chat.join("op", operator=True)
    await chat.join("bob", host=HERE)

    await op.types(f"/unbanip {typed}")

    assert await op.sees("-- ") == answer
    assert not op.unseen()
