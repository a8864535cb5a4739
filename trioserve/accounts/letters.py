"""Private messages for who is not here: left, and handed over at their next login.

They are bounded, in all and by who leaves them: nobody can take the room of others.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import attrs

from trioserve.archive.archives import Archive
from trioserve.archive.asking import ask
from trioserve.archive.journal import Journal
from trioserve.archive.preferences import choices
from trioserve.archive.private import Left, Private, Read, Withdrawn, fate, waiting
from trioserve.errors import ChatError
from trioserve.messages import Told
from trioserve.names import fold
from trioserve.rooms.member import Member

UNREADABLE: Final = "the server cannot read what it keeps; try again later"
MAX_TAKEN: Final = 10_000  # letters that are known to be read, until that is written

T = TypeVar("T")


@attrs.define(eq=False)
class Letters:
    """What waits for the owners of accounts.

    Each is shown once, although its reader may come while it is being left, and what they have
    read may not be written yet: whoever shows one takes it before.
    """

    archive: Archive
    journal: Journal
    # Those that are shown, or about to be, by account and id: the last of them.
    _taken: dict[tuple[str, int], None] = attrs.field(factory=dict, init=False)

    async def leave(self, sender: Member, told: Told) -> None:
        """Keep a message for the owner of the account that it is to, on the disk; checkpoints.

        Whoever is cancelled meanwhile is not told, but has it kept.

        Raises:
            ChatError: if it is not kept, or nobody knows: it is withdrawn then.
        """
        if not self.archive.keeps_talk:
            raise ChatError(f"{told.recipient} is not here, and this server keeps nothing for them")
        author, account = fold(sender.account), fold(told.recipient)
        chosen = await self._ask(lambda connection: choices(connection, account))
        if fold(sender.nick) in map(fold, chosen.get("ignored", ())):
            raise ChatError(f"{told.recipient} ignores you")
        left = Left(account, told, author, sender.address or "")
        try:
            await self.journal.keep(left)
            refusal = await self._ask(fate(left))
        except ChatError:
            self.journal.insist(Withdrawn(account, told.id))
            raise
        if refusal:
            raise ChatError(f"not kept: {refusal}")
        if author:
            self.journal.put(Private(author, told, True, author))

    async def waiting(self, account: str, after: int = 0) -> list[Told]:
        """The first messages that wait for an account, with ids behind one; checkpoints.

        Raises:
            ChatError: if they cannot be read.
        """
        if not self.journal.keeping.trouble:
            with suppress(ChatError):  # of what is kept already, nothing is held back
                await self.journal.settle()  # what was left a moment ago
        return await self._ask(waiting(fold(account), after))

    def take(self, account: str, letters: Iterable[Told]) -> Sequence[Told]:
        """Those of some messages that nobody has shown or shows; the caller does from now on."""
        mine = [each for each in letters if (fold(account), each.id) not in self._taken]
        for each in mine:
            self._taken[fold(account), each.id] = None
        while len(self._taken) > MAX_TAKEN:
            del self._taken[next(iter(self._taken))]
        return mine

    def put_back(self, account: str, letters: Iterable[Told]) -> None:
        """Note that messages that were taken have not been shown after all: they wait on."""
        for each in letters:
            self._taken.pop((fold(account), each.id), None)

    def note_read(self, account: str, read: Iterable[Told]) -> None:
        """Let these, which were taken, wait no more; never waits."""
        for each in read:
            self.journal.insist(Read(fold(account), each.id))

    def withdraw(self, told: Told) -> None:
        """Let a message that waits, and was taken, have never been left; never waits."""
        self.journal.insist(Withdrawn(fold(told.recipient), told.id))

    async def _ask(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await ask(self.archive, query, UNREADABLE)
