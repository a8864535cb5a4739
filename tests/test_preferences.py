"""What a person sets for themselves, kept with their account, and there again at a login."""

from collections.abc import Mapping
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.archives import FaultyArchive, Lasting
from tests.test_accounts import leaves, logs_in, registers
from trioserve.archive.preferences import PREFERENCES as PREFERENCES_KEPT
from trioserve.archive.preferences import Chosen, Unchosen
from trioserve.broker.broker import Nowhere
from trioserve.rooms.member import Member
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.state.preferences import PREFERENCES, changes, restore, sound
from trioserve.state.world import World
from trioserve.testing import Chat, Person, open_chat
from trioserve.wire.style import Look

SECOND = 1.0
OTHERWISE: dict[str, Any] = {  # one value of each that it has not by itself
    "theme": "mono",
    "bell": "all",
    "clock": "full",
    "zone": "Europe/Oslo",
    "spoken": True,
    "quiet": True,
    "ignored": ["bob"],
}


async def has_been_here(chat: Chat, *lines: str) -> None:
    """Have Ann register, type this, and leave."""
    ann = await chat.join("ann")
    await registers(ann)
    await ann.types(*lines)
    await leaves(ann)


async def comes_again(chat: Chat, nick: str = "ann") -> Person:
    person = await chat.join(nick)
    await logs_in(person)
    return person


async def kept_of(chat: Chat, account: str) -> list[Mapping[str, object]]:
    return list((await chat.server.archive.read(PREFERENCES_KEPT.page(account, 0))).rows)


def member_of(world: World, nick: str = "ann") -> Member:
    member = Member(nick, Nowhere(), 0.0)
    world.enter(member)
    return member


# ------------------------------------------------------------------ through the chat


async def test_what_one_has_set_is_there_again_at_the_next_login_and_one_line_says_so(
    chat: Chat,
) -> None:
    await has_been_here(chat, "/theme mono", "/timezone Oslo", "/ignore bob", "/quiet")

    again = await comes_again(chat)

    await again.sees("-- set as you had it: theme, time zone, quiet, ignore list")
    await again.sees("-- you are logged in as ann")
    member = chat.server.world.member("ann")
    assert member.look == Look(theme="mono", zone="Europe/Oslo")
    assert member.quiet
    assert member.ignores("bob")


async def test_what_one_has_set_outlives_a_restart(autojump_clock: MockClock) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        await ann.types("/time full")
    async with open_chat(archive=archive) as chat:
        ann = await comes_again(chat)

        await ann.sees("-- set as you had it: time stamps")


