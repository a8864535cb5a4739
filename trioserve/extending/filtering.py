"""The filters that a message passes before anybody sees it, each with a guard around it."""

import inspect
import logging
from typing import TYPE_CHECKING

import attrs
import trio

from trioserve.errors import ChatError
from trioserve.extending.declarations import Filter
from trioserve.extending.guard import lone, parted, refusal_in
from trioserve.extending.plugin import timed
from trioserve.wire.text import clean

if TYPE_CHECKING:
    from trioserve.extending.context import Context  # which imports us

log = logging.getLogger(__name__)


async def passed(ctx: "Context", text: str) -> str:
    """The text as the filters let it pass; checkpoints only if one does.

    Raises:
        ChatError: if one refuses it.
    """
    for filter_, plugin in ctx.plugins.filters:
        # Of a plug-in that is removed meanwhile, the message passes.
        with trio.CancelScope() as scope, plugin.running_call(scope):
            text = await _passed_by(filter_, attrs.evolve(ctx, plugin=plugin), text)
    return text


async def _passed_by(filter_: Filter, ctx: "Context", text: str) -> str:
    plugin = ctx.plugin
    try:
        with plugin.held_loop():
            answer = filter_.function(ctx, text)
        if inspect.isawaitable(answer):
            answer = await timed(answer, plugin)
        text = text if answer is None else clean(answer)
        if not text or text.isspace():
            raise ChatError("nothing is left of that to be sent")
        return text
    except BaseException as error:  # noqa: ASYNC103  (see guard.parted)
        crash, passing = parted(error)
        if passing is not None or crash is None:
            raise
        if (refusal := refusal_in(crash)) is not None:
            raise refusal from None  # noqa: ASYNC104  (see guard.parted)
        # The message passes: a broken filter must not silence everybody.
        log.error("%s: a filter crashed", plugin.name, exc_info=lone(crash))
        plugin.count_error()
        return text  # noqa: ASYNC104  (see guard.parted)
