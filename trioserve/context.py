"""What a command acts through."""

from collections.abc import Iterable
from typing import Final, Protocol

import attrs

from trioserve import names
from trioserve.broker import Broker
from trioserve.errors import ChatError
from trioserve.messages import (
    Act,
    Announce,
    Ignore,
    Join,
    Leave,
    Message,
    Noticed,
    Rename,
    Reply,
    Say,
    SetJson,
    SetQuiet,
    SetTopic,
    Switch,
    Tell,
    Unignore,
)
from trioserve.observe import Counters
from trioserve.outbox import Outbox
from trioserve.registry import Registry
from trioserve.rooms import Member, Room
from trioserve.wire.render import render
from trioserve.wire.text import plural
from trioserve.world import World

MAX_REPLY: Final = 64 * 1024  # bytes of one answer


class Caller(Protocol):
    """The session in which a command runs, as far as a command may touch it."""

    def quit(self, text: str) -> None: ...
    def cancel(self) -> None: ...
    async def ask(self, prompt: str) -> str: ...
    def may_rename(self) -> bool: ...


@attrs.frozen
class Context:
    """One call of a command: who called it, where, and all that it may do.

    What changes rooms goes through the broker: it waits until everybody has
    been sent the outcome, and raises ChatError where the broker refuses. A
    ChatError that a command lets pass is shown to its caller.
    """

    member: Member
    outbox: Outbox
    broker: Broker
    registry: Registry
    counters: Counters
    _caller: Caller

    # ---------------------------------------------------------- what is so

    @property
    def nick(self) -> str:
        """The caller's nick."""
        return self.member.nick

    @property
    def room(self) -> Room:
        """The caller's current room; raises ChatError if they are in none."""
        return self.world.current_room(self.member)

    @property
    def world(self) -> World:
        """Everyone and every room: to read, never to change."""
        return self.broker.world

    def is_in(self, room: str) -> bool:
        """Whether the caller is in a room; raises ChatError if that is no name of one."""
        return names.fold(names.check_room(room)) in self.member.rooms

    def room_named(self, name: str) -> Room:
        """A room by its name, with its ``#`` or without; raises ChatError if there is none."""
        return self.world.room(names.check_room(name))

    # ----------------------------------------------------- to the caller alone

    def reply(self, text: str) -> None:
        """Show text to the caller alone, each line behind ``-- ``.

        At most MAX_REPLY bytes are shown; of what is longer, the last line says so.
        """
        data = render(Noticed(text), self.member.style())
        if len(data) > MAX_REPLY:
            whole = data[: data.rindex(b"\n", 0, MAX_REPLY) + 1]
            left_out = data.count(b"\n") - whole.count(b"\n")
            data = whole + render(Noticed(f"({left_out} more lines)"), self.member.style())
        self.outbox.put(data)

    async def replay(self, messages: Iterable[Message]) -> None:
        """Show messages again, no faster than the caller reads: waits only if they lag."""
        for message in messages:
            if self.outbox.lagging:
                await self.outbox.below_soft()
            self.outbox.put(render(message, self.member.style()))

    async def replay_missed(self) -> bool:
        """Show what was skipped while the caller did not read; whether there was anything."""
        rooms = list(self.outbox.missed or ())
        for name in rooms:
            missed = self.outbox.take_missed(name)
            room = self.member.rooms.get(names.fold(name))
            if missed is None:
                continue
            found = [] if room is None else room.recall(missed.ids)
            self.reply(f"{plural(missed.count, 'message')} missed in {name} --")
            await self.replay(found)
            if gone := missed.count - len(found):
                self.reply(f"{plural(gone, 'message')} no longer kept --")
            self.reply("now --")
        return bool(rooms)

    async def ask(self, prompt: str) -> str:
        """Ask the caller and return the line they answer, which may have been typed ahead.

        The caller of `ask` sets its deadline, for instance ``trio.fail_after``.

        Raises:
            InputEnded: if the caller's input has ended.
        """
        return await self._caller.ask(prompt)

    def quit(self, text: str = "") -> None:
        """End the caller's session, with a last word or without one."""
        self._caller.quit(text)

    def cancel(self) -> None:
        """End the caller's running command, or drop the lines that flood control holds back."""
        self._caller.cancel()

    # ------------------------------------------------------ through the broker

    async def say(self, text: str) -> None:
        """Say a line in the current room, as if the caller had typed it; they are shown it too."""
        await self.broker.call(self.member, Say(text, echo=True))

    async def act(self, text: str) -> None:
        """Say in the current room what the caller does: ``** ann waves``."""
        await self.broker.call(self.member, Act(text))

    async def announce(self, text: str) -> None:
        """Let the server say a line in the current room: ``* ann rolled 6``."""
        await self.broker.call(self.member, Announce(text))

    async def tell(self, nick: str, text: str) -> None:
        """Say a line to one person alone; both are shown it."""
        await self.broker.call(self.member, Tell(nick, text))

    async def answer(self, text: str) -> None:
        """Say a line to whom the caller has last exchanged a private one with."""
        await self.broker.call(self.member, Reply(text))

    async def join(self, name: str) -> None:
        """Take the caller into a room, which becomes the current one."""
        await self.broker.call(self.member, Join(names.check_room(name)))

    async def leave(self, name: str, text: str = "") -> None:
        """Take the caller out of a room."""
        await self.broker.call(self.member, Leave(names.check_room(name), text))

    async def switch(self, name: str) -> None:
        """Make a room that the caller is in the current one."""
        await self.broker.call(self.member, Switch(names.check_room(name)))

    async def rename(self, nick: str) -> None:
        """Give the caller another nick."""
        nick = names.check_nick(nick)
        if not self._caller.may_rename():
            raise ChatError("you have changed your name often of late; wait some seconds")
        await self.broker.call(self.member, Rename(nick))

    async def set_topic(self, topic: str) -> None:
        """Set the topic of the current room; an empty one takes it away."""
        await self.broker.call(self.member, SetTopic(self.room.name, topic))

    async def ignore(self, nick: str) -> None:
        """Show the caller nothing more of what a nick says."""
        await self.broker.call(self.member, Ignore(names.check_nick(nick)))

    async def unignore(self, nick: str) -> None:
        """Show the caller again what a nick says."""
        await self.broker.call(self.member, Unignore(names.check_nick(nick)))

    async def set_quiet(self, quiet: bool) -> None:
        """Show the caller who joins and leaves, or do not."""
        await self.broker.call(self.member, SetQuiet(quiet))

    async def set_json(self, json: bool) -> None:
        """Show the caller everything as JSON lines, or as text."""
        await self.broker.call(self.member, SetJson(json))
