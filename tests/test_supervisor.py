"""Tasks that crash and are started again."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from trioserve.extending.supervisor import supervise


class Failing:
    """A task that notes when it is started, and then does the next of these."""

    def __init__(self, *lives: Callable[[], Awaitable[object]]) -> None:
        self.lives = list(lives)
        self.started: list[float] = []
        self.crashes = 0

    async def run(self) -> None:
        self.started.append(trio.current_time())
        await self.lives.pop(0)()

    def count(self) -> None:
        self.crashes += 1


async def crash() -> None:
    await trio.lowlevel.checkpoint()
    raise ValueError("oh")


async def leave_the_process() -> None:
    await trio.lowlevel.checkpoint()
    raise SystemExit(3)


async def crash_in_a_nursery() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crash)
        nursery.start_soon(crash)


def after(seconds: float) -> Callable[[], Awaitable[None]]:
    async def live() -> None:
        await trio.sleep(seconds)
        await crash()

    return live


async def test_one_that_returns_is_not_started_again(autojump_clock: MockClock) -> None:
    task = Failing(trio.lowlevel.checkpoint)

    assert await supervise("bot", task.run, task.count)

    assert (len(task.started), task.crashes) == (1, 0)


@pytest.mark.parametrize("die", [crash, crash_in_a_nursery, leave_the_process])
async def test_one_that_crashes_is_logged_and_started_again(
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    die: Callable[[], Awaitable[object]],
) -> None:
    task = Failing(die, trio.lowlevel.checkpoint)

    assert await supervise("bot", task.run, task.count)

    assert (len(task.started), task.crashes) == (2, 1)
    assert [record.message for record in caplog.records] == ["bot crashed"]
    assert caplog.records[0].exc_info


async def test_after_five_crashes_in_a_minute_it_stays_down_and_says_so(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    task = Failing(*[crash] * 9)

    assert not await supervise("bot", task.run, task.count)

    assert task.started == pytest.approx([0, 0.5, 1.5, 3.5, 7.5])
    assert caplog.records[-1].message == "bot stays down: it crashed 5 times within 60 s"


async def test_one_that_crashes_now_and_then_goes_on_for_ever(autojump_clock: MockClock) -> None:
    task = Failing(*[after(20)] * 100, trio.lowlevel.checkpoint)

    assert await supervise("bot", task.run, task.count)

    assert task.crashes == 100


async def test_one_that_has_run_well_for_a_while_is_started_soon(
    autojump_clock: MockClock,
) -> None:
    task = Failing(crash, crash, crash, after(100), trio.lowlevel.checkpoint)

    assert await supervise("bot", task.run, task.count)

    assert task.started[-1] - (task.started[-2] + 100) == pytest.approx(0.5)


async def test_a_crash_while_it_is_cancelled_is_logged_and_the_cancellation_passes(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash_when_cancelled() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("oh")

    async def both() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash_when_cancelled)
            nursery.start_soon(trio.sleep_forever)

    task = Failing(both)
    with trio.fail_after(60), trio.move_on_after(1) as scope:
        await supervise("bot", task.run, task.count)

    assert scope.cancelled_caught
    assert task.crashes == 1
