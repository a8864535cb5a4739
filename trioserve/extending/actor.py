"""What a member can have done: requests to the broker, each awaited to its outcome."""

import attrs

from trioserve import names
from trioserve.broker.broker import Broker
from trioserve.orders import Order
from trioserve.requests import (
    Act,
    Announce,
    ComeBack,
    GoAway,
    Join,
    Leave,
    Rename,
    Say,
    SetTopic,
    Switch,
    Tell,
)
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room
from trioserve.state.world import World


@attrs.frozen
class Actor:
    """Somebody who acts: the caller of a command, or a bot.

    Everything awaited here goes through the broker. It returns when everybody
    has been sent the outcome, and raises ChatError where the broker refuses.
    """

    member: Member
    broker: Broker

    @property
    def nick(self) -> str:
        """Their nick."""
        return self.member.nick

    @property
    def room(self) -> Room:
        """Their current room; raises ChatError if they are in none."""
        return self.world.current_room(self.member)

    @property
    def world(self) -> World:
        """Everyone and every room: to read, never to change."""
        return self.broker.world

    def members(self) -> list[Member]:
        """Who is in the current room, longest present first; raises ChatError if in none."""
        return list(self.room.members)

    def room_named(self, name: str) -> Room:
        """A room by its name, with its ``#`` or without; ChatError if they see none."""
        return self.world.room_shown_to(self.member, names.check_room(name))

    async def passed(self, text: str) -> str:
        """The text as it may be sent: the one place for filters; raises ChatError to refuse."""
        return text

    async def say(self, text: str) -> None:
        """Say a line in the current room; the author is shown it too."""
        await self.broker.call(self.member, Say(await self.passed(text), echo=True))

    async def act(self, text: str) -> None:
        """Say in the current room what one does: ``** ann waves``."""
        await self.broker.call(self.member, Act(await self.passed(text)))

    async def announce(self, text: str) -> None:
        """Let the server say a line in the current room: ``* ann rolled 6``."""
        await self.broker.call(self.member, Announce(await self.passed(text)))

    async def tell(self, nick: str, text: str) -> None:
        """Say a line to one person alone; both are shown it."""
        await self.broker.call(self.member, Tell(nick, await self.passed(text)))

    async def join(self, name: str) -> None:
        """Enter a room, which becomes the current one, and is made if there is none."""
        await self.broker.call(self.member, Join(names.check_room(name)))

    async def leave(self, name: str, text: str = "") -> None:
        """Leave a room, with a last word or without one."""
        text = await self.passed(text) if text else ""
        await self.broker.call(self.member, Leave(names.check_room(name), text))

    async def switch(self, name: str) -> None:
        """Make a room that one is in the current one."""
        await self.broker.call(self.member, Switch(names.check_room(name)))

    async def rename(self, nick: str) -> None:
        """Take another nick."""
        await self.broker.call(self.member, Rename(names.check_nick(nick)))

    async def go_away(self, text: str = "") -> None:
        """Be away, until one says something or comes back."""
        text = await self.passed(text) if text else ""
        await self.broker.call(self.member, GoAway(text))

    async def come_back(self) -> None:
        """Be away no more; raises ChatError if one is not."""
        await self.broker.call(self.member, ComeBack())

    async def order(self, order: Order) -> None:
        """Have a room or the server kept in order; raises ChatError to who may not."""
        await self.broker.call(self.member, order)

    async def set_topic(self, topic: str) -> None:
        """Set the topic of the current room; an empty one takes it away."""
        topic = await self.passed(topic) if topic else ""
        await self.broker.call(self.member, SetTopic(self.room.name, topic))
