"""Private messages: who can find them again, and what is left for who is not there."""

from collections.abc import AsyncIterator
from typing import TypeVar

import pytest
import trio
from trio.testing import MockClock

from tests.archives import FaultyArchive, Lasting
from tests.test_accounts import BORROWED, PASSWORD, QUICK, kept, leaves, logs_in, registers
from trioserve.archive.database import Query
from trioserve.archive.private import MOST_FROM_ADDRESS, MOST_FROM_ONE, MOST_WAITING
from trioserve.archive.retention import Bounds
from trioserve.broker.broker import Broker
from trioserve.extending.post import SAYING
from trioserve.requests import Request, Tell
from trioserve.rooms.member import Member
from trioserve.testing import Chat, Person, open_chat

SECOND = 1.0

T = TypeVar("T")


@pytest.fixture
async def chat(autojump_clock: MockClock) -> AsyncIterator[Chat]:
    """A server that keeps what is said, and slows nobody."""
    async with open_chat(QUICK, archive=Lasting()) as chat:
        yield chat


async def comes_back(chat: Chat, nick: str) -> Person:
    """Let the owner of a name come and log in."""
    person = await chat.join(nick)
    await logs_in(person)
    await person.sees(f"-- you are logged in as {nick}")
    return person


def texts(shown: str) -> list[str]:
    """What was shown, line by line, without times."""
    return [line.partition("] ")[2] or line for line in shown.split("\r\n") if line]


# ---------------------------------------------------------------- found again


async def test_what_two_said_privately_is_found_by_them_alone(chat: Chat) -> None:
    ann, bob, eve = [await chat.join(nick) for nick in ("ann", "bob", "eve")]
    for each in (ann, bob, eve):
        await registers(each)
    await ann.types("/msg bob where?", "/msg bob at the harbour")
    await bob.types("/reply when?")
    await trio.sleep(SECOND)

    for each in (ann, bob, eve):
        each.unseen()
        await each.types("/search harbour")
    assert texts(bob.unseen()) == [
        "-- 1 message found, the newest first --",
        "-- privately, with ann --",
        "ann -> you: where?",
        "ann -> you: at the harbour",
        "you -> ann: when?",
        "-- now --",
    ]
    assert "you -> bob: at the harbour" in texts(ann.unseen())
    assert texts(eve.unseen()) == ["-- nothing found"]


