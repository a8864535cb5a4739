"""A pytest plug-in for who extends trioserve: the fixture `chat`, a server in memory.

    async def test_roll(chat: Chat) -> None:
        chat.load("dice.py")
        ann = await chat.join("ann")
        await ann.types("/roll 1")
        await ann.sees("* ann rolled 1")

It is found by itself where trioserve is installed, and needs pytest-trio, but no
setting of it: a test that asks for `chat` is run by Trio, on a clock that jumps
whenever everybody waits, so that days pass in milliseconds.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import MockClock

if TYPE_CHECKING:
    from trioserve.testing import Chat  # with all of the server, which few projects' tests need


@pytest.fixture
def chat_plugins() -> Sequence[str]:
    """What `chat` loads, each ``FILE.py`` or ``package.module``: a fixture to override."""
    return ()


@pytest.fixture
async def chat(
    request: pytest.FixtureRequest, chat_plugins: Sequence[str]
) -> "AsyncIterator[Chat]":
    """A server with its default configuration, on a clock that jumps."""
    from trioserve.testing import open_chat

    async with open_chat() as chat:
        chat.folder = request.path.parent
        for source in chat_plugins:
            chat.load(source)
        yield chat


def pytest_itemcollected(item: pytest.Item) -> None:
    if "chat" not in getattr(item, "fixturenames", ()):
        return
    if not item.config.pluginmanager.hasplugin("trio"):
        raise pytest.UsageError("the fixture chat needs pytest-trio: pip install pytest-trio")
    # pytest-trio looks for a clock only among what the test itself asks for.
    item.add_marker(pytest.mark.trio(run=run_on_a_clock_that_jumps))


def run_on_a_clock_that_jumps(
    main: Callable[[], Coroutine[Any, Any, object]],
    *,
    clock: trio.abc.Clock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
) -> object:
    """Run as `trio.run`; for pytest-trio's marker, where the test itself asks for no clock."""
    clock = clock or MockClock(autojump_threshold=0)
    return trio.run(main, clock=clock, instruments=instruments)
