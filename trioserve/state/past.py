"""What was said before, for who wants to see it: read in a task of theirs, never in the broker's.

What is not written yet is part of it: of what a journal still holds, nothing is left out
and nothing is shown twice.
"""

import sqlite3
from collections.abc import Callable, Collection
from typing import Final, TypeVar

import attrs
import trio

from trioserve.archive.archives import READERS, Archive
from trioserve.archive.asking import ANSWER, ask
from trioserve.archive.history import Span, among, bounds, last_topic, page
from trioserve.archive.journal import Journal
from trioserve.archive.mentions import Mentions, mentions
from trioserve.archive.records import Talk
from trioserve.archive.retention import Bounds, bounds_of
from trioserve.archive.search import Found, Search, find
from trioserve.archive.sight import Sight
from trioserve.errors import ChatError
from trioserve.messages import Message, TopicSet
from trioserve.names import fold
from trioserve.rooms.room import RoomPast

UNREADABLE: Final = "what was said earlier cannot be read at the moment"
ON_JOIN: Final = 1.0  # seconds to wait for a disk, of who comes into a room and has not asked

T = TypeVar("T")


@attrs.frozen
class Past:
    """All that is kept of what was said, and what is about to be."""

    archive: Archive
    journal: Journal
    # Not all of those who read: whoever wants to see a page need not wait for searches.
    _searching: trio.CapacityLimiter = attrs.field(
        factory=lambda: trio.CapacityLimiter(READERS - 1), init=False
    )

    async def of_room(self, room: str, most: int, private: int = 0) -> RoomPast:
        """What a room that is made anew begins with; checkpoints.

        Nothing that was private is among it, but for the room with this number.
        """
        if not self.archive.keeps_talk:
            await trio.lowlevel.checkpoint()
            return RoomPast()

        whole = Span(room, most, private=private)

        def query(connection: sqlite3.Connection) -> tuple[int, int, str | None]:
            return *bounds(whole)(connection), last_topic(room, private)(connection)

        try:
            with trio.fail_after(ON_JOIN):
                held = self._held(whole, topics=True)
                first, _, topic = await self._ask(query)
                span = attrs.evolve(whole, after=first - 1)
                messages = (await self.page(span) if first else self._messages(span))[-most:]
        except (ChatError, trio.TooSlowError):
            return RoomPast(is_readable=False)
        topics = [each.topic for each in held if isinstance(each, TopicSet)]
        known = topics[-1] if topics else topic
        return RoomPast(known, tuple(messages) if most else (), private=private)

    async def bounds(self, span: Span) -> tuple[int, int]:
        """The first id of a span's last `count` messages, and how many there are; checkpoints.

        Raises:
            ChatError: if that cannot be read.
        """
        held = self._messages(span)[-span.count :]
        before = min([span.before, *(each.id for each in held)])
        left = span.count - len(held)
        first, count = 0, 0
        if left:
            first, count = await self._ask(bounds(attrs.evolve(span, count=left, before=before)))
        else:
            await trio.lowlevel.checkpoint()
        return first or (held[0].id if held else 0), count + len(held)

    async def page(self, span: Span) -> list[Message]:
        """The first `count` messages of a span, oldest first; checkpoints.

        Raises:
            ChatError: if that cannot be read.
        """
        held = self._messages(span)  # first: it may be written while the others are read
        found = await self._ask(page(span))
        if len(found) < span.count:
            last = found[-1].id if found else 0
            found += [each for each in held if each.id > last][: span.count - len(found)]
        return found

    async def recall(self, span: Span, ids: Collection[int]) -> list[Message]:
        """The messages of a span that have these ids, oldest first; raises as `page` does."""
        held = {each.id: each for each in self._messages(span) if each.id in ids}
        found = {each.id: each for each in await self._ask(among(span, ids))}
        return [each for _, each in sorted({**held, **found}.items())]

    async def bounds_of(self, room: str) -> tuple[Bounds, bool]:
        """How much of a room is kept by its own word (see `bounds_of`); raises as `page` does."""
        return await self._ask(bounds_of(room))

    async def find(self, search: Search, sight: Sight) -> list[Found]:
        """What somebody looks for; raises ChatError as `search.find` and `page` do."""
        try:
            with trio.fail_after(ANSWER):
                await self._searching.acquire()
        except trio.TooSlowError:
            raise ChatError("many are searching at the moment; try again later") from None
        try:
            return await self._ask(lambda connection: find(connection, search, sight))
        finally:
            self._searching.release()

    async def mentions(self, wanted: Mentions, sight: Sight) -> list[Message]:
        """The last messages that mention somebody, oldest first, with their rooms' folded names.

        Raises:
            ChatError: if that cannot be read, or takes too long.
        """
        held = {
            each.event.id: attrs.evolve(each.event, room=fold(each.event.room))
            for each in self.journal.held()
            if isinstance(each, Talk)
            and not isinstance(each.event, TopicSet)
            and wanted.holds(each.event)
            and sight.shows(fold(each.event.room), each.private, each.event.id)
        }
        kept = await self._ask(lambda connection: mentions(connection, wanted, sight))
        found = {**held, **{each.id: each for each in kept}}
        return [found[number] for number in sorted(found)][-wanted.count :]

    async def _ask(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await ask(self.archive, query, UNREADABLE)

    def _messages(self, span: Span) -> list[Message]:
        """Those of a span that are not written yet, oldest first."""
        return [each for each in self._held(span) if not isinstance(each, TopicSet)]

    def _held(self, span: Span, *, topics: bool = False) -> list[Message | TopicSet]:
        room = fold(span.room)
        return [
            each.event
            for each in self.journal.held()
            if isinstance(each, Talk)
            and span.after < each.event.id < span.before
            and (topics or not isinstance(each.event, TopicSet))
            and span.shows(each.private, each.event.id)
            and fold(each.event.room) == room
        ]
