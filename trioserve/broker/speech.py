"""What people say: in a room, to one person alone, as a room's topic.

Plain calls, of which the broker makes one at a time.
"""

from collections.abc import Callable
from typing import assert_never

import attrs

from trioserve.broker.choices import Choices
from trioserve.broker.comings import Comings
from trioserve.broker.fanout import UNREAD, Fanout
from trioserve.broker.standing import Standing
from trioserve.errors import AbsentError, ChatError
from trioserve.messages import Acted, Announced, Noticed, Said, Told, TopicSet
from trioserve.names import fold
from trioserve.observe import Counters
from trioserve.requests import Act, Announce, Reply, Retract, Say, SetTopic, Speak, Tell
from trioserve.rooms.member import Member
from trioserve.state import attendance, correspondence
from trioserve.state.world import World
from trioserve.wire.text import flatten


@attrs.define(eq=False)
class Speech:
    """Lets people say something, if nothing forbids it, and gives each message its id."""

    world: World
    fanout: Fanout
    comings: Comings
    standing: Standing
    choices: Choices
    counters: Counters
    now_ns: Callable[[], int]  # nanoseconds since 1970
    is_kept: Callable[[str], bool] = lambda _: False  # whether a nick is somebody's own

    def obey(self, member: Member, request: Speak) -> None:
        """Handle a request; raises ChatError, before anything has changed, to refuse it."""
        match request:
            case Say():
                self.say(member, request)
            case Act(text):
                self._act(member, text)
            case Announce(text, name):
                self._announce(member, name, text)
            case Tell(nick, text):
                self._tell(member, self._addressee(nick), text)
            case Reply(text):
                self._tell(member, self._correspondent(member), text)
            case SetTopic(name, topic):
                self._set_topic(member, name, flatten(topic))
            case Retract(account, name):
                self.world.roomkeeping.histories.retract(account, name)
            case _:
                assert_never(request)

    def say(self, member: Member, line: Say) -> None:
        """Show a line to the current room; raises ChatError if that cannot be.

        The one request that comes with each line that is typed: nothing is done here for
        what few rooms have.
        """
        room = self.world.current_room(member)
        if room.rules is not None:
            self.standing.check_speech(member, room)
        if member.absence is not None:
            self.choices.come_back(member)
        if room.crowd is not None:
            self.comings.tell_first(member, (room,))
        self.counters.messages += 1
        account = member.account and fold(member.account)
        said = Said(self.new_id(), room.name, member.nick, line.text, account)
        # A terminal has shown the line to its author; a program has not.
        silent = None if line.echo or member.sees_own_lines else member
        self.fanout.post(room, said, silent=silent)

    def _act(self, member: Member, text: str) -> None:
        room = self.world.current_room(member)
        self.standing.check_speech(member, room)
        if member.absence is not None:
            self.choices.come_back(member)
        self.comings.tell_first(member, (room,))
        self.counters.messages += 1
        account = fold(member.account)
        self.fanout.post(room, Acted(self.new_id(), room.name, member.nick, text, account))

    def _announce(self, member: Member, name: str, text: str) -> None:
        room = self.world.room(name) if name else self.world.current_room(member)
        if not room.members:  # kept for its bans alone
            raise ChatError(f"everybody has left {room.name}")
        self.standing.check_speech(member, room)
        self.comings.tell_first(member, (room,))
        self.counters.messages += 1
        account = fold(member.account)
        self.fanout.post(room, Announced(self.new_id(), room.name, member.nick, text, account))

    def _set_topic(self, member: Member, name: str, topic: str) -> None:
        room = self.world.room_of(member, name)
        self.standing.check_speech(member, room)
        self.comings.tell_first(member, (room,))
        account = fold(member.account)
        event = TopicSet(room.name, member.nick, topic, self.new_id(), account)
        self.fanout.post(room, event)
        self.world.set_topic(room, event)

    def _tell(self, member: Member, other: Member, text: str) -> None:
        self.world.refuse_absent(member)
        if other.outlet.lagging:
            raise ChatError(f"{other.nick} is not reading at the moment; try again later")
        if other.ignores(member.nick):
            raise ChatError(f"{other.nick} ignores you")
        if member.absence is not None:
            self.choices.come_back(member)
        self.counters.messages += 1
        told_id = self.new_id()
        other.correspondent = member
        if other.absence is not None and other.absence.is_fresh:
            self.fanout.put(other, UNREAD)
            attendance.see_news(other)
        self.fanout.put(other, Told(told_id, member.nick, "you", text))
        told = Told(told_id, member.nick, other.nick, text)
        correspondence.keep_told(self.world, told, member, other)
        if other is not member:
            member.correspondent = other
            self.fanout.put(member, Told(told_id, "you", other.nick, text))
        self._tell_of_absence(member, other)

    def _addressee(self, nick: str) -> Member:
        """Who is meant by a nick: if it is somebody's own, never a guest who has borrowed it."""
        holder = self.world.members.get(fold(nick))
        if not self.is_kept(nick) or (holder and fold(holder.account) == fold(nick)):
            return self.world.member(nick)
        if (owner := self.world.owner_of_account(nick)) is not None:
            return owner
        guest = f": the {holder.nick} who is here is a guest" if holder is not None else ""
        raise AbsentError(nick, self.new_id(), f"{nick} is not here{guest}")

    def _correspondent(self, member: Member) -> Member:
        other = member.correspondent
        if other is not None and other.account and not self.world.is_here(other):
            return self._addressee(other.account)
        return correspondence.correspondent(self.world, member)

    def _tell_of_absence(self, member: Member, other: Member) -> None:
        """Tell a sender why they may have no answer soon."""
        if other.is_lost:
            lost = f"{other.nick} has lost the connection, and reads that if they come back"
            self.fanout.put(member, Noticed(lost))
        if other.absence is not None and member not in other.absence.told:
            other.absence.told.add(member)
            why = f": {other.absence.text}" if other.absence.text else ""
            self.fanout.put(member, Noticed(f"{other.nick} is away{why}"))

    def new_id(self) -> int:
        """The id of a message: microseconds since 1970, yet always more than ever before."""
        world = self.world
        world.last_id = max(world.last_id + 1, self.now_ns() // 1000)
        return world.last_id
