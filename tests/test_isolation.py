"""Whatever a plug-in does wrong is nobody else's affair."""

import pytest
import trio
from trio.testing import MockClock

from trioserve import (
    ChatError,
    Context,
    Events,
    Host,
    Missed,
    Permission,
    command,
    message_filter,
    service,
    watcher,
)
from trioserve.messages import Event, Said
from trioserve.testing import open_chat

# ----------------------------------------------------------------- commands


@command
async def crash(ctx: Context) -> None:
    """Raise."""
    await trio.lowlevel.checkpoint()
    raise ZeroDivisionError("oh")


@command
def crash_at_once(ctx: Context) -> None:
    """Raise, without waiting."""
    raise ZeroDivisionError("oh")


@command
async def explode(ctx: Context) -> None:
    """Raise two things in a nursery."""

    async def fail(text: str) -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError(text)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail, "one")
        nursery.start_soon(fail, "two")


@command
async def refuse(ctx: Context) -> None:
    """Refuse, in a nursery."""

    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise ChatError("not today")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail)
        nursery.start_soon(trio.sleep_forever)


@command
async def hang(ctx: Context) -> None:
    """Wait for ever."""
    await trio.sleep_forever()


@command(timeout=5)
async def hang_a_while(ctx: Context) -> None:
    """Wait for ever, or five seconds."""
    await trio.sleep_forever()


@command
async def cling(ctx: Context) -> None:
    """Answer cancellation with a minute of sleep."""
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(60)


@command
async def flood(ctx: Context) -> None:
    """Reply without end."""
    while True:
        ctx.reply("x" * 1000)
        await trio.sleep(0.01)


BAD = [crash, crash_at_once, explode, refuse, hang, hang_a_while, cling, flood]


@pytest.mark.parametrize("typed", ["/crash", "/crash_at_once", "/explode"])
async def test_one_that_raises_is_its_caller_s_affair(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, typed: str
) -> None:
    async with open_chat(functions=BAD) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types(typed, "still here")

        await ann.sees(f"-- {typed} failed on the server; it has been logged")
        await bob.sees("<ann> still here")
        assert chat.server.plugins.named("test").errors == 1
        assert f"ann: {typed} crashed" in caplog.messages


async def test_a_refusal_out_of_a_nursery_is_a_refusal(autojump_clock: MockClock) -> None:
    async with open_chat(functions=BAD) as chat:
        ann = await chat.join("ann")

        await ann.types("/refuse")

        await ann.sees("-- not today")
        assert chat.server.plugins.named("test").errors == 0


async def test_one_that_hangs_is_ended_by_its_caller(autojump_clock: MockClock) -> None:
    async with open_chat(functions=BAD) as chat:
        ann = await chat.join("ann")

        await ann.types("/hang")
        await ann.types("/cancel")

        await ann.sees("-- /hang is cancelled")


async def test_one_that_hangs_is_ended_when_its_time_is_over(autojump_clock: MockClock) -> None:
    async with open_chat(functions=BAD) as chat:
        ann = await chat.join("ann")

        await ann.types("/hang_a_while")
        await trio.sleep(5)

        await ann.sees("-- /hang_a_while took longer than 5 s, and was ended")


@pytest.mark.parametrize("typed", ["/hang", "/cling", "/flood"])
async def test_one_that_hangs_keeps_nobody_who_vanishes(
    autojump_clock: MockClock, typed: str
) -> None:
    async with open_chat(functions=BAD) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        with trio.fail_after(200):
            ann.transport.type(f"{typed}\n".encode())
            await trio.sleep(0.1)

            ann.transport.break_off()

            await bob.sees("* ann lost the connection")


