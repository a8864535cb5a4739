"""Fuzz the targets, each in a process of its own, guided by what it reaches."""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 4200  # bytes of an input: above every bound that a target has
SPARE = 60.0  # seconds for a process to start, and to shrink what it has found


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
    before = set(known.iterdir())
    with TemporaryDirectory() as found:
        # It adds what it finds to the first folder, and reads the others.
        command = [sys.executable, "-W", "error", "-m", "tests.fuzz.guided", name]
        command += [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10"]
        command += [f"-artifact_prefix={known}/", found, str(known)]
        process = subprocess.run(
            command,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds + SPARE,
        )
    if process.returncode == 0:
        print(process.stderr.splitlines()[-1].replace("Done", f"{name}:"))
        return True
    told = process.stderr.splitlines()
    print("\n".join(line for line in told if not line.startswith(("#", "INFO"))))
    kept = ", ".join(str(path) for path in set(known.iterdir()) - before)
    print(f"{name}: broken by {kept or 'what it says above'}")
    return False


sys.exit(main())
