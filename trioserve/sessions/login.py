"""Who has connected: greeted, asked for a name until one is free, or back by their words."""

from collections.abc import Callable
from typing import Final

import attrs
import trio

from trioserve import names
from trioserve.errors import ChatError
from trioserve.limits import network_of
from trioserve.messages import Asked, Noticed
from trioserve.outbox import Outbox
from trioserve.requests import Enter
from trioserve.rooms.member import Member
from trioserve.rooms.outlet import Seat
from trioserve.sessions.intake import Intake
from trioserve.sessions.services import INPUT_ENDED, CatchingUp, Ending, Services
from trioserve.transport import Transport
from trioserve.wire.paint import paint
from trioserve.wire.render import render
from trioserve.wire.style import ANYBODY, PLAIN, Style
from trioserve.wire.telnet import Signal
from trioserve.wire.text import clean, encode, plural
from trioserve.wire.voices import Line

TOO_LONG: Final = "?" * (names.MAX_NICK + 1)  # as a name: what stands for a line that was too long
ANSWER: Final = 0.3  # seconds for a telnet to tell what it is, before it is greeted


@attrs.define(eq=False)
class Login:
    """What is asked of a stranger before they are one of the people."""

    transport: Transport
    outbox: Outbox
    intake: Intake
    services: Services
    seat: Seat  # that they speak through
    claim: Callable[[Member | None], None]  # called before the broker may let a member in
    end: Callable[[Ending], None]
    asked: Asked | None = attrs.field(default=None, init=False)  # and no line has come behind it
    # What is still to be shown, while what is typed is read: of pages each has to be turned.
    rest: CatchingUp | None = attrs.field(default=None, init=False)
    _offer: str = attrs.field(default="", init=False)  # a nick that is free

    async def run(self) -> bool:
        """Ask for a name until one can be had; whether that was so, or the session ends.

        Raises:
            OSError: when the connection breaks.
            ProtocolError: when the peer sends what no chat client should.
        """
        if self.transport.is_telnet:
            await self._get_to_know()
        self.outbox.hold()  # until a name is asked for, too
        self._greet()
        for _ in range(self.services.limits.login_lines):
            if (text := await self._ask()) is None:
                self.end(INPUT_ENDED)
                return False
            word, _, rest = text.partition(" ")
            if _is_short_for(word, "/quit"):
                self.end(Ending("quit", farewell="goodbye"))
                return False
            try:
                if _is_short_for(word, "/resume"):
                    await self._resume(rest)
                else:
                    await self._enter(text or self._offer)
                return True
            except ChatError as error:
                self._refuse(text or self._offer, error)
        self.end(Ending.because("no name given", "too many tries to give a name: goodbye"))
        return False

    def style(self) -> Style:
        """How a stranger is shown things, of whom no more is known than their terminal."""
        terminal = self.intake.terminal
        return PLAIN if terminal is None else Style(screen=terminal.screen)

    # ----------------------------------------------------------- what is asked

    async def _get_to_know(self) -> None:
        """Ask a telnet what it is, and give it a moment to answer: others wait no longer."""
        terminal = self.intake.open_terminal()
        terminal.get_to_know()
        with trio.move_on_after(ANSWER):
            while not (terminal.client.settled or self.intake.ended):
                await self._read()
        if not terminal.has_keys:
            # The next line overwrites what else somebody sees who is no telnet, or half a one.
            self.outbox.write(b"\r")

    def _greet(self) -> None:
        members = self.services.broker.world.members
        people = plural(len(members), "person") if members else "nobody"
        greeting = f"{self.services.name} - {people} here. /help for commands, /quit to leave."
        self.outbox.put(paint(Line((), greeting), self.outbox.style(), ANYBODY))

    async def _ask(self) -> str | None:
        """Ask for a name, and return what is answered; None if the input has ended."""
        self.asked = Asked(f"Your name ({self._offer})? " if self._offer else "Your name? ")
        self.intake.ask(self.asked, self.outbox.style())
        self.outbox.release()
        while not (len(self.intake) or self.intake.ended):
            await self._read()
        if not len(self.intake):
            return None
        self.asked = None
        self.intake.end_question()
        line = self.intake.pop()
        return clean(line).strip() if isinstance(line, str) else TOO_LONG

    async def _read(self) -> None:
        """Receive once, and let the lines that came wait."""
        for typed in await self.intake.receive():
            if isinstance(typed, Signal):
                self._signalled(typed)
            else:
                self.intake.push(typed)

    def _signalled(self, signal: Signal) -> None:
        """Answer telnet's keys while a name is asked for: in line mode below, with the question."""
        has_keys = self.intake.has_keys
        if self.asked is not None:
            self.outbox.put(encode(self.asked.text if has_keys else ""))
        if signal is Signal.ARE_YOU_THERE:
            self._notice("yes, the server is here")
        if self.asked is not None and not has_keys:
            self.outbox.put(render(self.asked, self.outbox.style()))

    # --------------------------------------------------------- what is answered

    async def _enter(self, nick: str) -> None:
        """Become a member in the first room; raises ChatError if the nick cannot be had."""
        if nick.startswith("/"):
            raise ChatError("a name first, such as ann; commands work after it")
        member = self._newcomer(names.check_nick(nick))
        self.outbox.style = member.style
        self.outbox.hold()  # the room, and the words to come back by, go out together
        try:
            await self.services.broker.call(member, Enter(self.services.first_room))
        finally:
            self.outbox.release()

    async def _resume(self, words: str) -> None:
        """Become the member whose words these are; raises ChatError if they are nobody's."""
        if not words.strip():
            raise ChatError("/resume is followed by the words that you were shown")
        newcomer = self._newcomer("nobody")
        self.rest = await self.services.resume(newcomer, words, self.outbox)
        if self.services.broker.world.is_here(newcomer):  # else they go on as somebody who is
            self.outbox.style = newcomer.style

    def _newcomer(self, nick: str) -> Member:
        member = Member(
            nick,
            self.outbox,
            active=trio.current_time(),
            is_operator=self.transport.is_operator,
            address=network_of(self.transport.host),
            peer=self.transport.peer,
            seat=self.seat,
        )
        if (terminal := self.intake.terminal) is not None:
            terminal.belong_to(member)
            member.screen = terminal.screen
            member.look = attrs.evolve(member.look, spoken=terminal.client.is_for_screen_reader)
        # Already now: cancelled in the middle, what the broker has let in departs again.
        self.claim(member)
        return member

    def _refuse(self, nick: str, why: ChatError) -> None:
        self.claim(None)
        self.outbox.style = self.style
        self._notice(str(why))
        members = self.services.broker.world.members
        self._offer = names.free_nick(nick, members) if names.fold(nick) in members else ""
        if self._offer and self.services.accounts.is_kept(nick):
            self._notice(f"if {nick} is yours: come by another name, then /login {nick}")

    def _notice(self, text: str) -> None:
        self.outbox.put(render(Noticed(text), self.outbox.style()))


def _is_short_for(word: str, command: str) -> bool:
    """Whether a word is a command, or its beginning, with a letter at least."""
    return len(word) > 1 and command.startswith(word.lower())
