"""A last resort: a thread that ends the process when it does not end by itself."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final

import trio

from trioserve.tasks import tree

LOG_FLUSH: Final = 0.5  # seconds for the log to be written before the process is ended

log = logging.getLogger(__name__)


class LastResort:
    """A thread that ends the process when it has not ended by itself in time.

    For whatever keeps Trio's loop from ending: a command that blocks, one that
    shields itself from cancellation, a thread that it waits for and that is stuck.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._root = trio.lowlevel.current_root_task()
        # Whether there is something to wait for. What a signal handler may call at any time
        # must take no lock: SimpleQueue is made for that, and to start a thread is not.
        self._is_armed: SimpleQueue[bool] = SimpleQueue()
        threading.Thread(target=self._watch, daemon=True, name="last resort").start()

    def arm_on(self, numbers: Iterable[signal.Signals]) -> None:
        """Count from the signal itself: while something blocks, Trio's loop does not hear of it.

        Trio listens for them already, and puts back what was there before itself.
        """

        def arm_and(tell_trio: Callable[[int, Any], object], number: int, frame: Any) -> None:
            self.arm()
            tell_trio(number, frame)

        for number in numbers:
            if callable(handler := signal.getsignal(number)):
                signal.signal(number, partial(arm_and, handler))

    def arm(self) -> None:
        """Begin to count, the first time this is called."""
        self._is_armed.put(True)

    def disarm(self) -> None:
        """All has ended in time."""
        self._is_armed.put(False)

    def _watch(self) -> None:
        if not self._is_armed.get():
            return
        seconds = self._seconds()
        deadline = time.monotonic() + seconds
        try:
            while self._is_armed.get(timeout=max(0.0, deadline - time.monotonic())):
                pass  # armed already
        except Empty:
            self._end_process(seconds)

    def _end_process(self, seconds: float) -> None:
        try:
            log.critical(
                "still running after %g seconds, ended by force: %s",
                seconds,
                ", ".join(tree.leaves(self._root)) or "no tasks",
            )
            time.sleep(LOG_FLUSH)  # the log has a thread of its own
        finally:
            os._exit(1)  # whatever the tasks, which change while they are named, have raised
