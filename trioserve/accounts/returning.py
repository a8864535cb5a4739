"""Owners of accounts who come back by their words although the server has ended meanwhile.

Theory of operation. Words are short, and whoever has them is taken for their owner, so they
are kept as passwords are: hashed, which takes its time, one after the other in a task of its
own. They hold once, for as long after the start as those are kept whose connections broke, and
only if their owner was there when the server ended: who leaves takes them along, and who logs
in has others.
"""

import math
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs
import trio

from trioserve.accounts.passwords import SALT, Passwords
from trioserve.archive.archives import Archive
from trioserve.archive.journal import Journal
from trioserve.archive.words import WordsGone, WordsKept, words
from trioserve.broker.phrases import nobody_s, normal
from trioserve.errors import ChatError
from trioserve.names import fold
from trioserve.rooms.member import Member
from trioserve.state.world import World

PAUSE: Final = 0.1  # seconds between two hashes: to have others made all the time costs nobody else
MAX_SALTS: Final = 4  # runs of servers whose words are tried: each takes as long as a password


@attrs.define(eq=False)
class Returning:
    """The words that outlive a server: those of the last one, and those of this one's people."""

    archive: Archive
    journal: Journal
    passwords: Passwords
    world: World
    _salt: bytes = attrs.field(factory=lambda: secrets.token_bytes(SALT), init=False, repr=False)
    # Of the last server's: the salt and the hash, by folded account.
    _kept: dict[str, tuple[bytes, str]] = attrs.field(factory=dict, init=False, repr=False)
    _until: float = attrs.field(default=math.inf, init=False)  # when those end, on Trio's clock
    _keep_for: float = attrs.field(default=0.0, init=False)  # seconds
    _given: dict[Member, None] = attrs.field(factory=dict, init=False)  # whose are to be kept
    _arrived: trio.Event = attrs.field(factory=trio.Event, init=False)

    async def load(self) -> None:
        """Take up the words of the last server; checkpoints. Raises ArchiveError."""
        self._kept = await self.archive.read(words)

    async def run(self, keep: float) -> None:
        """Keep words until cancelled; those of the last server hold for `keep` seconds."""
        self._keep_for, self._until = keep, trio.current_time() + keep
        while True:
            with trio.move_on_at(self._until):
                await self._arrived.wait()
            if trio.current_time() >= self._until:
                self._forget()
            self._arrived = trio.Event()
            while self._given:
                member = next(iter(self._given))
                del self._given[member]
                await self._keep(member)

    def give(self, member: Member) -> None:
        """Have the words kept that the owner of an account has now; never waits."""
        if member.account and member.words and self.archive.keeps_talk:
            self._kept.pop(fold(member.account), None)
            self._given[member] = None
            self._arrived.set()

    async def owner_of(self, phrase: str) -> str | None:
        """Whose words these are of the last server's, as a folded account; checkpoints.

        None: they are nobody's.
        """
        await trio.lowlevel.checkpoint()
        if trio.current_time() >= self._until:
            return None
        salts = list(dict.fromkeys(salt for salt, _ in self._kept.values()))
        for salt in salts[:MAX_SALTS]:
            hashed = await self.passwords.digest(normal(phrase), salt)
            for account, kept in self._kept.items():
                if kept == (salt, hashed):
                    return account
        return None

    @contextmanager
    def used(self, account: str) -> Iterator[None]:
        """Let an account's words hold no more, unless the block fails and nobody is it by then.

        Raises:
            ChatError: if they hold no more already.
        """
        if (kept := self._kept.pop(account, None)) is None:
            raise ChatError(nobody_s(self._keep_for))
        is_used = False
        try:
            yield
            is_used = True
        finally:
            if not is_used and self.world.owner_of_account(account) is None:
                if trio.current_time() < self._until:
                    self._kept[account] = kept
                else:
                    self.journal.put(WordsGone(account))

    async def _keep(self, member: Member) -> None:
        account, phrase = member.account, member.words
        if not (account and self.world.is_here(member)):
            return  # they have left before their turn came
        hashed = await self.passwords.digest(phrase, self._salt)
        # They may have left meanwhile, or have other words.
        if self.world.is_here(member) and (member.account, member.words) == (account, phrase):
            self.journal.put(WordsKept(account, self._salt, hashed))
        await trio.sleep(PAUSE)

    def _forget(self) -> None:
        """Let the words of the last server hold no longer."""
        self._until = math.inf
        for account in self._kept:
            self.journal.put(WordsGone(account))
        self._kept.clear()
