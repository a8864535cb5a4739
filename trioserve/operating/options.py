"""What the command line takes."""

import argparse
from pathlib import Path
from typing import Final

import attrs

from trioserve import __version__
from trioserve.edge.addresses import Address, TcpAddress, parse_address

LEVELS: Final = ("debug", "info", "warning", "error")


def parser() -> argparse.ArgumentParser:
    """Make what reads the arguments of the server itself."""
    parser = argparse.ArgumentParser(
        prog="trioserve",
        description="A chat server that anyone can nc or telnet into.",
        epilog="trioserve top [HOST:PORT] watches one that runs; trioserve db check, backup, "
        "vacuum and stats look after what is kept; see trioserve top --help, trioserve db --help.",
    )
    parser.add_argument("--version", action="version", version=f"trioserve {__version__}")
    _add_ways_in(parser.add_argument_group("where people come"))
    _add_what_it_runs_with(parser.add_argument_group("what it runs with"))
    _add_what_it_tells(parser.add_argument_group("what it tells"))
    _add_instead(parser.add_argument_group("in place of serving"))
    return parser


def _add_ways_in(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--listen",
        type=_address,
        action="append",
        metavar="HOST:PORT",
        help="listen here, on tls:HOST:PORT, or on unix:PATH; may be given more than once "
        "(default: 127.0.0.1:4000 and [::1]:4000; port 0: any free one)",
    )
    group.add_argument(
        "--telnet",
        type=_telnet,
        action="append",
        metavar="HOST:PORT",
        help="listen here for telnet, whose line is then protected while others talk; "
        "may be given more than once (default, unless --listen is given: 127.0.0.1:4023 "
        "and [::1]:4023)",
    )


def _add_what_it_runs_with(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--config",
        type=_file,
        metavar="FILE",
        help="read the configuration from this TOML file, and again upon SIGHUP",
    )
    group.add_argument(
        "--data",
        type=_directory,
        metavar="DIR",
        help="keep what is said in this directory, or with :memory: nothing "
        "(default: the platform's data directory, such as ~/.local/share/trioserve)",
    )
    group.add_argument(
        "--repair",
        action="store_true",
        help="check what is kept, and if it is damaged, move it aside and begin anew",
    )
    group.add_argument(
        "--plugin",
        type=_plugin,
        action="append",
        default=[],
        metavar="SOURCE",
        help="load a plug-in, FILE.py or package.module; may be given more than once",
    )
    group.add_argument(
        "--strict", action="store_true", help="do not start without a plug-in that cannot be loaded"
    )


def _add_what_it_tells(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--metrics",
        type=_address,
        metavar="HOST:PORT",
        help="answer HTTP here, or on unix:PATH: /metrics for Prometheus, /healthz, /snapshot "
        "(needs the extra metrics)",
    )
    group.add_argument(
        "--log-level", choices=LEVELS, default="info", help="what goes to stderr (default: info)"
    )
    group.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="a line of text a record, or a JSON object (default: text)",
    )


def _add_instead(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--check", action="store_true", help="check the configuration, print its faults, and exit"
    )
    group.add_argument(
        "--defaults",
        action="store_true",
        help="print every key of the configuration with its default, and exit",
    )
    group.add_argument(
        "--hash-password",
        action="store_true",
        help="ask for a password, or read it from stdin, print its hash for the configuration's "
        "[operators], and exit",
    )


def _telnet(text: str) -> TcpAddress:
    address = _address(text)
    if not isinstance(address, TcpAddress):
        raise argparse.ArgumentTypeError(f'expected HOST:PORT, got "{text}"')
    return attrs.evolve(address, telnet=True)


def _file(text: str) -> Path:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("expected a file")
    return Path(text)


def _plugin(text: str) -> str:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("expected FILE.py or package.module")
    return text


def _directory(text: str) -> str:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("expected a directory or :memory:")
    return text


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
