"""Turns: what is handled together, in which order it is shown, and what that costs."""

from collections.abc import AsyncIterator
from itertools import pairwise

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.unprintable import Unprintable
from trioserve.broker.broker import TURN_REQUESTS, Broker
from trioserve.broker.fanout import TURN_DELIVERIES, Fanout
from trioserve.broker.handlers import Handlers
from trioserve.configuration.config import Config
from trioserve.errors import ChatError
from trioserve.messages import Event, Said
from trioserve.observe import Counters
from trioserve.requests import (
    Announce,
    Close,
    Depart,
    Enter,
    Ignore,
    Join,
    Leave,
    Rename,
    Request,
    Say,
    SetQuiet,
    SetTopic,
    Tell,
    Unfold,
)
from trioserve.rooms.member import Member
from trioserve.rooms.outlet import Piece
from trioserve.rooms.roomkeeping import RoomLimits
from trioserve.sessions.services import SessionLimits
from trioserve.state.world import World
from trioserve.testing import Chat, open_chat
from trioserve.wire.render import render
from trioserve.wire.style import ANYBODY, Style, View

# ------------------------------------------------- the broker by itself


@attrs.define(eq=False)
class Ear:
    """An outlet that keeps what it is given, piece by piece."""

    heard: list[bytes] = attrs.field(factory=list)
    lagging: bool = False

    def put_event(self, event: Event, data: bytes) -> None:
        self.heard.append(data)

    def put_piece(self, piece: Piece) -> None:
        self.heard.append(piece.data)

    def take(self) -> str:
        data, self.heard = b"".join(self.heard), []
        return data.decode()


