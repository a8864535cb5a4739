"""A chat server that anyone can nc or telnet into."""

__version__ = "0.1.0"

from trioserve.context import Context
from trioserve.conversions import Nick  # which also lets every server convert the usual types
from trioserve.converters import converter
from trioserve.declarations import Permission
from trioserve.decorators import Group, command, message_filter, service, watcher
from trioserve.errors import ChatError, InputEnded
from trioserve.events import Events, Missed
from trioserve.host import Bot, Host
from trioserve.rooms import Member, Room

__all__ = [
    "Bot",
    "ChatError",
    "Context",
    "Events",
    "Group",
    "Host",
    "InputEnded",
    "Member",
    "Missed",
    "Nick",
    "Permission",
    "Room",
    "__version__",
    "command",
    "converter",
    "message_filter",
    "service",
    "watcher",
]
