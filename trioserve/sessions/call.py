"""One call of a command, and what it asks its person."""

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import attrs
import trio

from trioserve.extending.plugin import Plugin

# Is called when a call has ended that has asked for secrets: with whether what was given is not
# what it wanted, so that more may be typed, and what was given.
OnSecrets = Callable[[bool, list[str]], None]


@attrs.define(eq=False)
class Question:
    """What the running command has asked; `answer` stays None when the input ends first."""

    is_secret: bool = False  # such as a password
    is_asked: bool = attrs.field(default=False, init=False)  # its person has been shown it
    answered: trio.Event = attrs.field(factory=trio.Event, init=False)
    answer: str | None = attrs.field(default=None, init=False)


@attrs.define(eq=False)
class Call:
    """Something that may wait, run for one person: a command, or a line through the filters."""

    name: str  # as its person knows it: "/roll"
    run: Callable[[], Awaitable[object]]
    plugin: Plugin | None
    timeout: float = math.inf  # seconds
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    question: Question | None = attrs.field(default=None, init=False)
    began: float = attrs.field(factory=trio.current_time, init=False)
    told: bool = attrs.field(default=False, init=False)  # that lines wait behind it
    secrets: list[str] = attrs.field(factory=list, init=False)  # that were given
    on_secrets: OnSecrets | None = attrs.field(default=None, init=False)
    # What it answers, nothing else does: it has not begun while another's is being read.
    answers: bool = attrs.field(default=False, init=False)
    # Its person has read enough of that, and knows that it is ended.
    is_enough: bool = attrs.field(default=False, init=False)

    def begin(self) -> None:
        """Note that the task that runs here is the call's, as are those that it starts."""
        _running.set(self)

    @property
    def is_here(self) -> bool:
        """Whether who asks is the call: a background task of its plug-in's is not."""
        return _running.get() is self

    @property
    def asked(self) -> Question | None:
        """The question that its person has been shown; None: there is none."""
        return self.question if self.question is not None and self.question.is_asked else None

    @contextmanager
    def asking(self, *, is_secret: bool) -> Iterator[Question]:
        """A question of the call's, until it is answered, or not wanted to be any more."""
        question = self.question = Question(is_secret)
        try:
            yield question
        finally:
            if self.question is question:
                self.question = None

    def answer(self, text: str) -> bool:
        """Give the question that is asked its answer; whether one is."""
        # Who is cancelled asks nothing any more, though its task may not know yet.
        if (question := self.asked) is None or self.scope.cancel_called:
            return False
        self.question = None
        question.answer = text
        if question.is_secret:
            self.secrets.append(text)
        question.answered.set()
        return True


_running: ContextVar[Call | None] = ContextVar("_running", default=None)
