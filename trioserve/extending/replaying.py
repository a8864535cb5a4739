"""What was said, shown again to one who asks for it, no faster than they read."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, TypeVar

import attrs

from trioserve import names
from trioserve.messages import Divided, Message, Told, TopicSet
from trioserve.outbox import Outbox
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room
from trioserve.state.past import Past
from trioserve.state.sights import span_for
from trioserve.wire.answers import event_shown, kept_shown, shown_again
from trioserve.wire.text import plural

CHUNK: Final = 8  # messages of at most 4 KiB that are shown again at once

T = TypeVar("T")


@attrs.frozen
class Replays:
    """Shows one member what was said: what they ask for, or what they have missed."""

    member: Member
    outbox: Outbox
    past: Past
    now_ns: Callable[[], int]  # nanoseconds since 1970

    async def show(self, messages: Iterable[Message | TopicSet | Told], since: int = 0) -> int:
        """Show messages again but those of ignored people; see `Context.replay`."""
        member = self.member
        since = since or self.now_ns() // 1000
        for chunk in _chunks(each for each in messages if not member.ignores(_author(each))):
            await self.outbox.below_soft()
            self.outbox.put_answer(shown_again(chunk, member.nick, since))
            since = chunk[-1].id
        return since

    async def show_kept(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Show things that are kept about them."""
        for chunk in _chunks(rows):
            await self.outbox.below_soft()
            self.outbox.put_answer(kept_shown(chunk))

    async def show_missed(self) -> bool:
        """Show what was skipped while they did not read; whether there was anything."""
        rooms = list(self.outbox.missed or ())
        for name in rooms:
            await self._show_missed_in(name)
        return bool(rooms)

    async def _show_missed_in(self, name: str) -> None:
        missed = self.outbox.take_missed(name)
        if missed is None:
            return
        room = self.member.rooms.get(names.fold(name))
        left, gone = list(missed.ids), missed.count - len(missed.ids)
        try:
            found = [] if room is None else await self._recalled(room, left)
            left, gone = [message.id for message in found], missed.count - len(found)
            if found:
                self.outbox.note_replayed(found[0].id)
            self._divide(f"{plural(missed.count, 'message')} missed in {name}")
            since = 0
            for chunk in _chunks(found):
                since = await self.show(chunk, since)
                del left[: len(chunk)]
            if gone:
                self._divide(f"{plural(gone, 'message')} no longer kept")
                gone = 0
            self._divide("now")
        finally:
            # Of one that is cancelled, the rest is still missed.
            self.outbox.give_back_missed(name, left, gone)

    async def _recalled(self, room: Room, ids: Collection[int]) -> list[Message]:
        """Messages by their ids, oldest first: from the room's history, or from what is kept."""
        held = room.recall(ids)
        if len(held) == len(ids):
            return held
        span = span_for(self.member, room, len(ids))
        kept = await self.past.recall(span, ids)
        return [each for _, each in sorted({each.id: each for each in [*kept, *held]}.items())]

    def _divide(self, text: str) -> None:
        self.outbox.put_answer(event_shown(Divided(text)))


def _author(message: Message | TopicSet | Told) -> str:
    return message.sender if isinstance(message, Told) else message.nick


def _chunks(messages: Iterable[T]) -> Iterator[list[T]]:
    """A few messages at a time: enough to save writes, too few to fill an outbox."""
    remaining = iter(messages)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk
