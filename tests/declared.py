"""Commands that tests declare, find, and look at."""

from trioserve import Context, command
from trioserve.extending.declarations import Command, Declaration, Function, declaration_of


@command
def roll(ctx: Context, sides: int = 6) -> None:
    """Roll a die. For the room to see.

    Not for money.
    """


@command
async def room(ctx: Context, name: str) -> None:
    """Build a room,
    brick by brick."""


@command
async def rooms(ctx: Context) -> None:
    """Count the rooms."""


def declared(function: Function) -> Command:
    """What a decorator has made of a function."""
    declaration: Declaration = declaration_of(function)
    assert isinstance(declaration, Command)
    return declaration
