"""The figures of a run, and what several repetitions and servers make of them."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

MICRO, MILLI_NS = 1e6, 1e6
NOISE: Final = 0.10  # gaps below this share are none on a machine that others use too
LATE: Final = 1.25  # times the better yardstick's p99: from here on worth an explanation
BUSY: Final = 0.9  # of a core: from here on the load generator may be what is measured


@attrs.frozen
class Figures:
    """What one server did in one scenario. None: does not apply there."""

    cpu: float | None = None  # microseconds of the server's, per unit of the scenario
    speed: float | None = None  # units per second
    p50: float | None = None  # milliseconds
    p99: float | None = None  # milliseconds
    memory: float | None = None  # KiB resident per connection
    slowdown: float | None = None  # p99 of those who read, with those who do not / without them
    lost: int = 0
    reordered: int = 0
    repeated: int = 0
    load: float | None = None  # the load generator's share of its core


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which a share (0 to 1) of the values lies; of none, None."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(runs: Sequence[Figures]) -> Figures:
    """Each figure's median; of what must never happen, the sum."""
    values: dict[str, Any] = {}
    for field in attrs.fields(Figures):
        known = [value for run in runs if (value := getattr(run, field.name)) is not None]
        if field.name in ("lost", "reordered", "repeated"):
            values[field.name] = sum(known)
        else:
            values[field.name] = statistics.median(known) if known else None
    return Figures(**values)


def ratio(figure: float | None, yardstick: float | None) -> float | None:
    return figure / yardstick if figure is not None and yardstick else None


def yardstick(figures: Mapping[str, Figures], names: Sequence[str], field: str) -> float | None:
    """The least of a figure among the servers that the others are compared with."""
    known = [getattr(figures[name], field) for name in names if name in figures]
    return min((each for each in known if each is not None), default=None)
