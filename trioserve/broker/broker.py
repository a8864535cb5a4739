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
from typing import Final

import attrs
import trio

from trioserve.archive.rulebook import Rulebook
from trioserve.broker.events import Events
from trioserve.broker.fanout import Fanout
from trioserve.broker.handlers import Handlers
from trioserve.broker.resuming import ResumeLimits
from trioserve.errors import ChatError
from trioserve.messages import (
    Event,
    Noticed,
)
from trioserve.names import fold
from trioserve.observe import Counters
from trioserve.ownership import Rejoin
from trioserve.requests import Enter, Join, Request, Say, SetScreen
from trioserve.rooms.member import Member
from trioserve.rooms.outlet import Piece
from trioserve.state.past import Past
from trioserve.state.world import World

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
        now: Callable[[], float] = time.time,
        resume: ResumeLimits | None = None,
        past: Past | None = None,
    ) -> None:
        """Make a broker that is not running yet.

        Args:
            inbox_size: how many requests may wait before who sends more has to.
            now_ns: nanoseconds since 1970.
            now: seconds since 1970, by which bans and mutes end.
            resume: how those are kept whose connections broke; without it, as by default.
            past: what rooms begin with that were there before; None: they begin empty.
        """
        self.past = past
        self.world = world
        self.now_ns = now_ns
        self.now = now
        self.house = Member("server", Nowhere(), active=0.0)  # who asks for the server itself
        self._fanout = Fanout(world, counters)
        self._counters = counters
        self._handlers = Handlers(world, self._fanout, counters, now_ns, now)
        self.resuming = self._handlers.resuming
        if resume is not None:
            self.resuming.limits = resume
        self._send, self._receive = trio.open_memory_channel[Item](inbox_size)

    async def run(self) -> None:
        """Handle requests until cancelled."""
        with self._receive:
            while True:
                self._turn(await self._receive.receive())

    async def say(self, member: Member, request: Say | SetScreen) -> None:
        """Have a member say a line, or the like, without waiting for the outcome.

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
        if isinstance(request, Enter | Join | Rejoin) and self.past is not None:
            request = await self._with_past(request)
        outcome = Outcome()
        await trio.lowlevel.checkpoint_if_cancelled()  # who is cancelled asks for nothing more
        try:
            # `send` would give way to others once more: some 8 µs.
            self._send.send_nowait((member, request, outcome))
        except trio.WouldBlock:
            await self._send.send((member, request, outcome))
        await outcome.wait()

    async def _with_past(self, request: Enter | Join | Rejoin) -> Enter | Join | Rejoin:
        """Read what a room begins with that is about to be made: now, in the caller's task."""
        room = self.world.rooms.get(fold(request.room))
        if self.past is None or (room is not None and room.members):
            return request
        # Of one that is held, those who were there see again what was private.
        private = (
            room.number if room is not None and room in self.world.roomkeeping.claims.held else 0
        )
        past = await self.past.of_room(request.room, self.world.limits.history, private)
        return attrs.evolve(request, past=past)

    def banned(self, network: str) -> str | None:
        """What people from an address are told if they are banned from the server; else None."""
        return self._handlers.standing.banned(network)

    @contextmanager
    def watched(self) -> Iterator[Events]:
        """What happens in the rooms, for as long as the block lasts."""
        events = Events()
        self._fanout.watching[events] = None
        try:
            yield events
        finally:
            del self._fanout.watching[events]

    @property
    def waiting(self) -> int:
        """How many requests wait: in the inbox, and in tasks for which it is full."""
        inbox = self._receive.statistics()
        return inbox.current_buffer_used + inbox.tasks_waiting_send

    def continue_from(self, last_id: int) -> None:
        """Give ids above all that were given before this server began; before `run`."""
        self._handlers.continue_from(last_id)

    def tell_owners_apart(self, is_kept: Callable[[str], bool]) -> None:
        """Give what is said to the owner of a kept name to nobody else who has it."""
        self._handlers.speech.is_kept = is_kept

    def restore(self, kept: Rulebook) -> None:
        """Let hold what held when the last server ended; before `run`."""
        self._handlers.ledger.restore(kept)

    def watch_names(self, on_named: Callable[[Member], None]) -> None:
        """Have a plain call made with whoever comes, and whoever takes another nick."""
        self._handlers.membership.on_named = on_named

    def watch_words(self, on_words: Callable[[Member], None]) -> None:
        """Have a plain call made with whoever has other words, or is known to be somebody."""
        self.resuming.on_words = on_words

    def has_comings(self) -> bool:
        """Whether anybody has come or gone, or is to be told of, since the last `Unfold`."""
        return self._handlers.comings.has_begun

    # --------------------------------------------------------------- turns

    def _turn(self, item: Item) -> None:
        began = time.perf_counter()
        waited = 1  # all that has waited is handled, unless the turn is full before
        self._handle(item)
        while waited < TURN_REQUESTS and not self._fanout.full:
            try:
                item = self._receive.receive_nowait()
            except trio.WouldBlock:
                break
            self._handle(item)
            waited += 1
        else:
            waited += self.waiting
        self._fanout.flush()
        if self.world.touched:
            self._write_down()
        self._counters.count_turn(waited, time.perf_counter() - began)

    def _handle(self, item: Item) -> None:
        member, request, outcome = item
        refusal: ChatError | None = None
        try:
            self._handlers.obey(member, request)
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

    def _write_down(self) -> None:
        """Have kept what has changed in rooms."""
        try:
            self._handlers.ledger.write()
        except Exception:  # it has been shown already: the turn goes on
            log.exception("what holds in rooms could not be kept")
            self._counters.crashes += 1

    def _show(self, member: Member, refusal: ChatError) -> None:
        try:
            self._fanout.put(member, Noticed(str(refusal)))
        except Exception:  # one reader's affair: the broker must not end with it
            log.exception("a refusal could not be shown")
            self._counters.crashes += 1
