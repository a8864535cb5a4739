"""What a room keeps to stay in order: bans, mutes, a slow pace, invitations.

Plain data without clocks or I/O. A time is in seconds since 1970 and comes with the
call; an end is compared when somebody looks, so that nothing has to happen for it.
"""

import math
from collections.abc import Iterator
from typing import Final

import attrs

from trioserve.errors import ChatError
from trioserve.names import fold

MAX_SANCTIONS: Final = 100  # bans of one room, and as many mutes
MAX_BANNED: Final = 1000  # addresses that are banned from the server
MAX_REASON: Final = 200  # characters
MAX_SECLUDED: Final = 50  # times that a room was private, which are told apart
MAX_INVITED: Final = 100  # people who are invited to one room at a time
MAX_MARKS: Final = 3000  # of people who have left a slow room of late: three or so of each
INVITATION: Final = 3600.0  # seconds until an invitation lapses


@attrs.frozen
class Source:
    """Where somebody comes from: what their tries of secrets are counted by, see `Tries`."""

    network: str | None  # the address, of IPv6 the /64; None: this machine
    peer: str  # the other end of the connection, which no other has at the time


@attrs.frozen
class Identity:
    """By what somebody is known again: a nick, an address, a number that no other has.

    An address of None tells nobody from others, and the number 0 is nobody's.
    """

    nick: str
    address: str | None = None
    number: int = 0

    @property
    def marks(self) -> list[str | int]:
        """Each of these by itself, where it tells somebody from others: no two are alike."""
        return [each for each in (fold(self.nick), self.address, self.number) if each]


@attrs.frozen
class Sanction:
    """A ban or a mute: whom it holds, who imposed it, why, and until when."""

    whom: Identity
    by: str
    reason: str = ""
    until: float = math.inf
    is_known: bool = attrs.field(default=False, eq=False)  # to whom it holds: they were there

    def holds(self, other: Identity) -> bool:
        """Whether it is theirs: by the nick, by the address, or under another nick meanwhile."""
        whom = self.whom
        return (
            fold(whom.nick) == fold(other.nick)
            or (whom.address is not None and whom.address == other.address)
            or (whom.number != 0 and whom.number == other.number)
        )


@attrs.frozen
class Guest:
    """Somebody who may enter a private room, and what they may see there of what was private.

    Known again by the account they own; who has none, by nick and address, on this machine by
    the nick alone, and is shown nothing that was private before.
    """

    whom: Identity
    account: str = ""  # folded; empty: none
    until: float = math.inf
    since: int | None = None  # the id above which; None: from when they come

    def is_same(self, other: Identity, account: str) -> bool:
        """Whether it is they who come."""
        if self.account or account:
            return self.account == fold(account)
        whom = self.whom
        return fold(whom.nick) == fold(other.nick) and whom.address == other.address


