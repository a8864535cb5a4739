"""Names that are kept for their owners: who has which, by which password, and what else is theirs.

An account is a nick that was registered. Its owner shows by a password who they are.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

import attrs
import trio

from trioserve.accounts.passwords import Passwords, check_password
from trioserve.archive.archives import Archive
from trioserve.archive.asking import ask
from trioserve.archive.belongings import Belongings, Page, Removal
from trioserve.archive.journal import UNKEPT, Journal
from trioserve.archive.personal import PERSONAL
from trioserve.archive.preferences import Chosen, Unchosen, choices
from trioserve.archive.records import AccountGone, AccountKept, Record
from trioserve.archive.whereabouts import Placed, whereabouts
from trioserve.errors import ChatError
from trioserve.limits import Tries
from trioserve.names import fold
from trioserve.requests import LogIn
from trioserve.rooms.member import Member
from trioserve.rooms.whereabouts import Whereabouts
from trioserve.state.preferences import sound

UNREADABLE: Final = "the server cannot read that at the moment; try again later"
PAUSE: Final = 0.02  # seconds between two portions of what is forgotten, for what others have kept

T = TypeVar("T")


@attrs.define(eq=False)
class Accounts:
    """The accounts that there are. Their names are in memory, and all else in the archive."""

    archive: Archive
    journal: Journal
    passwords: Passwords
    # The account of each folded name, by a number: a name may have had another owner before.
    _kept: dict[str, int] = attrs.field(factory=dict, init=False)
    _last: int = attrs.field(default=0, init=False)  # the number of the newest
    _is_loaded: bool = attrs.field(default=False, init=False)
    _leaving: dict[str, None] = attrs.field(
        factory=dict, init=False
    )  # names, while all is forgotten
    _sources: Tries = attrs.field(factory=Tries, init=False)  # who has tried in vain,
    _names: Tries = attrs.field(factory=Tries, init=False)  # and which names were
    _newcomers: Tries = attrs.field(factory=lambda: Tries("names"), init=False)  # who has had some

    async def load(self) -> None:
        """Take up the names that are kept; checkpoints. Raises ArchiveError."""
        names = await self.archive.read(_names)
        self._kept = {name: number for number, name in enumerate(names, 1)}
        self._last = len(names)
        self._is_loaded = True

    def is_kept(self, nick: str) -> bool:
        """Whether a nick is somebody's own."""
        return fold(nick) in self._kept

    def number(self, name: str) -> int | None:
        """What tells an account from others that have had its name; None: there is none."""
        return self._kept.get(fold(name))

    def is_still(self, name: str, number: int | None) -> bool:
        """Whether an account is the one that had a number, and not about to be forgotten."""
        folded = fold(name)
        return (
            number is not None and self._kept.get(folded) == number and folded not in self._leaving
        )

    def is_borrowed(self, member: Member) -> bool:
        """Whether a member has a nick that is somebody else's own."""
        return self.is_kept(member.nick) and fold(member.nick) != fold(member.account)

    def check(self, member: Member, now: float) -> None:
        """Raises ChatError to whoever has tried too many passwords lately, or if none can be read.

        `now`: seconds on a clock that never goes back.
        """
        if not self._is_loaded:  # or any name could be had that is somebody's own
            raise ChatError(UNREADABLE)
        self._sources.check(member.source, now)

    def check_new(self, member: Member, now: float) -> None:
        """Raises ChatError to whoever has had too many names kept lately; else as `check`."""
        self.check(member, now)
        self._newcomers.check(member.source, now)

    async def register(self, member: Member, password: str, now: float) -> str:
        """Keep the member's nick for them, on the disk, and return it; checkpoints.

        Raises:
            ChatError: if it cannot be; nothing is kept then.
        """
        self._newcomers.take(member.source, now)
        hashed = await self.passwords.hash(check_strength(password))
        name = member.nick  # it may be another one by now
        if self.is_kept(name):
            raise ChatError(f"the name {name} is somebody's already")
        self._last += 1
        self._kept[fold(name)] = self._last
        try:
            await self.journal.keep(AccountKept(name, hashed), undo=[AccountGone(name)])
        except BaseException:
            del self._kept[fold(name)]
            raise
        return name

    async def verify(self, member: Member, name: str, password: str, now: float) -> bool:
        """Whether this is the password of an account; checkpoints. A wrong one counts as a try.

        Raises:
            ChatError: to whoever has tried too often, or whose name has been.
        """
        hashed = await self._read(name, _hash)
        self._names.check(fold(name), now)
        # Before it is known whether it is wrong: else many could be tried at once.
        self._sources.take(member.source, now)
        self._names.take(fold(name), now)
        is_right = await self.passwords.verify(password, hashed)
        if is_right:
            self._sources.forgive(member.source)
            self._names.forgive(fold(name))
        return is_right

    async def log_in(self, name: str, number: int | None) -> LogIn:
        """The request by which somebody is the owner of an account again; checkpoints.

        `number` is the account's, from before it was shown that it is theirs.

        Raises:
            ChatError: if what is kept cannot be read, or the account is gone.
        """
        held = list(self.journal.held())  # first: it may be written while the rest is read
        chosen, where = await self._read(name, _last)
        held += self.journal.held()  # the owner may have left meanwhile
        for record in held:
            match record:
                case Chosen(account, choice, value) if fold(account) == fold(name):
                    chosen[choice] = value
                case Unchosen(account, choice) if fold(account) == fold(name):
                    chosen.pop(choice, None)
                case Placed(account, whereabouts) if fold(account) == fold(name):
                    where = whereabouts
        return LogIn(name, sound(chosen), where, partial(self.is_still, name, number))

    async def name_of(self, account: str) -> str:
        """How an account's owner has written its name; checkpoints.

        Raises:
            ChatError: if that cannot be read, or the account is gone.
        """
        if (name := await self._read(account, _name)) is None:
            raise ChatError(f"the name {account} is nobody's any more")
        return name

    async def change_password(self, name: str, password: str) -> None:
        """Give an account another password; checkpoints.

        Raises:
            ChatError: if that cannot be written; the old one holds then.
        """
        hashed = await self.passwords.hash(check_strength(password))
        if (before := await self._read(name, _hash)) is None:
            raise ChatError(f"the name {name} is nobody's any more")
        await self.journal.keep(AccountKept(name, hashed), undo=[AccountKept(name, before)])

    async def kept_of(self, name: str, kind: Belongings, after: int) -> Page:
        """A page of what is kept of an account's owner; checkpoints. Raises ChatError."""
        return await self._read(name, lambda each, account: kind.page(account, after)(each))

    @contextmanager
    def leaving(self, name: str) -> Iterator[None]:
        """Let nobody log in by a name for as long as the block lasts."""
        self._leaving[fold(name)] = None
        try:
            yield
        finally:
            del self._leaving[fold(name)]

    async def forget(self, name: str) -> None:
        """Take out all that is kept of an account's owner, but for the account; checkpoints.

        Portion by portion, for whoever has something kept waits for one of them at most.

        Raises:
            ChatError: if that cannot be written; some of it may be gone then.
        """
        await self.journal.settle()  # what was on its way
        for kind in PERSONAL:
            while kind.removal is not None:
                record = await self._read(name, partial(_next_removal, kind.removal))
                if record is None:
                    break
                await self.journal.keep(record)
                await trio.sleep(PAUSE)

    def remove(self, name: str) -> None:
        """Keep a name no more, nor anything else of the account; never waits.

        Raises:
            ChatError: if too much waits to be written already; the name is kept then.
        """
        parting = [record for kind in PERSONAL for record in kind.parting(fold(name))]
        if not self.journal.put_all([*parting, AccountGone(name)]):
            raise ChatError(UNKEPT)
        del self._kept[fold(name)]

    async def _read(self, name: str, query: Callable[[sqlite3.Connection, str], T]) -> T:
        """What is kept of an account; raises ChatError if that cannot be read."""
        return await ask(self.archive, lambda connection: query(connection, fold(name)), UNREADABLE)


def check_strength(password: str) -> str:
    """Return a password that may protect an account; raises ChatError for any other."""
    try:
        check_password(password)
    except ValueError as error:
        raise ChatError(str(error)) from None
    return password


def _next_removal(removal: Removal, connection: sqlite3.Connection, account: str) -> Record | None:
    return removal(account)(connection)


def _names(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT folded FROM accounts ORDER BY folded")]


def _hash(connection: sqlite3.Connection, account: str) -> str | None:
    row = connection.execute("SELECT hash FROM accounts WHERE folded = ?", (account,)).fetchone()
    return None if row is None else str(row[0])


def _name(connection: sqlite3.Connection, account: str) -> str | None:
    row = connection.execute("SELECT name FROM accounts WHERE folded = ?", (account,)).fetchone()
    return None if row is None else str(row[0])


def _last(
    connection: sqlite3.Connection, account: str
) -> tuple[dict[str, Any], Whereabouts | None]:
    return choices(connection, account), whereabouts(connection, account)