async def test_one_that_clings_to_life_holds_up_its_caller_alone(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(functions=BAD) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types("/cling")
        await ann.types("/cancel")
        await ann.types("at last")
        await bob.types("hello")

        await ann.sees("<bob> hello")
        await bob.sees_nothing()
        await trio.sleep(60)
        await ann.sees("-- /cling is cancelled")
        await bob.sees("<ann> at last")


async def test_one_that_floods_is_bounded_and_others_do_not_notice(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(functions=BAD) as chat:
        ann, bob, carol = [await chat.join(nick) for nick in ("ann", "bob", "carol")]
        await ann.stops_reading()

        with trio.fail_after(60):
            ann.transport.type(b"/flood\n")
            await bob.sees("* ann left (not reading)")
            await bob.types("hello")

        await carol.sees("<bob> hello")
        assert chat.server.waiting == 0


# ------------------------------------------------------------------ filters


@message_filter
def crashing(ctx: Context, text: str) -> None:
    raise ZeroDivisionError("oh")


@message_filter
def shouting(ctx: Context, text: str) -> str:
    return text.upper()


@message_filter
def marking(ctx: Context, text: str) -> str:
    return f"{text}, upper" if text.isupper() else f"{text}, lower"


@message_filter
def denying(ctx: Context, text: str) -> None:
    if "spam" in text.lower():
        raise ChatError("no spam")


@message_filter
async def dawdling(ctx: Context, text: str) -> None:
    if ctx.nick == "ann":
        await trio.sleep(30)


async def test_a_filter_that_crashes_lets_the_message_pass_and_is_logged_and_counted(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_chat(functions=[crashing, shouting]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types("hello")

        await bob.sees("<ann> HELLO")
        assert chat.server.plugins.named("test").errors == 1
        assert "test: a filter crashed" in caplog.messages


async def test_a_slow_filter_slows_its_sender_alone(autojump_clock: MockClock) -> None:
    async with open_chat(functions=[dawdling]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types("first")
        await ann.types("second")
        await bob.types("hello")

        await ann.sees("<bob> hello")
        await bob.sees_nothing()
        await trio.sleep(60)
        await bob.sees("<ann> first")
        await bob.sees("<ann> second")


async def test_what_a_filter_denies_is_not_sent_and_its_sender_told_why(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(functions=[denying]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types("buy spam")

        await ann.sees("-- no spam")
        await bob.sees_nothing()


async def test_the_sender_sees_what_a_filter_has_made_of_their_line(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(functions=[shouting]) as chat:
        ann = await chat.join("ann")

        await ann.types("hello")

        await ann.sees("<ann> HELLO")


@pytest.mark.parametrize(
    ("order", "seen"),
    [([shouting, marking], "HELLO, upper"), ([marking, shouting], "HELLO, LOWER")],
)
async def test_filters_run_in_the_order_in_which_they_are_declared(
    autojump_clock: MockClock, order: list[object], seen: str
) -> None:
    async with open_chat(functions=order) as chat:  # type: ignore[arg-type]  # they are functions
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types("hello")

        await bob.sees(f"<ann> {seen}")


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("/me waves", "** ann WAVES"),
        ("/msg bob psst", "ann -> you: PSST"),
        ("/topic tea", "TEA"),
        ("/leave lobby bye", "BYE"),
    ],
)
async def test_filters_see_all_that_a_person_lets_others_read(
    autojump_clock: MockClock, typed: str, seen: str
) -> None:
    async with open_chat(functions=[shouting]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types(typed)

        await bob.sees(seen)


# ------------------------------------------------------ watchers and services


async def test_a_watcher_that_is_too_slow_is_told_what_it_missed_and_slows_nobody(
    autojump_clock: MockClock,
) -> None:
    seen: list[Event | Missed] = []

    @watcher
    async def dawdle(events: Events, host: Host) -> None:
        await trio.sleep(100)
        async for event in events:
            seen.append(event)  # noqa: PERF401  (not all at once: it never ends)

    @command
    async def chatter(ctx: Context) -> None:
        """Say a lot."""
        for number in range(1500):
            await ctx.say(str(number))

    async with open_chat(functions=[dawdle, chatter]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        began = trio.current_time()

        await ann.types("/chatter")

        await bob.sees("<ann> 1499")
        assert trio.current_time() == began
        await trio.sleep(101)
        said = [each for each in seen if isinstance(each, Said)]
        missed = [each.count for each in seen if isinstance(each, Missed)]
        assert len(said) + sum(missed) == 1500
        assert sum(missed) > 400


@pytest.mark.parametrize("kind", ["service", "watcher"])
async def test_one_that_goes_on_crashing_stays_down_and_operators_see_it(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    async def broken(*arguments: object) -> None:
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError("oh")

    declare = service(broken) if kind == "service" else watcher(broken)

    async with open_chat(functions=[declare]) as chat:
        op = await chat.join("op", operator=True)
        await trio.sleep(60)

        await op.types("/plugins")

        await op.sees("-- test: 0 calls, 5 errors")
        assert "test: broken stays down: it crashed 5 times within 60 s" in caplog.messages
        assert chat.server.plugins.named("test").down == ["broken"]


async def test_a_background_task_outlives_its_caller(autojump_clock: MockClock) -> None:
    @command
    def later(ctx: Context) -> None:
        """Say so later."""

        async def tell(host: Host) -> None:
            await trio.sleep(60)
            await host.announce("#lobby", "later")

        ctx.background(tell, ctx.host)

    async with open_chat(functions=[later]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types("/later", "/quit")
        await trio.sleep(60)

        await bob.sees("* ann left")
        await bob.sees("* later")


async def test_a_background_task_that_crashes_is_logged_and_counted(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    @command
    def later(ctx: Context) -> None:
        """Crash later."""

        async def fail() -> None:
            await trio.sleep(60)
            raise ZeroDivisionError

        ctx.background(fail)

    async with open_chat(functions=[later]) as chat:
        ann = await chat.join("ann")

        await ann.types("/later")
        await trio.sleep(60)
        await trio.testing.wait_all_tasks_blocked()

        assert "test: fail crashed" in caplog.messages
        assert chat.server.plugins.named("test").errors == 1


# -------------------------------------------------------------- permissions


@command(permission=Permission.OWNER)
async def reign(ctx: Context) -> None:
    """Rule the room."""
    await ctx.announce(f"{ctx.nick} rules")


async def test_who_has_been_in_a_room_longest_owns_it(autojump_clock: MockClock) -> None:
    async with open_chat(functions=[reign]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("/join den")
        await bob.types("/join den", "/reign")
        await bob.sees("-- /reign is for the room's owner")

        await ann.types("/leave")
        await bob.types("/reign")

        await bob.sees("* bob rules")


async def test_nobody_owns_the_first_room_but_operators_may_do_all(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(functions=[reign]) as chat:
        ann, op = await chat.join("ann"), await chat.join("op", operator=True)

        await ann.types("/reign")
        await op.types("/reign")

        await ann.sees("-- /reign is for the room's owner")
        await ann.sees("* op rules")
