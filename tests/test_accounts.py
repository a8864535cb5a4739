"""How a name is kept for its owner, and what becomes of who only borrows it."""

import logging
from typing import TypeVar

import pytest
import trio

from tests.archives import FaultyArchive, Lasting
from trioserve.archive.database import Query
from trioserve.configuration.config import Config
from trioserve.limits import TRIES, WITHIN
from trioserve.ownership import GiveBack
from trioserve.sessions.services import SessionLimits
from trioserve.testing import Chat, Person, open_chat

QUICK = Config(limits=SessionLimits(flood_control=False))
PASSWORD = "correct horse"
BORROWED = 30.0  # seconds

T = TypeVar("T")


async def registers(person: Person, password: str = PASSWORD) -> None:
    await person.types("/register")
    await person.sees("New password: ")
    await person.types(password)
    await person.sees("The same again: ")
    await person.types(password)
    await person.sees("is yours; when you come again: /login")


async def logs_in(person: Person, password: str = PASSWORD, command: str = "/login") -> None:
    await person.types(command)
    await person.sees("Password of ")
    await person.types(password)


async def leaves(person: Person) -> None:
    await person.types("/quit")
    await person.sees_the_end()


# ------------------------------------------------------------------ keeping


async def test_a_name_is_kept_for_who_comes_again_with_the_password(chat: Chat) -> None:
    ann = await chat.join("ann")
    await registers(ann)
    await leaves(ann)

    again = await chat.join("ann")
    await logs_in(again)

    await again.sees("-- you are logged in as ann")


async def test_a_name_is_kept_over_a_restart(autojump_clock: trio.abc.Clock) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        await registers(await chat.join("ann"))
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("Ann")
        await logs_in(ann)

        await ann.sees("-- you are logged in as Ann")


async def test_a_name_that_cannot_be_kept_is_not_said_to_be(
    autojump_clock: trio.abc.Clock,
) -> None:
    archive = FaultyArchive(fault="no space")
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("/register")
        await ann.types(PASSWORD)
        await ann.types(PASSWORD)
        await trio.sleep(20)

        await ann.sees("-- the server cannot keep anything at the moment; try again later")
        archive.fault = ""
        await trio.sleep(60)
        ann.unseen()
        await ann.types("/login")
        await ann.sees("-- the name ann is nobody's; /register keeps the one that you have")


@pytest.mark.parametrize(
    ("first", "second", "refusal"),
    [
        ("short", None, "a password has at least 8 characters"),
        (PASSWORD, "another horse", "these were two passwords: nothing is changed"),
        ("", None, "no password: nothing is changed"),
    ],
)
async def test_a_bad_password_keeps_nothing(
    chat: Chat, first: str, second: str | None, refusal: str
) -> None:
    ann = await chat.join("ann")
    await ann.types("/register")
    await ann.types(first)
    if second is not None:
        await ann.types(second)

    await ann.sees(f"-- {refusal}")
    await ann.types("/login")
    await ann.sees("-- the name ann is nobody's")


async def test_who_can_be_read_along_with_is_warned(chat: Chat) -> None:
    ann = await chat.join("ann", private=False)

    await ann.types("/register")

    await ann.sees("-- others may read along on your connection: use no password that matters")


async def test_a_password_changes_for_who_knows_the_old_one(chat: Chat) -> None:
    ann = await chat.join("ann")
    await registers(ann)

    await logs_in(ann, command="/password")
    await ann.sees("New password: ")
    await ann.types("battery staple")
    await ann.types("battery staple")
    await ann.sees("-- your password is changed")
    await ann.types("/quit")
    again = await chat.join("ann")
    await logs_in(again, "battery staple")

    await again.sees("-- you are logged in as ann")


async def test_a_name_that_is_given_up_is_anybodys(chat: Chat) -> None:
    ann = await chat.join("ann")
    await registers(ann)
    await logs_in(ann, command="/unregister")
    await ann.sees("-- the name ann is kept no more")
    await leaves(ann)

    guest = await chat.join("ann")
    await trio.sleep(2 * BORROWED)

    await guest.types("/nick ann")
    await guest.sees("-- you are ann already")


