"""Where a member's share of events goes, and what the member speaks through."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from trioserve.light import light
from trioserve.messages import MESSAGE_TYPES, Event
from trioserve.rooms.trail import Unread

if TYPE_CHECKING:
    from trioserve.rooms.member import Member  # which imports us


@light
class Piece:
    """What one style of reader is shown of one room in one turn: bytes to share.

    `events` are what the bytes show: for a bot, which reads no bytes, and for a
    reader who does not get the piece, to be told how many messages were skipped.
    """

    room: str
    data: bytes
    events: Sequence[Event]

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the people's messages in it."""
        return tuple(event.id for event in self.events if isinstance(event, MESSAGE_TYPES))

    @property
    def first_id(self) -> int:
        """The id of the first of them; 0 if there is none."""
        return next((event.id for event in self.events if isinstance(event, MESSAGE_TYPES)), 0)


class Outlet(Protocol):
    """Where a member's share of events goes. Nothing here waits or raises."""

    @property
    def lagging(self) -> bool:
        """Whether the member does not read what it was sent."""

    def put_event(self, event: Event, data: bytes) -> None:
        """Send an event, rendered as bytes too, which must not be skipped."""

    def put_piece(self, piece: Piece) -> None:
        """Send a room's events, or count them as skipped while the member lags."""


class Seat(Protocol):
    """What a member speaks through: a connection, or nothing for a while. Never waits or raises."""

    def dismiss(self, cause: str, reason: str) -> None:
        """End, for a reason that others are told, and a cause that is counted."""

    def remind(self, subject: str, event: Event) -> None:
        """Show an event once its reader reads again; of one subject, the last one only."""

    def vacate(self, last_id: int, now_us: int) -> Unread:
        """Speak for the member no more; return what it may not have seen.

        `last_id` is of the last message, and `now_us` the time as in an id.
        """

    def occupy(self, member: "Member", unread: Unread, data: bytes) -> None:
        """Speak for a member from now on, who is shown `data`, in which is what was unread."""
