"""Who types at a terminal: what they are asked, and what it has to know of them."""

from collections.abc import Callable, Sequence

import attrs

from trioserve.rooms.member import Member
from trioserve.wire.happenings import CompletionWanted


@attrs.define(eq=False)
class Typist:
    """One person, as their terminal sees them."""

    # What a word can become, the likeliest first.
    complete: Callable[[CompletionWanted], Sequence[str]] = attrs.field(
        default=lambda _: (), init=False
    )
    # Whether keys are read: who cannot turn a page is shown the whole answer.
    is_heard: Callable[[], bool] = attrs.field(default=lambda: True, init=False)
    # Whether a command is still about to show more of its answer.
    is_being_answered: Callable[[], bool] = attrs.field(default=lambda: False, init=False)
    # How many lines wait, if too many for another; else 0.
    crowd: Callable[[], int] = attrs.field(default=lambda: 0, init=False)
    # Whether a line need not wait behind others.
    is_urgent: Callable[[str], bool] = attrs.field(default=lambda _: False, init=False)
    member: Member | None = attrs.field(default=None, init=False)  # since they have a name
    question: str | None = attrs.field(default=None, init=False)  # that they are asked
    is_secret: bool = attrs.field(default=False, init=False)  # its answer

    @property
    def room(self) -> object:
        """The room that what they say goes to, which the prompt names."""
        return self.member.room if self.member is not None else None

    @property
    def prompt(self) -> str:
        """What stands before what they type."""
        if self.question is not None:
            return self.question
        room = self.member.room if self.member is not None else None
        return f"{room.name}> " if room is not None else ""

    def has_to_wait(self, line: str) -> bool:
        """Whether too many lines wait for another one; answers and what is urgent never do."""
        return self.question is None and bool(self.crowd()) and not self.is_urgent(line)

    def ask(self, question: str, *, secret: bool) -> None:
        """Let what they type next be an answer."""
        self.question, self.is_secret = question, secret

    def end_question(self) -> None:
        """Let what they type be no answer any more."""
        self.question, self.is_secret = None, False
