"""What a member was sent of late, as far as the rooms do not know it themselves.

Theory of operation. When a connection breaks, nobody can know what has arrived of what
was sent within the time that TCP waits for an acknowledgement: an acknowledged byte, too,
may never have been read. So it is shown again when its reader comes back. A message's id
is the time when it was said, and its room keeps the last ones: whoever reads as fast as
people talk leaves no trail at all. Only what a room does not keep is noted here (what was
said to one person alone), and what had to wait: from which message on nothing was sent,
and which were sent so late that their ids do not tell.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from trioserve.messages import Asked, Divided, Entered, Event, Noticed, Resumable, Skipped, Told

SLOTS: Final = 64  # into which the time is parted in which it is noted what was sent late
MAX_BYTES: Final = 32 * 1024  # of text in what was said to one person alone
LONGEST: Final = 4  # windows for which that is kept: it may have to wait before it is sent
_EVENT_BYTES: Final = 64  # that an event takes besides its text

# What tells of a moment that has passed.
PASSING: Final = (Asked, Divided, Entered, Resumable, Skipped)


@attrs.frozen
class Owed:
    """The messages of one room that somebody has not been sent: ids that are known, and others."""

    ids: Sequence[int] = ()
    others: int = 0


@attrs.frozen
class Unread:
    """What somebody may not have seen when their connection was given up.

    Of each room the messages from the id `since` on; from `unsent` on, nothing was sent.
    """

    since: int
    unsent: int
    # To them alone, oldest first, each with an id or the time in its place.
    events: Sequence[tuple[int, Event]] = ()
    dropped: int = 0  # of those, for want of memory: people's messages
    owed: Mapping[str, Owed] = attrs.field(factory=dict)  # by room's name: told as skipped


@attrs.define(eq=False)
class Trail:
    """What one member was sent of late. Times are seconds on one clock that never goes back."""

    window: float  # seconds for which it is not known whether something has arrived
    # What waits to be sent: where it begins and ends, in bytes of all that had to wait, and the
    # id of the first message in it.
    _waiting: deque[tuple[int, int, int]] | None = attrs.field(default=None, init=False)
    _position: int = attrs.field(default=0, init=False)  # up to which it has been sent
    # When messages were sent that had waited: of each slot of time the first one's id.
    _late: list[tuple[float, int]] = attrs.field(factory=list, init=False)
    # What the member alone was sent, and when.
    _events: list[tuple[float, Event]] = attrs.field(factory=list, init=False)
    _size: int = attrs.field(default=0, init=False)
    _dropped: tuple[float, int] = attrs.field(default=(0.0, 0), init=False)  # the last; how many

    def wait(self, start: int, end: int, message_id: int) -> None:
        """Note that messages wait, this one first, behind those that do already.

        They begin and end at these bytes; `start` lies before what is sent, if some of it was.
        """
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((start, end, message_id))

    def sent(self, position: int, now: float) -> None:
        """Note that as many bytes have been sent, of all that had to wait."""
        self._position = position
        while self._waiting and self._waiting[0][1] <= position:
            self.sent_late(self._waiting.popleft()[2], now)

    def sent_late(self, message_id: int, now: float) -> None:
        """Note that messages have been sent now which were said before, this one first."""
        late = self._late
        while late and late[0][0] + self.window * (1 + 1 / SLOTS) < now:
            late.pop(0)
        if not late or now - late[-1][0] >= self.window / SLOTS:
            late.append((now, message_id))
        elif message_id < late[-1][1]:
            late[-1] = (late[-1][0], message_id)

    def forget(self) -> None:
        """Note that what was sent to one person alone is no concern of the next one's."""
        self._events, self._size, self._dropped = [], 0, (0.0, 0)

    def add(self, event: Event, now: float) -> None:
        """Note what was sent to the member alone, also if it waits still; nothing PASSING."""
        events = self._events
        events.append((now, event))
        self._size += _size(event)
        while events and (events[0][0] + LONGEST * self.window < now or self._size > MAX_BYTES):
            at, oldest = events.pop(0)
            self._size -= _size(oldest)
            if at + self.window >= now and isinstance(oldest, Told):
                self._dropped = (at, self._dropped[1] + 1)

    @property
    def told(self) -> frozenset[int]:
        """The ids of people's messages to the member alone that are noted here."""
        return frozenset(event.id for _, event in self._events if isinstance(event, Told))

    def unread(self, last_id: int, now_us: int, now: float) -> Unread:
        """What may not have been seen if the connection is given up now.

        Args:
            last_id: of the last message of all.
            now_us: the time as in an id, which may be far from the ids' if a clock was set.
            now: the time on our own clock.
        """
        begun = now - self.window
        slot = self.window / SLOTS
        latest = max(last_id + 1, now_us)
        since = latest - round(self.window * 1_000_000)
        late = [first for at, first in self._late if at + slot >= begun]
        waiting = self._waiting or ()
        since = min([since, *late, *(first for _, _, first in waiting)])
        unsent = (first for start, _, first in waiting if start >= self._position)
        dated = [(_date(event, latest, now - at), event) for at, event in self._events]
        return Unread(
            since=since,
            unsent=next(unsent, latest),
            events=[(date, event) for date, event in dated if date >= since],
            dropped=self._dropped[1] if self._dropped[0] >= begun else 0,
        )


def _date(event: Event, latest: int, ago: float) -> int:
    """The id of an event, or of one without an id, what it would have been."""
    return event.id if isinstance(event, Told) else latest - max(1, round(ago * 1_000_000))


def _size(event: Event) -> int:
    text = event.text if isinstance(event, Told | Noticed) else ""
    return _EVENT_BYTES + len(text)
