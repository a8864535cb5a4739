"""The command line: arguments to a configuration, a configuration to a run."""

import atexit
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from getpass import getpass

import trio

from trioserve.accounts.passwords import MAX_PASSWORD, check_password, hash_password
from trioserve.configuration.defaults import default_toml
from trioserve.configuration.source import Source
from trioserve.errors import ConfigError
from trioserve.observe import logging_to
from trioserve.operating.options import parser
from trioserve.operating.process import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server, check its configuration, or watch one that runs; return the exit code.

    0: all is well; 1: it cannot run; 2: the arguments or the configuration are wrong.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["top"]:
        return _top(arguments[1:])
    if arguments[:1] == ["db"]:
        from trioserve.operating import db  # the server needs nothing of it

        return db.main(arguments[1:])
    options = parser().parse_args(arguments)
    if options.defaults:
        print(default_toml(), end="")
        return 0
    if options.hash_password:
        return _hash_password()
    source = _source(options)
    try:
        config, context = source.read()
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    if options.check:
        print(f"{options.config or 'the default configuration'} is fine")
        return 0
    running = partial(run, config, context, source, strict=options.strict, repair=options.repair)
    level, is_json = options.log_level.upper(), options.log_format == "json"
    with logging_to(level=level, json=is_json), suppress(KeyboardInterrupt):
        # While it starts and ends, too. No SIG_IGN: what we start would inherit that.
        signal.signal(signal.SIGHUP, _pass_over)
        atexit.register(signal.signal, signal.SIGHUP, signal.SIG_IGN)  # Python takes ours back
        return trio.run(running)
    return 130  # Ctrl-C before the server was up


def _source(options: Namespace) -> Source:
    return Source(
        options.config,
        tuple(options.listen or ()),
        tuple(options.telnet or ()),
        tuple(options.plugin),
        options.metrics,
        options.data,
    )


def _top(arguments: Sequence[str]) -> int:
    from trioserve.operating import top  # the server needs nothing of it

    with suppress(KeyboardInterrupt):
        return top.main(arguments)
    return 130


def _hash_password() -> int:
    try:
        print(hash_password(_asked_password()))
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
        return check_password(line.decode(errors=end).removesuffix("\n").removesuffix("\r"))
    password = check_password(getpass("Password: "))
    if getpass("The same again: ") != password:
        raise ValueError("these were two passwords")
    return password


def _pass_over(number: int, frame: object) -> None:
    """Do nothing about a signal that would end the process."""
