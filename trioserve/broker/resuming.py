"""Members whose connections broke: kept for a while, told of, and given back to who they are.

Theory of operation. A member speaks through a seat. When its connection breaks, the
seat becomes a `Mailbox`, in which only waits what is said to the member alone: what rooms
say, they keep themselves. Whoever brings the member's words at another connection, or has
proved otherwise who they are, takes the member over, also from a connection that only
seems alive, and is shown what the seat before may not have brought. Who does not come in
time departs, and so do the oldest when there are too many. Plain calls; the broker is the
only caller.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

import attrs

from trioserve.broker.comings import Comings
from trioserve.broker.fanout import Fanout
from trioserve.broker.phrases import new_phrase, nobody_s, normal
from trioserve.errors import ChatError
from trioserve.messages import (
    Divided,
    Event,
    Message,
    Noticed,
    Resumable,
    Skipped,
    Told,
)
from trioserve.rooms.member import Member
from trioserve.rooms.outlet import Piece, Seat
from trioserve.rooms.room import Room
from trioserve.rooms.trail import PASSING, Owed, Unread
from trioserve.settings import setting
from trioserve.state import attendance
from trioserve.state.world import World
from trioserve.wire.render import render
from trioserve.wire.style import View
from trioserve.wire.text import names, plural

LOST: Final = "connection lost"  # why those depart who do not come back
MAX_BYTES: Final = 32 * 1024  # that one is shown on coming back; what rooms said beyond is skipped
MAX_KEPT: Final = 16 * 1024  # bytes of text that wait for one who is lost
UNSURE: Final = Divided("you may have seen these")
UNSENT: Final = Divided("new since the connection broke")
NOW: Final = Divided("now")


@attrs.frozen
class ResumeLimits:
    """How long those are kept whose connections broke, and how many."""

    keep: float = setting(60.0, "seconds to come back by /resume; 0: they leave at once", least=0)
    most: int = setting(1000, "of them; with more, those who were lost first leave", least=0)
    per_address: int = setting(16, "of them; loopback and unix sockets are exempt", least=0)


@attrs.define(eq=False)
class Mailbox:
    """The seat, and the outlet, of one who is lost. What waits in it is bounded in bytes."""

    unread: Unread
    said: dict[Room, int]  # how many messages their rooms had had when they were lost
    last_id: int  # of all messages then
    deadline: float  # seconds on a clock that never goes back
    depart: Callable[[str], None]
    now_us: Callable[[], int]
    _events: list[tuple[int, Event]] = attrs.field(factory=list, init=False)
    _size: int = attrs.field(default=0, init=False)
    _reminders: dict[str, Event] = attrs.field(factory=dict, init=False)  # by subject

    @property
    def lagging(self) -> bool:
        """Whether it is full: who writes to the member alone is told."""
        return self._size >= MAX_KEPT

    def put_event(self, event: Event, data: bytes) -> None:
        """Keep what is for the member alone; what only tells of this moment is dropped."""
        if not isinstance(event, PASSING):
            date = event.id if isinstance(event, Told) else max(self.now_us(), self.last_id + 1)
            self._events.append((date, event))
            self._size += len(data)

    def put_piece(self, piece: Piece) -> None:
        """Drop it: the room keeps what was said."""

    def dismiss(self, cause: str, reason: str) -> None:
        self.depart(reason)

    def remind(self, subject: str, event: Event) -> None:
        self._reminders.pop(subject, None)
        self._reminders[subject] = event

    def vacate(self, last_id: int, now_us: int) -> Unread:
        now = max(self.now_us(), self.last_id + 1)
        reminders = [(now, each) for each in self._reminders.values()]
        return attrs.evolve(self.unread, events=[*self.unread.events, *self._events, *reminders])

    def occupy(self, member: Member, unread: Unread, data: bytes) -> None:
        raise RuntimeError("a mailbox is made for one member")


@attrs.define(eq=False)
class Resuming:
    """Who is lost, by which words they come back, and what they are shown then."""

    world: World
    fanout: Fanout
    comings: Comings
    depart: Callable[[Member, str], None]
    limits: ResumeLimits = attrs.field(factory=ResumeLimits)
    now_ns: Callable[[], int] = time.time_ns  # nanoseconds since 1970
    now: Callable[[], float] = time.time  # seconds on a clock that never goes back
    new_words: Callable[[], str] = new_phrase  # that nobody can foresee
    on_words: Callable[[Member], None] = lambda _: None  # has others, or is somebody else
    lost: dict[Member, Mailbox] = attrs.field(factory=dict, init=False)  # the oldest first
    _by_words: dict[str, Member] = attrs.field(factory=dict, init=False)

    # ------------------------------------------------------- words, and who is lost

    def introduce(self, member: Member) -> None:
        """Give a member, but no bot, words by which they come back, and show them.

        Where nobody is kept, there is nothing to come back to.
        """
        if member.seat is None or not self.limits.keep:
            return
        self._by_words.pop(member.words, None)
        while (words := self.new_words()) in self._by_words:
            pass
        member.words = words
        self._by_words[words] = member
        self.fanout.show(member, Resumable(words))
        self.on_words(member)

    def lose(self, member: Member, seat: Seat, last_id: int) -> None:
        """Keep a member whose connection has broken, if that is still the one they have."""
        if member.seat is not seat or not self.world.is_here(member):
            return
        if not self.limits.keep:
            self.depart(member, LOST)
            return
        self.fanout.flush_rooms(member.rooms.values())
        mailbox = Mailbox(
            seat.vacate(last_id, self._now_us()),
            {room: room.said for room in member.rooms.values()},
            last_id,
            self.now() + self.limits.keep,
            lambda reason: self.depart(member, reason),
            self._now_us,
        )
        member.seat = member.outlet = mailbox
        attendance.lose(self.world, member, mailbox.unread.since - 1)
        self.lost[member] = mailbox
        self.comings.tell_dropped(member)
        for other in list(self._too_many(member.address)):
            self.depart(other, LOST)

    def forget(self, member: Member) -> None:
        """Note that a member has departed, or is lost no more."""
        self.lost.pop(member, None)
        member.is_lost = False
        if not self.world.is_here(member):
            self._by_words.pop(member.words, None)

    def part_with_late(self) -> None:
        """Let those depart who have not come back in time."""
        for member in [each for each, box in self.lost.items() if box.deadline <= self.now()]:
            self.depart(member, LOST)

    def part_with_all(self) -> None:
        """Let everybody depart who is lost: the server ends."""
        for member in list(self.lost):
            self.depart(member, LOST)

    @property
    def next_deadline(self) -> float | None:
        """When the next of the lost departs, in seconds on `now`'s clock."""
        return min((box.deadline for box in self.lost.values()), default=None)

    def _too_many(self, address: str | None) -> Iterator[Member]:
        if len(self.lost) > self.limits.most:
            yield next(iter(self.lost))
        if address is not None:
            same = [each for each in self.lost if each.address == address]
            yield from same[: max(0, len(same) - self.limits.per_address)]

    # ------------------------------------------------------------- coming back

    def owner_of(self, words: str, newcomer: Member) -> Member:
        """Whose words these are; raises ChatError if they are nobody's, or one's own."""
        member = self._by_words.get(normal(words))
        if member is newcomer:
            raise ChatError("those are your own: they are for when this connection breaks")
        if member is None:
            raise ChatError(nobody_s(self.limits.keep))
        return member

    def take_over(self, newcomer: Member, member: Member, last_id: int) -> None:
        """Let a newcomer's seat speak for a member from now on; the newcomer departs."""
        seat = newcomer.seat
        if seat is None or member.seat is None:
            raise ChatError(f"{member.nick} is a bot")
        if newcomer is member:
            raise ChatError(f"you are {member.nick} already")
        if self.world.is_here(newcomer):
            self.depart(newcomer, "")
        was_lost, mailbox = member.is_lost, self.lost.get(member)
        self.fanout.flush_rooms(member.rooms.values())
        unread = member.seat.vacate(last_id, self._now_us())
        self.forget(member)
        if was_lost:
            attendance.find(self.world, member)
        member.seat, member.outlet = seat, newcomer.outlet
        member.address, member.peer = newcomer.address, newcomer.peer
        member.active = newcomer.active
        self.world.set_screen(member, newcomer.screen)
        if newcomer.look.spoken:
            self.world.set_look(member, attrs.evolve(member.look, spoken=True))
        data, unread = self._shown(member, unread, mailbox)
        seat.occupy(member, unread, data)
        self.introduce(member)
        if was_lost:
            self.comings.tell_returned(member)

    def _shown(
        self, member: Member, unread: Unread, mailbox: Mailbox | None
    ) -> tuple[bytes, Unread]:
        """What one who is back is shown, and what is still owed to them then."""
        style = member.style()
        current = f", in {member.room.name}" if member.room is not None else ""
        others = [each.name for each in member.rooms.values() if each is not member.room]
        also = f"; you are also in {names(others, len(others))}" if others else ""
        shown = [
            (render(Noticed(f"you are {member.nick} again{current}{also}"), style)),
        ]
        owed: dict[str, list[int]] = {}
        head: Event | None = None
        size = 0
        for date, event, room in self._unread(member, unread):
            if room is not None and (size >= MAX_BYTES or room.name in owed):
                owed.setdefault(room.name, []).append(date)
                continue
            if head is not (head := UNSURE if date < unread.unsent else UNSENT):
                shown.append(render(head, style))
            part = render(event, member.style(room), View(member.nick, live=False))
            shown.append(part)
            size += len(part)
        gone = {} if mailbox is None else self._gone(member, mailbox)
        missed = dict(unread.owed)
        for name in [*owed, *gone]:
            before = missed.get(name, Owed())
            ids = [*before.ids, *owed.pop(name, ())]
            missed[name] = Owed(ids, before.others + gone.pop(name, 0))
        for name, each in missed.items():
            count = len(each.ids) + each.others
            shown.append(render(Skipped(name, count, len(each.ids)), style))
        if unread.dropped:
            dropped = plural(unread.dropped, "private message")
            shown.append(render(Noticed(f"{dropped} before that can not be shown again"), style))
        if head is not None:
            shown.append(render(NOW, style))
        return b"".join(shown), attrs.evolve(unread, owed=missed)

    def _unread(self, member: Member, unread: Unread) -> list[tuple[int, Event, Room | None]]:
        """What one may not have seen, oldest first: with its id, and the room where it was said."""
        found: list[tuple[int, Event, Room | None]] = [
            (date, event, None) for date, event in unread.events
        ]
        for room in member.rooms.values():
            skipped = set(unread.owed[room.name].ids) if room.name in unread.owed else set()
            found += [
                (message.id, message, room)
                for message in _since(room, max(unread.since, room.entered[member] + 1))
                if message.id not in skipped and not member.ignores(message.nick)
            ]
        return sorted(found, key=lambda each: each[0])

    @staticmethod
    def _gone(member: Member, mailbox: Mailbox) -> dict[str, int]:
        """How many messages were said while somebody was lost, and are kept no more, by room."""
        gone = {}
        for room, before in mailbox.said.items():
            if room in member.rooms.values():
                kept = sum(1 for _ in _since(room, mailbox.last_id + 1))
                if count := room.said - before - kept:
                    gone[room.name] = count
        return gone

    def _now_us(self) -> int:
        return self.now_ns() // 1000


def _since(room: Room, first: int) -> Iterator[Message]:
    """The messages from an id on that a room keeps, the last first."""
    for message in reversed(room.history):
        if message.id < first:
            return
        yield message
