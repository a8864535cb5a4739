"""The one task that owns the rooms: inbox, handle, flush.

Theory of operation. Sessions put requests into one bounded memory channel, the
inbox; a full inbox makes them wait, which stops their reading, which closes
TCP's window. The broker works in turns: it takes what is there, handles each
request with plain calls, and at the turn's end has the outcome shown. It awaits
its inbox, which is also the one checkpoint of a turn, and nothing else, ever:
session -> broker -> outbox has no cycle, hence no deadlock, and nothing is ever
seen half done.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, assert_never

import trio

from trioserve.errors import ChatError
from trioserve.events import Events
from trioserve.fanout import Fanout
from trioserve.messages import (
    Acted,
    Announced,
    Departed,
    Entered,
    Event,
    Joined,
    Left,
    Noticed,
    Renamed,
    Said,
    Told,
    TopicSet,
)
from trioserve.names import fold
from trioserve.observe import Counters
from trioserve.requests import (
    Act,
    Announce,
    Close,
    Depart,
    Enter,
    Ignore,
    Join,
    Leave,
    Rename,
    Reply,
    Request,
    Say,
    SetJson,
    SetQuiet,
    Settle,
    SetTopic,
    Switch,
    Tell,
    Unfold,
    Unignore,
)
from trioserve.rooms import Member, Piece
from trioserve.wire.text import flatten
from trioserve.world import World

TURN_REQUESTS: Final = 256  # handled before what came of them is shown

log = logging.getLogger(__name__)


class Outcome:
    """What becomes of one request: whoever sent it can wait for that."""

    __slots__ = ("_done", "_refusal")

    def __init__(self) -> None:
        self._done = trio.Event()
        self._refusal: ChatError | None = None

    def set(self, refusal: ChatError | None) -> None:
        self._refusal = refusal
        self._done.set()

    async def wait(self) -> None:
        """Wait until the request is handled; raises ChatError if the broker refused it."""
        await self._done.wait()
        if self._refusal is not None:
            raise self._refusal


Item = tuple[Member, Request, Outcome | None]


class Nowhere:
    """The outlet of a member whom nobody shows anything."""

    lagging = False

    def put_event(self, event: Event, data: bytes) -> None:
        """Drop it."""

    def put_piece(self, piece: Piece) -> None:
        """Drop it."""


class Broker:
    """Handles everybody's requests in the order in which they came."""

    def __init__(
        self,
        world: World,
        counters: Counters,
        *,
        inbox_size: int,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Make a broker that is not running yet.

        Args:
            inbox_size: how many requests may wait before who sends more has to.
            now_ns: nanoseconds since 1970.
        """
        self.world = world
        self.house = Member("server", Nowhere(), active=0.0)  # who asks for the server itself
        self._fanout = Fanout(world, counters)
        self._counters = counters
        self._now_ns = now_ns
        self._send, self._receive = trio.open_memory_channel[Item](inbox_size)
        self._closing = False
        self._last_id = 0

    async def run(self) -> None:
        """Handle requests until cancelled."""
        with self._receive:
            while True:
                self._turn(await self._receive.receive())

    async def say(self, member: Member, request: Say) -> None:
        """Have a member say a line, without waiting for the outcome.

        Waits, and so checkpoints, only while the inbox is full. A refusal goes
        to the member's outlet.
        """
        try:
            self._send.send_nowait((member, request, None))
        except trio.WouldBlock:
            await self._send.send((member, request, None))

    async def call(self, member: Member, request: Request) -> None:
        """Send a request and wait until everybody has been sent what came of it; checkpoints.

        Raises:
            ChatError: if the broker refuses it; nothing has changed then.
            trio.BrokenResourceError: if the broker has ended.
        """
        outcome = Outcome()
        await self._send.send((member, request, outcome))
        await outcome.wait()

    @contextmanager
    def watched(self) -> Iterator[Events]:
        """What happens in the rooms, for as long as the block lasts."""
        events = Events()
        self._fanout.watching[events] = None
        try:
            yield events
        finally:
            del self._fanout.watching[events]

    def has_crowds(self) -> bool:
        """Whether an `Unfold` would tell anybody anything."""
        return bool(self._fanout.crowded)

    # --------------------------------------------------------------- turns

    def _turn(self, item: Item) -> None:
        self._handle(item)
        for _ in range(TURN_REQUESTS - 1):
            if self._fanout.full:
                break
            try:
                item = self._receive.receive_nowait()
            except trio.WouldBlock:
                break
            self._handle(item)
        self._fanout.flush()

    def _handle(self, item: Item) -> None:
        member, request, outcome = item
        refusal: ChatError | None = None
        try:
            self._obey(member, request)
        except ChatError as error:
            refusal = error
        except Exception:
            log.exception("a request crashed: %s", type(request).__name__)
            self._counters.crashes += 1
            refusal = ChatError("that failed on the server, and has been logged")
        if outcome is not None:
            outcome.set(refusal)
        elif refusal is not None:
            self._show(member, refusal)

    def _show(self, member: Member, refusal: ChatError) -> None:
        try:
            self._fanout.put(member, Noticed(str(refusal)))
        except Exception:
            log.exception("a refusal could not be shown")
            self._counters.crashes += 1

    # ------------------------------------------------------------ requests

    def _obey(self, member: Member, request: Request) -> None:  # noqa: C901  (a case for each)
        """Handle a request; raises ChatError, before anything has changed, to refuse it."""
        world, fanout = self.world, self._fanout
        match request:
            case Say(text, echo):
                room = world.current_room(member)
                said = Said(self._next_id(), room.name, member.nick, text)
                # A terminal has shown the line to its author; a program has not.
                fanout.post(room, said, silent=None if echo or member.json else member)
            case Act(text):
                room = world.current_room(member)
                fanout.post(room, Acted(self._next_id(), room.name, member.nick, text))
            case Announce(text, name):
                room = world.room(name) if name else world.current_room(member)
                fanout.post(room, Announced(self._next_id(), room.name, member.nick, text))
            case Tell(nick, text):
                self._tell(member, world.member(nick), text)
            case Reply(text):
                self._tell(member, world.correspondent(member), text)
            case Enter(name):
                self._enter(member, name)
            case Join(name):
                self._join(member, name)
            case Leave(name, text):
                self._leave(member, name, flatten(text))
            case Switch(name):
                room = world.room_of(member, name)
                fanout.flush_rooms(member.rooms.values())
                world.switch(member, room)
            case Rename(nick):
                old = member.nick
                fanout.flush_rooms(member.rooms.values())
                world.rename(member, nick)
                fanout.tell_neighbours(member, Renamed(old, nick), member.rooms.values())
            case SetTopic(name, topic):
                room = world.room_of(member, name)
                topic = flatten(topic)
                fanout.post(room, TopicSet(room.name, member.nick, topic))
                room.topic = topic
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
            case Depart(reason, text):
                self._depart(member, reason, flatten(text))
            case Settle():
                pass  # that it was handled is all there is to know
            case Unfold():
                fanout.unfold()
            case Close():
                self._closing = True
            case _:
                assert_never(request)

    def _tell(self, member: Member, other: Member, text: str) -> None:
        self.world.refuse_absent(member)
        if other.outlet.lagging:
            raise ChatError(f"{other.nick} is not reading at the moment; try again later")
        if other.ignores(member.nick):
            raise ChatError(f"{other.nick} ignores you")
        told_id = self._next_id()
        other.correspondent = member
        self._fanout.put(other, Told(told_id, member.nick, "you", text))
        if other is not member:
            member.correspondent = other
            self._fanout.put(member, Told(told_id, "you", other.nick, text))

    def _enter(self, member: Member, name: str) -> None:
        self.world.enter(member)
        try:
            self._join(member, name)
        except Exception:
            self.world.depart(member)  # or a ghost would keep the nick
            raise

    def _join(self, member: Member, name: str) -> None:
        # Another one of its rooms may have been the current one.
        self._fanout.flush_rooms(member.rooms.values())
        existing = self.world.rooms.get(fold(name))
        if existing is not None and not existing.has_readers_like(member):
            self._fanout.flush_rooms([existing])
        room = self.world.join(member, name)
        # Not a flush: when 100 come in one turn, that would be one each for all who are there.
        room.add_latecomer(member)
        limits = self.world.limits
        messages = [
            each for each in room.recent(limits.shown_on_join) if not member.ignores(each.nick)
        ]
        nicks = room.nicks(limits.names_shown)
        entered = Entered(room.name, room.topic, nicks, len(room.members), messages)
        self._fanout.show(member, entered)
        joined = Joined(room.name, member.nick)
        if len(room.members) > self.world.limits.fold_above:
            self._fanout.crowd(room).add_joined(member.nick)
            self._fanout.publish(joined)
        else:
            self._fanout.post(room, joined, silent=member)

    def _leave(self, member: Member, name: str, text: str) -> None:
        room = self.world.room_of(member, name)
        self._fanout.flush_rooms(member.rooms.values())
        self.world.leave(member, room)
        left = Left(room.name, member.nick, text=text)
        if len(room.members) > self.world.limits.fold_above:
            self._fanout.crowd(room).add_left(member.nick)
            self._fanout.publish(left)
        else:
            self._fanout.post(room, left)

    def _depart(self, member: Member, reason: str, text: str) -> None:
        if not self.world.is_here(member):
            return
        self._fanout.flush_rooms(member.rooms.values())
        rooms = list(member.rooms.values())
        if not self._closing:
            small = [room for room in rooms if len(room.members) <= self.world.limits.fold_above]
            self._fanout.tell_neighbours(member, Departed(member.nick, reason, text), small)
            for room in rooms:
                if len(room.members) > self.world.limits.fold_above:
                    self._fanout.crowd(room).add_left(member.nick)
        self.world.depart(member)

    def _next_id(self) -> int:
        """Microseconds since 1970, yet always more than ever before."""
        self._counters.messages += 1
        self._last_id = max(self._last_id + 1, self._now_ns() // 1000)
        return self._last_id
