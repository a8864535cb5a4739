"""What mentioned somebody while they were not there, shown again."""

import pytest
import trio
from trio.testing import MockClock

from tests.archives import FaultyArchive, Lasting
from tests.test_accounts import leaves, logs_in, registers
from tests.test_past import lines
from tests.test_preferences import comes_again
from tests.test_search import keep, kept
from trioserve.archive.archives import MemoryArchive
from trioserve.archive.database import Database
from trioserve.archive.mentions import MOST, Mentions, mentions
from trioserve.archive.sight import Sight
from trioserve.errors import ChatError
from trioserve.rooms.whereabouts import Span
from trioserve.testing import Chat, Person, open_chat

SECOND = 1.0
ALWAYS: tuple[Span, ...] = ((0, None),)


def ids(
    database: Database,
    spans: tuple[Span, ...] = ALWAYS,
    sight: Sight = Sight(),  # noqa: B008  (frozen)
    nick: str = "bob",
    count: int = MOST,
    after: int = 0,
) -> list[int]:
    wanted = Mentions(frozenset([nick]), nick, spans, count, after)
    return [each.id for each in database.read(lambda each: mentions(each, wanted, sight))]


async def asks(person: Person, command: str = "/mentions") -> list[str]:
    """Have somebody ask for their mentions, and return what they are shown."""
    person.unseen()
    await person.types(command)
    return lines(person.unseen())


# ------------------------------------------------------------------ what is one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("bob: lunch?", True),
        ("ask BOB, he knows", True),
        ("bobby", False),
        ("bob-2 and bob_", False),
        ("böb", False),
        ("nothing", False),
    ],
)
def test_a_mention_is_a_nick_as_a_word(text: str, is_one: bool) -> None:
    assert ids(kept(text)) == ([1] if is_one else [])


def test_a_nick_of_several_words_is_found_as_one() -> None:
    database = kept("a-b_c is there", "a b c", "a-b_cd", "x-a-b_c")

    assert ids(database, nick="a-b_c") == [1]


def test_only_what_was_said_while_one_was_not_there_counts_and_each_once() -> None:
    database = kept(*["bob"] * 9)

    assert ids(database, ((1, 3), (2, 4), (6, None))) == [2, 3, 4, 7, 8, 9]
    assert ids(database, ((1, 3), (6, None)), after=7) == [8, 9]


def test_the_last_are_found_in_the_order_in_which_they_were_said() -> None:
    database = kept(*["bob"] * 9)

    assert ids(database, count=3) == [7, 8, 9]
    assert ids(database, ((0, 2), (4, 6)), count=3) == [2, 5, 6]


def test_one_s_own_words_mention_nobody() -> None:
    assert ids(kept("I am bob", nick="Bob")) == []


def test_what_was_said_in_a_private_room_is_for_those_who_were_there() -> None:
    database = kept("bob", private=7)
    keep(database, 2, "bob", private=7)

    assert ids(database) == []
    assert ids(database, sight=Sight({7: 1})) == [2]


def test_what_takes_too_long_is_given_up() -> None:
    database = kept(*["bob bob bob"] * 3000)
    wanted = Mentions(frozenset(["bob"]), "bob", ALWAYS, 10_000)
    clock = iter(range(10_000)).__next__

    with pytest.raises(ChatError, match="that takes too long: ask for the last: /mentions 1d"):
        database.read(lambda each: mentions(each, wanted, Sight(), patience=0.5, clock=clock))


# ------------------------------------------------------------------ through the chat


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_who_was_gone_is_told_of_mentions_and_shown_them_room_by_room(
    autojump_clock: MockClock, is_restarted: bool
) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        bob = await chat.join("bob")
        ann = await chat.join("ann")
        await registers(ann)
        await bob.types("ann, before")
        await leaves(ann)
        await bob.types("ann: are you there?", "no", "/join #dev", "where is Ann?")
        if not is_restarted:
            again = await comes_again(chat)
            await again.sees("-- 2 messages mentioned you meanwhile: /mentions")
            assert await asks(again) == MENTIONED
            return
    async with open_chat(archive=archive) as chat:
        again = await comes_again(chat)
        await again.sees("-- 2 messages mentioned you meanwhile: /mentions")
        assert await asks(again) == MENTIONED


