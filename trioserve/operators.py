"""Who may become an operator by a password, and how often somebody may try."""

from collections.abc import Mapping
from typing import Final

import attrs

from trioserve.errors import ChatError
from trioserve.names import fold
from trioserve.passwords import Passwords
from trioserve.rooms import Member
from trioserve.settings import setting
from trioserve.wire.spans import exact

TRIES: Final = 3  # of one address within WITHIN
WITHIN: Final = 60.0  # seconds


@attrs.frozen
class PasswordSettings:
    """Where a password may be typed."""

    in_the_clear: bool = setting(False, "whether one may be typed where others can read along")


@attrs.define(eq=False)
class Operators:
    """The names that the configuration has for operators, and who has tried them of late.

    Tries are counted by address, of IPv6 by the /64. People on this machine have
    no address that tells them apart, and one who guesses must not lock the
    operator out, so there each connection counts for itself: whoever can make
    many of those from here could fill the whole server, too.
    """

    hashes: Mapping[str, str]  # by name
    passwords: Passwords
    in_the_clear: bool = False
    _tried: dict[str, list[float]] = attrs.field(factory=dict, init=False)  # when, by address
    _sweep_at: int = attrs.field(default=1024, init=False)  # so many addresses

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
        self._wait(_source(member), now)

    async def verify(self, member: Member, name: str, password: str, now: float) -> bool:
        """Whether this is the password of an operator; checkpoints, and counts as a try.

        Raises:
            ChatError: to whoever has tried too often.
        """
        source = _source(member)
        tried = self._wait(source, now)  # others of this address may have tried meanwhile
        self._sweep(now)
        self._tried[source] = [*tried, now]
        return await self.passwords.verify(password, self._hash(name))

    def knows(self, name: str) -> bool:
        """Whether there is an operator of this name."""
        return self._hash(name) is not None

    def _hash(self, name: str) -> str | None:
        return next((kept for each, kept in self.hashes.items() if fold(each) == fold(name)), None)

    def _wait(self, source: str, now: float) -> list[float]:
        """When an address has tried of late; raises ChatError if that was too often."""
        tried = [at for at in self._tried.get(source, ()) if now < at + WITHIN]
        if len(tried) >= TRIES:
            left = exact(tried[-TRIES] + WITHIN - now)
            raise ChatError(f"{TRIES} tries within {exact(WITHIN)}, the most; wait {left}")
        return tried

    def _sweep(self, now: float) -> None:
        """Forget who has not tried of late."""
        if len(self._tried) >= self._sweep_at:
            self._tried = {
                source: tried for source, tried in self._tried.items() if now < tried[-1] + WITHIN
            }
            self._sweep_at = max(1024, 2 * len(self._tried))


def _source(member: Member) -> str:
    """What tries are counted by: an address, or of this machine a connection."""
    return member.address or f"#{member.number}"
