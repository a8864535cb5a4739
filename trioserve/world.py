"""Who is here and where: all people and all rooms, and what holds between them.

Plain data without clocks or I/O. The broker is the only one who changes it;
everyone may read it, because Trio tasks switch only at checkpoints.
"""

from collections import deque
from collections.abc import Callable
from sys import getsizeof
from typing import Final

import attrs

from trioserve.archive.history import NEVER, Span
from trioserve.archive.records import Record, Talk
from trioserve.archive.sight import Sight
from trioserve.errors import ChatError
from trioserve.messages import Message, TopicSet
from trioserve.moderation import MAX_BANNED, Sanctions
from trioserve.names import fold, free_nick
from trioserve.rooms import Absence, Member, Room, RoomPast
from trioserve.rulings import Moderated
from trioserve.settings import setting
from trioserve.wire.style import Look, Screen

MAX_IGNORED: Final = 100  # nicks on one member's list, and as many again that are followed
MAX_DESERTED: Final = 1000  # rooms that are kept for their bans alone; the oldest go first,
MAX_DESERTED_BANS: Final = 10_000  # and bans and mutes in all of them
MAX_SEEN: Final = 10_000  # leavings of rooms that are remembered, for those who come back
MAX_AUDIT: Final = 1000  # records
_MESSAGE_BYTES: Final = 200  # of memory that a message takes besides its text


@attrs.frozen
class RoomLimits:
    """How many rooms there may be, what they keep, and how much of it is shown."""

    first: str = setting("#lobby", "where everybody begins", restart=True)
    topic: str = setting("Welcome!", "of that room", restart=True)
    per_member: int = setting(20)
    most: int = setting(10_000)
    history: int = setting(200, "messages kept in memory per room", least=0)
    history_bytes: int = setting(
        64 * 1024 * 1024, "bytes of memory for those of all rooms; the fullest forget first"
    )
    shown_on_join: int = setting(10, "messages", least=0)
    names_shown: int = setting(20, "of a list of people or rooms; the rest are counted")
    fold_after: int = setting(3, "comings and goings in a room, after which more are told", least=0)
    fold_every: float = setting(10.0, "together, this often (seconds)")
    fold_above: int = setting(200, "members, above which all are told together")