MENTIONED = [
    "-- 2 messages that mentioned you, the last below --",
    "-- #lobby --",
    "<bob> ann: are you there?",
    "-- #dev --",
    "<bob> where is Ann?",
    "-- now --",
]


async def test_who_was_away_is_shown_what_mentioned_them_also_as_a_guest(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await bob.types("ann, one")
    await ann.types("/away")
    await bob.types("ann, two", "/join #dev", "ann, not for a server that keeps no talk")
    await ann.types("/back")
    await ann.sees("-- 1 message mentioned you meanwhile: /mentions")
    await bob.types("/room lobby", "ann, three")

    assert await asks(ann) == [
        "-- 1 message that mentioned you, the last below --",
        "-- #lobby --",
        "<bob> ann, two",
        "-- now --",
    ]


async def test_the_last_so_many_or_of_a_time_are_shown_as_one_likes(
    autojump_clock: MockClock,
) -> None:
    began = 1_800_000_000_000_000_000
    clock = trio.current_time()
    async with open_chat(
        archive=MemoryArchive(keeps_talk=True),
        now_ns=lambda: began + int((trio.current_time() - clock) * 1e9),
    ) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("/away")
        await bob.types("ann, one")
        await trio.sleep(3 * 3600)
        await bob.types("ann, two", "ann, three")
        await trio.sleep(SECOND)

        assert (await asks(ann, "/mentions 1"))[2] == "<bob> ann, three"
        assert "<bob> ann, one" not in await asks(ann, "/mentions 2h")
        assert "<bob> ann, one" in await asks(ann, "/mentions 4h")
        assert await asks(ann, "/mentions 0") == ["-- at least 1 message"]
        assert "expected" in (await asks(ann, "/mentions soon"))[0]


async def test_a_guest_who_was_not_away_is_told_what_an_account_is_good_for(chat: Chat) -> None:
    ann = await chat.join("ann")

    (line,) = await asks(ann)

    assert line.startswith("-- you have not been away; ")
    assert line.endswith("is found for those with an account: /register first")
    await registers(ann)
    assert await asks(ann) == ["-- you have not been away"]


async def test_who_was_mentioned_by_nobody_is_told_so(chat: Chat) -> None:
    ann = await chat.join("ann")
    await registers(ann)
    await leaves(ann)
    bob = await chat.join("bob")
    await bob.types("hello")

    again = await comes_again(chat)

    assert "mentioned" not in again.unseen()
    assert await asks(again) == ["-- nothing has mentioned you while you were away or gone"]


async def test_who_is_ignored_mentions_nobody_and_a_private_room_is_not_looked_into(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(archive=MemoryArchive(keeps_talk=True)) as chat:
        ann, bob, eve = [await chat.join(nick) for nick in ("ann", "bob", "eve")]
        await registers(ann)
        await ann.types("/ignore eve")
        await leaves(ann)
        await eve.types("ann!")
        await bob.types("/join #den", "/private on", "ann must not know")
        await trio.sleep(SECOND)

        again = await comes_again(chat)

        assert "mentioned" not in again.unseen()
        assert await asks(again) == ["-- nothing has mentioned you while you were away or gone"]


async def test_what_is_not_written_yet_is_among_the_mentions(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(archive=archive) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await registers(ann)
        archive.fault = "no space"
        await leaves(ann)
        await bob.types("ann, hello", "/join #den", "/private on", "ann must not know")

        again = await comes_again(chat)

        await again.sees("-- 1 message mentioned you meanwhile: /mentions")
        archive.fault = ""


async def test_what_cannot_be_read_is_said_to_be_so(autojump_clock: MockClock) -> None:
    archive = FaultyArchive()
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("/away")
        archive.unreadable = "an I/O error"

        assert await asks(ann) == ["-- what was said earlier cannot be read at the moment"]


async def test_who_goes_on_as_somebody_who_is_here_is_told_of_no_mentions(chat: Chat) -> None:
    ann, bob, other = [await chat.join(nick) for nick in ("ann", "bob", "other")]
    await registers(ann)
    await bob.types("ann and other, hello")

    await logs_in(other, command="/login ann")

    await other.sees("-- you are logged in as ann")
    assert "mentioned" not in other.unseen()
