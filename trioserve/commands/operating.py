"""What operators can do, and how to become one."""

import logging
from typing import Final

import trio

from trioserve import ChatError, Context, Nick, Permission, command
from trioserve.names import check_nick
from trioserve.orders import Kill, Rise, StepDown, Wall
from trioserve.tasks import tree
from trioserve.tasks.stacks import describe
from trioserve.wire.rulings import ruling_text
from trioserve.wire.text import plural
from trioserve.wire.times import stamp

ANSWER: Final = 60.0  # seconds to type a password

log = logging.getLogger(__name__)


@command(cost=2, secret=True)
async def op(ctx: Context, *, name: str = "") -> None:
    """Become an operator, by a password that you are asked for.

    Without a name, it is your nick's. What you have typed ahead is no answer.
    """
    if " " in name:  # a refusal that named the words would show them once more
        raise ChatError("the password is asked for: /op and a name alone; nothing is tried")
    given, name = bool(name), check_nick(name or ctx.nick)
    if ctx.member.is_operator:
        raise ChatError("you are an operator already")
    ctx.operators.check(ctx.member, trio.current_time(), private=ctx.is_private)
    password = await ctx.ask("Password: ", secret=True, timeout=ANSWER)
    if not password:
        raise ChatError("no password: nothing is tried")
    if not await ctx.operators.verify(ctx.member, name, password, trio.current_time()):
        # What is no name may be a password in the wrong place.
        whose = name if ctx.operators.knows(name) else "a name that is no operator's"
        log.warning("%s (%s) fails to become an operator: %s", ctx.nick, ctx.peer, whose)
        other = "" if given else "; if your name there is another, type it behind /op"
        raise ChatError(f"that is not the name of an operator and the password{other}")
    await ctx.order(Rise(name))
    ctx.reply("you are an operator now; /deop to be one no more")


@command(permission=Permission.OPERATOR)
async def deop(ctx: Context) -> None:
    """Be an operator no more."""
    await ctx.order(StepDown())
    ctx.reply("you are no operator any more")


@command(permission=Permission.OPERATOR)
def plugins(ctx: Context) -> None:
    """Show the plug-ins, their calls, errors, and the time they took."""
    ctx.reply(
        "\n".join(
            f"{each.name}: {plural(each.calls, 'call')}, {plural(each.errors, 'error')}, "
            f"{each.seconds * 1000:.1f} ms"
            + (f"; down: {', '.join(each.down)}" if each.down else "")
            for each in ctx.plugins
        )
    )


@command(permission=Permission.OPERATOR)
def load(ctx: Context, *, source: str) -> None:
    """Load a plug-in, from FILE.py or package.module."""
    name = ctx.plugins.install(source).name
    log.info("%s (%s) has loaded %s from %s", ctx.nick, ctx.peer, name, source)
    ctx.reply(f"{name} is loaded")


@command(permission=Permission.OPERATOR)
def reload(ctx: Context, name: str) -> None:
    """Load a plug-in anew; if that fails, the old one stays."""
    ctx.plugins.reload(name)
    log.info("%s (%s) has loaded %s anew", ctx.nick, ctx.peer, name)
    ctx.reply(f"{name} is loaded anew")


@command(permission=Permission.OPERATOR)
def unload(ctx: Context, name: str) -> None:
    """Take a plug-in out, with all that it runs."""
    if name == ctx.plugin.name:
        raise ChatError("that would leave nobody able to load anything")
    ctx.plugins.remove(name)
    log.info("%s (%s) has unloaded %s", ctx.nick, ctx.peer, name)
    ctx.reply(f"{name} is unloaded, and what it ran is ended")


@command(permission=Permission.OPERATOR)
async def tasks(ctx: Context) -> None:
    """Show the tree of tasks: what runs, and where each is.

    Tasks of one kind stand in one line with their number, and with where one of
    them is. With stackscope installed (the extra "metrics"), every call is shown.
    """
    ctx.reply(await describe(tree.main_task()))


@command(permission=Permission.OPERATOR, cost=3)
async def rehash(ctx: Context) -> None:
    """Read the configuration and the certificate anew, as SIGHUP does.

    Either all of it holds for what comes from now on, or every fault is shown and
    nothing changes. What needs a restart is named.
    """
    ctx.reply("\n".join(await ctx.rehash()))


@command(permission=Permission.OPERATOR, cost=3)
async def wall(ctx: Context, *, text: str) -> None:
    """Say a line to everybody on the server."""
    await ctx.order(Wall(text))


@command(permission=Permission.OPERATOR, cost=3)
async def kill(ctx: Context, nick: Nick, *, reason: str = "") -> None:
    """End somebody's session; they may come again."""
    await ctx.order(Kill(nick, reason))
    ctx.reply(f"{nick} is taken off the server")


@command(permission=Permission.OPERATOR)
def audit(ctx: Context, n: int = 20) -> None:
    """Show who was moderated of late, by whom, and why."""
    if n < 1:
        raise ChatError("n is at least 1")
    zone = ctx.member.look.zone
    lines = [
        f"{stamp(int(each.at * 1_000_000), 'full', zone)} {ruling_text(each, zone)}"
        for each in list(ctx.world.audit)[-n:]
    ]
    ctx.reply("\n".join(lines) or "nobody has been moderated")
