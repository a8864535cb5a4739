"""What a named person types: lines that are said, commands that run, and what waits."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trioserve import ChatError, Context, InputEnded, command
from trioserve.config import Config
from trioserve.registry import builtin
from trioserve.services import SessionLimits
from trioserve.testing import Chat, open_chat

# ---------------------------------------------------------- commands to test with


@command
async def hang(ctx: Context) -> None:
    """Wait for ever."""
    ctx.reply("hanging")
    await trio.sleep_forever()


@command
async def nap(ctx: Context, seconds: float) -> None:
    """Wait for a while."""
    await trio.sleep(seconds)
    ctx.reply("rested")


@command
async def sulk(ctx: Context) -> None:
    """Answer cancellation with a minute of sleep."""
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(60)  # noqa: ASYNC102  (as badly as a command can behave)


@command
async def survey(ctx: Context) -> None:
    """Ask two things."""
    try:
        first = await ctx.ask("Your colour? ")
        second = await ctx.ask("Your number? ")
    except InputEnded:
        await ctx.announce(f"{ctx.nick} gave no answer")
    else:
        await ctx.announce(f"{ctx.nick} likes {first} and {second}")


@command
async def crash(ctx: Context) -> None:
    """Fail in a nursery of its own."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        raise ZeroDivisionError


@command
def fall(ctx: Context) -> None:
    """Fail at once."""
    raise ZeroDivisionError


@command
async def refuse(ctx: Context) -> None:
    """Refuse."""
    await trio.lowlevel.checkpoint()
    raise ChatError("not today")


@command
def twice(ctx: Context, number: int, *, text: str = "nothing") -> None:
    """Take a number and a text."""
    ctx.reply(f"{2 * number} {text}")


@command(cost=5)
def dear(ctx: Context) -> None:
    """Cost as much as five lines."""
    ctx.reply("paid")


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    registry = builtin()
    for each in (hang, nap, sulk, survey, crash, fall, refuse, twice, dear):
        registry.add(each)
    async with open_chat(registry=registry) as chat:
        yield chat


# ------------------------------------------------------------------- lines