async def test_what_a_guest_has_set_is_kept_once_they_register(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/theme mono")
    await registers(ann)
    await leaves(ann)

    await (await comes_again(chat)).sees("-- set as you had it: theme")


async def test_what_is_as_it_would_be_anyway_needs_no_line(chat: Chat) -> None:
    await has_been_here(chat, "/theme mono", "/theme auto", "/ignore bob", "/unignore bob")

    again = await comes_again(chat)

    assert "set as you had it" not in again.unseen()


async def test_what_was_set_a_moment_before_a_login_is_kept_too(chat: Chat) -> None:
    await has_been_here(chat)
    again = await chat.join("ann")
    await again.types("/bell all")
    await logs_in(again)
    await leaves(again)

    await (await comes_again(chat)).sees("-- set as you had it: bell")


async def test_what_a_guest_sets_is_nobody_s(chat: Chat) -> None:
    await has_been_here(chat)
    guest = await chat.join("ann")
    await guest.types("/theme mono")
    await leaves(guest)

    again = await comes_again(chat)

    assert "set as you had it" not in again.unseen()


async def test_a_name_that_is_given_up_takes_with_it_what_was_kept(chat: Chat) -> None:
    ann = await chat.join("ann")
    await registers(ann)
    await ann.types("/theme mono")
    await logs_in(ann, command="/unregister")
    await ann.sees("-- the name ann is kept no more, nor anything that was kept of you")
    await leaves(ann)
    assert await kept_of(chat, "ann") == []
    other = await chat.join("ann")
    await registers(other)
    await leaves(other)

    again = await comes_again(chat)

    assert "set as you had it" not in again.unseen()


async def test_what_can_be_had_no_more_is_left_out(autojump_clock: MockClock) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        for name, value in {"theme": "neon", "zone": "Moon/Base", "hat": 1, "quiet": True}.items():
            chat.server.journal.put(Chosen("ann", name, value))
    async with open_chat(archive=archive) as chat:
        ann = await comes_again(chat)

        await ann.sees("-- set as you had it: quiet")


# ------------------------------------------------------------------ when the disk fails


async def test_what_is_not_written_yet_is_there_at_a_login(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        await ann.types("/quiet")
        await trio.sleep(SECOND)
        archive.fault = "no space"
        await ann.types("/theme mono", "/quiet off")
        await leaves(ann)

        await (await comes_again(chat)).sees("-- set as you had it: theme")
        archive.fault = ""


async def test_who_cannot_be_read_about_is_told_so_and_stays_a_guest(
    autojump_clock: MockClock,
) -> None:
    archive = FaultyArchive()
    async with open_chat(archive=archive) as chat:
        await has_been_here(chat)
        archive.unreadable = "an I/O error"

        again = await comes_again(chat)
        await again.sees("-- the server cannot read that at the moment; try again later")
        archive.unreadable = ""
        await logs_in(again)
        await again.sees("-- you are logged in as ann")


# ------------------------------------------------------------------ one place for each


def test_every_preference_has_another_value_here() -> None:
    assert [each.name for each in PREFERENCES] == list(OTHERWISE)


@pytest.mark.parametrize("preference", PREFERENCES, ids=lambda each: each.name)
def test_a_preference_is_kept_when_it_is_set_and_had_again_from_what_is_kept(
    preference: Any,
) -> None:
    world = World(RoomLimits())
    ann, again = member_of(world), member_of(world, "ann2")
    value = OTHERWISE[preference.name]
    ann.account = again.account = "ann"

    preference.set(world, ann, value)
    kept = changes(ann)

    assert kept == [Chosen("ann", preference.name, value)]
    assert changes(ann) == []
    assert restore(world, again, sound({preference.name: value})) == [preference.label]
    assert preference.get(again) == value
    assert changes(again) == []


def test_a_preference_that_is_taken_back_is_kept_no_more() -> None:
    world = World(RoomLimits())
    ann = member_of(world)
    ann.account = "ann"
    world.set_quiet(ann, True)
    changes(ann)

    world.set_quiet(ann, False)

    assert changes(ann) == [Unchosen("ann", "quiet")]


@pytest.mark.parametrize("value", [None, 7, [], {}, "", "neon", ["bob"] * 101, ["not a nick"], [1]])
@pytest.mark.parametrize("preference", PREFERENCES, ids=lambda each: each.name)
def test_no_value_that_was_kept_breaks_a_login(preference: Any, value: Any) -> None:
    world = World(RoomLimits())

    chosen = sound({preference.name: value})

    restore(world, member_of(world), chosen)
    assert chosen in ({}, {"ignored": []})


# ------------------------------------------------------------------ all that is kept of one


async def test_what_is_kept_can_be_had_as_rows(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    for person in ann, bob:
        await registers(person)
        await person.types("/theme mono")
    await trio.sleep(SECOND)

    assert await kept_of(chat, "ann") == [{"what": "preference", "name": "theme", "value": "mono"}]


async def test_nothing_is_kept_of_whoever_has_no_account_any_more(chat: Chat) -> None:
    chat.server.journal.put(Chosen("ann", "theme", "mono"))
    await trio.sleep(SECOND)

    assert await kept_of(chat, "ann") == []


def test_whatever_one_chooses_of_how_things_look_is_kept() -> None:
    assert {each.name for each in attrs.fields(Look)} <= {each.name for each in PREFERENCES}
