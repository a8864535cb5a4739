"""What people were shown, held against what they had to be shown: across connections."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import attrs

from tests.sim.chronicle import Wrong
from tests.sim.expected import Before, Expected, Line
from tests.sim.screens import Loss, Part, Replayed, Shown, Sight, Stopped, Whispered, Words

# So many lines may be all that is shown again on coming back: the longest have 450 bytes.
FULL = 32 * 1024 // 450


@attrs.define(eq=False)
class Reading:
    """How far somebody has been shown one room."""

    lines: list[Line]
    reached: int = 0  # how many have been shown, or passed over
    owed: list[str] = attrs.field(factory=list)  # passed over, not told of
    told: int = 0  # told of, not passed over yet
    skipped: list[str] = attrs.field(factory=list)  # told of, and not shown by /missed
    seen: set[str] = attrs.field(factory=set)  # as they happened, or on coming back
    again: set[str] = attrs.field(factory=set)  # shown at one's word
    # Shown where earlier ones are shown again: it may be by itself, or before its loss is told of.
    maybe: set[str] = attrs.field(factory=set)
    is_sure: bool = True  # which were skipped
    places: dict[str, int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.places = {line.token: at for at, line in enumerate(self.lines) if line.token}
        self.maybe.add("")  # nobody can tell which that is
        self.again.add("")

    def pass_over(self, end: int) -> None:
        """Note that what follows up to there has not been shown."""
        self.owed += [line.token for line in self.lines[self.reached : end]]

    def settle(self, who: str, room: str, where: str) -> None:
        """Raises Wrong unless what was passed over is what was told of."""
        sure = [token for token in self.owed if token not in self.maybe]
        if not len(sure) <= self.told <= len(self.owed):
            raise Wrong(
                f"{who} was told of {self.told} messages skipped in {room} {where}, "
                f"and {len(self.owed)} are missing: {self.owed[:5]}"
            )
        self.skipped += sure
        self.owed, self.told = [], 0


@attrs.define(eq=False)
class Reader:
    """One member's screens, one after the other, against what was to be seen there.

    In each room: all that was to be seen, once, in its order, but for what was told as skipped,
    exactly; at another connection once more at most, below the line that says so. `forgetful`
    rooms may have forgotten what was skipped, or what was said while nobody read.
    """

    name: str
    expected: Expected
    tokens: Mapping[str, tuple[str, int]]  # in which room each was said, and by whom
    forgetful: Collection[str]
    skipped: int = attrs.field(default=0, init=False)  # messages, as told
    _rooms: dict[str, Reading] = attrs.field(init=False)
    _replayed: "Replay | None" = attrs.field(default=None, init=False)
    _heard: set[str] = attrs.field(factory=set, init=False)  # in private
    _hearing: int = attrs.field(default=0, init=False)  # how many of that have been shown

    def __attrs_post_init__(self) -> None:
        self._rooms = {room: Reading(lines) for room, lines in self.expected.rooms.items()}

    def reads(self, sights: Sequence[Sight], before: Before) -> None:
        """Take what was shown at one connection; raises Wrong where that breaks a promise."""
        if not before.seat.is_new:
            sights = self._comes_back(sights, before)
        for sight in sights:
            match sight:
                case Loss(room, count):
                    self._room(room).told += count
                    self.skipped += count
                case Replayed(room, count) if room:
                    is_sure = self._room(room).is_sure and not self.expected.ignores
                    self._replayed = Replay(self.name, room, count, is_sure)
                case Replayed(_, count):
                    if self._replayed is not None and self._replayed.goes_on(count, self.forgetful):
                        self._replayed = None
                case Stopped():
                    self._has_enough()
                case Shown(token, Part.AGAIN):
                    self._sees_again(token)
                case Shown(token):
                    self._sees(token)
                case Whispered(token) if token in self.expected.told:
                    self._hears(token)
                case _:
                    pass

    def ends(self) -> None:
        """They have read to the end: nothing may be missing behind the last either."""
        for room, reading in self._rooms.items():
            reading.pass_over(len(reading.lines))
            reading.settle(self.name, room, "at the end")
        if missing := self.expected.whispers[self._hearing :]:
            raise Wrong(f"{self.name} was told {missing[:5]} in private, and does not see it")

    # ---------------------------------------------------------- as it happens

    def _sees(self, token: str) -> None:
        room = self._place(token)
        reading = self._room(room)
        at = reading.places.get(token)
        if at is None:
            raise Wrong(f"{self.name} sees {token} of {room}, where they were not then")
        if at < reading.reached:
            raise Wrong(f"{self.name} sees {token} of {room} twice, or out of its order")
        reading.pass_over(at)
        reading.reached = at + 1
        reading.seen.add(token)
        reading.settle(self.name, room, f"before {token}")

    def _sees_again(self, token: str) -> None:
        room = self._place(token)
        reading = self._room(room)
        reading.again.add(token)
        if reading.places.get(token, -1) >= reading.reached:
            reading.maybe.add(token)
            if self._replayed is not None:
                self._replayed.is_sure = False
        elif self._replayed is not None and room == self._replayed.room:
            self._replayed.shows(token, reading)

    def _has_enough(self) -> None:
        """They want no more of what is shown again: nobody knows which that would have been."""
        self._replayed = None
        for reading in self._rooms.values():
            reading.again |= set(reading.skipped)
            reading.skipped, reading.is_sure = [], False

    def _hears(self, token: str) -> None:
        if self.expected.whispers[self._hearing : self._hearing + 1] != [token]:
            raise Wrong(f"{self.name} sees {token} in private, and not what was told before")
        self._heard.add(token)
        self._hearing += 1

    # -------------------------------------------------- at another connection

    def _comes_back(self, sights: Sequence[Sight], before: Before) -> Sequence[Sight]:
        """Take what is shown first; return what is shown behind that."""
        end = next((at for at, each in enumerate(sights) if isinstance(each, Words)), len(sights))
        told: Counter[str] = Counter()
        last: dict[str, int] = {}  # place of what was shown, by room
        for sight in sights[:end]:
            match sight:
                case Loss(room, count):
                    told[room] += count
                case Shown(token, part):
                    self._sees_late(token, part, before, last)
                case Whispered(token, part) if token in self.expected.told:
                    self._hears_late(token, part, before, last)
                case _:
                    pass
        self._replayed = None
        if end < len(sights):  # else that connection broke, too
            again = sum(isinstance(sight, Shown | Whispered) for sight in sights[:end])
            self._settle_late(told, before, is_full=again >= FULL)
        return sights[end:]

    def _sees_late(self, token: str, part: Part, before: Before, last: dict[str, int]) -> None:
        room = self._place(token)
        reading = self._room(room)
        at = reading.places.get(token, math.inf)
        if at >= before.lines.get(room, 0):
            if self.tokens[token][1] != self.expected.number:
                raise Wrong(f"{self.name} is shown {token} of {room} late, where they were not")
            return  # which their own terminal has shown
        self._check_late(token, part, reading.seen, at < last.get(room, 0))
        reading.seen.add(token)
        last[room] = int(at)

    def _hears_late(self, token: str, part: Part, before: Before, last: dict[str, int]) -> None:
        told = self.expected.whispers[: before.whispers]
        if token not in told:
            raise Wrong(f"{self.name} is shown {token} in private, which is not theirs")
        at = told.index(token)
        self._check_late(token, part, self._heard, at < last.get("", 0))
        self._heard.add(token)
        last[""] = at

    def _check_late(self, token: str, part: Part, seen: Collection[str], is_behind: bool) -> None:
        if part not in (Part.UNSURE, Part.UNSENT):
            raise Wrong(f"{self.name} is shown {token} late, without a word")
        if part is Part.UNSENT and token in seen:
            raise Wrong(f"{self.name} is shown {token} as new, and has been before")
        if is_behind:
            raise Wrong(f"{self.name} is shown {token} late, and out of its order")

    def _settle_late(self, told: Mapping[str, int], before: Before, *, is_full: bool) -> None:
        """Raises Wrong unless all is shown by now, or its loss is told of, exactly.

        Where as much was shown again as may be, what has been seen may be told of as skipped.
        """
        is_sure = before.is_sure
        for room in {**self._rooms, **told}:
            reading, count = self._room(room), told.get(room, 0)
            reached = before.lines.get(room, 0)
            missing = [line for line in reading.lines[:reached] if line.token not in reading.seen]
            least = [
                line
                for line in missing
                if line.token not in reading.again and line.author not in before.seat.ignored
            ]
            reading.is_sure = is_sure and room not in self.forgetful
            most = reached if is_full else len(missing)
            if reading.is_sure and not len(least) <= count <= most:
                raise Wrong(
                    f"{self.name} was told on coming back of {count} messages skipped in {room}, "
                    f"and {len(missing)} are missing: {[line.token for line in missing[:5]]}"
                )
            if not reading.is_sure:
                reading.again |= {line.token for line in missing}  # some of it is lost for good
            reading.is_sure = reading.is_sure and len(least) == len(missing)
            reading.skipped = [line.token for line in missing]
            reading.owed, reading.told, reading.reached = [], 0, reached
        whispers = self.expected.whispers[: before.whispers]
        if is_sure and (unheard := [each for each in whispers if each not in self._heard]):
            raise Wrong(f"{self.name} came back, and does not see {unheard[:5]}, told in private")
        self._heard |= set(whispers)
        self._hearing = before.whispers

    # ------------------------------------------------------------------------

    def _room(self, room: str) -> Reading:
        return self._rooms.setdefault(room, Reading([]))

    def _place(self, token: str) -> str:
        if token not in self.tokens:
            raise Wrong(f"{self.name} sees {token}, which nobody has said in a room")
        return self.tokens[token][0]


@attrs.define(eq=False)
class Replay:
    """What /missed shows of one room: what was skipped, exactly, as far as that is kept."""

    who: str
    room: str
    count: int
    is_sure: bool  # which messages are of it
    shown: int = attrs.field(default=0, init=False)

    def shows(self, token: str, reading: Reading) -> None:
        if token in reading.skipped:
            reading.skipped.remove(token)
        elif self.is_sure and token not in reading.maybe:
            raise Wrong(f"{self.who} is shown {token} by /missed, which was not skipped")
        self.shown += 1

    def goes_on(self, gone: int, forgetful: Collection[str]) -> bool:
        """Count what is no longer kept; at the end, whether all is accounted for."""
        self.count -= gone
        if gone and self.room not in forgetful:
            raise Wrong(f"{self.who} is told that {self.room} has forgotten {gone} messages")
        if gone:
            return False
        if self.is_sure and self.shown != self.count:
            raise Wrong(
                f"{self.who} is shown {self.shown} messages of {self.room} by /missed, "
                f"and {self.count} were announced"
            )
        return True
