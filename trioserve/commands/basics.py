"""Help, names, and ways out."""

import textwrap
from itertools import groupby
from typing import Final

import trio

from trioserve import Context, command
from trioserve.wire.text import duration, plural

COLUMNS: Final = 76  # of help, behind its "-- "
USAGE: Final = 24  # of these at most for how to call a command


@command
def help(ctx: Context, *, command: str = "") -> None:  # noqa: A001  (the name is what people type)
    """Show the commands, or what one of them does."""
    if command:
        found = ctx.plugins.registry.describe(command.removeprefix("/"))
        lines = [f"{each.usage}\n{each.help}" for each in found if ctx.permits(each)]
        if len(found) > 1 and found[0].group is not None:
            lines.insert(0, found[0].group.help)
        ctx.reply("\n".join(lines) or f"/{found[0].name} is for {found[0].permission.value}")
        return
    shown = [each for each in ctx.plugins.registry if not each.hidden and ctx.permits(each)]
    width = min(USAGE, max(len(each.usage) for each in shown))
    wrapper = textwrap.TextWrapper(COLUMNS, subsequent_indent=" " * (width + 2))
    lines = []
    for category, commands in groupby(
        sorted(shown, key=lambda each: each.category), key=lambda each: each.category
    ):
        lines.append(f"{category}:")
        lines += [wrapper.fill(f"{each.usage:{width}}  {each.summary}") for each in commands]
    lines.append("What does not begin with / is said in your current room; //text says /text.")
    ctx.reply("\n".join(lines))


@command
async def nick(ctx: Context, name: str) -> None:
    """Take another name."""
    await ctx.rename(name)
    ctx.reply(f"you are {ctx.nick} now")


@command(urgent=True)
def quit(ctx: Context, *, text: str = "") -> None:  # noqa: A001  (the name is what people type)
    """Leave, with a last word if you like.

    Jumps the queue: lines of yours that still wait are not sent, and their
    number is told.
    """
    ctx.quit(text)


@command(urgent=True)
def cancel(ctx: Context) -> None:
    """End what runs, or drop your lines that wait."""
    ctx.cancel()


@command
def stats(ctx: Context) -> None:
    """Show how the server is doing."""
    counters, world = ctx.counters, ctx.world
    cut = ", ".join(f"{count} {why}" for why, count in counters.cut.most_common()) or "none"
    ctx.reply(
        f"up {duration(trio.current_time() - counters.started)}, "
        f"{plural(len(world.members), 'person')} in {plural(len(world.rooms), 'room')}, "
        f"{plural(counters.connections, 'connection')} so far\n"
        f"{plural(counters.messages, 'message')}, {counters.skipped} skipped for slow readers\n"
        f"connections cut: {cut}"
    )