@pytest.mark.parametrize("cancels", [False, True])
async def test_a_password_that_is_not_changed_stays_also_when_the_disk_is_well_again(
    autojump_clock: trio.abc.Clock, cancels: bool
) -> None:
    archive = FaultyArchive()
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        archive.fault = "no space"
        await logs_in(ann, command="/password")
        await ann.types("battery staple")
        await ann.types("battery staple")  # not ahead of its question
        if cancels:
            await ann.types("/cancel")
            await ann.sees("-- /password is cancelled")
        else:
            await trio.sleep(20)
            await ann.sees("-- the server cannot keep anything at the moment; try again later")
        archive.fault = ""
        await trio.sleep(60)
        await leaves(ann)

        again = await chat.join("ann")
        await logs_in(again, PASSWORD)
        await again.sees("-- you are logged in as ann")


async def test_no_name_is_given_up_while_the_disk_is_full(
    autojump_clock: trio.abc.Clock,
) -> None:
    archive = FaultyArchive()
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        archive.fault = "no space"
        await logs_in(ann, command="/unregister")
        await trio.sleep(20)

        await ann.sees("-- nothing is changed: the name is yours, and all is kept")
        await ann.types("/login")
        await ann.sees("-- you are logged in as ann already")
        archive.fault = ""


# ----------------------------------------------------------------- borrowing


async def kept(chat: Chat, nick: str) -> None:
    """Have a nick kept whose owner is not there."""
    owner = await chat.join(nick)
    await registers(owner)
    await leaves(owner)


async def test_a_guest_is_told_and_given_another_name_after_a_while(chat: Chat) -> None:
    await kept(chat, "ann")
    bob, guest = await chat.join("bob"), chat.connect()
    await guest.types("ann")
    await guest.sees("-- the name ann is somebody's own; if it is yours, /login within 30 seconds")
    await trio.sleep(BORROWED)

    await guest.sees("-- the name ann is somebody's own: you are ann2 now; /nick changes it")
    await bob.sees("* ann is now ann2")


async def test_what_a_guest_says_meanwhile_is_not_lost(chat: Chat) -> None:
    await kept(chat, "ann")
    bob, guest = await chat.join("bob"), chat.connect()

    await guest.types("ann", "hi")

    await bob.sees("<ann> hi")


async def test_who_gives_their_name_while_they_are_here_already_is_told_how_to_be_it(
    chat: Chat,
) -> None:
    ann, again = await chat.join("ann"), chat.connect()
    await registers(ann)

    await again.types("Ann")
    await again.sees("-- the name Ann is taken; Ann2 is free")
    await again.sees("-- if Ann is yours: come by another name, then /login Ann")
    await again.types("")
    await logs_in(again, command="/login Ann")

    await again.sees("-- you are logged in as Ann")
    assert "you go on at another connection" in await ann.sees_the_end()


async def test_a_script_s_line_behind_its_login_is_no_password_and_it_is_told(chat: Chat) -> None:
    await kept(chat, "ann")
    bob, script = await chat.join("bob"), chat.connect()

    await script.types("ann", "hello", "/login", "more")
    await script.hangs_up()

    await bob.sees("<ann> hello")
    await script.sees("-- 1 line typed ahead not sent: a password may be there")
    assert "that is not the password" not in await script.sees_the_end()


async def test_who_logs_in_in_time_stays_who_they_are(chat: Chat) -> None:
    await kept(chat, "ann")
    ann = await chat.join("ann")

    await logs_in(ann)
    await ann.sees("-- you are logged in as ann")
    await trio.sleep(2 * BORROWED)

    await ann.sees_nothing()


async def test_who_takes_a_kept_name_by_nick_is_asked_too(chat: Chat) -> None:
    await kept(chat, "ann")
    bob = await chat.join("bob")

    await bob.types("/nick ann")

    await bob.sees("-- the name ann is somebody's own")
    await trio.sleep(BORROWED)
    await bob.sees("you are ann2 now")


