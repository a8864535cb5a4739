"""People at real programs: nc, ncat and telnet, at a terminal of their own or in a pipe."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

import attrs
import pexpect
import pexpect.fdpexpect
import pytest

from tests.running import PATIENCE
from tests.screens import Viewer

HOST = "127.0.0.1"
WIDTH = 200  # columns of a terminal
PATH = f"{os.environ.get('PATH', '')}:/usr/games"  # where Debian has MUD clients


@attrs.define(eq=False)
class Person:
    """Somebody at a program, who types and sees.

    What was seen is seen: each `sees` looks behind what the last one found. At
    a terminal, what one types is on the screen as well.
    """

    pid: int
    ends_input: Callable[[], None]  # Ctrl-D at a terminal
    _keyboard: int  # a file descriptor
    _screen: Any  # pexpect's view of what the program prints (pexpect has no types)

    def types(self, *lines: str) -> None:
        """Type lines, all at once."""
        self.sends("".join(f"{line}\n" for line in lines).encode())

    def sends(self, data: bytes) -> None:
        """Send bytes: what a key sends, half a line, or no text at all."""
        while data:
            data = data[os.write(self._keyboard, data) :]

    def sees(self, text: str) -> str:
        """Wait for `text`, and return what stands before it and was not seen yet."""
        try:
            self._screen.expect_exact(text)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            raise AssertionError(f"{text!r} is not in {self._screen.before!r}") from error
        return str(self._screen.before)

    def sees_the_end(self) -> str:
        """Wait until the program has ended, and return what it printed until then."""
        try:
            self._screen.expect(pexpect.EOF)
        except pexpect.TIMEOUT:
            raise AssertionError(f"it goes on after {self._screen.before!r}") from None
        return str(self._screen.before)

    def presses_enter_until_the_end(self) -> None:
        """Press Enter, again if need be: a closed connection is noticed only in writing to it."""
        for _ in range(round(PATIENCE / 0.1)):
            self.types("")
            if self._screen.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=0.1) == 0:
                return
        raise AssertionError(f"it goes on after {self._screen.before!r}")

    def gives_the_name(self, nick: str) -> None:
        """Answer the first question, and see the first room."""
        self.sees("Your name? ")
        self.types(nick)
        self.sees("-- #lobby: ")
        self.sees(nick)
        self.sees("\n")


@attrs.define(eq=False)
class Street:
    """Where people sit down at programs; whoever still sits there at its end is sent home."""

    port: int
    _opened: ExitStack

    def at_terminal(self, program: str, *options: str) -> Person:
        """Run a program as at a terminal, where Ctrl-C is a key and a paste is typed."""
        spawned = pexpect.spawn(
            path_of(program),
            self._arguments(options),
            dimensions=(50, WIDTH),
            encoding="utf-8",
            timeout=PATIENCE,
            preexec_fn=heed_signals,
        )
        self._opened.callback(end, spawned)
        return Person(spawned.pid, spawned.sendeof, spawned.child_fd, spawned)

    def joins(self, nick: str, program: str, *options: str) -> Person:
        """Somebody at a terminal, once they have given this name."""
        person = self.at_terminal(program, *options)
        person.gives_the_name(nick)
        return person

    def at_screen(
        self, program: str, *options: str, columns: int = 80, rows: int = 24, term: str = "xterm"
    ) -> Viewer:
        """Run a program at a terminal of that size and type, whose screen can be looked at."""
        return self.runs_at_screen(
            program, *self._arguments(options), columns=columns, rows=rows, term=term
        )

    def runs_at_screen(
        self, program: str, *arguments: str, columns: int = 80, rows: int = 24, term: str = "xterm"
    ) -> Viewer:
        """The same with a program that is told elsewhere where to go."""
        spawned = pexpect.spawn(
            path_of(program),
            list(arguments),
            dimensions=(rows, columns),
            env={**os.environ, "TERM": term},
            preexec_fn=heed_signals,
        )
        self._opened.callback(end, spawned)
        return Viewer(spawned, columns, rows)

    def in_pipe(self, program: str, *options: str) -> Person:
        """Run a program as in a script, its input kept open."""
        return self.runs_in_pipe(program, *self._arguments(options))

    def runs_in_pipe(self, program: str, *arguments: str) -> Person:
        """The same with a program that is told elsewhere where to go."""
        process = subprocess.Popen(
            [path_of(program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self._opened.enter_context(process)
        self._opened.callback(process.kill)
        screen = pexpect.fdpexpect.fdspawn(process.stdout, encoding="utf-8", timeout=PATIENCE)
        return Person(process.pid, process.stdin.close, process.stdin.fileno(), screen)

    def runs(self, program: str, *options: str, typed: str) -> str:
        """Run a program as in ``printf … | program``, to its end; return what it printed."""
        done = subprocess.run(
            [path_of(program), *self._arguments(options)],
            input=typed.encode(),
            stdout=subprocess.PIPE,
            timeout=PATIENCE,
            check=True,
        )
        return done.stdout.decode()

    def bystander(self, nick: str = "eve") -> Person:
        """Somebody who is there and sees what the others do."""
        person = self.in_pipe("nc")
        person.gives_the_name(nick)
        return person

    def _arguments(self, options: tuple[str, ...]) -> list[str]:
        # A unix socket's path is an address already.
        return list(options) if "-U" in options else [*options, HOST, str(self.port)]


@contextmanager
def open_street(port: int) -> Iterator[Street]:
    with ExitStack() as opened:
        yield Street(port, opened)


def heed_signals() -> None:
    """Heed a Ctrl-C and a closed terminal, also where the tests were told not to: by nohup, or &.

    A program inherits which signals are ignored (POSIX, exec).
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def end(spawned: Any) -> None:
    """End a program at a terminal, at once: pexpect would ask it kindly, and give it time."""
    spawned.kill(signal.SIGKILL)
    spawned.wait()
    spawned.ptyproc.delayafterclose = 0
    spawned.close()


def path_of(program: str) -> str:
    """Find a program on this machine; without it the test is skipped, or fails if it must not."""
    # Of several makes of telnet, Debian's `telnet` may be any.
    wanted = ("inetutils-telnet", "telnet") if program == "telnet" else (program,)
    path = next(filter(None, (shutil.which(each, path=PATH) for each in wanted)), None)
    if path is None:
        missing(f"{program} is not installed")
    # The options of other makes mean other things.
    if program == "nc" and "OpenBSD" not in _usage_of(path):
        missing("nc is not OpenBSD's")
    return path


def _usage_of(path: str) -> str:
    shown = subprocess.run(
        [path, "-h"], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return shown.stdout + shown.stderr


def missing(reason: str) -> NoReturn:
    if "TRIOSERVE_REQUIRE_PROGRAMS" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)
