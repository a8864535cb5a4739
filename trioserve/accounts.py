"""Names that are kept for their owners: who has which, by which password; and who only borrows one.

An account is a nick that was registered. Its owner shows by a password who they
are; a guest who has come under that nick is given a while, and then another one.
"""

import logging
import sqlite3
from functools import partial
from typing import Final

import attrs
import trio

from trioserve.archive.archives import Archive
from trioserve.archive.journal import Journal
from trioserve.archive.records import AccountGone, AccountKept
from trioserve.broker import Broker
from trioserve.errors import ArchiveError, ChatError
from trioserve.limits import Tries
from trioserve.names import fold, free_nick
from trioserve.passwords import Passwords, check_password
from trioserve.requests import Identify, Notify, Rename, TakeOver
from trioserve.rooms import Member

MIN_PASSWORD: Final = 8  # characters
BORROWED: Final = 30.0  # seconds that a guest may have a name that is kept

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Accounts:
    """The accounts that there are. Their names are in memory, and all else in the archive."""

    archive: Archive
    journal: Journal
    passwords: Passwords
    _kept: dict[str, None] = attrs.field(factory=dict, init=False)  # folded names
    _sources: Tries = attrs.field(factory=Tries, init=False)  # who has tried,
    _names: Tries = attrs.field(factory=Tries, init=False)  # and which names were

    async def load(self) -> None:
        """Take up the names that are kept; checkpoints. Raises ArchiveError."""
        self._kept = dict.fromkeys(await self.archive.read(_names))

    def is_kept(self, nick: str) -> bool:
        """Whether a nick is somebody's own."""
        return fold(nick) in self._kept

    def is_borrowed(self, member: Member) -> bool:
        """Whether a member has a nick that is somebody else's own."""
        return self.is_kept(member.nick) and fold(member.nick) != fold(member.account)

    def check(self, member: Member, now: float) -> None:
        """Raises ChatError to whoever has tried too many passwords of late.

        `now`: seconds on a clock that never goes back.
        """
        self._sources.check(member.source, now)

    async def register(self, member: Member, password: str, now: float) -> str:
        """Keep the member's nick for them, on the disk, and return it; checkpoints.

        Raises:
            ChatError: if it cannot be; nothing is kept then.
        """
        self._sources.take(member.source, now)
        hashed = await self.passwords.hash(check_strength(password))
        name = member.nick  # it may be another one by now
        if self.is_kept(name):
            raise ChatError(f"the name {name} is somebody's already")
        self._kept[fold(name)] = None
        try:
            await self.journal.keep(AccountKept(name, hashed))
        except BaseException:
            # It may come to be written later: nobody would know of it.
            del self._kept[fold(name)]
            self.journal.put(AccountGone(name))
            raise
        return name

    async def verify(self, member: Member, name: str, password: str, now: float) -> bool:
        """Whether this is the password of an account; checkpoints, and counts as a try.

        Raises:
            ChatError: to whoever has tried too often, or whose name has been.
        """
        self._sources.take(member.source, now)
        self._names.take(fold(name), now)
        try:
            hashed = await self.archive.read(partial(_hash, fold(name)))
        except ArchiveError as error:
            log.error("the account of %s cannot be read: %s", name, error)
            raise ChatError("the server cannot read that at the moment; try again later") from None
        return await self.passwords.verify(password, hashed)

    async def change_password(self, name: str, password: str) -> None:
        """Give an account another password; checkpoints. Raises ChatError if it cannot be kept."""
        hashed = await self.passwords.hash(check_strength(password))
        await self.journal.keep(AccountKept(name, hashed))

    async def remove(self, name: str) -> None:
        """Keep a name no more; checkpoints. Raises ChatError if that cannot be written."""
        await self.journal.keep(AccountGone(name))
        self._kept.pop(fold(name), None)


def check_strength(password: str) -> str:
    """Return a password that may protect an account; raises ChatError for any other."""
    try:
        check_password(password)
    except ValueError as error:
        raise ChatError(str(error)) from None
    if len(password) < MIN_PASSWORD:
        raise ChatError(f"a password has at least {MIN_PASSWORD} characters")
    return password


def _names(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT folded FROM accounts ORDER BY folded")]


def _hash(folded: str, connection: sqlite3.Connection) -> str | None:
    row = connection.execute("SELECT hash FROM accounts WHERE folded = ?", (folded,)).fetchone()
    return None if row is None else str(row[0])


class Guardian:
    """The service that asks guests for the names back that are somebody's own."""

    def __init__(self, accounts: Accounts, broker: Broker) -> None:
        self._accounts = accounts
        self._broker = broker
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Watch over names until cancelled."""
        async with trio.open_nursery() as self._nursery:
            await trio.sleep_forever()

    def named(self, member: Member) -> None:
        """Look at one who has just taken a nick; never waits."""
        if self._nursery is not None and self._accounts.is_borrowed(member):
            self._nursery.start_soon(self._ask_back, member, name="name borrowed")

    async def _ask_back(self, member: Member) -> None:
        nick = member.nick
        try:
            text = (
                f"the name {nick} is somebody's own; if it is yours, /login within "
                f"{BORROWED:g} seconds, else you are given another one"
            )
            await self._broker.call(member, Notify(text))
            await trio.sleep(BORROWED)
            if member.nick == nick:
                await self.give_back(member)
        except ChatError as error:
            log.info("%s keeps a borrowed name: %s", nick, error)

    async def give_back(self, member: Member) -> None:
        """Give a guest another name than the one that is somebody's own; checkpoints.

        Raises:
            ChatError: if the broker refuses, for they are gone.
        """
        if self._accounts.is_borrowed(member) and self._broker.world.is_here(member):
            nick = member.nick
            await self._broker.call(member, Rename(free_nick(nick, self._broker.world.members)))
            text = f"the name {nick} is somebody's own: you are {member.nick} now; /nick changes it"
            await self._broker.call(member, Notify(text))

    async def log_in(self, member: Member, name: str) -> None:
        """Take a member for the owner of an account, under its name; checkpoints.

        A guest who has that is given another one at once. Where the owner is already, or has been
        until the connection broke, whoever speaks for `member` goes on as that one.

        Raises:
            ChatError: if the member is gone, or a newcomer has the name by now.
        """
        members = self._broker.world.members
        holder = members.get(fold(name))
        if holder is not None and holder is not member:
            if fold(holder.account) == fold(name):
                await self._broker.call(member, TakeOver(holder.nick))
                return
            await self.give_back(holder)
        await self._broker.call(member, Identify(name))
        if holder is not member:
            await self._broker.call(member, Rename(name))