@attrs.define(eq=False)
class Sanctions:
    """Sanctions of one kind, by nick; at most `most`."""

    noun: str  # "bans"
    most: int = MAX_SANCTIONS
    _by_nick: dict[str, Sanction] = attrs.field(factory=dict, init=False)  # by folded nick

    def add(self, sanction: Sanction, now: float) -> None:
        """Impose one, in place of what its nick had, or its holder under any other.

        Raises:
            ChatError: if there are too many.
        """
        self._forget_ended(now)
        whom = sanction.whom
        replaced = {fold(whom.nick), self._key_of(whom)} & self._by_nick.keys()
        if len(self._by_nick) - len(replaced) >= self.most:
            raise ChatError(f"there are {self.most} {self.noun}, the most; lift one first")
        for key in replaced:
            del self._by_nick[key]
        self._by_nick[fold(whom.nick)] = sanction

    def restore(self, sanction: Sanction) -> None:
        """Impose one that held when the server ended."""
        self._by_nick[fold(sanction.whom.nick)] = sanction

    def lift(self, whom: Identity, now: float) -> Sanction:
        """End one, by the nick it was imposed on or by the one its holder has now.

        Raises:
            ChatError: if there is none.
        """
        self._forget_ended(now)
        key = fold(whom.nick)
        if key not in self._by_nick:
            key = self._key_of(whom)
        if (sanction := self._by_nick.pop(key, None)) is None:
            raise ChatError(f"{whom.nick} is not among the {self.noun}; /bans lists them")
        return sanction

    def _key_of(self, whom: Identity) -> str:
        """The folded nick of the sanction that somebody has, by their number; or their own."""
        same = (key for key, each in self._by_nick.items() if each.whom.number == whom.number)
        return next(same, fold(whom.nick)) if whom.number else fold(whom.nick)

    def holding(self, whom: Identity, now: float) -> Sanction | None:
        """The one that holds somebody longest, if any does."""
        held = (each for each in self.current(now) if each.holds(whom))
        return max(held, key=lambda each: each.until, default=None)

    def of(self, nick: str, now: float) -> Sanction | None:
        """The one that was imposed on a nick, if it is in force."""
        sanction = self._by_nick.get(fold(nick))
        return sanction if sanction is not None and now < sanction.until else None

    def current(self, now: float) -> Iterator[Sanction]:
        """Those in force, the oldest first."""
        return (each for each in self._by_nick.values() if now < each.until)

    def _forget_ended(self, now: float) -> None:
        for key in [key for key, each in self._by_nick.items() if now >= each.until]:
            del self._by_nick[key]

    def __len__(self) -> int:
        """How many there are, with those that have ended of late."""
        return len(self._by_nick)


