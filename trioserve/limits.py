"""How much one connection may do, and how many connections one address may make."""

import functools
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

import attrs

from trioserve.errors import ChatError
from trioserve.observe import Counters
from trioserve.rooms.moderation import Source
from trioserve.settings import setting
from trioserve.wire.spans import exact
from trioserve.wire.text import plural

TRIES: Final = 3  # of a secret, from one source within WITHIN,
TRIES_HERE: Final = 30  # and from all of this machine together
WITHIN: Final = 60.0  # seconds
HERE: Final = "this machine"


@attrs.define(eq=False)
class TokenBucket:
    """`burst` at once, then `rate` a second. It only says how long to wait; nothing is dropped.

    Times are seconds on one clock that never goes back.
    """

    burst: float
    rate: float  # tokens per second
    _owed: float = attrs.field(default=0.0, init=False)  # tokens taken and not yet regained
    _as_of: float = attrs.field(default=0.0, init=False)

    def delay(self, now: float, cost: float) -> float:
        """Seconds until `cost` tokens may be taken."""
        self._regain(now)
        return max(0.0, (self._owed + min(cost, self.burst) - self.burst) / self.rate)

    def take(self, now: float, cost: float) -> None:
        """Take `cost` tokens, also more than there are: the debt delays what comes next."""
        self._regain(now)
        self._owed += cost

    def _regain(self, now: float) -> None:
        if now > self._as_of:
            self._owed = max(0.0, self._owed - (now - self._as_of) * self.rate)
            self._as_of = now


@attrs.define(eq=False)
class Tries:
    """How often a secret has been tried in vain of late, by source; or whatever is counted so.

    That is an address, of IPv6 the /64; or a text, as what has been guessed at. People on this
    machine have no address that tells them apart: they are its users, or all who come through a
    proxy that does not say for whom. One who guesses must not lock the others out by three
    tries, so there each connection counts for itself. But a connection costs nothing there, and
    who makes one after the other could guess without end: so all of them together have
    TRIES_HERE, which people who type do not come to.
    """

    what: str = "wrong tries"  # as people are told
    _tried: dict[str, list[float]] = attrs.field(factory=dict, init=False)  # when, by source
    _sweep_at: int = attrs.field(default=1024, init=False)  # so many sources

    def check(self, source: Source | str, now: float) -> None:
        """Raises ChatError to whoever has tried too often.

        `now`: seconds on a clock that never goes back.
        """
        for key, most, whose in _bounds(source):
            self._of_late(key, most, whose, now)

    def take(self, source: Source | str, now: float) -> None:
        """Count a try; raises ChatError to whoever has tried too often, and does not count it."""
        self.check(source, now)
        self._sweep(now)
        for key, most, whose in _bounds(source):
            self._tried[key] = [*self._of_late(key, most, whose, now), now]

    def forgive(self, source: Source | str) -> None:
        """Count the last try no more, for it was no guess."""
        for key, _, _ in _bounds(source):
            if tried := self._tried.get(key):
                tried.pop()
                if not tried:
                    del self._tried[key]

    def _of_late(self, key: str, most: int, whose: str, now: float) -> list[float]:
        tried = [at for at in self._tried.get(key, ()) if now < at + WITHIN]
        if len(tried) >= most:
            left = exact(tried[-most] + WITHIN - now)
            within = f"within {exact(WITHIN)}{whose}"
            raise ChatError(f"{most} {self.what} {within}, the most; wait {left}")
        return tried

    def _sweep(self, now: float) -> None:
        """Forget who has not tried of late."""
        if len(self._tried) >= self._sweep_at:
            self._tried = {
                source: tried for source, tried in self._tried.items() if now < tried[-1] + WITHIN
            }
            self._sweep_at = max(1024, 2 * len(self._tried))


def _bounds(source: Source | str) -> tuple[tuple[str, int, str], ...]:
    """What a source's tries are counted by, how many there may be of each, and whence."""
    if isinstance(source, str):
        return ((source, TRIES, ""),)
    if source.network is not None:
        return ((source.network, TRIES, ""),)
    return ((source.peer, TRIES, ""), (HERE, TRIES_HERE, f" from {HERE}"))


@attrs.frozen
class DoorLimits:
    """How many connections there may be."""

    most: int = setting(10_000, "less if the limit of open files is lower", restart=True)
    per_address: int = setting(16, "at one time; loopback and unix sockets are exempt")
    new_per_address: int = setting(32, "within new_within; loopback and unix sockets are exempt")
    new_within: float = setting(600.0, "seconds")


