"""Slow readers: skipped, shown as such, told how many, then cut; never in silence."""

from collections.abc import AsyncIterator

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trioserve import Context, command
from trioserve.configuration.config import Config
from trioserve.messages import Noticed, Said
from trioserve.observe import Counters
from trioserve.outbox import Drains, Outbox, OutboxLimits
from trioserve.rooms.outlet import Piece
from trioserve.rooms.trail import Unread
from trioserve.sessions.services import SessionLimits
from trioserve.testing import Chat, MemoryTransport, Person, open_chat

LINE = 1000  # bytes
SOFT, HARD = 32 * 1024, 256 * 1024  # bytes, as shipped


@command
def flood(ctx: Context, kilobytes: int) -> None:
    """Answer with more than anybody asked for."""
    ctx.reply("\n".join(["x" * 1019] * kilobytes))


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    """A server without flood control, so that tests can say much at once."""
    async with open_chat(Config(limits=SessionLimits(flood_control=False)), [flood]) as chat:
        yield chat


async def stuck(chat: Chat, nick: str = "bob", *, window: int = 1000) -> Person:
    """Let somebody join who then reads no more."""
    person = await chat.join(nick, window=window)
    person.transport.reading = False
    return person


async def say(person: Person, count: int, *, first: int = 0) -> None:
    """Say lines of LINE bytes, each with its number, a few at a time."""
    for number in range(first, first + count):
        person.transport.type(f"{number:05} {'x' * (LINE - 7)}\n".encode())
        await wait_all_tasks_blocked()


def numbers(shown: str) -> list[int]:
    """The numbers of the lines that were shown."""
    return [int(line.split("> ")[1][:5]) for line in shown.splitlines() if "<ann>" in line]


# ------------------------------------------------------------ sent together


def unfailing(reason: OSError | str) -> None:
    """What is told of a connection that is given up: none is."""
    raise AssertionError(reason)


async def test_what_is_held_is_sent_at_once_and_in_order() -> None:
    transport = MemoryTransport(window=5, reading=False)
    drains = Drains(OutboxLimits(), Counters(), 1)
    outbox = Outbox(transport, drains, unfailing)

    outbox.hold()
    outbox.put(b"one ")
    outbox.put(b"two ")
    assert transport.writes == 0
    outbox.release()
    assert (transport.writes, outbox.size) == (1, 3)
    outbox.put(b"three")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drains.run)
        transport.read_on()
        await outbox.flushed()
        nursery.cancel_scope.cancel()

    assert transport.received == b"one two three"
    assert drains.total == 0


async def test_what_is_held_is_sent_to_who_waits_for_all(autojump_clock: MockClock) -> None:
    transport = MemoryTransport()
    outbox = Outbox(transport, Drains(OutboxLimits(), Counters(), 1), unfailing)

    outbox.hold()
    outbox.put(b"goodbye")
    with trio.fail_after(1):
        await outbox.flushed()

    assert transport.received == b"goodbye"


def test_what_is_held_may_be_what_is_too_much() -> None:
    failures: list[OSError | str] = []
    drains = Drains(OutboxLimits(total=10), Counters(), 1)
    outbox = Outbox(MemoryTransport(), drains, failures.append)

    outbox.hold()
    outbox.put(b"more than that")
    outbox.release()

    assert failures == ["not reading, and memory is short"]
    assert drains.total == 0


# -------------------------------------------------------------- below soft


async def test_below_soft_a_reader_who_pauses_gets_everything_in_order(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)

    await say(ann, 25)
    bob.transport.read_on()
    await wait_all_tasks_blocked()

    shown = bob.unseen()
    assert numbers(shown) == list(range(25))
    assert "skipped" not in shown


async def test_a_reader_who_takes_a_few_bytes_at_a_time_gets_every_byte(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat, window=7)

    await say(ann, 3)
    for _ in range(1000):
        bob.transport.read(5)
        await wait_all_tasks_blocked()

    assert numbers(bob.unseen()) == [0, 1, 2]


async def test_nobody_else_waits_for_who_does_not_read(chat: Chat) -> None:
    ann, carol = await chat.join("ann"), await chat.join("carol")
    await stuck(chat)
    before = trio.current_time()

    await say(ann, 200)

    assert numbers(carol.unseen()) == list(range(200))
    assert trio.current_time() == before


# ------------------------------------------------------------- skip and tell


async def test_above_soft_messages_are_skipped_and_their_number_is_told(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 100)

    bob.transport.read_on()
    await wait_all_tasks_blocked()

    shown = bob.unseen()
    got = numbers(shown)
    assert got == list(range(len(got)))
    assert f"-- {100 - len(got)} messages skipped in #lobby; /missed to read them" in shown
    assert len(got) * LINE <= SOFT + 3 * LINE
    assert chat.server.counters.skipped == 100 - len(got)


