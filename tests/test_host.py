"""What a plug-in's own tasks act through, and bots."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trioserve import Bot, ChatError, Host, Missed
from trioserve.broker.broker import Broker
from trioserve.broker.handlers import Handlers
from trioserve.extending.store import Store
from trioserve.messages import Departed, Entered, Event, Joined, Said, Told
from trioserve.requests import Request, Settle
from trioserve.rooms.member import Member
from trioserve.testing import Chat


@pytest.fixture
def host(chat: Chat) -> Host:
    return Host(chat.server.broker, Store())


async def seen(bot: Bot) -> list[Event | Missed]:
    """What the bot can see by now."""
    await wait_all_tasks_blocked()
    events: list[Event | Missed] = []
    with trio.move_on_after(0.01):
        while True:
            events.append(await anext(bot))
    return events


async def test_a_bot_is_somebody_who_says_things(chat: Chat, host: Host) -> None:
    ann = await chat.join("ann")

    async with host.member("bot") as bot:
        await bot.say("hello")

        await ann.sees("* bot joined #lobby")
        await ann.sees("<bot> hello")
    await ann.sees("* bot left")


async def test_a_bot_sees_what_people_see(chat: Chat, host: Host) -> None:
    ann = await chat.join("ann")

    async with host.member("bot") as bot:
        await ann.types("hello", "/msg bot psst")

        entered, said, told = await seen(bot)
    assert isinstance(entered, Entered)
    assert isinstance(said, Said)
    assert isinstance(told, Told)
    assert (said.nick, said.text, told.sender, told.text) == ("ann", "hello", "ann", "psst")


@pytest.mark.parametrize(
    "act",
    [
        lambda bot: bot.say("hello"),
        lambda bot: bot.act("waves"),
        lambda bot: bot.announce("news"),
        lambda bot: bot.tell("ann", "psst"),
        lambda bot: bot.set_topic("tea"),
    ],
)
async def test_a_bot_does_not_hear_itself(
    chat: Chat, host: Host, act: Callable[[Bot], Awaitable[None]]
) -> None:
    await chat.join("ann")

    async with host.member("bot") as bot:
        await seen(bot)
        await act(bot)

        assert await seen(bot) == []


async def test_to_stop_iterating_over_a_bot_loses_nothing(chat: Chat, host: Host) -> None:
    ann = await chat.join("ann")

    async with host.member("bot") as bot:
        await ann.types("one", "two")
        async for event in bot:
            if isinstance(event, Said):
                break

        assert [each.text for each in await seen(bot) if isinstance(each, Said)] == ["two"]


async def test_a_bot_enters_the_room_that_it_is_for(chat: Chat, host: Host) -> None:
    ann = await chat.join("ann")

    async with host.member("bot", "den") as bot:
        assert bot.room.name == "#den"
        await ann.sees_nothing()


async def test_a_nick_that_is_taken_is_refused_and_nobody_leaves(chat: Chat, host: Host) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    with host.broker.watched() as events, pytest.raises(ChatError, match="ann is taken"):
        async with host.member("ann"):
            pass

    events.put(Joined("#lobby", "end"))

    assert await anext(events) == Joined("#lobby", "end")  # and no Departed
    await bob.types("/msg ann still here?")
    await ann.sees("still here?")


async def test_a_bot_that_crashes_leaves(chat: Chat, host: Host) -> None:
    with host.broker.watched() as events, pytest.raises(ZeroDivisionError):
        async with host.member("bot"):
            raise ZeroDivisionError

    with trio.fail_after(1):
        while not isinstance(await anext(events), Departed):
            pass


async def test_a_bot_that_does_not_look_is_shown_what_it_missed_and_nobody_waits(
    chat: Chat, host: Host
) -> None:
    async with host.member("slow") as slow, host.member("fast") as fast:
        began = trio.current_time()
        for number in range(1200):
            await fast.say(str(number))
        assert trio.current_time() == began

        with pytest.raises(ChatError, match="slow is not reading"):
            await fast.tell("slow", "psst")

        missed = [each.count for each in await seen(slow) if isinstance(each, Missed)]
        assert sum(missed) > 200


async def test_a_room_that_everybody_has_left_is_another_afterwards(chat: Chat, host: Host) -> None:
    ann = await chat.join("ann")
    async with host.member("bot", "den") as bot:
        den = bot.room
        await host.announce(den, "one")
    await ann.types("/join den")

    with pytest.raises(ChatError, match="everybody has left #den"):
        await host.announce(den, "two")
    await host.announce("den", "three")

    await ann.sees("* three")


# ------------------------------------------------------------ a broker that is no help


async def ended(*_: object) -> None:
    await trio.lowlevel.checkpoint()
    raise trio.BrokenResourceError


async def stuck(*_: object) -> None:
    await trio.sleep_forever()


async def test_what_has_ended_a_bot_is_not_hidden_by_a_broker_that_has_ended(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(patch: pytest.MonkeyPatch) -> None:
        async with host.member("bot"):
            patch.setattr(Broker, "call", ended)
            raise ValueError("mine")

    with monkeypatch.context() as patch, pytest.raises(ValueError, match="mine"):
        await crash(patch)


async def test_a_bot_leaves_though_what_is_asked_before_that_crashes(
    chat: Chat, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    obey = Handlers.obey

    def crash(handlers: Handlers, member: Member, request: Request) -> None:
        if isinstance(request, Settle):
            raise ValueError("a bug")
        obey(handlers, member, request)

    async with host.member("bot"):
        monkeypatch.setattr(Handlers, "obey", crash)

    assert not chat.server.world.members


async def test_a_bot_that_a_broker_does_not_let_go_is_told_of(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch, trio.fail_after(60):
        async with host.member("bot"):
            patch.setattr(Broker, "call", stuck)

    assert "bot has not departed within 5 s" in caplog.messages
