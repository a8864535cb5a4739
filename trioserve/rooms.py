"""Who is here and where: people, rooms, membership, and each room's recent messages.

Plain data without clocks or I/O. The broker is the only one who changes it;
everyone may read it, because Trio tasks switch only at checkpoints.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, Protocol

import attrs

from trioserve.errors import ChatError
from trioserve.messages import MESSAGE_TYPES, Event, Message
from trioserve.names import fold, free_nick
from trioserve.wire.text import Style

MAX_IGNORED: Final = 100  # nicks on one member's list
NICKS_NAMED: Final = 3  # of those who came to a big room or left it; the rest are counted


@attrs.frozen
class RoomLimits:
    """How many rooms there may be, what they keep, and how much of it is shown."""

    first: str = "#lobby"  # where everybody begins
    topic: str = "Welcome!"  # of that room, when it is made
    per_member: int = 20
    most: int = 10_000
    history: int = 200  # messages kept in memory per room
    shown_on_join: int = attrs.field(default=10, metadata={"least": 0})  # messages
    names_shown: int = 20  # of a list of people or rooms; the rest are counted
    fold_above: int = 200  # members, above which joins and departures are told together,
    fold_every: float = 10.0  # this often (seconds)


@attrs.frozen
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


class Outlet(Protocol):
    """Where a member's share of events goes. Nothing here waits or raises."""

    @property
    def lagging(self) -> bool:
        """Whether the member does not read what it was sent."""

    def put_event(self, event: Event, data: bytes) -> None:
        """Send an event, rendered as bytes too, which must not be skipped."""

    def put_piece(self, piece: Piece) -> None:
        """Send a room's events, or count them as skipped while the member lags."""


@attrs.define(eq=False)
class Member:
    """Somebody whom the rooms know: a nick, rooms, preferences, and where to send to.

    A member is not a connection; the session is what it speaks through.
    """

    nick: str
    outlet: Outlet
    active: float  # when it last said or did something (seconds on Trio's clock)
    is_operator: bool = False
    quiet: bool = attrs.field(default=False, init=False)
    json: bool = attrs.field(default=False, init=False)  # reads JSON, not text
    rooms: dict[str, "Room"] = attrs.field(factory=dict, init=False)  # by folded name
    room: "Room | None" = attrs.field(default=None, init=False)  # the current one
    ignored: dict[str, str] | None = attrs.field(default=None, init=False)  # folded nick: nick
    correspondent: "Member | None" = attrs.field(default=None, init=False)  # for /reply

    def style(self, room: "Room | None" = None) -> Style:
        """How this member wants to see what happens in `room`, or in the current room."""
        return Style(room is None or room is self.room, self.quiet, self.json)

    def ignores(self, nick: str) -> bool:
        return self.ignored is not None and fold(nick) in self.ignored


@attrs.define(eq=False)
class Crowd:
    """Who came and went in a big room since that was last told."""

    joined: list[str] = attrs.field(factory=list, init=False)  # the first few
    joined_total: int = attrs.field(default=0, init=False)
    left: list[str] = attrs.field(factory=list, init=False)
    left_total: int = attrs.field(default=0, init=False)

    def add_joined(self, nick: str) -> None:
        self.joined_total += 1
        if len(self.joined) < NICKS_NAMED:
            self.joined.append(nick)

    def add_left(self, nick: str) -> None:
        self.left_total += 1
        if len(self.left) < NICKS_NAMED:
            self.left.append(nick)


@attrs.define(eq=False)
class Room:
    """A room: who is in it, in which style each reads it, and what was said.

    `groups` holds the same members as `members`, by style: a turn renders each
    event once per group, however many members there are. Both are dicts,
    because a set's order would change from run to run.
    """

    name: str
    topic: str
    history: deque[Message]  # the last messages, oldest first
    members: dict[Member, Style] = attrs.field(factory=dict, init=False)  # longest present first
    groups: dict[Style, dict[Member, None]] = attrs.field(factory=dict, init=False)
    # What happened in this turn, and who shall not be shown it because they typed it.
    pending: list[tuple[Event, Member | None]] = attrs.field(factory=list, init=False)
    pending_bytes: int = attrs.field(default=0, init=False)
    crowd: Crowd | None = attrs.field(default=None, init=False)

    def add(self, member: Member, style: Style) -> None:
        self.members[member] = style
        self.groups.setdefault(style, {})[member] = None

    def remove(self, member: Member) -> None:
        self._ungroup(member)
        del self.members[member]

    def restyle(self, member: Member, style: Style) -> None:
        """Change how a member reads the room; its rank among those present stays."""
        if self.members[member] != style:
            self._ungroup(member)
            self.add(member, style)

    def _ungroup(self, member: Member) -> None:
        style = self.members[member]
        group = self.groups[style]
        del group[member]
        if not group:
            del self.groups[style]

    def nicks(self, most: int) -> list[str]:
        """The nicks of the members who have been here longest, at most so many."""
        return [member.nick for member in islice(self.members, most)]

    def recent(self, most: int) -> list[Message]:
        """The last messages, at most so many, oldest first."""
        return list(islice(reversed(self.history), most))[::-1]

    def recall(self, ids: Iterable[int]) -> list[Message]:
        """The messages with these ids that are still in the history, oldest first."""
        wanted = frozenset(ids)
        return [message for message in self.history if message.id in wanted]


