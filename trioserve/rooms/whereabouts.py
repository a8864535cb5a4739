"""Where somebody is, or was when they left; and when they were not there. Plain data."""

from typing import Final

import attrs

from trioserve.names import fold

MAX_ABSENCES: Final = 20  # that are remembered of one person: the last

# When somebody was not there: behind the message of one id, up to that of another; None: still.
Span = tuple[int, int | None]


@attrs.frozen
class Whereabouts:
    """Where somebody is, or was when they left."""

    rooms: tuple[str, ...] = ()  # names, in the order in which they were joined
    current: str = ""  # one of them
    # The id of the last message when they left; None: they have not, as far as is known.
    left: int | None = None
    absences: tuple[Span, ...] = ()  # when they were away or gone, in this order
    # The room through which they come back, if they were not in it: left again in another one.
    leaves: str = ""

    def without(self, room: str) -> "Whereabouts":
        """The same, but for a room."""
        rooms = tuple(each for each in self.rooms if fold(each) != fold(room))
        return attrs.evolve(self, rooms=rooms)


def begun(absences: tuple[Span, ...], at: int) -> tuple[Span, ...]:
    """Absences, of which one lasts from a message on, unless one does already."""
    if absences and absences[-1][1] is None:
        return absences
    return (*absences[1 - MAX_ABSENCES :], (at, None))


def ended(absences: tuple[Span, ...], at: int) -> tuple[Span, ...]:
    """Absences, of which none lasts any longer than up to a message."""
    if not absences or absences[-1][1] is not None:
        return absences
    begin = absences[-1][0]
    return (*absences[:-1], (begin, at)) if at > begin else absences[:-1]
