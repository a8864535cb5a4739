"""One connection: greeting, name, conversation, and the one way in which it ends.

However a session ends (a /quit, the end of its input, a broken connection, a
slow reader, a shutdown), an `Ending` is set and the conversation's scope is
cancelled. Then the broker lets the member depart, behind all they have said, or keeps
them for a while if the connection broke; the last line is drained within a deadline; and
the connection is closed. Another session may take the member over before that.
"""

import logging
from typing import Final

import attrs
import trio

from trioserve import names
from trioserve.conversation import Conversation
from trioserve.errors import ChatError, ProtocolError
from trioserve.intake import Intake
from trioserve.limits import TokenBucket, network_of
from trioserve.messages import Asked, Noticed
from trioserve.outbox import Outbox
from trioserve.requests import Depart, Enter, Lose, Request
from trioserve.rooms import Member
from trioserve.services import CRASHED, INPUT_ENDED, SHUTDOWN, TAKEN_OVER, Ending, Services
from trioserve.trail import Unread
from trioserve.transport import Transport
from trioserve.wire.lines import LineSplitter
from trioserve.wire.paint import paint
from trioserve.wire.render import render
from trioserve.wire.style import ANYBODY, PLAIN, Style
from trioserve.wire.telnet import Signal
from trioserve.wire.text import clean, encode, plural
from trioserve.wire.voices import Line

NOT_CHAT: Final = "not a chat client"  # as the cause of an ending
TOO_LONG: Final = "?" * (names.MAX_NICK + 1)  # as a name: what stands for a line that was too long
ANSWER: Final = 0.3  # seconds for a telnet to tell what it is, before it is greeted
DEPARTURE: Final = 5.0  # seconds for the broker, which waits for nobody, to let a member go

log = logging.getLogger(__name__)


