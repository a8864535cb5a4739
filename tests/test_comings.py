"""Who comes and goes, told at once or together."""

from collections.abc import AsyncIterable

import attrs
import pytest
import trio
from trio.testing import MockClock

from trioserve.broker.comings import Comings
from trioserve.broker.events import Missed
from trioserve.broker.fanout import Fanout
from trioserve.broker.resuming import ResumeLimits
from trioserve.configuration.config import Config
from trioserve.extending.context import Context
from trioserve.extending.decorators import command
from trioserve.extending.host import Host
from trioserve.extending.store import Store
from trioserve.messages import Departed, Event, Joined, Left
from trioserve.observe import Counters
from trioserve.rooms.member import Member
from trioserve.rooms.outlet import Piece
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.state.world import World
from trioserve.testing import Chat, Person, open_chat

WHILE = 11  # seconds: a little more than the default


async def come(chat: Chat, *nicks: str) -> list[Person]:
    """Let these come in one after the other, within one while."""
    people = []
    for nick in nicks:
        people.append(chat.connect())
        await people[-1].types(nick)
    return people


def told(person: Person) -> list[str]:
    return person.unseen().splitlines()


async def test_the_first_few_are_told_of_at_once_and_more_together(chat: Chat) -> None:
    ann = await chat.join("ann")

    await come(chat, *"bcdefghi")

    assert told(ann) == [f"* {nick} joined #lobby" for nick in "bcd"]
    await trio.sleep(WHILE)
    assert told(ann) == ["* e, f, g and 2 others joined #lobby"]


async def test_a_name_that_is_refused_makes_nobody_be_told_of_sooner(chat: Chat) -> None:
    ann = await chat.join("ann")
    people = await come(chat, *"bcdefg")
    ann.unseen()

    await people[-1].types("/nick ann")

    await people[-1].sees("-- the name ann is taken")
    assert told(ann) == []


async def test_who_comes_a_while_later_is_told_of_at_once(chat: Chat) -> None:
    ann = await chat.join("ann")
    await come(chat, *"bcde")
    await trio.sleep(WHILE)
    ann.unseen()

    await come(chat, "f")

    assert told(ann) == ["* f joined #lobby"]


async def test_a_net_that_breaks_and_comes_back_is_a_line_each(chat: Chat) -> None:
    chat.server.broker.resuming.limits = ResumeLimits(keep=0)
    ann = await chat.join("ann")
    people = await come(chat, *"bcdefghi")
    await trio.sleep(WHILE)
    ann.unseen()

    for person in people:
        await person.vanishes()
    await come(chat, *"bcdefghi")
    await trio.sleep(WHILE)

    assert told(ann) == [
        *[f"* {nick} left (connection lost)" for nick in "bcd"],
        "* e, f, g and 2 others left (connection lost); b, c, d and 5 others joined #lobby",
    ]


async def test_who_left_for_a_reason_is_told_of_apart_from_who_just_left(chat: Chat) -> None:
    chat.server.broker.resuming.limits = ResumeLimits(keep=0)
    ann = await chat.join("ann")
    people = await come(chat, *"bcdefgh")
    await trio.sleep(WHILE)
    ann.unseen()

    for person in people[:5]:
        await person.types("/quit")
    for person in people[5:]:
        await person.vanishes()
    await trio.sleep(WHILE)

    assert told(ann)[3:] == ["* g, h left (connection lost); e, f left #lobby"]


async def test_of_very_many_reasons_a_few_are_told(chat: Chat) -> None:
    ann, rita = await chat.join("ann"), await chat.join("rita", operator=True)
    await come(chat, *(f"p{number}" for number in range(9)))
    await trio.sleep(WHILE)
    ann.unseen()

    await rita.types(*(f"/kill p{number} reason {number}" for number in range(9)))
    await trio.sleep(WHILE)

    assert told(ann)[-1] == (
        "* p3 left (taken off by rita: reason 3); p4 left (taken off by rita: reason 4);"
        " p5 left (taken off by rita: reason 5); p6, p7, p8 left (for other reasons)"
    )


async def test_whoever_comes_and_goes_unnoticed_is_not_told_of(chat: Chat) -> None:
    ann = await chat.join("ann")
    *_, eve = await come(chat, "bob", "carol", "dave", "eve")
    ann.unseen()

    await eve.types("/quit")
    await trio.sleep(WHILE)

    assert told(ann) == []


async def test_whoever_leaves_a_room_and_is_back_unnoticed_is_not_told_of(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await come(chat, "carol", "dave", "eve")
    ann.unseen()

    await bob.types("/leave", "/join lobby")
    await trio.sleep(WHILE)
    assert told(ann) == []
    await come(chat, "frank", "grace", "heidi")
    ann.unseen()
    await bob.types("/leave", "/nick rob", "/join lobby")
    await trio.sleep(WHILE)

    assert told(ann) == ["* bob left #lobby; rob joined #lobby"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("hi", "<eve> hi"),
        ("/me waves", "** eve waves"),
        ("/nick eva", "* eve is now eva"),
        ("/topic tea", "* eve set the topic: tea"),
        ("/leave lobby bye", "* eve left #lobby, saying: bye"),
        ("/quit bye", "* eve left, saying: bye"),
    ],
)
async def test_nobody_is_seen_to_do_something_before_they_are_seen_to_come(
    chat: Chat, line: str, shown: str
) -> None:
    ann = await chat.join("ann")
    *_, eve = await come(chat, "bob", "carol", "dave", "eve")
    ann.unseen()

    await eve.types(line)
    first, second = told(ann)
    await trio.sleep(WHILE)

    assert first == "* eve joined #lobby"
    assert second.endswith(shown)
    assert told(ann) == []
    assert "eve joined" not in eve.unseen()


