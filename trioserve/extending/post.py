"""What one says to another alone: to them at once, or left until they log in."""

from contextlib import suppress

import attrs

from trioserve.accounts.letters import Letters
from trioserve.broker.broker import Broker
from trioserve.errors import AbsentError, ChatError
from trioserve.messages import Divided, Noticed, Told
from trioserve.outbox import Outbox
from trioserve.requests import Reply, Tell
from trioserve.rooms.member import Member
from trioserve.wire.answers import event_shown, shown_again
from trioserve.wire.style import View
from trioserve.wire.text import plural


@attrs.frozen
class Post:
    """What one member sends, and what was left for them."""

    member: Member
    broker: Broker
    outbox: Outbox
    letters: Letters

    async def send(self, request: Tell | Reply) -> None:
        """Say a line to one person alone, or leave it for them if the name is their own.

        Raises:
            ChatError: if they can have it neither now nor later.
        """
        try:
            await self.broker.call(self.member, request)
        except AbsentError as absent:
            await self._leave(absent, request.text)

    async def _leave(self, absent: AbsentError, text: str) -> None:
        told = Told(absent.id, self.member.nick, absent.name, text)
        await self.letters.leave(self.member, told)
        if self.broker.world.owner_of_account(absent.name) is not None:  # since a moment ago
            with suppress(ChatError):  # else they read it at their next login
                await self.broker.call(self.member, Tell(absent.name, text))
                self.letters.withdraw(told)
                return
        shown = attrs.evolve(told, sender="you")
        self.outbox.put_answer(event_shown(shown, view=View(self.member.nick)), shown)
        self._notice(f"{absent}; they read that at their next login")

    async def collect(self) -> None:
        """Show the owner of an account what was left for them, no faster than they read.

        What the connection has not taken, they are shown at their next login.

        Raises:
            ChatError: if it cannot be read.
        """
        member, last, hidden = self.member, 0, 0
        since = self.broker.now_ns() // 1000
        while letters := await self.letters.waiting(member.account, last):
            if not last:
                self._divide("while you were not here")
            last = letters[-1].id
            for each in letters:
                if member.ignores(each.sender):
                    hidden += 1
                    continue
                await self.outbox.below_soft()
                self.outbox.put_answer(shown_again([each], member.nick, since), each)
                since = each.id
            await self.outbox.below_soft()
            await self.outbox.flushed()
            if self.outbox.is_closed:
                return
            self.letters.note_read(member.account, letters)
        if hidden:
            self._notice(f"{plural(hidden, 'message')} of people whom you ignore not shown")
        if last:
            self._divide("now")

    def _notice(self, text: str) -> None:
        shown = Noticed(text)
        self.outbox.put_answer(event_shown(shown), shown)

    def _divide(self, text: str) -> None:
        self.outbox.put_answer(event_shown(Divided(text)))