async def test_the_owner_gets_the_name_from_a_guest_at_once(chat: Chat) -> None:
    await kept(chat, "ann")
    guest, owner = await chat.join("ann"), await chat.join("bob")

    await logs_in(owner, command="/login ann")

    await guest.sees("you are ann2 now")
    await owner.sees("-- you are logged in as ann")
    await owner.types("/nick ann")
    await owner.sees("-- you are ann already")


@pytest.mark.parametrize("is_lost", [True, False])
async def test_an_owner_goes_on_as_who_they_were_at_another_connection(
    chat: Chat, is_lost: bool
) -> None:
    ann, other = await chat.join("ann"), await chat.join("other")
    await registers(ann)
    await ann.types("/join #dev")
    if is_lost:
        await ann.vanishes()

    await logs_in(other, command="/login ann")

    await other.sees("-- you are logged in as ann")
    await other.types("/who")
    await other.sees("ann")
    await other.types("/leave #dev")
    await other.sees("#lobby")
    if not is_lost:
        assert "you go on at another connection" in await ann.sees_the_end()


async def test_an_owner_under_another_nick_is_found_by_a_login_elsewhere(chat: Chat) -> None:
    ann, other = await chat.join("ann"), await chat.join("other")
    await registers(ann)
    await ann.types("/nick bob", "/join #dev")

    await logs_in(other, command="/login ann")

    await other.sees("-- you are bob again, in #dev; you are also in #lobby")
    assert "you go on at another connection" in await ann.sees_the_end()


async def test_of_two_logins_at_once_the_later_goes_on_as_the_earlier(chat: Chat) -> None:
    await kept(chat, "ann")
    first, second = await chat.join("first"), await chat.join("second")
    for person in first, second:
        await person.types("/login ann")
        await person.sees("Password of ")

    first.transport.type(f"{PASSWORD}\n".encode())
    second.transport.type(f"{PASSWORD}\n".encode())

    await trio.sleep(1)
    assert sorted([first.is_gone, second.is_gone]) == [False, True]
    assert list(chat.server.world.members) == ["ann"]


async def test_who_has_logged_in_just_in_time_is_not_given_another_name(chat: Chat) -> None:
    await kept(chat, "ann")
    ann = await chat.join("ann")
    await logs_in(ann)

    await chat.server.broker.call(chat.server.world.member("ann"), GiveBack("ann"))

    assert list(chat.server.world.members) == ["ann"]


# ------------------------------------------------------------------ guessing


