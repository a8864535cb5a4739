"""Reminders."""

import textwrap
from datetime import timedelta

import trio

from trioserve import ChatError, Context, command

LONGEST = timedelta(days=7)
MOST = 10  # reminders that one person may wait for
COLUMNS = 76  # of a line, behind its "-- "


@command
def remind(ctx: Context, after: timedelta, *, text: str) -> None:
    """Be reminded of something: /remind 10m the tea is ready."""
    if after > LONGEST:
        raise ChatError(f"that is more than {LONGEST.days} days ahead")
    mine = ctx.store.of_member(ctx.member)
    if mine.setdefault("waiting", 0) >= MOST:
        raise ChatError(f"you wait for {MOST} reminders already, the most")
    ctx.background(_remind, ctx, after, text)
    mine["waiting"] += 1
    ctx.reply(f"in {after} you will be reminded, if you are still here")


async def _remind(ctx: Context, after: timedelta, text: str) -> None:
    await trio.sleep(after.total_seconds())
    ctx.store.of_member(ctx.member)["waiting"] -= 1
    # What is told to somebody who has left goes nowhere.
    ctx.reply(textwrap.fill(f"reminder: {text}", COLUMNS))
