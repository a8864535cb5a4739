"""What a named person types: lines to say, commands to run, and what has to wait.

Theory of operation. The session's task reads, and handles each line before the
next. Neither a line that flood control holds back nor a command that runs (a
child task in the session's nursery) stops the reading: lines that come meanwhile
wait in the intake, up to a bound. Only urgent commands (/quit, /cancel) and
telnet's Ctrl-C jump that queue; the next line answers a question that the
running command has asked.
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import trio

from trioserve.context import Context
from trioserve.errors import ChatError, InputEnded
from trioserve.intake import Intake, Typed
from trioserve.limits import TokenBucket
from trioserve.messages import Asked, Noticed, Say, Settle
from trioserve.outbox import Outbox
from trioserve.registry import Command
from trioserve.rooms import Member
from trioserve.services import Ending, Services
from trioserve.wire.render import render
from trioserve.wire.telnet import Signal
from trioserve.wire.text import clean, plural

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class _Question:
    """What the running command has asked; `answer` stays None when the input ends first."""

    answered: trio.Event = attrs.field(factory=trio.Event, init=False)
    answer: str | None = attrs.field(default=None, init=False)


@attrs.define(eq=False)
class Conversation:
    """One person's lines, from the name they gave to the end of their input."""

    member: Member
    outbox: Outbox
    intake: Intake
    services: Services
    nursery: trio.Nursery  # the session's, where its commands run
    end: Callable[[Ending], None]
    _lines: TokenBucket | None = attrs.field(init=False)
    _renames: TokenBucket | None = attrs.field(default=None, init=False)
    _running: trio.CancelScope | None = attrs.field(default=None, init=False)  # the command
    _pause: trio.CancelScope | None = attrs.field(default=None, init=False)  # see _listen_until
    _question: _Question | None = attrs.field(default=None, init=False)
    _interrupted: bool = attrs.field(default=False, init=False)  # /cancel, or Ctrl-C
    _slowed: bool = attrs.field(default=False, init=False)  # told of flood control
    _unsettled: bool = attrs.field(default=False, init=False)  # said something, outcome unknown
    _quit: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        limits = self.services.limits
        self._lines = TokenBucket(limits.burst, limits.rate) if limits.flood_control else None

    async def run(self) -> None:
        """Handle lines until the input has ended or the person has quit.

        Raises:
            OSError: when the connection breaks.
            ProtocolError: when the peer sends what no chat client should.
        """
        while not self._quit:
            if len(self.intake):
                await self._handle(self.intake.pop())
            elif self.intake.ended:
                return
            else:
                typed = await self.intake.receive()
                if len(typed) == 1:
                    await self._handle(typed[0])
                else:
                    for each in typed:
                        self.intake.push(each)

    def stop(self) -> None:
        """Cancel the running command; it may take its time to go."""
        if self._running is not None:
            self._running.cancel()

    # ------------------------------------------------------------- one line

    async def _handle(self, typed: Typed) -> None:
        if isinstance(typed, Signal):
            self._signalled(typed)
        elif typed is None:
            self._notice(f"a line of more than {self.services.limits.max_line} bytes is not sent")
        elif (text := clean(typed)).startswith("/") and not text.startswith("//"):
            await self._command(text[1:])
        elif text and not text.isspace() and await self._allowed(1.0):
            # What the room sees and the terminal does not show, its author is shown too.
            echo = text is not typed or "\ufffd" in text or text[0] == "/"
            self._unsettled = True
            await self.services.broker.say(self.member, Say(text.removeprefix("/"), echo))

    async def _allowed(self, cost: float) -> bool:
        """Wait until flood control lets a line through; False if it is cancelled meanwhile."""
        now = self.member.active = trio.current_time()
        if self._lines is None:
            return True
        delay = self._lines.delay(now, cost)
        if delay > 0:
            self._tell_slowed()
            await self._read_on(now + delay)
            now = trio.current_time()
            if self._interrupted:
                self._interrupted = False
                return False
        self._lines.take(now, cost)
        return True

    def _tell_slowed(self) -> None:
        if not self._slowed:
            self._slowed = True
            rate = self.services.limits.rate
            self._notice(
                f"faster than {rate:g} lines a second: the rest follows at that pace; "
                "/cancel drops it"
            )

    def _signalled(self, signal: Signal) -> None:
        if signal is Signal.INTERRUPT:
            self.outbox.put(b"\r\n")  # behind the ^C that the terminal shows
            self.cancel()
        else:
            self._notice("yes, the server is here")

    # ------------------------------------------------- reading while we wait

    async def _read_on(self, deadline: float = math.inf) -> None:
        """Read until the deadline or until the pause is cancelled; what comes has to wait."""
        with trio.CancelScope(deadline=deadline) as self._pause:
            while not self.intake.ended:
                for typed in await self.intake.receive():
                    if not self._jumps(typed):
                        self.intake.push(typed)
            self._input_ended()
            await trio.sleep_forever()
        self._pause = None

    def _jumps(self, typed: Typed) -> bool:
        """Handle what need not wait for its turn, and say whether it was such a thing."""
        if isinstance(typed, Signal):
            self._signalled(typed)
            return True
        if typed is None:
            return False
        text = clean(typed)
        if text.startswith("/") and (command := self._urgent(text)) is not None:
            self._call(command, text)
            return True
        if self._question is not None:
            question, self._question = self._question, None
            question.answer = text
            question.answered.set()
            return True
        return False

    def _urgent(self, text: str) -> Command | None:
        try:
            command = self.services.registry.find(text[1:].partition(" ")[0])
        except ChatError:
            return None
        return command if command.urgent else None

    def _input_ended(self) -> None:
        if self._question is not None:
            self._question.answered.set()
        if self._running is not None:
            self._running.deadline = trio.current_time() + self.services.limits.grace

    # ------------------------------------------------------------- commands

    async def _command(self, line: str) -> None:
        try:
            command = self.services.registry.find(line.partition(" ")[0])
        except ChatError as error:
            if await self._allowed(1.0):
                self._notice(str(error))
            return
        if not await self._allowed(command.cost):
            return
        if self._unsettled:
            # A command sees the effects of all that was typed before it.
            self._unsettled = False
            await self.services.broker.call(self.member, Settle())
        if command.waits or (self.outbox.lagging and not command.urgent):
            self._running = trio.CancelScope()
            self.nursery.start_soon(self._perform, command, line, self._running)
            await self._read_on()
        else:
            self._call(command, line)

    def _call(self, command: Command, line: str) -> None:
        """Call a command that does not wait."""
        with self._guard(command):
            ctx = self._context()
            values, named = command.bind(line.partition(" ")[2], ctx)
            command.function(ctx, *values, **named)

    async def _perform(self, command: Command, line: str, scope: trio.CancelScope) -> None:
        """Run a command that may wait, as a task of its own."""
        with scope, self._guard(command):
            await self.outbox.below_soft()
            ctx = self._context()
            values, named = command.bind(line.partition(" ")[2], ctx)
            running = command.function(ctx, *values, **named)
            if running is not None:
                await running
        if scope.cancelled_caught:
            self._notice(f"/{command.name} is cancelled")
        self._running = self._question = None
        if self._pause is not None:
            self._pause.cancel()

    @contextmanager
    def _guard(self, command: Command) -> Iterator[None]:
        """Tell the caller what went wrong in a command; nobody else notices."""
        try:
            yield
        except ChatError as error:
            self._notice(str(error))
        except Exception:
            self.services.counters.crashes += 1
            log.exception("%s: /%s crashed", self.member.nick, command.name)
            self._notice(f"/{command.name} failed on the server; it has been logged")

    def _context(self) -> Context:
        services = self.services
        return Context(
            member=self.member,
            outbox=self.outbox,
            broker=services.broker,
            registry=services.registry,
            counters=services.counters,
            caller=self,
        )

    def _notice(self, text: str) -> None:
        self.outbox.put(render(Noticed(text), self.member.style()))

    # ------------------------------------------- what a command may do to us

    def quit(self, text: str) -> None:
        """End the session; lines that wait are not sent, and their number is told."""
        self._quit = True
        unsent = len(self.intake)
        farewell = f"goodbye; {plural(unsent, 'line')} not sent" if unsent else "goodbye"
        self.end(Ending("quit", text, farewell))

    def cancel(self) -> None:
        """Cancel the running command, or drop the lines that flood control holds back."""
        if self._running is not None:
            self._running.cancel()
        elif self._pause is not None:
            dropped = 1 + len(self.intake)  # one is in hand
            while len(self.intake):
                self.intake.pop()
            self._interrupted = True
            self._pause.cancel()
            self._notice(f"{plural(dropped, 'line')} not sent")
        else:
            self._notice("nothing is running; /quit to leave")

    async def ask(self, prompt: str) -> str:
        """Show a prompt and return the next line, be it typed ahead.

        Raises:
            InputEnded: if there will be none.
        """
        if self._question is not None:
            raise RuntimeError("a command may ask one question at a time")
        self.outbox.put(render(Asked(prompt), self.member.style()))
        while len(self.intake):
            if isinstance(typed := self.intake.pop(), str):
                return clean(typed)
        if not self.intake.ended:
            question = self._question = _Question()
            try:
                await question.answered.wait()
            finally:
                self._question = None
            if question.answer is not None:
                return question.answer
        raise InputEnded("the input has ended before the answer")

    def may_rename(self) -> bool:
        """Take one of the few renames that a person has within a time."""
        limits = self.services.limits
        if self._renames is None:
            self._renames = TokenBucket(limits.renames, limits.renames / limits.renames_within)
        now = trio.current_time()
        if self._renames.delay(now, 1) > 0:
            return False
        self._renames.take(now, 1)
        return True
