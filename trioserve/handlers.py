"""What each request does to the rooms, and who is to be shown what comes of it.

Plain calls, of which the broker makes one at a time.
"""

import time
from collections.abc import Callable
from typing import Final

import attrs

from trioserve.comings import Comings
from trioserve.errors import ChatError
from trioserve.fanout import UNREAD, Fanout
from trioserve.messages import (
    Acted,
    Announced,
    Divided,
    Entered,
    Message,
    Noticed,
    Renamed,
    Said,
    Told,
    TopicSet,
)
from trioserve.moderators import Moderators
from trioserve.names import fold
from trioserve.observe import Counters
from trioserve.orders import StepDown
from trioserve.past import UNREADABLE
from trioserve.requests import (
    Act,
    Announce,
    Close,
    ComeBack,
    Depart,
    Enter,
    GoAway,
    Identify,
    Ignore,
    Join,
    Leave,
    Lose,
    Notify,
    PartWithLost,
    Rename,
    Reply,
    ReportKeeping,
    Request,
    Resume,
    Say,
    SetJson,
    SetLook,
    SetQuiet,
    SetScreen,
    Settle,
    SetTopic,
    Switch,
    TakeOver,
    Tell,
    TurnDay,
    Unfold,
    Unignore,
)
from trioserve.resuming import Resuming
from trioserve.rooms import Member, Room, RoomPast
from trioserve.standing import Standing
from trioserve.wire.text import flatten, plural
from trioserve.wire.times import day, day_line
from trioserve.world import World

UNSAVED: Final = "history is not being saved"
MAX_NEW: Final = 50  # messages that are new to one who comes back, and are shown at once,
MAX_NEW_SIZE: Final = 8 * 1024  # and characters of them