async def test_the_skip_line_comes_though_the_room_is_quiet_and_once(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 100)

    while not bob.transport.received.endswith(b"to read them\r\n"):
        assert bob.transport.read(500)
        await wait_all_tasks_blocked()
    bob.transport.read_on()
    await say(ann, 2, first=100)

    shown = bob.unseen()
    assert shown.count("skipped") == 1
    assert numbers(shown)[-2:] == [100, 101]


async def test_missed_shows_exactly_what_was_skipped(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 100)
    bob.transport.read_on()
    await wait_all_tasks_blocked()
    got = numbers(bob.unseen())

    await bob.types("/missed")

    shown = bob.unseen()
    assert f"-- {100 - len(got)} messages missed in #lobby --" in shown
    assert got + numbers(shown) == list(range(100))
    await bob.types("/missed")
    await bob.sees("-- you have missed nothing")


async def test_missed_that_is_cancelled_leaves_the_rest_to_be_read(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 120)
    bob.transport.read_on()
    await wait_all_tasks_blocked()
    got = numbers(bob.unseen())
    bob.transport.reading = False
    await bob.types("/missed")
    await bob.types("/cancel")
    bob.transport.read_on()
    await wait_all_tasks_blocked()
    got += numbers(bob.unseen())

    await bob.types("/missed")

    assert got + numbers(bob.unseen()) == list(range(120))


async def test_missed_says_what_the_room_no_longer_keeps(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 300)
    bob.transport.read_on()
    await wait_all_tasks_blocked()
    got = len(numbers(bob.unseen()))

    await bob.types("/missed")

    shown = bob.unseen()
    assert numbers(shown) == list(range(100, 300))
    assert f"-- {300 - got - 200} messages no longer kept --" in shown


async def test_missed_is_paced_so_that_it_cannot_push_its_reader_over_the_edge(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 190)
    bob.transport.read_on()
    await wait_all_tasks_blocked()
    bob.transport.reading = False
    bob.unseen()

    await bob.types("/missed")
    received = 0
    while not bob.transport.received.endswith(b"-- now --\r\n"):
        received += len(bob.transport.read(600))
        await wait_all_tasks_blocked()
        assert chat.server.waiting <= SOFT + 9 * LINE  # it is shown eight at a time

    assert len(numbers(bob.unseen())) > 150


async def test_who_shows_who_is_not_reading(chat: Chat) -> None:
    ann = await chat.join("ann")
    await stuck(chat)
    await say(ann, 100)

    await ann.types("/who")

    await ann.sees("ann, bob (not reading)")


async def test_a_private_message_to_who_is_not_reading_is_refused_to_its_sender(
    chat: Chat,
) -> None:
    ann = await chat.join("ann")
    await stuck(chat)
    await say(ann, 100)

    await ann.types("/msg bob hello")

    await ann.sees("-- bob is not reading at the moment; try again later")


async def test_joins_and_leaves_are_not_counted_as_messages_skipped(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 40)
    for _ in range(10):
        await ann.types("/join #dev", "/leave #dev")
        await ann.types("/leave #lobby", "/join #lobby")

    bob.transport.read_on()
    await wait_all_tasks_blocked()

    shown = bob.unseen()
    assert f"-- {40 - len(numbers(shown))} messages skipped" in shown


# ---------------------------------------------------------------------- cut


async def test_a_socket_that_takes_no_byte_for_a_minute_is_cut_and_announced(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 5)
    began = trio.current_time()

    await trio.sleep(59)
    assert not bob.is_gone
    await ann.sees("* bob left (not reading)")
    assert trio.current_time() - began == pytest.approx(60)

    await bob.sees_the_end()
    await wait_all_tasks_blocked()
    assert chat.server.counters.cut == {"not reading": 1}


async def test_a_reader_at_one_kilobyte_a_second_in_bursts_is_not_cut(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat, window=16 * 1024)
    for round_ in range(20):
        await say(ann, 30, first=30 * round_)
        await trio.sleep(35)  # so long a slow line's window may stay shut
        bob.transport.read(35 * 1024)

    assert not bob.is_gone


async def test_one_s_own_answers_beyond_hard_cut_the_connection(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)

    for _ in range(8):
        await bob.types("/flood 60")

    # The next command waits while the outbox is above soft: hard is never reached.
    assert not bob.is_gone
    assert chat.server.waiting <= SOFT + 64 * 1024
    await bob.types("/quit")
    await ann.sees("* bob left")


