"""What bans, mutes and a slow pace come to for people, whatever they do meanwhile."""

import re

import trio
from trio.testing import MockClock

from tests.test_accounts import logs_in, registers
from trioserve.configuration.config import Config
from trioserve.memory import MemoryTransport
from trioserve.messages import Noticed
from trioserve.observe import Counters
from trioserve.outbox import MAX_LATER, Drains, Outbox, OutboxLimits
from trioserve.rooms.moderation import MAX_MARKS, Identity, Rules
from trioserve.sessions.services import SessionLimits
from trioserve.testing import Chat, Person, open_chat

UNHURRIED = Config(limits=SessionLimits(flood_control=False))
HERE, THERE = "192.0.2.7", "192.0.2.8"


async def in_dev(chat: Chat, nick: str, host: str | None = None, *, window: int = 0) -> Person:
    """Somebody in #dev, who has seen all that came of that."""
    person = await chat.join(nick, host=host, window=window or 65_536)
    await person.types("/join #dev")
    await person.sees("-- #dev: ")
    return person


# ------------------------------------------------- another nick from the same address


async def test_a_mute_holds_another_from_the_same_address_who_is_there_already(
    chat: Chat,
) -> None:
    ann, bob = await in_dev(chat, "ann"), await in_dev(chat, "bob", HERE)
    carol, dave = await in_dev(chat, "carol", HERE), await in_dev(chat, "dave", THERE)

    await ann.types("/mute bob 10m noise")

    told = r"\* carol is muted in #dev by ann until \d\d:\d\d, as bob is, .* address: noise"
    assert re.fullmatch(told, await dave.sees("* carol is muted"))
    await carol.sees("-- you are muted in #dev until ")
    await carol.types("hello")
    await carol.sees("-- you are muted in #dev until ")
    await dave.types("hello")
    await bob.sees("<dave> hello")
    await trio.sleep(600)
    await carol.types("at last")
    await ann.sees("<carol> at last")


async def test_a_ban_turns_out_another_from_the_same_address(chat: Chat) -> None:
    ann, bob = await in_dev(chat, "ann"), await in_dev(chat, "bob", HERE)
    carol, dave = await in_dev(chat, "carol", HERE), await in_dev(chat, "dave", THERE)

    await ann.types("/ban bob 10m noise")

    for each in (ann, carol, dave):
        assert " as bob is, from the same address: noise" in await each.sees("* carol is banned")
    await carol.sees("-- you may talk in other rooms; what you say goes to #lobby")
    await bob.sees("-- you may talk in other rooms")
    await carol.types("/join #dev")
    await carol.sees("-- you are banned from #dev until ")
    await ann.types("/who")
    await ann.sees("-- #dev: ann, dave")


async def test_on_this_machine_the_nick_alone_is_held(chat: Chat) -> None:
    ann = await in_dev(chat, "ann", HERE)
    bob, carol = await in_dev(chat, "bob", "127.0.0.1"), await in_dev(chat, "carol", "127.0.0.1")

    await ann.types("/mute bob")
    await bob.sees("-- you are muted")
    await carol.types("hello")
    await ann.sees("<carol> hello")
    await ann.types("/ban bob")

    await bob.sees("-- you may talk in other rooms")
    await carol.types("still here")
    await ann.sees("<carol> still here")


async def test_operators_at_the_same_address_are_held_by_nothing(chat: Chat) -> None:
    ann, op = await in_dev(chat, "ann"), await chat.join("op", host=HERE, operator=True)
    await op.types("/join #dev")
    bob = await in_dev(chat, "bob", HERE)

    await ann.types("/mute bob", "/ban bob")
    await bob.sees("-- you may talk in other rooms")
    await op.types("hello")

    await ann.sees("<op> hello")


async def test_who_is_muted_with_others_is_told_when_that_is_lifted(chat: Chat) -> None:
    ann, bob = await in_dev(chat, "ann"), await in_dev(chat, "bob", HERE)
    carol = await in_dev(chat, "carol", HERE)
    await ann.types("/mute bob")

    await ann.types("/unmute bob")

    await ann.sees("* carol is no longer muted in #dev, by ann, as bob is")
    for each in (bob, carol):
        await each.sees("-- you may talk in #dev again")
    await carol.types("thanks")
    await ann.sees("<carol> thanks")