@attrs.define(eq=False)
class Handlers:
    """The requests that there are, and what they do."""

    world: World
    fanout: Fanout
    counters: Counters
    now_ns: Callable[[], int] = time.time_ns  # nanoseconds since 1970
    now: Callable[[], float] = time.time  # seconds since 1970
    on_named: Callable[[Member], None] = lambda _: None  # has come, or has another nick
    comings: Comings = attrs.field(init=False)
    moderators: Moderators = attrs.field(init=False)
    standing: Standing = attrs.field(init=False)
    resuming: Resuming = attrs.field(init=False)
    _closing: bool = attrs.field(default=False, init=False)
    _unsaved: bool = attrs.field(default=False, init=False)  # what is said; people have been told
    _day_told: int = attrs.field(init=False)  # when days were looked at last (microseconds)

    def __attrs_post_init__(self) -> None:
        self.comings = Comings(self.world, self.fanout)
        self.standing = Standing(self.world, self.fanout, self.now)
        self.moderators = Moderators(self.world, self.fanout, self.now)
        self.resuming = Resuming(
            self.world,
            self.fanout,
            self.comings,
            lambda member, reason: self._depart(member, reason, ""),
            now_ns=self.now_ns,
            now=self.now,
        )
        self._day_told = self.now_ns() // 1000

    def obey(self, member: Member, request: Request) -> None:  # noqa: C901  (a case for each)
        """Handle a request; raises ChatError, before anything has changed, to refuse it."""
        world, fanout = self.world, self.fanout
        match request:
            case Say(text, echo):
                room = world.current_room(member)
                if room.rules is not None:
                    self.standing.check_speech(member, room)
                if member.absence is not None:
                    self._come_back(member)
                if room.crowd is not None:
                    self.comings.tell_first(member, (room,))
                said = Said(self._next_id(), room.name, member.nick, text, fold(member.account))
                # A terminal has shown the line to its author; a program has not.
                fanout.post(room, said, silent=None if echo or member.sees_own_lines else member)
            case Act(text):
                room = world.current_room(member)
                self.standing.check_speech(member, room)
                if member.absence is not None:
                    self._come_back(member)
                self.comings.tell_first(member, (room,))
                account = fold(member.account)
                fanout.post(room, Acted(self._next_id(), room.name, member.nick, text, account))
            case Announce(text, name):
                room = world.room(name) if name else world.current_room(member)
                if not room.members:  # kept for its bans alone
                    raise ChatError(f"everybody has left {room.name}")
                self.standing.check_speech(member, room)
                self.comings.tell_first(member, (room,))
                account = fold(member.account)
                line = Announced(self._next_id(), room.name, member.nick, text, account)
                fanout.post(room, line)
            case Tell(nick, text):
                self._tell(member, world.member(nick), text)
            case Reply(text):
                self._tell(member, world.correspondent(member), text)
            case Enter(name, past):
                self._enter(member, name, past)
            case Join(name, past):
                self._join(member, name, past)
            case Leave(name, text):
                self._leave(member, name, flatten(text))
            case Switch(name):
                room = world.room_of(member, name)
                fanout.flush_rooms(member.rooms.values())
                world.switch(member, room)
            case Rename(nick):
                old = member.nick
                self.comings.tell_first(member, member.rooms.values())
                fanout.flush_rooms(member.rooms.values())
                world.rename(member, nick)
                fanout.tell_neighbours(member, Renamed(old, nick), member.rooms.values())
                self.on_named(member)
            case SetTopic(name, topic):
                room = world.room_of(member, name)
                self.standing.check_speech(member, room)
                topic = flatten(topic)
                self.comings.tell_first(member, (room,))
                account = fold(member.account)
                event = TopicSet(room.name, member.nick, topic, self._new_id(), account)
                fanout.post(room, event)
                world.set_topic(room, event)
            case Ignore(nick):
                fanout.flush_rooms(member.rooms.values())
                world.ignore(member, nick)
            case Unignore(nick):
                fanout.flush_rooms(member.rooms.values())
                world.unignore(member, nick)
            case SetQuiet(quiet):
                fanout.flush_rooms(member.rooms.values())
                world.set_quiet(member, quiet)
            case SetJson(json):
                fanout.flush_rooms(member.rooms.values())
                world.set_json(member, json)
            case SetLook(look):
                fanout.flush_rooms(member.rooms.values())
                world.set_look(member, look)
            case SetScreen(screen):
                fanout.flush_rooms(member.rooms.values())
                world.set_screen(member, screen)
            case GoAway(text):
                if text:
                    self._refuse_muted(member)
                fanout.flush_rooms(member.rooms.values())
                world.set_away(member, flatten(text))
            case ComeBack():
                self._come_back(member)
            case Depart(reason, text, seat):
                if seat is None or seat is member.seat:  # else somebody has taken them over
                    self._depart(member, reason, flatten(text))
            case Lose(seat):
                self.resuming.lose(member, seat, self.world.last_id)
            case Resume(words):
                self._take_over(member, self.resuming.owner_of(words, member))
            case TakeOver(nick):
                self._take_over(member, world.member(nick))
            case PartWithLost():
                self.resuming.part_with_late()
            case Settle():
                pass  # that it was handled is all there is to know
            case TurnDay():
                self._turn_day()
            case Unfold():
                self.comings.unfold()
            case Notify(text):
                world.refuse_absent(member)
                fanout.put(member, Noticed(text))
            case Identify(account):
                world.refuse_absent(member)
                member.account = account
            case ReportKeeping():
                self._report_keeping(request)
            case Close():
                self._closing = True
                self.resuming.part_with_all()
            case _:
                self.moderators.obey(member, request)

    def _turn_day(self) -> None:
        """Tell who has another day by now, each in their own zone; a program reads times."""
        before, now = self._day_told, self.now_ns() // 1000
        self._day_told = now
        lines: dict[str, Divided | None] = {}  # by zone, where another day has begun
        for member in self.world.members.values():
            zone = member.look.zone
            if zone not in lines:
                today = day(now, zone)
                lines[zone] = Divided(day_line(today)) if today != day(before, zone) else None
            if (line := lines[zone]) is not None and not member.json:
                self.fanout.put(member, line)

    def _report_keeping(self, report: ReportKeeping) -> None:
        """Tell everybody, once, whether what they say is saved; operators are told more."""
        self._unsaved = bool(report.trouble)
        lost = f"; {plural(report.lost, 'message')} were not" if report.lost else ""
        text = UNSAVED if report.trouble else f"history is saved again{lost}"
        for member in self.world.members.values():
            why = f": {report.trouble}" if report.trouble and member.is_operator else ""
            self.fanout.put(member, Noticed(text + why))

    def _tell(self, member: Member, other: Member, text: str) -> None:
        self.world.refuse_absent(member)
        if other.outlet.lagging:
            raise ChatError(f"{other.nick} is not reading at the moment; try again later")
        if other.ignores(member.nick):
            raise ChatError(f"{other.nick} ignores you")
        if member.absence is not None:
            self._come_back(member)
        told_id = self._next_id()
        other.correspondent = member
        if other.absence is not None and other.absence.is_fresh:
            self.fanout.put(other, UNREAD)
            self.world.see_news(other)
        self.fanout.put(other, Told(told_id, member.nick, "you", text))
        if other is not member:
            member.correspondent = other
            self.fanout.put(member, Told(told_id, "you", other.nick, text))
        if other.is_lost:
            lost = f"{other.nick} has lost the connection, and reads that if they come back"
            self.fanout.put(member, Noticed(lost))
        if other.absence is not None and member not in other.absence.told:
            other.absence.told.add(member)
            why = f": {other.absence.text}" if other.absence.text else ""
            self.fanout.put(member, Noticed(f"{other.nick} is away{why}"))

    def _refuse_muted(self, member: Member) -> None:
        """Raises ChatError to who would talk by what they are away for."""
        for room in member.rooms.values():
            if self.standing.is_muted(member, room):
                raise ChatError(f"you are muted in {room.name}: be away without a word")

    def _come_back(self, member: Member) -> None:
        self.fanout.flush_rooms(member.rooms.values())
        self.world.come_back(member)
        self.fanout.show(member, Noticed("you are back"))

    def _enter(self, member: Member, name: str, past: RoomPast | None) -> None:
        if not member.is_operator and (ban := self.standing.banned(member.address)) is not None:
            raise ChatError(ban)  # since they connected
        self.world.enter(member)
        try:
            self._join(member, name, past)
            self.resuming.introduce(member)
        except ChatError as refusal:
            if fold(name) != fold(self.world.limits.first):
                self.world.depart(member)
                raise
            # Who is banned where everybody begins may still be elsewhere.
            self.fanout.show(member, Noticed(f"{refusal}\nyou may talk elsewhere: /join a room"))
            self.resuming.introduce(member)
        except Exception:
            self.world.depart(member)  # or a ghost would keep the nick
            self.resuming.forget(member)
            raise
        if self._unsaved:
            self.fanout.show(member, Noticed(UNSAVED))
        self.on_named(member)

    def _take_over(self, newcomer: Member, member: Member) -> None:
        if self._closing:
            raise ChatError("the server is shutting down")
        if not newcomer.is_operator and (ban := self.standing.banned(newcomer.address)):
            raise ChatError(ban)
        self.resuming.take_over(newcomer, member, self.world.last_id)
        if member.is_operator and not newcomer.is_operator:
            # The words were shown to whoever could read along.
            self.moderators.obey(member, StepDown())
            self.fanout.show(member, Noticed("you are no operator any more"))
        member.is_operator = newcomer.is_operator

    def _join(self, member: Member, name: str, past: RoomPast | None) -> None:
        self.standing.check_entry(member, name)
        # Another one of its rooms may have been the current one.
        self.fanout.flush_rooms(member.rooms.values())
        existing = self.world.rooms.get(fold(name))
        if existing is not None and not existing.has_readers_like(member):
            self.fanout.flush_rooms([existing])
        room = self.world.join(member, name, past)
        # Not a flush: when 100 come in one turn, that would be one each for all who are there.
        room.add_latecomer(member)
        self.fanout.show(member, self._entered(member, room))
        if past is not None and not past.is_readable:
            self.fanout.show(member, Noticed(UNREADABLE))
        self.comings.tell_joined(member, room)
        self.standing.received(member, room)

    def _entered(self, member: Member, room: Room) -> Entered:
        limits = self.world.limits
        shown = [each for each in room.shown_to(member) if not member.ignores(each.nick)]
        seen = self.world.take_unseen(member, room)
        # What has left the history meanwhile is new, too, and nobody knows how much that was.
        new = [] if seen is None else [each for each in shown if each.id > seen]
        fresh = _fitting(new)
        old = shown[: len(shown) - len(new)] if len(fresh) == len(new) else []
        recent = old[len(old) - limits.shown_on_join :] if limits.shown_on_join < len(old) else old
        return Entered(
            room.name,
            room.topic,
            room.nicks(limits.names_shown),
            len(room.members),
            [*recent, *fresh],
            self.now_ns() // 1000,
            len(fresh),
            len(new),
        )

    def _leave(self, member: Member, name: str, text: str) -> None:
        room = self.world.room_of(member, name)
        if text and self.standing.is_muted(member, room):
            raise ChatError(f"you are muted in {room.name}: leave it without a word")
        if text:
            self.comings.tell_first(member, (room,))
        self.fanout.flush_rooms(member.rooms.values())
        owner = room.owner
        self.world.leave(member, room)
        self.comings.tell_left(member, room, text)
        self.moderators.audit.tell_of_owner(room, owner)

    def _depart(self, member: Member, reason: str, text: str) -> None:
        if not self.world.is_here(member):
            return
        owners = {room: room.owner for room in member.rooms.values()}
        is_muted = any(self.standing.is_muted(member, room) for room in owners)
        if text and not is_muted and not self._closing:
            self.comings.tell_first(member, owners)
        self.fanout.flush_rooms(owners)
        if text and is_muted:
            self.fanout.show(member, Noticed("you are muted: your last word is not shown"))
            text = ""
        if not self._closing:
            self.comings.tell_departed(member, reason, text)
        self.world.depart(member)
        self.resuming.forget(member)
        if not self._closing:
            for room, owner in owners.items():
                self.moderators.audit.tell_of_owner(room, owner)

    def continue_from(self, last_id: int) -> None:
        """Give ids, and numbers to rooms, above all that were given before this server began."""
        self.world.last_id = max(self.world.last_id, last_id)
        self.world.next_room = max(self.world.next_room, self._new_id())

    def _next_id(self) -> int:
        """The id of another message."""
        self.counters.messages += 1
        return self._new_id()

    def _new_id(self) -> int:
        """Microseconds since 1970, yet always more than ever before."""
        world = self.world
        world.last_id = max(world.last_id + 1, self.now_ns() // 1000)
        return world.last_id


def _fitting(messages: list[Message]) -> list[Message]:
    """The last of them, as many as somebody who comes in is shown at once."""
    size = 0
    for count, message in enumerate(reversed(messages)):
        size += len(message.text)
        if count == MAX_NEW or size > MAX_NEW_SIZE:
            return messages[len(messages) - count :]
    return messages