@attrs.define(eq=False)
class Rules:
    """What holds in one room. People are keyed by their number, which follows a rename."""

    bans: Sanctions = attrs.field(factory=lambda: Sanctions("bans"), init=False)
    mutes: Sanctions = attrs.field(factory=lambda: Sanctions("mutes"), init=False)
    # Of those who are in the room: what of `mutes` holds them longest, as was looked up when
    # they came, and when that changed.
    muted: dict[int, Sanction] = attrs.field(factory=dict, init=False)
    pause: float = attrs.field(default=0.0, init=False)  # seconds between lines of one person
    private: bool = attrs.field(default=False, init=False)  # by invitation only
    invited: dict[int, float] = attrs.field(factory=dict, init=False)  # until when
    # The ids between which it was private, in pairs, the oldest first; the last may go on.
    secluded: list[tuple[int, float]] = attrs.field(factory=list, init=False)
    # Who has come since it first was: the id above which what was private is theirs to see.
    since: dict[int, int] = attrs.field(factory=dict, init=False)
    # When last: of those who are in the room, and of those who have left, by all that they are
    # known again by, or to come again would be a way round.
    _spoke: dict[int, float] = attrs.field(factory=dict, init=False)
    _spoke_and_left: dict[str | int, float] = attrs.field(factory=dict, init=False)
    # Who could have come in when the server ended, and has not yet.
    awaited: list[Guest] = attrs.field(factory=list, init=False)

    @property
    def is_void(self) -> bool:
        """Whether nothing holds that is worth to be kept."""
        return not (len(self.bans) or len(self.mutes) or self.pause or self.secluded)

    def seclude(self, private: bool, last_id: int) -> None:
        """Let people in by invitation only, or all of them, from behind a message on."""
        if private and not self.private:
            self.secluded.append((last_id, math.inf))
        elif self.private and not private:
            self.secluded[-1] = (self.secluded[-1][0], last_id)
        if len(self.secluded) > MAX_SECLUDED:  # what was open between two is hidden as well
            self.secluded[:2] = [(self.secluded[0][0], self.secluded[1][1])]
        self.private = private

    def receive(self, number: int, last_id: int) -> None:
        """Note that somebody comes in behind a message."""
        if self.secluded:
            self.since[number] = last_id

    def receive_back(self, whom: Identity, account: str) -> None:
        """Let one who comes in see again what they could see when the server ended."""
        for guest in [each for each in self.awaited if each.is_same(whom, account)]:
            self.awaited.remove(guest)
            if guest.since is not None:
                self.since[whom.number] = guest.since

    def shows(self, number: int, message_id: int) -> bool:
        """Whether somebody who is in the room may see a message: they were, or it was open."""
        return message_id > self.since.get(number, 0) or not any(
            begin < message_id <= end for begin, end in self.secluded
        )

    def mute_of(self, number: int, now: float) -> Sanction | None:
        """The mute that holds somebody who is in the room longest."""
        if (mute := self.muted.get(number)) is not None and now >= mute.until:
            del self.muted[number]
            return None
        return mute

    def look_up_mute(self, whom: Identity, now: float) -> Sanction | None:
        """The same, looked up anew: somebody has come, or the mutes are others."""
        if (mute := self.mutes.holding(whom, now)) is not None:
            self.muted[whom.number] = mute
        else:
            self.muted.pop(whom.number, None)
        return mute

    def forget_ended(self, now: float) -> None:
        """Let all talk again whose mutes have ended, also if they have not tried to."""
        for number in [number for number, mute in self.muted.items() if now >= mute.until]:
            del self.muted[number]

    def set_pause(self, seconds: float) -> None:
        """Let each person say one line in so many seconds; 0: as many as they like."""
        self.pause = seconds
        self._spoke.clear()
        self._spoke_and_left.clear()

    def wait(self, number: int, now: float) -> float:
        """Seconds until somebody may speak; 0 if now, which then counts as having done so."""
        if (left := self._spoke.get(number, -math.inf) + self.pause - now) > 0:
            return left
        self._spoke[number] = now
        return 0.0

    def recognise(self, whom: Identity) -> None:
        """Have somebody who comes wait as they would have to, had they not left before.

        Those who are there are others: people of one household do not wait for one another.
        """
        spoke = [self._spoke_and_left[each] for each in whom.marks if each in self._spoke_and_left]
        if spoke:
            self._spoke[whom.number] = max(spoke)

    def part_with(self, whom: Identity) -> None:
        """Note that somebody leaves."""
        self.muted.pop(whom.number, None)
        self.since.pop(whom.number, None)
        if (spoke := self._spoke.pop(whom.number, None)) is not None:
            for mark in whom.marks:
                self._spoke_and_left.pop(mark, None)
                self._spoke_and_left[mark] = spoke
            while len(self._spoke_and_left) > MAX_MARKS:
                del self._spoke_and_left[next(iter(self._spoke_and_left))]

    def invite(self, number: int, now: float) -> None:
        """Let somebody in once, within INVITATION; raises ChatError if too many are invited."""
        self.invited = {each: end for each, end in self.invited.items() if now < end}
        if len(self.invited) >= MAX_INVITED:
            raise ChatError(f"{MAX_INVITED} people are invited, the most; wait until one has come")
        self.invited[number] = now + INVITATION

    def is_invited(self, number: int, now: float) -> bool:
        return now < self.invited.get(number, -math.inf)

    def lets_in(self, whom: Identity, account: str, now: float) -> bool:
        """Whether somebody may enter while the room is private."""
        return self.is_invited(whom.number, now) or any(
            now < each.until and each.is_same(whom, account) for each in self.awaited
        )

    def disown(self, account: str) -> bool:
        """Await nobody any longer by an account, folded: it may be another's next.

        Return whether anybody was.
        """
        before = len(self.awaited)
        self.awaited = [each for each in self.awaited if each.account != account]
        return len(self.awaited) < before

    def desert(self, last_id: int) -> None:
        """Keep the bans and the mutes only: everybody has left."""
        self.muted.clear()
        self.set_pause(0.0)
        self.seclude(False, last_id)
        self.since.clear()
        self.invited.clear()
        self.awaited.clear()
