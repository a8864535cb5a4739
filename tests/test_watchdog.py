"""A watchdog of the loop: with a real one and the real clock, or with times that are made up."""

import logging
import re
import threading
import time
from collections.abc import Iterator
from types import FrameType

import attrs
import pytest
import trio

from trioserve.tasks import watchdog
from trioserve.tasks.watchdog import PATIENCE, Watchdog, watching_the_loop

SHORT = 0.02  # seconds of patience, for those tests where a slow machine does not matter
HANG = 10.0  # seconds of the real clock after which a test has failed

PARTED = re.compile(r"the loop was held for ([\d.]+) s in all, by (.*)")


@attrs.define(eq=False)
class Records:
    """What the watchdog has logged."""

    texts: list[str] = attrs.field(factory=list)
    arrived: threading.Event = attrs.field(factory=threading.Event)


class _Handler(logging.Handler):
    def __init__(self, records: Records) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        assert record.levelno == logging.WARNING
        self._records.texts.append(record.getMessage())
        self._records.arrived.set()


@pytest.fixture
def records() -> Iterator[Records]:
    records = Records()
    handler = _Handler(records)
    logger = logging.getLogger("trioserve.tasks.watchdog")
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


def hold_the_loop(until: threading.Event) -> None:
    assert until.wait(HANG)


def watchdogs() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "loop watchdog"]


# -------------------------------------------------------------- a real loop
#
# Without an `await` all that is watched is one turn of the loop.


@pytest.mark.slow
async def test_what_holds_the_loop_is_logged_with_its_stack(records: Records) -> None:
    await trio.lowlevel.checkpoint()

    with watching_the_loop(SHORT) as dog:
        hold_the_loop(records.arrived)

    begin, end = records.texts
    assert re.match(r"the loop has been held for \d+\.\d\d s, by .*, in Condition.wait:\n", begin)
    assert "in hold_the_loop\n    assert until.wait(HANG)\n" in begin
    assert PARTED.fullmatch(end)
    assert dog.stalls == 1


@pytest.mark.slow
async def test_a_stack_begins_at_its_task(records: Records) -> None:
    async def task() -> None:
        await trio.lowlevel.checkpoint()
        with watching_the_loop(SHORT):
            hold_the_loop(records.arrived)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(task)
        nursery.start_soon(trio.lowlevel.checkpoint)

    headline, outermost, *_ = records.texts[0].splitlines()
    assert headline.endswith("task, in Condition.wait:")
    assert outermost.endswith("in task")


@pytest.mark.slow
async def test_the_end_of_a_stall_tells_how_long_it_was(records: Records) -> None:
    began = time.monotonic()
    with watching_the_loop(SHORT):
        hold_the_loop(records.arrived)
        records.arrived.clear()
        await trio.to_thread.run_sync(records.arrived.wait, HANG)
    took = time.monotonic() - began

    told = PARTED.fullmatch(records.texts[1])
    assert told
    assert SHORT <= float(told[1]) <= took + 0.01
    assert told[2].endswith(", in Condition.wait")


@pytest.mark.slow
async def test_c_code_that_keeps_the_interpreter_to_itself_is_caught(records: Records) -> None:
    await trio.lowlevel.checkpoint()
    numbers, deadline = 1_000_000, time.monotonic() + HANG

    with watching_the_loop(SHORT):
        while not records.arrived.is_set() and time.monotonic() < deadline:
            sum(range(numbers))  # for tens of milliseconds, and longer each time
            numbers *= 2

    assert "\n    sum(range(numbers))" in records.texts[0]


@pytest.mark.slow
async def test_the_longest_turn_and_the_time_of_all_are_known() -> None:
    with watching_the_loop() as dog:
        await trio.lowlevel.checkpoint()
        dog.peak, before = 0.0, dog.busy_seconds
        time.sleep(0.02)  # noqa: ASYNC251
        await trio.lowlevel.checkpoint()
        time.sleep(0.01)  # noqa: ASYNC251
        await trio.lowlevel.checkpoint()

        assert 0.02 <= dog.peak <= dog.busy_seconds - before - 0.01


@attrs.define(eq=False)
class Wakings(trio.abc.Instrument):
    """Counts how often the loop is woken."""

    count: int = 0

    def after_io_wait(self, timeout: float) -> None:
        self.count += 1


@pytest.mark.slow
async def test_an_idle_loop_is_neither_woken_nor_reported(records: Records) -> None:
    wakings = Wakings()
    with watching_the_loop(SHORT) as dog:
        await trio.lowlevel.checkpoint()
        trio.lowlevel.add_instrument(wakings)
        # Meanwhile the watchdog looks ten times.
        await trio.sleep(10 * SHORT)
        trio.lowlevel.remove_instrument(wakings)
        await trio.lowlevel.checkpoint()  # so that this turn ends, and counts

    assert wakings.count <= 3  # one to wake; Trio sleeps in whole milliseconds, and may look twice
    # Where the machine itself held us up, the watchdog is right to say so.
    assert (records.texts, dog.stalls) == ([], 0) or dog.peak > SHORT


@pytest.mark.slow
async def test_many_short_steps_are_not_reported(records: Records) -> None:
    with watching_the_loop() as dog:
        began = time.monotonic()
        while time.monotonic() < began + 3 * PATIENCE:  # noqa: ASYNC110  (in many short steps)
            await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()  # so that this turn ends, and counts

    # Where the machine itself held us up, the watchdog is right to say so.
    assert (records.texts, dog.stalls) == ([], 0) or dog.peak > PATIENCE


