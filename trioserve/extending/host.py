"""What services and watchers act through, and the members that they make."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import attrs
import trio

from trioserve import names
from trioserve.broker.broker import Broker
from trioserve.broker.events import Events, Missed
from trioserve.errors import ChatError
from trioserve.extending.actor import Actor
from trioserve.extending.store import Store
from trioserve.messages import Acted, Announced, Event, Flickered, Said, Thronged, Told, TopicSet
from trioserve.requests import Announce, Depart, Enter, Settle
from trioserve.rooms.member import Member
from trioserve.rooms.outlet import Piece
from trioserve.rooms.room import Room
from trioserve.state.world import World

DEPARTURE: Final = 5.0  # seconds for the broker, which waits for nobody, to let a bot go

log = logging.getLogger(__name__)


@attrs.frozen
class Host:
    """The server, as far as a plug-in's own tasks may touch it."""

    broker: Broker
    store: Store

    @property
    def world(self) -> World:
        """Everyone and every room: to read, never to change."""
        return self.broker.world

    @asynccontextmanager
    async def member(self, nick: str, room: str | None = None) -> "AsyncIterator[Bot]":
        """A member of the server's own, for as long as the block lasts: a bot.

        They enter `room`, or the first room, under `nick`.

        Raises:
            ChatError: if the nick or the room cannot be had.
        """
        ear = _Ear()
        member = Member(names.check_nick(nick), ear, active=trio.current_time(), is_bot=True)
        try:
            first = self.world.limits.first if room is None else names.check_room(room)
            await self.broker.call(member, Enter(first))
            yield Bot(member, self.broker, ear.events)
        finally:
            with trio.move_on_after(DEPARTURE, shield=True) as departing:
                await self._depart(member)
            if departing.cancelled_caught:
                log.error("%s has not departed within %g s", member.nick, DEPARTURE)

    async def _depart(self, member: Member) -> None:
        """Let the broker take a bot out; what has ended it is not to be hidden by that."""
        try:
            with suppress(ChatError):  # it crashed, which must leave no ghost
                await self.broker.call(member, Settle())  # behind an Enter that was cancelled
            if self.world.members.get(names.fold(member.nick)) is member:
                await self.broker.call(member, Depart())
        except trio.BrokenResourceError:
            log.debug("%s departs with the broker", member.nick)
        except ChatError:
            log.exception("%s could not depart", member.nick)

    async def announce(self, room: Room | str, text: str) -> None:
        """Let the server say a line in a room, or in one of that name.

        Raises:
            ChatError: if there is none. A room is gone when all have left it; one
                that is made later under its name is another.
        """
        name = room.name if isinstance(room, Room) else names.check_room(room)
        if isinstance(room, Room) and self.world.rooms.get(names.fold(name)) is not room:
            raise ChatError(f"everybody has left {name}")
        await self.broker.call(self.broker.house, Announce(text, name))


@attrs.frozen
class Bot(Actor):
    """A member without a connection: acts as people do, and iterates over what they would see.

    But for what it says and does itself, which it would answer for ever. Iterate
    as often as you like: what comes meanwhile waits. A bot that is too slow is
    shown `Missed` where it is; nobody waits for it.
    """

    events: Events

    def __aiter__(self) -> "Bot":
        return self

    async def __anext__(self) -> Event | Missed:
        async for event in self.events:
            match event:
                case (
                    Said(nick=nick) | Acted(nick=nick) | Announced(nick=nick) | TopicSet(nick=nick)
                ):
                    own = nick == self.nick
                case Told(sender=sender):
                    own = sender == "you"
                case _:
                    own = False
            if not own:
                return event
        raise StopAsyncIteration


@attrs.frozen
class _Ear:
    """The outlet of a bot."""

    events: Events = attrs.field(factory=Events)

    @property
    def lagging(self) -> bool:
        return self.events.is_full

    def put_event(self, event: Event, data: bytes) -> None:
        self.events.put(event)

    def put_piece(self, piece: Piece) -> None:
        for event in piece.events:
            if not isinstance(event, Thronged | Flickered):  # bots are told of each
                self.events.put(event)
