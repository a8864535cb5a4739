"""Who is heard knocking at a private room, however many do."""

import re

import pytest

from trioserve.broker.admission import KNOCK_PAUSE, KNOCKS, Knocks
from trioserve.errors import ChatError
from trioserve.rooms.moderation import Identity
from trioserve.testing import Chat

BURST = int(KNOCKS[0])


def test_a_new_connection_or_name_is_no_way_to_knock_more_often() -> None:
    knocks = Knocks()
    knocks.take(Identity("bob", "192.0.2.7", 1), "#dev", 0.0)

    for again in (Identity("BOB", "192.0.2.8", 2), Identity("robert", "192.0.2.7", 3)):
        with pytest.raises(ChatError, match=r"^you may knock at #dev again in 30s$"):
            knocks.take(again, "#dev", 30.0)
    knocks.take(Identity("bob", "192.0.2.7", 4), "#dev", KNOCK_PAUSE)


def test_many_who_knock_hold_up_others_for_seconds_and_nobody_from_elsewhere() -> None:
    knocks = Knocks()
    for number in range(1, BURST + 1):
        knocks.take(Identity(f"n{number}", None, number), "#dev", 0.0)

    with pytest.raises(ChatError, match=r"^many knock at #dev now: you may in 2s$"):
        knocks.take(Identity("bob", None, 999), "#dev", 0.0)
    knocks.take(Identity("bob", None, 999), "#dev", 2.0)
    knocks.take(Identity("carol", "192.0.2.7", 1000), "#dev", 0.0)


def test_those_who_knocked_long_ago_are_forgotten() -> None:
    knocks = Knocks()
    for number in range(1, 1001):
        knocks.take(Identity(f"n{number}", f"h{number}", number), "#dev", number * 2.0)

    assert len(knocks._last) <= 3 * (BURST + KNOCK_PAUSE * KNOCKS[1])


async def test_one_owner_hears_one_person_once_whichever_room_they_knock_at(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    for room in ("#a", "#b"):
        await ann.types(f"/join {room}", "/private on")

    await bob.types("/knock #a")
    await ann.sees("* bob knocks at #a")
    await bob.types("/knock #b")

    assert re.fullmatch(r"-- you may knock at #b again in \w+", await bob.sees("-- you may"))