async def test_what_was_said_in_a_room_and_privately_is_found_together_the_newest_first(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await registers(ann)
    await ann.types("green tea", "/msg bob black tea")
    await bob.types("/msg ann white tea", "red tea")
    await trio.sleep(SECOND)
    ann.unseen()

    await ann.types("/search tea")

    shown = [line for line in texts(ann.unseen()) if "tea" in line]
    assert shown == [
        "<ann> green tea",
        "<bob> red tea",
        "you -> bob: black tea",
        "bob -> you: white tea",
    ]
    await ann.types("/search tea in #lobby")
    assert "black tea" not in ann.unseen()
    await ann.types("/search tea from bob")
    assert "white tea" in ann.unseen()


async def test_a_guest_finds_nothing_private_under_whatever_name(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await registers(ann)
    await ann.types("/msg bob our secret")
    await trio.sleep(SECOND)

    await bob.types("/search secret")
    await bob.sees("-- nothing found")
    await leaves(ann)
    guest = await chat.join("ann")
    await guest.types("/search secret")

    await guest.sees("-- nothing found")


async def test_what_guests_said_privately_is_kept_nowhere(autojump_clock: MockClock) -> None:
    archive = Lasting()
    async with open_chat(QUICK, archive=archive) as chat:
        ann, _ = await chat.join("ann"), await chat.join("bob")
        await ann.types("/msg bob our secret")
        await trio.sleep(SECOND)

    rows = await archive.read(
        lambda each: each.execute("SELECT 1 FROM private_messages").fetchall()
    )
    assert rows == []


async def test_who_has_a_name_next_finds_nothing_of_who_had_it(chat: Chat) -> None:
    ann, _ = await chat.join("ann"), await chat.join("bob")
    await registers(ann)
    await ann.types("/msg bob our secret")
    await logs_in(ann, command="/unregister")
    await ann.sees("-- the name ann is kept no more")
    await leaves(ann)

    other = await chat.join("ann")
    await registers(other)
    await other.types("/search secret")

    await other.sees("-- nothing found")


async def test_private_messages_are_kept_no_longer_than_others(chat: Chat) -> None:
    await kept(chat, "bob")
    ann, _ = await chat.join("ann"), await chat.join("eve")
    await registers(ann)
    await ann.types("/msg eve first tea", "/msg eve second tea", "/msg bob third tea")
    await trio.sleep(SECOND)

    chat.server.retention.bounds = Bounds(most=1)
    await chat.server.retention.prune()

    ann.unseen()
    await ann.types("/search tea")
    await ann.sees("-- 1 message found")
    await ann.sees("third tea")
    await comes_back(chat, "bob")  # what waits is not touched
    assert "third tea" in chat.people[-1].unseen()


# ---------------------------------------------------------- for who is not there


async def test_what_is_left_for_who_is_not_there_is_shown_at_login_in_order_and_once(
    autojump_clock: MockClock,
) -> None:
    archive = Lasting()
    async with open_chat(QUICK, archive=archive) as chat:
        await kept(chat, "ann")
        bob = await chat.join("bob")
        await bob.types("/msg ann first", "/msg Ann second")
        await bob.sees("you -> ann: first")
        await bob.sees("-- ann is not here; they read that at their next login")
    async with open_chat(QUICK, archive=archive) as chat:
        ann = await comes_back(chat, "ann")
        assert texts(ann.unseen()) == [
            "-- while you were not here --",
            "bob -> you: first",
            "bob -> you: second",
            "-- now --",
        ]
        await leaves(ann)

        again = await comes_back(chat, "ann")

        await again.sees_nothing()


async def test_a_guest_who_has_the_name_is_not_shown_what_is_for_its_owner(chat: Chat) -> None:
    await kept(chat, "ann")
    guest, bob = await chat.join("ann"), await chat.join("bob")

    await bob.types("/msg ann for you alone")

    await bob.sees("-- ann is not here: the ann who is here is a guest; they read that at")
    await trio.sleep(BORROWED)
    assert "for you alone" not in guest.unseen()
    owner = await comes_back(chat, "ann")
    await owner.sees("bob -> you: for you alone")


async def test_an_owner_under_another_nick_is_told_at_once(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await registers(ann)
    await ann.types("/nick busy")

    await bob.types("/msg ann hello")

    await ann.sees("bob -> you: hello")


async def test_a_reply_to_who_has_left_waits_for_them(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await registers(ann)
    await ann.types("/msg bob got a minute?")
    await leaves(ann)

    await bob.types("/reply sure")

    await bob.sees("-- ann is not here; they read that at their next login")
    ann = await comes_back(chat, "ann")
    await ann.sees("bob -> you: sure")


async def test_a_reply_never_goes_to_who_has_the_name_next(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await registers(ann)
    await ann.types("/msg bob got a minute?")
    await leaves(ann)
    ann = await comes_back(chat, "ann")
    await ann.types("/unregister")
    await ann.types(PASSWORD)
    await ann.sees("-- the name ann is kept no more")
    await leaves(ann)
    eve = await chat.join("ann")
    await registers(eve)

    await bob.types("/reply the key is under the mat")

    await bob.sees("-- you have exchanged no private message yet")
    assert "mat" not in eve.unseen()


async def test_a_name_that_is_nobody_s_is_not_written_to(chat: Chat) -> None:
    bob = await chat.join("bob")

    await bob.types("/msg ann hello")

    await bob.sees("-- there is no ann here")


async def test_a_server_that_keeps_nothing_says_so(autojump_clock: MockClock) -> None:
    async with open_chat() as chat:
        await kept(chat, "ann")
        bob = await chat.join("bob")

        await bob.types("/msg ann hello")

        await bob.sees("-- ann is not here, and this server keeps nothing for them")


async def test_what_cannot_be_written_is_not_said_to_wait(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(QUICK, archive=archive) as chat:
        await kept(chat, "ann")
        bob = await chat.join("bob")
        archive.fault = "no space"
        await bob.types("/msg ann hello")
        await trio.sleep(20)

        await bob.sees("-- the server cannot keep anything at the moment; try again later")
        archive.fault = ""
        await trio.sleep(60)
        ann = await comes_back(chat, "ann")
        await ann.sees_nothing()


async def test_what_is_left_by_who_quits_at_once_is_kept(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(QUICK, archive=archive) as chat:
        await kept(chat, "ann")
        bob = await chat.join("bob")
        archive.answers = trio.Event()
        await bob.types("/msg ann hello")
        await bob.types("/quit")
        await bob.sees_the_end()
        archive.answers.set()
        archive.answers = None

        ann = await comes_back(chat, "ann")

        await ann.sees("bob -> you: hello")


async def test_what_waits_is_shown_also_while_nothing_can_be_written(
    autojump_clock: MockClock,
) -> None:
    archive = FaultyArchive()
    async with open_chat(QUICK, archive=archive) as chat:
        await kept(chat, "ann")
        bob = await chat.join("bob")
        await bob.types("/msg ann hello")
        await bob.sees("they read that at their next login")
        archive.fault = "no space"
        await bob.types("anything")
        await trio.sleep(SECOND)

        ann = await comes_back(chat, "ann")

        await ann.sees("bob -> you: hello")
        archive.fault = ""


async def test_what_cannot_be_read_does_not_keep_an_owner_out(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(QUICK, archive=archive) as chat:
        await kept(chat, "ann")
        bob = await chat.join("bob")
        archive.unreadable = "broken"

        await bob.types("/msg ann hello")

        await bob.sees("-- the server cannot read what it keeps; try again later")
        archive.unreadable = ""
        ann = await comes_back(chat, "ann")
        await ann.sees_nothing()


async def test_what_the_connection_did_not_take_waits_still(chat: Chat) -> None:
    await kept(chat, "ann")
    bob = await chat.join("bob")
    for number in range(5):
        await bob.types(f"/msg ann {number} {'x' * 900}")
    ann = await chat.join("ann", window=512)
    await ann.types("/login")
    await ann.sees("Password of ")
    await ann.stops_reading()
    await ann.types(PASSWORD)
    await trio.sleep(200)  # cut: not reading

    again = await comes_back(chat, "ann")

    for number in range(5):
        await again.sees(f"bob -> you: {number} x")


async def test_who_comes_while_something_is_left_for_them_is_shown_it_once(
    autojump_clock: MockClock,
) -> None:
    archive = FaultyArchive()
    async with open_chat(QUICK, archive=archive) as chat:
        await kept(chat, "ann")
        bob = await chat.join("bob")
        archive.answers = trio.Event()
        await bob.types("/msg ann hello")
        ann = await comes_back(chat, "ann")
        await trio.sleep(SECOND)
        archive.answers.set()
        archive.answers = None
        await trio.sleep(2 * SECOND)

        assert texts(ann.transport.received.decode()).count("bob -> you: hello") == 1
        await bob.sees("you -> ann: hello")
        assert "next login" not in bob.unseen()
        await leaves(ann)
        ann = await comes_back(chat, "ann")
        await ann.sees_nothing()


async def test_what_the_broker_does_not_say_to_who_has_come_waits_still(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def tells_nobody(broker: Broker, member: Member, request: Request) -> None:
        if isinstance(request, Tell):
            await trio.sleep_forever()
        await call(broker, member, request)

    call = Broker.call
    archive = FaultyArchive()
    async with open_chat(QUICK, archive=archive) as chat:
        await kept(chat, "ann")
        bob = await chat.join("bob")
        archive.answers = trio.Event()
        await bob.types("/msg ann hello")
        ann = await comes_back(chat, "ann")
        monkeypatch.setattr(Broker, "call", tells_nobody)
        archive.answers.set()
        archive.answers = None
        await trio.sleep(2 * SAYING)

        await bob.sees("they read that at their next login")
        await leaves(ann)
        ann = await comes_back(chat, "ann")
        await ann.sees("bob -> you: hello")
    assert "bob: not said to ann within 5 s" in caplog.messages


class Unhurried(Lasting):
    """An archive of which each reading takes some time."""

    pause = 0.0

    async def read(self, query: Query[T]) -> T:
        found = await super().read(query)  # first: by now that may be no more so
        await trio.sleep(self.pause)
        return found


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.15, 0.4, 1.0])
@pytest.mark.parametrize("lead", [0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 1.1, 2.0, 3.1])
async def test_however_the_two_cross_it_is_shown_once_and_its_sender_told(
    autojump_clock: MockClock, pause: float, lead: float
) -> None:
    archive = Unhurried()
    async with open_chat(QUICK, archive=archive) as chat:
        await kept(chat, "ann")
        bob, ann = await chat.join("bob"), await chat.join("other")
        archive.pause = pause
        await ann.types("/login ann")
        await bob.types("/msg ann hello")
        await trio.sleep(lead)
        await ann.types(PASSWORD)
        await trio.sleep(30)
        archive.pause = 0
        await leaves(ann)
        again = await comes_back(chat, "ann")

        shown = ann.transport.received + again.transport.received
        assert texts(shown.decode()).count("bob -> you: hello") == 1
        assert "you -> ann: hello" in bob.transport.received.decode()


async def test_who_is_cut_off_while_they_read_goes_on_where_they_were(chat: Chat) -> None:
    await kept(chat, "ann")
    for sender in range(6):
        bob = await chat.join(f"bob{sender}", host=f"192.0.2.{sender}")
        for number in range(MOST_FROM_ONE):
            await bob.types(f"/msg ann {sender}.{number} {'x' * 900}")
    ann = await chat.join("ann", window=512)
    await ann.types("/login")
    await ann.sees("Password of ")
    await ann.stops_reading()
    await ann.types(PASSWORD)
    for _ in range(50):  # of 120 letters
        await ann.reads(1000)
    words = chat.server.world.member("ann").words
    await ann.vanishes()

    again = chat.connect()
    await again.types(f"/resume {words}")
    await trio.sleep(SECOND)

    shown = ann.transport.received.decode() + again.transport.received.decode()
    letters = [line.partition(" x")[0] for line in texts(shown) if " x" in line]
    assert len(set(letters)) == 6 * MOST_FROM_ONE
    assert letters[-1] == "bob5 -> you: 5.19"
    once = again.transport.received.decode().partition("-- while you were not here --")[2]
    assert not any(f"{letter} " in once for letter in letters[:24])
    await leaves(again)
    await (await comes_back(chat, "ann")).sees_nothing()


async def test_in_a_busy_room_a_slow_reader_is_shown_it_and_can_talk(chat: Chat) -> None:
    await kept(chat, "ann")
    bob = await chat.join("bob")
    await bob.types("/msg ann hello")
    ann = await chat.join("ann", window=1024)
    await ann.types("/login")
    await ann.sees("Password of ")
    await ann.stops_reading()
    for _ in range(3):
        await bob.types("z" * 900)
    await ann.types(PASSWORD, "here I am")

    for _ in range(30):  # no faster than she reads
        await bob.types("z" * 900)
        ann.transport.read(900)
        await trio.sleep(SECOND)

    await bob.sees("<ann> here I am")
    await leaves(ann)
    await (await comes_back(chat, "ann")).sees_nothing()


async def test_more_than_a_page_of_them_is_shown_as_it_is_read(chat: Chat) -> None:
    await kept(chat, "ann")
    for sender in range(6):
        bob = await chat.join(f"bob{sender}", host=f"192.0.2.{sender}")
        for number in range(MOST_FROM_ONE):
            await bob.types(f"/msg ann {sender} {number} {'x' * 900}")

    ann = await comes_back(chat, "ann")

    shown = [line for line in ann.unseen().split("\r\n") if "x" * 900 in line]
    assert len(shown) == 6 * MOST_FROM_ONE


async def test_who_is_ignored_is_not_shown_and_that_is_told(chat: Chat) -> None:
    await kept(chat, "ann")
    bob, carol = await chat.join("bob"), await chat.join("carol")
    await bob.types("/msg ann buy this")
    await carol.types("/msg ann hi")
    ann = await chat.join("other")
    await ann.types("/ignore bob")
    await logs_in(ann, command="/login ann")

    await ann.sees("carol -> you: hi")
    await ann.sees("-- 1 message of people whom you ignore not shown")
    assert "buy this" not in ann.unseen()


async def test_who_was_ignored_before_their_reader_left_is_told(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await registers(ann)
    await ann.types("/ignore bob")
    await leaves(ann)
    await trio.sleep(SECOND)

    await bob.types("/msg ann buy this")

    await bob.sees("-- ann ignores you")


# ------------------------------------------------------------------- bounds


async def fill(person: Person, count: int) -> None:
    for number in range(count):
        await person.types(f"/msg ann {number}")
        await person.sees("they read that at their next login")


async def test_one_sender_can_leave_only_so_many(chat: Chat) -> None:
    await kept(chat, "ann")
    eve, bob = await chat.join("eve"), await chat.join("bob")
    await registers(eve)
    await fill(eve, MOST_FROM_ONE)

    await eve.types("/msg ann once more")

    await eve.sees("-- not kept: 20 messages of yours wait for ann, the most")
    await fill(bob, 1)


async def test_guests_of_one_address_can_leave_only_so_many_together(chat: Chat) -> None:
    await kept(chat, "ann")
    eve, too = [await chat.join(nick, host="192.0.2.1") for nick in ("eve", "too")]
    bob = await chat.join("bob", host="192.0.2.2")
    await fill(eve, MOST_FROM_ONE)

    await too.types("/msg ann once more")

    await too.sees("-- not kept: 20 messages of guests from where you are wait for ann")
    await fill(bob, 1)


async def test_accounts_of_one_address_can_leave_only_so_many_together(chat: Chat) -> None:
    await kept(chat, "ann")
    for number, count in enumerate([MOST_FROM_ONE, MOST_FROM_ONE, 10]):
        eve = await chat.join(f"eve{number}", host="192.0.2.1")
        await registers(eve)
        await fill(eve, count)
    late = await chat.join("late", host="192.0.2.1")

    await late.types("/msg ann once more")

    assert 2 * MOST_FROM_ONE + 10 == MOST_FROM_ADDRESS
    await late.sees("-- not kept: 50 messages from your address wait there already, the most")


async def test_of_a_full_box_the_sender_is_told(chat: Chat) -> None:
    await kept(chat, "ann")
    for number in range(MOST_WAITING // MOST_FROM_ONE):
        await fill(await chat.join(f"bob{number}", host=f"192.0.2.{number}"), MOST_FROM_ONE)
    late = await chat.join("late", host="198.51.100.1")

    await late.types("/msg ann hello")

    await late.sees("-- not kept: 200 messages wait for ann already, the most")


@pytest.mark.parametrize("text", ["", " "])
async def test_nothing_to_say_is_not_left(chat: Chat, text: str) -> None:
    await kept(chat, "ann")
    bob = await chat.join("bob")

    await bob.types(f"/msg ann{text}")

    await bob.sees("-- /msg: text is missing")
