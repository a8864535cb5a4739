"""What operators can do."""

from trioserve import ChatError, Context, Permission, command, tree
from trioserve.stacks import describe
from trioserve.wire.text import plural


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
    ctx.reply(f"{ctx.plugins.install(source).name} is loaded")


@command(permission=Permission.OPERATOR)
def reload(ctx: Context, name: str) -> None:
    """Load a plug-in anew; if that fails, the old one stays."""
    ctx.plugins.reload(name)
    ctx.reply(f"{name} is loaded anew")


@command(permission=Permission.OPERATOR)
def unload(ctx: Context, name: str) -> None:
    """Take a plug-in out, with all that it runs."""
    if name == ctx.plugin.name:
        raise ChatError("that would leave nobody able to load anything")
    ctx.plugins.remove(name)
    ctx.reply(f"{name} is unloaded, and what it ran is ended")


@command(permission=Permission.OPERATOR)
async def tasks(ctx: Context) -> None:
    """Show the tree of tasks: what runs, and where each is.

    Tasks of one kind stand in one line with their number, and with where one of
    them is. With stackscope installed (the extra "metrics"), every call is shown.
    """
    ctx.reply(await describe(tree.main_task()))
