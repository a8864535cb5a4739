"""One member: nick, preferences, rooms, and what is remembered of them.

Plain data without clocks or I/O; `world` keeps it in step with the rooms.
"""

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import attrs

from trioserve.names import fold
from trioserve.rooms.moderation import Identity, Source
from trioserve.rooms.outlet import Outlet, Seat
from trioserve.rooms.whereabouts import Span, Whereabouts
from trioserve.wire.style import ELSEWHERE, PLAIN, Look, Screen, Style

if TYPE_CHECKING:
    from trioserve.rooms.room import Room  # which imports us


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
    peer: str = ""  # the other end of its connection, as a log shows it; a bot has none
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
        if (
            self.look is PLAIN.look
            and self.screen is PLAIN.screen
            and not (self.quiet or self.json)
        ):
            return PLAIN if here else ELSEWHERE
        return Style(here, self.quiet, self.json, self.look, self.screen)

    @property
    def identity(self) -> Identity:
        """By what this member is known again."""
        return Identity(self.nick, self.address, self.number)

    @property
    def source(self) -> Source:
        """Where its tries of a secret come from: what they are counted by."""
        return Source(self.address, self.peer)

    @property
    def sees_own_lines(self) -> bool:
        """Whether what it says is shown to it as to the others: no terminal has done so."""
        return self.json or self.screen.rich

    def whereabouts(self, left: int | None = None) -> Whereabouts:
        """Where it is, or when it has `left` behind a message, was.

        One who has not come back to all rooms yet is still where it was before.
        """
        rooms = [each.name for each in self.rooms.values()]
        current = "" if self.room is None else self.room.name
        if self.returning is not None:
            rooms += [each for each in self.returning.rooms if fold(each) not in self.rooms]
            current = self.returning.current
        return Whereabouts(tuple(rooms), current, left, self.absences)

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
