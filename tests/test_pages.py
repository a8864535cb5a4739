"""Long answers, shown page by page where keys are sent one by one."""

from collections.abc import AsyncIterator

import pytest
import trio

from tests.telnets import Telnet, come
from tests.test_terminal import count, resized
from trioserve.testing import Chat, open_chat


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    """A server with a command that has a long answer."""
    async with open_chat(functions=[count]) as chat:
        yield chat


@pytest.fixture
async def paged(chat: Chat) -> tuple[Telnet, Chat]:
    """A window of five rows, in which nobody has asked for anything yet."""
    chat.server.plugins.add("counting", [count])
    return await come(chat, "ann", rows=5), chat


async def test_an_answer_longer_than_the_window_is_shown_by_pages(
    paged: tuple[Telnet, Chat],
) -> None:
    ann, _ = paged

    await ann.presses("/count 6\r")
    assert ann.shown == ["-- 1", "-- 2", "-- 3", "-- 4", "--more-- (Space: on, q: enough)"]
    await ann.presses(" ")

    assert ann.shown == ["-- 3", "-- 4", "-- 5", "-- 6", "#lobby>"]


@pytest.mark.parametrize(
    ("columns", "prompt"),
    [
        (80, "--more-- (Space: on, q: enough)"),
        (40, "--more-- (q: stop)"),
        (24, "--more--"),
        (8, "--"),
    ],
)
async def test_what_is_below_a_page_is_as_long_as_the_window_is_wide(
    paged: tuple[Telnet, Chat], columns: int, prompt: str
) -> None:
    ann, _ = paged
    await ann.presses("/count 9\r")

    await ann.resizes(columns, 5)

    assert ann.shown[-1] == prompt


async def test_the_rest_of_an_answer_is_laid_out_for_a_window_that_has_changed(
    chat: Chat,
) -> None:
    ann = await come(chat, "ann", rows=10)
    await ann.presses("/help\r")
    assert ann.last.startswith("--more--")

    await ann.resizes(40, 50)
    await ann.presses(" ")

    below = ann.shown[ann.shown.index("-- /nick <name>  Take another name.") : -1]
    assert len(below) > 30
    assert {row[:3] for row in below} == {"-- "}  # none was wrapped again, nor cut


async def test_who_has_a_long_answer_laid_out_again_and_again_is_slowed(chat: Chat) -> None:
    ann = await come(chat, "ann", rows=10)
    await ann.presses("/count 2000\r")
    assert ann.last.startswith("--more--")

    for number in range(10):
        ann.sends(resized(40 + number % 2 * 40))
        await ann.settles()

    assert b"faster than 4096 bytes a second" in ann.person.transport.received


@pytest.mark.parametrize("key", ["q", "Q", "\x03", "\x04"])
async def test_a_key_that_ends_a_page_does_no_more_than_that(
    paged: tuple[Telnet, Chat], key: str
) -> None:
    ann, _ = paged
    await ann.presses("/count 20\r")

    await ann.presses(key)

    assert ann.shown[-2:] == ["-- 16 lines not shown --", "#lobby>"]
    assert not ann.person.is_gone


async def test_an_answer_that_fits_the_window_is_shown_at_once(
    paged: tuple[Telnet, Chat],
) -> None:
    ann, _ = paged

    await ann.presses("/count 4\r")

    assert ann.last == "#lobby> "


async def test_who_types_on_sees_the_rest_at_once_and_loses_no_key(
    paged: tuple[Telnet, Chat],
) -> None:
    ann, _ = paged

    await ann.presses("/count 7\r")
    await ann.presses("hey")

    assert ann.shown[-2:] == ["-- 7", "#lobby> hey"]


async def test_others_are_heard_while_a_page_is_read(
    paged: tuple[Telnet, Chat],
) -> None:
    ann, chat = paged
    bob = await chat.join("bob")

    await ann.presses("/count 9\r")
    await bob.types("hello")
    await ann.settles()

    assert ann.shown[-2].endswith("<bob> hello")
    assert ann.last.startswith("--more--")


async def test_the_next_command_waits_until_a_page_is_read(
    paged: tuple[Telnet, Chat],
) -> None:
    ann, _ = paged

    await ann.presses("/count 6\r/who\r")
    assert ann.last.startswith("--more--")
    await ann.presses(" ")

    assert ann.shown[-2:] == ["-- #lobby: ann", "#lobby>"]


async def test_a_long_history_comes_no_faster_than_it_is_read(
    paged: tuple[Telnet, Chat],
) -> None:
    ann, chat = paged
    bob = await chat.join("bob")
    await bob.types(*(f"line {number}" for number in range(30)))
    await trio.sleep(60)
    await ann.settles()

    await ann.presses("/history 30\r")
    pages = 0
    while ann.last.startswith("--more--"):
        pages += 1
        await ann.presses(" ")

    assert pages == 7
    assert ann.shown[-3:] == [ann.shown[-3], "-- now --", "#lobby>"]
    assert ann.shown[-3].endswith("line 29")


async def test_who_has_seen_enough_of_the_history_ends_it(
    paged: tuple[Telnet, Chat],
) -> None:
    ann, chat = paged
    bob = await chat.join("bob")
    await bob.types(*(f"line {number}" for number in range(30)))
    await trio.sleep(60)
    await ann.settles()

    await ann.presses("/history 30\r")
    await ann.presses("q")

    assert ann.shown[-2:] == ["-- at least 5 lines not shown --", "#lobby>"]
