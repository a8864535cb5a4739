"""What a named person types: lines that are said, commands that run, and what waits."""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trioserve import ChatError, Context, InputEnded, command
from trioserve.broker.handlers import Handlers
from trioserve.configuration.config import Config
from trioserve.extending.declarations import Command
from trioserve.extending.registry import Registry
from trioserve.requests import Request, Settle
from trioserve.rooms.member import Member
from trioserve.sessions.services import SessionLimits
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


@command
async def spill(ctx: Context) -> None:
    """Fail in a child that is being cancelled."""

    async def child() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ZeroDivisionError

    async with trio.open_nursery() as nursery:
        nursery.start_soon(child)
        nursery.start_soon(trio.sleep_forever)


@command
async def leave_python(ctx: Context, *words: str) -> None:
    """End the process, as argparse does when it is not pleased."""
    await trio.lowlevel.checkpoint()
    raise SystemExit(2)


def announced(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Wrap a command as decorators do."""

    @functools.wraps(function)
    def wrapper(ctx: Context) -> Awaitable[None]:
        ctx.reply("here it comes")
        return function(ctx)

    return wrapper


@command
@announced
async def wrapped(ctx: Context) -> None:
    """Wait within a wrapper."""
    await trio.lowlevel.checkpoint()
    ctx.reply("done")


@command
def long(ctx: Context) -> None:
    """Answer with one line that is longer than any answer may be."""
    ctx.reply("x" * 100_000)


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    functions = (
        hang, nap, sulk, survey, crash, fall, refuse, twice, dear, spill, leave_python, wrapped,
        long,
    )  # fmt: skip
    async with open_chat(functions=functions) as chat:
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


async def test_lines_that_wait_are_looked_through_once_however_many_are_held_back(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    match = Registry.match

    def counting(registry: Registry, line: str) -> Command | None:
        looks.append(line)
        return match(registry, line)

    monkeypatch.setattr(Registry, "match", counting)
    ann = await chat.join("ann")

    ann.transport.type(b"/time\n" * 200)
    await trio.sleep(60)

    # To see whether it is a /cancel, and when it is its turn; the last ones wait still.
    assert 200 < len(looks) <= 400


async def test_quit_counts_the_line_that_flood_control_holds_back(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types(*["spam"] * 11)

    await ann.types("/quit")

    assert "-- goodbye; 1 line not sent" in await ann.sees_the_end()


async def test_at_shutdown_one_is_told_how_many_lines_were_not_sent(
    autojump_clock: MockClock,
) -> None:
    async with open_chat() as chat:
        ann = await chat.join("ann")
        await ann.types(*["spam"] * 20)

        chat.server.stop()

        assert "goodbye; 10 lines not sent" in await ann.sees_the_end()


async def test_a_second_cancel_drops_nothing_more(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types(*["spam"] * 15)

    ann.transport.type(b"/cancel\n/cancel\n/cancel\n")
    await trio.sleep(2)
    await ann.types("hello")

    assert ann.unseen().count("not sent") == 1
    await bob.sees("<ann> hello")


async def test_a_cancel_as_a_command_ends_eats_no_later_line(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    for round_ in range(10):  # whichever of the two Trio lets run first
        await ann.types("/nap 1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            await trio.sleep(1)
            ann.transport.type(b"/cancel\n")
        await trio.sleep(3)
        await ann.types(*(f"{round_} {number}" for number in range(12)))
        await trio.sleep(3)

    assert bob.transport.received.count(b"<ann>") == 120


async def test_a_quit_behind_other_lines_of_one_packet_waits_for_its_turn(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    ann.transport.type(b"".join(b"line %d\n" % number for number in range(30)) + b"/quit bye\n")

    for number in range(30):
        await bob.sees(f"<ann> line {number}")
    assert "bye" in await bob.sees("* ann left")


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


async def test_who_types_behind_a_command_that_runs_for_a_while_is_told_once(
    chat: Chat,
) -> None:
    ann = await chat.join("ann")
    await ann.types("/hang", "soon")
    await ann.sees("-- hanging")
    await ann.sees_nothing()

    await trio.sleep(3)
    await ann.types("one", "two")

    assert ann.unseen().count("-- /hang still runs, and your lines wait; /cancel ends it") == 1


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


async def test_a_line_behind_a_cancel_is_no_answer_to_the_question_that_it_ends(
    autojump_clock: MockClock,
) -> None:
    @command
    async def wonder(ctx: Context) -> None:
        """Ask."""
        await ctx.ask("Why? ")

    async with open_chat(functions=[wonder]) as chat:
        ann, bob = await chat.join("ann"), await chat.join("bob")
        await ann.types("/wonder")

        await ann.types("/cancel", "hello")

        assert "<ann> hello" in await bob.sees("<ann>")


@pytest.mark.parametrize("cancel", [b"/cancel\n", b"\xff\xf4"])
async def test_a_cancel_in_one_packet_with_what_it_ends_is_obeyed(
    chat: Chat, cancel: bytes
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    ann.transport.type(b"/hang\none\n" + cancel + b"two\n")

    await ann.sees("-- /hang is cancelled")
    await bob.sees("<ann> one")
    await bob.sees("<ann> two")


@pytest.mark.parametrize("cancel", [b"/cancel\n", b"\xff\xf4\xff\xfd\x06"])
async def test_a_cancel_behind_more_than_may_wait_is_obeyed_at_once(
    chat: Chat, cancel: bytes
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    ann.transport.type(b"what was never to be pasted\n" * 300)
    await ann.sees("the rest follows at that pace")
    assert ann.transport.untaken
    before = trio.current_time()

    ann.transport.type(cancel)
    await ann.sees(" lines not sent")
    await ann.types("sorry")

    await bob.sees("<ann> sorry")
    assert trio.current_time() - before < 2.0
    said = bob.transport.received.count(b"never")
    assert said <= 12
    assert b"-- %d lines not sent" % (300 - said) in ann.transport.received


async def test_a_command_that_hangs_is_cancelled_behind_more_than_may_wait(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/hang")
    ann.transport.type(b"what is to be said behind it\n" * 600)
    await trio.sleep(1)
    assert ann.transport.untaken
    before = trio.current_time()

    ann.transport.type(b"/cancel\n")
    await ann.sees("-- /hang is cancelled")

    assert trio.current_time() - before < 2.0


async def test_no_more_is_read_for_the_sake_of_a_cancel_than_a_bound(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/sulk")
    for _ in range(50):
        ann.transport.type(b"x\n" * 4000 + b"/cancel\n")
    await trio.sleep(50)

    assert ann.transport.untaken > 250_000


async def test_a_quit_at_the_end_of_a_long_script_waits_for_all_before_it(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    ann.transport.type(b"a line of a long script\n" * 400 + b"/quit\n")
    await trio.sleep(90)

    assert bob.transport.received.count(b"script") == 400


async def test_a_cancel_in_one_packet_with_a_paste_drops_what_comes_before_it(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    ann.transport.type(b"spam\n" * 15 + b"/cancel\nsorry\n")

    await ann.sees("-- 5 lines not sent")
    await bob.sees("<ann> sorry")


async def test_thousands_of_keys_get_one_answer(chat: Chat) -> None:
    ann = await chat.join("ann")

    ann.transport.type(b"\xff\xf6\xff\xf4" * 2000)
    await wait_all_tasks_blocked()

    shown = ann.unseen()
    assert shown.count("the server is here") == 1
    assert shown.count("nothing is running") == 1


async def test_who_types_too_much_behind_a_command_gets_it_ended_after_a_minute(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/hang")
    ann.transport.type(b"x" * 900 + b"\n" + b"y\n" * 4000)

    await trio.sleep(61)
    await ann.sees("-- 8192 bytes of lines have waited too long")
    await ann.sees("-- /hang is cancelled")
    await bob.sees("<ann> xxx")


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


async def test_a_line_typed_ahead_that_is_too_long_is_no_answer_and_told(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/survey", "x" * 2000, "blue", "seven")

    await ann.sees("-- a line of more than 1024 bytes is not sent")
    await bob.sees("* ann likes blue and seven")


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


async def test_a_command_that_fails_while_it_is_cancelled_leaves_its_caller_here(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/spill")

    await ann.types("/cancel", "still here")

    await ann.sees("-- /spill failed on the server; it has been logged")
    await bob.sees("<ann> still here")
    assert "ZeroDivisionError" in caplog.text


async def test_a_command_that_fails_while_its_session_ends_harms_nobody_else(
    chat: Chat,
) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")
    await ann.types("/spill")

    ann.transport.break_off()

    await bob.sees("* ann lost the connection")
    await bob.types("/who")
    await bob.sees("-- #lobby: ann (lost the connection), bob")


async def test_a_command_that_fails_at_the_very_end_does_not_keep_the_server_from_ending(
    autojump_clock: MockClock,
) -> None:
    async with open_chat(functions=[spill]) as chat:
        ann = await chat.join("ann", window=1)
        await ann.types("/spill")
        ann.transport.reading = False

        chat.server.stop()
        await wait_all_tasks_blocked()
        chat.server.stop()  # and with that, everything is cancelled

    assert ann.is_gone


async def test_a_command_cannot_end_the_server(chat: Chat) -> None:
    ann, bob = await chat.join("ann"), await chat.join("bob")

    await ann.types("/leave_python --zz", "still here")

    await ann.sees("-- /leave_python failed on the server; it has been logged")
    await bob.sees("<ann> still here")


async def test_an_async_command_may_stand_within_a_decorator(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/wrapped")

    await ann.sees("-- here it comes")
    await ann.sees("-- done")


async def test_one_line_that_is_too_long_for_an_answer_is_not_shown_and_told(chat: Chat) -> None:
    ann = await chat.join("ann")

    await ann.types("/long")

    assert await ann.sees("--") == "-- (1 more line, too long to be shown)"


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

    async with open_chat(functions=[greedy]) as chat:
        ann = await chat.join("ann")

        await ann.types("/greedy")

        await ann.sees("/greedy failed")
        assert "and one question at a time" in caplog.text


async def test_a_command_runs_also_if_the_server_fails_to_settle_what_was_said_before(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await chat.join("ann")
    obey = Handlers.obey

    def fail(handlers: Handlers, member: Member, request: Request) -> None:
        if isinstance(request, Settle):
            raise RuntimeError("a bug")
        obey(handlers, member, request)

    monkeypatch.setattr(Handlers, "obey", fail)
    await ann.types("hello", "/who")

    await ann.sees("-- #lobby: ann")
