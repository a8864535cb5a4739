"""What one is shown: earlier messages, and what one would rather not see."""

from typing import Literal

from trioserve import ChatError, Context, command
from trioserve.wire.text import plural


@command
async def history(ctx: Context, n: int = 20) -> None:
    """Show the last messages of the current room again."""
    if n < 1:
        raise ChatError("n is at least 1")
    room = ctx.room
    messages = room.recent(n)
    if not messages:
        raise ChatError(f"nothing has been said in {room.name} yet")
    ctx.divide(f"last {plural(len(messages), 'message')} in {room.name}")
    await ctx.replay(messages)
    ctx.divide("now")


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
