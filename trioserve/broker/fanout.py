"""Events to those who are to see them: rendered once per style, joined per room.

Plain calls without I/O of their own; the broker is the only caller. Within a
turn, events pile up in their rooms, each rendered once for every style there is
among the members; a flush joins them and hands each member one piece of bytes.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import attrs

from trioserve.broker.events import Events
from trioserve.messages import MESSAGE_TYPES, Divided, Event, Message
from trioserve.names import fold
from trioserve.observe import Counters
from trioserve.rooms.member import Member
from trioserve.rooms.outlet import Piece
from trioserve.rooms.room import Room
from trioserve.state import attendance
from trioserve.state.world import World
from trioserve.wire.mentions import words
from trioserve.wire.render import render
from trioserve.wire.style import Style, View

# A turn is full at any of these. A fresh socket takes 46-98 KiB at once, and
# one turn must never push a healthy reader towards its outbox's bounds.
ROOM_BYTES: Final = 8 * 1024  # pending in one room
TURN_BYTES: Final = 32 * 1024  # in all, for whoever is in many rooms, or is sent much directly
TURN_DELIVERIES: Final = 4000  # but for those of the turn's first room, which is never split

UNREAD: Final = Divided("new since you last looked")
MAX_MENTIONED: Final = 20  # by one message; others whom it names see it as everybody does

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Fanout:
    """What is still to be shown in this turn, and to whom."""

    world: World
    counters: Counters
    # The rooms with something pending, and how many deliveries of theirs are counted already.
    dirty: dict[Room, int] = attrs.field(factory=dict, init=False)
    full: bool = attrs.field(default=False, init=False)  # enough for one turn
    watching: dict[Events, None] = attrs.field(factory=dict, init=False)  # who is told of all
    _deliveries: int = attrs.field(default=0, init=False)  # in this turn,
    _bytes: int = attrs.field(default=0, init=False)  # shown or pending

    def post(self, room: Room, event: Event, *, silent: Member | None = None) -> None:
        """Let a room see an event at the next flush; all but `silent`, who typed it.

        An event that cannot be rendered raises here, before anything has changed.
        """
        parts = []
        size = 0
        for style in room.groups:
            parts.append(part := render(event, style))
            if len(part) > size:
                size = len(part)
        if isinstance(event, MESSAGE_TYPES):
            self.world.remember(room, event)
        if room not in self.dirty:
            # A room's members are delivered to once, however much is pending. Those of the first
            # one do not count: with more than TURN_DELIVERIES, nothing would ever be joined.
            self.dirty[room] = deliveries = len(room.members) if self.dirty else 0
            self._deliveries += deliveries
        room.pending.append((event, silent, parts))
        room.pending_bytes += size
        if room.pending_bytes >= ROOM_BYTES:
            self.full = True
        self._count(0, size)
        if self.watching:
            self.publish(event)

    def publish(self, event: Event) -> None:
        """Let watchers know of an event; they are never waited for."""
        for events in self.watching:
            events.put(event)

    def flush(self) -> None:
        """Show everything that is pending: the end of a turn."""
        for room in self.dirty:
            self._flush_room(room)
        self.dirty.clear()
        self._deliveries = self._bytes = 0
        self.full = False

    def flush_rooms(self, rooms: Iterable[Room]) -> None:
        """Show what is pending in these rooms.

        Before each change of a room's members or of their styles, so that who
        joins sees nothing from before and who leaves misses nothing.
        """
        for room in rooms:
            if room in self.dirty:
                self._count(len(room.members) - self.dirty.pop(room), 0)
                self._flush_room(room)

    def put(self, member: Member, event: Event) -> None:
        """Show an event to one member now, behind all that their rooms have pending."""
        self.flush_rooms(member.rooms.values())
        self.show(member, event)

    def show(self, member: Member, event: Event) -> None:
        """Show an event to one member now, before what their rooms have pending."""
        if data := render(event, member.style(), View(member.nick)):
            self.counters.deliveries += 1
            self._count(1, len(data))
            member.outlet.put_event(event, data)

    def remind(self, member: Member, subject: str, event: Event) -> None:
        """Show an event to one member, of whom nothing may be asked: who reads not, later.

        Nobody may push a slow reader over the brink: of one subject they are shown the last.
        """
        if not member.outlet.lagging:
            self.put(member, event)
        elif member.seat is not None:
            member.seat.remind(subject, event)

    def tell_neighbours(self, member: Member, event: Event, rooms: Iterable[Room]) -> None:
        """Let everyone else in these rooms see an event now, once each."""
        self.flush_rooms(member.rooms.values())
        self.publish(event)
        rendered: dict[Style, bytes] = {}
        seen = {member: None}
        for room in rooms:
            for style, group in room.groups.items():
                if style not in rendered:
                    rendered[style] = render(event, style)
                if not rendered[style]:
                    continue
                piece = Piece(room.name, rendered[style], (event,))
                for other in group:
                    if other not in seen:
                        seen[other] = None
                        other.outlet.put_piece(piece)
        self.counters.deliveries += len(seen) - 1
        self._count(len(seen) - 1, max(map(len, rendered.values()), default=0))

    def tell_all(self, event: Event) -> None:
        """Let everybody see an event now, in no room, also who is skipping what rooms say."""
        self.publish(event)
        for member in self.world.members.values():
            self.put(member, event)

    def _count(self, deliveries: int, size: int) -> None:
        self._deliveries += deliveries
        self._bytes += size
        if self._deliveries >= TURN_DELIVERIES or self._bytes >= TURN_BYTES:
            self.full = True

    def _flush_room(self, room: Room) -> None:
        """Show what is pending in a room; never raises, or the other rooms had to do without."""
        self.counters.deliveries += len(room.members)
        try:
            if room.expecting:
                self._head_news(room)
            if len(room.pending) == 1 and not (
                room.latecomers or room.personal or self.world.ignorers
            ):
                self._deliver_one(room, *room.pending[0])
            else:
                apart = self._read_apart(room)
                if room.personal:
                    self._make_personal(room, apart)
                self._deliver(room, apart)
        except Exception:
            log.exception("what was pending in %s could not be shown", room.name)
            self.counters.crashes += 1
        room.pending = []
        room.pending_bytes = 0
        room.latecomers.clear()

    @staticmethod
    def _deliver_one(
        room: Room, event: Event, silent: Member | None, parts: Sequence[bytes]
    ) -> None:
        """Show an event that is alone to all but its author, as `_deliver` would.

        It is what small rooms nearly always need, and where the interpreter counts most.
        """
        for group, data in zip(room.groups.values(), parts, strict=True):
            if data:
                piece = Piece(room.name, data, (event,))
                for member in group:
                    if member is not silent:
                        member.outlet.put_piece(piece)

    def _deliver(self, room: Room, apart: dict[Member, dict[int, bytes]]) -> None:
        events = [event for event, _, _ in room.pending]
        for number, group in enumerate(room.groups.values()):
            parts = [parts[number] for _, _, parts in room.pending]
            if not (data := b"".join(parts)):
                continue
            whole = Piece(room.name, data, events)
            pieces: dict[tuple[tuple[int, bytes], ...], Piece] = {}  # by what is other in them
            for member in group:
                if member not in apart:
                    member.outlet.put_piece(whole)
                elif len(apart[member]) < len(parts) or any(apart[member].values()):
                    changes = tuple(sorted(apart[member].items()))
                    if changes not in pieces:
                        pieces[changes] = _changed(whole, parts, changes)
                    if pieces[changes].data:
                        member.outlet.put_piece(pieces[changes])

    def _read_apart(self, room: Room) -> dict[Member, dict[int, bytes]]:
        """Who is shown something else, and what instead of which of `pending`: b"" is nothing.

        Nothing of some is shown to authors, who has come meanwhile, and whoever ignores an author.
        """
        apart = {
            member: dict.fromkeys(range(before), b"") for member, before in room.latecomers.items()
        }
        ignorers = self.world.ignorers
        ignored: dict[str, list[int]] = {}  # by folded nick
        for index, (event, silent, _) in enumerate(room.pending):
            if silent is not None:
                if silent not in apart:
                    apart[silent] = {}
                apart[silent][index] = b""
            if ignorers and isinstance(event, MESSAGE_TYPES) and fold(event.nick) in ignorers:
                ignored.setdefault(fold(event.nick), []).append(index)
        for nick, indexes in ignored.items():
            ignoring = ignorers[nick]
            for member in ignoring if len(ignoring) < len(room.members) else room.members:
                if member in ignoring and member in room.members:
                    apart.setdefault(member, {}).update(dict.fromkeys(indexes, b""))
        return apart

    def _head_news(self, room: Room) -> None:
        """Show who is away, before the first message since, that it is the first.

        Who does not read is not sent the message, and is not sent this before it either.
        """
        for member in list(room.expecting):
            if not member.outlet.lagging and any(
                isinstance(event, MESSAGE_TYPES)
                and fold(event.nick) != fold(member.nick)
                and not member.ignores(event.nick)
                for event, _, _ in room.pending[room.latecomers.get(member, 0) :]
            ):
                self.show(member, UNREAD)
                attendance.see_news(member)

    def _make_personal(self, room: Room, apart: dict[Member, dict[int, bytes]]) -> None:
        """Let who is mentioned see that, and who is shown what they said themself, too."""
        for index, (event, _, _) in enumerate(room.pending):
            if isinstance(event, MESSAGE_TYPES):
                for member in self._concerned(room, event):
                    changes = apart.setdefault(member, {})
                    if index not in changes:
                        style = room.members[member]
                        changes[index] = render(event, style, View(member.nick))

    def _concerned(self, room: Room, message: Message) -> Iterator[Member]:
        """Who is in a room and wrote a message or is mentioned in it, if they see that at all."""
        left = 1 + MAX_MENTIONED
        for word in chain((fold(message.nick),), words(message.text)):
            member = self.world.members.get(word)
            if member is not None and member in room.members and room.members[member].is_personal:
                yield member
                left -= 1
                if not left:
                    return


def _changed(whole: Piece, parts: Sequence[bytes], changes: Sequence[tuple[int, bytes]]) -> Piece:
    """A piece of the same events, but for some with other bytes, or none and left out."""
    shown, events = list(parts), list(whole.events)
    for index, data in reversed(changes):
        if data:
            shown[index] = data
        else:
            del shown[index], events[index]
    return Piece(whole.room, b"".join(shown), events)
