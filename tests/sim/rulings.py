"""Whether mutes, bans and private rooms have held, by what happened and in its order."""

from collections import defaultdict
from collections.abc import Iterable

import attrs

from tests.sim.chronicle import Entry, Gone, Handled, Happened, Wrong
from tests.sim.expected import THROWN_OUT
from trioserve.messages import Acted, Announced, Departed, Event, Joined, Left, Said
from trioserve.names import fold
from trioserve.orders import Invite
from trioserve.rulings import Deed, Moderated, Owned, Secluded


@attrs.define(eq=False)
class _Room:
    """What holds in one room, as far as it is sure: of members, by their numbers."""

    present: dict[int, None] = attrs.field(factory=dict)
    owner: int = 0
    muted: dict[str, int] = attrs.field(factory=dict)  # by the folded nick it was imposed on
    banned: dict[str, int] = attrs.field(factory=dict)
    private: bool = False

    def goes(self, who: int) -> None:
        self.present.pop(who, None)
        if not self.present:
            # What is kept of an empty room is the server's to say: bans are, for a while.
            self.owner, self.private = 0, False
            self.muted.clear()
            self.banned.clear()


def check(entries: Iterable[Entry]) -> None:
    """Raises Wrong if somebody spoke who was muted, or came in who must not."""
    rooms: defaultdict[str, _Room] = defaultdict(_Room)
    invited: set[int] = set()
    for entry in entries:
        match entry:
            case Handled(request=Invite(), whom=whom):
                invited.add(whom)
            case Gone(who):  # of which nobody is told when the server ends,
                for room in rooms.values():
                    if room.owner == who:
                        room.muted.clear()  # nor of who owns the room then, and is not held
                    room.goes(who)
            case Happened(Departed(), who):
                for room in rooms.values():
                    room.goes(who)
            case Happened(event, who) if getattr(event, "room", ""):
                _happened(rooms[fold(getattr(event, "room", ""))], event, who, invited)


def _happened(room: _Room, event: Event, who: int, invited: set[int]) -> None:
    match event:
        case Joined():
            _comes(room, event, who, invited)
        case Left():
            room.goes(who)
        case Said() | Acted() | Announced():
            if who in room.muted.values() and who != room.owner:
                raise Wrong(f"{event} was said by somebody who is muted there")
        case Owned():
            room.owner = who
        case Secluded():
            room.private = event.private
        case Moderated():
            _is_moderated(room, event, who)


def _comes(room: _Room, joined: Joined, who: int, invited: set[int]) -> None:
    if who in room.banned.values():
        raise Wrong(f"{joined.nick} comes to {joined.room}, and is banned there")
    if room.private and who not in invited:
        raise Wrong(f"{joined.nick} comes to {joined.room}, which is private")
    if not room.present and fold(joined.room) != "#lobby":
        room.owner = who
    room.present[who] = None


def _is_moderated(room: _Room, event: Moderated, who: int) -> None:
    nick = fold(event.nick)
    match event.deed:
        case Deed.MUTED if who:  # of who is not here the nick alone is known, which may change
            _impose(room.muted, nick, who)
        case Deed.BANNED if who:
            _impose(room.banned, nick, who)
        case Deed.MUTED | Deed.UNMUTED:
            room.muted.pop(nick, None)
        case Deed.BANNED | Deed.UNBANNED:
            room.banned.pop(nick, None)
    if event.deed in THROWN_OUT:
        room.goes(who)


def _impose(sanctions: dict[str, int], nick: str, who: int) -> None:
    """In place of what the nick had, or its holder under any other."""
    for other in [other for other, number in sanctions.items() if number == who]:
        del sanctions[other]
    sanctions[nick] = who
