"""One connection: greeting, name, conversation, and the one way in which it ends.

However a session ends (a /quit, the end of its input, a broken connection, a
slow reader, a shutdown), an `Ending` is set and the conversation's scope is
cancelled. Then the broker lets the member depart, behind all they have said, or keeps
them for a while if the connection broke; the last line is drained within a deadline; and
the connection is closed. Another session may take the member over before that.
"""

import logging
import math
from typing import Final

import attrs
import trio

from trioserve.errors import ChatError, ProtocolError
from trioserve.limits import TokenBucket
from trioserve.messages import Event, Noticed
from trioserve.observe import log_briefly
from trioserve.outbox import Outbox
from trioserve.requests import Depart, Lose, Request
from trioserve.rooms.member import Member
from trioserve.rooms.trail import Unread
from trioserve.sessions.conversation import Conversation
from trioserve.sessions.intake import Intake
from trioserve.sessions.login import Login
from trioserve.sessions.services import (
    CRASHED,
    INPUT_ENDED,
    SHUTDOWN,
    TAKEN_OVER,
    Ending,
    Services,
)
from trioserve.transport import Transport
from trioserve.wire.lines import LineSplitter
from trioserve.wire.render import render
from trioserve.wire.strangers import Stranger
from trioserve.wire.text import plural

NOT_CHAT: Final = "not a chat client"  # as the cause of an ending
GOING: Final = 0.1  # seconds for a cancelled command to go, and its caller to be told so
DEPARTURE: Final = 5.0  # seconds for the broker, which waits for nobody, to let a member go

log = logging.getLogger(__name__)


class Session:
    """One person at one connection."""

    __slots__ = (  # without them, an idle connection takes 0.3 KiB more
        "_conversation",
        "_departed",
        "_ending",
        "_intake",
        "_login",
        "_member",
        "_outbox",
        "_scope",
        "_services",
        "_transport",
    )

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
        self._login: Login | None = Login(
            transport, self._outbox, self._intake, services, self, self._claim, self.end
        )
        self._outbox.style = self._login.style
        # The conversation's, which does for a name, too: another one takes 4 µs.
        self._scope = trio.CancelScope(deadline=trio.current_time() + limits.login)
        self._member: Member | None = None
        self._departed: Member | None = None  # for whom we speak no more
        self._conversation: Conversation | None = None
        self._ending: Ending | None = None

    async def run(self) -> None:
        """Serve the connection until it ends, and close it."""
        log_briefly(log, "%s connected", self._transport.peer)
        try:
            async with trio.open_nursery() as nursery:
                with self._scope:
                    await self._converse(nursery)
                if self._ending is None:  # the scope's deadline has ended it: see `_converse`
                    self._end_without_name()
                await self._say_goodbye()  # now: a command may take its time to go
        finally:
            await self._depart()  # noqa: ASYNC102  (shielded and bounded within)
            self._outbox.close()
            self._transport.close()
            ending = self._ending or SHUTDOWN  # nobody else cancels a session from outside
            if ending.cut and (ending.farewell or self._member is not None):
                self._services.counters.count_cut(ending.cause)
            nick = self._member.nick if self._member is not None else "nobody"
            cause = f"{ending.cause} ({ending.detail})" if ending.detail else ending.cause
            log_briefly(log, "%s (%s) left: %s", nick, self._transport.peer, cause)

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

    def dismiss(self, cause: str, reason: str) -> None:
        """End the session, for a reason that others are told, and a cause that is counted."""
        self.end(Ending(cause, reason, farewell="goodbye", cut=True))

    def remind(self, subject: str, event: Event) -> None:
        """Show an event once its reader reads again; of one subject, the last one only."""
        self._outbox.put_later(subject, event)

    def vacate(self, last_id: int, now_us: int) -> Unread:
        """Speak for the member no more, and end; return what it may not have seen."""
        unread = self._outbox.unread(last_id, now_us)
        if self._ending is None or not self._ending.is_loss:
            # What waits is still sent here, too: nobody can say that it will not be seen.
            unread = attrs.evolve(unread, unsent=max(last_id + 1, now_us))
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
        try:
            assert self._login is not None  # until somebody is in
            if await self._login.run():
                self._scope.deadline = math.inf
                rest, self._login = self._login.rest, None  # an idle connection keeps little
                conversation = self._begin(nursery)
                try:
                    await conversation.run(rest)
                finally:
                    conversation.stop()
                self.end(INPUT_ENDED)
        except ProtocolError as error:
            spoken = f"{error.protocol} on a port for text" if isinstance(error, Stranger) else ""
            self.end(Ending.because(NOT_CHAT, str(error), detail=spoken or str(error)))
        except OSError as error:
            self.end(Ending.lost(error))
        except Exception:
            self._services.counters.crashes += 1
            log.exception("%s: the session crashed", self._transport.peer)
            self.end(CRASHED)

    def _end_without_name(self) -> None:
        farewell = f"no name within {self._services.limits.login:g} seconds: goodbye"
        self.end(Ending.because("no name given", farewell))

    def _claim(self, member: Member | None) -> None:
        """Speak for a member who may be let in by now, or after all for nobody."""
        self._member = member

    def _begin(self, nursery: trio.Nursery) -> Conversation:
        """Note who is in by now, and let them talk."""
        member = self._member
        assert member is not None  # see `_claim` and `occupy`
        log_briefly(log, "%s is %s", self._transport.peer, member.nick)
        self._conversation = Conversation(
            member, self._outbox, self._intake, self._services, nursery, self.end
        )
        return self._conversation

    def _tell_slowed(self) -> None:
        rate = self._services.limits.byte_rate
        self._notice(f"faster than {rate:g} bytes a second: the rest is read at that pace")

    def _notice(self, text: str) -> None:
        self._outbox.put(render(Noticed(text), self._outbox.style()))

    # ---------------------------------------------------------- how it ends

    async def _say_goodbye(self) -> None:
        """Deliver what waits and the last line, and close, all within the drain's deadline."""
        await self._depart()
        if self._conversation is not None and self._conversation.is_busy:
            with trio.move_on_after(GOING):
                await self._conversation.stopped()
        ending = self._ending or SHUTDOWN
        if self._intake.has_keys:
            self._intake.close_terminal()
        elif self._login is not None and self._login.asked is not None:
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
        if self._member is self._departed:  # or nobody has come
            return
        # Shielded, or whoever is cut would stay a ghost; bounded, though the broker waits
        # for nobody.
        with trio.move_on_after(DEPARTURE, shield=True) as departing:
            # What was asked of the broker before may let us speak for another one meanwhile.
            while (member := self._member) is not self._departed and member is not None:
                self._departed = member
                await self._let_go(member)
        if departing.cancelled_caught:
            log.error("%s: not departed within %g s", self._transport.peer, DEPARTURE)

    async def _let_go(self, member: Member) -> None:
        ending = self._ending or SHUTDOWN
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
