"""Rooms that are shown, and open, to those alone who were let in."""

import re

import trio
from trio.testing import MockClock

from tests.test_moderating import UNHURRIED, room_of
from trioserve import Context, Room, command
from trioserve.testing import Chat, Person, open_chat


async def private_room(chat: Chat) -> tuple[Person, Person]:
    """Ann, who owns the private #dev, and Bob, who is outside."""
    (ann,) = await room_of(chat, "ann")
    bob = await chat.join("bob")
    await ann.types("/private on")
    await ann.sees("* ann made #dev private: by invitation only")
    return ann, bob


PRIVATE = "-- #dev is private; /knock #dev asks to be let in"


async def test_a_private_room_is_kept_from_outsiders(chat: Chat) -> None:
    _, bob = await private_room(chat)

    for typed in ("/join #dev", "/who #DEV", "/join dev"):
        await bob.types(typed)
        assert await bob.sees("--") == PRIVATE
    await bob.types("/rooms")
    assert "#dev" not in bob.unseen()


async def test_a_converter_of_rooms_neither_finds_nor_suggests_a_private_one(
    autojump_clock: MockClock,
) -> None:
    @command
    def look(ctx: Context, room: Room) -> None:
        """Look."""
        ctx.reply(f"found {room.name}")

    async with open_chat(functions=[look]) as chat:
        ann, bob = await private_room(chat)

        await bob.types("/look #dev", "/look #dew")
        await ann.types("/look #dev")

        await bob.sees("-- /look: room: #dev is private")
        assert "did you mean" not in await bob.sees("-- /look: room: there is no room #dew")
        await ann.sees("-- found #dev")


async def test_who_is_in_a_room_when_it_becomes_private_stays(chat: Chat) -> None:
    ann, bob = await room_of(chat, "ann", "bob")

    await ann.types("/private on", "/private on", "hello")

    await bob.sees("<ann> hello")
    await ann.sees("-- #dev is private already")


async def test_an_invitation_lets_in_once(chat: Chat) -> None:
    ann, bob = await private_room(chat)

    await ann.types("/invite bob", "/invite bob")

    await ann.sees("-- bob is invited to #dev for 1h")
    assert re.search(r"-- bob is invited until \d\d:\d\d already", await ann.sees("already"))
    invited = await bob.sees("invites")
    assert re.fullmatch(r"\* ann invites you to #dev until \d\d:\d\d: /join #dev", invited)
    await bob.types("/nick robert", "/join #dev", "/leave", "/join #dev")
    await bob.sees("-- #dev: 2 here")
    assert await bob.sees("private") == PRIVATE


async def test_an_invitation_lapses_after_an_hour(chat: Chat) -> None:
    ann, bob = await private_room(chat)
    await ann.types("/invite bob")

    await trio.sleep(3600)
    await bob.types("/join #dev")

    assert await bob.sees("private") == PRIVATE


async def test_a_knock_reaches_the_owner_who_may_answer_it(chat: Chat) -> None:
    ann, bob = await private_room(chat)

    await bob.types("/knock dev it is me", "/knock dev")

    knocked = "* bob knocks at #dev, saying: it is me"
    assert await ann.sees("knocks") == knocked
    await ann.sees("-- in #dev, /invite bob lets them in")
    await bob.sees("-- the owner of #dev hears you knock")
    await bob.sees("-- you may knock at #dev again in 1m")
    await ann.sees_nothing()
    await ann.types("/invite bob")
    await bob.types("/knock dev", "/join dev", "/knock dev")
    await bob.sees("-- you are invited: /join #dev")
    await bob.sees("-- #dev: 2 here")
    await bob.sees("-- you are in #dev")


async def test_a_knock_at_an_open_room_or_none_is_refused(chat: Chat) -> None:
    _, bob = await room_of(chat, "ann", "bob")
    await bob.types("/leave")

    await bob.types("/knock dev", "/knock nowhere")

    await bob.sees("-- #dev is open: /join #dev")
    await bob.sees("-- there is no room #nowhere")


async def test_who_is_banned_is_neither_invited_nor_heard(chat: Chat) -> None:
    ann, bob = await private_room(chat)
    await ann.types("/invite bob", "/ban bob", "/invite bob")

    await bob.types("/knock dev", "/join dev")

    await ann.sees("-- bob is banned from #dev; /unban them first")
    await bob.sees("-- you are banned from #dev")
    await bob.sees("-- you are banned from #dev")


async def test_whom_the_owner_ignores_is_not_heard_and_told_so(chat: Chat) -> None:
    ann, bob = await private_room(chat)
    await ann.types("/ignore bob")
    await bob.types("/ignore ann")

    await bob.types("/knock dev")
    await ann.types("/invite bob")

    await bob.sees("-- ann ignores you")
    await ann.sees("-- bob ignores you")


async def test_nobody_is_invited_who_does_not_read(autojump_clock: MockClock) -> None:
    async with open_chat(UNHURRIED) as chat:
        ann, _ = await private_room(chat)
        slow = await chat.join("slow", window=1)
        await slow.stops_reading()
        await ann.types("/room lobby", *["x" * 1000] * 40)

        await ann.types("/room dev", "/invite slow")

        await ann.sees("-- slow is not reading at the moment; try again later")


async def test_operators_enter_a_private_room_and_see_it_listed(chat: Chat) -> None:
    ann, _ = await private_room(chat)
    op = await chat.join("op", operator=True)

    await op.types("/rooms", "/join #dev")

    await op.sees("-- #dev (1)")
    await op.sees("-- #dev: 2 here")
    await ann.sees("* op joined #dev")


async def test_the_first_room_stays_open(chat: Chat) -> None:
    op = await chat.join("op", operator=True)

    await op.types("/private on")

    await op.sees("-- #lobby is where everybody begins, and stays open")


async def test_a_private_room_is_opened_again(chat: Chat) -> None:
    ann, bob = await private_room(chat)

    await ann.types("/private off")
    await bob.types("/join #dev")

    await ann.sees("* ann opened #dev to everybody")
    await bob.sees("-- #dev: 2 here")


async def test_a_private_room_that_all_have_left_is_a_new_one(chat: Chat) -> None:
    ann, bob = await private_room(chat)

    await ann.types("/ban carol", "our secret", "/leave")
    await bob.types("/join #dev", "/history")

    await bob.sees("-- #dev: 1 here: bob")
    await bob.sees("-- nothing has been said in #dev yet")
