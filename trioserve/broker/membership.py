"""Who enters the server and its rooms, and who leaves them.

Plain calls, of which the broker makes one at a time.
"""

import logging
from collections.abc import Callable
from itertools import islice
from typing import Final, assert_never

import attrs

from trioserve.archive.history import NEVER
from trioserve.broker.comings import Comings
from trioserve.broker.fanout import Fanout
from trioserve.broker.moderators import Moderators
from trioserve.broker.notices import Notices
from trioserve.broker.resuming import Resuming
from trioserve.broker.standing import Standing
from trioserve.errors import ChatError
from trioserve.messages import Entered, Message, Noticed, Renamed
from trioserve.names import fold
from trioserve.orders import StepDown
from trioserve.requests import (
    Close,
    Depart,
    Enter,
    Join,
    Leave,
    Lose,
    Move,
    PartWithLost,
    Rename,
    Resume,
    Switch,
    TakeOver,
)
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room, RoomPast
from trioserve.state.ledger import Ledger
from trioserve.state.past import UNREADABLE
from trioserve.state.world import World
from trioserve.wire.text import flatten

MAX_NEW: Final = 50  # messages that are new to one who comes back, and are shown at once,
MAX_NEW_SIZE: Final = 8 * 1024  # and characters of them

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Membership:
    """Lets people in and out, and tells whom that concerns."""

    world: World
    fanout: Fanout
    comings: Comings
    standing: Standing
    moderators: Moderators
    resuming: Resuming
    notices: Notices
    ledger: Ledger
    now_ns: Callable[[], int]  # nanoseconds since 1970
    # Called with whoever has come, or has another nick.
    on_named: Callable[[Member], None] = attrs.field(default=lambda _: None, init=False)
    _closing: bool = attrs.field(default=False, init=False)

    def obey(self, member: Member, request: Move) -> None:
        """Handle a request; raises ChatError, before anything has changed, to refuse it."""
        match request:
            case Enter(name, past):
                self._enter(member, name, past)
            case Join(name, past):
                self.join(member, name, past)
            case Leave(name, text):
                self.leave(member, name, flatten(text))
            case Switch(name):
                room = self.world.room_of(member, name)
                self.fanout.flush_rooms(member.rooms.values())
                self.world.switch(member, room)
            case Rename(nick):
                self.refuse_muted(member)
                self.rename(member, nick)
            case Depart(reason, text, seat):
                if seat is None or seat is member.seat:  # else somebody has taken them over
                    self.depart(member, reason, flatten(text))
            case Close():
                self._closing = True
                self.ledger.close()  # who leaves now may come back to what they have left
                self.resuming.part_with_all()
            case _:
                self._seat(member, request)

    def _seat(self, member: Member, request: Lose | Resume | TakeOver | PartWithLost) -> None:
        """Handle what concerns the connections that members speak through."""
        match request:
            case Lose(seat):
                self.resuming.lose(member, seat, self.world.last_id)
                if self._closing:  # nobody can come back any more
                    self.resuming.part_with_all()
            case Resume(words):
                self.take_over(member, self.resuming.owner_of(words, member))
            case TakeOver(nick):
                self.take_over(member, self.world.member(nick))
            case PartWithLost():
                self.resuming.part_with_late()
            case _:
                assert_never(request)

    def _enter(self, member: Member, name: str, past: RoomPast | None) -> None:
        if not member.is_operator and (ban := self.standing.banned(member.address)) is not None:
            raise ChatError(ban)  # since they connected
        self.world.enter(member)
        try:
            self.join(member, name, past)
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
        self.notices.welcome(member)
        self.on_named(member)

    def take_over(self, newcomer: Member, member: Member) -> None:
        """Let a newcomer go on as a member; raises ChatError if that is not to be."""
        if self._closing:
            raise ChatError("the server is shutting down")
        if not newcomer.is_operator and (ban := self.standing.banned(newcomer.address)):
            raise ChatError(ban)
        self.resuming.take_over(newcomer, member, self.world.last_id)
        self.world.touch_rooms(member)  # who is at another address now
        if member.is_operator and not newcomer.is_operator:
            # The words were shown to whoever could read along.
            self.moderators.obey(member, StepDown())
            self.fanout.show(member, Noticed("you are no operator any more"))
        member.is_operator = newcomer.is_operator
        self.moderators.hold_anew(member)

    def join(
        self, member: Member, name: str, past: RoomPast | None, left: int | None = None
    ) -> None:
        """Let a member into a room; of one who `left` it: see `entered`.

        Raises:
            ChatError: if they may not enter it.
        """
        self.standing.check_entry(member, name)
        # Another one of its rooms may have been the current one.
        self.fanout.flush_rooms(member.rooms.values())
        existing = self.world.rooms.get(fold(name))
        if existing is not None and not existing.has_readers_like(member):
            self.fanout.flush_rooms([existing])
        is_ownerless = existing is not None and bool(existing.claim)
        room = self.world.join(member, name, past)
        # Not a flush: when 100 come in one turn, that would be one each for all who are there.
        room.add_latecomer(member)
        self.fanout.show(member, self.entered(member, room, left))
        if past is not None and not past.is_readable:
            self.fanout.show(member, Noticed(UNREADABLE))
        self.comings.tell_joined(member, room)
        if is_ownerless and room.owner is member:
            self.moderators.audit.tell_of_owner(room, None)
        self.standing.received(member, room)

    def entered(
        self, member: Member, room: Room, left: int | None = None, back: int = NEVER
    ) -> Entered:
        """What one is shown of a room on coming in.

        Of one who `left` behind that message: what was said since, and nothing behind `back`,
        since when they are here.
        """
        limits = self.world.limits
        seen = self.world.leavings.take(member, room)
        # The last first: nearly everybody is shown only those, of some hundreds.
        old = (each for each in room.last_shown_to(member) if not member.ignores(each.nick))
        new: list[Message] = []
        if left is not None:
            seen, old = left, (each for each in old if left < each.id <= back)
        if seen is not None:
            shown = list(old)[::-1]
            # What has left the history meanwhile is new, too; nobody knows how much that was.
            new = [each for each in shown if each.id > seen]
            old = (each for each in reversed(shown) if each.id <= seen)
        fresh = _fitting(new)
        most = limits.shown_on_join if len(fresh) == len(new) else 0
        recent = list(islice(old, most))[::-1]
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

    def refuse_muted(self, member: Member) -> None:
        """Raises ChatError to who would talk by the names that they take."""
        for room in member.rooms.values():
            if self.standing.is_muted(member, room):
                raise ChatError(f"you are muted in {room.name}: /leave it to take another name")

    def rename(self, member: Member, nick: str) -> None:
        """Give a member another nick, and tell whom that concerns.

        Raises:
            ChatError: before anything is shown, if that may not be.
        """
        self.world.check_rename(member, nick)
        old = member.nick
        self.comings.tell_first(member, member.rooms.values())
        self.fanout.flush_rooms(member.rooms.values())
        self.world.rename(member, nick)
        log.info("%s is %s now", old, nick)
        self.fanout.tell_neighbours(member, Renamed(old, nick), member.rooms.values())
        self.on_named(member)

    def leave(self, member: Member, name: str, text: str) -> None:
        """Take a member out of a room; raises ChatError if they are not in it, or may not talk."""
        room = self.world.room_of(member, name)
        if text and self.standing.is_muted(member, room):
            raise ChatError(f"you are muted in {room.name}: leave it without a word")
        if text:
            self.comings.tell_first(member, (room,))
        self.fanout.flush_rooms(member.rooms.values())
        owner = room.owner
        self.standing.settle([room])
        self.world.leave(member, room)
        self.comings.tell_left(member, room, text)
        self.moderators.audit.tell_of_owner(room, owner)

    def depart(self, member: Member, reason: str, text: str) -> None:
        """Take a member out of everything, with a last word or without; not one who has left."""
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
        self.standing.settle(owners)
        self.world.depart(member)
        self.resuming.forget(member)
        if not self._closing:
            self.world.forget_words(member)
            for room, owner in owners.items():
                self.moderators.audit.tell_of_owner(room, owner)


def _fitting(messages: list[Message]) -> list[Message]:
    """The last of them, as many as somebody who comes in is shown at once."""
    size = 0
    for count, message in enumerate(reversed(messages)):
        size += len(message.text)
        if count == MAX_NEW or size > MAX_NEW_SIZE:
            return messages[len(messages) - count :]
    return messages
