"""How an owner's rooms are joined again at a login, with what was said there meanwhile."""

import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import pytest
import trio
from trio.testing import MockClock

from tests.archives import FaultyArchive, Lasting
from tests.test_accounts import leaves, logs_in, registers
from tests.test_past import lines
from tests.test_preferences import comes_again
from trioserve.archive.whereabouts import WHEREABOUTS
from trioserve.configuration.config import Config
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.rooms.whereabouts import MAX_ABSENCES, begun, ended
from trioserve.testing import Chat, Person, open_chat

SECOND = 1.0
MANY = 1_000_000

T = TypeVar("T")


class Reticent(Lasting):
    """An archive that answers so many queries."""

    answered = MANY  # to others there is no answer

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        if not self.answered:
            await trio.sleep_forever()
        self.answered -= 1
        return await super().read(query)


async def owner(chat: Chat, *rooms: str, nick: str = "ann") -> Person:
    """Somebody with an account, in the first room and in these."""
    person = await chat.join(nick)
    await registers(person)
    for each in rooms:
        await person.types(f"/join {each}")
        await person.sees(f"-- {each}: ")
    return person


async def lands(person: Person) -> str:
    """Wait until a login is over, and return its last line."""
    return await person.sees("-- you are logged in as ")


async def in_dev(chat: Chat) -> tuple[Person, Person]:
    """Ann, who has an account, and Bob, in #dev."""
    bob = await chat.join("bob")
    await bob.types("/join #dev")
    return await owner(chat, "#dev"), bob


def all_of(person: Person) -> list[str]:
    """What somebody was ever shown, line by line; what follows a prompt is a line of its own."""
    return lines(person.transport.received.decode().replace("Password of ann: ", ""))


def new_behind(person: Person, line: str) -> list[str]:
    """What somebody was shown as new right behind a line."""
    shown = all_of(person)
    at = shown.index(line) + 1
    assert shown[at] == "-- new --"
    return shown[at + 1 : shown.index("-- now --", at)]


# ------------------------------------------------------------------ the rooms


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_the_rooms_are_joined_again_and_the_current_one_is_the_current_one(
    autojump_clock: MockClock, is_restarted: bool
) -> None:
    archive = Lasting()
    async with AsyncExitStack() as servers:
        chat = await servers.enter_async_context(open_chat(archive=archive))
        ann = await owner(chat, "#dev", "#tea")
        await ann.types("/room dev")
        if is_restarted:
            await servers.aclose()
            chat = await servers.enter_async_context(open_chat(archive=archive))
        else:
            await leaves(ann)

        assert await lands(await comes_again(chat)) == (
            "-- you are logged in as ann, in #dev; you are also in #lobby, #tea"
        )


async def test_who_had_left_the_first_room_is_not_in_it_again(chat: Chat) -> None:
    ann = await owner(chat, "#dev")
    await ann.types("/leave lobby")
    await leaves(ann)

    again = await comes_again(chat)

    assert await lands(again) == "-- you are logged in as ann, in #dev"
    assert list(chat.server.world.member("ann").rooms) == ["#dev"]


async def test_a_login_that_goes_on_with_another_leaves_no_room_that_was_joined_again(
    autojump_clock: MockClock,
) -> None:
    archive = Reticent()
    async with open_chat(archive=archive) as chat:
        await owner(chat, "#dev")
    async with open_chat(archive=archive) as chat:
        first, second = await chat.join("first"), await chat.join("second")
        archive.answered = 2  # the password, and what is kept; not what was said in #dev
        await logs_in(first, command="/login ann")
        archive.answered = MANY
        await logs_in(second, command="/login ann")
        await lands(second)

        assert list(chat.server.world.member("ann").rooms) == ["#lobby", "#dev"]


