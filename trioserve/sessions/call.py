"""One call of a command, and what it asks its person."""

import math
from collections.abc import Awaitable, Callable

import attrs
import trio

from trioserve.extending.plugin import Plugin


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
    # Called in the end, once it has asked for secrets: whether what was given is not what it
    # wanted, so that more may be typed, and what was given.
    on_secrets: Callable[[bool, list[str]], None] | None = attrs.field(default=None, init=False)
    # What it answers, nothing else does: it has not begun while another's is being read.
    answers: bool = attrs.field(default=False, init=False)
    # Its person has read enough of that, and knows that it is ended.
    is_enough: bool = attrs.field(default=False, init=False)
