"""A chat server that anyone can nc or telnet into."""

__version__ = "0.1.0"

from trioserve.broker.events import Events, Missed
from trioserve.errors import ChatError, InputEnded
from trioserve.extending.context import Context
from trioserve.extending.conversions import Nick  # has the usual types converted, too
from trioserve.extending.converters import converter
from trioserve.extending.declarations import Permission
from trioserve.extending.decorators import Group, command, message_filter, service, watcher
from trioserve.extending.host import Bot, Host
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room

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
