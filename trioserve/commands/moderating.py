"""Keeping a room in order: for its owner, and for operators."""

import math
import re
from datetime import timedelta
from typing import Final

import attrs

from trioserve import ChatError, Context, Nick, Permission, command, converter
from trioserve.extending.converters import converter_for
from trioserve.names import check_nick, check_room
from trioserve.orders import (
    Ban,
    BanAddress,
    GiveRoom,
    Invite,
    Kick,
    Knock,
    Mute,
    Seclude,
    Slow,
    Unban,
    UnbanAddress,
    Unmute,
)
from trioserve.rooms.moderation import INVITATION, Sanctions
from trioserve.wire.spans import exact, until

COST: Final = 2.0  # lines: what is done is shown to a whole room
LONGEST_PAUSE: Final = 3600.0  # seconds between lines in a slow room

_TIME = re.compile("[+-]?[0-9]")  # how what is meant as a time begins


@attrs.frozen
class Terms:
    """For how long, and why."""

    seconds: float = math.inf
    reason: str = ""


@converter
def _terms(text: str, ctx: Context) -> Terms:
    """A time such as 10m or 3d, a reason, or both in this order."""
    word, _, rest = text.partition(" ")
    if _TIME.match(word) is None:
        return Terms(reason=text)
    try:
        span: timedelta = converter_for(timedelta).convert(word, ctx)
    except ValueError:
        raise ChatError(f'expected a time such as 10m or 3d, got "{word[:40]}"') from None
    if not span:
        raise ChatError("expected a time of at least 1s")
    return Terms(span.total_seconds(), rest.strip())


@attrs.frozen
class Pace:
    """How long each has to wait between two lines."""

    seconds: float


@converter
def _pace(word: str, ctx: Context) -> Pace:
    """A time such as 10s or 2m, or off."""
    if word.lower() in ("off", "0"):
        return Pace(0.0)
    time: timedelta = converter_for(timedelta).convert(word, ctx)
    if (seconds := time.total_seconds()) > LONGEST_PAUSE:
        raise ChatError(f"expected a time of at most {exact(LONGEST_PAUSE)}")
    return Pace(seconds)


@command(permission=Permission.OWNER, cost=COST)
async def giveroom(ctx: Context, nick: Nick) -> None:
    """Make somebody else the owner of the room."""
    await ctx.order(GiveRoom(ctx.room.name, nick))


@command(permission=Permission.OWNER, cost=COST)
async def kick(ctx: Context, nick: Nick, *, reason: str = "") -> None:
    """Make somebody leave the room; they may come back."""
    await ctx.order(Kick(ctx.room.name, nick, await _passed(ctx, reason)))


@command(permission=Permission.OWNER, cost=COST)
async def ban(ctx: Context, nick: str, *, time_and_reason: Terms = Terms()) -> None:
    """Keep somebody out of the room: /ban bob 3d flooding.

    It holds the nick and the address they come from, also if they take another
    nick; without a time, until you /unban them. Who is not here is held by the
    nick alone, and so is who comes from this machine, or from where you do.
    """
    reason = await _passed(ctx, time_and_reason.reason)
    await ctx.order(Ban(ctx.room.name, check_nick(nick), reason, time_and_reason.seconds))


@command(permission=Permission.OWNER, cost=COST)
async def unban(ctx: Context, nick: str) -> None:
    """Let somebody who is banned come again."""
    await ctx.order(Unban(ctx.room.name, check_nick(nick)))


@command(permission=Permission.OWNER)
def bans(ctx: Context) -> None:
    """Show who is banned from the room or muted in it, until when, and why."""
    rules = ctx.room.rules
    lines = [] if rules is None else [*_listed(ctx, rules.bans), *_listed(ctx, rules.mutes)]
    ctx.reply("\n".join(lines) or f"nobody is banned from {ctx.room.name}, or muted there")


@command(permission=Permission.OWNER, cost=COST)
async def mute(ctx: Context, nick: str, *, time_and_reason: Terms = Terms()) -> None:
    """Let somebody read, and say nothing in the room: /mute bob 10m.

    It holds whom a ban would; they may talk in other rooms. An owner whom an
    operator mutes has the room no more.
    """
    reason = await _passed(ctx, time_and_reason.reason)
    await ctx.order(Mute(ctx.room.name, check_nick(nick), reason, time_and_reason.seconds))


@command(permission=Permission.OWNER, cost=COST)
async def unmute(ctx: Context, nick: str) -> None:
    """Let somebody who is muted talk again."""
    await ctx.order(Unmute(ctx.room.name, check_nick(nick)))


@command(permission=Permission.OWNER, cost=COST)
async def slow(ctx: Context, time: Pace) -> None:
    """Let each say one line in a time: /slow 10s; /slow off ends it.

    Owners and operators are not slowed.
    """
    await ctx.order(Slow(ctx.room.name, time.seconds))


@command(permission=Permission.OWNER, cost=COST)
async def private(ctx: Context, on: bool) -> None:
    """Let nobody enter the room without an invitation; or do.

    A private room is not listed. Who is in it stays.
    """
    await ctx.order(Seclude(ctx.room.name, on))


@command(permission=Permission.OWNER, cost=COST)
async def invite(ctx: Context, nick: Nick) -> None:
    """Let somebody into the room, once, within an hour."""
    await ctx.order(Invite(ctx.room.name, nick))
    ctx.reply(f"{nick} is invited to {ctx.room.name} for {exact(INVITATION)}")


@command(cost=COST)
async def knock(ctx: Context, room: str, *, text: str = "") -> None:
    """Ask the owner of a private room to be let in."""
    await ctx.order(Knock(check_room(room), await _passed(ctx, text)))
    ctx.reply(f"the owner of {check_room(room)} hears you knock")


@command(permission=Permission.OPERATOR, cost=COST)
async def banip(ctx: Context, whom: str, *, time_and_reason: Terms = Terms()) -> None:
    """Let nobody in from an address, or a nick's: /banip 192.0.2.1 3d spam.

    It holds the whole /64 of an IPv6 address; without a time, until you /unbanip
    it. Whoever is here from there is taken off the server.
    """
    reason = await _passed(ctx, time_and_reason.reason)
    await ctx.order(BanAddress(whom, reason, time_and_reason.seconds))
    ctx.reply(f"nobody comes in from where {whom} is; /banips lists all such")


@command(permission=Permission.OPERATOR, cost=COST)
async def unbanip(ctx: Context, address: str) -> None:
    """Let people come in from an address again."""
    await ctx.order(UnbanAddress(address))
    ctx.reply(f"{address} is no longer banned")


@command(permission=Permission.OPERATOR)
def banips(ctx: Context) -> None:
    """Show the addresses that are banned, until when, by whom, and why."""
    ctx.reply("\n".join(_listed(ctx, ctx.world.banned)) or "no address is banned")


async def _passed(ctx: Context, text: str) -> str:
    """What a person has written, as the filters let it pass."""
    return await ctx.passed(text) if text else ""


def _listed(ctx: Context, sanctions: Sanctions) -> list[str]:
    now = ctx.broker.now()
    done = "muted" if sanctions.noun == "mutes" else "banned"
    zone = ctx.member.look.zone
    return [
        f"{each.whom.nick} is {done} by {each.by}"
        + (until(each.until, now, zone) or " until that is lifted")
        + (f": {each.reason}" if each.reason else "")
        for each in sanctions.current(now)
    ]