async def test_an_end_that_is_near_is_told_to_the_second(chat: Chat) -> None:
    ann, bob = await in_dev(chat, "ann"), await in_dev(chat, "bob")

    await ann.types("/mute bob 8s")

    shown = await bob.sees("-- you are muted in #dev until ")
    assert re.search(r"until \d\d:\d\d:\d\d; you can still read", shown)


# --------------------------------------------------------- more than one mute at a time


async def test_to_lift_a_mute_frees_nobody_whom_another_holds(chat: Chat) -> None:
    ann, bob = await in_dev(chat, "ann"), await in_dev(chat, "bob", HERE)
    carol = await in_dev(chat, "carol", HERE)
    await ann.types("/mute bob 1h", "/mute carol 2h")
    await carol.sees("-- you are muted")

    await ann.types("/unmute bob")
    await carol.types("hello")
    await carol.sees("-- you are muted in #dev until ")
    await ann.types("/unmute carol")

    for each in (bob, carol):
        await each.sees("-- you may talk in #dev again")


async def test_the_mute_that_ends_last_is_what_one_is_told_and_held_by(chat: Chat) -> None:
    ann, _ = await in_dev(chat, "ann"), await in_dev(chat, "bob", HERE)
    carol = await in_dev(chat, "carol", HERE)
    await ann.types("/mute bob 2h")
    until = (await carol.sees("-- you are muted in #dev until ")).split()[7].rstrip(";")

    await ann.types("/mute carol 1h")
    await trio.sleep(3601)
    await carol.types("hello")

    assert f"until {until}" in await carol.sees("-- you are muted in #dev")


async def test_a_room_passes_to_who_was_muted_once_that_has_ended(chat: Chat) -> None:
    ann, bob, carol = [await in_dev(chat, each) for each in ("ann", "bob", "carol")]
    await ann.types("/mute bob 1m")
    await trio.sleep(61)

    await ann.types("/leave")

    await carol.sees("* bob owns #dev now")
    await bob.sees("* bob owns #dev now")


# ------------------------------------------------------- who does not read at the time


async def one_who_does_not_read(chat: Chat) -> tuple[Person, Person]:
    """Ann, who owns #dev and has said much there, and one who has not read all of it."""
    ann, slow = await in_dev(chat, "ann"), await in_dev(chat, "slow", window=1)
    await slow.stops_reading()
    for _ in range(2):
        await ann.types(*["x" * 1000] * 40)
    return ann, slow


