"""Where connections come in: the door, what comes before their text, and their sessions."""

import logging
from collections.abc import Collection
from contextlib import suppress

import trio

from trioserve.limits import Door
from trioserve.observe import Counters
from trioserve.services import Ending, Services
from trioserve.session import Session
from trioserve.transport import Transport, WordlessError
from trioserve.wire.text import encode

log = logging.getLogger(__name__)


class Reception:
    """Lets connections in, one session each, whose crash nobody else notices."""

    def __init__(self, door: Door, services: Services, counters: Counters) -> None:
        self.services = services  # of the sessions that begin from now on
        self._door = door
        self._counters = counters
        self._opening: dict[trio.CancelScope, None] = {}  # of connections that have no session yet
        self._sessions: dict[Session, None] = {}

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
        else:
            self._refuse(transport, refusal)

    def _refuse(self, transport: Transport, refusal: str) -> None:
        log.info("%s refused: %s", transport.peer, refusal)
        with suppress(OSError):  # gone already, or not open yet
            transport.try_send(encode(f"-- {refusal}"))
        transport.close()

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
                        self._refuse(opened, refusal)
                        return
                    host = opened.host
            if opened is not None:
                await self._converse(opened)
        except* Exception:  # whatever comes with it of a cancellation passes
            self._counters.crashes += 1
            log.exception("%s: the session's end crashed", waiting.peer)
        finally:
            self._door.leave(host, trio.current_time())

    async def _open(self, waiting: Transport) -> Transport | None:
        """Let a connection do what comes before its text; None if it fails, or the server stops."""
        opened = None
        with trio.CancelScope() as scope:
            self._opening[scope] = None
            try:
                opened = await waiting.open()
            except OSError as error:
                # A proxy's checks come every few seconds.
                level = logging.DEBUG if isinstance(error, WordlessError) else logging.INFO
                log.log(level, "%s turned away: %s", waiting.peer, error.strerror or error)
            finally:
                del self._opening[scope]
                if opened is None or scope.cancel_called:
                    waiting.close()
        return None if scope.cancel_called else opened

    async def _converse(self, transport: Transport) -> None:
        session = Session(transport, self.services)
        self._sessions[session] = None
        try:
            await session.run()
        finally:
            del self._sessions[session]
