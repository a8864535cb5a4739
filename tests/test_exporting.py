"""What is kept about somebody: shown to them, and forgotten."""

import json
from typing import Any

import trio
from trio.testing import MockClock

from tests.archives import FaultyArchive, Lasting
from tests.attacks.test_forgery import ESCAPES, typed, unsafe
from tests.test_accounts import PASSWORD, QUICK, leaves, registers
from tests.test_letters import comes_back
from trioserve.archive.asking import ANSWER
from trioserve.archive.belongings import PAGE
from trioserve.testing import Chat, Person, open_chat

SECOND = 1.0


async def exports(person: Person) -> list[dict[str, Any]]:
    """Have somebody shown all that is kept about them; what each thing is, with its text."""
    person.unseen()
    await person.types("/export")
    shown = person.unseen()
    while "no more is kept of" not in shown:
        await person.transport.changed()
        shown += person.unseen()
    return [json.loads(line) for line in shown.split("\r\n") if line.startswith("{")]


def said(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["what"], row["text"]) for row in rows if "text" in row]


async def test_who_asks_is_shown_all_that_is_kept_of_them_and_nothing_else(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(QUICK, archive=Lasting()) as chat:
        ann, bob = await chat.join("Ann"), await chat.join("bob")
        await ann.types("as a guest")
        await registers(ann)
        await ann.types("hello", "/me waves", "/topic tea", "/msg bob psst", "/nick anna", "again")
        await bob.types("hi ann", "/msg anna yes?")

        rows = await exports(ann)

        assert rows[0] == {"kind": "kept", "what": "account", "name": "Ann"}
        assert said(rows) == [
            ("said", "hello"),
            ("acted", "waves"),
            ("topic", "tea"),
            ("said", "again"),
            ("told", "psst"),
            ("told", "yes?"),
        ]
        assert "plain:" not in str(rows)


async def test_a_program_is_shown_the_same_lines(autojump_clock: MockClock) -> None:
    async with open_chat(QUICK, archive=Lasting()) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        await ann.types('say "tea"', "/format json")
        ann.unseen()

        await ann.types("/export")
        await trio.sleep(SECOND)

        kinds = [json.loads(line)["kind"] for line in ann.unseen().splitlines()]
        assert kinds == ["divided", *["kept"] * 4, "divided"]


async def test_a_guest_has_nothing_to_export_or_to_forget(chat: Chat) -> None:
    ann = await chat.join("ann")

    for command in ("/export", "/forget"):
        await ann.types(command)
        shown = await ann.sees("-- ")
        assert shown.startswith("-- you are a guest: nothing is kept of you but what you said")
        assert shown.endswith("if you have an account, /login first")


async def test_where_nothing_is_kept_of_what_was_said_that_is_told(chat: Chat) -> None:
    ann = await chat.join("ann")
    await registers(ann)
    await ann.types("hello", "/export")

    await ann.sees('{"kind":"kept","what":"account","name":"ann"}')
    await ann.sees("-- what you said is in the rooms' memory alone: it is kept nowhere")
    await ann.sees("no more is kept of ann")


async def test_much_is_shown_as_fast_as_it_is_read_and_takes_no_memory_meanwhile(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(QUICK, archive=Lasting()) as chat:
        ann = await chat.join("ann", window=4096)
        await registers(ann)
        for _ in range(3 * PAGE):
            await ann.types("x" * 900)
        await ann.stops_reading()
        await ann.types("/export")
        await trio.sleep(SECOND)

        assert chat.server.waiting < 64 * 1024
        await ann.reads_on()
        await ann.sees(f"-- {3 * PAGE + 3} lines, and no more is kept of ann --")


async def test_what_cannot_be_read_or_written_is_told_of(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        archive.fault = "no space"
        await ann.types("hello", "/export")
        await trio.sleep(20)
        await ann.sees("-- what came of late is not among it: it cannot be written at the moment")
        await ann.sees('{"kind":"kept","what":"account","name":"ann"}')
        archive.unreadable = "broken"
        await ann.types("/export")
        await trio.sleep(20 + ANSWER)

        await ann.sees("-- the server cannot read that at the moment; try again later")


async def test_how_order_was_kept_with_somebody_is_among_it(autojump_clock: MockClock) -> None:
    async with open_chat(QUICK, archive=Lasting()) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await registers(ann)
        await ann.types("/join #mine", "/join #den", "/private on", "/leave #den")
        await bob.types("/join #dev", "/ban Ann 1h flooding")
        await bob.types("/join #mine")
        await ann.types("/room mine", "/mute bob")
        await trio.sleep(SECOND)

        rows = await exports(ann)

        (room,) = [row for row in rows if row["what"] == "room"]
        assert room["room"] == "#mine"
        (ban,) = [row for row in rows if row["what"] == "ban"]
        assert (ban["room"], ban["nick"], ban["by"], ban["reason"]) == (
            "#dev",
            "ann",
            "bob",
            "flooding",
        )
        # What was done by the nick is not: it may have been somebody else's.
        audited = [row for row in rows if row["what"] in ("banned", "muted")]
        assert [(row["nick"], row["by"], row["until"]) for row in audited] == [
            ("ann", "bob", ban["until"]),
        ]


async def test_who_is_forgotten_owns_no_room_any_more(autojump_clock: MockClock) -> None:
    archive = Lasting()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        await ann.types("/join #mine")
        await forgets(ann)
        await ann.sees("-- all that was kept of ann is forgotten")
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        assert "room" not in [row["what"] for row in await exports(ann)]


# ----------------------------------------------------------------- forgetting


async def owner_who_said(chat: Chat, *lines: str) -> Person:
    """Ann, who has an account, and under it said something that is kept by now."""
    ann = await chat.join("ann")
    await registers(ann)
    await ann.types(*lines)
    await trio.sleep(SECOND)
    return ann


async def forgets(person: Person, password: str = PASSWORD) -> None:
    await person.types("/forget")
    await person.sees("Password of ")
    await person.types(password)


async def test_what_is_forgotten_is_shown_to_nobody_again(autojump_clock: MockClock) -> None:
    archive = Lasting()
    async with open_chat(QUICK, archive=archive) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await registers(ann)
        await registers(bob)
        await ann.types("my tea", "/topic about tea", "/msg bob private tea")
        await bob.types("his tea", "/msg ann tea too")

        await forgets(ann)

        await ann.sees("-- all that was kept of ann is forgotten, and the name is anybody's")
        bob.unseen()
        await bob.types("/search tea", "/history")
        shown = bob.unseen()
        assert "my tea" not in shown
        assert "private tea" not in shown
        assert "* anonymous set the topic: about tea" in shown
        assert "<bob> his tea" in shown
        assert "you -> ann: tea too" in shown
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        assert [row["what"] for row in await exports(ann)] == ["account", "whereabouts", "words"]


async def test_it_is_told_what_is_forgotten_before_the_password_is_asked_for(chat: Chat) -> None:
    ann = await chat.join("ann")
    await registers(ann)

    await ann.types("/forget")
    await ann.sees("-- this takes out, for everybody and for ever:")
    await ann.sees("-- all that you have said under it, in rooms and privately")
    await ann.sees("Password of ann: ")
    await ann.types("")

    await ann.sees("-- no password: nothing is tried")
    await ann.types("/login")
    await ann.sees("-- you are logged in as ann already")


async def test_a_wrong_password_forgets_nothing(autojump_clock: MockClock) -> None:
    async with open_chat(QUICK, archive=Lasting()) as chat:
        ann = await chat.join("ann")
        await registers(ann)
        await ann.types("hello")

        await forgets(ann, "a wrong horse")

        await ann.sees("-- that is not the password of ann")
        assert said(await exports(ann)) == [("said", "hello")]


async def test_what_others_left_for_who_is_forgotten_is_gone_with_them(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(QUICK, archive=Lasting()) as chat:
        ann, bob, eve = [await chat.join(nick) for nick in ("ann", "bob", "eve")]
        await registers(ann)
        await registers(eve)
        await leaves(ann)
        await eve.types("/msg ann for your eyes")
        await bob.types("/msg ann hello")
        await forgets(eve)

        ann = await comes_back(chat, "ann")

        await ann.sees("bob -> you: hello")
        assert "for your eyes" not in ann.unseen()


async def test_where_nothing_can_be_written_nothing_is_forgotten_and_it_can_be_tried_again(
    autojump_clock: MockClock,
) -> None:
    archive = FaultyArchive()
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await owner_who_said(chat, "hello")
        archive.fault = "no space"
        await forgets(ann)
        await trio.sleep(20)
        await ann.sees("-- nothing is changed: the name is yours, and all is kept")
        archive.fault = ""
        await trio.sleep(60)

        assert said(await exports(ann)) == [("said", "hello")]
        await forgets(ann)

        await ann.sees("-- all that was kept of ann is forgotten")


async def test_a_room_in_memory_forgets_too(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("as a guest")
    await registers(ann)
    await ann.types("my tea")
    await bob.types("his tea")
    room = chat.server.world.rooms["#lobby"]
    before = room.history_bytes

    await forgets(ann)
    await ann.sees("-- all that was kept of ann is forgotten")

    assert [each.text for each in room.history] == ["as a guest", "his tea"]
    assert room.history_bytes < before


# ------------------------------------------------------------------- text alone


async def test_nothing_that_was_left_found_or_exported_is_more_than_text(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(QUICK, archive=Lasting()) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await registers(ann)
        await leaves(ann)
        for escape in ESCAPES[:10]:
            await bob.types(typed("/msg ann tea{}", escape))

        ann = await comes_back(chat, "ann")
        await ann.types("/search tea*", "/export")
        await trio.sleep(SECOND)

        shown = ann.unseen()
        assert shown.count('"what":"told"') > 5
        assert not unsafe(shown)
