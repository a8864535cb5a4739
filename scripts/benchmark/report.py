"""What the runs come to: tables for people, JSON for programs."""

import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs
from figures import BUSY, LATE, Figures, median, ratio, yardstick
from scenarios import SCENARIOS, Scenario
from servers import KINDS

OURS: Final = "trioserve"


@attrs.define(eq=False)
class Report:
    """All figures, by scenario and server, one per repetition."""

    seconds: float  # of a measured phase
    repetitions: int
    runs: dict[str, dict[str, list[Figures]]] = attrs.field(factory=dict, init=False)
    notes: list[str] = attrs.field(factory=list, init=False)  # what is left out, and what failed

    def add(self, scenario: str, server: str, figures: Figures) -> None:
        self.runs.setdefault(scenario, {}).setdefault(server, []).append(figures)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def medians(self, scenario: str) -> dict[str, Figures]:
        found = self.runs.get(scenario, {})
        return {name: median(found[name]) for name in KINDS if name in found}

    def text(self) -> str:
        parts = ["\n".join(_table(SCENARIOS[name], self.medians(name))) for name in self._names()]
        if self.runs:
            parts.insert(0, self._measured())
            parts.append("\n".join(self._bars()))
        if self.notes:
            parts.append("\n".join(["Notes", *(f"  {note}" for note in self.notes)]))
        return "\n\n".join(parts)

    def write_json(self, path: Path) -> None:
        results = {
            scenario: {
                server: {
                    "median": attrs.asdict(median(runs)),
                    "runs": [attrs.asdict(run) for run in runs],
                }
                for server, runs in self.runs[scenario].items()
            }
            for scenario in self._names()
        }
        document = {
            "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "machine": {
                "cores": os.cpu_count(),
                "kernel": platform.release(),
                "python": platform.python_version(),
            },
            "seconds": self.seconds,
            "repetitions": self.repetitions,
            "notes": self.notes,
            "results": results,
        }
        path.write_text(json.dumps(document, indent=2) + "\n")

    def _measured(self) -> str:
        """Where, and how long; the Python, too: one built without optimization is far slower."""
        python = f"Python {platform.python_version()} ({platform.python_compiler()})"
        machine = f"{os.cpu_count()} cores, Linux {platform.release()}, {python}"
        return f"{machine}; medians of {self.repetitions} times {self.seconds:g} s"

    def _names(self) -> list[str]:
        return [name for name in SCENARIOS if name in self.runs]

    def _bars(self) -> Iterator[str]:
        yield f"The bar for {OURS} (ratio: to the better of {' and '.join(_yardsticks())})"
        for name in self._names():
            scenario, figures = SCENARIOS[name], self.medians(name)
            if scenario.bar is None or OURS not in figures:
                continue
            if scenario.plain is not None and OURS not in self.medians(scenario.plain):
                continue
            reached = self._reached(scenario, figures)
            got = "-" if reached is None else f"{reached:.3g}"
            is_met = reached is not None and reached <= scenario.bar
            yield (
                f"  {name:<14} {scenario.measured:<8} {got:>6}  at most {scenario.bar:<5g} "
                f"{'pass' if is_met else 'MISS'}"
            )
        for name in self._names():
            yield from _remarks(name, self.medians(name))

    def _reached(self, scenario: Scenario, figures: dict[str, Figures]) -> float | None:
        if scenario.measured == "ratio":
            return ratio(figures[OURS].cpu, yardstick(figures, _yardsticks(), "cpu"))
        if scenario.plain is not None:
            return ratio(figures[OURS].cpu, self.medians(scenario.plain)[OURS].cpu)
        value: float | None = getattr(figures[OURS], scenario.measured)
        return value


def _remarks(scenario: str, figures: dict[str, Figures]) -> Iterator[str]:
    """What a reader must know before they believe a row."""
    if OURS in figures:
        late = ratio(figures[OURS].p99, yardstick(figures, _yardsticks(), "p99"))
        if late is not None and late > LATE:
            yield f"  {scenario}: p99 is {late:.2f} times the better one's"
    for name, each in figures.items():
        if each.load is not None and each.load > BUSY:
            yield f"  {scenario}, {name}: the load generator was busy {each.load:.0%} of the time"
        if each.lost or each.reordered or each.repeated:
            yield (
                f"  {scenario}, {name}: {each.lost} lost, {each.reordered} reordered, "
                f"{each.repeated} repeated"
            )


def _table(scenario: Scenario, figures: dict[str, Figures]) -> Iterator[str]:
    """One scenario's servers, without the columns that do not apply to it."""
    least = {field: yardstick(figures, _yardsticks(), field) for field in ("cpu", "p99")}
    columns: list[tuple[str, Callable[[Figures], float | None], str]] = [
        (f"µs/{scenario.unit}", lambda each: each.cpu, ".3g"),
        ("ratio", lambda each: ratio(each.cpu, least["cpu"]), ".2f"),
        (f"{scenario.unit}/s", lambda each: each.speed, ",.0f"),
        ("p50 ms", lambda each: each.p50, ".2f"),
        ("p99 ms", lambda each: each.p99, ".2f"),
        ("p99 ratio", lambda each: ratio(each.p99, least["p99"]), ".2f"),
        ("KiB each", lambda each: each.memory, ".1f"),
        ("slowdown", lambda each: each.slowdown, ".2f"),
        ("lost", lambda each: each.lost, "g"),
        ("reordered", lambda each: each.reordered, "g"),
        ("load", lambda each: each.load, ".0%"),
    ]
    shown = [
        column
        for column in columns
        if any(column[1](each) is not None for each in figures.values())
    ]
    yield f"{scenario.name}: {scenario.about}"
    yield " " * 11 + "".join(f"{title:>15}" for title, _, _ in shown)
    for name, each in figures.items():
        cells = (_cell(value(each), form) for _, value, form in shown)
        yield f"{name:<11}" + "".join(f"{cell:>15}" for cell in cells)


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _yardsticks() -> list[str]:
    return [kind.name for kind in KINDS.values() if kind.is_yardstick]
