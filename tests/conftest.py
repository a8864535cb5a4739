"""What the tests share: a server in memory, and people."""

from collections.abc import AsyncIterator

import pytest
from trio.testing import MockClock

from trioserve.testing import Chat, open_chat


@pytest.fixture
async def chat(autojump_clock: MockClock) -> AsyncIterator[Chat]:
    async with open_chat() as chat:
        yield chat
