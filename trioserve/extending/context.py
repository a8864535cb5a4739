"""What a command acts through."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

import attrs
import trio

from trioserve import names
from trioserve.accounts.accounts import Accounts
from trioserve.accounts.forgetting import Forgetting
from trioserve.accounts.guardian import Guardian
from trioserve.accounts.letters import Letters
from trioserve.accounts.operators import Operators
from trioserve.archive.pruning import Retention
from trioserve.errors import ChatError
from trioserve.extending.actor import Actor
from trioserve.extending.declarations import Command
from trioserve.extending.filtering import passed
from trioserve.extending.host import Host
from trioserve.extending.mentioning import Mentioned
from trioserve.extending.plugin import Plugin
from trioserve.extending.plugins import Plugins
from trioserve.extending.post import Post
from trioserve.extending.replaying import Replays
from trioserve.extending.store import Store
from trioserve.messages import Divided, Event, Message, Noticed, Resumable, Told, TopicSet
from trioserve.observe import Counters
from trioserve.outbox import Outbox
from trioserve.requests import Ignore, Reply, SetJson, SetLook, SetQuiet, TakeOver, Tell, Unignore
from trioserve.rooms.member import Member
from trioserve.state.past import Past
from trioserve.wire.answers import Layout, cut, event_shown, noticed
from trioserve.wire.style import Look, View
from trioserve.wire.text import clean


class Caller(Protocol):
    """The session in which a command runs, as far as a command may touch it."""

    @property
    def peer(self) -> str: ...
    @property
    def is_private(self) -> bool: ...
    def quit(self, text: str) -> None: ...
    def cancel(self) -> None: ...
    async def ask(self, prompt: str, *, secret: bool = False) -> str: ...
    def expect_secret(self) -> None: ...
    async def use_keys(self, wanted: bool) -> None: ...
    def may_rename(self) -> bool: ...
    async def resume(self, words: str) -> None: ...
    def permits(self, command: Command) -> bool: ...


@attrs.frozen
class Context(Actor):
    """One call of a command: who called it, where, and all that it may do.

    What changes rooms goes through the broker: it waits until everybody has
    been sent the outcome, and raises ChatError where the broker refuses. A
    ChatError that a command lets pass is shown to its caller. What it says in
    the caller's name goes through the filters.
    """

    outbox: Outbox
    plugins: Plugins
    plugin: Plugin
    counters: Counters
    operators: Operators
    past: Past  # what was said before, here and everywhere
    retention: Retention  # and how long that is kept
    accounts: Accounts
    guardian: Guardian
    forgetting: Forgetting
    letters: Letters  # for who is not here
    rehash: Callable[[], Awaitable[list[str]]]  # the configuration; returns what came of it
    _caller: Caller
    telnet_port: int  # where telnet is asked what it is; 0: nowhere

    @property
    def store(self) -> Store:
        """What the plug-in keeps: for the server, by room, by member."""
        return self.plugin.store

    @property
    def host(self) -> Host:
        """The server, for what goes on when the caller has left."""
        return Host(self.broker, self.plugin.store)

    @property
    def peer(self) -> str:
        """The other end of the caller's connection, as a log shows it."""
        return self._caller.peer

    @property
    def is_private(self) -> bool:
        """Whether nobody can read along what the caller types: on loopback, or with TLS."""
        return self._caller.is_private

    def permits(self, command: Command) -> bool:
        """Whether the caller may use a command here and now."""
        return self._caller.permits(command)

    def is_in(self, room: str) -> bool:
        """Whether the caller is in a room; raises ChatError if that is no name of one."""
        return names.fold(names.check_room(room)) in self.member.rooms

    def background(self, function: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        """Run an async function as a task of the plug-in's, without waiting for it.

        Let it act through `host`: it goes on when the caller leaves, and with them
        their context can do no more. It ends with the plug-in. If it
        crashes, that is logged. Raises ChatError if the plug-in has too many.
        """
        self.plugin.start_soon(function, *arguments)

    def ignores(self, message: Message | TopicSet | Told) -> bool:
        """Whether the caller does not want to see a message, because of who wrote it."""
        return self.member.ignores(message.sender if isinstance(message, Told) else message.nick)

    async def passed(self, text: str) -> str:
        """The text as the filters let it pass; raises ChatError if one refuses it."""
        return await passed(self, text)

    # ----------------------------------------------------- to the caller alone

    def reply(self, text: str) -> None:
        """Show text to the caller alone, each line behind ``-- ``.

        At most MAX_REPLY bytes are shown; of what is longer, the last line says so.
        """
        self.reply_in_parts(lambda _: text.split("\n"))

    def reply_in_parts(self, layout: Layout) -> None:
        """Show text to the caller alone, as `layout` makes it for how the caller reads.

        It is asked for the same parts again if their window changes while they read by pages.
        """
        text = "\n".join(cut(layout(self.member.style())))
        self.outbox.put_answer(noticed(layout), Noticed(text))

    def show_words(self) -> None:
        """Show the caller by which words they come back, should the connection break.

        Raises ChatError where nobody is kept for that.
        """
        if not self.member.words:
            raise ChatError("who loses their connection here has left: there are no words")
        self.outbox.put_answer(event_shown(Resumable(self.member.words)))

    def divide(self, text: str) -> None:
        """Show the caller a line across: ``-- now --``."""
        self.outbox.put_answer(event_shown(Divided(clean(text))))

    def show(self, event: Event, look: Look) -> None:
        """Show the caller an event as it would look so."""
        self.outbox.put_answer(event_shown(event, look, View(self.nick, live=False)))

    @property
    def mentioned(self) -> Mentioned:
        """Where the caller was mentioned while they were not there."""
        return Mentioned(self.member, self.world.rooms, self.past)

    async def replay(self, messages: Iterable[Message | TopicSet | Told], since: int = 0) -> int:
        """Show messages again, no faster than the caller reads; those of ignored people are not.

        Where another day begins than that of `since` (an id; without it: now), a
        line says which. Returns the id of the last one.
        """
        return await self._replays.show(messages, since)

    async def show_kept(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Show the caller things that are kept about them, no faster than they read."""
        await self._replays.show_kept(rows)

    async def replay_missed(self) -> bool:
        """Show what was skipped while the caller did not read; whether there was anything."""
        return await self._replays.show_missed()

    @property
    def _replays(self) -> Replays:
        return Replays(self.member, self.outbox, self.past, self.broker.now_ns)

    async def ask(
        self,
        prompt: str,
        *,
        secret: bool = False,
        timeout: float = math.inf,  # noqa: ASYNC109  (a refusal with words of its own)
    ) -> str:
        """Ask the caller and return the line they answer, which may have been typed ahead.

        A `secret`, such as a password, is typed unseen where the caller's client
        can do that, and never taken from what was typed ahead: such lines are not sent,
        nor is what may be a secret behind a question that was refused its answer (by a
        ChatError of the command's) or has lapsed. A command is no answer to it.

        Raises:
            InputEnded: if the caller's input has ended.
            ChatError: if there is no answer within `timeout` seconds.
        """
        with trio.move_on_after(timeout):
            return await self._caller.ask(prompt, secret=secret)
        raise ChatError(f"no answer within {timeout:g} seconds")

    async def use_keys(self, wanted: bool) -> None:
        """Have the caller's client send each key as it is pressed, or whole lines.

        Raises:
            ChatError: if the client does not go along.
        """
        await self._caller.use_keys(wanted)

    def quit(self, text: str = "") -> None:
        """End the caller's session, with a last word or without one."""
        self._caller.quit(text)

    def cancel(self) -> None:
        """End the caller's running command, or drop the lines that flood control holds back."""
        self._caller.cancel()

    # ------------------------------------------------------ through the broker

    async def answer(self, text: str) -> None:
        """Say a line to whom the caller has last exchanged a private one with."""
        await self._post.send(Reply(await self.passed(text)))

    async def tell(self, nick: str, text: str) -> None:
        """Say a line to one person alone, or leave it for them if the name is their own."""
        await self._post.send(Tell(nick, await self.passed(text)))

    async def collect_letters(self, member: Member | None = None) -> None:
        """Show the caller what was left for them, or for the member that they are by now.

        Raises ChatError if that cannot be read.
        """
        await attrs.evolve(self._post, member=member or self.member).collect()

    @property
    def _post(self) -> Post:
        return Post(self.member, self.broker, self.outbox, self.letters)

    async def rename(self, nick: str) -> None:
        """Give the caller another nick, if they have not changed it too often of late."""
        nick = names.check_nick(nick)
        if not self._caller.may_rename():
            raise ChatError("you have changed your name often of late; wait some seconds")
        await Actor.rename(self, nick)

    async def resume(self, words: str) -> None:
        """Be the member whose words these are: the caller departs, their connection stays."""
        await self._caller.resume(words)

    async def take_over(self, nick: str) -> None:
        """Be the member of this nick from now on, for a caller who has proved that they may."""
        await self.broker.call(self.member, TakeOver(nick))

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

    async def set_look(self, look: Look) -> None:
        """Show the caller everything so: mostly a changed `member.look`."""
        await self.broker.call(self.member, SetLook(look))