class Session:
    """One person at one connection."""

    def __init__(self, transport: Transport, services: Services) -> None:
        limits = services.limits
        self._transport = transport
        self._services = services
        self._outbox = Outbox(transport, services.drains, self._failed)
        self._intake = Intake(
            transport,
            services.buffer,
            LineSplitter(limits.max_line),
            limits.max_waiting,
            TokenBucket(limits.byte_burst, limits.byte_rate) if limits.flood_control else None,
            self._outbox,
            self._tell_slowed,
            services.tls_port,
        )
        self._outbox.style = self._style
        self._scope = trio.CancelScope()  # the conversation's
        self._member: Member | None = None
        self._departed: Member | None = None  # for whom we speak no more
        self._conversation: Conversation | None = None
        self._asked: Asked | None = None  # a prompt is shown, and no line has come behind it
        self._ending: Ending | None = None

    async def run(self) -> None:
        """Serve the connection until it ends, and close it."""
        log.info("%s connected", self._transport.peer)
        try:
            async with trio.open_nursery() as nursery:
                with self._scope:
                    await self._converse(nursery)
                await self._say_goodbye()  # now: a command may take its time to go
        finally:
            # Shielded, or whoever is cut would stay a ghost; bounded, though the broker
            # waits for nobody.
            with trio.move_on_after(DEPARTURE, shield=True) as departing:
                await self._depart()
            if departing.cancelled_caught:
                log.error("%s: not departed within %g s", self._transport.peer, DEPARTURE)
            self._outbox.close()
            self._transport.close()
            ending = self._ending or SHUTDOWN  # nobody else cancels a session from outside
            if ending.cut and (ending.farewell or self._member is not None):
                self._services.counters.count_cut(ending.cause)
            nick = self._member.nick if self._member is not None else "nobody"
            cause = f"{ending.cause} ({ending.detail})" if ending.detail else ending.cause
            log.info("%s (%s) left: %s", nick, self._transport.peer, cause)

    @property
    def member(self) -> Member | None:
        """Who speaks here, once they have given a name and until they have departed."""
        return None if self._departed else self._member

    @property
    def waiting(self) -> int:
        """Bytes that wait for the connection."""
        return self._outbox.size

    def end(self, ending: Ending) -> None:
        """End the session in order; the first ending counts."""
        if self._ending is None:
            self._ending = ending
            self._scope.cancel()

    def _failed(self, error: OSError | str) -> None:
        self.end(Ending.lost(error) if isinstance(error, OSError) else Ending.because(error))

    # ------------------------------------------- the seat that a member speaks through

    def dismiss(self, reason: str) -> None:
        """End the session, for a reason that others are told."""
        self.end(Ending("taken off by an operator", reason, farewell="goodbye"))

    def vacate(self, last_id: int, now_us: int) -> Unread:
        """Speak for the member no more, and end; return what it may not have seen."""
        unread = self._outbox.unread(last_id, now_us)
        style = self._outbox.style()
        self._outbox.style = lambda: style  # the member's is of another connection from now on
        self._departed = self._member
        self.end(TAKEN_OVER)
        return unread

    def occupy(self, member: Member, unread: Unread, data: bytes) -> None:
        """Speak for a member from now on, and show them what they may not have seen."""
        self._member = member
        self._outbox.style = member.style
        if self._intake.terminal is not None:
            self._intake.terminal.belong_to(member)
        if self._conversation is not None:
            self._conversation.become(member)
        self._outbox.inherit(unread)
        self._outbox.put(data)

    # -------------------------------------------------------- while it lasts

    async def _converse(self, nursery: trio.Nursery) -> None:
        limits = self._services.limits
        try:
            with trio.move_on_after(limits.login) as login:
                member = await self._log_in()
            if login.cancelled_caught:
                farewell = f"no name within {limits.login:g} seconds: goodbye"
                self.end(Ending.because("no name given", farewell))
            elif member is not None:
                log.info("%s is %s", self._transport.peer, member.nick)
                self._conversation = conversation = Conversation(
                    member, self._outbox, self._intake, self._services, nursery, self.end
                )
                try:
                    await conversation.run()
                finally:
                    conversation.stop()
                self.end(INPUT_ENDED)
        except ProtocolError as error:
            self.end(Ending.because(NOT_CHAT, str(error)))
        except OSError as error:
            self.end(Ending.lost(error))
        except Exception:
            self._services.counters.crashes += 1
            log.exception("%s: the session crashed", self._transport.peer)
            self.end(CRASHED)

    async def _log_in(self) -> Member | None:
        """Ask for a name until one is free; None if the session ends instead."""
        if self._transport.is_telnet:
            await self._get_to_know()
        world = self._services.broker.world
        people = plural(len(world.members), "person") if world.members else "nobody"
        greeting = f"{self._services.name} - {people} here. /help for commands, /quit to leave."
        self._outbox.put(paint(Line((), greeting), self._outbox.style(), ANYBODY))
        offer = ""
        for _ in range(self._services.limits.login_lines):
            asked = Asked(f"Your name ({offer})? " if offer else "Your name? ")
            self._intake.ask(asked, self._outbox.style())
            self._asked = asked
            while not (len(self._intake) or self._intake.ended):
                await self._read()
            if not len(self._intake):
                self.end(INPUT_ENDED)
                return None
            self._asked = None
            self._intake.end_question()
            line = self._intake.pop()
            text = clean(line).strip() if isinstance(line, str) else TOO_LONG
            if len(word := text.partition(" ")[0].lower()) > 1 and "/quit".startswith(word):
                self.end(Ending("quit", farewell="goodbye"))
                return None
            try:
                if len(word) > 1 and "/resume".startswith(word):
                    return await self._resume(text.partition(" ")[2])
                return await self._enter(text or offer)
            except ChatError as error:
                self._member = None
                self._outbox.style = self._style
                self._notice(str(error))
                taken = names.fold(text or offer) in world.members
                offer = names.free_nick(text or offer, world.members) if taken else ""
        self.end(Ending.because("no name given", "too many tries to give a name: goodbye"))
        return None

    async def _get_to_know(self) -> None:
        """Ask a telnet what it is, and give it a moment to answer: others wait no longer."""
        terminal = self._intake.open_terminal()
        terminal.get_to_know()
        with trio.move_on_after(ANSWER):
            while not (terminal.client.settled or self._intake.ended):
                await self._read()
        if not terminal.has_keys:
            # The next line overwrites what else somebody sees who is no telnet, or half a one.
            self._outbox.write(b"\r")

    def _style(self) -> Style:
        """How a stranger is shown things, of whom no more is known than their terminal."""
        terminal = self._intake.terminal
        return PLAIN if terminal is None else Style(screen=terminal.screen)

    async def _read(self) -> None:
        """Receive once, and let the lines that came wait."""
        for typed in await self._intake.receive():
            if isinstance(typed, Signal):
                self._signalled(typed)
            else:
                self._intake.push(typed)

    def _signalled(self, signal: Signal) -> None:
        """Answer telnet's keys while a name is asked for: in line mode below, with the question."""
        has_keys = self._intake.has_keys
        if self._asked is not None:
            self._outbox.put(encode(self._asked.text if has_keys else ""))
        if signal is Signal.ARE_YOU_THERE:
            self._notice("yes, the server is here")
        if self._asked is not None and not has_keys:
            self._outbox.put(render(self._asked, self._outbox.style()))

    async def _enter(self, nick: str) -> Member:
        """Become a member in the first room; raises ChatError if the nick cannot be had."""
        if nick.startswith("/"):
            raise ChatError("a name first, such as ann; commands work after it")
        member = self._newcomer(names.check_nick(nick))
        self._outbox.style = member.style
        await self._services.broker.call(member, Enter(self._services.first_room))
        return member

    async def _resume(self, words: str) -> Member:
        """Become the member whose words these are; raises ChatError if they are nobody's."""
        if not words.strip():
            raise ChatError("/resume is followed by the words that you were shown")
        await self._services.resume(self._newcomer("nobody"), words, self._source)
        assert self._member is not None  # see `occupy`
        return self._member

    @property
    def _source(self) -> str:
        """What our tries are counted by, as those of a member are."""
        return network_of(self._transport.host) or self._transport.peer

    def _newcomer(self, nick: str) -> Member:
        member = Member(
            nick,
            self._outbox,
            active=trio.current_time(),
            is_operator=self._transport.is_operator,
            address=network_of(self._transport.host),
            seat=self,
        )
        if (terminal := self._intake.terminal) is not None:
            terminal.belong_to(member)
            member.screen = terminal.screen
            member.look = attrs.evolve(member.look, spoken=terminal.client.is_for_screen_reader)
        # Already now: cancelled in the middle, what the broker has let in departs again.
        self._member = member
        return member

    def _tell_slowed(self) -> None:
        rate = self._services.limits.byte_rate
        self._notice(f"faster than {rate:g} bytes a second: the rest is read at that pace")

    def _notice(self, text: str) -> None:
        self._outbox.put(render(Noticed(text), self._outbox.style()))

    # ---------------------------------------------------------- how it ends

    async def _say_goodbye(self) -> None:
        """Deliver what waits and the last line, and close, all within the drain's deadline."""
        await self._depart()
        ending = self._ending or SHUTDOWN
        if self._intake.has_keys:
            self._intake.close_terminal()
        elif self._asked is not None:
            self._outbox.put(b"\r\n")  # the prompt still waits for its answer
        if ending.farewell:
            # Neither nc nor ncat notices that the server has closed.
            is_nc = not self._intake.is_telnet and ending.cause != NOT_CHAT
            hint = " (nc ends when you press Enter)" if is_nc else ""
            unsent = self._intake.unsent if self._member is not None else 0
            lost = f"; {plural(unsent, 'line')} not sent" if unsent else ""
            self._notice(ending.farewell + lost + hint)
        with trio.move_on_after(self._services.limits.drain) as drain:
            await self._outbox.flushed()
        if drain.cancelled_caught:
            self._ending = Ending.because("not reading")
        else:
            await self._close_gently()
        self._outbox.close()  # what a command that will not end still says goes nowhere
        self._transport.close()

    async def _close_gently(self) -> None:
        """Send the FIN, and read on for a while.

        To close with input unread would make the FIN a RST, which throws away
        what the peer has not read yet (RFC 1122, 4.2.2.13).
        """
        try:
            self._transport.end_writing()
            with trio.move_on_after(self._services.limits.linger):
                while not self._intake.ended and await self._transport.receive_into(
                    self._services.buffer
                ):
                    pass
        except OSError:
            pass  # the peer has gone first

    async def _depart(self) -> None:
        """Let the broker take the member out of everything, behind all they have said.

        Or keep them, if the connection broke. Who had sent their last has left, however
        the connection ends.
        """
        ending = self._ending or SHUTDOWN
        # What was asked of the broker before may let us speak for another one meanwhile.
        while (member := self._member) is not self._departed and member is not None:
            self._departed = member
            if ending.is_loss and not self._intake.ended:
                request: Request = Lose(self)
            else:
                request = Depart(ending.reason, ending.text, self)
            try:
                await self._services.broker.call(member, request)
            except trio.BrokenResourceError:
                log.debug("%s departs with the broker", member.nick)  # nobody is left to tell
            except ChatError:
                log.exception("%s could not depart", member.nick)
