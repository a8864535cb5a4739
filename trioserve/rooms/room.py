"""One member and one room: nick, preferences, who is in it, its recent messages.

Plain data without clocks or I/O; `world` keeps all of them in step.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, Protocol
from weakref import WeakSet

import attrs

from trioserve.messages import MESSAGE_TYPES, Event, Message
from trioserve.names import fold
from trioserve.rooms.moderation import Identity, Rules
from trioserve.rooms.trail import Unread
from trioserve.rooms.whereabouts import Span, Whereabouts
from trioserve.wire.style import PLAIN, Look, Screen, Style


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


@attrs.define(eq=False)
class Member:
    """Somebody whom the rooms know: a nick, rooms, preferences, and where to send to.

    A member is not a connection; the session is what it speaks through. Members
    and rooms hold each other: to show one (`repr`) must not show the other.
    """

    nick: str
    outlet: Outlet
    active: float  # when it last said or did something (seconds on Trio's clock)
    is_operator: bool = False
    address: str | None = None  # of the network it comes from; None: this machine
    seat: Seat | None = None  # None of a bot
    number: int = attrs.field(factory=itertools.count(1).__next__, init=False)  # nobody else's
    account: str = attrs.field(default="", init=False)  # whose owner it is; empty: a guest
    # Its preferences as they are kept for the account, and what is kept of all others: nothing.
    chosen: Mapping[str, Any] = attrs.field(default=MappingProxyType({}), init=False, repr=False)
    is_bot: bool = False  # is told of each coming and going, however many
    quiet: bool = attrs.field(default=False, init=False)
    json: bool = attrs.field(default=False, init=False)  # reads JSON, not text
    look: Look = attrs.field(default=PLAIN.look, init=False)  # of what is shown
    screen: Screen = attrs.field(default=PLAIN.screen, init=False)
    # When it was away or gone; the id of the last message that it may have seen before it was
    # lost; and where it was when it was here last, as long as it is not there again.
    absences: tuple[Span, ...] = attrs.field(default=(), init=False)
    lost_at: int = attrs.field(default=0, init=False)
    returning: Whereabouts | None = attrs.field(default=None, init=False)
    rooms: dict[str, "Room"] = attrs.field(factory=dict, init=False, repr=False)  # by folded name
    room: "Room | None" = attrs.field(default=None, init=False, repr=False)  # the current one
    ignored: dict[str, str] | None = attrs.field(default=None, init=False)  # folded nick: nick
    # Other nicks that ignored people have taken: folded nick: the folded one that is ignored.
    followed: dict[str, str] | None = attrs.field(default=None, init=False)
    correspondent: "Member | None" = attrs.field(default=None, init=False, repr=False)  # for /reply
    absence: "Absence | None" = attrs.field(default=None, init=False)  # while away
    words: str = attrs.field(default="", init=False, repr=False)  # by which one becomes it again
    is_lost: bool = attrs.field(default=False, init=False)  # its connection is broken

    def style(self, room: "Room | None" = None) -> Style:
        """How this member wants to see what happens in `room`, or in the current room."""
        here = room is None or room is self.room
        return Style(here, self.quiet, self.json, self.look, self.screen)

    @property
    def identity(self) -> Identity:
        """By what this member is known again."""
        return Identity(self.nick, self.address, self.number)

    @property
    def source(self) -> str:
        """What its tries of a secret are counted by: its address, or on this machine itself."""
        return self.address or f"#{self.number}"

    @property
    def sees_own_lines(self) -> bool:
        """Whether what it says is shown to it as to the others: no terminal has done so."""
        return self.json or self.screen.rich

    def ignores(self, nick: str) -> bool:
        if self.ignored is None:
            return False
        folded = fold(nick)
        return folded in self.ignored or (self.followed is not None and folded in self.followed)


@attrs.define(eq=False)
class Absence:
    """That somebody is away: what they said of it, who knows, whether they have missed anything."""

    text: str
    # Who has been told of it; they may leave meanwhile, and must not be kept for that.
    told: "WeakSet[Member]" = attrs.field(factory=WeakSet, init=False)
    is_fresh: bool = attrs.field(default=True, init=False)  # no message has come yet


@attrs.frozen
class RoomPast:
    """What a room begins with that was there before: its topic, and what was said last."""

    topic: str | None = None  # None: nobody has ever set it
    messages: Sequence[Message] = ()
    is_readable: bool = True
    private: int = 0  # the number of the room alone that may begin with it; 0: any


@attrs.define(eq=False)
class Crowd:
    """Who came to a room, left it, was lost, or is back, and not told of yet: their nicks then."""

    joined: dict[Member, str] = attrs.field(factory=dict, init=False)
    left: dict[Member, str] = attrs.field(factory=dict, init=False)
    reasons: dict[Member, str] = attrs.field(factory=dict, init=False)  # of some who left
    dropped: dict[Member, str] = attrs.field(factory=dict, init=False)  # lost the connection,
    returned: dict[Member, str] = attrs.field(factory=dict, init=False)  # and are back

    def add_joined(self, member: Member) -> None:
        if self.left.get(member) == member.nick:
            del self.left[member]
        else:
            self.joined[member] = member.nick

    def add_left(self, member: Member, reason: str = "") -> None:
        if self.joined.pop(member, None) is None:
            self.left[member] = member.nick
            if reason:
                self.reasons[member] = reason

    def add_dropped(self, member: Member) -> None:
        if self.returned.pop(member, None) is None:
            self.dropped[member] = member.nick

    def add_returned(self, member: Member) -> None:
        if self.dropped.pop(member, None) is None:
            self.returned[member] = member.nick


@attrs.define(eq=False)
class Room:
    """A room: who is in it, in which style each reads it, and what was said.

    `groups` holds the same members as `members`, by style: an event is rendered
    once per group, however many members there are. Both are dicts, because a
    set's order would change from run to run. The styles do not change while
    something is `pending`, and who joins then is a latecomer.
    """

    name: str
    topic: str
    history: deque[Message]  # the last messages, oldest first
    number: int = 0  # no other room's, of this name or another, ever
    owner: Member | None = attrs.field(default=None, init=False)  # None: the operators
    # The account, folded, whose it was when the server ended: for that it has no owner.
    claim: str = attrs.field(default="", init=False)
    rules: Rules | None = attrs.field(default=None, init=False)  # None: nothing special holds
    # Who has been here longest comes first.
    members: dict[Member, Style] = attrs.field(factory=dict, init=False, repr=False)
    groups: dict[Style, dict[Member, None]] = attrs.field(factory=dict, init=False, repr=False)
    # The last message's id, of all rooms, when they came.
    entered: dict[Member, int] = attrs.field(factory=dict, init=False, repr=False)
    history_bytes: int = attrs.field(default=0, init=False)  # of memory, about
    said: int = attrs.field(default=0, init=False)  # messages, since it was made
    # What happened in this turn; who shall not be shown it because they typed it; and the bytes
    # that each of `groups` is shown.
    pending: list[tuple[Event, Member | None, list[bytes]]] = attrs.field(
        factory=list, init=False, repr=False
    )
    pending_bytes: int = attrs.field(default=0, init=False)  # for the group with most
    # Who has joined since, and how much of `pending` is from before that.
    latecomers: dict[Member, int] = attrs.field(factory=dict, init=False, repr=False)
    crowd: Crowd | None = attrs.field(default=None, init=False)
    # Who is away, and has been shown no message since: the first is headed by a line.
    expecting: dict[Member, None] = attrs.field(factory=dict, init=False, repr=False)
    # How many of `groups` are shown otherwise what is their own or mentions them.
    personal: int = attrs.field(default=0, init=False)

    @property
    def possessor(self) -> str:
        """Whose it is, in words for people."""
        return self.claim or "the operators" if self.owner is None else self.owner.nick

    def has_readers_like(self, member: Member) -> bool:
        """Whether what is pending has been rendered as this member would read it."""
        return member.style() in self.groups

    def add_latecomer(self, member: Member) -> None:
        """Have what is pending not shown to one who has just joined."""
        if self.pending:
            self.latecomers[member] = len(self.pending)

    def add(self, member: Member, style: Style) -> None:
        self.members[member] = style
        if style not in self.groups:
            self.groups[style] = {}
            self.personal += style.is_personal
        self.groups[style][member] = None

    def remove(self, member: Member) -> None:
        self._ungroup(member)
        del self.members[member]
        self.entered.pop(member, None)
        if self.owner is member:
            self.pass_on()
        if self.rules is not None:
            self.rules.part_with(member.identity)

    def pass_on(self) -> None:
        """Make another the owner: who would be, had the present one left."""
        self.owner = self._heir()

    def _heir(self) -> Member | None:
        """Who has been here longest and is not muted; or is, if everybody is."""
        muted = self.rules.muted if self.rules is not None else {}
        free = (each for each in self.members if each.number not in muted)
        return next(free, next(iter(self.members), None))

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
            self.personal -= style.is_personal

    def nicks(self, most: int) -> list[str]:
        """The nicks of the members who have been here longest, at most so many."""
        return [member.nick for member in islice(self.members, most)]

    def recent(self, most: int) -> list[Message]:
        """The last messages, at most so many, oldest first."""
        return list(islice(reversed(self.history), most))[::-1]

    def shown_to(self, member: Member, after: int = 0) -> list[Message]:
        """What the history holds that a member may see, with ids above one, oldest first."""
        rules = self.rules
        return [
            each
            for each in self.history
            if each.id > after and (rules is None or rules.shows(member.number, each.id))
        ]

    def recall(self, ids: Iterable[int]) -> list[Message]:
        """The messages with these ids that are still in the history, oldest first."""
        wanted = frozenset(ids)
        return [message for message in self.history if message.id in wanted]
