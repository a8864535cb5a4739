"""One room: who is in it, in which style each reads it, its recent messages.

Plain data without clocks or I/O; `world` keeps all of them in step.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import attrs

from trioserve.messages import Event, Message
from trioserve.rooms.member import Member
from trioserve.rooms.moderation import Rules
from trioserve.wire.style import Style


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
    # The id of its last message when it came to that one from another; 0: it never did.
    passed_on: int = attrs.field(default=0, init=False)
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
        self.own(self._heir())

    def own(self, owner: Member | None) -> None:
        """Let it belong to somebody from now on, for whom it was another's before."""
        self.owner = owner
        self.passed_on = self.history[-1].id if self.history else self.passed_on

    @property
    def owned_since(self) -> int:
        """The id behind which all was said while it belonged to its present owner."""
        return 0 if self.owner is None else max(self.passed_on, self.entered[self.owner])

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
        return [each for each in self.last_shown_to(member) if each.id > after][::-1]

    def last_shown_to(self, member: Member) -> Iterator[Message]:
        """What the history holds that a member may see, the last first."""
        rules = self.rules
        if rules is None:
            return reversed(self.history)
        return (each for each in reversed(self.history) if rules.shows(member.number, each.id))

    def recall(self, ids: Iterable[int]) -> list[Message]:
        """The messages with these ids that are still in the history, oldest first."""
        wanted = frozenset(ids)
        return [message for message in self.history if message.id in wanted]
