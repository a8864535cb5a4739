"""Who is here and where: all people and all rooms, and what holds between them.

Plain data without clocks or I/O. The broker is the only one who changes it;
everyone may read it, because Trio tasks switch only at checkpoints.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import attrs

from trioserve.archive.audited import Audited
from trioserve.archive.records import Record, Talk
from trioserve.archive.whereabouts import Placed
from trioserve.archive.words import WordsGone
from trioserve.errors import ChatError
from trioserve.messages import Message, TopicSet
from trioserve.names import fold, free_nick
from trioserve.rooms.ignoring import Ignoring
from trioserve.rooms.member import Member
from trioserve.rooms.moderation import MAX_BANNED, Sanctions
from trioserve.rooms.room import Room, RoomPast
from trioserve.rooms.roomkeeping import Roomkeeping, RoomLimits
from trioserve.rooms.whereabouts import begun
from trioserve.rulings import Moderated
from trioserve.state.leavings import Leavings
from trioserve.state.sights import hides, is_private, refusal_of_private
from trioserve.wire.style import Look, Screen

MAX_AUDIT: Final = 1000  # records


@attrs.define(eq=False)
class World:
    """All people and all rooms. Every refusal is a ChatError and changes nothing.

    What always holds: a member is in ``room.members`` exactly if the room is in ``member.rooms``,
    and in ``ignorers[fold(nick)]`` exactly if it ignores that nick; no two have one nick, or
    one account; no room is empty but for those that are deserted, which have bans, and those that
    are held; each other but the first belongs to one of its members, or is held for its owner.
    """

    limits: RoomLimits
    # Takes what is said to where it outlives us; None: nowhere. Returns whether there was room
    # for it; never waits or raises.
    keep: Callable[[Record], bool] | None = None
    note: Callable[[Record], object] | None = None  # the same for what is kept of accounts
    last_id: int = 0  # of a message
    began: int = 0  # the last id before this server
    members: dict[str, Member] = attrs.field(factory=dict, init=False)  # by folded nick
    numbered: dict[int, Member] = attrs.field(factory=dict, init=False)  # the same, by number
    rooms: dict[str, Room] = attrs.field(factory=dict, init=False)  # by folded name
    bots: dict[Member, None] = attrs.field(factory=dict, init=False)
    _owners: dict[str, Member] = attrs.field(factory=dict, init=False)  # by folded account
    # Who ignores a nick, by the folded nick: a turn must not look at everybody who ignores anybody.
    ignorers: dict[str, dict[Member, None]] = attrs.field(factory=dict, init=False)
    # Addresses that are banned from the server, each (of IPv6 the /64) in place of a nick.
    banned: Sanctions = attrs.field(
        factory=lambda: Sanctions("banned addresses", MAX_BANNED), init=False
    )
    # Who was moderated of late, the oldest first.
    audit: deque[Moderated] = attrs.field(factory=lambda: deque(maxlen=MAX_AUDIT), init=False)
    last_audited: int = attrs.field(default=0, init=False)  # the id of the last of them
    # Rooms, by folded name, of which what is kept may have changed in this turn: see `ledger`.
    touched: dict[str, None] = attrs.field(factory=dict, init=False)
    roomkeeping: Roomkeeping = attrs.field(init=False)
    ignoring: Ignoring = attrs.field(init=False)
    leavings: Leavings = attrs.field(factory=Leavings, init=False)

    def __attrs_post_init__(self) -> None:
        first, topic = self.limits.first, self.limits.topic
        self.roomkeeping = Roomkeeping(first, topic, self.rooms, self.touched)
        self.ignoring = Ignoring(self.ignorers)

    # ------------------------------------------------------------ look up

    def member(self, nick: str) -> Member:
        """Raises ChatError if nobody has this nick."""
        if (member := self.members.get(fold(nick))) is None:
            raise ChatError(f"there is no {nick} here")
        return member

    def is_here(self, member: Member) -> bool:
        """Whether the member has entered and not departed: another may have its nick."""
        return self.members.get(fold(member.nick)) is member

    def owner_of_account(self, account: str) -> Member | None:
        """Who is here and logged in by this name, whatever their nick."""
        return self._owners.get(fold(account))

    def owner(self, room: Room | None) -> Member | None:
        """Who may moderate a room besides operators; nobody may the first one."""
        return None if room is None else room.owner

    def room(self, name: str) -> Room:
        """Raises ChatError if there is no such room. `name` has its ``#``."""
        if (room := self.rooms.get(fold(name))) is None:
            raise ChatError(f"there is no room {name}")
        return room

    def room_shown_to(self, member: Member, name: str) -> Room:
        """Raises ChatError if there is no such room, or it is private and not the member's."""
        room = self.room(name)
        if hides(room, member):
            raise ChatError(refusal_of_private(room))
        return room

    def room_of(self, member: Member, name: str) -> Room:
        """Raises ChatError if the member is not in a room of this name."""
        if (room := member.rooms.get(fold(name))) is None:
            raise ChatError(f"you are not in {name}")
        return room

    def current_room(self, member: Member) -> Room:
        """Raises ChatError if the member is in no room."""
        if member.room is None:
            raise ChatError("you are in no room: /join one; /rooms lists them")
        return member.room

    # ------------------------------------------------------------- change

    def enter(self, member: Member) -> None:
        self._refuse_taken(member.nick)
        self.members[fold(member.nick)] = self.numbered[member.number] = member
        if member.is_bot:
            self.bots[member] = None

    def identify(self, member: Member, account: str) -> None:
        """Take a member for the owner of an account, which has none here; of "": for a guest."""
        if member.account:
            del self._owners[fold(member.account)]
        member.account = account
        if account:
            self._owners[fold(account)] = member

    def check_rename(self, member: Member, nick: str) -> None:
        """Raises ChatError if the member may not have that nick instead of theirs."""
        self.refuse_absent(member)
        if nick == member.nick:
            raise ChatError(f"you are {nick} already")
        if fold(nick) != fold(member.nick):
            self._refuse_taken(nick)

    def rename(self, member: Member, nick: str) -> None:
        """Give the member another nick; whoever ignored them goes on to, under the new one.

        Until they depart or take yet another: whoever has that nick later is
        somebody else. What was ignored by choice stays so.
        """
        self.check_rename(member, nick)
        if fold(nick) != fold(member.nick):
            self.ignoring.follow(fold(member.nick), fold(nick))
        self.members[fold(nick)] = self.members.pop(fold(member.nick))
        member.nick = nick
        self.touch_rooms(member)

    def join(self, member: Member, name: str, past: RoomPast | None = None) -> Room:
        """Put the member into a room as its current one.

        If there is none, it is made, with what is known of its past.
        """
        self.refuse_absent(member)
        most = self.limits.per_member
        if fold(name) in member.rooms:
            raise ChatError(f"you are in {name} already; /room {name} makes it the current one")
        if len(member.rooms) >= most:
            raise ChatError(f"you are in {most} rooms, the most; /leave one first")
        room = self.rooms.get(fold(name)) or self.roomkeeping.make(name, self.limits)
        if not room.members:  # new, or deserted, or held
            self.roomkeeping.begin(room, member, past, self.limits.history_bytes)
        if room.rules is not None:
            room.rules.receive(member.number, self.last_id)
            room.rules.receive_back(member.identity, member.account)
        self.roomkeeping.claims.receive(member, room)
        self.touched[fold(name)] = None
        member.rooms[fold(name)] = room
        room.add(member, member.style(room))
        room.entered[member] = self.last_id
        if member.absence is not None and member.absence.is_fresh:
            room.expecting[member] = None
        self.switch(member, room)
        return room

    def leave(self, member: Member, room: Room) -> None:
        """Take the member out of a room; the one it joined last becomes the current one."""
        self.leavings.note(member, room, self.last_id)
        room.remove(member)
        room.expecting.pop(member, None)
        del member.rooms[fold(room.name)]
        if member.returning is not None:
            member.returning = member.returning.without(room.name)
        self.touched[fold(room.name)] = None
        if not room.members:
            self.roomkeeping.desert(room, self.last_id)
        if member.room is room:
            member.room = None
            if member.rooms:
                self.switch(member, next(reversed(member.rooms.values())))
        self.place(member)

    def touch_rooms(self, member: Member) -> None:
        """Note that what is kept of a member's rooms may have changed."""
        self.touched.update(dict.fromkeys(member.rooms))

    def switch(self, member: Member, room: Room) -> None:
        """Make a room that the member is in its current one."""
        member.room = room
        for each in member.rooms.values():
            each.restyle(member, member.style(each))
        self.place(member)

    def place(self, member: Member, left: int | None = None) -> None:
        """Have it kept where one who is here and logged in is now, or is about to have been.

        `left` is the id of the last message when they left; None: they have not.
        """
        if not member.account or self.note is None or not self.is_here(member):
            return
        self.note(Placed(member.account, member.whereabouts(left)))

    def forget_words(self, member: Member) -> None:
        """Have its words not kept any longer of one who is logged in."""
        if member.account and self.note is not None:
            self.note(WordsGone(member.account))

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

    def ignore(self, member: Member, nick: str) -> None:
        self.refuse_absent(member)
        self.ignoring.ignore(member, nick)

    def unignore(self, member: Member, nick: str) -> None:
        """Let the member hear a nick again; raises ChatError if it does not ignore that."""
        self.ignoring.unignore(member, nick)

    def depart(self, member: Member) -> None:
        """Take the member out of everything. One who is not here is let be."""
        left = member.lost_at if member.is_lost else self.last_id
        member.absences = begun(member.absences, left)
        self.place(member, left)
        folded = fold(member.nick)
        is_here = self.is_here(member)
        if is_here:  # first: what is kept of where they are stays as it is
            del self.members[folded], self.numbered[member.number]
            self._owners.pop(fold(member.account), None)
        for room in list(member.rooms.values()):
            self.leave(member, room)
        self.ignoring.hear_all(member)
        self.bots.pop(member, None)
        member.correspondent = None  # no chain of those who have left
        if is_here:
            self.ignoring.unfollow(folded)

    def set_topic(self, room: Room, event: TopicSet) -> None:
        """Set a room's topic, and have that kept."""
        room.topic = event.topic
        if self.keep is not None:
            self.keep(Talk(event, room.number if is_private(room) else 0))

    def record(self, ruling: Moderated) -> None:
        """Note who was moderated, and have that kept."""
        self.audit.append(ruling)
        # Microseconds since 1970, yet always more than ever before.
        self.last_audited = max(self.last_audited + 1, int(ruling.at * 1_000_000))
        if self.keep is not None:
            self.keep(Audited(self.last_audited, ruling))

    def remember(self, room: Room, message: Message) -> None:
        """Count a message, have it kept, and hold it in its room's history as far as all fit."""
        room.said += 1
        if self.keep is not None:
            self.keep(Talk(message, room.number if is_private(room) else 0))
        self.roomkeeping.histories.hold(room, message, self.limits.history_bytes)

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
