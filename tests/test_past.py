"""What was said before: shown to who comes, asked for, and kept from whom it is not for."""

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.archives import FaultyArchive, Lasting
from trioserve.archive.archives import READERS
from trioserve.broker.membership import MAX_NEW
from trioserve.configuration.config import Config
from trioserve.outbox import OutboxLimits
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.sessions.services import SessionLimits
from trioserve.testing import Chat, Person, open_chat

SECOND = 1.0
QUICK = SessionLimits(flood_control=False)
FEW = Config(limits=QUICK, rooms=RoomLimits(history=5))  # a room holds 5 messages itself


def lines(text: str) -> list[str]:
    """What was shown, line by line, without times."""
    return [line.partition("] ")[2] or line for line in text.split("\r\n") if line]


async def comes(chat: Chat, nick: str) -> list[str]:
    """Let somebody in, and return what they are shown of the first room."""
    person = chat.connect()
    await person.types(nick)
    await person.sees("-- #lobby: ")
    return [line for line in lines(person.unseen()) if "/resume" not in line]


# --------------------------------------------------------------- after a restart


async def test_after_a_restart_a_room_has_its_topic_and_what_was_said_last(
    autojump_clock: MockClock,
) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("hello", "/topic tea", "/join #dev", "/me waves", "/topic builds")
    async with open_chat(archive=archive) as chat:
        assert await comes(chat, "bob") == [
            "-- topic: tea",
            "-- last 1 message --",
            "<ann> hello",
            "-- now --",
        ]
        carol = await chat.join("carol")
        await carol.types("/join #Dev")
        await carol.sees("-- #Dev: 1 here: carol")
        assert await carol.sees("topic") == "-- topic: builds"
        await carol.sees("** ann waves")


