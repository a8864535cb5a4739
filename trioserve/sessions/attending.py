"""One person's terminal, attended to: the rooms know its screen, and it knows its member.

Also who sees to it that a client sends its keys one by one, or whole lines.
"""

from collections.abc import Callable
from typing import Final

import attrs
import trio

from trioserve.errors import ChatError
from trioserve.extending.declarations import Command
from trioserve.limits import TokenBucket
from trioserve.outbox import Outbox
from trioserve.requests import SetScreen
from trioserve.rooms.member import Member
from trioserve.sessions.completion import completions
from trioserve.sessions.intake import Intake
from trioserve.sessions.services import Services
from trioserve.terminal.terminal import Terminal
from trioserve.wire.happenings import CompletionWanted
from trioserve.wire.style import Screen

ANSWER: Final = 0.3  # seconds for a client to change to another mode
NO_KEYS: Final = "your client does not send its keys one by one: only a telnet does"
SCREENS: Final = (8.0, 4.0)  # changes of the screen that rooms are told of: at once, and a second


@attrs.define(eq=False)
class Attendant:
    """Lets the rooms, and a person's terminal, know what has become of the other."""

    member: Member
    outbox: Outbox
    intake: Intake
    services: Services
    notice: Callable[[str], None]  # shows the person a line
    permits: Callable[[Command], bool]  # whether the person may use a command
    is_urgent: Callable[[str], bool]  # whether a line need not wait for its turn
    is_being_answered: Callable[[], bool]  # whether a command may show more of its answer
    _awaits_keys: bool = attrs.field(default=False, init=False)  # of a client, since /rich
    _terminal: Terminal | None = attrs.field(default=None, init=False)  # that knows of us
    _screen: Screen = attrs.field(init=False)  # that the rooms know of
    _screens: TokenBucket = attrs.field(init=False)  # changes of it

    def __attrs_post_init__(self) -> None:
        self._screen = self.member.screen
        if self.intake.terminal is not None:
            self._serve(self.intake.terminal)

    def become(self, member: Member) -> None:
        """Attend to another member from now on."""
        self.member = member
        self._screen = member.screen
        if self.intake.terminal is not None:
            self.intake.terminal.belong_to(member)

    async def follow(self, terminal: Terminal) -> None:
        """Pass on what has changed; checkpoints only if the screen has."""
        if terminal is not self._terminal:
            self._serve(terminal)
        self._tell_keys(terminal)
        if terminal.screen != self._screen:
            # Each change has the member's rooms shown what is pending for all: not too often.
            delay = self._screens.delay(trio.current_time(), 1)
            if delay > 0:  # else nobody comes between: what they see next is of the new width
                await trio.sleep(delay)
            self._screens.take(trio.current_time(), 1)
            screen = terminal.screen
            await self.services.broker.say(self.member, SetScreen(screen))
            self._screen = screen  # only now: to tell may be cancelled

    async def use_keys(self, wanted: bool) -> None:
        """Change to character mode, or to line mode.

        Raises:
            ChatError: if the client does not go along.
        """
        if wanted and (self.member.json or self.member.look.spoken):
            other = "/format text" if self.member.json else "/screenreader off"
            raise ChatError(f"not with what you have chosen; first {other}")
        self._awaits_keys = False
        if not wanted and self.intake.terminal is None:
            return
        terminal = self.intake.open_terminal()
        if wanted:
            terminal.get_to_know()
        terminal.want_keys(wanted)
        with trio.move_on_after(ANSWER):
            await terminal.changed_to(wanted)
        self._check_keys(terminal, wanted)

    async def hides(self) -> bool:
        """Have the client not show what is typed; whether it says in time that it does so."""
        if self.intake.terminal is not None and self.intake.is_telnet:
            with trio.move_on_after(ANSWER):
                return await self.intake.terminal.hides()
        return False

    def _serve(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._screens = TokenBucket(*SCREENS)
        terminal.typist.complete = self._complete
        terminal.typist.is_urgent = self.is_urgent
        terminal.typist.is_being_answered = self.is_being_answered
        terminal.belong_to(self.member)

    def _complete(self, wanted: CompletionWanted) -> list[str]:
        commands = (each for each in self.services.plugins.registry if self.permits(each))
        return completions(wanted, self.member, self.services.broker.world, commands)

    def _check_keys(self, terminal: Terminal, wanted: bool) -> None:
        """Raises ChatError if the client has not done as wanted, or not yet."""
        if wanted and not (terminal.has_keys or terminal.client.refuses_keys):
            self._awaits_keys = True  # it may be far away; nobody waits for it
            self.outbox.write(b"\r")  # over what somebody sees who is half a telnet
            raise ChatError(
                "no answer from your client yet: only a telnet sends its keys one by one"
            )
        if terminal.has_keys != wanted:
            terminal.want_keys(False)
            self.outbox.write(b"\r")  # over what somebody sees who is half a telnet
            raise ChatError(NO_KEYS)

    def _tell_keys(self, terminal: Terminal) -> None:
        """Tell, once, what a client has answered that took its time."""
        if self._awaits_keys and (terminal.has_keys or terminal.client.refuses_keys):
            self._awaits_keys = False
            kept = "by now your client has answered: your line is kept apart; /plain ends that"
            self.notice(kept if terminal.has_keys else NO_KEYS)
