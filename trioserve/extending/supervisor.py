"""Tasks that are started again when they crash, and left down when they go on crashing."""

import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio

from trioserve.extending.guard import lone, parted

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 16.0  # seconds before a crashed task is started again
CRASHES: Final = 5  # within SPAN, after which it stays down
SPAN: Final = 60.0  # seconds


async def supervise(
    name: str, run: Callable[[], Awaitable[None]], on_crash: Callable[[], object]
) -> bool:
    """Run a task until it returns, starting it again when it crashes; whether it has returned.

    Each crash is logged, and reported to `on_crash`. Pauses double from
    FIRST_PAUSE to LONGEST_PAUSE; after CRASHES within SPAN the task stays down,
    and the log says so. Cancellation passes.
    """
    crashes: deque[float] = deque([-math.inf] * CRASHES, maxlen=CRASHES)
    pause = FIRST_PAUSE
    while True:
        began = trio.current_time()
        with logged_crash(name, on_crash) as crash:
            await run()
        if not crash:
            return True
        now = trio.current_time()
        crashes.append(now)
        if now - crashes[0] <= SPAN:
            log.error("%s stays down: it crashed %d times within %g s", name, CRASHES, SPAN)
            return False
        if now - began > SPAN:
            pause = FIRST_PAUSE  # it has run well for a while
        await trio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


@contextmanager
def logged_crash(name: str, on_crash: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Log what the block raises, report it to `on_crash`, and put it into the list yielded.

    What has to pass (see `trioserve.extending.guard`) passes.
    """
    crashes: list[BaseException] = []
    try:
        yield crashes
    except BaseException as error:  # noqa: ASYNC103  (see guard.parted)
        crash, passing = parted(error)
        if crash is not None:
            crashes.append(crash)
            log.error("%s crashed", name, exc_info=lone(crash))
            on_crash()
        if passing is not None:
            raise passing from None  # noqa: ASYNC104  (see guard.parted)
