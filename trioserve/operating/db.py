"""``trioserve db``: look after what a server keeps."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from trioserve.archive import upkeep
from trioserve.archive.database import IN_MEMORY
from trioserve.archive.directory import DATABASE, Directory, default_directory
from trioserve.configuration.config import read_config
from trioserve.errors import ArchiveError, ConfigError
from trioserve.wire.text import plural
from trioserve.wire.times import stamp

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


def main(arguments: Sequence[str]) -> int:
    """Do one of these to a server's database; return the exit code.

    0: it is done, or all is well; 1: it is not; 2: the arguments or the configuration are wrong.
    """
    options = _parser().parse_args(arguments)
    act: Callable[[Path, argparse.Namespace], int] = options.act
    try:
        directory = _directory(options)
        return act(directory, options)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    except ArchiveError as error:
        print(f"trioserve: {error}", file=sys.stderr)
        return 1


def _directory(options: argparse.Namespace) -> Path:
    """Where the server keeps its data: as told here, or in its configuration, or by default."""
    data = options.data
    if data is None and options.config is not None:
        data = read_config(options.config).data
    if data == IN_MEMORY:
        raise ArchiveError(f"nothing is kept in {IN_MEMORY}")
    return Path(data) if data else default_directory(os.environ)


def _check(directory: Path, _: argparse.Namespace) -> int:
    path = directory / DATABASE
    faults = upkeep.check(path)
    for fault in faults:
        print(f"{path}: {fault}", file=sys.stderr)
    if not faults:
        print(f"{path} is sound")
    return 1 if faults else 0


def _backup(directory: Path, options: argparse.Namespace) -> int:
    size = upkeep.backup(directory / DATABASE, options.file)
    print(f"{options.file}: {_bytes(size)}")
    return 0


def _vacuum(directory: Path, _: argparse.Namespace) -> int:
    if not directory.is_dir():
        raise ArchiveError(f"there is no {directory}: nothing is kept there")
    locked = Directory.open(directory)  # a server that wrote would wait for minutes
    try:
        before, after = upkeep.vacuum(directory / DATABASE)
    finally:
        locked.close()
    print(f"{directory / DATABASE}: {_bytes(before)} before, {_bytes(after)} now")
    return 0


def _stats(directory: Path, _: argparse.Namespace) -> int:
    stats = upkeep.stats(directory / DATABASE)
    newer = ", of a newer trioserve than this" if upkeep.is_newer(stats.schema) else ""
    print(f"{directory / DATABASE}: {_bytes(stats.size)}, schema {stats.schema}{newer}")
    if stats.free:
        print(f"{_bytes(stats.free)} of it are free: vacuum gives them back")
    for table, count in stats.rows.items():
        print(f"{table}: {count}")
    if stats.last:
        print(f"the oldest message is of {stamp(stats.first, 'full', '')},")
        print(f"the newest of {stamp(stats.last, 'full', '')}")
    return 0


def _bytes(size: float) -> str:
    """How much that is, in three digits."""
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.3g} {_UNITS[unit]}" if unit else plural(int(size), "byte")


def _parser() -> argparse.ArgumentParser:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--data", metavar="DIR", help="where the server keeps its data")
    where.add_argument(
        "--config", type=Path, metavar="FILE", help="the configuration that says so, else"
    )
    parser = argparse.ArgumentParser(
        prog="trioserve db",
        description="Look after what a server keeps. But for vacuum, it may run meanwhile.",
    )
    actions = parser.add_subparsers(required=True, metavar="check|backup|vacuum|stats")
    check = actions.add_parser(
        "check", parents=[where], help="look for damage; exit with 1 if there is any"
    )
    check.set_defaults(act=_check)
    backup = actions.add_parser("backup", parents=[where], help="copy all of it to a file")
    backup.add_argument("file", type=Path, metavar="FILE", help="where there must be none yet")
    backup.set_defaults(act=_backup)
    vacuum = actions.add_parser(
        "vacuum", parents=[where], help="give back the room of what was taken out"
    )
    vacuum.set_defaults(act=_vacuum)
    stats = actions.add_parser("stats", parents=[where], help="count what is kept")
    stats.set_defaults(act=_stats)
    return parser
