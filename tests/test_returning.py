"""Owners who come back by their words although the server has ended meanwhile."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from tests.archives import Lasting
from tests.telnets import come
from tests.test_accounts import leaves, logs_in, registers
from tests.test_rejoining import owner
from tests.test_resuming import resumed, words_of
from trioserve.accounts.passwords import Scrypt
from trioserve.archive.words import words
from trioserve.broker.resuming import ResumeLimits
from trioserve.configuration.config import Config
from trioserve.testing import Chat, Person, open_chat

SECOND = 1.0
NOBODY_S = "-- nobody who is here has these words"


@pytest.fixture
async def lasting(autojump_clock: MockClock) -> AsyncIterator[Chat]:
    """A server whose archive would outlive it."""
    async with open_chat(archive=Lasting()) as chat:
        yield chat


async def kept(chat: Chat) -> list[str]:
    """The accounts of which words are kept."""
    await trio.sleep(SECOND)
    return list(await chat.server.archive.read(words))


async def there_at_the_end(archive: Lasting, *rooms: str) -> str:
    """Have an owner be there when a server ends, and return their words."""
    async with open_chat(archive=archive) as chat:
        phrase = await words_of(await owner(chat, *rooms))
        await trio.sleep(SECOND)
    return phrase


@pytest.fixture
def archive(autojump_clock: MockClock) -> Lasting:
    """What outlives a server, for the next one."""
    return Lasting()


@pytest.fixture
async def phrase(archive: Lasting) -> str:
    """The words of an owner who was there when a server ended."""
    return await there_at_the_end(archive)


@pytest.fixture
async def restarted(archive: Lasting, phrase: str) -> AsyncIterator[Chat]:
    """The server that came after it."""
    async with open_chat(archive=archive) as chat:
        yield chat


async def test_an_owner_who_was_there_when_the_server_ended_comes_back_by_the_words(
    autojump_clock: MockClock,
) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        ann = await owner(chat, "#dev", "#tea")
        await ann.types("/room dev", "/quiet")
        phrase = await words_of(ann)
        await trio.sleep(SECOND)
    async with open_chat(archive=archive) as chat:
        bob = await chat.join("bob")
        await bob.types("/join #dev", "hello?")

        again = await resumed(chat, phrase)

        shown = again.transport.received.decode()
        assert "somebody's own" not in shown
        await again.sees("-- set as you had it: quiet")
        await again.sees("-- new --")
        await again.sees("<bob> hello?")
        await again.sees("-- you are ann again, in #dev; you are also in #lobby, #tea")
        await again.types("/login")
        await again.sees("-- you are logged in as ann already")
        await again.types("a password, typed on")
        await again.sees("-- not said: it may be a password")
        await again.types("here I am")
        await bob.sees("<ann> here I am")


async def test_who_comes_back_has_the_name_as_they_have_written_it(
    autojump_clock: MockClock,
) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        phrase = await words_of(await owner(chat, nick="Ann"))
        await trio.sleep(SECOND)
    async with open_chat(archive=archive) as chat:
        await (await resumed(chat, phrase)).sees("-- you are Ann again")


async def test_a_guest_who_has_come_under_another_name_comes_back_likewise(
    archive: Lasting,
) -> None:
    phrase = await there_at_the_end(archive, "#dev")
    async with open_chat(archive=archive) as chat:
        carl = await chat.join("carl")
        await carl.types(f"/resume {phrase}")

        await carl.sees("-- you are ann again, in #dev; you are also in #lobby")


async def test_a_guest_who_has_the_name_gives_it_back(restarted: Chat, phrase: str) -> None:
    guest = await restarted.join("ann")
    again = await resumed(restarted, phrase)

    await guest.sees("-- the name ann is somebody's own: you are ann3 now")
    await again.sees("-- you are ann again")


async def test_the_words_hold_once(restarted: Chat, phrase: str) -> None:
    again = await resumed(restarted, phrase)
    await again.sees("-- you are ann again")

    second = await resumed(restarted, phrase)

    await second.sees(NOBODY_S)


async def test_new_words_hold_after_another_restart(autojump_clock: MockClock) -> None:
    archive = Lasting()
    phrase = await there_at_the_end(archive)
    async with open_chat(archive=archive) as chat:
        again = await resumed(chat, phrase)
        await again.sees("-- you are ann again")
        other = await words_of(again)
        await trio.sleep(SECOND)
        assert other != phrase
    async with open_chat(archive=archive) as chat:
        old, new = await resumed(chat, phrase), await resumed(chat, other)

        await old.sees(NOBODY_S)
        await new.sees("-- you are ann again")


async def test_the_words_of_whoever_has_logged_in_since_are_none(
    restarted: Chat, phrase: str
) -> None:
    ann = await restarted.join("ann")
    await logs_in(ann)
    await ann.sees("-- you are logged in as ann")

    other = await resumed(restarted, phrase)

    await other.sees(NOBODY_S)


async def test_the_words_hold_for_a_minute_after_the_start_and_are_forgotten_then(
    restarted: Chat, phrase: str
) -> None:
    assert await kept(restarted) == ["ann"]
    await trio.sleep(60)

    late = await resumed(restarted, phrase)

    await late.sees(NOBODY_S)
    assert await kept(restarted) == []


async def test_who_leaves_takes_the_words_along(lasting: Chat) -> None:
    ann = await lasting.join("ann")
    await registers(ann)
    assert await kept(lasting) == ["ann"]

    await leaves(ann)

    assert await kept(lasting) == []


async def test_who_gives_the_name_up_leaves_no_words(lasting: Chat) -> None:
    ann = await lasting.join("ann")
    await registers(ann)
    assert await kept(lasting) == ["ann"]

    await logs_in(ann, command="/unregister")

    assert await kept(lasting) == []


async def test_a_guest_s_words_end_with_the_server(autojump_clock: MockClock) -> None:
    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        phrase = await words_of(await chat.join("bob"))
        assert await kept(chat) == []
    async with open_chat(archive=archive) as chat:
        await (await resumed(chat, phrase)).sees(NOBODY_S)


async def test_where_nothing_outlives_the_server_no_words_are_hashed(chat: Chat) -> None:
    await registers(await chat.join("ann"))

    assert await kept(chat) == []


async def test_where_nobody_is_kept_no_words_are(autojump_clock: MockClock) -> None:
    config = Config(resume=ResumeLimits(keep=0))
    async with open_chat(config, archive=Lasting()) as chat:
        await registers(await chat.join("ann"))

        assert await kept(chat) == []
        await (await resumed(chat, "a-b-c")).sees("-- nobody has these words: none are given here")


async def test_the_words_are_tried_as_often_as_others(restarted: Chat, phrase: str) -> None:
    for _ in range(3):
        await (await resumed(restarted, "a-b-c", host="192.0.2.7")).sees(NOBODY_S)

    fourth = await resumed(restarted, phrase, host="192.0.2.7")

    await fourth.sees("-- 3 wrong tries within 1m, the most; wait ")


async def one_who_is_banned(chat: Chat) -> Person:
    """Somebody who was banned while they were asked for a name."""
    operator = await chat.join("root2", operator=True)
    barred = chat.connect(host="192.0.2.7")
    await operator.types("/banip 192.0.2.7 1h flooding")
    return barred


async def test_words_that_could_not_be_used_hold_still(restarted: Chat, phrase: str) -> None:
    barred = await one_who_is_banned(restarted)
    await barred.types(f"/resume {phrase}")
    await barred.sees("flooding")

    again = await resumed(restarted, phrase)

    await again.sees("-- you are ann again")


async def test_who_is_banned_meanwhile_does_not_come_back(restarted: Chat, phrase: str) -> None:
    barred = await one_who_is_banned(restarted)
    await barred.types(f"/resume {phrase}")

    await barred.sees("flooding")
    assert "ann" not in restarted.server.world.members


@pytest.mark.slow
async def test_a_hash_of_words_is_the_same_under_one_salt_alone() -> None:
    scrypt = Scrypt()
    one, same, other = [
        await scrypt.digest("able-baker-cargo", salt) for salt in (b"a" * 16, b"a" * 16, b"b" * 16)
    ]

    assert one == same != other
    assert "baker" not in one
    assert await scrypt.verify("able-baker-cargo", one)


async def test_what_was_left_is_read_by_pages_however_long_that_takes(
    restarted: Chat, phrase: str
) -> None:
    bob = await restarted.join("bob")
    for number in range(12):
        await bob.types(f"/msg ann letter {number}")
        await trio.sleep(SECOND)
    ann = await come(restarted, rows=10)
    await ann.presses(f"/resume {phrase}\r")
    assert ann.last.startswith("--more--")

    await trio.sleep(300)
    await ann.presses(" ")

    assert "letter 11" in "".join(ann.shown)
    await ann.presses("here I am\r")
    await bob.sees("<ann> here I am")


async def test_who_comes_back_on_a_slow_line_is_in_before_all_is_read(
    restarted: Chat, phrase: str
) -> None:
    bob = await restarted.join("bob")
    for number in range(20):
        await bob.types(f"/msg ann {number} {'x' * 900}")
        await trio.sleep(SECOND)
    ann = restarted.connect(window=4000)
    await ann.types(f"/resume {phrase}")
    await ann.stops_reading()
    await trio.sleep(40)
    await ann.reads_on()

    await ann.sees("bob -> you: 19 ")
