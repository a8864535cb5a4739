"""What carries a connection's bytes, and lets it in: the seam between sessions and sockets."""

from collections.abc import Callable
from typing import Protocol


class WordlessError(OSError):
    """A trusted proxy came and went without a byte: it looks whether somebody listens."""


class Transport(Protocol):
    """A byte stream that can be written without waiting.

    Once the stream is broken or closed, each method but `close` raises OSError;
    those that wait raise trio.ClosedResourceError once it is closed on this side,
    also if the wait was under way.
    """

    @property
    def peer(self) -> str:
        """The other end's address as a log shows it: ``192.0.2.7:50123``, ``unix:3``."""

    @property
    def host(self) -> str | None:
        """The other end's address for limits: None of a unix socket, or as long as nobody knows."""

    @property
    def is_operator(self) -> bool:
        """Whether whoever comes this way is an operator."""

    @property
    def is_telnet(self) -> bool:
        """Whether whoever comes this way is greeted as a telnet, and asked what it is."""

    @property
    def is_open(self) -> bool:
        """Whether text can be sent; else `open` has to be awaited first."""

    async def open(self) -> "Transport":
        """Do what comes before the text, as TLS's handshake, within a deadline of its own.

        Return what to talk through from then on, which owns the connection. If that is
        another one, it has to be opened in turn.

        Raises:
            OSError: if it fails; there is nothing more to be said then.
        """

    def try_send(self, data: bytes) -> int:
        """Write what fits at once, and return how many bytes that were, maybe 0.

        What was not written comes first in the next call: some of it may be on its way.
        """

    @property
    def is_private(self) -> bool:
        """Whether nobody between can read along: loopback, unix sockets, TLS."""

    async def wait_writable(self) -> None:
        """Wait until something fits; checkpoints."""

    async def receive_into(self, buffer: memoryview) -> int:
        """Wait for bytes and read them into `buffer`; return how many, 0 at end of input.

        Checkpoints before it reads and never after, so that one buffer can
        serve all connections of a run. Cancelled, it has read nothing.
        """

    def peek(self, size: int) -> bytes:
        """Return bytes that have come and were not received, and leave them to be received.

        There may be more of them.
        """

    def end_writing(self) -> None:
        """Tell the other end that nothing more will come (TCP: a FIN)."""

    def close(self) -> None:
        """Close at once and wake whoever waits here; closing again does nothing."""


class Edge(Protocol):
    """A way in."""

    async def serve(self, admit: Callable[[Transport], None]) -> None:
        """Hand each new connection to `admit` until cancelled; then let nobody in."""