async def test_a_wrong_password_is_refused_and_logged_without_it(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    await kept(chat, "ann")
    eve = await chat.join("eve")

    with caplog.at_level(logging.WARNING):
        await logs_in(eve, "a wrong horse", "/login ann")
        await eve.sees("-- that is not the password of ann")

    assert f"eve ({eve.transport.peer}) fails to log in as ann" in caplog.text
    assert "horse" not in caplog.text


async def test_the_log_knows_who_has_logged_in_and_who_is_who(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    ann = await chat.join("ann")
    await registers(ann)
    await leaves(ann)
    eve = await chat.join("eve")

    with caplog.at_level(logging.INFO):
        await eve.types("/nick eva")
        await logs_in(eve, command="/login ann")

    assert "eve is eva now" in caplog.text
    assert "eva is ann now" in caplog.text
    assert f"ann ({eve.transport.peer}) has logged in" in caplog.text


async def test_a_name_is_guessed_at_only_so_often_whoever_guesses(chat: Chat) -> None:
    await kept(chat, "ann")
    for number in range(TRIES):
        eve = await chat.join(f"eve{number}", host=f"192.0.2.{number}")
        await logs_in(eve, "a wrong horse", "/login ann")
        await eve.sees("-- that is not the password of ann")

    late = await chat.join("late", host="192.0.2.99")
    await logs_in(late, PASSWORD, "/login ann")
    await late.sees("-- 3 wrong tries within 1m, the most; wait")
    await trio.sleep(WITHIN)
    await logs_in(late, PASSWORD, "/login ann")

    await late.sees("-- you are logged in as ann")


async def test_who_knows_the_password_may_log_in_as_often_as_they_like(chat: Chat) -> None:
    await kept(chat, "ann")

    for number in range(TRIES + 2):
        ann = await chat.join(f"ann{number}", host="192.0.2.7")
        await logs_in(ann, PASSWORD, "/login ann")
        await ann.sees("-- you are logged in as ann")
        await leaves(ann)


async def test_from_one_address_few_names_are_kept_within_a_minute(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_chat(QUICK) as chat:
        for number in range(TRIES):
            await registers(await chat.join(f"eve{number}", host="192.0.2.7"))
        eve = await chat.join("eve", host="192.0.2.7")

        await eve.types("/register")
        await eve.sees("-- 3 names within 1m, the most; wait 1m")
        await trio.sleep(WITHIN)

        await registers(eve)


# ------------------------------------------------------------------- a name that changes hands


class Slow(Lasting):
    """An archive whose readers take their time."""

    pause = 0.0

    async def read(self, query: Query[T]) -> T:
        await trio.sleep(self.pause)
        return await super().read(query)


async def test_a_login_that_was_under_way_is_none_to_who_has_the_name_next(
    autojump_clock: trio.abc.Clock,
) -> None:
    archive = Slow()
    async with open_chat(QUICK, archive=archive) as chat:
        ann, other, carl = [await chat.join(nick) for nick in ("ann", "other", "carl")]
        await registers(ann)
        await ann.types("/nick zed", "/unregister")
        await other.types("/login ann")
        archive.pause = 1.0
        await other.types(PASSWORD)
        await trio.sleep(0.5)
        archive.pause = 4.0  # for what is read once the password is found to be right
        await trio.sleep(1.0)
        archive.pause = 0.0
        await ann.types(PASSWORD)
        await ann.sees("-- the name ann is kept no more")
        await carl.types("/nick ann")
        await registers(carl, "another password")

        await trio.sleep(15)

        await other.sees("-- the name ann is nobody's any more")
        owner = chat.server.world.owner_of_account("ann")
        assert owner is not None
        assert owner is chat.server.world.member("ann")
        assert chat.server.world.is_here(owner)


async def test_nobody_logs_in_while_all_of_them_is_forgotten(
    autojump_clock: trio.abc.Clock,
) -> None:
    archive = Slow()
    async with open_chat(QUICK, archive=archive) as chat:
        ann, other = await chat.join("ann"), await chat.join("other")
        await registers(ann)
        await other.types("/login ann")
        await ann.types("/forget")
        archive.pause = 1.0
        await ann.types(PASSWORD)
        await trio.sleep(1.5)

        await other.types(PASSWORD)
        await trio.sleep(10)

        await ann.sees("-- all that was kept of ann is forgotten")
        await other.sees("-- the name ann is nobody's any more")


async def test_no_name_can_be_had_while_it_is_not_known_whose_it_is(
    autojump_clock: trio.abc.Clock,
) -> None:
    archive = FaultyArchive()
    archive.unreadable = "broken"
    async with open_chat(QUICK, archive=archive) as chat:
        archive.unreadable = ""
        eve = await chat.join("ann")

        await eve.types("/register")
        await eve.sees("-- the server cannot read that at the moment; try again later")
        await eve.types("/login ann")
        await eve.sees("-- the server cannot read that at the moment; try again later")


async def test_a_name_that_cannot_be_given_up_keeps_all_that_is_kept_with_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_chat(QUICK, archive=Lasting()) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        await ann.types("/theme mono", "/unregister")
        await trio.sleep(1)
        chat.server.journal.bound = 100

        await ann.types(PASSWORD)
        await ann.sees("-- the server cannot keep anything at the moment; try again later")
        await ann.types("/export")

        await ann.sees('"what":"preference","name":"theme"')
