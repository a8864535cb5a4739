"""What one member must have been shown, by all that happened."""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from tests.sim.chronicle import TOKEN, WHISPER, Entry, Handled, Happened, Seated
from trioserve.messages import Acted, Announced, Departed, Joined, Left, Renamed, Said
from trioserve.names import fold
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
    seats: list[Before] = attrs.field(factory=list, init=False)
    # The folded rooms that they have left, or were thrown out of, at any time.
    has_left: set[str] = attrs.field(factory=set, init=False)
    _present: set[str] = attrs.field(factory=set, init=False)
    _ignored: "Ignored" = attrs.field(factory=lambda: Ignored(), init=False)
    _sees_own: bool = attrs.field(default=False, init=False)

    def take(self, entries: Iterable[Entry]) -> "Expected":
        for entry in entries:
            match entry:
                case Happened(event, who):
                    self._happened(event, is_own=who == self.number)
                case Handled():
                    self._handled(entry)
                case Seated(who) if who == self.number:
                    self._sees_own = entry.sees_own
                    lines = {room: len(lines) for room, lines in self.rooms.items()}
                    is_sure = entry.unread_for <= self.doubt
                    self.seats.append(Before(entry, lines, len(self.whispers), is_sure))
        return self

    @property
    def ignores(self) -> bool:
        """Whether they ignore anybody in the end."""
        return self._ignored.is_any

    def _handled(self, handled: Handled) -> None:
        is_own = handled.who == self.number
        if is_own:
            self._sees_own = handled.sees_own
        match handled.request:
            case Ignore(nick) if is_own:
                self._ignored.add(nick)
            case Tell(text=text) if self.number in (handled.who, handled.whom):
                self.whispers += WHISPER.findall(text)

    def _happened(self, event: object, *, is_own: bool) -> None:
        match event:
            case Renamed(old, new):
                self._ignored.renamed(old, new)
            case Joined(room) if is_own:
                self._present.add(fold(room))
            case Left(room) if is_own:
                self._leaves(room)
            case Departed(nick):
                self._ignored.departed(nick)
                if is_own:
                    self._present.clear()
            case Moderated(deed=deed, room=room) if deed in THROWN_OUT and is_own:
                self._leaves(room)
            case Said() | Acted() | Announced() if fold(event.room) in self._present:
                is_silent = isinstance(event, Said) and is_own and not self._sees_own
                if not is_silent and not self._ignored.has(event.nick):
                    found = TOKEN.search(event.text)
                    line = Line(event.id, found[0] if found else "", fold(event.nick))
                    self.rooms.setdefault(fold(event.room), []).append(line)

    def _leaves(self, room: str) -> None:
        self._present.discard(fold(room))
        self.has_left.add(fold(room))


@attrs.define(eq=False)
class Ignored:
    """Whom somebody ignores: those they chose, and who of them is followed under other nicks."""

    _chosen: set[str] = attrs.field(factory=set, init=False)
    _followed: dict[str, str] = attrs.field(factory=dict, init=False)  # to who was chosen

    @property
    def is_any(self) -> bool:
        return bool(self._chosen)

    def add(self, nick: str) -> None:
        self._chosen.add(fold(nick))
        self._followed.pop(fold(nick), None)

    def has(self, nick: str) -> bool:
        return fold(nick) in self._chosen or fold(nick) in self._followed

    def renamed(self, old: str, new: str) -> None:
        if self.has(old) and fold(old) != fold(new):
            chosen = self._followed.pop(fold(old), fold(old))
            if fold(new) not in self._chosen:
                self._followed[fold(new)] = chosen

    def departed(self, nick: str) -> None:
        self._followed.pop(fold(nick), None)
