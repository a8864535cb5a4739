"""What one member has still to be sent: written through, bounded, skipped, drained.

Theory of operation. The broker hands bytes to an outbox with a plain call. While
nothing waits, the outbox writes them to the socket itself; what does not fit is
kept, and the outbox hands itself, once, to the `Drains` service, which runs a
task for it until it is empty again. So an idle connection has no writer task,
and nobody who writes ever waits.

    below soft      everything is queued, in order
    from soft on    room messages are counted instead of queued; answers are queued
    down to soft/2  one line tells how many were skipped, and others what the reader may
                    still do if that has changed meanwhile; then all is queued again
    above hard, or no byte taken for `stall` seconds: the connection is cut
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

import attrs
import trio

from trioserve.messages import Event, Skipped, Told
from trioserve.observe import Counters
from trioserve.rooms.outlet import Piece
from trioserve.rooms.trail import PASSING, Owed, Trail, Unread
from trioserve.settings import setting
from trioserve.transport import Transport
from trioserve.wire.answers import Answer
from trioserve.wire.render import render
from trioserve.wire.style import PLAIN, Style

SEND_SIZE: Final = 65_536  # bytes offered to the socket at once; a fresh one takes 46-98 KiB

DOUBT: Final = 125.0  # seconds for which nobody knows what has arrived, as TCP waits that long

MAX_LATER: Final = 64  # subjects of which somebody who does not read is told later

log = logging.getLogger(__name__)


@attrs.frozen
class OutboxLimits:
    """When a reader is slow, and when too slow."""

    soft: int = setting(32 * 1024, "bytes, from which on room messages are skipped, and counted")
    hard: int = setting(256 * 1024, "bytes, beyond which the connection is cut")
    total: int = setting(256 * 1024 * 1024, "bytes in all of them, beyond which the largest is cut")
    stall: float = setting(60.0, "seconds without a byte taken, after which the connection is cut")
    remembered: int = setting(200, "skipped messages per room, for /missed")


@attrs.define(eq=False)
class Missed:
    """The messages of one room that a member was not sent: how many, and the last ids."""

    ids: deque[int]
    count: int = attrs.field(default=0, init=False)

    def add(self, ids: tuple[int, ...]) -> None:
        self.count += len(ids)
        self.ids.extend(ids)


@attrs.define(eq=False)
class Outbox:
    """The bytes that wait for one connection, of which only a drain waits for the socket.

    `on_fail` is called once, with the reason, when the connection is beyond help;
    from then on, as after `close`, what is put here is dropped.
    """

    transport: Transport
    drains: "Drains"
    on_fail: Callable[[OSError | str], None]
    # How the reader wants to be told of what was skipped.
    style: Callable[[], Style] = attrs.field(default=lambda: PLAIN, init=False)
    # Puts what is shown around a row that is typed in; of a terminal in character mode.
    frame: Callable[[bytes], bytes] | None = attrs.field(default=None, init=False)
    is_outdated: bool = attrs.field(default=False, init=False)  # the row, until it is drawn again
    # Shows an answer as far as the window has rows; whether the rest is held back there.
    pager: Callable[[Answer], bool] | None = attrs.field(default=None, init=False)
    is_paging: bool = attrs.field(default=False, init=False)  # an answer is being read by pages
    size: int = attrs.field(default=0, init=False)  # bytes waiting
    missed: dict[str, Missed] | None = attrs.field(default=None, init=False)  # by room's name
    _waiting: deque[bytes] | None = attrs.field(default=None, init=False)
    _queued: int = attrs.field(default=0, init=False)  # bytes that had to wait, ever
    _trail: Trail | None = attrs.field(default=None, init=False)
    _skipping: dict[str, int] | None = attrs.field(default=None, init=False)  # messages, by room
    _later: dict[str, Event] | None = attrs.field(default=None, init=False)  # by subject
    _eased: trio.Event | None = attrs.field(default=None, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _held: bool = attrs.field(default=False, init=False)  # what waits does so for `release`

    @property
    def is_closed(self) -> bool:
        """Whether what is put here goes nowhere any more."""
        return self._closed

    @property
    def is_full(self) -> bool:
        """Whether so much waits that nothing is added which can be done without."""
        return self.size >= self.drains.limits.soft

    @property
    def lagging(self) -> bool:
        """Whether the member does not read what it was sent: room messages are being skipped."""
        return self._skipping is not None or self.is_full

    @property
    def holds_up(self) -> bool:
        """Whether the next answer has to wait: for the socket, or for a page to be read."""
        return self.is_paging or self.is_full

    def put(self, data: bytes, message_id: int = 0) -> None:
        """Show lines behind all that waits: answers, and what else must not be skipped."""
        if data:
            self.write(data if self.frame is None else self._framed(data), message_id)

    def put_answer(self, answer: Answer, event: Event | None = None) -> None:
        """Show what the reader has asked for, by pages if their terminal has such.

        With an `event`, it is shown again to who may not have seen them.
        """
        if event is not None:
            self._traced().add(event, trio.current_time())
        if self.pager is None:
            self.put(b"".join(answer(self.style())))
        else:
            self.is_paging = self.pager(answer)

    def resume(self) -> None:
        """Note that no answer is held back any more."""
        self.is_paging = False
        self._ease()

    def hold(self) -> None:
        """Keep what is put here, if nothing waits yet, until `release`: it goes out as one then.

        For who is about to be shown several things, each of which would be a packet of its
        own: to send one takes some 8 µs.
        """
        if self._waiting is None and not self._closed:
            self._waiting = deque()
            self._held = True

    def release(self) -> None:
        """Send what was held."""
        if not self._held:
            return
        self._held = False
        self._send_waiting()
        if self.size:
            self.drains.adopt(self)
        else:
            self._waiting = None

    def write(self, data: bytes, message_id: int = 0) -> None:
        """Send bytes as they are, behind all that waits; of a message, with its id."""
        if self._closed or not data:
            return
        sent = 0
        if not (self.size or self._held):
            sent = self._try_send(data)
            if sent == len(data) or self._closed:
                return
        self._queue(data[sent:], message_id, begun=sent > 0)

    def put_event(self, event: Event, data: bytes) -> None:
        """Send what must not be skipped, of which a socket takes the bytes."""
        if not isinstance(event, PASSING):
            # Also if the connection has just failed: it is shown to who comes back.
            self._traced().add(event, trio.current_time())
        self.put(data, event.id if isinstance(event, Told) else 0)

    def put_piece(self, piece: Piece) -> None:
        """Send a room's events; from soft on, count its messages as skipped instead."""
        data = piece.data
        if self.size or self._closed or self._skipping is not None:
            if self.lagging:
                self._skip(piece)
            else:
                self.put(data, piece.first_id)
            return
        # What nearly every delivery comes to, in as few calls as can be: 0.3 µs less than by
        # `put` and `_try_send`, of some 8 that a delivery to one reader takes.
        if self.frame is not None:
            data = self._framed(data)
            if self._closed:
                return
        try:
            sent = self.transport.try_send(data)
        except OSError as error:
            self.fail(error)
            return
        if sent < len(data):
            self._queue(data[sent:], piece.first_id, begun=sent > 0)

    def put_later(self, subject: str, event: Event) -> None:
        """Show an event with the line of what was skipped; of one subject, the last one only."""
        if self._closed:
            # The connection has just failed: it is shown to who comes back.
            self._traced().add(event, trio.current_time())
            return
        if self._skipping is None:
            self._skipping = {}  # so that this is looked at when the reader has caught up
        later = self._later or {}
        later.pop(subject, None)
        if len(later) >= MAX_LATER:
            del later[next(iter(later))]
        self._later = {**later, subject: event}

    def take_missed(self, room: str) -> Missed | None:
        """Return what of a room was skipped since this was last asked, and forget it."""
        return self.missed.pop(room, None) if self.missed is not None else None

    def give_back_missed(self, room: str, ids: list[int], others: int) -> None:
        """Note that these, and so many others, have been skipped still, before what is by now."""
        if (ids or others) and not self._closed:
            later = self.take_missed(room)
            missed = Missed(deque(maxlen=self.drains.limits.remembered))
            missed.add(tuple(ids))
            if later is not None:
                missed.add(tuple(later.ids))
                missed.count = len(ids) + later.count
            missed.count += others
            self.missed = {**(self.missed or {}), room: missed}

    def inherit(self, unread: Unread) -> None:
        """Note that what was unread at another connection is sent at this one now.

        What somebody else was sent here before is not theirs, and neither is what they missed.
        """
        now = trio.current_time()
        self.missed = self._skipping = self._later = None
        self._traced().forget()
        self._traced().sent_late(unread.since, now)
        for _, event in unread.events:
            self._traced().add(event, now)
        for room, owed in unread.owed.items():
            self.give_back_missed(room, list(owed.ids), owed.others)

    def note_replayed(self, message_id: int) -> None:
        """Note that messages are sent now which were said before, this one first."""
        self._traced().sent_late(message_id, trio.current_time())

    def unread(self, last_id: int, now_us: int) -> Unread:
        """What the reader may not have seen, if the connection is given up now.

        `last_id` is of the last message of all, and `now_us` the time as in an id.
        """
        self._trace_later()
        unread = self._traced().unread(last_id, now_us, trio.current_time())
        owed = {
            room: Owed(tuple(each.ids), each.count - len(each.ids))
            for room, each in (self.missed or {}).items()
        }
        return attrs.evolve(unread, owed=owed)

    def _trace_later(self) -> None:
        """Note what was to be shown once the reader has caught up: who comes back is shown it."""
        for event in (self._later or {}).values():
            self._traced().add(event, trio.current_time())
        self._later = None

    @property
    def told(self) -> frozenset[int]:
        """The ids of what people have said to the reader alone that was shown here of late."""
        return self._traced().told

    def _traced(self) -> Trail:
        if self._trail is None:
            self._trail = Trail(self.drains.doubt)
            self._trail.sent(self._queued - self.size, trio.current_time())
        return self._trail

    async def below_soft(self) -> None:
        """Wait until an answer may be shown: less than soft is waiting, and no page; checkpoints.

        Or the outbox is closed.
        """
        await trio.lowlevel.checkpoint()
        while self.holds_up and not self._closed:
            await self._wait_eased()

    @property
    def end(self) -> int:
        """Where all ends that has been shown, in bytes that had to wait."""
        return self._queued

    @property
    def sent(self) -> int:
        """Up to where that has been sent."""
        return self._queued - self.size

    async def passed(self, end: int) -> None:
        """Wait until all has been sent that was shown up to there, or it is closed; checkpoints.

        What has come behind it may wait still: of a busy room, some always does.
        """
        await trio.lowlevel.checkpoint()
        while self.sent < end and not self._closed:
            await self._wait_eased()

    async def flushed(self) -> None:
        """Wait until nothing is waiting any more; checkpoints. The caller sets the deadline."""
        self.release()
        await trio.lowlevel.checkpoint()
        while self.size:
            await self._wait_eased()

    def close(self) -> None:
        """Take no more and drop what waits."""
        self._closed = True
        self._trace_later()
        self.drains.account(self, -self.size)
        self._queued -= self.size  # which is never sent
        self.size = 0
        self._waiting = self._skipping = None
        self._ease()

    def fail(self, reason: OSError | str) -> None:
        """Give the connection up."""
        if not self._closed:
            self.close()
            self.on_fail(reason)

    # ------------------------------------------------- for the drains alone

    async def drain(self) -> None:
        """Write what waits until nothing does or the outbox is closed."""
        while self.size:
            with trio.move_on_after(self.drains.limits.stall) as scope:
                await self.transport.wait_writable()
            if scope.cancelled_caught:
                self.fail("not reading")
            self._send_waiting()
        self._waiting = None

    def _send_waiting(self) -> None:
        while self._waiting:
            data = self._next_chunk(self._waiting)
            sent = self._try_send(data)
            if self._closed:
                return
            if sent < len(data):
                self._waiting.appendleft(data[sent:])
            self.size -= sent
            if self._trail is not None:
                self._trail.sent(self._queued - self.size, trio.current_time())
            self.drains.account(self, -sent)
            self._tell_skipped()
            if self.is_outdated and self.frame is not None and not self.lagging:
                self.is_outdated = False
                self.write(self._framed(b""))
            if sent < len(data):
                break
        self._ease()

    @staticmethod
    def _next_chunk(waiting: deque[bytes]) -> bytes:
        chunk = [waiting.popleft()]
        size = len(chunk[0])
        while waiting and size + len(waiting[0]) <= SEND_SIZE:
            chunk.append(waiting.popleft())
            size += len(chunk[-1])
        return b"".join(chunk)

    def _tell_skipped(self) -> None:
        if self._skipping is not None and self.size <= self.drains.limits.soft // 2:
            skipped, self._skipping = self._skipping, None
            for room, count in skipped.items():
                if count:
                    kept = min(count, self.drains.limits.remembered)
                    self._queue_event(Skipped(room, count, kept))
            later = self._later or {}
            self._trace_later()
            for event in later.values():
                self._queue_event(event)

    def _queue_event(self, event: Event) -> None:
        line = render(event, self.style())
        self._queue(line if self.frame is None else self._framed(line))

    def _framed(self, data: bytes) -> bytes:
        """Put around lines what their reader's terminal needs; if that fails, cut it alone.

        The broker is the caller: one reader's row must not keep others from what is said.
        """
        assert self.frame is not None
        try:
            return self.frame(data)
        except Exception:
            log.exception("what somebody types could not be drawn anew")
            self.frame = None
            self.fail("an error of the server's")
            return b""

    def _try_send(self, data: bytes) -> int:
        try:
            return self.transport.try_send(data)
        except OSError as error:
            self.fail(error)
            return 0

    def _queue(self, data: bytes, message_id: int = 0, *, begun: bool = False) -> None:
        """Let bytes wait; of a message, with its id, and whether what is before them was sent."""
        if self._closed:
            return
        if self._waiting is None:
            self._waiting = deque()
            self.drains.adopt(self)
        if message_id:
            self._traced().wait(self._queued - begun, self._queued + len(data), message_id)
        self._waiting.append(data)
        self.size += len(data)
        self._queued += len(data)
        self.drains.account(self, len(data))
        if self.size > self.drains.limits.hard:
            self.fail("not reading")

    def _skip(self, piece: Piece) -> None:
        if self._closed:
            return
        if self._skipping is None:
            self._skipping = {}
        if not (ids := piece.ids):
            return
        self._skipping[piece.room] = self._skipping.get(piece.room, 0) + len(ids)
        self.drains.counters.skipped += len(ids)
        if self.missed is None:
            self.missed = {}
        if piece.room not in self.missed:
            self.missed[piece.room] = Missed(deque(maxlen=self.drains.limits.remembered))
        self.missed[piece.room].add(ids)

    async def _wait_eased(self) -> None:
        if self._eased is None:
            self._eased = trio.Event()
        await self._eased.wait()

    def _ease(self) -> None:
        if self._eased is not None:
            self._eased.set()
            self._eased = None


