"""Help, names, and ways out."""

import re
import textwrap
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Final

import trio

from trioserve import ChatError, Context, command
from trioserve.extending.declarations import Command
from trioserve.wire.style import Style
from trioserve.wire.text import duration, plural
from trioserve.wire.wrap import INDENT, wrap

PREFIX: Final = len("-- ")
COLUMNS: Final = 79 - PREFIX  # of help, in a window whose width is not known
USAGE: Final = 24  # of these at most for how to call a command, and no more than a third


@command
def help(ctx: Context, *, command: str = "") -> None:  # noqa: A001  (the name is what people type)
    """Show the commands, or what one of them does."""
    if command:
        found = ctx.plugins.registry.describe(command.removeprefix("/"))
        shown = [each for each in found if ctx.permits(each)]
        if not shown:
            raise ChatError(f"/{found[0].name} is for {found[0].permission.value}")
        group = found[0].group if len(found) > 1 else None
        ctx.reply_in_parts(partial(_described, shown, group.help if group is not None else ""))
        return
    shown = [each for each in ctx.plugins.registry if not each.hidden and ctx.permits(each)]
    ctx.reply_in_parts(partial(_commands, shown, ctx.telnet_port))


def _described(shown: Sequence[Command], heading: str, style: Style) -> list[str]:
    """What commands do, for a window: first what is said of all of them, if anything."""
    columns = _columns(style)
    lines = [_paragraphs(heading, columns)] if heading else []
    for each in shown:
        lines.append(each.usage if style.look.spoken else _usage(each.usage, columns))
        lines.append(each.help if style.look.spoken else _paragraphs(each.help, columns))
    return lines


def _paragraphs(text: str, columns: int) -> str:
    """A text whose paragraphs fit; one that has more form than that, as a list, stays as it is."""
    return "\n\n".join(
        each
        if re.search(r"^[\s*-]", each, re.MULTILINE)
        else textwrap.fill(each, columns, break_on_hyphens=False)  # as high-contrast, a choice
        for each in text.split("\n\n")
    )


def _columns(style: Style) -> int:
    return style.window - PREFIX if style.window else COLUMNS


def _commands(shown: Sequence[Command], telnet_port: int, style: Style) -> list[str]:
    """The list of commands for a window: under the name of each category its commands."""
    is_spoken = style.look.spoken  # then neither columns nor indents are of use
    columns = _columns(style)
    width = min(USAGE, columns // 3, max(len(each.usage) for each in shown))
    lines = []
    for category, commands in groupby(
        sorted(shown, key=lambda each: each.category), key=lambda each: each.category
    ):
        lines.append(f"{category}:")
        for each in commands:
            if is_spoken:
                lines.append(f"{each.usage}: {each.summary}")
            else:
                lines.append(_entry(each.usage, each.summary, width, columns))
    ends = ["What does not begin with / is said in your current room; //text says /text."]
    # Neither a program nor a voice can use a row that stays.
    if not (style.screen.rich or style.json or is_spoken):
        ends.append(_way_to_a_line_of_one_s_own(telnet_port))
    return lines + (ends if is_spoken else [textwrap.fill(end, columns) for end in ends])


def _entry(usage: str, summary: str, width: int, columns: int) -> str:
    """A command's line, or lines: how to call it is `width` columns wide, if it fits into that."""
    indent = " " * (width + 2)
    entry = f"{usage:{width}}  {summary}"
    if len(usage) <= width or len(entry) <= columns:
        return textwrap.fill(entry, columns, subsequent_indent=indent)
    below = textwrap.fill(summary, columns, initial_indent=indent, subsequent_indent=indent)
    return f"{_usage(usage, columns)}\n{below}"


def _usage(usage: str, columns: int) -> str:
    """How to call a command, on as many lines as that takes."""
    parts = [usage[begin:end] for begin, end in wrap(usage, columns, INDENT)]
    return f"\n{' ' * INDENT}".join(parts)


def _way_to_a_line_of_one_s_own(port: int) -> str:
    what = "the line that you type is kept apart from what comes in"
    if port:
        return f"Port {port} is for telnet: {what}; /rich does that in telnet at any port."
    return f"With /rich in telnet {what}."


@command
async def nick(ctx: Context, name: str) -> None:
    """Take another name."""
    await ctx.rename(name)
    ctx.reply(f"you are {ctx.nick} now")


@command
async def resume(ctx: Context, *, words: str = "") -> None:
    """Go on as who you were when a connection broke.

    You are given three words for that when you come. For a while after the connection broke (a
    minute, unless this server has it otherwise), or while the old one still seems alive, they
    bring back your name, your rooms, and what you have not seen; you can type that instead of a
    name, too. Who has an account comes back so for as long after the server was started anew,
    too. Without words, show those that you have now.
    """
    if words:
        await ctx.resume(words)
    else:
        ctx.show_words()


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
