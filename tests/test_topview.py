"""What `trioserve top` shows: a snapshot, the one before it, and a size become lines."""

from typing import Any

import attrs
import pytest
from wcwidth import width

from trioserve.operating.topview import BusyRoom, Laggard, Snapshot, view

TREE = (
    "main",
    "└─ [services]",
    "   ├─ broker",
    "   ├─ drains",
    "   └─ [sessions]",
    "      └─ session (1,203 tasks)",
)
SNAPSHOT = Snapshot(
    up=7500.0,
    people=1203,
    lost=0,
    rooms=45,
    messages=1000,
    deliveries=20_000,
    skipped=12,
    crashes=0,
    cut={"not reading": 3, "connection lost": 1},
    turns=500,
    turn_seconds=1.0,
    turn_peak=0.0336,
    busy_seconds=10.0,
    loop_peak=0.0421,
    inbox=1,
    inbox_peak=37,
    outbox_bytes=34_000,
    busiest=(BusyRoom("#lobby", 12.34, 1203), BusyRoom("#dev", 0.5, 3)),
    laggards=(Laggard("bob", 34_000, 120),),
    tasks=TREE,
)
LATER = attrs.evolve(
    SNAPSHOT, up=7502.0, messages=1025, deliveries=22_400, turns=510, turn_seconds=1.05
)


def shown(
    now: Snapshot = SNAPSHOT,
    before: Snapshot | None = None,
    columns: int = 80,
    rows: int = 24,
    problem: str = "",
) -> list[str]:
    return view(now, before, "unix:m", columns, rows, problem)


def test_without_a_snapshot_before_totals_are_shown() -> None:
    assert shown()[:5] == [
        "trioserve, up 2h 5m, at unix:m",
        "",
        "people 1,203   rooms 45   messages 1,000 in all   deliveries 20,000 in all",
        "skipped 12 in all   cut 4   (not reading 3)   (connection lost 1)",
        "turn 2.0 ms, longest 33.6 ms   inbox 1, most 37   outboxes 33.2 KiB",
    ]


def test_with_one_before_rates_are_shown() -> None:
    text = "\n".join(shown(LATER, SNAPSHOT))

    assert "messages 12.5/s   deliveries 1,200/s   skipped 0/s" in text
    assert "turn 5.0 ms," in text


def test_a_restart_begins_anew_with_totals() -> None:
    restarted = attrs.evolve(SNAPSHOT, up=1.0, messages=2, turns=4)

    assert "messages 2 in all" in "\n".join(shown(restarted, LATER))


def test_rooms_laggards_and_tasks_stand_beside_each_other_in_a_wide_window() -> None:
    lines = shown()[7:]

    assert lines[0] == "busiest rooms        msg/s    people   tasks"
    assert lines[1] == "#lobby                12.3     1,203   main"
    assert lines[4] == "laggards           waiting   skipped      ├─ drains"
    assert lines[5].startswith("bob               33.2 KiB       120")


def test_in_a_narrow_window_they_stand_below_each_other() -> None:
    lines = shown(columns=40, rows=24)

    for text in ("busiest rooms", "laggards", "tasks"):
        assert [line for line in lines if line.startswith(text)]


def test_in_a_small_window_rooms_and_laggards_go_before_tasks() -> None:
    assert [line.split()[0] for line in shown(columns=40, rows=13)[-4:]] == [
        "busiest",
        "#lobby",
        "laggards",
        "bob",
    ]


def test_where_the_tree_is_too_long_its_single_leaves_go_first() -> None:
    lines = shown(columns=40, rows=23)

    assert lines[-5:] == [
        "tasks",
        "└─ [services]",
        "   └─ [sessions]",
        "      └─ session (1,203 tasks)",
        "and 3 more",
    ]


def test_what_is_of_a_kind_with_its_number_goes_last() -> None:
    lines = shown(columns=40, rows=20)

    assert [line for line in lines if line == "      └─ session (1,203 tasks)"]
    assert not [line for line in lines if line.startswith(("main", "└─"))]


@pytest.mark.parametrize("columns", [1, 5, 40, 76, 80, 200])
@pytest.mark.parametrize("rows", [1, 2, 10, 24, 60])
def test_nothing_is_larger_than_the_window(columns: int, rows: int) -> None:
    wide = attrs.evolve(
        SNAPSHOT,
        cut={"的" * 100: 1},
        busiest=(BusyRoom("#" + "\U0001f469‍\U0001f52c" * 30, 1.0, 1),) * 20,
        tasks=("├─ 任务" * 20,) * 50,
    )

    lines = shown(wide, None, columns, rows, problem="-- no answer " * 20)

    assert len(lines) <= rows
    assert all(width(line) <= columns for line in lines)


def test_what_would_move_the_cursor_is_taken_out() -> None:
    hostile = attrs.evolve(SNAPSHOT, tasks=("\x1b[2Jmain\r\n\x9b1m",))

    assert not [line for line in shown(hostile) if not line.isprintable()]


def test_a_problem_stands_in_the_second_line() -> None:
    assert shown(problem="-- no answer")[:2] == ["trioserve, up 2h 5m, at unix:m", "-- no answer"]


@pytest.mark.parametrize("told", [None, [], {}, {"up": "x"}, {"people": 1}, 1, "text"])
def test_what_is_no_snapshot_is_refused(told: Any) -> None:
    with pytest.raises(ValueError, match="no server of this version"):
        Snapshot.of(told)


def test_a_snapshot_is_read_as_it_is_told() -> None:
    assert Snapshot.of({**attrs.asdict(SNAPSHOT), "time": 1.0}) == SNAPSHOT