async def test_an_answer_beyond_its_bound_is_shortened_and_says_so(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/flood 100")

    shown = ann.unseen()
    assert len(shown) <= 64 * 1024 + 100
    assert shown.count("-- xxx") == 63
    assert shown.endswith("-- (37 more lines, too long to be shown)\r\n")


async def test_when_all_outboxes_together_hold_too_much_the_largest_is_cut(
    autojump_clock: MockClock,
) -> None:
    config = Config(
        limits=SessionLimits(flood_control=False),
        outbox=OutboxLimits(soft=30_000, hard=40_000, total=80_000),
    )
    async with open_chat(config) as chat:
        ann = await chat.join("ann")
        bob, carol = await stuck(chat, "bob"), await stuck(chat, "carol")
        dave = await stuck(chat, "dave")
        await bob.types("/history")  # a little more than the others have

        await say(ann, 29)

        await ann.sees("left (not reading, and memory is short)")
        await trio.sleep(2)
        assert [each.is_gone for each in (bob, carol, dave)].count(True) == 1


async def test_a_connection_that_breaks_while_it_is_drained_is_told_with_its_reason(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 5)

    bob.transport.break_off()

    await ann.sees("* bob lost the connection")
    assert chat.server.waiting == 0


async def test_a_drain_that_crashes_ends_its_connection_and_no_other(
    chat: Chat, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)

    async def crash(transport: MemoryTransport) -> None:
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError

    monkeypatch.setattr(MemoryTransport, "wait_writable", crash)
    await say(ann, 5)

    await ann.sees("* bob left (an error of the server's)")
    assert "a drain crashed" in caplog.text
    assert not ann.is_gone
    await bob.sees_the_end()


async def test_what_is_skipped_may_be_too_much_to_be_told_of(autojump_clock: MockClock) -> None:
    failures: list[OSError | str] = []
    drains = Drains(OutboxLimits(), Counters(), 10)
    transport = MemoryTransport(window=SOFT, reading=False)
    outbox = Outbox(transport, drains, failures.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drains.run)
        outbox.put(b"x" * 2 * SOFT)
        for number in range(20):
            said = Said(number, f"#r{number}", "ann", "hello")
            outbox.put_piece(Piece(said.room, b"hello\r\n", (said,)))
        outbox.frame = lambda data: data + b"a row that is drawn anew" * 1000

        transport.read_on()
        with trio.fail_after(1):
            await outbox.flushed()
        nursery.cancel_scope.cancel()

    assert failures == ["not reading"]
    assert outbox.is_closed
    assert (outbox.size, drains.total) == (0, 0)


async def test_a_row_that_cannot_be_drawn_anew_is_its_reader_s_affair_alone(chat: Chat) -> None:
    ann, bob, carol = [await chat.join(nick) for nick in ("ann", "bob", "carol")]
    carol.unseen()
    outbox = chat.server.world.member("bob").outlet
    assert isinstance(outbox, Outbox)

    def crashing(data: bytes) -> bytes:
        raise ValueError(data)

    outbox.frame = crashing
    await ann.types("hello")
    await ann.types("/quit")

    await carol.sees("<ann> hello")
    await carol.sees("* bob left (an error of the server's)")
    await carol.sees("* ann left")
    await bob.sees_the_end()


async def test_what_was_kept_for_who_read_too_slowly_is_not_for_whom_they_become() -> None:
    outbox = Outbox(MemoryTransport(window=0), Drains(OutboxLimits(), Counters(), 1), unfailing)
    outbox.put(b"x")
    outbox.put_later("#dev", Noticed("you are muted"))

    outbox.inherit(Unread(since=1, unsent=1))
    await trio.lowlevel.checkpoint()

    assert outbox.unread(last_id=1, now_us=1).events == []


async def test_quit_of_who_does_not_read_ends_within_the_drain_s_deadline(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 50)
    began = trio.current_time()

    await bob.types("/quit")
    await bob.sees_the_end()

    assert trio.current_time() - began == pytest.approx(8)
    assert chat.server.waiting == 0


async def test_what_waits_is_delivered_after_quit_to_who_reads_again(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await stuck(chat)
    await say(ann, 20)
    await bob.types("/quit")
    await trio.sleep(5)

    bob.transport.read_on()

    shown = await bob.sees_the_end()
    assert numbers(shown) == list(range(20))
    assert "-- goodbye" in shown


@attrs.frozen
class _Bounds:
    """What no outbox may exceed, whatever happens."""

    soft: int
    hard: int


@pytest.mark.parametrize("bounds", [_Bounds(5_000, 12_000), _Bounds(SOFT, HARD)])
async def test_no_room_can_push_a_member_over_hard(
    autojump_clock: MockClock, bounds: _Bounds
) -> None:
    config = Config(
        limits=SessionLimits(flood_control=False),
        outbox=OutboxLimits(soft=bounds.soft, hard=bounds.hard),
    )
    async with open_chat(config) as chat:
        people = [await chat.join(f"p{number}") for number in range(20)]
        bob = await stuck(chat)

        for person in people:
            person.transport.type(b"x" * 900 + b"\n" + b"y" * 900 + b"\n" + b"/me waves\n")
        await wait_all_tasks_blocked()
        for person in people:
            await person.types("/quit " + "z" * 900)

        assert not bob.is_gone
        assert chat.server.waiting <= bounds.hard