class Drains:
    """The service whose tasks write what sockets did not take at once."""

    def __init__(
        self,
        limits: OutboxLimits,
        counters: Counters,
        max_outboxes: int,
        doubt: float = DOUBT,
    ) -> None:
        """Make the service; `doubt` is how long it stays unknown what has arrived (seconds)."""
        self.limits = limits
        self.doubt = doubt
        self.counters = counters
        self.total = 0  # bytes waiting in all outboxes
        # Bounded by the number of connections: an outbox hands itself over once.
        self._adopt, self._adopted = trio.open_memory_channel[Outbox](max_outboxes)
        self._draining: dict[Outbox, None] = {}

    async def run(self) -> None:
        """Drain until cancelled."""
        async with trio.open_nursery() as nursery:
            async for outbox in self._adopted:
                nursery.start_soon(self._drain, outbox, name="drain")

    def adopt(self, outbox: Outbox) -> None:
        """Take charge of an outbox until it is empty."""
        self._draining[outbox] = None
        self._adopt.send_nowait(outbox)

    def account(self, outbox: Outbox, change: int) -> None:
        """Note that so many bytes more wait; over the total, the largest outbox is cut."""
        self.total += change
        if change > 0 and self.total > self.limits.total:
            # Of one that is held, nobody has taken charge.
            largest = max(self._draining, key=lambda each: each.size, default=outbox)
            largest.fail("not reading, and memory is short")

    async def _drain(self, outbox: Outbox) -> None:
        try:
            await outbox.drain()
        except trio.ClosedResourceError:
            outbox.close()
        except OSError as error:
            outbox.fail(error)
        except Exception:  # the reader's affair alone: all drains would end with it
            log.exception("a drain crashed")
            outbox.fail("an error of the server's")
        finally:
            self._draining.pop(outbox, None)
