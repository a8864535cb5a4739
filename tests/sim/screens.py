"""What is on people's screens, line by line or as JSON, held against what they had to be shown."""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import attrs

from tests.sim.chronicle import TOKEN, WHISPER, Line, Wrong
from trioserve.names import fold

# What is said instead of a line: each of these stands for one that was not said.
REFUSALS: Final = (
    "you are in no room",
    "you are muted in",
    "not said: ",
    "that failed on the server",
    "your line is cancelled",
    "/me is cancelled",
)
MESSAGES: Final = ("said", "acted", "announced")  # as programs read them


@attrs.frozen
class Shown:
    """A message on a screen; `again`: below a line that says that it is shown once more."""

    token: str
    again: bool


@attrs.frozen
class Loss:
    """That so many messages of a room were skipped."""

    room: str
    count: int


@attrs.frozen
class Replayed:
    """That so many skipped messages of a room follow, up to a `Loss` of 0 there."""

    room: str
    count: int


_SKIPPED: Final = re.compile(r"^-- (\d+) messages? skipped in (#\S+); /missed")
_AGAIN: Final = re.compile(r"^last \d+ messages?\b")
_MISSED: Final = re.compile(r"^(\d+) messages? missed in (#\S+)$")
_FORGOTTEN: Final = re.compile(r"^(\d+) messages? no longer kept$")
_UNSENT: Final = re.compile(r"(\d+) lines? not sent")
_PROMPT: Final = re.compile(r"Your name[^?]*\? ")

Sight = Shown | Loss | Replayed


@attrs.define(eq=False)
class Screen:
    """Reads what somebody has been shown, in order: text first, and JSON once they want that."""

    text: str
    whispers: list[str] = attrs.field(factory=list, init=False)  # private messages, in order
    refusals: int = attrs.field(default=0, init=False)  # lines that they are told were not said
    _again: bool = attrs.field(default=False, init=False)

    def read(self) -> list[Sight]:
        # What stands behind the last end of a line was cut off there: half a token is another.
        lines = self.text.split("\n")[:-1]
        return [sight for line in lines for sight in self._read_line(line)]

    def _read_line(self, line: str) -> Iterator[Sight]:
        line = line.rstrip("\r").rpartition("\r")[2]
        while (prompt := _PROMPT.match(line)) is not None:
            line = line[prompt.end() :]
        if line.startswith('{"kind":'):
            yield from self._read_object(json.loads(line))
        elif found := _SKIPPED.match(line):
            yield Loss(fold(found[2]), int(found[1]))
        elif line.startswith("-- ") and line.endswith(" --"):
            yield from self._divided(line[3:-3])
        elif line.startswith("-- "):
            self._noticed(line[3:])
        else:
            if " -> " in line:  # else it was said aloud, behind a key that made it no command
                self.whispers += WHISPER.findall(line)
            for token in TOKEN.findall(line):
                yield Shown(token, self._again)

    def _read_object(self, shown: dict[str, Any]) -> Iterator[Sight]:
        match shown["kind"]:
            case "skipped":
                yield Loss(fold(shown["room"]), shown["count"])
            case "divided":
                yield from self._divided(shown["text"])
            case "notice":
                for line in shown["text"].split("\n"):
                    self._noticed(line)
            case "told":
                self.whispers += WHISPER.findall(shown["text"])
            case "entered":
                for message in shown["messages"]:
                    yield from (Shown(token, True) for token in TOKEN.findall(message["text"]))
            case kind if kind in MESSAGES:
                yield from (Shown(token, self._again) for token in TOKEN.findall(shown["text"]))

    def _divided(self, text: str) -> Iterator[Replayed]:
        if _AGAIN.match(text):
            self._again = True
        elif found := _MISSED.match(text):
            self._again = True
            yield Replayed(fold(found[2]), int(found[1]))
        elif found := _FORGOTTEN.match(text):
            yield Replayed("", int(found[1]))
        elif text == "now":
            self._again = False
            yield Replayed("", 0)

    def _noticed(self, text: str) -> None:
        if found := _UNSENT.search(text):
            self.refusals += int(found[1])
        for refusal in REFUSALS:
            if refusal in text:
                self.refusals += 1
                return


@attrs.define(eq=False)
class _Reading:
    """How far somebody has been shown one room."""

    lines: list[Line]
    reached: int = 0  # how many have been shown, or passed over
    owed: list[str] = attrs.field(factory=list)  # passed over, not told of
    told: int = 0  # told of, not passed over yet
    skipped: list[str] = attrs.field(factory=list)  # told of, and not shown by /missed
    # Shown where earlier ones are shown again: it may be by itself, or before its loss is told of.
    maybe: set[str] = attrs.field(factory=set)
    places: dict[str, int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.places = {line.token: at for at, line in enumerate(self.lines)}

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


def check_screen(
    who: str,
    sights: Iterable[Sight],
    expected: dict[str, list[Line]],
    rooms: dict[str, str],
    *,
    forgetful: Collection[str],
    to_the_end: bool,
) -> int:
    """Compare what was shown with what happened; return how many messages were skipped.

    In each room: all that was to be seen, once, in its order, but for what was told as skipped,
    exactly. `to_the_end`: they read on, so that nothing may be missing behind the last either.
    `forgetful` rooms may have forgotten what was skipped.

    Raises:
        Wrong: where that does not hold.
    """
    readings = {room: _Reading(lines) for room, lines in expected.items()}
    replayed: _Replay | None = None
    skipped = 0
    for sight in sights:
        match sight:
            case Loss(room, count):
                readings.setdefault(room, _Reading([])).told += count
                skipped += count
            case Replayed(room, count) if room:
                replayed = _Replay(who, room, count)
            case Replayed(_, count):
                if replayed is not None and replayed.goes_on(count, forgetful):
                    replayed = None
            case Shown(token, again):
                if (place := rooms.get(token)) is None:
                    raise Wrong(f"{who} sees {token}, which nobody has said in a room")
                reading = readings.get(place, _Reading([]))
                if again:
                    _sees_again(token, place, reading, replayed)
                else:
                    _sees(who, token, place, reading)
    if to_the_end:
        for room, reading in readings.items():
            reading.owed += [line.token for line in reading.lines[reading.reached :]]
            reading.settle(who, room, "at the end")
    return skipped


def _sees(who: str, token: str, room: str, reading: _Reading) -> None:
    at = reading.places.get(token)
    if at is None:
        raise Wrong(f"{who} sees {token} of {room}, where they were not then")
    if at < reading.reached:
        raise Wrong(f"{who} sees {token} of {room} twice, or out of its order")
    reading.owed += [line.token for line in reading.lines[reading.reached : at]]
    reading.reached = at + 1
    reading.settle(who, room, f"before {token}")


def _sees_again(token: str, room: str, reading: _Reading, replayed: "_Replay | None") -> None:
    if reading.places.get(token, -1) >= reading.reached:
        reading.maybe.add(token)
        if replayed is not None:
            replayed.is_sure = False
    elif replayed is not None and room == replayed.room:
        replayed.shows(token, reading)


@attrs.define(eq=False)
class _Replay:
    """What /missed shows of one room: what was skipped, exactly, as far as that is kept."""

    who: str
    room: str
    count: int
    shown: int = attrs.field(default=0, init=False)
    is_sure: bool = attrs.field(default=True, init=False)  # which messages are of it

    def shows(self, token: str, reading: _Reading) -> None:
        if token in reading.skipped:
            reading.skipped.remove(token)
        elif token not in reading.maybe:
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
