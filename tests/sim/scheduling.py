"""One run of Trio that depends on a seed alone."""

import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio
from trio._core import _run
from trio.testing import MockClock

T = TypeVar("T")

# Trio shuffles what can run. This private switch, which its plug-in for hypothesis turns, has it
# do so by `_r` and in an order that does not depend on where things lie in memory.
SWITCH = "_ALLOW_DETERMINISTIC_SCHEDULING"
if not hasattr(_run, SWITCH) or not isinstance(getattr(_run, "_r", None), random.Random):
    raise ImportError(f"this Trio ({trio.__version__}) has no switch for replayable runs")


def run_seeded(seed: int, main: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run `main` under a clock that jumps, and tasks that take turns as the seed says."""
    scheduler: Any = _run
    former, state = getattr(scheduler, SWITCH), scheduler._r.getstate()
    setattr(scheduler, SWITCH, True)
    scheduler._r.seed(seed)
    try:
        return trio.run(main, *args, clock=MockClock(autojump_threshold=0))
    finally:
        setattr(scheduler, SWITCH, former)
        scheduler._r.setstate(state)
