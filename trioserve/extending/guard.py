"""What a plug-in's code raises, parted from what has to pass through it.

A plug-in must not end the server, whatever it raises: an exception, a group, a
SystemExit, another library's cancellation. What passes is our own cancellation.
"""

import math

import trio

from trioserve.errors import ChatError


def parted(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """Part what was raised into what is the plug-in's fault, and what has to pass.

    A `trio.Cancelled` passes only where somebody cancels: one that was caught and
    raised again later, when nobody does any more, would be taken by whatever
    nursery comes next for its own, which then ends without a word.
    """
    if isinstance(error, BaseExceptionGroup):
        passing, crash = error.split(_passes)
        return crash, passing
    return (None, error) if _passes(error) else (error, None)


def refusal_in(crash: BaseException) -> ChatError | None:
    """The first ChatError of what was raised, if there is one."""
    if isinstance(crash, ChatError):
        return crash
    if isinstance(crash, BaseExceptionGroup):
        found = (refusal_in(each) for each in crash.exceptions)
        return next((each for each in found if each is not None), None)
    return None


def lone(error: BaseException) -> BaseException:
    """What a group holds, if that is one exception."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _passes(error: BaseException) -> bool:
    if isinstance(error, trio.Cancelled):
        return trio.current_effective_deadline() == -math.inf
    return isinstance(error, KeyboardInterrupt | GeneratorExit)