@attrs.define(eq=False)
class World:
    """All people and all rooms. Every refusal is a ChatError and changes nothing.

    What always holds: a member is in ``room.members`` exactly if the room is in ``member.rooms``,
    and in ``ignorers[fold(nick)]`` exactly if it ignores that nick; no two have one nick; no room
    is empty but for those in `deserted`, which have bans; each other but the first belongs to one
    of its members.
    """

    limits: RoomLimits
    # Takes what is said to where it outlives us; None: nowhere. Never waits or raises.
    keep: Callable[[Record], None] | None = None
    next_room: int = 1  # the number of the next room that is made
    last_id: int = 0  # of a message
    members: dict[str, Member] = attrs.field(factory=dict, init=False)  # by folded nick
    rooms: dict[str, Room] = attrs.field(factory=dict, init=False)  # by folded name
    bots: dict[Member, None] = attrs.field(factory=dict, init=False)
    # Who ignores a nick, by the folded nick: a turn must not look at everybody who ignores anybody.
    ignorers: dict[str, dict[Member, None]] = attrs.field(factory=dict, init=False)
    # Rooms that nobody is in and that have bans, in the order in which they were left.
    deserted: dict[Room, None] = attrs.field(factory=dict, init=False)
    # Addresses that are banned from the server, each (of IPv6 the /64) in place of a nick.
    banned: Sanctions = attrs.field(
        factory=lambda: Sanctions("banned addresses", MAX_BANNED), init=False
    )
    # Who was moderated of late, the oldest first.
    audit: deque[Moderated] = attrs.field(factory=lambda: deque(maxlen=MAX_AUDIT), init=False)
    history_bytes: int = attrs.field(default=0, init=False)  # of all rooms
    # What had been said last when somebody left a room: by who it was, and the folded room.
    _seen: dict[tuple[str, str], int] = attrs.field(factory=dict, init=False)

    # ------------------------------------------------------------ look up

    def member(self, nick: str) -> Member:
        """Raises ChatError if nobody has this nick."""
        if (member := self.members.get(fold(nick))) is None:
            raise ChatError(f"there is no {nick} here")
        return member

    def is_here(self, member: Member) -> bool:
        """Whether the member has entered and not departed: another may have its nick."""
        return self.members.get(fold(member.nick)) is member

    def owner(self, room: Room | None) -> Member | None:
        """Who may moderate a room besides operators; nobody may the first one."""
        return None if room is None else room.owner

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

    def room_shown_to(self, member: Member, name: str) -> Room:
        """Raises ChatError if there is no such room, or it is private and not the member's."""
        room = self.room(name)
        if self.hides(room, member):
            raise ChatError(self.refusal_of_private(room))
        return room

    @staticmethod
    def is_private(room: Room) -> bool:
        """Whether one enters it by invitation only."""
        return room.rules is not None and room.rules.private

    def hides(self, room: Room, member: Member) -> bool:
        """Whether a room is kept from a member's eyes."""
        return self.is_private(room) and member not in room.members and not member.is_operator

    @staticmethod
    def refusal_of_private(room: Room) -> str:
        """What outsiders are told of it."""
        return f"{room.name} is private; /knock {room.name} asks to be let in"

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
        if member.is_bot:
            self.bots[member] = None

    def rename(self, member: Member, nick: str) -> None:
        """Give the member another nick; whoever ignored them goes on to, under the new one.

        Until they depart or take yet another: whoever has that nick later is
        somebody else. What was ignored by choice stays so.
        """
        self.refuse_absent(member)
        if nick == member.nick:
            raise ChatError(f"you are {nick} already")
        if fold(nick) != fold(member.nick):
            self._refuse_taken(nick)
            self._follow(fold(member.nick), fold(nick))
        self.members[fold(nick)] = self.members.pop(fold(member.nick))
        member.nick = nick

    def join(self, member: Member, name: str, past: RoomPast | None = None) -> Room:
        """Put the member into a room as its current one.

        If there is none, it is made, with what is known of its past.
        """
        self.refuse_absent(member)
        limits = self.limits
        if fold(name) in member.rooms:
            raise ChatError(f"you are in {name} already; /room {name} makes it the current one")
        if len(member.rooms) >= limits.per_member:
            raise ChatError(f"you are in {limits.per_member} rooms, the most; /leave one first")
        room = self.rooms.get(fold(name))
        if room is None:
            is_first = fold(name) == fold(limits.first)  # to be had always, or nobody could enter
            if len(self.rooms) >= limits.most and self.deserted:
                self._remove(next(iter(self.deserted)))
            if len(self.rooms) >= limits.most and not is_first:
                raise ChatError(f"there are {limits.most} rooms, the most; join one of them")
            topic = limits.topic if is_first else ""
            room = Room(name, topic, deque(maxlen=limits.history), self.next_room)
            self.next_room += 1
            self.rooms[fold(name)] = room
        if not room.members:  # new, or deserted
            self.deserted.pop(room, None)
            room.owner = None if fold(name) == fold(limits.first) else member
            if past is not None:
                self._begin_with(room, past)
        if room.rules is not None:
            room.rules.receive(member.number, self.last_id)
        member.rooms[fold(name)] = room
        room.add(member, member.style(room))
        room.entered[member] = self.last_id
        if member.absence is not None and member.absence.is_fresh:
            room.expecting[member] = None
        self.switch(member, room)
        return room

    def leave(self, member: Member, room: Room) -> None:
        """Take the member out of a room; the one it joined last becomes the current one."""
        self._note_seen(member, room)
        room.remove(member)
        room.expecting.pop(member, None)
        del member.rooms[fold(room.name)]
        if not room.members:
            self._desert(room)
        if member.room is room:
            member.room = None
            if member.rooms:
                self.switch(member, next(reversed(member.rooms.values())))

    def take_unseen(self, member: Member, room: Room) -> int | None:
        """The id behind which all is new to one who comes back to a room; None: they never left."""
        return self._seen.pop((_known_as(member), fold(room.name)), None)

    def _note_seen(self, member: Member, room: Room) -> None:
        self._seen.pop(key := (_known_as(member), fold(room.name)), None)
        self._seen[key] = self.last_id
        if len(self._seen) > MAX_SEEN:
            del self._seen[next(iter(self._seen))]

    def _begin_with(self, room: Room, past: RoomPast) -> None:
        if past.topic is not None:
            room.topic = past.topic
        for message in past.messages:
            self._hold(room, message)

    def sweep(self, now: float) -> None:
        """Let go of the deserted rooms whose last ban has ended, by `now` in seconds since 1970."""
        for room in list(self.deserted):
            if room.rules is None or next(room.rules.bans.current(now), None) is None:
                self._remove(room)

    def _desert(self, room: Room) -> None:
        """Let go of a room that nobody is in; of one with bans, of all but those."""
        if room.rules is None or not len(room.rules.bans):
            self._remove(room)
            return
        self.history_bytes -= room.history_bytes
        room.history.clear()
        room.history_bytes = 0
        room.topic = self.limits.topic if fold(room.name) == fold(self.limits.first) else ""
        room.rules.desert(self.last_id)
        self.deserted[room] = None
        # Nobody may fill the memory with rooms that they need not even be in.
        while len(self.deserted) > MAX_DESERTED or self._deserted_bans() > MAX_DESERTED_BANS:
            self._remove(next(iter(self.deserted)))

    def _deserted_bans(self) -> int:
        rules = [room.rules for room in self.deserted if room.rules is not None]
        return sum(len(each.bans) + len(each.mutes) for each in rules)

    def _remove(self, room: Room) -> None:
        del self.rooms[fold(room.name)]
        self.deserted.pop(room, None)
        self.history_bytes -= room.history_bytes

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

    def set_look(self, member: Member, look: Look) -> None:
        member.look = look
        self._restyle(member)

    def set_screen(self, member: Member, screen: Screen) -> None:
        member.screen = screen
        self._restyle(member)

    def set_away(self, member: Member, text: str) -> None:
        self.refuse_absent(member)
        member.absence = Absence(text)
        for room in member.rooms.values():
            room.expecting[member] = None

    def see_news(self, member: Member) -> None:
        """Note that a message has come for one who is away: what comes now is no news any more."""
        if member.absence is not None:
            member.absence.is_fresh = False
        for room in member.rooms.values():
            room.expecting.pop(member, None)

    def come_back(self, member: Member) -> None:
        """Raises ChatError if the member is not away."""
        if member.absence is None:
            raise ChatError("you are not away")
        self.see_news(member)
        member.absence = None

    def ignore(self, member: Member, nick: str) -> None:
        self.refuse_absent(member)
        folded, ignored = fold(nick), member.ignored or {}
        if len(ignored) >= MAX_IGNORED and folded not in ignored:
            raise ChatError(f"you ignore {MAX_IGNORED} people, the most; /unignore one first")
        if member.followed is not None:
            member.followed.pop(folded, None)
        member.ignored = {**ignored, folded: nick}
        self.ignorers.setdefault(folded, {})[member] = None

    def unignore(self, member: Member, nick: str) -> None:
        """Let the member hear a nick again, and under which others it was followed."""
        folded = fold(nick)
        if not member.ignores(nick):
            raise ChatError(f"you do not ignore {nick}")
        followed = member.followed or {}
        for other in [folded, *(new for new, chosen in followed.items() if chosen == folded)]:
            self._hear(member, other)

    def depart(self, member: Member) -> None:
        """Take the member out of everything. One who is not here is let be."""
        for room in list(member.rooms.values()):
            self.leave(member, room)
        for folded in [*(member.ignored or ()), *(member.followed or ())]:
            self._hear(member, folded)
        self.bots.pop(member, None)
        member.correspondent = None  # no chain of those who have left
        folded = fold(member.nick)
        if self.members.get(folded) is member:
            del self.members[folded]
            for ignorer in list(self.ignorers.get(folded, ())):
                if ignorer.followed is not None and folded in ignorer.followed:
                    self._hear(ignorer, folded)

    def set_topic(self, room: Room, event: TopicSet) -> None:
        """Set a room's topic, and have that kept."""
        room.topic = event.topic
        if self.keep is not None:
            self.keep(Talk(event, room.number if self.is_private(room) else 0))

    def remember(self, room: Room, message: Message) -> None:
        """Count a message, have it kept, and hold it in its room's history as far as all fit."""
        room.said += 1
        if self.keep is not None:
            self.keep(Talk(message, room.number if self.is_private(room) else 0))
        self._hold(room, message)

    def _hold(self, room: Room, message: Message) -> None:
        history = room.history
        grown = _MESSAGE_BYTES + getsizeof(message.text)
        if len(history) == history.maxlen:
            if not history:  # none are kept
                return
            grown -= _MESSAGE_BYTES + getsizeof(history[0].text)
        history.append(message)  # and the oldest falls out
        room.history_bytes += grown
        self.history_bytes += grown
        if self.history_bytes > self.limits.history_bytes:
            self._forget()

    def _forget(self) -> None:
        """Drop the oldest messages of the rooms that keep most.

        An eighth of all at once, so that not each message costs a look at every
        room. A room that keeps less than its share leaves the rest to the others.
        """
        left = self.limits.history_bytes * 7 // 8
        rooms = sorted(self.rooms.values(), key=lambda each: each.history_bytes)
        for number, room in enumerate(rooms):
            share = left // (len(rooms) - number)
            while room.history_bytes > share:
                oldest = room.history.popleft()
                room.history_bytes -= _MESSAGE_BYTES + getsizeof(oldest.text)
            left -= room.history_bytes
        self.history_bytes = sum(room.history_bytes for room in rooms)

    def span(
        self, member: Member, room: Room, count: int, *, after: int = 0, before: int = NEVER
    ) -> Span:
        """What of all that is kept of a room, which a member is in, they may see."""
        private, since = 0, 0
        if room.rules is not None and room.rules.secluded:
            private, since = room.number, room.rules.since.get(member.number, 0)
        return Span(room.name, count, after, before, private, since)

    def sight(self, member: Member) -> Sight:
        """What of all that is kept a member may see."""
        own = {
            room.number: room.rules.since.get(member.number, 0)
            for room in member.rooms.values()
            if room.rules is not None and room.rules.secluded
        }
        return Sight(own, [key for key, room in self.rooms.items() if self.hides(room, member)])

    def _follow(self, old: str, new: str) -> None:
        """Let whoever ignores one folded nick ignore another one that its owner takes."""
        for ignorer in list(self.ignorers.get(old, ())):
            ignored, followed = ignorer.ignored or {}, ignorer.followed or {}
            chosen = old if old in ignored else followed[old]
            if chosen != old:
                self._hear(ignorer, old)
            if new not in ignored and len(followed) < MAX_IGNORED:
                ignorer.followed = {**followed, new: chosen}
                self.ignorers.setdefault(new, {})[ignorer] = None

    def _hear(self, member: Member, folded: str) -> None:
        """Let the member ignore a folded nick no more."""
        for ignored in (member.ignored, member.followed):
            if ignored is not None:
                ignored.pop(folded, None)
        member.ignored = member.ignored or None
        member.followed = member.followed or None
        ignorers = self.ignorers[folded]
        del ignorers[member]
        if not ignorers:
            del self.ignorers[folded]

    def _restyle(self, member: Member) -> None:
        for room in member.rooms.values():
            room.restyle(member, member.style(room))

    def refuse_absent(self, member: Member) -> None:
        """Whoever has departed must not come back as a ghost: a command may outlast them."""
        if not self.is_here(member):
            raise ChatError("you have left already")

    def _refuse_taken(self, nick: str) -> None:
        if (member := self.members.get(fold(nick))) is not None:
            free = f"{free_nick(nick, self.members)} is free"
            if member.is_lost:
                raise ChatError(
                    f"{nick} has lost the connection, and is kept a while; if that is you: "
                    f"/resume and your words; {free}"
                )
            raise ChatError(f"the name {nick} is taken; {free}")


def _known_as(member: Member) -> str:
    """By what a member is known again who has left: within one run of the server, the nick."""
    return fold(member.nick)
