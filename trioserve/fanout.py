"""Events to those who are to see them: joined per room, rendered once per style.

Plain calls without I/O of their own; the broker is the only caller. Within a
turn, events pile up in their rooms; a flush renders each of them once for every
style there is among the members, and hands each member one piece of bytes.
"""

from collections.abc import Iterable
from typing import Final

import attrs

from trioserve.events import Events
from trioserve.messages import MESSAGE_TYPES, Event, Thronged
from trioserve.rooms import Crowd, Member, Piece, Room, World
from trioserve.wire.render import render
from trioserve.wire.text import Style

# A turn is full at either of these. A fresh socket takes 46-98 KiB at once, and
# one turn must never push a healthy reader towards its outbox's bounds.
TURN_BYTES: Final = 8 * 1024  # pending in one room, estimated
TURN_DELIVERIES: Final = 4000  # but for those of the turn's first room, which is never split

OVERHEAD: Final = 32  # bytes of a rendered message that are not its text: time, nick, line end


@attrs.define(eq=False)
class Fanout:
    """What is still to be shown in this turn, and to whom."""

    world: World
    dirty: dict[Room, None] = attrs.field(factory=dict, init=False)  # with something pending
    crowded: dict[Room, None] = attrs.field(factory=dict, init=False)  # with a crowd to tell of
    full: bool = attrs.field(default=False, init=False)  # enough for one turn
    watching: dict[Events, None] = attrs.field(factory=dict, init=False)  # who is told of all
    _deliveries: int = attrs.field(default=0, init=False)

    def post(self, room: Room, event: Event, *, silent: Member | None = None) -> None:
        """Let a room see an event at the next flush; all but `silent`, who typed it."""
        if room not in self.dirty:
            if self.dirty:
                self._deliveries += len(room.members)
            self.dirty[room] = None
        room.pending.append((event, silent))
        if self.watching:
            self.publish(event)
        if isinstance(event, MESSAGE_TYPES):
            room.history.append(event)
            room.pending_bytes += len(event.text) + OVERHEAD
        if room.pending_bytes >= TURN_BYTES or self._deliveries >= TURN_DELIVERIES:
            self.full = True

    def publish(self, event: Event) -> None:
        """Let watchers know of an event; they are never waited for."""
        for events in self.watching:
            events.put(event)

    def flush(self) -> None:
        """Show everything that is pending: the end of a turn."""
        for room in self.dirty:
            self._flush_room(room)
        self.dirty.clear()
        self._deliveries = 0
        self.full = False

    def flush_rooms(self, rooms: Iterable[Room]) -> None:
        """Show what is pending in these rooms.

        Before each change of a room's members, so that who joins sees nothing
        from before and who leaves misses nothing.
        """
        for room in rooms:
            if room in self.dirty:
                del self.dirty[room]
                self._flush_room(room)

    def put(self, member: Member, event: Event) -> None:
        """Show an event to one member now, behind all that their rooms have pending."""
        self.flush_rooms(member.rooms.values())
        member.outlet.put_event(event, render(event, member.style()))

    def tell_neighbours(self, member: Member, event: Event, rooms: Iterable[Room]) -> None:
        """Let everyone else in these rooms see an event now, once each."""
        self.flush_rooms(member.rooms.values())
        self.publish(event)
        seen = {member: None}
        for room in rooms:
            for style, group in room.groups.items():
                piece = Piece(room.name, render(event, style), (event,))
                for other in group:
                    if other not in seen:
                        seen[other] = None
                        other.outlet.put_piece(piece)

    def crowd(self, room: Room) -> Crowd:
        """Who came to a big room and left it, to be told together at the next `unfold`."""
        if room.crowd is None:
            room.crowd = Crowd()
            self.crowded[room] = None
        return room.crowd

    def unfold(self) -> None:
        """Tell the big rooms who came and went."""
        for room in self.crowded:
            crowd, room.crowd = room.crowd, None
            if crowd is not None:
                self.post(
                    room,
                    Thronged(
                        room.name, crowd.joined, crowd.joined_total, crowd.left, crowd.left_total
                    ),
                )
        self.crowded.clear()

    def _flush_room(self, room: Room) -> None:
        events, room.pending, room.pending_bytes = room.pending, [], 0
        apart = self._read_apart(room, events)
        shown = [event for event, _ in events]
        for style, group in room.groups.items():
            piece = _piece(room, shown, style)
            if piece.data:
                for member in group:
                    if member not in apart:
                        member.outlet.put_piece(piece)
        for member in apart:
            wanted = [
                event
                for event, silent in events
                if silent is not member and not _ignores(member, event)
            ]
            if wanted:
                member.outlet.put_piece(_piece(room, wanted, room.members[member]))

    def _read_apart(
        self, room: Room, events: list[tuple[Event, Member | None]]
    ) -> dict[Member, None]:
        """Those who are shown only a part: authors, and who ignores an author."""
        apart = {silent: None for _, silent in events if silent is not None}
        for member in self.world.ignorers:
            if member in room.members and any(_ignores(member, event) for event, _ in events):
                apart[member] = None
        return apart


def _piece(room: Room, events: list[Event], style: Style) -> Piece:
    return Piece(room.name, b"".join([render(event, style) for event in events]), events)


def _ignores(member: Member, event: Event) -> bool:
    return isinstance(event, MESSAGE_TYPES) and member.ignores(event.nick)
