"""What one is shown: earlier messages, and what one would rather not see."""

import math
from datetime import timedelta
from typing import Final, Literal

import attrs

from trioserve import ChatError, Context, command, converter
from trioserve.archive.history import NEVER, Span
from trioserve.archive.retention import Bounds, Retain
from trioserve.extending.converters import converter_for
from trioserve.state.sights import span_for
from trioserve.wire.spans import exact
from trioserve.wire.text import plural

MOST: Final = 10_000  # messages that are shown again at one's word
MAX_DIGITS: Final = 15  # of a number, which SQLite has to hold
PAGE: Final = 100  # messages that are read at once


@attrs.frozen
class Last:
    """How far back somebody wants to see: so many messages, or so much time."""

    count: int = MOST
    time: timedelta | None = None


@converter
def _last(word: str, ctx: Context) -> Last:
    """A number of messages, or a time such as 2h."""
    if word.isdecimal() and word.isascii() and len(word) < MAX_DIGITS:
        return Last(int(word))
    time: timedelta = converter_for(timedelta).convert(word, ctx)
    return Last(time=time)


@converter
def _bounds(word: str, ctx: Context) -> Bounds:
    """A number of messages, a time such as 30d, or all."""
    if word.lower() in ("all", "off"):
        return Bounds()
    last = _last(word, ctx)
    if last.time is None:
        return Bounds(most=last.count)
    return Bounds(seconds=math.ceil(last.time.total_seconds()))


@command
async def history(ctx: Context, last: Last = Last(20)) -> None:
    """Show the last messages of the current room again.

    As many as you say, or those of a time: /history 50, /history 2h.
    """
    if last.count < 1:
        raise ChatError("at least 1 message")
    room = ctx.room
    after = 0
    if last.time is not None:
        after = (ctx.broker.now_ns() - int(last.time.total_seconds() * 1e9)) // 1000
    count = min(last.count, MOST)
    held = room.shown_to(ctx.member, after)[-count:]
    first = room.history[0].id if room.history else NEVER
    span = span_for(ctx.member, room, count - len(held), after=after, before=first)
    begin, older = await ctx.past.bounds(span) if span.count else (0, 0)
    if not older + len(held):
        when = " lately" if last.time is not None else " yet"
        raise ChatError(f"nothing has been said in {room.name}{when}")
    ctx.divide(f"last {plural(older + len(held), 'message')} in {room.name}")
    since = await _replay_older(ctx, attrs.evolve(span, after=begin - 1)) if older else 0
    await ctx.replay(held, since)
    ctx.divide("now")


async def _replay_older(ctx: Context, span: Span) -> int:
    """Show what the room itself does not hold any more, page by page; return the last id."""
    since = 0
    while page := await ctx.past.page(attrs.evolve(span, count=PAGE)):
        since = await ctx.replay(page, since)
        span = attrs.evolve(span, after=page[-1].id)
    return since


@command
async def retention(ctx: Context, last: Bounds | None = None) -> None:
    """Show how long what is said in the room is kept, or let it be kept for less.

    So many messages, or so much time: /retention 1000, /retention 30d; /retention all lifts
    what was set here. For the room's owner, of what has been said since the room is theirs; and for
    operators, of all that is kept. What is beyond is taken out for good, within minutes.
    """
    room = ctx.room
    if not ctx.past.archive.keeps_talk:
        raise ChatError("what is said here ends with the server")
    if last is not None:
        if ctx.world.owner(room) is not ctx.member and not ctx.member.is_operator:
            raise ChatError(f"only the owner of {room.name} and operators set that")
        since = 0 if ctx.member.is_operator else room.owned_since
        await ctx.past.journal.keep(Retain(room.name, last, since))
    own, has_older = await ctx.past.bounds_of(room.name)
    older = "; what is older, from before its owner's time, stays as it was" if has_older else ""
    ctx.reply(f"{room.name} keeps {_bounds_text(ctx.retention.bounds.within(own))}{older}")


def _bounds_text(bounds: Bounds) -> str:
    parts = []
    if bounds.most:
        parts.append(f"the last {plural(bounds.most, 'message')}")
    if bounds.seconds:
        parts.append(f"what was said within {exact(bounds.seconds)}")
    return ", and of those ".join(parts) or "all that is said"


@command
async def missed(ctx: Context) -> None:
    """Show what was skipped because you did not read."""
    if not await ctx.replay_missed():
        ctx.reply("you have missed nothing")


@command
async def ignore(ctx: Context, nick: str = "") -> None:
    """Hide what somebody says, in rooms or to you alone.

    Without a name, show whom you ignore. Who sends you a private message is
    told that you ignore them: nothing is dropped in silence.
    """
    if nick:
        await ctx.ignore(nick)
        ctx.reply(f"you see no more of what {nick} says; /unignore {nick} ends that")
    else:
        ignored = sorted((ctx.member.ignored or {}).values())
        ctx.reply(f"you ignore {', '.join(ignored) or 'nobody'}")


@command
async def unignore(ctx: Context, nick: str) -> None:
    """Show again what somebody says."""
    await ctx.unignore(nick)
    ctx.reply(f"you see what {nick} says again")


@command
async def quiet(ctx: Context, hide: bool = True) -> None:
    """Hide who joins and leaves; /quiet off shows it."""
    await ctx.set_quiet(hide)
    ctx.reply(f"who joins and leaves is {'not shown' if hide else 'shown'}")


@command(name="format")
async def format_(ctx: Context, kind: Literal["text", "json"]) -> None:
    """Show everything as text, or as JSON for programs.

    JSON comes as one object a line: kind, id, room, nick, text, time. You are
    shown what you say yourself, too.
    """
    await ctx.set_json(kind == "json")
    ctx.reply(f"the format is {kind} now")


@command
async def rich(ctx: Context) -> None:
    """Keep the line that you type apart from what comes in; for telnet.

    You edit it as in a shell: arrows, ^A ^E ^K ^U ^W ^Y, Tab to complete, up
    and down through your own lines. A telnet at the port for telnet has that
    from the beginning.
    """
    await ctx.use_keys(True)
    ctx.reply("the line that you type is kept apart; /plain ends that")


@command
async def plain(ctx: Context) -> None:
    """Let your own terminal edit the line that you type; /rich ends that."""
    await ctx.use_keys(False)
    ctx.reply("your terminal edits what you type; /rich keeps it apart from what comes in")
