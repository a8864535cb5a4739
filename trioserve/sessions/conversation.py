"""What a named person types: lines to say, commands to run, and what has to wait.

Theory of operation. The session's task reads, and handles each line before the
next. Neither a line that flood control holds back nor a command that runs (a
child task in the session's nursery) stops the reading: lines that come meanwhile
wait in the intake, up to a bound. Only urgent commands (/quit, /cancel) and
telnet's Ctrl-C jump that queue; the next line answers a question that the
running command has asked.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import attrs
import trio

from trioserve.errors import ChatError
from trioserve.extending.declarations import Command
from trioserve.limits import TokenBucket
from trioserve.messages import Noticed
from trioserve.outbox import Outbox
from trioserve.requests import Say, Settle
from trioserve.rooms.member import Member
from trioserve.sessions.attending import Attendant
from trioserve.sessions.calls import Calls
from trioserve.sessions.intake import Intake
from trioserve.sessions.questions import Questions
from trioserve.sessions.services import CatchingUp, Ending, Services
from trioserve.wire.lines import Typed
from trioserve.wire.render import render
from trioserve.wire.telnet import Signal
from trioserve.wire.text import clean, plural

FULL: Final = 60.0  # seconds that a command may run on while no more lines can wait for it


@attrs.define(eq=False)
class Conversation:
    """One person's lines, from the name they gave to the end of their input."""

    member: Member
    outbox: Outbox
    intake: Intake
    services: Services
    nursery: trio.Nursery  # the session's, where its commands run
    end: Callable[[Ending], None]
    _calls: Calls = attrs.field(init=False)
    _lines: TokenBucket | None = attrs.field(init=False)
    _renames: TokenBucket | None = attrs.field(default=None, init=False)
    _pause: trio.CancelScope | None = attrs.field(default=None, init=False)  # see _read_on
    _interrupted: bool = attrs.field(default=False, init=False)  # what waited has been dropped
    _asked_again: bool = attrs.field(default=False, init=False)  # since something was read
    # Lines wait among which a /cancel may be, as may those from before there was a name.
    _unlooked: bool = attrs.field(default=True, init=False)
    _slowed: bool = attrs.field(default=False, init=False)  # told of flood control
    _unsettled: bool = attrs.field(default=False, init=False)  # said something, outcome unknown
    _quit: bool = attrs.field(default=False, init=False)
    _questions: Questions | None = attrs.field(default=None, init=False)  # that were asked
    _attendant: Attendant | None = attrs.field(default=None, init=False)  # to the terminal

    def __attrs_post_init__(self) -> None:
        limits = self.services.limits
        self._lines = TokenBucket(limits.burst, limits.rate) if limits.flood_control else None
        self._calls = Calls(
            self.member, self.outbox, self.services, self, self.nursery, self._end_pause
        )
        if self.intake.terminal is not None:
            self._attend()

    async def run(self, first: CatchingUp | None = None) -> None:
        """Handle lines until the input has ended or the person has quit.

        Args:
            first: what they are shown before any is handled; those that come wait.

        Raises:
            OSError: when the connection breaks.
            ProtocolError: when the peer sends what no chat client should.
        """
        if first is not None:
            self._calls.start_showing(first)
            await self._read_on()
        while not self._quit:
            if len(self.intake):
                await self._handle(self.intake.pop())
            elif self.intake.ended:
                return
            else:
                typed = await self.intake.receive()
                if (terminal := self.intake.terminal) is not None:
                    await (self._attendant or self._attend()).follow(terminal)
                if len(typed) == 1:
                    await self._handle(typed[0])
                else:
                    for each in typed:
                        self.intake.push(each)
                    self._unlooked = True

    def stop(self) -> None:
        """Cancel the running command; it may take its time to go."""
        self._calls.cancel()

    @property
    def is_busy(self) -> bool:
        """Whether a command runs, maybe one that is about to go."""
        return self._calls.is_running

    async def stopped(self) -> None:
        """Wait until no command runs any more; checkpoints. The caller has a deadline."""
        await self._calls.finished()

    def become(self, member: Member) -> None:
        """Speak for another member from now on."""
        self.member = self._calls.member = member
        if self._attendant is not None:
            self._attendant.become(member)

    # ------------------------------------------------------------- one line

    async def _handle(self, typed: Typed) -> None:
        if isinstance(typed, Signal):
            self._signalled(typed)
        elif typed is None:
            if self._passes(1.0) or await self._held(1.0):
                self._tell_too_long()
        elif (text := clean(typed)).startswith("/") and not text.startswith("//"):
            await self._command(text[1:])
        elif text and not text.isspace() and (self._passes(1.0) or await self._held(1.0)):
            if text[0] == " " and self._resembles_secret(text.lstrip()):
                self._notice("not said: a blank stands before the /, and maybe a password behind")
                self._asking().withhold()
                return
            # What the room sees and the terminal does not show, its author is shown too.
            echo = text is not typed or "\ufffd" in text or text[0] == "/"
            text = text.removeprefix("/")
            if self.services.plugins.filters:
                self._calls.start_sending(partial(self._send_filtered, text, echo))
                await self._read_on()
            else:
                self._unsettled = True
                await self.services.broker.say(self.member, Say(text, echo))

    async def _send_filtered(self, text: str, echo: bool) -> None:
        passed = await self._calls.filtered(text)
        self._unsettled = True
        await self.services.broker.say(self.member, Say(passed, echo or passed != text))

    async def _command(self, line: str) -> None:
        meant = self.services.plugins.registry.match(line)
        cost = 1.0 if meant is None else meant.cost
        if not (self._passes(cost) or await self._held(cost)):
            return
        if self._unsettled:
            # A command sees the effects of all that was typed before it.
            self._unsettled = False
            with suppress(ChatError):  # it crashed; the broker has logged it
                await self.services.broker.call(self.member, Settle())
        try:
            # Only now, and nothing waits behind it: a plug-in may be loaded anew meanwhile.
            command, rest = self.services.plugins.registry.find(line)
        except ChatError as error:
            self._notice(str(error))
            if self._resembles_secret(f"/{line}"):
                self._asking().withhold()
            return
        if command.waits or (self.outbox.holds_up and not command.urgent):
            self._calls.start(command, rest)
            await self._read_on()
        else:
            self._calls.call(command, rest)
            # Others come first, or a packet full of commands would hold up everybody.
            await trio.lowlevel.checkpoint()

    def _passes(self, cost: float) -> bool:
        """Whether flood control lets a line through at once, as it nearly always does."""
        now = self.member.active = trio.current_time()
        if self._lines is None:
            return True
        if self._lines.delay(now, cost) > 0:
            return False
        self._lines.take(now, cost)
        return True

    async def _held(self, cost: float) -> bool:
        """Wait until flood control lets a line through; False if it is dropped meanwhile."""
        assert self._lines is not None
        self._tell_slowed()
        self._interrupted = False
        self.intake.is_holding = True
        await self._read_on(self.member.active + self._lines.delay(self.member.active, cost))
        self.intake.is_holding = False
        if self._interrupted:
            return False
        self._lines.take(trio.current_time(), cost)
        return True

    def _signalled(self, signal: Signal) -> None:
        if signal is Signal.INTERRUPT:
            if not (self.member.json or self.intake.has_keys):
                self.outbox.put(b"\r\n")  # behind the ^C that the terminal shows
            self.cancel()
        elif signal is Signal.ENOUGH:
            self._calls.cancel_answer()
            self.outbox.resume()
        elif signal is Signal.WITHHELD:
            self._notice(
                "not said: it may be a password, and none is asked for now; "
                "what else you type is said"
            )
        else:
            self._notice("yes, the server is here")

    # ------------------------------------------------- reading while we wait

    async def _read_on(self, deadline: float = math.inf) -> None:
        """Read until the deadline or until the pause is ended; what comes has to wait."""
        with trio.CancelScope(deadline=deadline) as self._pause:
            self._obey_waiting_cancel()
            while not self.intake.ended:
                await self._make_room()
                # Then a terminal's keys make urgent lines alone.
                was_full = self.intake.is_full and self.intake.has_keys
                typed = await self.intake.receive()
                self._asked_again = False
                for each in typed:
                    if not self._jumps(each, alone=len(typed) == 1 or was_full):
                        self.intake.push(each)
                        self._calls.tell_waiting()
                # Last, for the pause may end in it: what has come must not go with it.
                if (terminal := self.intake.terminal) is not None:
                    await (self._attendant or self._attend()).follow(terminal)
            self._calls.end_input()
            await trio.sleep_forever()
        self._pause = None
        if (terminal := self.intake.terminal) is not None:
            await (self._attendant or self._attend()).follow(terminal)

    def _end_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()

    def _obey_waiting_cancel(self) -> None:
        """Let a /cancel or a Ctrl-C jump that came in one packet with what it is to end.

        What is read while others wait has been looked at (see `_jumps`), and the rest is once:
        thousands of lines may wait, and each that is held back comes here.
        """
        if not self._unlooked:
            return
        dropped = self.intake.take_first(self._is_cancel, keep_others=self._calls.is_running)
        self._unlooked = dropped is not None
        if dropped is not None and not self._calls.cancel():
            self._drop_held(dropped)

    def _is_cancel(self, typed: Typed) -> bool:
        if isinstance(typed, Signal):
            return typed is Signal.INTERRUPT
        command = self._urgent(typed) if typed is not None else None
        return command is not None and command.name == "cancel"

    async def _make_room(self) -> None:
        """End a command that runs on while no more lines can wait: else /cancel is never read."""
        if self._calls.is_running and self.intake.is_full and not self.intake.has_keys:
            with trio.move_on_after(FULL) as waited:
                await self.intake.may_read()
            if waited.cancelled_caught:
                self._notice(f"{self.intake.max_waiting} bytes of lines have waited too long")
                self._calls.cancel()

    def _jumps(self, typed: Typed, *, alone: bool) -> bool:
        """Handle what need not wait for its turn, and say whether it was such a thing.

        A /quit that comes in one packet with other lines is a script's last
        line: it waits behind them.
        """
        if isinstance(typed, Signal):
            self._signalled(typed)
            return True
        if typed is None:
            return False
        command = self._urgent(typed)
        if command is not None and (alone or command.name == "cancel"):
            self._calls.call(command, clean(typed)[1:].partition(" ")[2])
            return True
        text = clean(typed)
        if self._questions is not None and text.startswith("/"):
            if self._asked_again:  # once a packet: to find what resembles a word takes 0.7 ms
                return False
            if self._is_no_answer(text):
                self._asked_again = True
                self._questions.ask_again()
                return True
        return self._calls.answer(text)

    def _is_no_answer(self, text: str) -> bool:
        """Whether a line that comes while something is asked is a command that should not be.

        Any, of a secret, which would come behind it, for the room to read; else one with which
        a secret may come, that whoever asks may let the room read.
        """
        if (question := self._calls.asked) is None:
            return False
        if question.is_secret:
            return self.services.plugins.registry.match(text[1:]) is not None
        return self._resembles_secret(text)

    def _resembles_secret(self, text: str) -> bool:
        """Whether a line is a command that asks for a secret, or would be one but for a letter."""
        is_command = text.startswith("/") and not text.startswith("//")
        return is_command and self.services.plugins.registry.resembles_secret(text[1:])

    def _urgent(self, typed: str) -> Command | None:
        if not typed.startswith("/"):
            return None
        command = self.services.plugins.registry.match(clean(typed)[1:])
        return command if command is not None and command.urgent else None

    # --------------------------------------------------- what the person is told

    def _tell_slowed(self) -> None:
        if not self._slowed:
            self._slowed = True
            rate = self.services.limits.rate
            self._notice(
                f"faster than {rate:g} lines a second: the rest follows at that pace; "
                "/cancel drops it"
            )

    def _tell_too_long(self) -> None:
        self._notice(f"a line of more than {self.services.limits.max_line} bytes is not sent")

    def _attend(self) -> Attendant:
        """Begin to attend to the terminal; an idle connection without one keeps little."""
        if self._attendant is None:
            self._attendant = Attendant(
                self.member,
                self.outbox,
                self.intake,
                self.services,
                self._notice,
                self._calls.permits,
                lambda typed: self._urgent(typed) is not None,
                lambda: self._calls.is_answering,
            )
        return self._attendant

    def _notice(self, text: str) -> None:
        self.outbox.put(render(Noticed(text), self.member.style()))

    # ------------------------------------------- what a command may do to us

    @property
    def peer(self) -> str:
        """The other end's address as a log shows it."""
        return self.intake.transport.peer

    @property
    def is_private(self) -> bool:
        """Whether nobody between can read along."""
        return self.intake.transport.is_private

    def quit(self, text: str) -> None:
        """End the session; lines that wait are not sent, and their number is told."""
        self._quit = True
        self.end(Ending("quit", text=text, farewell="goodbye"))

    def cancel(self) -> None:
        """Cancel the running command, or drop the lines that flood control holds back."""
        if self._calls.cancel():
            self.intake.end_question()  # by its person, who is typing no answer to it
            return
        if self.intake.is_holding and not self._interrupted:
            self._drop_held(self.intake.clear())
        else:
            self._notice("nothing is running; /quit to leave")

    def _drop_held(self, waiting: int) -> None:
        """Drop the line that flood control holds back; `waiting` others have been already."""
        self._interrupted = True
        self._notice(f"{plural(1 + waiting, 'line')} not sent")
        self._end_pause()

    async def use_keys(self, wanted: bool) -> None:
        """Change to character mode, or to line mode; raises ChatError if the client does not."""
        await self._attend().use_keys(wanted)

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        """Show a prompt and return the next line, be it typed ahead; never a secret.

        Raises:
            InputEnded: if there will be none.
        """
        return await self._asking().ask(prompt, secret=secret)

    def expect_secret(self) -> None:
        """Let nothing be said, should the running command be refused, that may be a secret."""
        self._asking().expect_secret()

    def _asking(self) -> Questions:
        """What asks for commands; most people are never asked anything."""
        if self._questions is None:
            self._questions = Questions(
                self.outbox,
                self.intake,
                self._calls,
                lambda: self._attend().hides(),
                self._notice,
                self._skip,
                self._resembles_secret,
            )
        return self._questions

    def _skip(self, typed: Typed) -> None:
        if isinstance(typed, Signal):
            self._signalled(typed)
        else:
            self._tell_too_long()

    def permits(self, command: Command) -> bool:
        """Whether the person may use a command here and now."""
        return self._calls.permits(command)

    async def resume(self, words: str) -> None:
        """Be the member whose words these are; raises ChatError if they are nobody's."""
        rest = await self.services.resume(self.member, words, self.outbox)
        if rest is not None:
            await rest()

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