@attrs.define(eq=False)
class Bench:
    """A broker that runs, and people who are nothing but ears."""

    broker: Broker
    counters: Counters
    ears: dict[str, Ear] = attrs.field(factory=dict)

    async def enter(self, nick: str) -> Member:
        ear = self.ears[nick] = Ear()
        member = Member(nick, ear, active=0.0)
        await self.broker.call(member, Enter("#lobby"))
        for each in self.ears.values():
            each.take()
        return member

    async def together(self, *requests: tuple[Member, Say]) -> None:
        """Let these come within one turn."""
        for member, request in requests:
            await self.broker.say(member, request)
        await wait_all_tasks_blocked()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A broker whose clock stands still."""
    counters = Counters()
    broker = Broker(World(RoomLimits()), counters, inbox_size=256, now_ns=lambda: 10**18)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(broker.run)
        yield Bench(broker, counters)
        nursery.cancel_scope.cancel()


async def test_what_came_together_is_shown_in_one_piece_and_in_order(bench: Bench) -> None:
    ann, bob = await bench.enter("ann"), await bench.enter("bob")
    await bench.enter("carol")

    await bench.together((ann, Say("one")), (bob, Say("two")), (ann, Say("three")))

    (piece,) = bench.ears["carol"].heard
    texts = [line.split(b"> ")[1] for line in piece.splitlines()]
    assert texts == [b"one", b"two", b"three"]


async def test_turns_are_counted_with_their_time_and_how_many_requests_waited(
    bench: Bench,
) -> None:
    ann = await bench.enter("ann")
    turns = sum(bench.counters.turns)
    bench.counters.inbox_peak = 0

    await bench.together(*[(ann, Say(str(number))) for number in range(5)])
    await bench.together((ann, Say("alone")))

    assert sum(bench.counters.turns) == turns + 2
    assert bench.counters.inbox_peak == 5
    assert 0 < bench.counters.turn_peak <= bench.counters.turn_seconds


async def test_what_a_full_inbox_keeps_out_has_waited_too(bench: Bench) -> None:
    ann = await bench.enter("ann")

    async with trio.open_nursery() as nursery:
        for number in range(TURN_REQUESTS + 50):
            nursery.start_soon(bench.broker.say, ann, Say(str(number)))

    await wait_all_tasks_blocked()
    assert bench.counters.inbox_peak == TURN_REQUESTS + 50
    assert bench.broker.waiting == 0


async def test_authors_are_shown_the_others_lines_and_not_their_own(bench: Bench) -> None:
    ann, bob = await bench.enter("ann"), await bench.enter("bob")

    await bench.together((ann, Say("one")), (bob, Say("two")), (ann, Say("three", echo=True)))

    heard = bench.ears["ann"].take()
    assert "one" not in heard
    assert "<bob> two" in heard
    assert "<ann> three" in heard


async def test_ids_rise_though_the_clock_stands_still(bench: Bench) -> None:
    ann = await bench.enter("ann")

    await bench.together(*[(ann, Say(str(number))) for number in range(5)])

    ids = [message.id for message in bench.broker.world.room("#lobby").history]
    assert ids == [10**15 + number for number in range(5)]


async def test_an_id_is_the_time_in_microseconds(bench: Bench) -> None:
    ann = await bench.enter("ann")

    await bench.together((ann, Say("hello")))

    (said,) = bench.broker.world.room("#lobby").history
    assert said == Said(10**18 // 1000, "#lobby", "ann", "hello")


async def test_who_joins_is_shown_nothing_twice(bench: Bench) -> None:
    ann = await bench.enter("ann")
    carol = Member("carol", ear := Ear(), active=0.0)

    # Nothing waits between these two, so they are handled in one turn.
    await bench.broker.say(ann, Say("before"))
    await bench.broker.call(carol, Enter("#lobby"))
    await bench.together((ann, Say("after")))

    heard = ear.take()
    assert heard.count("before") == 1
    assert heard.index("before") < heard.index("-- now --") < heard.index("after")


async def test_who_leaves_misses_nothing_that_was_said_until_then(bench: Bench) -> None:
    ann, bob = await bench.enter("ann"), await bench.enter("bob")

    await bench.broker.say(ann, Say("farewell"))
    await bench.broker.call(bob, Depart())
    await bench.together((ann, Say("after")))

    heard = bench.ears["bob"].take()
    assert "farewell" in heard
    assert "after" not in heard


async def test_a_direct_answer_comes_behind_what_was_pending(bench: Bench) -> None:
    ann, bob = await bench.enter("ann"), await bench.enter("bob")

    await bench.broker.say(ann, Say("first"))
    await bench.broker.call(ann, Tell("bob", "second"))

    heard = bench.ears["bob"].take()
    assert heard.index("first") < heard.index("second")
    assert bob.correspondent is ann


async def test_a_turn_ends_after_256_requests(bench: Bench) -> None:
    ann, bob, carol = [await bench.enter(nick) for nick in ("ann", "bob", "carol")]
    await bench.broker.call(carol, Join("#dev"))
    await bench.broker.call(bob, Join("#dev"))
    bench.ears["bob"].take()

    async with trio.open_nursery() as nursery:
        for _ in range(128):
            nursery.start_soon(bench.broker.say, ann, Say("x"))
            nursery.start_soon(bench.broker.say, carol, Say("x"))
        await wait_all_tasks_blocked()
        assert len(bench.ears["bob"].heard) == 2  # a piece for each room

        for _ in range(150):
            nursery.start_soon(bench.broker.say, ann, Say("x"))
            nursery.start_soon(bench.broker.say, carol, Say("x"))
        await wait_all_tasks_blocked()
        assert len(bench.ears["bob"].heard) == 6


async def test_a_turn_ends_at_eight_kilobytes_for_one_room(bench: Bench) -> None:
    ann = await bench.enter("ann")
    await bench.enter("bob")

    await bench.together(*[(ann, Say("x" * 1000)) for _ in range(40)])

    assert max(len(piece) for piece in bench.ears["bob"].heard) < 10_000
    assert bench.ears["bob"].take().count("<ann>") == 40


async def test_a_turn_ends_at_four_thousand_deliveries(bench: Bench) -> None:
    bench.broker.world.limits = RoomLimits(per_member=60)
    rooms = [f"#room{number}" for number in range(50)]
    listeners = [await bench.enter(f"listener{number}") for number in range(100)]
    speakers = [await bench.enter(f"speaker{number}") for number in range(50)]
    for speaker, room in zip(speakers, rooms, strict=True):
        for member in (*listeners, speaker):
            await bench.broker.call(member, Join(room))
    ear = bench.ears["listener0"]

    ear.take()
    await bench.together(*[(speaker, Say("x")) for speaker in (*speakers[:10], speakers[0])])
    assert len(ear.heard) == 10  # what is said in a room twice in one turn is one piece

    ear.take()
    await bench.together(*[(speaker, Say("x")) for speaker in (*speakers, speakers[0])])
    assert len(ear.heard) == 51


async def test_a_turn_ends_though_nothing_is_pending_at_four_thousand_deliveries(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [Member(f"p{number}", Ear(), active=0.0) for number in range(1500)]
    for member in members:  # past the broker, or this took its time
        bench.broker.world.enter(member)
        bench.broker.world.join(member, "#lobby")
    delivered: list[int] = []  # by the end of each turn
    flush = Fanout.flush

    def count(fanout: Fanout) -> None:
        flush(fanout)
        delivered.append(fanout.counters.deliveries)

    monkeypatch.setattr(Fanout, "flush", count)
    async with trio.open_nursery() as nursery:
        for member in members[:100]:
            nursery.start_soon(bench.broker.call, member, Rename(f"{member.nick}x"))

    assert delivered[-1] == 100 * 1499
    assert max(after - before for before, after in pairwise(delivered)) < TURN_DELIVERIES + 1500


async def test_what_was_said_before_a_rename_is_shown_as_if_there_had_been_none(
    bench: Bench,
) -> None:
    ann, _ = await bench.enter("ann"), await bench.enter("bob")
    await bench.broker.call(bench.broker.world.member("bob"), Ignore("ann"))
    await bench.broker.call(ann, Rename("anna"))
    bench.ears["bob"].take()

    # Nothing waits between these two, so they are handled in one turn.
    await bench.broker.say(ann, Say("hidden"))
    await bench.broker.call(ann, Rename("annie"))

    assert bench.ears["bob"].take() == "* anna is now annie\r\n"


async def test_who_joins_is_not_shown_what_those_said_whom_they_ignore(bench: Bench) -> None:
    ann, bob = await bench.enter("ann"), await bench.enter("bob")
    carol = await bench.enter("carol")
    for member in (ann, bob):
        await bench.broker.call(member, Join("#dev"))
    await bench.together((ann, Say("hidden")), (bob, Say("shown")))
    await bench.broker.call(carol, Ignore("ann"))

    await bench.broker.call(carol, Join("#dev"))

    heard = bench.ears["carol"].take()
    assert "<bob> shown" in heard
    assert "hidden" not in heard


async def test_a_last_word_and_a_topic_cannot_be_padded_to_a_line_of_their_own(
    bench: Bench,
) -> None:
    ann, bob = await bench.enter("ann"), await bench.enter("bob")
    await bench.broker.call(bob, Join("#dev"))
    await bench.broker.call(ann, Join("#dev"))
    bench.ears["bob"].take()
    padded = f"bye{' ' * 70}-- the server moves"

    await bench.broker.call(ann, SetTopic("#dev", padded))
    await bench.broker.call(ann, Leave("#dev", padded))
    await bench.broker.call(ann, Depart("", padded))

    assert bench.ears["bob"].take().split("\r\n") == [
        "* ann set the topic: bye -- the server moves",
        "* ann left #dev, saying: bye -- the server moves",
        "* ann left, saying: bye -- the server moves",
        "",
    ]
    assert bench.broker.world.room("#dev").topic == "bye -- the server moves"


async def test_a_request_that_crashes_is_told_and_the_broker_goes_on(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await bench.enter("ann"), await bench.enter("bob")
    monkeypatch.setattr(World, "set_quiet", None)

    with pytest.raises(ChatError, match="that failed on the server, and has been logged"):
        await bench.broker.call(ann, SetQuiet(True))
    await bench.together((bob, Say("still here")))

    assert "still here" in bench.ears["ann"].take()
    assert "a request crashed: SetQuiet" in caplog.text


async def test_a_text_that_cannot_be_shown_is_its_callers_affair_alone(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob = await bench.enter("ann"), await bench.enter("bob")

    with pytest.raises(ChatError, match="that failed on the server, and has been logged"):
        await bench.broker.call(ann, Announce(Unprintable("x")))
    await bench.together((bob, Say("still here")))
    await bench.broker.call(Member("carol", carol := Ear(), active=0.0), Enter("#lobby"))

    assert "still here" in bench.ears["ann"].take()
    assert "still here" in carol.take()
    assert "a request crashed: Announce" in caplog.text


async def test_a_refusal_that_cannot_be_shown_stops_nobody(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    class Deaf(Ear):
        def put_event(self, event: Event, data: bytes) -> None:
            raise RuntimeError("deaf")

    ann, _ = await bench.enter("ann"), await bench.enter("bob")

    await bench.together((Member("eve", Deaf(), active=0.0), Say("in no room")), (ann, Say("hi")))

    assert "<ann> hi" in bench.ears["bob"].take()
    assert "a refusal could not be shown" in caplog.text


async def test_who_crashes_on_entering_leaves_no_ghost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await bench.enter("ann")
    monkeypatch.setattr("trioserve.broker.membership.Entered", None)
    with pytest.raises(ChatError, match="that failed on the server"):
        await bench.broker.call(Member("bob", Ear(), active=0.0), Enter("#lobby"))
    monkeypatch.undo()

    assert list(bench.broker.world.members.values()) == [ann]
    assert list(bench.broker.world.room("#lobby").members) == [ann]
    await bench.enter("bob")


@pytest.mark.parametrize("kind", [Unfold, Close])
async def test_a_crash_at_the_servers_own_requests_ends_nobodys_session(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, kind: type[Request]
) -> None:
    obey = Handlers.obey

    def crash(handlers: Handlers, member: Member, request: Request) -> None:
        if isinstance(request, kind):
            raise RuntimeError("crashed")
        obey(handlers, member, request)

    monkeypatch.setattr(Handlers, "obey", crash)
    async with open_chat(Config(rooms=RoomLimits(fold_above=1))) as chat:
        ann, _ = await chat.join("ann"), await chat.join("bob")

        await trio.sleep(30)
        await ann.types("/who")
        await ann.sees("ann, bob")
        chat.server.stop()

        await ann.sees("the server is shutting down: goodbye")


async def test_a_full_inbox_makes_who_talks_wait_and_loses_nothing(
    autojump_clock: MockClock,
) -> None:
    broker = Broker(World(RoomLimits()), Counters(), inbox_size=2)
    member = Member("ann", Ear(), active=0.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(broker.run)
        await broker.call(member, Enter("#lobby"))
        nursery.cancel_scope.cancel()

    broker = Broker(World(RoomLimits()), Counters(), inbox_size=2)
    with trio.move_on_after(1) as waiting:
        for _ in range(3):
            await broker.say(member, Say("x"))
    assert waiting.cancelled_caught


# ---------------------------------------------------- what a message costs


@pytest.fixture
async def crowd() -> AsyncIterator[Chat]:
    """A server without flood control and 100 people in its first room."""
    config = Config(limits=SessionLimits(flood_control=False))
    async with open_chat(config) as chat:
        for number in range(100):
            await chat.join(f"p{number}")
        yield chat


async def test_a_batch_costs_one_write_for_each_member_and_one_rendering_for_each_style(
    autojump_clock: MockClock, crowd: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[Event] = []

    def count(event: Event, style: Style, view: View = ANYBODY) -> bytes:
        rendered.append(event)
        return render(event, style, view)

    monkeypatch.setattr("trioserve.broker.fanout.render", count)
    ann = await crowd.join("ann")
    transports = [person.transport for person in crowd.people if person is not ann]
    before = sum(transport.writes for transport in transports)
    rendered.clear()

    ann.transport.type(b"".join(b"message %d\n" % number for number in range(10)))
    await wait_all_tasks_blocked()

    assert sum(transport.writes for transport in transports) - before == 100
    assert len(rendered) == 10
    for transport in transports:
        assert transport.received.count(b"<ann> message") == 10


async def test_a_batch_wakes_its_author_and_the_broker_and_nobody_else(
    autojump_clock: MockClock, crowd: Chat
) -> None:
    class Steps(trio.abc.Instrument):
        count = 0

        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            self.count += 1

    ann = await crowd.join("ann")
    trio.lowlevel.add_instrument(steps := Steps())

    ann.transport.type(b"".join(b"message %d\n" % number for number in range(10)))
    await wait_all_tasks_blocked()

    trio.lowlevel.remove_instrument(steps)
    assert steps.count <= 10  # of which this test takes some