@attrs.define(eq=False)
class World:
    """All people and all rooms. Every refusal is a ChatError and changes nothing.

    What always holds: a member is in ``room.members`` exactly if the room is in ``member.rooms``,
    and in ``ignorers`` exactly if it ignores somebody; no two have one nick; no room is empty.
    """

    limits: RoomLimits
    members: dict[str, Member] = attrs.field(factory=dict, init=False)  # by folded nick
    rooms: dict[str, Room] = attrs.field(factory=dict, init=False)  # by folded name
    ignorers: dict[Member, None] = attrs.field(factory=dict, init=False)

    # ------------------------------------------------------------ look up

    def member(self, nick: str) -> Member:
        """Raises ChatError if nobody has this nick."""
        if (member := self.members.get(fold(nick))) is None:
            raise ChatError(f"there is no {nick} here")
        return member

    def owner(self, room: Room | None) -> Member | None:
        """Who has been in a room longest; the first room is nobody's."""
        if room is None or fold(room.name) == fold(self.limits.first):
            return None
        return next(iter(room.members))

    def correspondent(self, member: Member) -> Member:
        """Raises ChatError if they are gone: their name may be somebody else's now."""
        other = member.correspondent
        if other is None:
            raise ChatError("you have exchanged no private message yet")
        if self.members.get(fold(other.nick)) is not other:
            raise ChatError(f"{other.nick}, whom you talked to, has left")
        return other

    def room(self, name: str) -> Room:
        """Raises ChatError if there is no such room. `name` has its ``#``."""
        if (room := self.rooms.get(fold(name))) is None:
            raise ChatError(f"there is no room {name}")
        return room

    def room_of(self, member: Member, name: str) -> Room:
        """Raises ChatError if the member is not in a room of this name."""
        if (room := member.rooms.get(fold(name))) is None:
            raise ChatError(f"you are not in {name}")
        return room

    def current_room(self, member: Member) -> Room:
        """Raises ChatError if the member is in no room."""
        if member.room is None:
            raise ChatError("you are in no room: /join one, such as /join #lobby")
        return member.room

    # ------------------------------------------------------------- change

    def enter(self, member: Member) -> None:
        self._refuse_taken(member.nick)
        self.members[fold(member.nick)] = member

    def rename(self, member: Member, nick: str) -> None:
        """Give the member another nick; whoever ignored them goes on to, under the new one."""
        self.refuse_absent(member)
        if nick == member.nick:
            raise ChatError(f"you are {nick} already")
        if fold(nick) != fold(member.nick):
            self._refuse_taken(nick)
        for ignorer in self.ignorers:
            if ignorer.ignored and ignorer.ignored.pop(fold(member.nick), None):
                ignorer.ignored[fold(nick)] = nick
        self.members[fold(nick)] = self.members.pop(fold(member.nick))
        member.nick = nick

    def join(self, member: Member, name: str) -> Room:
        """Put the member into a room, which is made if there is none, as its current one."""
        self.refuse_absent(member)
        limits = self.limits
        if fold(name) in member.rooms:
            raise ChatError(f"you are in {name} already; /room {name} makes it the current one")
        if len(member.rooms) >= limits.per_member:
            raise ChatError(f"you are in {limits.per_member} rooms, the most; /leave one first")
        room = self.rooms.get(fold(name))
        if room is None:
            is_first = fold(name) == fold(limits.first)  # to be had always, or nobody could enter
            if len(self.rooms) >= limits.most and not is_first:
                raise ChatError(f"there are {limits.most} rooms, the most; join one of them")
            room = Room(name, limits.topic if is_first else "", deque(maxlen=limits.history))
            self.rooms[fold(name)] = room
        member.rooms[fold(name)] = room
        room.add(member, member.style(room))
        self.switch(member, room)
        return room

    def leave(self, member: Member, room: Room) -> None:
        """Take the member out of a room; the one it joined last becomes the current one."""
        room.remove(member)
        del member.rooms[fold(room.name)]
        if not room.members:
            del self.rooms[fold(room.name)]
        if member.room is room:
            member.room = None
            if member.rooms:
                self.switch(member, next(reversed(member.rooms.values())))

    def switch(self, member: Member, room: Room) -> None:
        """Make a room that the member is in its current one."""
        member.room = room
        for each in member.rooms.values():
            each.restyle(member, member.style(each))

    def set_quiet(self, member: Member, quiet: bool) -> None:
        member.quiet = quiet
        self._restyle(member)

    def set_json(self, member: Member, json: bool) -> None:
        member.json = json
        self._restyle(member)

    def ignore(self, member: Member, nick: str) -> None:
        self.refuse_absent(member)
        ignored = member.ignored or {}
        if len(ignored) >= MAX_IGNORED and fold(nick) not in ignored:
            raise ChatError(f"you ignore {MAX_IGNORED} people, the most; /unignore one first")
        member.ignored = {**ignored, fold(nick): nick}
        self.ignorers[member] = None

    def unignore(self, member: Member, nick: str) -> None:
        if not (member.ignored and member.ignored.pop(fold(nick), None)):
            raise ChatError(f"you do not ignore {nick}")
        if not member.ignored:
            self.ignorers.pop(member, None)

    def depart(self, member: Member) -> None:
        """Take the member out of everything. One who is not here is let be."""
        for room in list(member.rooms.values()):
            self.leave(member, room)
        self.ignorers.pop(member, None)
        member.ignored = member.correspondent = None  # no chain of those who have left
        if self.members.get(fold(member.nick)) is member:
            del self.members[fold(member.nick)]

    def _restyle(self, member: Member) -> None:
        for room in member.rooms.values():
            room.restyle(member, member.style(room))

    def refuse_absent(self, member: Member) -> None:
        """Whoever has departed must not come back as a ghost: a command may outlast them."""
        if self.members.get(fold(member.nick)) is not member:
            raise ChatError("you have left already")

    def _refuse_taken(self, nick: str) -> None:
        if fold(nick) in self.members:
            raise ChatError(f"the name {nick} is taken; {free_nick(nick, self.members)} is free")
