"""What the tests share: a server in memory, and people."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trioserve.testing import Chat, open_chat


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    """A server with its default configuration, on a clock that jumps."""
    async with open_chat() as chat:
        yield chat


def pytest_itemcollected(item: pytest.Item) -> None:
    # pytest-trio looks for a clock only among what the test itself asks for.
    if "chat" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.trio(run=_run_on_a_clock_that_jumps))


def _run_on_a_clock_that_jumps(
    main: Callable[[], Coroutine[Any, Any, object]],
    *,
    clock: trio.abc.Clock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
) -> object:
    clock = clock or MockClock(autojump_threshold=0)
    return trio.run(main, clock=clock, instruments=instruments)
