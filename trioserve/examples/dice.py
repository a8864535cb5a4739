"""Games of chance."""

import random

from trioserve import ChatError, Context, command


@command
async def roll(ctx: Context, sides: int = 6) -> None:
    """Roll a die for the room to see."""
    if sides < 1:
        raise ChatError("a die has at least one side")
    await ctx.announce(f"{ctx.nick} rolled {random.randint(1, sides)} of {sides}")


@command(aliases=("coin",))
async def flip(ctx: Context) -> None:
    """Flip a coin for the room to see."""
    await ctx.announce(f"{ctx.nick} flipped {random.choice(['heads', 'tails'])}")
