"""Who may become an operator by a password, and how often somebody may try."""

from collections.abc import Mapping

import attrs

from trioserve.accounts.passwords import Passwords
from trioserve.errors import ChatError
from trioserve.limits import Tries
from trioserve.names import fold
from trioserve.rooms.member import Member
from trioserve.settings import setting


@attrs.frozen
class PasswordSettings:
    """Where a password may be typed."""

    in_the_clear: bool = setting(False, "whether one may be typed where others can read along")


@attrs.define(eq=False)
class Operators:
    """The names that the configuration has for operators, and who has tried them of late."""

    hashes: Mapping[str, str]  # by name
    passwords: Passwords
    in_the_clear: bool = False
    _tries: Tries = attrs.field(factory=Tries, init=False)

    def check(self, member: Member, now: float, *, private: bool) -> None:
        """Raises ChatError to whoever need not be asked for a password.

        Args:
            now: seconds on a clock that never goes back.
            private: whether nobody between can read along.
        """
        if not self.hashes:
            raise ChatError("no operator has a password here")
        if not (private or self.in_the_clear):
            raise ChatError("others may read along on your connection: no password is taken here")
        self._tries.check(member.source, now)

    async def verify(self, member: Member, name: str, password: str, now: float) -> bool:
        """Whether this is the password of an operator; checkpoints. A wrong one counts as a try.

        Raises:
            ChatError: to whoever has tried too often.
        """
        self._tries.take(member.source, now)  # others of this address may have tried meanwhile
        is_right = await self.passwords.verify(password, self._hash(name))
        if is_right:
            self._tries.forgive(member.source)
        return is_right

    def knows(self, name: str) -> bool:
        """Whether there is an operator of this name."""
        return self._hash(name) is not None

    def _hash(self, name: str) -> str | None:
        return next((kept for each, kept in self.hashes.items() if fold(each) == fold(name)), None)