async def test_a_room_that_all_have_left_has_its_past_when_it_is_made_again(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(archive=Lasting()) as chat:
        ann = await chat.join("ann")
        await ann.types("/join #dev", "hello", "/leave", "/join #dev")  # not written yet

        await ann.sees("-- you have left #dev")
        await ann.sees("<ann> hello")


async def test_what_was_private_is_no_past_of_a_room_that_is_made_again(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(archive=Lasting()) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("/join #den", "in the open", "/topic open")
        await ann.types("/private on", "a secret", "/topic secret", "/leave")
        await bob.types("/join #den", "/history", "/search secret")
        await trio.sleep(SECOND)

        shown = lines(bob.unseen())
        assert "-- topic: open" in shown
        assert "<ann> in the open" in shown
        assert "-- nothing found" in shown
        assert not [line for line in shown if "a secret" in line]


async def test_a_disk_that_does_not_answer_keeps_nobody_out(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(archive=archive) as chat:
        archive.unread = trio.Event()
        ann = chat.connect()
        await ann.types("ann")

        await ann.sees("-- #lobby: 1 here: ann")
        await ann.sees("-- what was said earlier cannot be read at the moment")


# --------------------------------------------------------------- new to whom


async def test_who_comes_back_is_shown_what_is_new_apart(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("before")
    await bob.types("/quit")
    await ann.types("after", "later")

    assert await comes(chat, "Bob") == [
        "-- topic: Welcome!",
        "-- last 3 messages --",
        "<ann> before",
        "-- new --",
        "<ann> after",
        "<ann> later",
        "-- now --",
    ]


async def test_of_much_that_is_new_the_last_is_shown_and_how_much_there_is(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(Config(limits=QUICK)) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("before")
        await bob.types("/quit")
        for number in range(MAX_NEW + 10):
            await ann.types(f"number {number}")

        shown = await comes(chat, "bob")

    assert shown[1:3] == ["-- new: the last 50 of 60; /history 60 shows all --", "<ann> number 10"]
    assert len(shown) == MAX_NEW + len(["topic", "new", "now"])


async def test_long_lines_do_not_fill_who_comes_back(autojump_clock: MockClock) -> None:
    async with open_chat(Config(limits=QUICK)) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await bob.types("/quit")
        for _ in range(20):
            await ann.types("x" * 1000)

        shown = await comes(chat, "bob")

    assert "-- new: the last 8 of 20; /history 20 shows all --" in shown


async def test_who_comes_back_to_nothing_new_sees_no_line_for_it(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("before")
    await bob.types("/quit")

    assert "-- new --" not in await comes(chat, "bob")


async def test_who_leaves_a_room_and_comes_back_is_shown_what_is_new_there(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    for each in (ann, bob):
        await each.types("/join #dev")
    await bob.types("/leave #dev")
    await ann.types("merged")
    bob.unseen()

    await bob.types("/join #dev")

    await bob.sees("-- new --")
    await bob.sees("<ann> merged")
    await bob.sees("-- now --")


# --------------------------------------------------------------- /history


@pytest.mark.parametrize("pause", [0.0, SECOND])  # before and after it is written
async def test_history_goes_beyond_what_the_room_holds(
    autojump_clock: MockClock, pause: float
) -> None:
    async with open_chat(FEW, archive=Lasting()) as chat:
        ann = await chat.join("ann")
        for number in range(12):
            await ann.types(f"number {number}")
            if number == 7:
                await trio.sleep(pause)
        await ann.types("/topic tea", "/history 10")

        await ann.sees("-- last 10 messages in #lobby --")
        for number in range(2, 12):
            assert (await ann.sees("number")).endswith(f"<ann> number {number}")
        await ann.sees("-- now --")


async def test_history_of_a_time_shows_what_was_said_since(autojump_clock: MockClock) -> None:
    begin = 1_800_000_000_000_000_000

    def now_ns() -> int:
        return begin + int(trio.current_time() * 1e9)

    async with open_chat(FEW, archive=Lasting(), now_ns=now_ns) as chat:
        ann = await chat.join("ann")
        for number in range(12):
            await ann.types(f"number {number}")
            await trio.sleep(600)
        await ann.types("/history 65m")

        await ann.sees("-- last 6 messages in #lobby --")
        assert (await ann.sees("number")).endswith("number 6")
        await ann.types("/history 1s")
        await ann.sees("-- nothing has been said in #lobby lately")


@pytest.mark.parametrize("word", ["x", "-3", "1e3", "２", "2h2x"])
async def test_history_of_what_is_no_number_and_no_time_is_refused(chat: Chat, word: str) -> None:
    ann = await chat.join("ann")

    await ann.types(f"/history {word}")

    await ann.sees("-- /history: last: expected a number of messages, or a time such as 2h")


async def test_history_that_cannot_be_read_is_told_of(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(FEW, archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("hello")
        archive.unreadable = "broken"
        await ann.types("/history")

        await ann.sees("-- what was said earlier cannot be read at the moment")


async def test_long_history_waits_for_who_reads_it(autojump_clock: MockClock) -> None:
    async with open_chat(FEW, archive=Lasting()) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob", window=4096)
        for number in range(300):
            await ann.types(f"number {number} {'x' * 900}")
        await bob.stops_reading()
        await bob.types("/history 300")

        await trio.testing.wait_all_tasks_blocked()
        assert chat.server.waiting < 64 * 1024
        await bob.reads_on()
        await bob.sees("number 299")
        await bob.sees("-- now --")


async def test_missed_messages_are_found_that_the_room_holds_no_more(
    autojump_clock: MockClock,
) -> None:
    config = attrs.evolve(FEW, outbox=OutboxLimits(soft=4096))
    async with open_chat(config, archive=Lasting()) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob", window=1)
        await bob.stops_reading()
        for number in range(60):
            await ann.types(f"number {number} {'x' * 200}")
        await bob.reads_on()
        skipped = int((await bob.sees("skipped")).split()[1])
        await bob.types("/missed")

        await bob.sees(f"-- {skipped} messages missed in #lobby --")
        for number in range(60 - skipped, 60):
            assert f"number {number} " in await bob.sees("number")
        await bob.sees("-- now --")


# --------------------------------------------------------------- private rooms


async def in_a_private_room(chat: Chat) -> tuple[Person, Person]:
    """Ann, who has said a secret in #den before she invited Bob, who is there now."""
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/join #den", "in the open", "/private on", "a secret", "/invite bob")
    await bob.types("/join #den")
    await ann.types("hello bob")
    return ann, bob


async def test_who_is_invited_sees_nothing_that_was_private_before(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(Config(limits=QUICK), archive=Lasting()) as chat:
        ann, bob = await in_a_private_room(chat)
        await bob.types("/history 50", "/search secret")
        await trio.sleep(SECOND)

        shown = lines(bob.unseen())
        assert shown.count("<ann> in the open") == 2  # when he came, and of the history
        assert shown.count("<ann> hello bob") == 2
        assert "-- nothing found" in shown
        assert not [line for line in shown if "a secret" in line]
        ann.unseen()
        await ann.types("/history 50", "/search secret")
        await ann.sees("<ann> a secret")
        await ann.sees("-- 1 message found")


async def test_a_room_that_is_opened_keeps_what_was_private_from_who_comes_then(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(Config(limits=QUICK), archive=Lasting()) as chat:
        ann, _ = await in_a_private_room(chat)
        await ann.types("/private off", "open again")
        carol = await chat.join("carol")
        await carol.types("/join #den", "/history 50", "/search secret", "/search hello")
        await trio.sleep(SECOND)

        shown = lines(carol.unseen())
        assert shown.count("<ann> open again") == 2
        assert shown.count("<ann> in the open") == 2
        assert not [line for line in shown if "a secret" in line or "hello bob" in line]


async def test_what_was_private_is_searched_by_nobody_outside(autojump_clock: MockClock) -> None:
    async with open_chat(Config(limits=QUICK), archive=Lasting()) as chat:
        await in_a_private_room(chat)
        carol, rosa = await chat.join("carol"), await chat.join("rosa", operator=True)
        await trio.sleep(SECOND)
        await carol.types("/search secret", "/search open", "/search secret in #den")
        await rosa.types("/search secret")

        await carol.sees("-- nothing found")
        await carol.sees("-- nothing found")  # what is private now is hidden as a whole
        await carol.sees("-- #den is private; /knock #den asks to be let in")
        await rosa.sees("-- nothing found")


# --------------------------------------------------------------- /search


async def test_search_shows_what_is_found_with_its_neighbours_the_newest_first(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(archive=Lasting()) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("is the build green?")
        await bob.types("since ten minutes", "/join #Dev", "build it")
        await ann.types("thanks")
        await trio.sleep(SECOND)
        ann.unseen()
        await ann.types("/search BUILD")

        await ann.sees("-- 2 messages found")
        assert lines(ann.unseen()) == [
            "-- #Dev --",
            "<bob> build it",
            "-- #lobby --",
            "<ann> is the build green?",
            "<bob> since ten minutes",
            "-- now --",
        ]


async def test_search_is_made_narrower_by_what_stands_behind_the_words(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(archive=Lasting()) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("tea in london", "tea")
        await bob.types("tea from china", "/join #dev", "tea")
        await trio.sleep(SECOND)
        for words, count in [
            ("tea", 4),
            ("tea from bob", 2),
            ("tea from BOB in #Dev", 1),
            ("tea in #lobby since 2w from ann", 2),
            ("tea in london", 1),
            ('"tea from china"', 1),
            ('"tea from china" in #lobby', 1),
        ]:
            await ann.types(f"/search {words}")
            await ann.sees(f"-- {count} message{'s' if count > 1 else ''} found")
            await ann.sees("-- now --")


async def test_searches_leave_a_reader_to_who_wants_a_page(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(Config(limits=QUICK), archive=archive) as chat:
        people = [await chat.join(f"nick{number}") for number in range(READERS + 2)]
        archive.unread = trio.Event()
        for each in people:
            await each.types("/search tea")

        assert archive.reading == READERS - 1
        await trio.sleep(6)
        archive.unread.set()
        answers = [each.unseen() for each in people]
        assert sum("cannot be read at the moment" in each for each in answers) == READERS - 1
        assert sum("many are searching at the moment" in each for each in answers) == 3


async def test_search_shows_nothing_of_who_is_ignored(autojump_clock: MockClock) -> None:
    async with open_chat(archive=Lasting()) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await bob.types("pills")
        await trio.sleep(SECOND)
        await ann.types("/ignore bob", "/search pills")

        await ann.sees("-- nothing found")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("", "-- search for what? As in /search tea, or /search tea in #dev since 2w"),
        ("!!!", "-- there is no word in that, and signs alone are not found"),
        ("in #dev from ann", "-- search for a word, too: /search tea in #dev from ann"),
        ("x since 2x", "-- since 2x: that is no time; it may be 30m, 2h, 3d or 2w"),
        ("x", "-- nothing found"),
        ("x in #dve", "-- nothing found; there is no room #dve at the moment"),
        ("x in #lobby from ann", "-- nothing found"),
        ("x from anne", "-- nothing found; there is no anne at the moment"),
        ("x in #", "-- nothing found"),
        ("x from 2", "-- a name begins with a letter (a-z), then letters, digits, _ or -"),
    ],
)
async def test_what_cannot_be_searched_for_is_said(chat: Chat, words: str, answer: str) -> None:
    ann = await chat.join("ann")

    await ann.types(f"/search {words}")

    assert await ann.sees("-- ") == answer
