"""Whatever a plug-in's code raises, the server and everybody else go on."""

import asyncio
import json
import re

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trioserve import ChatError, Context, Host, command, message_filter, service
from trioserve.configuration.config import Config
from trioserve.sessions.services import SessionLimits
from trioserve.testing import open_chat


async def stale_cancellation() -> BaseException:
    """A cancellation that somebody has caught, and that is over."""
    caught: BaseException | None = None
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.sleep_forever()
        except trio.Cancelled as error:
            caught = error
            raise
    assert caught is not None
    return caught


@command
async def foreign(ctx: Context) -> None:
    """Await what is another library's, with a nursery open."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 1)
        await asyncio.sleep(0)


@command
async def foreign_cancel(ctx: Context) -> None:
    """Raise another library's cancellation."""
    await trio.lowlevel.checkpoint()
    raise asyncio.CancelledError


@command
async def stale(ctx: Context) -> None:
    """Raise a cancellation that is over."""
    raise await stale_cancellation()


@pytest.mark.parametrize("name", ["foreign", "foreign_cancel", "stale"])
async def test_a_command_s_odd_fault_is_its_caller_s_affair(
    autojump_clock: MockClock, name: str
) -> None:
    async with open_chat(functions=[foreign, foreign_cancel, stale]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types(f"/{name}", "still here")

        await ann.sees(f"-- /{name} failed on the server; it has been logged")
        await bob.sees("<ann> still here")


async def test_a_service_s_odd_faults_leave_its_siblings_running(
    autojump_clock: MockClock,
) -> None:
    beats: list[float] = []
    starts: list[str] = []

    @service
    async def beat(host: Host) -> None:
        while True:
            await trio.sleep(10)
            beats.append(trio.current_time())

    @service
    async def alien(host: Host) -> None:
        starts.append("alien")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            await asyncio.sleep(0)

    @service
    async def ghost(host: Host) -> None:
        starts.append("ghost")
        raise await stale_cancellation()

    async with open_chat(functions=[beat, alien, ghost]) as chat:
        ann = await chat.join("ann")

        await trio.sleep(100)
        await ann.types("/who")

        await ann.sees("-- #lobby: ann")
    assert len(beats) == 10
    assert (starts.count("alien"), starts.count("ghost")) == (5, 5)


async def test_background_tasks_go_on_after_one_with_an_odd_fault(
    autojump_clock: MockClock,
) -> None:
    async def haunt() -> None:
        raise await stale_cancellation()

    async def tell(host: Host) -> None:
        await host.announce("#lobby", "still at work")

    @command
    async def work(ctx: Context) -> None:
        """Do two things, of which one fails."""
        ctx.background(haunt)
        await trio.sleep(1)
        ctx.background(tell, ctx.host)

    async with open_chat(functions=[work]) as chat:
        ann = await chat.join("ann")

        await ann.types("/work")

        await ann.sees("* still at work")


async def test_a_refusal_out_of_a_filter_s_nursery_refuses(autojump_clock: MockClock) -> None:
    @message_filter
    async def deny(ctx: Context, text: str) -> None:
        async with trio.open_nursery():
            raise ChatError("not here")

    async with open_chat(functions=[deny]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types("spam")

        await ann.sees("-- not here")
        await bob.sees_nothing()


async def test_a_filter_under_way_ends_with_its_plug_in_and_the_message_passes(
    autojump_clock: MockClock,
) -> None:
    @message_filter
    async def ponder(ctx: Context, text: str) -> None:
        await trio.sleep_forever()

    async with open_chat(functions=[ponder]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("hello")
        await bob.sees_nothing()

        chat.server.plugins.remove("test")

        await bob.sees("<ann> hello")


async def test_a_plug_in_that_goes_while_a_command_of_it_is_typed_harms_nobody(
    autojump_clock: MockClock,
) -> None:
    @command
    async def cook(ctx: Context) -> None:
        """Take a moment."""
        await trio.lowlevel.checkpoint()

    for _ in range(20):  # whichever Trio lets run first
        async with open_chat(functions=[cook]) as chat:
            ann = await chat.join("ann")
            ann.transport.type(b"hello\n/cook\n")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.lowlevel.checkpoint)
                await trio.lowlevel.checkpoint()
                chat.server.plugins.remove("test")
            await wait_all_tasks_blocked()

            await ann.types("/stats")
            await ann.sees("1 person in 1 room")
            assert chat.server.counters.crashes == 0


async def test_a_background_task_takes_no_line_that_is_meant_for_the_room(
    autojump_clock: MockClock,
) -> None:
    async def nosy(ctx: Context) -> None:
        await ctx.ask("And you? ")

    @command
    async def start(ctx: Context) -> None:
        """Start a task that asks, and wait."""
        ctx.background(nosy, ctx)
        await trio.sleep(3)

    async with open_chat(functions=[start]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types("/start", "hello")

        await bob.sees("<ann> hello")
        assert "And you" not in ann.unseen()


async def test_who_reads_json_is_told_of_skipping_and_of_the_end_in_json(
    autojump_clock: MockClock,
) -> None:
    config = Config(limits=SessionLimits(flood_control=False))
    async with open_chat(config) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob", window=1000)
        await bob.types("/format json")
        bob.unseen()
        await bob.stops_reading()
        await ann.types(*["x" * 900] * 60)

        await bob.reads_on()
        await bob.types("/quit")

        shown = [json.loads(line) for line in (await bob.sees_the_end()).splitlines()]
    kinds = [each["kind"] for each in shown]
    assert kinds.count("skipped") == 1
    assert re.match("goodbye", shown[-1]["text"])
