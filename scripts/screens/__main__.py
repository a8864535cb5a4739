"""The pictures' command line. Run it as ``scripts/pictures``, which has the right Python."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Final

FOLDER: Final = Path(__file__).parent
NEEDED: Final = ("pyte", "pexpect", "pytest")


def main() -> int:
    """Draw the pictures; 0: all are drawn, 1: something is missing, or went otherwise."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        return _refuse(f"{missing[0]} is missing: python3 scripts/venv.py test installs it")
    if missing := [name for name in ("telnet", "nc") if which(name) is None]:
        return _refuse(f"{missing[0]} is not on the PATH: the pictures are of real sessions")
    # Only now: it needs all that.
    from scripts.screens.scenes import SCENES

    parser = argparse.ArgumentParser(
        prog="scripts/pictures",
        description=f"Draw the pictures of real telnet sessions anew, into {FOLDER.name}/.",
    )
    parser.add_argument("name", nargs="*", help=f"only these, of {', '.join(SCENES)}")
    names = parser.parse_args().name
    if unknown := [name for name in names if name not in SCENES]:
        parser.error(f"no picture {unknown[0]}: there are {', '.join(SCENES)}")
    for name in names or SCENES:
        try:
            drawn = SCENES[name]()
        except AssertionError as error:
            return _refuse(f"{name}: {error}")
        (FOLDER / f"{name}.svg").write_text(drawn, encoding="utf-8")
        print(FOLDER.name + f"/{name}.svg")
    return 0


def _refuse(why: str) -> int:
    print(f"pictures: {why}", file=sys.stderr)
    return 1


sys.exit(main())
