"""How things look: themes, the bell, times, a screen reader."""

import time
from typing import Final, get_args

import attrs

from trioserve import Context, command
from trioserve.messages import Said
from trioserve.wire.style import Bell, Clock, Theme
from trioserve.wire.times import find_zone, stamp, zones

_RINGS: Final[dict[Bell, str]] = {
    "off": "does not ring",
    "mentions": "rings when you are mentioned",
    "private": "rings when you are mentioned or told something privately",
    "all": "rings for every message of others",
}


@command
async def theme(ctx: Context, theme: Theme | None = None) -> None:
    """Choose how lines are marked, or see how each choice looks.

    auto is default on a terminal that is known to have colours, and none elsewhere. mono has
    no colours but bold, underlined and reversed text; high-contrast has strong ones. Nicks keep
    their colours, and where you are mentioned is marked.
    """
    if theme is None:
        ctx.reply(f"the theme is {_named(ctx.member.look.theme, ctx.member.style().theme)}")
        if ctx.member.screen.colors and not ctx.member.json and not ctx.member.look.spoken:
            _show_themes(ctx)
    else:
        await ctx.set_look(attrs.evolve(ctx.member.look, theme=theme))
        ctx.reply(f"the theme is {_named(theme, ctx.member.style().theme)} now")


def _show_themes(ctx: Context) -> None:
    text = f"hello {ctx.nick}, see https://example.org"
    for name in get_args(Theme)[1:]:
        ctx.reply(f"{name}:")
        said = Said(time.time_ns() // 1000, ctx.room.name, "bob", text)
        ctx.show(said, attrs.evolve(ctx.member.look, theme=name))


@command
async def bell(ctx: Context, bell: Bell | None = None) -> None:
    """Choose what your terminal's bell rings for.

    mentions: messages with your name in them; private: those, and private messages; all: every
    message of somebody else. auto is private where what you type is edited by the server,
    and off elsewhere.
    """
    if bell is not None:
        await ctx.set_look(attrs.evolve(ctx.member.look, bell=bell))
    chosen, holds = ctx.member.look.bell, ctx.member.style().bell
    ctx.reply(f"the bell is {_named(chosen, holds)}: it {_RINGS[holds]}")


@command(name="time")
async def time_(ctx: Context, time: Clock | None = None) -> None:
    """Choose how times are shown: short is 20:08, full has the day and the second."""
    if time is not None:
        await ctx.set_look(attrs.evolve(ctx.member.look, clock=time))
    chosen, holds = ctx.member.look.clock, ctx.member.style().clock
    ctx.reply(f"times are {_named(chosen, holds)}; it is {_now(ctx)}")


@command
async def timezone(ctx: Context, *, zone: str = "") -> None:
    """Show times as in a zone such as Europe/Oslo.

    Its city alone will do. /timezone auto shows them as the server's clock has them.
    """
    if zone:
        found = "" if zone.lower() in ("auto", "-") else find_zone(zone, zones())
        await ctx.set_look(attrs.evolve(ctx.member.look, zone=found))
    ctx.reply(f"times are in {ctx.member.look.zone or 'the zone of the server'}; it is {_now(ctx)}")


@command
async def screenreader(ctx: Context, on: bool | None = None) -> None:
    """Show sentences for a screen reader.

    No colours, no signs, and no times, unless you ask for them by /time short.
    """
    if on is not None:
        await ctx.set_look(attrs.evolve(ctx.member.look, spoken=on))
    if ctx.member.look.spoken:
        ctx.reply("lines are for a screen reader; /screenreader off ends that")
    else:
        ctx.reply("lines are for the eye; /screenreader on makes sentences of them")


def _named(chosen: str, holds: str) -> str:
    return chosen if chosen == holds else f"{chosen}, which is {holds} here"


def _now(ctx: Context) -> str:
    look = ctx.member.look
    return stamp(time.time_ns() // 1000, "full", look.zone)
