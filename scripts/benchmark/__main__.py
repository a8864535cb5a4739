"""The benchmark's command line. Run it as ``scripts/bench``, which has the right Python."""

import argparse
import math
import os
import signal
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final, NoReturn

from errors import BenchError
from plot import draw
from report import Report
from runs import run
from scenarios import SCENARIOS, Scenario
from servers import KINDS, Kind, why_not

ABOUT: Final = """\
Measure trioserve beside other chat servers, each alone on one core of this
machine with the load generator on another. The servers take turns inside each
repetition, because only what ran side by side compares. Printed are medians:

  µs/...      CPU that the server used per delivered message (or line, or
              connection), by the kernel's accounting of all its threads:
              the headline, since it holds on a machine that does other things
  ratio       that, to the better one of ngircd and inspircd
  to plain    that, of members in character mode, to the same room's in line mode
  p50, p99    from a message's sending to its arrival, at a sample of readers
  lost, ...   of all deliveries, not of a sample; summed, not medians
  load        how busy the load generator was; above 90 % it may be what is measured

A message is 48 bytes of text, a line of about 64 in trioserve. At most 100 are
under way at a time, also at a fixed rate: a server that is too slow for the
rate is measured at its own pace, and its deliveries/s show that. What has not
arrived when nothing has come for 10 seconds, or after two minutes, is lost.
All of it takes about 50 minutes.
"""


def main() -> int:
    """Run the benchmark; 0: all has run, 1: something failed, 2: the arguments are wrong."""
    signal.signal(signal.SIGTERM, _exit)
    options = _parser().parse_args()
    if options.list:
        print(_listed())
        return 0
    report = Report(options.seconds, options.repetitions)
    kinds = _available([KINDS[name] for name in KINDS if name in options.server], report)
    scenarios = [SCENARIOS[name] for name in SCENARIOS if name in options.scenario]
    core = _pin(report)
    is_whole = True
    try:
        for repetition in range(options.repetitions):
            _say(f"repetition {repetition + 1} of {options.repetitions}")
            for _, group in groupby(scenarios, key=lambda each: each.crowd):
                together = list(group)
                for kind in kinds:
                    is_whole &= _measure(kind, core, together, report)
    except KeyboardInterrupt:
        is_whole = False
        report.note("interrupted: these are the figures up to then")
    is_whole &= _finish(report, options.json, options.plot)
    return 0 if is_whole else 1


def _measure(kind: Kind, core: int, scenarios: Sequence[Scenario], report: Report) -> bool:
    """Run one server through scenarios of one crowd; whether nothing failed."""
    if scenarios[0].plain is not None:
        if kind.rich is None:
            return True
        kind = kind.rich
    if kind.most is not None and scenarios[0].members > kind.most:
        report.note(f"{kind.name} is left out above {kind.most} members")
        return True
    _say(f"  {kind.name}: {', '.join(each.name for each in scenarios)}")
    try:
        for scenario, figures in zip(
            scenarios, run(kind, core, scenarios, report.seconds), strict=True
        ):
            report.add(scenario.name, kind.name, figures)
    except BenchError as error:
        _say(f"  {error}")
        report.note(f"{scenarios[0].about}: {error}")
        return False
    return True


def _available(kinds: Sequence[Kind], report: Report) -> list[Kind]:
    found = []
    for kind in kinds:
        if (reason := why_not(kind)) is None:
            found.append(kind)
        else:
            report.note(f"{kind.name} is left out: {reason}")
    return found


def _pin(report: Report) -> int:
    """Keep this process to one core, and return the one for the servers."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        report.note("there is one core: server and load generator share it")
    os.sched_setaffinity(0, {cores[-1]})
    return cores[0]


def _finish(report: Report, json: Path, plot: Path) -> bool:
    """Print the report and write its files; whether that was possible."""
    print(report.text())
    try:
        report.write_json(json)
    except OSError as error:
        _say(f"{json}: {error.strerror}")
        return False
    reason = draw(report, plot)
    _say(f"written: {json}" + (f" and {plot}" if reason is None else f"; {reason}"))
    return True


# ------------------------------------------------------------------ arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=f"{ABOUT}\n{_listed()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--scenario", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), metavar="NAME",
        help="measure only these",
    )  # fmt: skip
    parser.add_argument(
        "--server", nargs="+", choices=KINDS, default=list(KINDS), metavar="NAME",
        help="measure only these",
    )  # fmt: skip
    parser.add_argument(
        "--repetitions", type=_count, default=3, metavar="N", help="of everything (default: 3)"
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=5.0, metavar="S",
        help="of each measured phase, after a warm-up of a fifth of that (default: 5)",
    )  # fmt: skip
    parser.add_argument(
        "--json", type=Path, default=Path("bench.json"), metavar="FILE",
        help="where to write all figures (default: bench.json, here)",
    )  # fmt: skip
    parser.add_argument(
        "--plot", type=Path, default=Path("bench.png"), metavar="FILE",
        help="where to draw them (default: bench.png, here); needs matplotlib",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="list scenarios and servers, and exit")
    return parser


def _listed() -> str:
    lines = ["scenarios:"]
    lines += [f"  {each.name:<14} {each.about}" for each in SCENARIOS.values()]
    lines += ["", f"servers: {', '.join(KINDS)}"]
    return "\n".join(lines)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise argparse.ArgumentTypeError(f'expected a whole number above 0, got "{text}"')
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f'expected a number of seconds above 0, got "{text}"')
    return value


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _exit(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)  # through every `finally`, so that no server stays behind


sys.exit(main())
