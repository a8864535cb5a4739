"""No room reads a password: whatever its person types, and however the asking ends."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.telnets import Telnet
from tests.test_accounts import registers
from trioserve import ChatError, Context, command
from trioserve.testing import Chat, Person, open_chat

SECRET = "hunter22hunter"
WITHHELD = "-- not said: it may be a password, and none is asked for now; what else"


@command
async def prove(ctx: Context) -> None:
    """Ask for a password, and see whether it is the right one."""
    if await ctx.ask("Password: ", secret=True, timeout=60) != "hunter2":
        raise ChatError("that is not it")
    ctx.reply("that is it")


@command
async def prove_twice(ctx: Context) -> None:
    """Ask for a password, and once more."""
    first = await ctx.ask("Password: ", secret=True)
    ctx.reply(str(first == await ctx.ask("Again: ", secret=True)))


@command
async def poll(ctx: Context) -> None:
    """Ask for a title, and let the room see it."""
    await ctx.announce(await ctx.ask("Title? "))


Two = tuple[Person, Person]


@pytest.fixture
async def chat(autojump_clock: MockClock) -> AsyncIterator[Chat]:
    """A server with commands that ask."""
    async with open_chat(functions=[prove, prove_twice, poll]) as chat:
        yield chat


@pytest.fixture
async def two(chat: Chat) -> Two:
    """Ann, who has a password, and Bob, who would read it."""
    return await chat.join("ann"), await chat.join("bob")


async def says_first(two: Two, text: str) -> None:
    """Let Ann say something, and see that Bob has read nothing else of her."""
    ann, bob = two
    await ann.types(text)
    assert (await bob.sees("<ann>")).endswith(f"<ann> {text}")


async def test_a_command_is_no_answer_and_the_password_behind_it_is_one(two: Two) -> None:
    ann, _ = two
    await ann.types("/prove")

    await ann.types("/join #x")
    await ann.sees("-- a command is no answer: type what is asked for, or /cancel")
    await ann.sees("Password: ")
    await ann.types("hunter2")
    await ann.sees("-- that is it")

    await says_first(two, "hello")


async def test_of_one_packet_one_command_is_told_that_it_is_no_answer(chat: Chat) -> None:
    ann = await chat.join("ann")
    await ann.types("/poll")

    ann.transport.type(b"/pasword\n" * 50)
    await wait_all_tasks_blocked()

    assert ann.unseen().count("-- a command is no answer") == 1


async def test_what_only_looks_like_a_command_is_an_answer(two: Two) -> None:
    ann, _ = two

    await ann.types("/prove")

    await ann.types("/no such thing")

    await ann.sees("-- that is not it")


async def test_behind_a_refused_password_the_next_line_is_not_said(two: Two) -> None:
    ann, _ = two
    await ann.types("/prove")

    await ann.types("hunter3")
    await ann.sees("-- that is not it")
    await ann.types("", "hunter2")
    await ann.sees(WITHHELD)

    await says_first(two, "hello")


async def test_behind_a_question_that_has_lapsed_the_next_line_is_not_said_however_late(
    two: Two,
) -> None:
    ann, bob = two
    await ann.types("/prove")

    await trio.sleep(600)
    await ann.sees("-- no answer within 60 seconds")
    await ann.types("hunter2")
    await ann.sees(WITHHELD)

    assert "hunter2" not in bob.unseen()


async def test_behind_a_command_that_is_refused_before_it_asks_nothing_is_said_either(
    two: Two,
) -> None:
    ann, _ = two

    ann.transport.type(b"/op\nhunter2\n")
    await ann.sees("-- no operator has a password here")
    await ann.sees("-- 1 line not sent: the password may be there")
    await ann.types("/login")
    await ann.sees("-- the name ann is nobody's")
    await ann.types("hunter2")
    await ann.sees(WITHHELD)

    await says_first(two, "hello")


async def test_who_cancels_a_question_talks_on(two: Two) -> None:
    ann, bob = two

    await ann.types("/prove", "/cancel", "hello")

    await bob.sees("<ann> hello")


async def test_lines_typed_ahead_of_a_password_s_question_are_not_said(two: Two) -> None:
    ann, bob = two

    ann.transport.type(b"/prove\nhunter2\nhello\n/who\n")
    await ann.sees("-- 2 lines typed ahead not sent: a password may be there")
    await ann.sees("Password: ")
    await ann.types("hunter2")

    await ann.sees("-- that is it")
    await ann.sees("-- #lobby: ann, bob")
    assert "<ann>" not in bob.unseen()


async def test_a_password_given_twice_is_not_said_and_what_follows_it_is(two: Two) -> None:
    ann, bob = two
    await ann.types("/prove")

    ann.transport.type(b"hunter2\nhunter2\nhello\n")
    await ann.sees("-- 1 line not sent: the password may be there")

    assert (await bob.sees("<ann>")).endswith("<ann> hello")


async def test_that_it_will_be_shown_is_said_before_the_first_password_alone(two: Two) -> None:
    ann, _ = two

    await ann.types("/prove_twice")
    await ann.types("hunter2")

    shown = ann.unseen()
    assert shown.endswith("Again: ")
    assert shown.count("-- your client will show what you type") == 1


async def test_a_second_password_is_not_taken_before_it_is_asked_for_nor_said(two: Two) -> None:
    ann, bob = two
    await ann.types("/prove_twice")

    ann.transport.type(b"hunter2\nhunter2\n")
    await ann.sees("-- 1 line typed ahead not sent: a password may be there")
    await ann.sees("Again: ")
    await ann.types("hunter2")

    await ann.sees("-- True")
    assert "<ann>" not in bob.unseen()


@pytest.mark.parametrize("keys", [True, False])
async def test_a_telnet_neither_shows_nor_says_a_password_behind_a_refused_one(
    chat: Chat, keys: bool
) -> None:
    bob = await chat.join("bob")
    ann = Telnet(chat.connect(telnet=True))
    await ann.settles()
    await ann.presses("ann\r")
    if not keys:
        await ann.presses("/plain\r")

    await ann.presses("/prove\r")
    await ann.settles()
    await ann.presses("/join #x\r")
    assert "-- a command is no answer: type what is asked for, or /cancel" in ann.shown
    await ann.presses("hunter3\r")
    await ann.presses("hunter2\r")

    assert any(each.startswith("-- not said: it may be a password") for each in ann.shown)
    assert not any("hunter3" in each for each in ann.shown)
    assert "<ann>" not in bob.unseen()


async def test_a_secret_that_is_asked_for_twice_is_not_said_the_second_time_either(
    two: Two,
) -> None:
    ann, bob = two
    await registers(ann)

    for line in ("/register", SECRET, SECRET, "now to all"):
        await ann.types(line)

    assert (await bob.sees("<ann>")).endswith("<ann> now to all")


async def test_behind_a_command_that_is_typed_wrongly_no_secret_is_said(two: Two) -> None:
    ann, _ = two

    await ann.types(f"/register {SECRET}")
    await ann.sees("usage: /register")
    await ann.types(SECRET)

    await says_first(two, "now to all")


@pytest.mark.parametrize(
    "typed",
    ["/logn", f"/regster {SECRET}", f"/pasword {SECRET}", f"/LOGON ann {SECRET}"],
)
async def test_behind_a_command_that_is_misspelt_no_secret_is_said(two: Two, typed: str) -> None:
    ann, bob = two

    await ann.types(typed)
    refusal = await ann.sees("-- ")
    await ann.types(SECRET)
    await ann.sees(WITHHELD)
    await ann.types("now to all")

    assert SECRET not in refusal
    assert (await bob.sees("<ann>")).endswith("<ann> now to all")


async def test_behind_a_misspelt_command_nothing_is_said_that_was_typed_ahead(two: Two) -> None:
    ann, bob = two

    ann.transport.type(f"/logn\n{SECRET}\n".encode())

    await ann.sees("-- no command /logn: did you mean /login?")
    await ann.sees("-- 1 line not sent: the password may be there")
    await bob.sees_nothing()


async def test_behind_another_command_that_is_misspelt_the_next_line_is_said(two: Two) -> None:
    ann, bob = two

    await ann.types("/topc tea", "hello")

    await bob.sees("<ann> hello")


@pytest.mark.parametrize("typed", [f" /login ann {SECRET}", f"\t /regster {SECRET}"])
async def test_a_command_for_a_secret_with_a_blank_before_it_is_not_said(
    two: Two, typed: str
) -> None:
    ann, bob = two

    await ann.types(typed)
    await ann.sees("-- not said: a blank stands before the /")
    await ann.types(SECRET)
    await ann.sees(WITHHELD)
    await ann.types(" /usr/bin", " /who")

    assert (await bob.sees("<ann>")).endswith("<ann>  /usr/bin")
    await bob.sees("<ann>  /who")


@pytest.mark.parametrize(
    "typed", [f"/login ann {SECRET}", f"/register {SECRET}", f'/login "{SECRET}']
)
async def test_what_is_typed_behind_a_command_for_a_secret_is_not_repeated(
    chat: Chat, typed: str
) -> None:
    ann = await chat.join("ann")

    await ann.types(typed)

    assert (await ann.sees("-- /")).startswith(
        f"-- {typed.split()[0]}: a password is asked for later; nothing is tried; usage: /"
    )
    assert SECRET not in ann.unseen()


async def test_a_command_for_a_secret_is_no_answer_for_the_room_to_read(two: Two) -> None:
    ann, bob = two
    await ann.types("/poll")

    await ann.types(f"/login ann {SECRET}")
    await ann.sees("-- a command is no answer: type what is asked for, or /cancel")
    await ann.types("/who knows")

    assert await bob.sees("* ") == "* /who knows"


async def test_nor_is_it_if_it_was_typed_ahead(two: Two) -> None:
    ann, bob = two

    ann.transport.type(f"/poll\n/logn ann {SECRET}\ntea\n".encode())
    await ann.sees("-- a command typed ahead not sent: a password may be there")

    assert await bob.sees("* ") == "* tea"


async def test_a_secret_is_not_said_when_its_command_is_taken_away_meanwhile(
    chat: Chat, two: Two
) -> None:
    ann, _ = two
    await ann.types("/prove")
    await ann.sees("Password: ")
    plugins = chat.server.plugins
    own = plugins.owner(plugins.registry.find("prove")[0])

    plugins.remove(own.name)
    await ann.sees("-- /prove")
    await ann.types(SECRET)

    await says_first(two, "now to all")
