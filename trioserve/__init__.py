"""A chat server that anyone can nc or telnet into."""

__version__ = "0.1.0"

from trioserve.context import Context
from trioserve.errors import ChatError, InputEnded
from trioserve.registry import command

__all__ = ["ChatError", "Context", "InputEnded", "__version__", "command"]
