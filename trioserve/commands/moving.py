"""Rooms: in, out, and who is where."""

import heapq
from itertools import islice
from typing import Final

import trio

from trioserve import ChatError, Context, command
from trioserve.names import check_room
from trioserve.rooms.member import Member
from trioserve.state.sights import lists
from trioserve.wire.text import duration, names, plural

IDLE: Final = 60.0  # seconds without a word after which somebody is shown as idle
MAX_AWAY: Final = 100  # characters of what one says about it
MAX_TOPIC: Final = 300  # characters


@command
async def join(ctx: Context, room: str) -> None:
    """Enter a room, or make one; what you say goes there."""
    if ctx.is_in(room):
        await ctx.switch(room)
        ctx.reply(f"what you say goes to {ctx.room.name}")
    else:
        await ctx.join(room)


@command
async def leave(ctx: Context, room: str = "", *, text: str = "") -> None:
    """Leave a room, or the current one."""
    name = ctx.world.room_of(ctx.member, check_room(room)).name if room else ctx.room.name
    await ctx.leave(name, text)
    current = ctx.member.room
    where = f"you are in {current.name} now" if current else "you are in no room now: /join one"
    ctx.reply(f"you have left {name}; {where}")


@command
async def room(ctx: Context, room: str = "") -> None:
    """Talk in another of your rooms, or show which."""
    if room:
        await ctx.switch(room)
    others = [each.name for each in ctx.member.rooms.values() if each is not ctx.member.room]
    also = f"; you are also in {', '.join(others)}" if others else ""
    ctx.reply(f"what you say goes to {ctx.room.name}{also}")


@command
def rooms(ctx: Context) -> None:
    """Show the rooms, the largest first."""
    seen = [each for each in ctx.world.rooms.values() if lists(each, ctx.member)]
    largest = heapq.nlargest(ctx.world.limits.names_shown, seen, key=lambda each: len(each.members))
    lines = [
        f"{each.name} ({len(each.members)}){' ' + each.topic if each.topic else ''}"
        for each in largest
    ]
    if (others := len(seen) - len(largest)) > 0:
        lines.append(f"and {plural(others, 'other')}")
    ctx.reply("\n".join(lines) or "there are no rooms; /join makes one")


@command
def who(ctx: Context, room: str = "") -> None:
    """Show who is in a room, how long silent, who is away, lost, or does not read."""
    where = ctx.room_named(room) if room else ctx.room
    if not where.members:
        raise ChatError(f"everybody has left {where.name}")
    now = trio.current_time()
    some = list(islice(where.members, ctx.world.limits.names_shown))
    shown = [_presence(member, now) for member in some]
    lines = [f"{where.name}: {names(shown, len(where.members))}"]
    # On lines of their own: people wrote it, and it could look like more names.
    lines += [
        f"{member.nick} is away: {member.absence.text}"
        for member in some
        if member.absence is not None and member.absence.text
    ]
    ctx.reply("\n".join(lines))


@command
async def away(ctx: Context, *, text: str = "") -> None:
    """Say that you are away; your next line says that you are back.

    Who sends you a private message is told once, and the first message that comes is headed by
    a line. Commands do not bring you back, but /back does, and /me and /msg.
    """
    if len(text) > MAX_AWAY:
        raise ChatError(f"that takes at most {MAX_AWAY} characters")
    await ctx.go_away(text)
    ctx.reply("you are away, until you say something")


@command
async def back(ctx: Context) -> None:
    """Say that you are back."""
    await ctx.come_back()
    if text := await ctx.mentioned.lately():
        ctx.reply(text)


@command
async def topic(ctx: Context, *, text: str = "") -> None:
    """Show the topic or set it; /topic - takes it away."""
    if not text:
        ctx.reply(f"{ctx.room.name}: {ctx.room.topic or 'no topic'}")
    elif len(text) > MAX_TOPIC:
        raise ChatError(f"a topic has at most {MAX_TOPIC} characters")
    else:
        await ctx.set_topic("" if text == "-" else text)


def _presence(member: Member, now: float) -> str:
    notes = []
    if member.absence is not None:
        notes.append("away")
    if now - member.active >= IDLE:
        notes.append(f"idle {duration(now - member.active)}")
    if member.is_lost:
        notes.append("lost the connection")
    elif member.outlet.lagging:
        notes.append("not reading")
    return f"{member.nick} ({', '.join(notes)})" if notes else member.nick