@attrs.define(eq=False)
class _Caller:
    """What one address has open, and how often it has come since its window began."""

    window_began: float
    came: int = attrs.field(default=0, init=False)
    open: int = attrs.field(default=0, init=False)


@attrs.define(eq=False)
class Door:
    """Counts the connections, in all and by address, and refuses those beyond the limits."""

    limits: DoorLimits
    counters: Counters
    # What people from an address, as `network_of` has it, are told if they are banned.
    banned: Callable[[str], str | None] = lambda _: None
    open: int = attrs.field(default=0, init=False)
    _callers: dict[str, _Caller] = attrs.field(factory=dict, init=False)
    _sweep_at: int = attrs.field(default=1024, init=False)  # so many callers

    def enter(self, host: str | None, now: float) -> str | None:
        """Let a connection in, for which `leave` must be called; or return why not."""
        if (ban := self._ban(host)) is not None:
            return ban
        caller = self._caller(host, now)
        refusal = self._refusal(caller)
        if refusal is not None:
            return self._refused(*refusal)
        self.open += 1
        self.counters.connections += 1
        if caller is not None:
            caller.open += 1
            caller.came += 1
        return None

    def leave(self, host: str | None, now: float) -> None:
        """Note that a connection that was let in has ended."""
        self.open -= 1
        if (caller := self._caller(host, now)) is not None:
            caller.open -= 1

    def move(self, before: str | None, host: str | None, now: float) -> str | None:
        """Count a connection that was let in by another address than `before`, or return why not.

        It is still in then, and counts as before.
        """
        if (ban := self._ban(host)) is not None:
            return ban
        caller = self._caller(host, now)
        refusal = self._refusal_of(caller)
        if refusal is not None:
            return self._refused(*refusal)
        if caller is not None:
            caller.open += 1
            caller.came += 1
        if (earlier := self._caller(before, now)) is not None:
            earlier.open -= 1
        return None

    def _ban(self, host: str | None) -> str | None:
        if (key := network_of(host)) is not None and (ban := self.banned(key)) is not None:
            self.counters.refused["banned"] += 1  # the text has what a person wrote
            return ban
        return None

    def _refused(self, label: str, reason: str) -> str:
        # The label is one of metrics: it has none of the configured numbers, which change.
        self.counters.count_refused(label)
        return f"{reason}; try again later"

    def _refusal(self, caller: _Caller | None) -> tuple[str, str] | None:
        if self.open >= self.limits.most:
            return "full", "the server is full"
        return self._refusal_of(caller)

    def _refusal_of(self, caller: _Caller | None) -> tuple[str, str] | None:
        if caller is None:
            return None
        if caller.open >= self.limits.per_address:
            most = plural(self.limits.per_address, "connection")
            are = "is" if self.limits.per_address == 1 else "are"
            return "per_address", f"there {are} {most} from your address, the most"
        if caller.came >= self.limits.new_per_address:
            minutes = self.limits.new_within / 60
            return (
                "new_per_address",
                f"too many new connections from your address within {minutes:g} minutes",
            )
        return None

    def _caller(self, host: str | None, now: float) -> _Caller | None:
        """The caller to count by; None for whoever is not limited."""
        key = network_of(host)
        if key is None:
            return None
        caller = self._callers.get(key)
        if caller is None:
            self._sweep(now)
            caller = self._callers[key] = _Caller(now)
        elif now - caller.window_began >= self.limits.new_within:
            caller.window_began = now
            caller.came = 0
        return caller

    def _sweep(self, now: float) -> None:
        """Forget callers who have nothing open and a window that has ended."""
        if len(self._callers) >= self._sweep_at:
            self._callers = {
                key: caller
                for key, caller in self._callers.items()
                if caller.open or now - caller.window_began < self.limits.new_within
            }
            self._sweep_at = max(1024, 2 * len(self._callers))


@functools.lru_cache(maxsize=1024)
def network_of(host: str | None) -> str | None:
    """What tells one subscriber from others: the address, or of an IPv6 one the /64 (RFC 6177).

    None of whoever comes from this machine, by loopback or a unix socket.
    """
    if host is None or is_loopback(host):
        return None
    address = _address(host)
    if address.version == 4:
        return str(address)
    return str(ip_network((address, 64), strict=False))


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone; raises ValueError if it is none."""
    return _address(host).is_loopback


def _address(host: str) -> IPv4Address | IPv6Address:
    address = ip_address(host.partition("%")[0])
    if address.version == 6 and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
