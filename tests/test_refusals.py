"""What the log has of those who are not let in, however often they come."""

import logging

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.test_reception import come
from trioserve.configuration.config import Config
from trioserve.limits import HERE, DoorLimits
from trioserve.sessions.refusals import (
    ALL,
    EACH,
    MOST_COUNTED,
    MOST_NAMED,
    OTHERS,
    PERIOD,
    Refusals,
)
from trioserve.testing import open_chat

HOST = "192.0.2.7"


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "trioserve.sessions.refusals")


async def test_who_comes_again_and_again_is_few_lines_and_a_number(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_chat(Config(connections=DoorLimits(per_address=1))) as chat:
        await chat.join("ann", host=HOST)
        for _ in range(1000):
            chat.connect(host=HOST)
        await trio.sleep(PERIOD + 1)

        refused = [line for line in caplog.messages if "refused: there is 1 connection" in line]
        assert len(refused) == EACH
        assert caplog.messages[-1] == f"{HOST} not let in 995 times more, within a minute"

        chat.connect(host=HOST)
        assert "refused: there is 1 connection" in caplog.messages[-1]


async def test_who_breaks_handshakes_off_is_counted_with_who_is_refused(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_chat() as chat:
        for _ in range(EACH + 2):
            below = come(chat)
            below.type(b"\x16\x03\x01\x00\x05hello")
            await wait_all_tasks_blocked()
        await trio.sleep(PERIOD + 1)

        assert sum("turned away: TLS: " in line for line in caplog.messages) == EACH
        assert f"{HOST} not let in 2 times more, within a minute" in caplog.messages


async def test_what_was_only_counted_is_told_when_the_server_ends(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = Refusals()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(refusals.run)
        for _ in range(EACH + 1):
            refusals.note("unix:1", None, "refused")
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    assert caplog.messages[-1] == f"{HERE} not let in 1 time more, within a minute"


def test_from_however_many_addresses_they_come_the_lines_are_bounded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = Refusals()
    several, once = MOST_COUNTED - 100, 2000
    for number in range(several):
        for _ in range(EACH + 1):
            refusals.note("peer", f"10.0.{number // 256}.{number % 256}", "refused")
    for number in range(once):
        refusals.note("peer", f"10.1.{number // 256}.{number % 256}", "refused")
    refusals.tell()

    assert len(caplog.messages) == ALL + MOST_NAMED + 1
    counts = [int(line.split()[4]) for line in caplog.messages[ALL:]]
    assert sum(counts) == several * (EACH + 1) + once - ALL
    assert caplog.messages[-1].startswith(f"{OTHERS} not let in ")


def test_an_ipv6_subscriber_is_one_address(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    for number in range(100):
        refusals.note("peer", f"2001:db8::{number:x}", "refused")
    refusals.tell()

    assert len(caplog.messages) == EACH + 1
    assert caplog.messages[-1].startswith("2001:db8::/64 not let in 95 times")
