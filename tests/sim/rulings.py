"""Whether mutes, bans and private rooms have held, by what happened and in its order."""

from collections import defaultdict
from collections.abc import Iterable

import attrs

from tests.sim.chronicle import THROWN_OUT, Handled, Wrong, person
from trioserve.messages import Acted, Announced, Departed, Event, Joined, Left, Renamed, Said
from trioserve.names import fold
from trioserve.orders import Invite
from trioserve.rulings import Deed, Moderated, Owned, Secluded


@attrs.define(eq=False)
class _Room:
    """What holds in one room, as far as it is sure."""

    present: dict[str, None] = attrs.field(factory=dict)  # people, as `person` names them
    owner: str = ""
    muted: set[str] = attrs.field(factory=set)
    banned: set[str] = attrs.field(factory=set)
    private: bool = False

    def goes(self, who: str) -> None:
        self.present.pop(who, None)
        if not self.present:
            # What is kept of an empty room is the server's to say: bans are, for a while.
            self.owner, self.private = "", False
            self.muted.clear()
            self.banned.clear()


def check(entries: Iterable[Event | Handled]) -> None:  # noqa: C901  (a case for each)
    """Raises Wrong if somebody spoke who was muted, or came in who must not."""
    rooms: defaultdict[str, _Room] = defaultdict(_Room)
    online: set[str] = set()  # nicks
    invited: set[str] = set()
    for entry in entries:
        match entry:
            case Handled(request=Invite(nick=nick)):
                invited.add(person(nick))
            case Joined():
                _comes(rooms[fold(entry.room)], entry, invited)
                online.add(fold(entry.nick))
            case Renamed():
                online.discard(fold(entry.old))
                online.add(fold(entry.new))
            case Left():
                rooms[fold(entry.room)].goes(person(entry.nick))
            case Departed():
                online.discard(fold(entry.nick))
                for room in rooms.values():
                    room.goes(person(entry.nick))
            case Said() | Acted() | Announced():
                room, who = rooms[fold(entry.room)], person(entry.nick)
                if who in room.muted and who != room.owner:
                    raise Wrong(f"{entry} was said by somebody who is muted there")
            case Owned():
                rooms[fold(entry.room)].owner = person(entry.nick)
            case Secluded():
                rooms[fold(entry.room)].private = entry.private
            case Moderated():
                # Of who is not here the nick alone is known, which they may change.
                _is_moderated(rooms[fold(entry.room)], entry, fold(entry.nick) in online)


def _comes(room: _Room, joined: Joined, invited: set[str]) -> None:
    who = person(joined.nick)
    if who in room.banned:
        raise Wrong(f"{joined.nick} comes to {joined.room}, and is banned there")
    if room.private and who not in invited:
        raise Wrong(f"{joined.nick} comes to {joined.room}, which is private")
    if not room.present and fold(joined.room) != "#lobby":
        room.owner = who
    room.present[who] = None


def _is_moderated(room: _Room, event: Moderated, is_here: bool) -> None:
    who = person(event.nick)
    match event.deed:
        case Deed.MUTED if is_here:
            room.muted.add(who)
        case Deed.UNMUTED:
            room.muted.discard(who)
        case Deed.BANNED if is_here:
            room.banned.add(who)
        case Deed.UNBANNED:
            room.banned.discard(who)
    if event.deed in THROWN_OUT:
        room.goes(who)
