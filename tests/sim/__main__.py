"""``scripts/soak``: run many seeds, and tell what they came to."""

import argparse
import logging
import multiprocessing
import os
import sys
import time

from tests.sim.chronicle import Wrong
from tests.sim.faults import FAULTS
from tests.sim.simulation import Report, simulate

ALL = 300  # seeds, in which each fault happens


def main() -> int:
    """Return 0 if every seed kept the promises, and each fault has happened; else 1."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description="Simulate a chat for each of many seeds, and check what must hold of it.",
    )
    parser.add_argument("--seeds", type=int, default=300, metavar="N", help="how many (300)")
    parser.add_argument("--first", type=int, default=0, metavar="K", help="the first one (0)")
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first that fails")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # faults that are made on purpose are logged, too
    began = time.monotonic()
    total, broken = Report(), 0
    with multiprocessing.Pool(os.cpu_count()) as pool:
        seeds = range(options.first, options.first + options.seeds)
        for outcome in pool.imap(_outcome, seeds, chunksize=4):
            if isinstance(outcome, Report):
                total.add(outcome)
            else:
                broken += 1
                print(outcome, flush=True)
                if options.fail_fast:
                    return 1
    print(
        f"{total.seeds} of {options.seeds} seeds kept every promise, in "
        f"{time.monotonic() - began:.0f} s: {total.seconds / 3600:.1f} simulated hours, "
        f"{total.messages} messages, {total.deliveries} deliveries, {total.skipped} skipped"
    )
    for what, counts in (("deeds", total.did), ("faults", total.struck)):
        print(f"{what}: " + ", ".join(f"{each} {times}" for each, times in sorted(counts.items())))
    if hollow := [fault for fault in FAULTS if options.seeds >= ALL and not total.struck[fault]]:
        print(f"never happened: {', '.join(hollow)}")
    return 1 if broken or hollow else 0


def _outcome(seed: int) -> Report | str:
    try:
        return simulate(seed)
    except Wrong as wrong:
        return str(wrong)
    except Exception as error:  # another fault, of which the next seeds may tell more
        return f"seed {seed}: {error!r}"


if __name__ == "__main__":
    sys.exit(main())
