"""What mentioned one while one was not there."""

from itertools import groupby
from typing import Final

from trioserve import ChatError, Context, command
from trioserve.archive.mentions import MOST
from trioserve.commands.reading import Last
from trioserve.wire.text import plural

SHOWN: Final = Last(20)  # mentions, without a word

NEVER_AWAY: Final = "you have not been away"
GUEST: Final = (
    f"{NEVER_AWAY}; what mentions you while you are gone is found for those with an account: "
    "/register first"
)


@command(cost=2)
async def mentions(ctx: Context, last: Last = SHOWN) -> None:
    """Show again what has mentioned you while you were away or gone.

    The last 20, or as many as you say, or those of a time: /mentions 50, /mentions 2d. With an
    account, also what was said before you logged in, or before the server was started anew.
    Nobody finds what was said in a private room while they were not in it.
    """
    if last.count < 1:
        raise ChatError("at least 1 message")
    if not ctx.member.absences:
        raise ChatError(NEVER_AWAY if ctx.member.account else GUEST)
    after = 0
    if last.time is not None:
        after = (ctx.broker.now_ns() - int(last.time.total_seconds() * 1e9)) // 1000
    found = await ctx.mentioned.within(ctx.member.absences, min(last.count, MOST), after)
    if not found:
        ctx.reply("nothing has mentioned you while you were away or gone")
        return
    ctx.divide(f"{plural(len(found), 'message')} that mentioned you, the last below")
    since = 0
    for name, messages in groupby(found, key=lambda each: each.room):
        room = ctx.world.rooms.get(name)
        ctx.divide(name if room is None else room.name)
        since = await ctx.replay(messages, since)
    ctx.divide("now")
