"""Keeping a room in order: for its owner, and for operators."""

from trioserve import Context, Nick, Permission, command
from trioserve.orders import GiveRoom


@command(permission=Permission.OWNER)
async def giveroom(ctx: Context, nick: Nick) -> None:
    """Make somebody else the owner of the room."""
    await ctx.order(GiveRoom(ctx.room.name, nick))
