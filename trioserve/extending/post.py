"""What one says to another alone: to them at once, or left until they log in."""

import logging
import math
from contextlib import suppress
from typing import Final

import attrs
import trio

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

SAYING: Final = 5.0  # seconds for the broker to say what was left for one who has come

log = logging.getLogger(__name__)


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
            # Not known to be said, it would be shown once more: the broker waits for nobody.
            with trio.move_on_after(SAYING, shield=True) as saying:
                if await self._say_instead(told):
                    return
            if saying.cancelled_caught:
                log.error("%s: not said to %s within %g s", told.sender, told.recipient, SAYING)
        shown = attrs.evolve(told, sender="you")
        self.outbox.put_answer(event_shown(shown, view=View(self.member.nick)), shown)
        self._notice(f"{absent}; they read that at their next login")

    async def _say_instead(self, told: Told) -> bool:
        """Say to one who has come what was left for them; False if that cannot be."""
        if not self.letters.take(told.recipient, [told]):  # they have been shown it
            shown = attrs.evolve(told, sender="you")
            self.outbox.put_answer(event_shown(shown, view=View(self.member.nick)), shown)
            return True
        is_said = False
        try:
            with suppress(ChatError):  # refused: they read it at their next login
                await self.broker.call(self.member, Tell(told.recipient, told.text))
                is_said = True
        finally:
            if not is_said:  # also if it takes too long: rather twice than never
                self.letters.put_back(told.recipient, [told])
        if is_said:
            self.letters.withdraw(told)
        return is_said

    async def collect(self) -> None:
        """Show the owner of an account what was left for them, no faster than they read.

        What the connection has not taken, they are shown at their next login; what they have
        just been shown again on coming back, not once more.

        Raises:
            ChatError: if it cannot be read.
        """
        account, last, hidden, since = self.member.account, 0, 0, 0
        shown = self.outbox.told
        while letters := await self.letters.waiting(account, last):
            last = letters[-1].id
            mine = self.letters.take(account, letters)
            new = [each for each in mine if each.id not in shown]
            heard = [each for each in new if not self.member.ignores(each.sender)]
            hidden += len(new) - len(heard)
            waiting = dict.fromkeys(heard, math.inf)  # where each ends in what is sent
            try:
                since = await self._show(waiting, since)
            finally:
                # If that is cut off, the connection has taken some of it.
                unread = [each for each, end in waiting.items() if end > self.outbox.sent]
                self.letters.note_read(account, [each for each in mine if each not in unread])
                self.letters.put_back(account, unread)
            if self.outbox.is_closed:
                return
        if hidden:
            self._notice(f"{plural(hidden, 'message')} of people whom you ignore not shown")
        if since:
            self._divide("now")

    async def _show(self, letters: dict[Told, float], since: int) -> int:
        """Show some behind an id, 0: the first ones, and wait until they are sent.

        Notes where each of them ends (see `Outbox.end`); returns the id of the last one.
        """
        if letters and not since:
            self._divide("while you were not here")
        for each in letters:
            await self.outbox.below_soft()
            if self.outbox.is_closed:
                break
            before = since or self.broker.now_ns() // 1000
            self.outbox.put_answer(shown_again([each], self.member.nick, before), each)
            letters[each], since = self.outbox.end, each.id
        await self.outbox.below_soft()
        await self.outbox.passed(self.outbox.end)
        return since

    def _notice(self, text: str) -> None:
        shown = Noticed(text)
        self.outbox.put_answer(event_shown(shown), shown)

    def _divide(self, text: str) -> None:
        self.outbox.put_answer(event_shown(Divided(text)))
