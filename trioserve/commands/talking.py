"""Saying things."""

from trioserve import Context, command


@command
async def me(ctx: Context, *, text: str) -> None:
    """Say what you do: /me waves."""
    await ctx.act(text)


@command
async def msg(ctx: Context, nick: str, *, text: str) -> None:
    """Say something to one person alone.

    Whose name is their own by /register, and who is not here, reads it at their next login.
    """
    await ctx.tell(nick, text)


@command
async def reply(ctx: Context, *, text: str) -> None:
    """Answer the last private message.

    It goes to whom you have last exchanged one with, under whatever name.
    """
    await ctx.answer(text)
