"""What mentioned somebody while they were not there, as far as they may see it."""

from collections.abc import Mapping

import attrs

from trioserve.archive.mentions import MOST, Mentions
from trioserve.errors import ChatError
from trioserve.messages import Message
from trioserve.names import fold
from trioserve.rooms.member import Member
from trioserve.rooms.room import Room
from trioserve.rooms.whereabouts import Span
from trioserve.state.past import Past
from trioserve.state.sights import sight_for
from trioserve.wire.text import plural


@attrs.frozen
class Mentioned:
    """Finds where one member was mentioned; nothing that ignored people have said."""

    member: Member
    rooms: Mapping[str, Room]  # all there are, by folded name
    past: Past

    async def within(self, spans: tuple[Span, ...], count: int, after: int = 0) -> list[Message]:
        """The last messages within some spans, oldest first, with their rooms' folded names.

        Only ids above `after` count. Checkpoints.

        Raises:
            ChatError: if they cannot be read.
        """
        account = fold(self.member.account)
        nicks = frozenset({fold(self.member.nick), account} - {""})
        wanted = Mentions(nicks, account, spans, count, after)
        found = await self.past.mentions(wanted, sight_for(self.member, self.rooms))
        if not self.past.archive.keeps_talk:
            found = self._held(wanted)
        return [each for each in found if not self.member.ignores(each.nick)]

    async def lately(self) -> str:
        """How often they were mentioned while they were not there last, to read; or nothing.

        Where that is not known, why: nobody has asked for it, and other things are to follow.
        Checkpoints.
        """
        try:
            found = await self.within(self.member.absences[-1:], MOST)
        except ChatError as error:
            return f"whether you were mentioned meanwhile is not known: {error}"
        often = "at least " if len(found) == MOST else ""
        messages = plural(len(found), "message")
        return f"{often}{messages} mentioned you meanwhile: /mentions" if found else ""

    def _held(self, wanted: Mentions) -> list[Message]:
        """What there is of it in the member's rooms themselves."""
        found = [
            attrs.evolve(message, room=fold(message.room))
            for room in self.member.rooms.values()
            for message in room.shown_to(self.member, wanted.after)
            if wanted.holds(message)
        ]
        return sorted(found, key=lambda each: each.id)[-wanted.count :]
