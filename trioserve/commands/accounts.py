"""Keeping one's name: a guest needs none of this."""

import logging
from typing import Final

import trio

from trioserve import ChatError, Context, command
from trioserve.accounts.accounts import check_strength
from trioserve.accounts.guardian import where
from trioserve.archive.personal import PERSONAL
from trioserve.names import check_nick, fold
from trioserve.ownership import Identify
from trioserve.wire.text import plural

ANSWER: Final = 60.0  # seconds to type a password

FORGOTTEN: Final = """\
this takes out, for everybody and for ever:
your account, your name and all that is set or waits for you;
all that you have said under it, in rooms and privately, also what others have of it;
what others have said to you privately, but for their own copy;
who has set the topics that you have set, which stay.
What you have said as a guest is nobody's, and stays; so does what moderators did.
Your password says that you want that; an empty line, that you do not."""

GUEST: Final = (
    "you are a guest: nothing is kept of you but what you said in rooms, which is nobody's; "
    "if you have an account, /login first"
)

log = logging.getLogger(__name__)


@command(cost=3, secret=True)
async def register(ctx: Context) -> None:
    """Keep your name: nobody else can have it then for longer than a moment.

    You are asked for a password, twice, which you give with /login when you come again: you are
    in your rooms again then, and what you have set for yourself is set.
    """
    if ctx.member.account:
        raise ChatError(f"you are logged in as {ctx.member.account} already")
    ctx.accounts.check_new(ctx.member, trio.current_time())
    if ctx.accounts.is_kept(ctx.nick):
        raise ChatError(f"the name {ctx.nick} is somebody's already; if it is yours, /login")
    name = await ctx.accounts.register(ctx.member, await _new(ctx), trio.current_time())
    await ctx.broker.call(ctx.member, Identify(name))
    log.info("%s (%s) has registered", name, ctx.peer)
    ctx.reply(f"the name {name} is yours; when you come again: /login")


@command(cost=2, secret=True)
async def login(ctx: Context, name: str = "") -> None:
    """Show by your password that a name is yours.

    Without one, that is the name that you have.
    A guest who has it is given another one. You are in your rooms again, with what was said there
    since, and what you have set for yourself is set again; where you are already, or were until
    your connection broke, you go on as you were.
    """
    name = check_nick(name or ctx.nick)
    if fold(name) == fold(ctx.member.account):
        raise ChatError(f"you are logged in as {ctx.member.account} already")
    ctx.accounts.check(ctx.member, trio.current_time())
    if (number := ctx.accounts.number(name)) is None:
        raise ChatError(f"the name {name} is nobody's; /register keeps the one that you have")
    await _prove(ctx, name)
    await ctx.guardian.log_in(ctx.member, name, number)
    log.info("%s (%s) has logged in", name, ctx.peer)
    for refusal in await ctx.guardian.rejoin(name, ctx.outbox.below_soft):
        ctx.reply(refusal)
    ctx.reply(f"you are logged in as {name}{where(ctx.member)}")
    if not ctx.world.is_here(ctx.member):
        # Who goes on as somebody who is here already was not gone, but may have been cut off
        # while they read what waits for them.
        await ctx.collect_letters(ctx.world.owner_of_account(name))
        return
    if text := await ctx.mentioned.lately():
        ctx.reply(text)
    await ctx.collect_letters()


@command(cost=2, secret=True)
async def password(ctx: Context) -> None:
    """Change the password of your name."""
    name = _account(ctx)
    await _prove(ctx, name)
    await ctx.accounts.change_password(name, await _new(ctx))
    ctx.reply("your password is changed")


@command(cost=2, secret=True)
async def unregister(ctx: Context) -> None:
    """Give your name up: it is anybody's from then on.

    What was kept of you is forgotten. What you have said stays, as a guest's does.
    """
    name = _account(ctx)
    await _prove(ctx, name)
    await _part_with(ctx, name, wholly=False)
    log.info("%s (%s) has given the name up", name, ctx.peer)
    ctx.reply(f"the name {name} is kept no more, nor anything that was kept of you")


@command(cost=5)
async def export(ctx: Context) -> None:
    """Show all that is kept about you: lines for programs, each a JSON object.

    What others have said about you in rooms is theirs, and not among it.
    """
    name = _account(ctx, GUEST)
    number = ctx.accounts.number(name)
    try:
        await ctx.accounts.journal.settle()
    except ChatError:
        ctx.reply("what came of late is not among it: it cannot be written at the moment")
    ctx.divide(f"what is kept of {name}")
    count = 0
    for kind in PERSONAL:
        after, more = 0, True
        while more:
            page = await ctx.accounts.kept_of(name, kind, after)
            if not (ctx.member.account and ctx.accounts.is_still(name, number)):
                raise ChatError(f"the name {name} is yours no more: the rest is not shown")
            await ctx.show_kept(page.rows)
            count += len(page.rows)
            after, more = page.more, page.more > 0
    if ctx.world.keep is None:
        ctx.reply("what you said is in the rooms' memory alone: it is kept nowhere")
    ctx.divide(f"{plural(count, 'line')}, and no more is kept of {name}")


@command(cost=5, secret=True)
async def forget(ctx: Context) -> None:
    """Have all that is kept about you forgotten, with your name and what you said.

    You are told what that is, and asked for your password. /export shows it before. Once begun
    it goes on to its end, also if you leave, or the server does.
    """
    name = _account(ctx, GUEST)
    ctx.reply(FORGOTTEN)
    await _prove(ctx, name)
    ctx.reply("this goes on to its end from here, also if you leave")
    await _part_with(ctx, name, wholly=True)
    log.info("%s (%s) has had all forgotten", name, ctx.peer)
    ctx.reply(f"all that was kept of {name} is forgotten, and the name is anybody's")


async def _part_with(ctx: Context, name: str, *, wholly: bool) -> None:
    try:
        await ctx.forgetting.part_with(name, wholly=wholly)
    except trio.Cancelled:
        ctx.reply("you do not wait for it any longer, and it goes on")
        raise


def _account(ctx: Context, otherwise: str = "you are not logged in: /login first") -> str:
    if not ctx.member.account:
        raise ChatError(otherwise)
    return ctx.member.account


async def _prove(ctx: Context, name: str) -> None:
    """Ask for the password of an account; raises ChatError if it is not given."""
    ctx.accounts.check(ctx.member, trio.current_time())
    _warn(ctx)
    given = await ctx.ask(f"Password of {name}: ", secret=True, timeout=ANSWER)
    if not given:
        raise ChatError("no password: nothing is tried")
    if not await ctx.accounts.verify(ctx.member, name, given, trio.current_time()):
        log.warning("%s (%s) fails to log in as %s", ctx.nick, ctx.peer, name)
        raise ChatError(f"that is not the password of {name}")


async def _new(ctx: Context) -> str:
    """Ask for a new password, twice; raises ChatError if it may be none, or the two differ."""
    _warn(ctx)
    given = await ctx.ask("New password: ", secret=True, timeout=ANSWER)
    if not given:
        raise ChatError("no password: nothing is changed")
    check_strength(given)  # before it is typed once more
    if await ctx.ask("The same again: ", secret=True, timeout=ANSWER) != given:
        raise ChatError("these were two passwords: nothing is changed")
    return given


def _warn(ctx: Context) -> None:
    if not ctx.is_private:
        ctx.reply(
            "others may read along on your connection: use no password that matters elsewhere"
        )
