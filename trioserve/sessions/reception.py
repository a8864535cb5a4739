"""Where connections come in: the door, what comes before their text, and their sessions."""

import logging
from collections.abc import Collection
from contextlib import suppress
from typing import Final

import trio

from trioserve.limits import Door, TokenBucket
from trioserve.observe import Counters
from trioserve.sessions.refusals import Refusals
from trioserve.sessions.services import Ending, Services
from trioserve.sessions.session import Session
from trioserve.transport import Transport, WordlessError
from trioserve.wire.text import encode

REFUSED_AT_ONCE: Final = 8  # connections that are opened only to be told why they are refused,
REFUSED_BURST, REFUSED_RATE = 10, 1.0  # so many of them, then so many a second,
REFUSAL: Final = 5.0  # seconds for each

log = logging.getLogger(__name__)


class Reception:
    """Lets connections in, one session each, whose crash nobody else notices."""

    def __init__(self, door: Door, services: Services, counters: Counters) -> None:
        self.services = services  # of the sessions that begin from now on
        self._door = door
        self.refusals = Refusals()
        self._counters = counters
        self._opening: dict[trio.CancelScope, None] = {}  # of connections that have no session yet
        self._sessions: dict[Session, None] = {}
        self._refusing = 0
        self._patience = TokenBucket(REFUSED_BURST, REFUSED_RATE)

    @property
    def sessions(self) -> Collection[Session]:
        """The connections that are being served."""
        return self._sessions.keys()

    def dismiss(self, ending: Ending) -> None:
        """End all that have a session, and turn away all that have none yet."""
        for scope in self._opening:
            scope.cancel()
        for session in self._sessions:
            session.end(ending)

    def admit(self, sessions: trio.Nursery, transport: Transport) -> None:
        """Serve a connection in this nursery, or refuse it."""
        refusal = self._door.enter(transport.host, trio.current_time())
        if refusal is None:
            sessions.start_soon(self._serve_one, transport, transport.host, name="session")
        elif not self._refuse(transport, refusal):
            sessions.start_soon(self._refuse_opened, transport, refusal, name="refusal")

    def _refuse(self, transport: Transport, refusal: str) -> bool:
        """Say why a connection is refused, and close it; or return that it has to be opened."""
        self.refusals.note(transport.peer, transport.host, f"refused: {refusal}")
        if transport.is_open:
            with suppress(OSError):  # gone already
                transport.try_send(encode(f"-- {refusal}"))
        elif self._takes_time():
            return False
        transport.close()
        return True

    def _takes_time(self) -> bool:
        """Whether one more is opened to be refused: that takes what the limits are to save."""
        now = trio.current_time()
        if self._refusing >= REFUSED_AT_ONCE or self._patience.delay(now, 1) > 0:
            return False
        self._patience.take(now, 1)
        self._refusing += 1
        return True

    async def _refuse_opened(self, waiting: Transport, refusal: str) -> None:
        """Do what comes before a connection's text, as TLS's handshake, and say why it ends."""
        try:
            with trio.move_on_after(REFUSAL):
                if (opened := await self._open(waiting)) is not None:
                    opened.try_send(encode(f"-- {refusal}"))
                    opened.end_writing()
                    with trio.move_on_after(self.services.limits.linger):
                        while await opened.receive_into(self.services.buffer):
                            pass
        except* OSError:
            pass  # gone meanwhile
        except* Exception:  # all sessions would end with it
            self._counters.crashes += 1
            log.exception("%s: a refusal crashed", waiting.peer)
        finally:
            self._refusing -= 1
            waiting.close()

    async def _serve_one(self, waiting: Transport, host: str | None) -> None:
        """Run one session, whose crash nobody else notices; `host` is who the door counts."""
        try:
            transport: Transport | None = None
            opened: Transport | None = waiting
            while opened is not None and opened is not transport:
                transport, opened = opened, await self._open(opened)
                if opened is not None and opened.host != host:
                    # A proxy has said for whom it comes: asked now, before TLS costs anything.
                    refusal = self._door.move(host, opened.host, trio.current_time())
                    if refusal is not None:
                        if not self._refuse(opened, refusal):
                            await self._refuse_opened(opened, refusal)
                        return
                    host = opened.host
            if opened is not None:
                session = Session(opened, self.services)
                self._sessions[session] = None
                try:
                    await session.run()
                finally:
                    del self._sessions[session]
        except* Exception:  # whatever comes with it of a cancellation passes
            self._counters.crashes += 1
            log.exception("%s: the session's end crashed", waiting.peer)
        finally:
            self._door.leave(host, trio.current_time())

    async def _open(self, waiting: Transport) -> Transport | None:
        """Let a connection do what comes before its text; None if it fails, or the server stops."""
        if waiting.is_open:  # nothing does
            return waiting
        opened = None
        with trio.CancelScope() as scope:
            self._opening[scope] = None
            try:
                opened = await waiting.open()
            except OSError as error:
                why = f"turned away: {error.strerror or error}"
                if isinstance(error, WordlessError):  # a proxy's checks come every few seconds
                    log.debug("%s %s", waiting.peer, why)
                else:
                    self.refusals.note(waiting.peer, waiting.host, why)
            finally:
                del self._opening[scope]
                if opened is None or scope.cancel_called:
                    waiting.close()
        return None if scope.cancel_called else opened