async def test_rooms_that_were_left_or_one_was_thrown_out_of_are_not_joined_again(
    chat: Chat,
) -> None:
    bob = await chat.join("bob")
    await bob.types("/join #dev")
    ann = await owner(chat, "#dev", "#tea")
    await bob.types("/kick ann")
    await ann.types("/leave tea")
    await leaves(ann)

    await lands(await comes_again(chat))

    assert list(chat.server.world.member("ann").rooms) == ["#lobby"]


async def test_a_guest_is_in_the_first_room_alone_whoever_had_the_name(chat: Chat) -> None:
    await leaves(await owner(chat, "#dev"))

    await chat.join("ann")

    assert list(chat.server.world.member("ann").rooms) == ["#lobby"]


async def test_rooms_that_are_not_open_any_more_are_a_line_each_and_then_forgotten(
    chat: Chat,
) -> None:
    bob = await chat.join("bob")
    await bob.types("/join #den", "/join #dev")
    await leaves(await owner(chat, "#den", "#dev", "#tea"))
    await bob.types("/ban ann too loud", "/room den", "/private on")

    again = await comes_again(chat)

    await again.sees("-- #den is not joined again: #den is private; /knock #den asks to be let in")
    await again.sees("-- #dev is not joined again: you are banned from #dev")
    assert await lands(again) == "-- you are logged in as ann, in #tea; you are also in #lobby"
    await leaves(again)
    once_more = await comes_again(chat)
    await lands(once_more)
    assert "not joined again" not in once_more.unseen()


async def test_no_more_rooms_are_joined_again_than_one_may_be_in(
    autojump_clock: MockClock,
) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        await owner(chat, "#a", "#b", "#c")
    async with open_chat(Config(rooms=RoomLimits(per_member=3)), archive=archive) as chat:
        again = await comes_again(chat)

        await again.sees("-- #c is not joined again: you are in 3 rooms, the most")
        await lands(again)


async def test_a_login_that_is_cancelled_forgets_no_room(autojump_clock: MockClock) -> None:
    archive = Reticent()
    async with open_chat(archive=archive) as chat:
        await owner(chat, "#dev", "#tea")
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        archive.answered = 2  # the password, and what is kept; not what was said in #dev
        await logs_in(ann)
        await ann.types("/cancel")
        await ann.sees("-- /login is cancelled")
        archive.answered = MANY
        await ann.types("/join #tea", "/leave #tea")
        await leaves(ann)

        await lands(await comes_again(chat))

        # But for the one that was left meanwhile.
        assert list(chat.server.world.member("ann").rooms) == ["#lobby", "#dev"]


# ------------------------------------------------------------------ what was said since


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_what_was_said_since_is_shown_apart_room_by_room(
    autojump_clock: MockClock, is_restarted: bool
) -> None:
    archive = Lasting()
    async with AsyncExitStack() as servers:
        chat = await servers.enter_async_context(open_chat(archive=archive))
        ann, bob = await in_dev(chat)
        await bob.types("before")
        await ann.sees("before")
        await leaves(ann)
        await bob.types("after", "/room lobby", "and here")
        if is_restarted:
            await servers.aclose()
            chat = await servers.enter_async_context(open_chat(archive=archive))

        again = await comes_again(chat)
        await lands(again)

        here = "1 here: ann" if is_restarted else "2 here: bob, ann"
        assert new_behind(again, f"-- #dev: {here}") == ["<bob> after"]
        shown = all_of(again)
        assert shown[shown.index("-- new --") + 1] == "<bob> and here"


async def test_what_one_has_read_as_a_guest_is_not_new_to_the_owner(chat: Chat) -> None:
    bob = await chat.join("bob")
    await leaves(await owner(chat))
    await bob.types("one")
    ann = await chat.join("ann")
    await bob.types("two")
    await ann.sees("two")

    await logs_in(ann)
    await lands(ann)

    assert "two" not in lines(ann.unseen())
    shown = all_of(ann)
    assert shown.count("<bob> one") == 2  # as one of the last, and then as new
    assert shown.count("<bob> two") == 1


