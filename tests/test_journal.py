"""What is kept of a chat, and what people are told when it is not."""

import trio

from tests.archives import FaultyArchive
from trioserve.archive.archives import Archive, MemoryArchive
from trioserve.archive.history import Span, talk
from trioserve.archive.journal import HistorySettings
from trioserve.configuration.config import Config
from trioserve.messages import Acted, Message, Said, TopicSet
from trioserve.testing import Chat, open_chat

SECOND = 1.0


async def kept(archive: Archive, room: str = "#lobby", private: int = 0) -> list[str]:
    """What the archive holds of a room."""
    found: list[Message | TopicSet] = await archive.read(talk(Span(room, 1000, private=private)))
    return [each.topic if isinstance(each, TopicSet) else each.text for each in found]


async def test_what_is_said_is_kept_within_a_second(autojump_clock: trio.abc.Clock) -> None:
    archive = MemoryArchive(keeps_talk=True)
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("hello", "/me waves", "/topic tea")
        await trio.sleep(SECOND)

        found = await archive.read(talk(Span("#lobby", 10)))

    assert [type(each) for each in found] == [Said, Acted, TopicSet]
    assert ids(found) == sorted(ids(found))


def ids(events: list[Message | TopicSet]) -> list[int]:
    return [each.id for each in events]


async def test_what_is_said_last_is_kept_when_the_server_ends(
    autojump_clock: trio.abc.Clock,
) -> None:
    class Lasting(FaultyArchive):
        def close(self) -> None:
            pass  # to be read afterwards

    archive = Lasting()
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("the last word")

    assert await kept(archive) == ["the last word"]


async def test_what_is_said_in_a_private_room_is_kept_for_that_room_alone(
    autojump_clock: trio.abc.Clock,
) -> None:
    archive = MemoryArchive(keeps_talk=True)
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("/join #den", "open", "/private on", "a secret")
        await trio.sleep(SECOND)

        assert await kept(archive, "#den") == ["open"]
        number = chat.server.world.rooms["#den"].number
        assert await kept(archive, "#den", number) == ["open", "a secret"]


async def test_ids_go_on_rising_after_a_restart_whatever_the_clock_says(
    autojump_clock: trio.abc.Clock,
) -> None:
    class Lasting(FaultyArchive):
        def close(self) -> None:
            pass

    archive = Lasting()
    async with open_chat(archive=archive, now_ns=lambda: 10**18) as chat:
        await (await chat.join("ann")).types("before")
    async with open_chat(archive=archive, now_ns=lambda: 10**17) as chat:
        await (await chat.join("ann")).types("after")

    assert await kept(archive) == ["before", "after"]


# ------------------------------------------------------------ in trouble


async def test_while_the_disk_fails_everybody_is_told_once_and_operators_why(
    autojump_clock: trio.abc.Clock,
) -> None:
    archive = FaultyArchive()
    async with open_chat(archive=archive) as chat:
        ann, rosa = await chat.join("ann"), await chat.join("rosa", operator=True)
        archive.fault = "/var/lib/chat: the disk is full"
        await ann.types("one")
        await rosa.sees("-- history is not being saved: /var/lib/chat: the disk is full")
        assert await ann.sees("-- history") == "-- history is not being saved"
        await ann.types("two")
        await trio.sleep(100)
        rosa.unseen()

        await ann.sees_nothing()
        archive.fault = ""
        await trio.sleep(60)  # it is not tried all the time
        await ann.sees("-- history is saved again")
        assert await kept(archive) == ["one", "two"]


async def test_who_comes_meanwhile_is_told_too(autojump_clock: trio.abc.Clock) -> None:
    archive = FaultyArchive(fault="no space")
    async with open_chat(archive=archive) as chat:
        ann = await chat.join("ann")
        await ann.types("one")
        await ann.sees("-- history is not being saved")
        bob = chat.connect()
        await bob.types("bob")

        await bob.sees("-- history is not being saved")


async def test_a_disk_that_does_not_answer_holds_nobody_up_and_is_told_of(
    autojump_clock: trio.abc.Clock,
) -> None:
    archive = FaultyArchive(answers=trio.Event())
    async with open_chat(archive=archive) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob", operator=True)
        await ann.types("hello")
        await bob.sees("<ann> hello")
        await bob.sees("-- history is not being saved: the disk: no answer for 3 seconds")
        assert archive.answers is not None
        archive.answers.set()

        await bob.sees("-- history is saved again")
        assert await kept(archive) == ["hello"]


async def test_what_does_not_fit_any_more_is_counted(autojump_clock: trio.abc.Clock) -> None:
    config = Config(history=HistorySettings(waiting=1000))
    archive = FaultyArchive(fault="no space")
    async with open_chat(config, archive=archive) as chat:
        ann = await chat.join("ann")
        for number in range(10):
            await ann.types(f"line {number}")
        await ann.sees("-- history is not being saved")
        await trio.sleep(SECOND)
        archive.fault = ""

        await ann.sees("-- history is saved again; 6 messages were not")
        assert await kept(archive) == [f"line {number}" for number in range(4)]


async def test_a_server_whose_disk_is_stuck_ends_all_the_same(
    autojump_clock: trio.abc.Clock,
) -> None:
    archive = FaultyArchive(answers=trio.Event())
    with trio.fail_after(60):
        async with open_chat(archive=archive) as chat:
            await (await chat.join("ann")).types("hello")


async def test_without_a_place_for_it_nothing_said_is_kept(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("hello")
    await trio.sleep(SECOND)

    assert await kept(chat.server.archive) == []
