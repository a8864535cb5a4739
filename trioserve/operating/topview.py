"""A server's snapshot as lines that fit a window: what `trioserve top` shows.

Plain functions: a snapshot, the one before it, and a size become lines.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

import attrs
import cattrs
from wcwidth import clip, width

from trioserve.wire.text import clean, duration

GAP: Final = "   "  # between figures
SIDE_BY_SIDE: Final = 76  # columns from which on the tasks stand beside the rest
AIRY: Final = 20  # rows from which on blank ones part the sections
KIB: Final = 1024


@attrs.frozen
class BusyRoom:
    room: str
    per_second: float
    people: int


@attrs.frozen
class Laggard:
    nick: str
    bytes: int
    skipped: int


@attrs.frozen
class Snapshot:
    """What /snapshot tells; counts are since the server's start, peaks of the last minute."""

    up: float  # seconds
    people: int
    lost: int  # of them, whose connection broke
    rooms: int
    messages: int
    deliveries: int
    skipped: int
    crashes: int
    cut: Mapping[str, int]
    turns: int
    turn_seconds: float
    turn_peak: float  # seconds
    busy_seconds: float
    loop_peak: float  # seconds
    inbox: int
    inbox_peak: int
    outbox_bytes: int
    busiest: tuple[BusyRoom, ...]
    laggards: tuple[Laggard, ...]
    tasks: tuple[str, ...]

    @classmethod
    def of(cls, told: Any) -> "Snapshot":
        """Check what was told as JSON; raises ValueError if it is no snapshot."""
        try:
            return _converter.structure(told, cls)
        except cattrs.ClassValidationError:
            raise ValueError("what answers there is no server of this version") from None

    def follows(self, before: "Snapshot") -> bool:
        """Whether it is of the same run of the server, and later."""
        return self.up > before.up and self.turns >= before.turns


_converter = cattrs.Converter()


def view(
    now: Snapshot, before: Snapshot | None, source: str, columns: int, rows: int, problem: str = ""
) -> list[str]:
    """Return at most `rows` lines of at most `columns` columns.

    Rates are of the time since `before`, the last snapshot; without one, or after
    a restart, totals stand in their place. A `problem` takes the second line.
    """
    if before is not None and not now.follows(before):
        before = None
    air = [""] if rows >= AIRY else []
    lines = [
        f"trioserve, up {duration(now.up)}, at {source}",
        *([problem] if problem else []),
        *air,
    ]
    lines += [*_flow(_figures(now, before), columns), *air]
    left = max(0, rows - len(lines))
    if columns >= SIDE_BY_SIDE:
        wide = columns * 9 // 20
        pairs = zip_longest(_tables(now, wide, left, air), _tree(now.tasks, left), fillvalue="")
        lines += [f"{_padded(table, wide)}{GAP}{task}".rstrip() for table, task in pairs]
    else:
        least = 4 if now.laggards else 2  # lines with something to read behind each head
        lines += [*_tables(now, columns, max(least, left // 2), air), *air]
        lines += _tree(now.tasks, rows - len(lines))
    return [fit(line, columns) for line in lines[: max(rows, 0)]]


def fit(text: str, columns: int) -> str:
    """Clip a text to so many columns, and take out what would move a terminal's cursor."""
    text = clean(text)
    return text if width(text) <= columns else clip(text, 0, columns, control_codes="ignore")


def _figures(now: Snapshot, before: Snapshot | None) -> Iterator[str]:
    yield f"people {now.people:,}" + (f" ({now.lost:,} lost)" if now.lost else "")
    yield f"rooms {now.rooms:,}"
    yield f"messages {_rate(lambda each: each.messages, now, before)}"
    yield f"deliveries {_rate(lambda each: each.deliveries, now, before)}"
    yield f"skipped {_rate(lambda each: each.skipped, now, before)}"
    yield f"cut {sum(now.cut.values()):,}"
    for cause, count in now.cut.items():
        yield f"({cause} {count:,})"
    if now.crashes:
        yield f"crashes {now.crashes:,}"
    earlier = (before.turns, before.turn_seconds) if before is not None else (0, 0.0)
    turns, seconds = now.turns - earlier[0], now.turn_seconds - earlier[1]
    mean = seconds / turns if turns else 0.0
    yield f"turn {_milliseconds(mean)}, longest {_milliseconds(now.turn_peak)}"
    yield f"inbox {now.inbox:,}, most {now.inbox_peak:,}"
    yield f"outboxes {_size(now.outbox_bytes)}"
    busy = now.busy_seconds - (before.busy_seconds if before is not None else 0.0)
    yield f"loop {min(1.0, busy / _span(now, before)):.0%}, lag {_milliseconds(now.loop_peak)}"


def _flow(figures: Iterator[str], columns: int) -> list[str]:
    """Put as many figures on a line as fit."""
    lines = [""]
    for each in figures:
        longer = f"{lines[-1]}{GAP}{each}" if lines[-1] else each
        if width(longer) <= columns or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(each)
    return lines


def _tables(now: Snapshot, columns: int, rows: int, air: Sequence[str]) -> list[str]:
    """The busiest rooms, and who lags, if anybody does."""
    rooms = _table(
        ("busiest rooms", "msg/s", "people"),
        [(each.room, f"{each.per_second:.1f}", f"{each.people:,}") for each in now.busiest],
        columns,
    )
    if not now.laggards:
        return rooms[:rows]
    laggards = _table(
        ("laggards", "waiting", "skipped"),
        [(each.nick, _size(each.bytes), f"{each.skipped:,}") for each in now.laggards],
        columns,
    )
    for_laggards = max(2, rows // 2, rows - len(rooms) - len(air))
    for_rooms = rows - min(len(laggards), for_laggards) - len(air)
    return [*rooms[: max(0, for_rooms)], *air, *laggards[:for_laggards]]


def _tree(tasks: Sequence[str], rows: int) -> list[str]:
    """The tree of tasks; where it is too long, what is of a kind with its number goes last."""
    lines = ["tasks", *tasks]
    if len(lines) <= rows:
        return lines
    depths = [len(line) - len(line.lstrip("│├└─ ")) for line in lines] + [0]
    single = [number for number, line in enumerate(lines) if number and line[-7:] != " tasks)"]
    is_leaf = [depths[number + 1] <= depths[number] for number in range(len(lines))]
    dropped = sorted(single, key=lambda number: not is_leaf[number])[: len(lines) + 1 - rows]
    kept = [line for number, line in enumerate(lines) if number not in dropped]
    shown = kept[: max(0, rows - 1)]
    return [*shown, f"and {len(lines) - len(shown)} more"]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> list[str]:
    name = max(1, columns - 20)
    return [
        f"{_padded(first, name)}{second:>10}{third:>10}" for first, second, third in [head, *rows]
    ]


def _padded(text: str, columns: int) -> str:
    text = fit(text, columns)
    return text + " " * (columns - width(text))


def _rate(count: Callable[[Snapshot], int], now: Snapshot, before: Snapshot | None) -> str:
    if before is None:
        return f"{count(now):,} in all"
    rate = (count(now) - count(before)) / _span(now, before)
    return f"{rate:,.0f}/s" if rate >= 100 or rate == int(rate) else f"{rate:,.1f}/s"


def _span(now: Snapshot, before: Snapshot | None) -> float:
    """Seconds that what is counted between two snapshots took."""
    return max(now.up - (before.up if before is not None else 0.0), 0.001)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"


def _size(count: int) -> str:
    if count < KIB:
        return f"{count} B"
    return f"{count / KIB:,.1f} KiB" if count < KIB * KIB else f"{count / KIB / KIB:,.1f} MiB"
