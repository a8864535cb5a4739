"""A watchdog: what holds the loop for longer than a moment is logged, with its stack.

Between two waits for I/O, Trio's loop runs a turn: a step of every task that can
run. While one of them computes or blocks, nobody else is served. An instrument
notes when a turn begins and that it has ended; a thread looks at that note.
"""

import inspect
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import attrs
import trio

PATIENCE: Final = 0.1  # seconds that a turn may take; a person begins to feel longer ones
SAMPLES: Final = 4  # within `patience`, while the loop is busy,
IDLE_SAMPLES: Final = 4  # and once in so many of these while it waits
MAX_FRAMES: Final = 50  # of a stack in the log, the innermost; for one that recurses
JOIN_TIMEOUT: Final = 1.0  # seconds for the thread to end; it may hang in somebody's log handler

log = logging.getLogger(__name__)


@contextmanager
def watching_the_loop(patience: float = PATIENCE) -> Iterator["Watchdog"]:
    """Watch the Trio loop that runs this, and log what holds it for longer than `patience`.

    An idle loop is not woken. A turn of it takes some 2 microseconds longer,
    for Trio to call an instrument twice.
    """
    watchdog = Watchdog(patience)
    # A lock that is held until then: to wait for an Event with a deadline, ten times a second,
    # takes a seventh more CPU (1.05 ms a second for 0.91, on an idle server).
    ended = threading.Lock()
    ended.acquire()
    thread = threading.Thread(
        target=_watch, args=(watchdog, ended), daemon=True, name="loop watchdog"
    )
    trio.lowlevel.add_instrument(watchdog)
    thread.start()
    try:
        yield watchdog
    finally:
        trio.lowlevel.remove_instrument(watchdog)
        watchdog.busy_since = None  # a stall that lasts until here is told to its end
        ended.release()
        thread.join(JOIN_TIMEOUT)


def _watch(watchdog: "Watchdog", ended: threading.Lock) -> None:
    pause = watchdog.patience / SAMPLES
    while not ended.acquire(timeout=pause):
        # Seldom while the loop waits: to wake a thread costs as much as a message to three.
        is_idle = watchdog.busy_since is None
        pause = watchdog.patience * (IDLE_SAMPLES if is_idle else 1) / SAMPLES
        watchdog.sample(time.monotonic(), time.process_time())
    watchdog.sample(time.monotonic(), time.process_time())


@attrs.define(eq=False)
class Watchdog(trio.abc.Instrument):
    """The note on the loop's turns, and what is known of the present one.

    The loop's thread writes nothing but `busy_since`, `busy_seconds` and `peak`,
    the watching one nothing but the rest: there is no lock that one could hold up
    the other with.
    """

    patience: float  # seconds
    busy_since: float | None = attrs.field(factory=time.monotonic, init=False)  # None: it waits
    stalls: int = attrs.field(default=0, init=False)  # turns that took longer than `patience`
    busy_seconds: float = attrs.field(default=0.0, init=False)  # that all turns took
    # The longest turn (seconds): by so much a task that could run may have been late. Since the
    # start, or since it was set back to 0, which is for `recent` alone.
    peak: float = attrs.field(default=0.0, init=False)

    _loop_thread: int = attrs.field(factory=threading.get_ident, init=False)
    _now: float = attrs.field(factory=time.monotonic, init=False)  # of the last sample
    _cpu: float = attrs.field(factory=time.process_time, init=False)
    _turn: float | None = attrs.field(default=None, init=False)  # `busy_since` as last seen
    _counted_from: float = attrs.field(default=0.0, init=False)  # the turn's beginning, or later
    _report_at: float = attrs.field(default=0.0, init=False)  # seconds held, for the next report
    _culprit: str = attrs.field(default="", init=False)  # of the turn; empty: nothing reported

    def after_io_wait(self, timeout: float) -> None:
        """Trio's: a turn begins."""
        self.busy_since = time.monotonic()

    def before_io_wait(self, timeout: float) -> None:
        """Trio's: the turn has ended."""
        if (since := self.busy_since) is not None:
            self.busy_since = None
            self.busy_seconds += (took := time.monotonic() - since)
            if took > self.peak:
                self.peak = took

    def sample(self, now: float, cpu: float) -> None:
        """Look at the loop, at `now` and after `cpu` seconds of work of the process.

        A turn is reported when it has taken longer than `patience`, again
        whenever it has taken ten times as long, and when a reported one ends.
        """
        turn = self.busy_since
        suspended = self._suspended(now, cpu)
        self._counted_from += suspended
        if turn != self._turn:
            self._end_turn(now)
            self._turn = turn
            self._counted_from = now if turn is None else min(now, turn + suspended)
            self._report_at = self.patience
        if turn is not None and (held := now - self._counted_from) > self._report_at:
            frames = _frames(self._loop_thread)
            if self.busy_since == turn:  # or else they accuse what came after it
                self._report(held, frames)

    def _suspended(self, now: float, cpu: float) -> float:
        """The seconds since the last sample in which the process did not run.

        A process that is stopped (SIGSTOP, a debugger, a virtual machine that is
        moved) or gets no processor finds its turn to have taken minutes, and
        nobody in it is at fault. This thread has not run then either. But neither
        does it while C code keeps the interpreter to itself, as a regular
        expression that backtracks: that is the loop's fault. So of a time in which
        this thread did not run, only what the process worked counts.
        """
        gap, worked = now - self._now, cpu - self._cpu
        self._now, self._cpu = now, cpu
        return max(0.0, gap - worked) if gap > self.patience else 0.0

    def _report(self, held: float, frames: list[tuple[FrameType, int]]) -> None:
        if not self._culprit:
            self.stalls += 1
        self._culprit = _name(frames)
        while self._report_at < held:
            self._report_at *= 10
        log.warning(
            "the loop has been held for %.2f s, by %s:\n%s", held, self._culprit, _text(frames)
        )

    def _end_turn(self, now: float) -> None:
        if self._culprit:
            held = now - self._counted_from
            log.warning("the loop was held for %.2f s in all, by %s", held, self._culprit)
            self._culprit = ""


def _frames(thread: int) -> list[tuple[FrameType, int]]:
    """Where a thread is, each frame with its line, the innermost last.

    They begin at the task that is running, if one is: what is further out is
    Trio and whoever called it, the same every time. While they are collected
    the thread cannot go on: nothing here lets go of the interpreter.
    """
    frame = sys._current_frames()[thread]  # noqa: SLF001  # documented; there is no other way
    frames = list(traceback.walk_stack(frame))[::-1]
    is_coroutine = [bool(each.f_code.co_flags & inspect.CO_COROUTINE) for each, _ in frames]
    return frames[is_coroutine.index(True) if any(is_coroutine) else 0 :]


def _name(frames: list[tuple[FrameType, int]]) -> str:
    """The task's function, and the one at which it is."""
    return f"{frames[0][0].f_code.co_qualname}, in {frames[-1][0].f_code.co_qualname}"


def _text(frames: list[tuple[FrameType, int]]) -> str:
    return "".join(traceback.StackSummary.extract(frames[-MAX_FRAMES:]).format()).rstrip()
