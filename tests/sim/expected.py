"""What one member must have been shown, by all that happened."""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from tests.sim.chronicle import TOKEN, WHISPER, Entry, Gone, Handled, Happened, Seated
from trioserve.messages import Acted, Announced, Departed, Joined, Left, Renamed, Said
from trioserve.names import fold
from trioserve.ownership import LogIn
from trioserve.requests import Ignore, Tell
from trioserve.rulings import Deed, Moderated

THROWN_OUT: Final = (Deed.KICKED, Deed.BANNED)  # of their room


@attrs.frozen
class Line:
    """A message that somebody must be shown in a room, unless they are told of its loss."""

    id: int
    token: str  # empty: it has none, as what a terminal's keys have made of one
    author: str  # their folded nick then


@attrs.frozen
class Before:
    """What was to be shown before a member sat down at another connection."""

    seat: Seated
    lines: Mapping[str, int]  # how many, by folded room
    whispers: int
    is_sure: bool  # that what they do not show any more was read, or is known to be unread


@attrs.define(eq=False)
class Expected:
    """What a member must be shown, and where it came to sit meanwhile."""

    number: int  # the member's
    doubt: float  # seconds for which a server does not know what has arrived
    rooms: dict[str, list[Line]] = attrs.field(factory=dict, init=False)  # by folded name
    whispers: list[str] = attrs.field(factory=list, init=False)  # in private, also their own
    told: set[str] = attrs.field(factory=set, init=False)  # by anybody to who was here
    seats: list[Before] = attrs.field(factory=list, init=False)
    # The folded rooms that they have left, or were thrown out of, at any time.
    has_left: set[str] = attrs.field(factory=set, init=False)
    _present: set[str] = attrs.field(factory=set, init=False)
    _ignored: dict[str, str] = attrs.field(factory=dict, init=False)  # see `Ignored`
    _sees_own: bool = attrs.field(default=False, init=False)

    def take(self, entries: Iterable[Entry]) -> "Expected":
        for entry in entries:
            match entry:
                case Happened(event, who):
                    is_own = who == self.number
                    self._happened(event, is_own=is_own, is_echoed=entry.is_echoed)
                case Handled():
                    self._handled(entry)
                case Gone(who) if who == self.number:
                    self._present.clear()
                case Seated(who) if who == self.number:
                    self._sees_own, self._ignored = entry.sees_own, dict(entry.ignored)
                    lines = {room: len(lines) for room, lines in self.rooms.items()}
                    is_sure = entry.unread_for <= self.doubt
                    self.seats.append(Before(entry, lines, len(self.whispers), is_sure))
        return self

    @property
    def ignores(self) -> bool:
        """Whether they ignore anybody in the end."""
        return bool(self._ignored)

    def _handled(self, handled: Handled) -> None:
        is_own = handled.who == self.number
        if is_own:
            self._sees_own = handled.sees_own
        match handled.request:
            case Ignore() | LogIn() if is_own:
                self._ignored = dict(handled.ignored)
            case Tell(text=text) if handled.whom:
                self.told.update(WHISPER.findall(text))
                if self.number in (handled.who, handled.whom):
                    self.whispers += WHISPER.findall(text)

    def _happened(self, event: object, *, is_own: bool, is_echoed: bool) -> None:
        match event:
            case Renamed(old, new):
                self._is_renamed(fold(old), fold(new))
            case Joined(room) if is_own:
                self._present.add(fold(room))
            case Left(room) if is_own:
                self._leaves(room)
            case Departed(nick):
                if self._ignored.get(fold(nick)):  # followed
                    del self._ignored[fold(nick)]
                if is_own:
                    self._present.clear()
            case Moderated(deed=deed, room=room) if deed in THROWN_OUT and is_own:
                self._leaves(room)
            case Said() | Acted() | Announced() if fold(event.room) in self._present:
                shows_own = self._sees_own or is_echoed
                is_silent = isinstance(event, Said) and is_own and not shows_own
                if not is_silent and fold(event.nick) not in self._ignored:
                    found = TOKEN.search(event.text)
                    line = Line(event.id, found[0] if found else "", fold(event.nick))
                    self.rooms.setdefault(fold(event.room), []).append(line)

    def _is_renamed(self, old: str, new: str) -> None:
        """Follow who is ignored, by choice or under another nick by now."""
        if old in self._ignored and old != new:
            chosen = self._ignored[old] or old
            if chosen != old:
                del self._ignored[old]
            self._ignored.setdefault(new, chosen)

    def _leaves(self, room: str) -> None:
        self._present.discard(fold(room))
        self.has_left.add(fold(room))
