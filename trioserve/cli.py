"""The command line: arguments to a configuration, a configuration to a run."""

import argparse
import atexit
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import Final

import attrs
import trio

from trioserve import __version__, db
from trioserve.defaults import default_toml
from trioserve.edge.addresses import Address, TcpAddress, parse_address
from trioserve.errors import ConfigError
from trioserve.observe import logging_to
from trioserve.passwords import MAX_PASSWORD, check_password, hash_password
from trioserve.process import run
from trioserve.source import Source

LEVELS: Final = ("debug", "info", "warning", "error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server, check its configuration, or watch one that runs; return the exit code.

    0: all is well; 1: it cannot run; 2: the arguments or the configuration are wrong.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["top"]:
        return _top(arguments[1:])
    if arguments[:1] == ["db"]:
        return db.main(arguments[1:])
    options = _parser().parse_args(arguments)
    if options.defaults:
        print(default_toml(), end="")
        return 0
    if options.hash_password:
        return _hash_password()
    source = Source(
        options.config,
        tuple(options.listen or ()),
        tuple(options.telnet or ()),
        tuple(options.plugin),
        options.metrics,
        options.data,
    )
    try:
        config, context = source.read()
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    if options.check:
        print(f"{options.config or 'the default configuration'} is fine")
        return 0
    is_json = options.log_format == "json"
    with (
        logging_to(level=options.log_level.upper(), json=is_json),
        suppress(KeyboardInterrupt),
    ):
        # While it starts and ends, too. No SIG_IGN: what we start would inherit that.
        signal.signal(signal.SIGHUP, _pass_over)
        atexit.register(signal.signal, signal.SIGHUP, signal.SIG_IGN)  # Python takes ours back
        return trio.run(
            partial(run, config, context, source, strict=options.strict, repair=options.repair)
        )
    return 130  # Ctrl-C before the server was up


def _top(arguments: Sequence[str]) -> int:
    from trioserve import top  # the server needs nothing of it

    with suppress(KeyboardInterrupt):
        return top.main(arguments)
    return 130


def _hash_password() -> int:
    try:
        print(hash_password(check_password(_asked_password())))
    except UnicodeDecodeError:
        print("trioserve: the password is not UTF-8", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"trioserve: {error}", file=sys.stderr)
        return 2
    except EOFError:
        print("trioserve: no password", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _asked_password() -> str:
    """Ask twice at a terminal, or take one line from stdin; raises ValueError or EOFError."""
    if sys.stdin is None:  # a process that was started without one
        raise EOFError
    if not sys.stdin.isatty():
        line = sys.stdin.buffer.readline(2 * MAX_PASSWORD)  # enough to see that it is too long
        if not line:
            raise EOFError
        # Of one that is too long, what is left may end within a character.
        end = "replace" if len(line) > MAX_PASSWORD + len("\r\n") else "strict"
        return line.decode(errors=end).removesuffix("\n").removesuffix("\r")
    password = check_password(getpass("Password: "))
    if getpass("The same again: ") != password:
        raise ValueError("these were two passwords")
    return password


def _pass_over(number: int, frame: object) -> None:
    """Do nothing about a signal that would end the process."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trioserve",
        description="A chat server that anyone can nc or telnet into.",
        epilog="trioserve top [HOST:PORT] watches one that runs; trioserve db check, backup, "
        "vacuum and stats look after what is kept; see trioserve top --help, trioserve db --help.",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="read the configuration from this TOML file, and again upon SIGHUP",
    )
    parser.add_argument(
        "--listen",
        type=_address,
        action="append",
        metavar="HOST:PORT",
        help="listen here, on tls:HOST:PORT, or on unix:PATH; may be given more than once "
        "(default: 127.0.0.1:4000 and [::1]:4000; port 0: any free one)",
    )
    parser.add_argument(
        "--telnet",
        type=_telnet,
        action="append",
        metavar="HOST:PORT",
        help="listen here for telnet, whose line is then protected while others talk; "
        "may be given more than once (default, unless --listen is given: 127.0.0.1:4023 "
        "and [::1]:4023)",
    )
    parser.add_argument(
        "--check", action="store_true", help="check the configuration, print its faults, and exit"
    )
    parser.add_argument(
        "--data",
        type=_directory,
        metavar="DIR",
        help="keep what is said in this directory, or with :memory: nothing "
        "(default: the platform's data directory, such as ~/.local/share/trioserve)",
    )
    parser.add_argument(
        "--defaults",
        action="store_true",
        help="print every key of the configuration with its default, and exit",
    )
    parser.add_argument(
        "--hash-password",
        action="store_true",
        help="ask for a password, or read it from stdin, print its hash for the configuration's "
        "[operators], and exit",
    )
    parser.add_argument(
        "--log-level", choices=LEVELS, default="info", help="what goes to stderr (default: info)"
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="a line of text a record, or a JSON object (default: text)",
    )
    parser.add_argument(
        "--metrics",
        type=_address,
        metavar="HOST:PORT",
        help="answer HTTP here, or on unix:PATH: /metrics for Prometheus, /healthz, /snapshot "
        "(needs the extra metrics)",
    )
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="SOURCE",
        help="load a plug-in, FILE.py or package.module; may be given more than once",
    )
    parser.add_argument(
        "--strict", action="store_true", help="do not start without a plug-in that cannot be loaded"
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="check what is kept, and if it is damaged, move it aside and begin anew",
    )
    parser.add_argument("--version", action="version", version=f"trioserve {__version__}")
    return parser


def _telnet(text: str) -> TcpAddress:
    address = _address(text)
    if not isinstance(address, TcpAddress):
        raise argparse.ArgumentTypeError(f'expected HOST:PORT, got "{text}"')
    return attrs.evolve(address, telnet=True)


def _directory(text: str) -> str:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("expected a directory or :memory:")
    return text


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