async def test_whoever_says_something_and_goes_is_seen_to_do_so_in_that_order(chat: Chat) -> None:
    ann = await chat.join("ann")
    *_, eve, fred = await come(chat, "bob", "carol", "dave", "eve", "fred")
    ann.unseen()

    for person in (eve, fred):
        await person.types("hi")
        await person.types("/quit")
    await trio.sleep(WHILE)

    lines = told(ann)
    assert [line for line in lines if "joined" in line or "left" in line] == [
        "* eve joined #lobby",
        "* fred joined #lobby",
        "* eve, fred left #lobby",
    ]
    assert lines[1].endswith("<eve> hi")
    assert lines[3].endswith("<fred> hi")


async def test_a_command_s_line_is_not_shown_before_its_caller_either(
    autojump_clock: MockClock,
) -> None:
    @command
    async def roll(ctx: Context) -> None:
        """Roll a die."""
        await ctx.announce(f"{ctx.nick} rolled 6")

    async with open_chat(functions=[roll]) as chat:
        ann = await chat.join("ann")
        *_, eve = await come(chat, "bob", "carol", "dave", "eve")
        ann.unseen()

        await eve.types("/roll")

        assert told(ann) == ["* eve joined #lobby", "* eve rolled 6"]


async def test_a_last_word_is_told_at_once_however_many_go(chat: Chat) -> None:
    ann = await chat.join("ann")
    people = [await chat.join(nick) for nick in "bcdefg"]

    for person in people[:4]:
        await person.types("/quit")
    await people[4].types("/quit so long")
    await people[5].types("/leave lobby well")

    assert told(ann)[3:] == ["* f left, saying: so long", "* g left #lobby, saying: well"]
    await trio.sleep(WHILE)
    assert told(ann) == ["* e left #lobby"]


async def test_nobody_is_told_of_themself_alone(chat: Chat) -> None:
    *_, dave, eve = await come(chat, "ann", "bob", "carol", "dave", "eve")
    eve.unseen()

    await trio.sleep(WHILE)

    assert told(eve) == []
    await dave.sees("* eve joined #lobby")


async def test_a_room_s_founder_is_no_move(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/join dev")
    people = [await chat.join(nick) for nick in "bcd"]
    ann.unseen()

    for person in people:
        await person.types("/join dev")

    assert told(ann) == [f"* {nick} joined #dev" for nick in "bcd"]


async def test_in_a_big_room_all_are_told_of_together(autojump_clock: MockClock) -> None:
    async with open_chat(Config(rooms=RoomLimits(fold_above=3, fold_after=100))) as chat:
        ann = await chat.join("ann")
        await come(chat, "early0", "early1")
        ann.unseen()

        people = await come(chat, *(f"late{number}" for number in range(6)))
        await people[0].types("/quit")
        await ann.sees_nothing()
        await trio.sleep(WHILE)

        assert told(ann) == ["* late1, late2, late3 and 2 others joined #lobby"]
        await trio.sleep(2 * WHILE)
        assert told(ann) == []


async def test_fold_after_may_be_none_or_without_end(autojump_clock: MockClock) -> None:
    for fold_after, at_once in ((0, 0), (1000, 6)):
        async with open_chat(Config(rooms=RoomLimits(fold_after=fold_after))) as chat:
            ann = await chat.join("ann")
            await come(chat, *"bcdefg")
            assert len(told(ann)) == at_once


async def all_of(events: AsyncIterable[Event | Missed]) -> list[Event | Missed]:
    """What has come so far."""
    seen = []
    with trio.move_on_after(1):
        async for event in events:
            seen.append(event)  # noqa: PERF401  (a comprehension would lose all at the end)
    return seen


async def test_bots_and_watchers_are_told_of_each(chat: Chat) -> None:
    ann = await chat.join("ann")
    broker = chat.server.broker

    with broker.watched() as watched:
        async with Host(broker, Store()).member("robot") as bot:
            people = await come(chat, *"bcdefg")
            await people[4].types("/leave")
            await people[5].types("/quit")
            await trio.sleep(WHILE)
            heard = await all_of(bot)
    seen = await all_of(watched)

    expected = [
        *[Joined("#lobby", nick) for nick in "bcdefg"],
        Left("#lobby", "f"),
        Departed("g"),
    ]
    assert heard[1:] == expected  # behind what it was shown when it entered
    assert [event for event in seen if event in expected] == expected
    assert len(told(ann)) < len(expected)


@attrs.define(eq=False)
class Ear:
    """An outlet that counts what it is given."""

    lagging: bool = False
    count: int = 0

    def put_event(self, event: Event, data: bytes) -> None:
        self.count += 1

    def put_piece(self, piece: Piece) -> None:
        self.count += 1


def test_crowds_are_told_of_no_faster_than_a_turn_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioserve.broker.fanout.TURN_DELIVERIES", 10)
    fanout = Fanout(World(RoomLimits(fold_after=0)), Counters())
    comings = Comings(fanout.world, fanout)
    ears = [Ear() for _ in range(6 * 5)]
    for number, ear in enumerate(ears):
        member = Member(f"p{number}", ear, active=0.0)
        fanout.world.enter(member)
        comings.tell_joined(member, fanout.world.join(member, f"#room{number // 5}"))
    fanout.flush()
    for ear in ears:
        ear.count = 0  # of the founder's own coming

    comings.unfold()
    fanout.flush()
    assert [ear.count for ear in ears[::5]] == [1, 1, 1, 0, 0, 0]
    comings.unfold()
    fanout.flush()

    assert [ear.count for ear in ears] == [1] * 30
    assert not comings.has_begun
