"""Fuzz the targets, each in a process of its own, guided by what it reaches."""

import argparse
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 4200  # bytes of an input: above every bound that a target has
SPARE = 60  # seconds for a process to start, and to shrink what it has found
TRIES = 3  # of one target, if the machine is held up


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each (default: 60)")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if find_spec("atheris") is None:
        print("fuzz: there is no atheris for this Python and this machine", file=sys.stderr)
        return 1
    results = [fuzz(name, options.seconds) for name in options.targets or TARGETS]
    return 0 if all(results) else 1


def fuzz(name: str, seconds: int) -> bool:
    """Fuzz one; whether all its promises held."""
    known = CORPUS / name
    for _ in range(TRIES):
        before = set(known.iterdir())
        with TemporaryDirectory() as found:
            # It adds what it finds to the first folder, and reads the others.
            options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10"]
            options += [f"-artifact_prefix={known}/", found, str(known)]
            code, told = run(name, *options, patience=seconds + SPARE)
        if code == 0:
            print(told.splitlines()[-1].replace("Done", f"{name}:"))
            return True
        new = set(known.iterdir()) - before
        breaking = [path for path in new if run(name, str(path), patience=SPARE)[0] != 0]
        if breaking or not new:
            lines = told.splitlines()
            print("\n".join(line for line in lines if not line.startswith(("#", "INFO"))))
            kept = ", ".join(map(str, breaking))
            print(f"{name}: broken by {kept or 'what it says above'}")
            return False
        for path in new:  # too slow once: the machine was
            path.unlink()
        print(f"{name}: once more, for what seemed to break it does not")
    print(f"{name}: this machine is too slow for it")
    return False


def run(name: str, *options: str, patience: int) -> tuple[int | None, str]:
    """Run one process; its exit code, None if it has not ended in time, and what it said.

    Its time is counted in seconds that we have waited ourselves: while the whole machine is
    held up, nobody's runs.
    """
    command = [sys.executable, "-W", "error", "-m", "tests.fuzz.guided", name, *options]
    with (
        TemporaryFile() as said,
        subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as process,
    ):
        for _ in range(patience):
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
                break
        else:
            process.kill()
        said.seek(0)
        told = said.read().decode(errors="replace")
    return (process.returncode if process.returncode >= 0 else None), told


sys.exit(main())
