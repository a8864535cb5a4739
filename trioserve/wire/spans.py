"""When things end and how long they take, as people and programs read it."""

import functools
import math
import time
from typing import Final

from trioserve.wire.times import day, stamp

DAY: Final = 86_400  # seconds
SOON: Final = 120.0  # seconds


def until(end: float, now: float, zone: str) -> str:
    """When something ends, to be read behind its name: `` until 14:05``.

    With its date if that is not today, and to the second if it is soon: `` until 14:05:10``.
    Empty of what has no end. Both are seconds since 1970; `zone` is as for `times.stamp`.
    """
    if math.isinf(end):
        return ""
    microseconds = int(end * 1_000_000)
    if end - now < SOON:
        # By the minute alone, one that has begun would be read as the end.
        return f" until {stamp(math.ceil(end) * 1_000_000, 'full', zone).partition(' ')[2]}"
    ends = day(microseconds, zone)
    date = f"{ends} " if ends != day(int(now * 1_000_000), zone) else ""
    return f" until {date}{stamp(microseconds, 'short', zone)}"


def exact(seconds: float) -> str:
    """A time span as it is typed: ``90s`` is ``1m30s``. At least a second, and no fraction."""
    left = max(1, math.ceil(seconds))
    parts = []
    for unit, size in (("d", DAY), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def pace(seconds: float) -> str:
    """How often each person may say something in a slow room."""
    return f"one line in {exact(seconds)} from each"


def utc(microseconds: int) -> str:
    """A time since 1970 as RFC 3339 has it, in UTC."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_second(seconds)}.{rest // 1000:03}Z"


@functools.lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
