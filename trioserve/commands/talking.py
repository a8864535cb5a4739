"""Saying things."""

from trioserve import ChatError, Context, command


@command
async def me(ctx: Context, *, text: str) -> None:
    """Say what you do: /me waves."""
    await ctx.act(text)


@command
async def msg(ctx: Context, nick: str, *, text: str) -> None:
    """Say something to one person alone."""
    await ctx.tell(nick, text)


@command
async def reply(ctx: Context, *, text: str) -> None:
    """Answer the last private message."""
    if ctx.member.correspondent is None:
        raise ChatError("nobody has sent you a private message yet")
    await ctx.tell(ctx.member.correspondent, text)