async def test_the_thread_ends_with_the_watching() -> None:
    await trio.lowlevel.checkpoint()

    with watching_the_loop():
        during = len(watchdogs())

    assert (during, len(watchdogs())) == (1, 0)


async def test_the_thread_ends_with_an_error_too() -> None:
    await trio.lowlevel.checkpoint()

    with pytest.raises(ValueError, match="mine"), watching_the_loop():
        raise ValueError("mine")

    assert watchdogs() == []


async def test_the_loop_is_not_noted_after_the_watching() -> None:
    with watching_the_loop() as dog:
        pass
    await trio.lowlevel.checkpoint()

    assert dog.busy_since is None


# ---------------------------------------------------- times that are made up

TICK = 1 / 32  # second between two looks: floats have it exactly, and sums of it


@attrs.define(eq=False)
class Course:
    """A loop and a watchdog at times that are made up, in seconds."""

    watchdog: Watchdog = attrs.field(factory=lambda: Watchdog(PATIENCE))
    now: float = 1000.0
    cpu: float = 50.0

    def __attrs_post_init__(self) -> None:
        self.waits()
        self.passes(TICK)  # the leap from the real time

    def begins_a_turn(self) -> None:
        self.watchdog.busy_since = self.now

    def waits(self) -> None:
        self.watchdog.busy_since = None

    def goes_on(self, seconds: float) -> None:
        """Let time pass in which the watchdog looks as it should."""
        for _ in range(round(seconds / TICK)):
            self.passes(TICK)

    def passes(self, seconds: float, *, worked: float = 0.0) -> None:
        """Let time pass at whose end the watchdog looks."""
        self.now += seconds
        self.cpu += worked
        self.watchdog.sample(self.now, self.cpu)


def held(records: Records) -> list[str]:
    """How long each record says that the loop was held, and whether that is the end."""
    return [
        ("in all " if "in all" in text else "") + re.findall(r"held for ([\d.]+) s", text)[0]
        for text in records.texts
    ]


def test_a_stall_is_reported_once_and_at_its_end(records: Records) -> None:
    loop = Course()

    loop.begins_a_turn()
    loop.goes_on(0.75)
    loop.waits()
    loop.goes_on(0.5)

    assert held(records) == ["0.12", "in all 0.78"]
    assert loop.watchdog.stalls == 1


def test_a_stall_is_told_to_its_end_when_the_loop_is_busy_again_at_once(records: Records) -> None:
    loop = Course()

    loop.begins_a_turn()
    loop.goes_on(0.5)
    loop.begins_a_turn()
    loop.goes_on(0.05)

    assert held(records) == ["0.12", "in all 0.53"]


def test_each_stall_is_counted(records: Records) -> None:
    loop = Course()

    for _ in range(3):
        loop.begins_a_turn()
        loop.goes_on(0.2)

    assert loop.watchdog.stalls == 3
    assert len(records.texts) == 5  # the third has not ended


def test_a_long_stall_is_reported_again_whenever_it_is_ten_times_as_long(
    records: Records,
) -> None:
    loop = Course()

    loop.begins_a_turn()
    loop.goes_on(150.0)

    assert held(records) == ["0.12", "1.03", "10.03", "100.03"]
    assert loop.watchdog.stalls == 1


def test_turns_that_are_short_enough_are_not_reported(records: Records) -> None:
    loop = Course()

    for _ in range(100):
        loop.begins_a_turn()
        loop.goes_on(0.075)

    assert records.texts == []


def test_a_process_that_was_stopped_has_not_held_its_loop(records: Records) -> None:
    loop = Course()

    loop.begins_a_turn()
    loop.goes_on(0.05)
    loop.passes(3600.0, worked=0.01)
    loop.waits()
    loop.goes_on(0.1)

    assert records.texts == []


def test_the_time_in_which_the_process_was_stopped_is_left_out(records: Records) -> None:
    loop = Course()

    loop.begins_a_turn()
    loop.goes_on(0.2)
    loop.passes(3600.0)
    loop.goes_on(0.2)
    loop.waits()
    loop.passes(0.01)

    assert held(records) == ["0.12", "in all 0.39"]


def test_a_turn_that_began_while_nobody_looked_is_watched_from_now_on(records: Records) -> None:
    loop = Course()

    loop.now += 3600.0
    loop.begins_a_turn()
    loop.passes(0.01)
    loop.goes_on(0.15)

    assert held(records) == ["0.12"]


@pytest.mark.parametrize(("worked", "told"), [(3.0, "3.00"), (0.75, "0.75"), (5.5, "3.00")])
def test_what_a_process_worked_while_nobody_looked_counts(
    worked: float, told: str, records: Records
) -> None:
    loop = Course()

    loop.begins_a_turn()
    loop.passes(3.0, worked=worked)  # 5.5: in several threads

    assert held(records) == [told]


def test_a_stack_that_was_taken_too_late_accuses_nobody(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Course()
    take = watchdog._frames

    def take_late(thread: int) -> list[tuple[FrameType, int]]:
        loop.waits()
        return take(thread)

    loop.begins_a_turn()
    monkeypatch.setattr(watchdog, "_frames", take_late)
    loop.goes_on(0.2)

    assert records.texts == []
