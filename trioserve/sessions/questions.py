"""What commands ask their person, and that no room reads an answer that is a secret.

A secret, such as a password, is typed by people who take anything for its question: they
type it ahead, once more when it was refused, or after the question has lapsed. What may
be one is never said then; each time its person is told.
"""

from collections.abc import Awaitable, Callable

import attrs

from trioserve.errors import InputEnded
from trioserve.messages import Asked
from trioserve.outbox import Outbox
from trioserve.sessions.calls import Calls
from trioserve.sessions.intake import Intake
from trioserve.wire.lines import Typed
from trioserve.wire.text import clean, plural


@attrs.define(eq=False)
class Questions:
    """The questions of one person's commands, one at a time."""

    outbox: Outbox
    intake: Intake
    calls: Calls
    hides: Callable[[], Awaitable[bool]]  # has the client not show what is typed; whether it does
    notice: Callable[[str], None]  # shows the person a line
    skip: Callable[[Typed], None]  # tells of what is no line, or a too long one
    resembles_secret: Callable[[str], bool]  # whether a line may have one behind its command

    async def ask(self, prompt: str, *, secret: bool) -> str:
        """Show a prompt and return the next line, be it typed ahead; never a secret.

        Raises:
            InputEnded: if there will be none.
        """
        with self.calls.asking(self._keep_secrets if secret else None) as question:
            try:
                if secret:
                    await self._prepare()
                self.intake.ask(Asked(prompt), self.calls.member.style(), secret=secret)
                question.is_asked = True
                if not secret and (line := self._typed_ahead()) is not None:
                    return line
                if not self.intake.ended:
                    await question.answered.wait()
            finally:
                self.intake.end_question(abandoned=question.answer is None)
        if question.answer is None:
            raise InputEnded("the input has ended before the answer")
        return question.answer

    def expect_secret(self) -> None:
        """Let nothing be said, should the running command be refused, that may be a secret."""
        self.calls.expect(self._keep_secrets)

    def withhold(self) -> None:
        """Say nothing that waits, or comes next, and is no command: it may be a secret."""
        self._keep_secrets(True, [])

    def ask_again(self) -> None:
        """Take no command for an answer (see `Conversation`)."""
        if self.intake.is_hiding:
            self.outbox.put(b"\r\n")  # the Enter was not shown
        self.notice("a command is no answer: type what is asked for, or /cancel")
        self.intake.ask_again(self.calls.member.style())

    async def _prepare(self) -> None:
        """Have nothing taken for the secret, or said, that was typed ahead, and hide it."""
        self._withhold_typed_ahead()
        is_hidden = await self.hides()
        self._withhold_typed_ahead()  # what came while the client took its time to answer
        if not is_hidden:
            if self.intake.is_telnet:
                self.outbox.write(b"\r")  # over what half a telnet shows of our asking
            if not self.calls.has_secret:  # else its person knows
                self.notice("your client will show what you type")

    def _withhold_typed_ahead(self) -> None:
        if count := self.intake.withhold_waiting():
            self.notice(f"{plural(count, 'line')} typed ahead not sent: a password may be there")

    def _keep_secrets(self, refused: bool, given: list[str]) -> None:
        """Let nothing be said, when the call has ended, that its person takes for the answer."""
        among = None if refused or self.intake.withholds_any else given
        if count := self.intake.withhold_waiting(among):
            self.notice(f"{plural(count, 'line')} not sent: the password may be there")
        self.intake.withhold_next(among)

    def _typed_ahead(self) -> str | None:
        """The first line that waits, if there is one."""
        while len(self.intake):
            typed = self.intake.pop()
            if not isinstance(typed, str):
                self.skip(typed)
            elif self.resembles_secret(text := clean(typed)):
                self.notice("a command typed ahead not sent: a password may be there")
            else:
                return text
        return None