async def test_who_was_not_reading_is_told_of_the_last_change_when_they_read_again(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(UNHURRIED) as chat:
        ann, slow = await one_who_does_not_read(chat)

        await ann.types("/mute slow 10m first", "/unmute slow", "/mute slow 20m noise")
        await ann.sees(": noise")
        await slow.reads_on()

        await slow.sees("messages skipped in #dev")
        shown = await slow.sees("-- you are muted")
        assert re.fullmatch(
            r"-- you are muted in #dev until \d\d:\d\d \(noise\); you can still read, .*", shown
        )
        assert "again" not in slow.unseen()


async def test_who_was_not_reading_and_lost_the_connection_is_told_on_coming_back(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(UNHURRIED) as chat:
        ann, slow = await in_dev(chat, "ann"), await in_dev(chat, "slow", window=1)
        await slow.types("/resume")
        words = (await slow.sees("-- if the connection breaks: ")).split()[-1]
        await slow.stops_reading()
        for _ in range(2):
            await ann.types(*["x" * 1000] * 40)
        await ann.types("/mute slow noise")

        await slow.vanishes()
        await ann.types("/unmute slow", "/mute slow more noise")
        again = chat.connect()
        await again.types(f"/resume {words}")

        await again.sees("-- you are muted in #dev until that is lifted (more noise)")


async def test_who_was_not_reading_is_told_that_a_room_is_theirs_now(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(UNHURRIED) as chat:
        ann, slow = await one_who_does_not_read(chat)

        await ann.types("/giveroom slow")
        await ann.sees("* ann gave #dev to slow")
        await slow.reads_on()

        await slow.sees("messages skipped in #dev")
        await slow.sees("* ann gave #dev to slow")


async def test_of_what_is_told_later_each_subject_has_its_last_and_there_is_a_bound() -> None:
    await trio.lowlevel.checkpoint()  # there is a clock in a Trio run alone
    drains = Drains(OutboxLimits(), Counters(), 1)
    outbox = Outbox(MemoryTransport("memory"), drains, lambda _: None)

    for number in range(MAX_LATER + 1):
        outbox.put_later(f"#r{number}", Noticed(f"first {number}"))
    outbox.put_later("#r1", Noticed("second 1"))

    shown = [event for _, event in outbox.unread(0, 0).events]
    assert len(shown) == MAX_LATER
    assert shown[-1] == Noticed("second 1")
    assert Noticed("first 0") not in shown


# ------------------------------------------------------------------------- a slow pace


def test_who_speaks_in_a_slow_room_costs_no_look_at_the_others() -> None:
    rules = Rules()
    rules.set_pause(3600)

    for number in range(1, 5000):
        assert not rules.wait(number, float(number))
        rules.part_with(Identity(f"n{number}", None, number))

    assert rules.wait(4999, 5000.0) == 0.0  # whoever has left is known again on coming alone
    assert len(rules._spoke) == 1
    assert len(rules._spoke_and_left) == MAX_MARKS


def test_who_left_a_slow_room_waits_by_their_nick_or_address() -> None:
    rules = Rules()
    rules.set_pause(60)
    rules.wait(1, 0.0)
    rules.part_with(Identity("bob", HERE, 1))

    for number, each in enumerate((Identity("Bob", THERE), Identity("x", HERE)), 2):
        rules.recognise(Identity(each.nick, each.address, number))
        assert rules.wait(number, 20.0) == 40.0
    rules.recognise(Identity("carol", THERE, 9))
    assert rules.wait(9, 20.0) == 0.0


# ---------------------------------------------------------- another name by a login


async def kept(chat: Chat, nick: str) -> None:
    """Have a name kept for somebody who is not here any more."""
    owner = await chat.join(nick)
    await registers(owner)
    await owner.types("/quit")
    await owner.sees_the_end()


async def test_who_is_muted_shows_no_name_by_a_login(chat: Chat) -> None:
    await kept(chat, "buy-pills")
    ann, bob = await in_dev(chat, "ann"), await in_dev(chat, "bob")
    await ann.types("/mute bob")
    ann.unseen()

    await logs_in(bob, command="/login buy-pills")

    await bob.sees("-- you are muted in #dev: /leave it to take another name")
    assert not ann.unseen()
    assert not chat.server.world.member("bob").account
    await bob.types("/leave #dev")
    await logs_in(bob, command="/login buy-pills")
    await bob.sees("-- you are logged in as buy-pills")


async def test_who_is_muted_and_has_the_name_already_logs_in(chat: Chat) -> None:
    await kept(chat, "bob")
    ann, bob = await in_dev(chat, "ann"), await in_dev(chat, "bob")
    await ann.types("/mute bob")

    await logs_in(bob)

    await bob.sees("-- you are logged in as bob")


async def test_a_ban_turns_out_who_logs_in_by_the_name_that_it_was_imposed_on(chat: Chat) -> None:
    await kept(chat, "bob")
    ann, guest = await in_dev(chat, "ann"), await in_dev(chat, "guest")
    await ann.types("/ban bob flooding")
    await ann.sees("* bob is banned")

    await logs_in(guest, command="/login bob")

    await ann.sees("* guest is now bob")
    assert await ann.sees("banned") == (
        "* bob is banned from #dev by ann until that is lifted: flooding"
    )
    await guest.sees("-- you may talk in other rooms; what you say goes to #lobby")
    await guest.sees("-- you are logged in as bob, in #lobby")


async def test_a_mute_holds_who_logs_in_by_the_name_that_it_was_imposed_on(chat: Chat) -> None:
    await kept(chat, "bob")
    ann, guest = await in_dev(chat, "ann"), await in_dev(chat, "guest")
    await ann.types("/mute bob")

    await logs_in(guest, command="/login bob")
    await guest.sees("-- you are muted in #dev until that is lifted; you can still read")
    await guest.sees("-- you are logged in as bob")
    ann.unseen()
    await guest.types("/room dev", "hello")

    await guest.sees("-- you are muted in #dev")
    assert "hello" not in ann.unseen()
