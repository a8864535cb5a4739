"""The figures as a picture: server CPU per delivery and p99, each server a colour."""

from pathlib import Path
from typing import Final

from report import Report
from scenarios import SCENARIOS
from servers import KINDS

WIDTH: Final = 0.8  # of the space between two scenarios, for the bars of one
PANELS: Final = {"cpu": "server CPU per delivery (µs)", "p99": "latency, p99 (ms)"}


def draw(report: Report, path: Path) -> str | None:
    """Draw a PNG; return why there is none if that is not possible."""
    try:
        from matplotlib.figure import Figure  # an extra: the benchmark works without it
    except ImportError:
        return "no plot: matplotlib is not installed (pip install 'trioserve[bench]')"
    names = [name for name in report.runs if SCENARIOS[name].kind == "talk"]
    if not names:
        return "no plot: it shows scenarios in which people talk, and none was run"
    figure = Figure(figsize=(max(6, 1.2 * len(names)), 8), layout="constrained")
    for axes, (field, title) in zip(figure.subplots(2, 1), PANELS.items(), strict=True):
        for rank, server in enumerate(KINDS):
            heights = [
                getattr(each, field) if (each := report.medians(name).get(server)) else None
                for name in names
            ]
            places = [
                i + (rank - (len(KINDS) - 1) / 2) * WIDTH / len(KINDS) for i in range(len(names))
            ]
            known = [(x, y) for x, y in zip(places, heights, strict=True) if y is not None]
            if known:
                axes.bar(*zip(*known, strict=True), WIDTH / len(KINDS), label=server)
        axes.set_yscale("log")
        axes.set_title(f"{title}; less is better", loc="left")
        axes.set_xticks(range(len(names)), names, rotation=20, ha="right")
        axes.grid(axis="y", alpha=0.3)
        axes.legend(ncols=len(KINDS), fontsize="small")
    try:
        figure.savefig(path, dpi=100)
    except OSError as error:
        return f"no plot: {path}: {error.strerror}"
    return None