async def test_one_s_own_line_is_not_shown_again_because_the_terminal_has_shown_it(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("hello")

    await bob.sees("<ann> hello")
    await ann.sees_nothing()


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("be\ncareful\x07", "careful"),
        ("tab\there", "tab here"),
        ("//shrug is a command", "/shrug is a command"),
        ("cafe\N{COMBINING ACUTE ACCENT}", "café"),
    ],
)
async def test_what_the_room_sees_otherwise_than_it_was_typed_is_shown_to_its_author_too(
    chat: Chat, typed: str, seen: str
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types(typed)

    assert (await ann.sees(seen)).endswith(f"<ann> {seen}")
    assert (await bob.sees(seen)).endswith(f"<ann> {seen}")


@pytest.mark.parametrize("typed", ["", " ", "\x1b", "\N{ZERO WIDTH SPACE}"])
async def test_a_line_of_nothing_is_not_said(chat: Chat, typed: str) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types(typed)

    await bob.sees_nothing()
    await ann.sees_nothing()


async def test_everyone_sees_the_lines_of_a_room_in_one_order(chat: Chat) -> None:
    people = [await chat.join(f"p{number}") for number in range(5)]
    watchers = [await chat.join(f"w{number}") for number in range(3)]

    for person in people:
        person.transport.type(b"one\ntwo\nthree\n")
    await wait_all_tasks_blocked()

    shown = [watcher.unseen() for watcher in watchers]
    assert shown[0].count("<p") == 15
    assert shown.count(shown[0]) == 3


# ------------------------------------------------------------- flood control


async def test_who_talks_too_fast_is_slowed_told_once_and_loses_nothing(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    began = trio.current_time()

    await ann.types(*(f"line {number}" for number in range(40)))

    for number in range(40):
        assert (await bob.sees("<ann>")).endswith(f" line {number}")
    assert trio.current_time() - began == pytest.approx((40 - 10) / 5)
    assert ann.unseen().count("faster than 5 lines a second") == 1


async def test_who_sends_too_many_bytes_is_slowed_and_told_once(
    autojump_clock: MockClock,
) -> None:
    config = Config(limits=SessionLimits(max_line=50_000, byte_rate=10_000))
    async with open_chat(config) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types("x" * 40_000, "y" * 40_000)

        assert await ann.sees("faster") == (
            "-- faster than 10000 bytes a second: the rest is read at that pace"
        )
        await bob.sees("<ann> xxx")
        await trio.sleep(10)
        await bob.sees("<ann> yyy")
        assert "faster" not in ann.unseen()


async def test_after_a_rest_one_may_burst_again(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types(*["spam"] * 10)
    await trio.sleep(2)
    bob.unseen()

    await ann.types(*["egg"] * 10)

    assert bob.unseen().count("egg") == 10


async def test_a_dear_command_counts_as_more_than_a_line(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types(*["/dear"] * 3)

    assert ann.unseen().count("paid") == 2
    await ann.sees("paid")


async def test_cancel_drops_the_lines_that_flood_control_holds_back_and_says_how_many(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types(*["spam"] * 15)

    await ann.types("/cancel")
    await ann.types("sorry")

    await ann.sees("-- 5 lines not sent")
    await bob.sees("<ann> sorry")
    assert bob.transport.received.count(b"spam") == 10


async def test_flood_control_can_be_switched_off(autojump_clock: MockClock) -> None:
    async with open_chat(Config(limits=SessionLimits(flood_control=False))) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")

        await ann.types(*["spam"] * 300)

        assert bob.unseen().count("spam") == 300


async def test_a_line_that_waits_for_a_command_is_bounded_by_not_reading_the_socket(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/nap 30")
    lines = [f"{number:03} " + "x" * 996 for number in range(40)]

    ann.transport.type("".join(f"{line}\n" for line in lines).encode())
    await wait_all_tasks_blocked()

    assert ann.transport.untaken > 8_000
    await trio.sleep(30)
    for line in lines:
        await bob.sees(line)


# ------------------------------------------------------------------ commands


async def test_a_command_that_waits_holds_up_its_caller_s_next_lines_and_nobody_else(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/nap 3", "after")
    await bob.types("meanwhile")

    await ann.sees("<bob> meanwhile")
    await bob.sees_nothing()
    await ann.sees("-- rested")
    await bob.sees("<ann> after")


async def test_a_command_sees_the_effects_of_the_lines_before_it(chat: Chat) -> None:
    ann = await chat.join("ann")

    ann.transport.type(b"one\ntwo\n/history\n")
    await wait_all_tasks_blocked()

    await ann.sees("last 2 messages in #lobby")


@pytest.mark.parametrize("cancel", [b"/cancel\n", b"\xff\xf4\xff\xfd\x06", b"/can\n"])
async def test_a_command_that_hangs_is_ended_by_its_caller(chat: Chat, cancel: bytes) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/hang", "after")

    ann.transport.type(cancel)

    await ann.sees("-- /hang is cancelled")
    await bob.sees("<ann> after")


async def test_ctrl_c_in_telnet_is_answered_so_that_it_shows_what_follows(chat: Chat) -> None:
    ann = await chat.join("ann")

    ann.transport.type(b"\xff\xf4\xff\xfd\x06")
    await wait_all_tasks_blocked()

    assert b"\xff\xfb\x06" in ann.transport.received
    await ann.sees("-- nothing is running; /quit to leave")


async def test_are_you_there_is_answered(chat: Chat) -> None:
    ann = await chat.join("ann")

    ann.transport.type(b"\xff\xf6")

    await ann.sees("-- yes, the server is here")


async def test_a_command_that_hangs_ends_when_the_connection_breaks(chat: Chat) -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    ann = await chat.join("ann")
    await ann.types("/hang")

    ann.transport.break_off()
    await wait_all_tasks_blocked()

    assert trio.lowlevel.current_statistics().tasks_living == before


async def test_a_command_that_will_not_end_does_not_keep_its_caller_here(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/sulk")
    began = trio.current_time()

    await ann.types("/quit")
    await bob.sees("* ann left")
    await ann.sees_the_end()

    assert trio.current_time() - began < 5


async def test_a_command_has_five_seconds_left_when_the_input_has_ended(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    bob.transport.type(b"/nap 4\nthat was good\n")
    bob.transport.end_input()

    await bob.sees("-- rested")
    await ann.sees("<bob> that was good")

    carol = await chat.join("carol")
    carol.transport.type(b"/nap 6\nthat was good\n")
    carol.transport.end_input()
    began = trio.current_time()

    await trio.sleep(4)
    await carol.sees("-- /nap is cancelled")
    assert trio.current_time() - began == pytest.approx(5)
    await ann.sees("<carol> that was good")


# ------------------------------------------------------------------ questions


async def test_the_next_lines_answer_a_command_s_questions(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/survey")
    await ann.sees("Your colour? ")
    await ann.types("blue")
    await ann.sees("Your number? ")
    await ann.types("seven")

    assert await bob.sees("ann") == "* ann likes blue and seven"


async def test_answers_may_be_typed_ahead(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/survey", "blue", "seven", "and now this")

    await bob.sees("* ann likes blue and seven")
    await bob.sees("<ann> and now this")


async def test_a_question_is_cancelled_by_the_command_for_it_and_not_answered(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/survey")

    await ann.types("/cancel")
    await ann.types("hello")

    await ann.sees("-- /survey is cancelled")
    assert (await bob.sees("ann")).endswith("<ann> hello")


async def test_a_question_learns_that_the_input_has_ended(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    ann.transport.type(b"/survey\nblue\n")

    ann.transport.end_input()

    await bob.sees("* ann gave no answer")
    await bob.sees("* ann left")


# --------------------------------------------------------------------- faults


@pytest.mark.parametrize("name", ["crash", "fall"])
async def test_a_command_that_crashes_is_logged_and_its_caller_told(
    chat: Chat, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types(f"/{name}", "still here")

    await ann.sees(f"-- /{name} failed on the server; it has been logged")
    assert (await bob.sees("ann")).endswith("<ann> still here")
    assert "ZeroDivisionError" in caplog.text
    assert chat.server.counters.crashes == 1


async def test_a_refusal_is_shown_to_its_caller(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/refuse")

    await ann.sees("-- not today")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/twice 4", "-- 8 nothing"),
        ("/twice 4  a b  c ", "-- 8 a b  c"),
        ("/twice", "-- /twice: number is missing; usage: /twice <number> [text]"),
        (
            "/twice x",
            '-- /twice: number: expected a whole number, got "x"; usage: /twice <number> [text]',
        ),
        ("/hang now", '-- /hang: "now" is too much; usage: /hang'),
        ("/jion #dev", "-- no command /jion: did you mean /join?"),
        ("/xyzzy", "-- no command /xyzzy: /help lists them"),
        ("/\x1b[2J", "-- no command /[2j: /help lists them"),
        ("/", "-- no command /: /help lists them"),
        ("/TWI 1", "-- 2 nothing"),
    ],
)
async def test_what_was_typed_is_bound_or_answered_with_one_line(
    chat: Chat, typed: str, answer: str
) -> None:
    ann = await chat.join("ann")

    await ann.types(typed)

    assert await ann.sees("--") == answer
    await ann.sees_nothing()


async def test_a_second_question_at_once_is_a_fault_of_the_command(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    @command
    async def greedy(ctx: Context) -> None:
        """Ask two things at once."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ctx.ask, "This? ")
            nursery.start_soon(ctx.ask, "That? ")

    registry = builtin()
    registry.add(greedy)
    async with open_chat(registry=registry) as chat:
        ann = await chat.join("ann")

        await ann.types("/greedy")

        await ann.sees("/greedy failed")
        assert "one question at a time" in caplog.text
