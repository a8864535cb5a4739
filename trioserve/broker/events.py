"""A bounded stream of events that whoever fills it never waits for."""

from typing import Final

import attrs
import trio

from trioserve.messages import Event

BACKLOG: Final = 1000  # events that wait; more are counted instead


@attrs.frozen
class Missed:
    """So many events were dropped here, because whoever iterates was too slow for them."""

    count: int


class Events:
    """What happens, to iterate over: ``async for event in events``.

    A gap is shown as `Missed`, in its place. There is no end: iterate until cancelled.
    """

    def __init__(self, backlog: int = BACKLOG) -> None:
        self._send, self._receive = trio.open_memory_channel[Event | Missed](backlog)
        self._missed = 0

    @property
    def is_full(self) -> bool:
        """Whether the next event would be dropped."""
        return self._missed > 0

    def put(self, event: Event) -> None:
        """Add an event, or count it where there is no room; never waits, never raises."""
        try:
            if self._missed:
                self._send.send_nowait(Missed(self._missed))
                self._missed = 0
            self._send.send_nowait(event)
        except trio.WouldBlock:
            self._missed += 1

    def __aiter__(self) -> "Events":
        return self

    async def __anext__(self) -> Event | Missed:
        await trio.lowlevel.checkpoint()
        if self._missed and not self._receive.statistics().current_buffer_used:
            missed, self._missed = self._missed, 0
            return Missed(missed)
        return await self._receive.receive()
