"""How long what was said is kept."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from tests.archives import FaultyArchive, said
from trioserve.archive.archives import Archive, MemoryArchive
from trioserve.archive.database import IN_MEMORY, Database
from trioserve.archive.history import Span, talk
from trioserve.archive.journal import HistorySettings
from trioserve.archive.pruning import EVERY
from trioserve.archive.records import Talk
from trioserve.archive.retention import (
    MOST_RULES,
    PORTION,
    Bounds,
    Prune,
    Retain,
    beyond,
    last_held,
    own_bounds,
    stretches,
)
from trioserve.configuration.config import Config
from trioserve.messages import TopicSet
from trioserve.testing import Chat, open_chat

SECOND = 1_000_000  # as ids count
HOUR = 3600.0


async def kept(archive: Archive, room: str = "#lobby") -> list[str]:
    found = await archive.read(talk(Span(room, 10_000)))
    return [each.topic if isinstance(each, TopicSet) else each.text for each in found]


@pytest.fixture
def archive() -> MemoryArchive:
    """What is kept by `chat`."""
    return MemoryArchive(keeps_talk=True)


@pytest.fixture
async def chat(archive: MemoryArchive, autojump_clock: MockClock) -> AsyncIterator[Chat]:
    async with open_chat(archive=archive) as chat:
        yield chat


async def test_of_a_room_no_more_is_kept_than_the_configuration_says(
    autojump_clock: MockClock,
) -> None:
    archive = MemoryArchive(keeps_talk=True)
    async with open_chat(Config(history=HistorySettings(most=3)), archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("/topic tea", "one", "two", "three", "four", "five")
        await trio.sleep(2 * EVERY)

        assert await kept(archive) == ["tea", "three", "four", "five"]


@pytest.mark.parametrize("word", ["all", "off", "0"])
async def test_what_was_set_for_a_room_is_lifted_by_a_word(
    autojump_clock: MockClock, word: str
) -> None:
    async with open_chat(archive=MemoryArchive(keeps_talk=True)) as chat:
        ann = await chat.join("ann", operator=True)
        await ann.types("/retention 1000")
        await ann.sees("-- #lobby keeps the last 1000 messages")

        await ann.types(f"/retention {word}")

        await ann.sees("-- #lobby keeps all that is said")


async def test_a_word_that_is_no_bound_is_refused_with_what_would_be(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(archive=MemoryArchive(keeps_talk=True)) as chat:
        ann = await chat.join("ann", operator=True)

        await ann.types("/retention none")

        shown = await ann.sees("-- /retention: ")
        assert "a number of messages, a time such as 30d, or all" in shown


async def test_what_is_too_old_is_taken_out(autojump_clock: MockClock) -> None:
    archive = MemoryArchive(keeps_talk=True)
    config = Config(history=HistorySettings(days=1))

    def now_ns() -> int:
        return 1_800_000_000_000_000_000 + int(trio.current_time() * 1e9)

    async with open_chat(config, archive=archive, now_ns=now_ns) as chat:
        ann = await chat.join("ann")
        await ann.types("old")
        await trio.sleep(23 * HOUR)
        await ann.types("new")
        await trio.sleep(HOUR + 2 * EVERY)

        assert await kept(archive) == ["new"]


async def test_an_owner_lets_a_room_keep_less_and_no_more(autojump_clock: MockClock) -> None:
    archive = MemoryArchive(keeps_talk=True)
    async with open_chat(Config(history=HistorySettings(most=3)), archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("/join #dev", "one", "two", "three", "four")
        await ann.types("/retention 2", "/retention 1000", "/retention 0", "/retention 2")
        for count in (2, 3, 3, 2):
            await ann.sees(f"-- #dev keeps the last {count} messages")
        await trio.sleep(2 * EVERY)

        assert await kept(archive, "#dev") == ["three", "four"]
        await ann.types("/retention 30d")
        await ann.sees("-- #dev keeps the last 3 messages, and of those what was said within 30d")


@pytest.mark.parametrize(("bound", "pause", "count"), [("2", 0.0, 2), ("1h", HOUR, 1)])
async def test_what_is_beyond_is_shown_no_more_while_people_are_in_the_room(
    autojump_clock: MockClock, bound: str, pause: float, count: int
) -> None:
    def now_ns() -> int:
        return 1_800_000_000_000_000_000 + int(trio.current_time() * 1e9)

    archive = MemoryArchive(keeps_talk=True)
    async with open_chat(archive=archive, now_ns=now_ns) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("/join #dev", f"/retention {bound}", "one", "two", "three")
        await trio.sleep(pause)
        await ann.types("four")
        await trio.sleep(2 * EVERY)
        ann.unseen()
        await ann.types("/history")
        await bob.types("/join #dev")

        await ann.sees(f"-- last {count} message")
        assert "two" not in ann.unseen() + bob.unseen()
        world = chat.server.world
        assert (
            world.roomkeeping.histories.size
            == sum(each.history_bytes for each in world.rooms.values())
            > 0
        )


async def test_only_owners_and_operators_set_it_and_everybody_sees_it(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(archive=MemoryArchive(keeps_talk=True)) as chat:
        ann, rosa = await chat.join("ann"), await chat.join("rosa", operator=True)
        await ann.types("/retention", "/retention 5")
        await rosa.types("/retention 5")

        await ann.sees("-- #lobby keeps all that is said")
        await ann.sees("-- only the owner of #lobby and operators set that")
        await rosa.sees("-- #lobby keeps the last 5 messages")


async def test_who_takes_an_empty_room_cannot_take_out_what_was_said_there_before(
    chat: Chat, archive: MemoryArchive
) -> None:
    ann, eve = await chat.join("ann"), await chat.join("eve")
    await ann.types("/join #dev", "one", "two", "three", "/leave")
    await trio.sleep(1)
    await eve.types("/join #dev", "/retention 1", "four", "five")
    await trio.sleep(2 * EVERY)

    assert await kept(archive, "#dev") == ["one", "two", "three", "five"]
    eve.unseen()
    await eve.types("/retention")
    await eve.sees(
        "-- #dev keeps the last 1 message; what is older, from before its owner's time, "
        "stays as it was"
    )
    await ann.types("/join #dev")
    await ann.sees("<eve> five")
    await ann.types("/history")
    for text in ("one", "two", "three"):
        await ann.sees(f"<ann> {text}")


async def test_whoever_a_room_is_passed_on_to_cannot_either_and_an_operator_can(
    chat: Chat, archive: MemoryArchive
) -> None:
    ann, eve = await chat.join("ann"), await chat.join("eve")
    rosa = await chat.join("rosa", operator=True)
    await ann.types("/join #dev")
    await eve.types("/join #dev")
    await ann.types("one", "two", "/leave")
    await eve.types("/retention 1", "three")
    await trio.sleep(2 * EVERY)
    assert await kept(archive, "#dev") == ["one", "two", "three"]

    await rosa.types("/join #dev", "/retention 2")
    await rosa.sees("-- #dev keeps the last 2 messages")
    await trio.sleep(2 * EVERY)

    assert await kept(archive, "#dev") == ["two", "three"]


async def test_an_owner_does_not_lift_what_holds_for_what_was_said_before_their_time(
    chat: Chat, archive: MemoryArchive
) -> None:
    ann, eve = await chat.join("ann"), await chat.join("eve")
    await ann.types("/join #dev", "/retention 2", "one", "two", "/leave")
    await trio.sleep(1)
    await eve.types("/join #dev", "/retention 0", "three", "four", "five")
    await trio.sleep(2 * EVERY)

    assert await kept(archive, "#dev") == ["three", "four", "five"]


def test_of_many_bounds_of_one_room_the_last_ones_hold() -> None:
    database = Database(IN_MEMORY)
    for number in range(1, MOST_RULES + 5):
        database.write([Retain("#dev", Bounds(most=1), number), said(number + 100, room="#dev")])

    assert len(database.read(own_bounds)["#dev"]) == MOST_RULES
    database.write([Retain("#dev", Bounds(most=7))])

    assert database.read(own_bounds) == {"#dev": [(0, Bounds(most=7))]}


@pytest.mark.parametrize(
    ("own", "last"),
    [
        ([], 0),
        ([(0, Bounds(most=4))], 6),
        ([(3, Bounds(most=4))], 6),
        ([(8, Bounds(most=4))], 0),
        ([(0, Bounds(most=9)), (5, Bounds())], 1),
        ([(0, Bounds(seconds=7)), (2, Bounds())], 2),
    ],
)
def test_a_room_holds_in_memory_what_is_kept(own: list[tuple[int, Bounds]], last: int) -> None:
    ids = [at * SECOND for at in range(1, 11)]
    parts = stretches(Bounds(), [(since * SECOND, bounds) for since, bounds in own])

    assert last_held(ids, parts, 10 * SECOND) == last * SECOND


async def test_where_nothing_is_kept_that_is_said(autojump_clock: MockClock) -> None:
    async with open_chat() as chat:
        ann = await chat.join("ann")

        await ann.types("/retention")

        await ann.sees("-- what is said here ends with the server")


async def test_who_sets_it_is_told_if_that_cannot_be_kept(autojump_clock: MockClock) -> None:
    async with open_chat(archive=FaultyArchive(fault="no space")) as chat:
        rosa = await chat.join("rosa", operator=True)
        await rosa.types("/retention 5")
        await trio.sleep(60)

        await rosa.sees("-- the server cannot keep anything at the moment; try again later")


def test_much_is_taken_out_in_portions() -> None:
    database = Database(IN_MEMORY)
    database.write([said(number) for number in range(1, 2 * PORTION + 12)])
    database.write([Talk(TopicSet("#lobby", "ann", "tea", 1_000_000))])
    sizes = []

    while prunes := database.read(beyond(Bounds(most=10), 0)):
        database.write(prunes)
        sizes.append(len(database.read(talk(Span("#lobby", 10_000)))))

    assert sizes == [PORTION + 12, 12, 11]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (Bounds(), [Prune("#a", 5 * SECOND), Prune("#b", 5 * SECOND)]),
        (Bounds(seconds=2), [Prune("#a", 8 * SECOND), Prune("#b", 5 * SECOND)]),
        (Bounds(most=1, seconds=100), [Prune("#a", 9 * SECOND), Prune("#b", 5 * SECOND)]),
    ],
)
def test_of_two_bounds_the_tighter_holds(own: Bounds, expected: list[Prune]) -> None:
    database = Database(IN_MEMORY)
    talks = [said(at * SECOND, room="#a") for at in range(1, 11)]
    talks += [said(at * SECOND + 1, room="#b") for at in range(1, 11)]
    database.write([*talks, Retain("#A", own)])

    assert database.read(beyond(Bounds(seconds=5), 10 * SECOND)) == expected
