"""What happened, by the broker's own order, and what each person must have been shown of it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import attrs

from trioserve.events import Events, Missed
from trioserve.messages import Acted, Announced, Departed, Event, Joined, Left, Renamed, Said
from trioserve.names import fold
from trioserve.rulings import Deed, Moderated

# What people say begins with a word that nothing else is like: who says it, and the how many-th.
TOKEN = re.compile(r"\bq\d+x\d+\b")
THROWN_OUT = (Deed.KICKED, Deed.BANNED)  # of their room


class Wrong(AssertionError):
    """The server has broken a promise."""


@attrs.frozen
class Line:
    """A message that somebody must be shown in a room, unless they are told of its loss."""

    id: int
    token: str


@attrs.define(eq=False)
class Chronicle:
    """All events in their order, kept by a task that listens as a bot may."""

    events: list[Event] = attrs.field(factory=list, init=False)

    async def keep(self, events: Events) -> None:
        """Write down what happens until cancelled."""
        async for event in events:
            if isinstance(event, Missed):
                raise Wrong(f"the chronicle lacks {event.count} events")
            self.events.append(event)

    def shown_to(self, nicks: Iterable[str], *, own: bool) -> dict[str, list[Line]]:
        """What somebody who had these names, one after the other, must see, by folded room.

        `own`: what they say themselves, too, as a program is shown.
        """
        names = {fold(nick) for nick in nicks}
        rooms: dict[str, list[Line]] = {}
        present: set[str] = set()
        for event in self.events:
            match event:
                case Joined(room, nick) if fold(nick) in names:
                    present.add(fold(room))
                case Left(room, nick) if fold(nick) in names:
                    present.discard(fold(room))
                case Departed(nick) if fold(nick) in names:
                    present.clear()
                case Said() | Acted() | Announced() if fold(event.room) in present:
                    is_own = isinstance(event, Said) and fold(event.nick) in names
                    if (own or not is_own) and (found := TOKEN.search(event.text)):
                        rooms.setdefault(fold(event.room), []).append(Line(event.id, found[0]))
                case Moderated(deed=deed) if deed in THROWN_OUT and fold(event.nick) in names:
                    present.discard(fold(event.room))
        return rooms

    def rooms_of_tokens(self) -> dict[str, str]:
        """In which room, folded, each was said."""
        return {
            found[0]: fold(event.room)
            for event in self.events
            if isinstance(event, Said | Acted | Announced) and (found := TOKEN.search(event.text))
        }

    def check_order(self) -> None:
        """Raises Wrong unless ids rise, no two messages are one, and nobody is two people."""
        last = 0
        tokens: Counter[str] = Counter()
        for event in self.events:
            if isinstance(event, Said | Acted | Announced):
                if event.id <= last:
                    raise Wrong(f"{event} comes behind id {last}")
                last = event.id
                if found := TOKEN.search(event.text):
                    tokens[found[0]] += 1
        if doubled := [token for token, times in tokens.items() if times > 1]:
            raise Wrong(f"said twice: {doubled}")

    def names_of(self, first: str) -> list[str]:
        """All the names that somebody had who came in under this one."""
        names = [first]
        for event in self.events:
            if isinstance(event, Renamed) and fold(event.old) == fold(names[-1]):
                names.append(event.new)
        return names


# ------------------------------------------------------------ what is on a screen


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


_SKIPPED = re.compile(r"^-- (\d+) messages? skipped in (#\S+); /missed")
_AGAIN = re.compile(r"^-- (last \d+ messages?|\d+ messages? missed)\b.*--$")
_NOW = re.compile(r"^-- now --$")


def read_screen(text: str) -> Iterator[Shown | Loss]:
    """What somebody at a terminal in line mode has been shown, in order."""
    again = False
    for line in text.split("\r\n"):
        line = line.rpartition("\r")[2]
        while (prompt := re.match(r"Your name[^?]*\? ", line)) is not None:
            line = line[prompt.end() :]
        if found := _SKIPPED.match(line):
            yield Loss(fold(found[2]), int(found[1]))
        elif _AGAIN.match(line):
            again = True
        elif _NOW.match(line):
            again = False
        elif not line.startswith(("-- ", "* ")) or "saying:" not in line:
            for token in TOKEN.findall(line):
                yield Shown(token, again)


def check_screen(
    who: str,
    screen: Iterable[Shown | Loss],
    expected: dict[str, list[Line]],
    rooms: dict[str, str],
    *,
    to_the_end: bool,
) -> int:
    """Compare what was shown with what happened; return how many messages were skipped.

    In each room: all that was to be seen, once, in its order, but for what was told as skipped,
    exactly. `to_the_end`: they read on, so that nothing may be missing behind the last either.

    Raises:
        Wrong: where that does not hold.
    """
    places = {
        room: {line.token: at for at, line in enumerate(lines)} for room, lines in expected.items()
    }
    reached: Counter[str] = Counter()  # how many of a room have been shown, or passed over
    owed: Counter[str] = Counter()  # passed over, not told of
    told: Counter[str] = Counter()  # told of, not passed over yet
    skipped = 0
    for each in screen:
        if isinstance(each, Loss):
            told[each.room] += each.count
            skipped += each.count
            continue
        room = rooms.get(each.token)
        if room is None:
            if not each.again:
                raise Wrong(f"{who} sees {each.token}, which nobody has said in a room")
            continue
        at = places.get(room, {}).get(each.token)
        if each.again and (at is None or at < reached[room]):
            continue
        if at is None:
            raise Wrong(f"{who} sees {each.token} of {room}, where they were not then")
        if at < reached[room]:
            raise Wrong(f"{who} sees {each.token} of {room} twice, or out of its order")
        owed[room] += at - reached[room]
        reached[room] = at + 1
        if owed[room] != told[room]:
            raise Wrong(
                f"{who} was told of {told[room]} messages skipped in {room} before {each.token}, "
                f"and {owed[room]} are missing"
            )
        owed[room] = told[room] = 0
    if to_the_end:
        for room, lines in expected.items():
            missing = len(lines) - reached[room] + owed[room]
            if missing != told[room]:
                raise Wrong(
                    f"{who} lacks {missing} messages at the end of {room}, told of {told[room]}: "
                    f"{[line.token for line in lines[reached[room] :]][:5]}"
                )
    return skipped
