"""Names that are kept for their owners: who has which, by which password, and what else is theirs.

An account is a nick that was registered. Its owner shows by a password who they are.
"""

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, TypeVar

import attrs

from trioserve.accounts.passwords import Passwords, check_password
from trioserve.archive.archives import Archive
from trioserve.archive.asking import ask
from trioserve.archive.belongings import Belongings, Page
from trioserve.archive.farewells import farewells
from trioserve.archive.journal import Journal
from trioserve.archive.personal import PERSONAL
from trioserve.archive.preferences import Chosen, Unchosen, choices
from trioserve.archive.records import AccountGone, AccountKept, Record
from trioserve.archive.whereabouts import Placed, whereabouts
from trioserve.errors import ChatError
from trioserve.limits import Tries
from trioserve.names import fold
from trioserve.ownership import LogIn
from trioserve.rooms.member import Member
from trioserve.rooms.whereabouts import Whereabouts
from trioserve.state.preferences import sound

UNREADABLE: Final = "the server cannot read that at the moment; try again later"

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
    # Those that are being given up: nobody can log in by them, or have them.
    _leaving: dict[str, None] = attrs.field(factory=dict, init=False)
    _sources: Tries = attrs.field(factory=Tries, init=False)  # who has tried in vain,
    _names: Tries = attrs.field(factory=Tries, init=False)  # and which names were
    _newcomers: Tries = attrs.field(factory=lambda: Tries("names"), init=False)  # who has had some

    async def load(self) -> None:
        """Take up the names that are kept; checkpoints. Raises ArchiveError."""
        names = await self.archive.read(_names)
        self._kept = {name: number for number, name in enumerate(names, 1)}
        self._last = len(names)
        for each in await self.archive.read(farewells):
            self.part_with(each.account)
        self._is_loaded = True

    def is_kept(self, nick: str) -> bool:
        """Whether a nick is somebody's own."""
        return fold(nick) in self._kept

    def is_owned(self, nick: str) -> bool:
        """Whether a nick is somebody's own who can log in."""
        return fold(nick) in self._kept and fold(nick) not in self._leaving

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
        return self.is_owned(member.nick) and fold(member.nick) != fold(member.account)

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
        with ExitStack() as undone:
            undone.callback(self._kept.pop, fold(name))  # also if who registers has gone
            await self.journal.keep(AccountKept(name, hashed), undo=[AccountGone(name)])
            undone.pop_all()
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

    def part_with(self, name: str) -> None:
        """Let nobody log in by a name any more, nor be told that it is somebody's own."""
        self._leaving[fold(name)] = None

    def retain(self, name: str) -> None:
        """Let its owner log in by a name again: it is not given up after all."""
        self._leaving.pop(fold(name), None)

    async def next_removal(self, name: str, *, wholly: bool) -> Record | None:
        """What takes out the next portion of what is kept of an account; checkpoints.

        None: nothing is left but the account itself. Without `wholly`, what was said stays.

        Raises:
            ChatError: if that cannot be read.
        """
        return await self._read(name, partial(_next_removal, wholly=wholly))

    def release(self, name: str) -> None:
        """Let a name be anybody's, of which nothing is kept any more."""
        self._kept.pop(fold(name), None)
        self._leaving.pop(fold(name), None)

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


def _next_removal(connection: sqlite3.Connection, account: str, *, wholly: bool) -> Record | None:
    for kind in PERSONAL:
        removal = kind.removal if wholly else kind.release
        if removal is not None and (record := removal(account)(connection)) is not None:
            return record
    return None


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
