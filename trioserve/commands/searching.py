"""Finding what was said."""

import re
from datetime import timedelta
from typing import Final

import attrs

from trioserve import ChatError, Context, command
from trioserve.archive.search import MAX_FOUND, Search
from trioserve.extending.converters import converter_for
from trioserve.messages import Message, Told, TopicSet
from trioserve.names import check_nick, check_room, fold
from trioserve.state.sights import hides, refusal_of_private, sight_for
from trioserve.wire.text import plural

# Only at the end, and only where they are what they look like: else they are words as others.
_CLAUSE: Final = re.compile(r"(?:(.*)\s)?(in\s+#\S+|from\s+\S+|since\s+[0-9]\S*)", re.DOTALL)


@command(cost=3)
async def search(ctx: Context, *, words: str = "") -> None:
    """Find what was said: all of the words, in any order.

    Words in quotes are found as they stand. Behind them, in #room, from nick, and
    since 2w make it narrower: /search "green build" in #dev from ann since 2w.
    Rooms that were private are searched for those alone who were there, and private messages
    for the two alone who exchanged them, under the account by which they were logged in.
    """
    if not words:
        raise ChatError("search for what? As in /search tea, or /search tea in #dev since 2w")
    wanted = _parsed(words, ctx)
    room = ctx.world.rooms.get(wanted.room)
    if room is not None and hides(room, ctx.member):
        raise ChatError(refusal_of_private(room))
    found = [
        each
        for each in await ctx.past.find(wanted, sight_for(ctx.member, ctx.world.rooms))
        if not ctx.ignores(each.event)
    ]
    if not found:
        ctx.reply(f"nothing found{_doubt(wanted, ctx)}")
        return
    more = "the last " if len(found) == MAX_FOUND else ""
    ctx.divide(f"{more}{plural(len(found), 'message')} found, the newest first")
    shown: set[int] = set()
    for each in found:
        context = [each.before, each.event, each.behind]
        events = [event for event in context if event is not None and event.id not in shown]
        if not any(event.id == each.event.id for event in events):
            continue  # beside one that is shown already
        shown.update(event.id for event in events)
        ctx.divide(_where(each.event, ctx))
        await ctx.replay(events)
    ctx.divide("now")


def _doubt(wanted: Search, ctx: Context) -> str:
    """What may be mistyped where nothing was found; both may be of what was said long ago."""
    if wanted.room and wanted.room not in ctx.world.rooms:
        return f"; there is no room {wanted.room} at the moment"
    nick = wanted.nick
    if nick and fold(nick) not in ctx.world.members and not ctx.accounts.is_kept(nick):
        return f"; there is no {nick} at the moment"
    return ""


def _where(event: Message | TopicSet | Told, ctx: Context) -> str:
    if isinstance(event, Told):
        other = event.recipient if event.sender == "you" else event.sender
        return f"privately, with {other}"
    room = ctx.world.rooms.get(event.room)
    return event.room if room is None else room.name


def _parsed(text: str, ctx: Context) -> Search:
    """What somebody typed; raises ChatError where it cannot be meant."""
    wanted = Search(text)
    while (match := _CLAUSE.fullmatch(wanted.text.strip())) is not None:
        clause, word = match[2].split(maxsplit=1)
        rest = match[1] or ""
        if rest.count('"') % 2:  # within quotes
            break
        match clause:
            case "in":
                wanted = attrs.evolve(wanted, text=rest, room=fold(check_room(word)))
            case "from":
                wanted = attrs.evolve(wanted, text=rest, nick=check_nick(word))
            case _:
                wanted = attrs.evolve(wanted, text=rest, since=_ago(word, ctx))
    if not wanted.text.strip():
        raise ChatError(f"search for a word, too: /search tea {text.strip()}")
    return wanted


def _ago(word: str, ctx: Context) -> int:
    """The id that was given so long ago; raises ChatError."""
    try:
        time: timedelta = converter_for(timedelta).convert(word, ctx)
    except ValueError:
        raise ChatError(f"since {word}: that is no time; it may be 30m, 2h, 3d or 2w") from None
    return (ctx.broker.now_ns() - int(time.total_seconds() * 1e9)) // 1000