async def test_where_nothing_is_new_nothing_is_shown_of_a_room_one_is_in(chat: Chat) -> None:
    bob = await chat.join("bob")
    ann = await owner(chat)
    await bob.types("one")
    await leaves(ann)
    again = await chat.join("ann")

    await logs_in(again)

    assert lines(again.unseen()) == ["-- you are logged in as ann, in #lobby"]


async def test_after_an_end_without_goodbyes_what_was_said_until_then_is_not_new(
    autojump_clock: MockClock,
) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        ann, bob = await in_dev(chat)
        await bob.types("before")
        await trio.sleep(SECOND)
        archive.fault = "killed"  # nothing more is written, as after kill -9
        assert ann.unseen()
    archive.fault = ""
    async with open_chat(archive=archive) as chat:
        carol = await chat.join("carol")
        await carol.types("/join #dev", "after")

        again = await comes_again(chat)
        await lands(again)

        assert new_behind(again, "-- #dev: 2 here: carol, ann") == ["<carol> after"]


async def test_who_was_lost_when_the_server_ended_is_shown_all_since_the_break(
    autojump_clock: MockClock,
) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        ann, bob = await in_dev(chat)
        await ann.vanishes()
        await bob.types("where are you?")
    async with open_chat(archive=archive) as chat:
        again = await comes_again(chat)
        await lands(again)

        shown = all_of(again)
        assert "<bob> where are you?" in shown[shown.index("-- #dev: 1 here: ann") :]


# ------------------------------------------------------------------ what is kept of it


async def test_where_one_is_is_kept_as_it_changes(chat: Chat) -> None:
    ann = await owner(chat, "#dev")
    await trio.sleep(SECOND)
    (row,) = (await chat.server.archive.read(WHEREABOUTS.page("ann", 0))).rows
    assert (row["rooms"], row["current"], row["left"]) == (("#lobby", "#dev"), "#dev", None)

    await leaves(ann)
    await trio.sleep(SECOND)

    (row,) = (await chat.server.archive.read(WHEREABOUTS.page("ann", 0))).rows
    assert (row["rooms"], row["current"]) == (("#lobby", "#dev"), "#dev")
    assert row["left"] is not None


async def test_while_nothing_can_be_written_the_rooms_are_joined_again_all_the_same(
    autojump_clock: MockClock,
) -> None:
    archive = FaultyArchive()
    async with open_chat(archive=archive) as chat:
        ann = await owner(chat)
        archive.fault = "no space"
        await ann.types("/join #dev")
        await leaves(ann)

        await lands(await comes_again(chat))

        assert list(chat.server.world.member("ann").rooms) == ["#lobby", "#dev"]
        archive.fault = ""


def test_absences_end_before_others_begin_and_the_last_are_remembered() -> None:
    absences = begun((), 5)
    assert begun(absences, 7) == absences == ((5, None),)
    assert ended(absences, 9) == ((5, 9),)
    assert ended(absences, 5) == ()
    assert ended(((5, 9),), 12) == ((5, 9),)

    for number in range(100):
        absences = ended(begun(absences, 10 * number), 10 * number + 5)

    assert len(absences) == MAX_ABSENCES
    assert absences[-1] == (990, 995)


async def test_what_was_said_before_somebody_came_is_not_new_after_a_lost_connection(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(archive=Lasting()) as chat:
        bob = await chat.join("bob")
        await bob.types("before ann came")
        ann = await owner(chat)
        await bob.types("ann sees that")
        await ann.sees("<bob> ann sees that")
        await ann.vanishes()
        await trio.sleep(63)

        again = await chat.join("ann2")
        await logs_in(again, command="/login ann")
        await lands(again)

        shown = all_of(again)
        new = shown[shown.index("-- new --") :]
        assert not [line for line in new if "before ann came" in line]
        assert [line for line in new if "ann sees that" in line]
