"""What is asked of the broker: frozen values, named by verbs, without sockets or clocks."""

import attrs

from trioserve.light import light
from trioserve.orders import Order
from trioserve.ownership import Own
from trioserve.rooms.outlet import Seat
from trioserve.rooms.room import RoomPast
from trioserve.wire.style import Look, Screen


@attrs.frozen
class Enter:
    """Take the member's nick and enter the first room: from here on they are one of the people."""

    room: str
    past: RoomPast | None = None  # see `Join`


@light
class Say:
    """Say a line in the current room. With `echo` the author is shown it too."""

    text: str
    echo: bool = False


@attrs.frozen
class Act:
    """Say in the current room what one does: ``** ann waves``."""

    text: str


@attrs.frozen
class Announce:
    """Let the server say a line in a room, or the current one: ``* ann rolled 6``."""

    text: str
    room: str = ""


@attrs.frozen
class Tell:
    """Say a line to one person alone."""

    nick: str
    text: str


@attrs.frozen
class Reply:
    """Say a line to whom the member has last exchanged a private one with."""

    text: str


@attrs.frozen
class Retract:
    """Let nobody who comes be shown what was said in a room under an account; both folded."""

    account: str
    room: str


@attrs.frozen
class Join:
    """Enter a room, which is made if there is none, and make it the current one.

    `past` is what it begins with if it is made; None: it was there when that was asked.
    """

    room: str
    past: RoomPast | None = None


@attrs.frozen
class Leave:
    """Leave a room, with a last word or without one."""

    room: str
    text: str = ""


@attrs.frozen
class Switch:
    """Make a room the current one."""

    room: str


@attrs.frozen
class Rename:
    """Take another nick."""

    nick: str


@attrs.frozen
class SetTopic:
    """Set the topic of a room; an empty text takes it away."""

    room: str
    topic: str


@attrs.frozen
class Ignore:
    """Show nothing more of what a nick says."""

    nick: str


@attrs.frozen
class Unignore:
    """Show again what a nick says."""

    nick: str


@attrs.frozen
class SetQuiet:
    """Show who joins and leaves, or do not."""

    quiet: bool


@attrs.frozen
class SetJson:
    """Show everything as JSON, or as text."""

    json: bool


@attrs.frozen
class SetLook:
    """Show everything as the member has chosen."""

    look: Look


@attrs.frozen
class SetScreen:
    """Show everything as the member's terminal can."""

    screen: Screen


@attrs.frozen
class GoAway:
    """Be away, for what `text` says or for nobody knows what, until one says something."""

    text: str = ""


@attrs.frozen
class ComeBack:
    """Be away no more."""


@attrs.frozen
class Depart:
    """Leave everything, for `reason` (the server's), or with a last word (the member's).

    With a `seat`, only if the member still speaks through that one.
    """

    reason: str = ""
    text: str = ""
    seat: Seat | None = None


@attrs.frozen
class Lose:
    """Be kept for a while, if one still speaks through this seat: its connection is broken."""

    seat: Seat


@attrs.frozen
class Resume:
    """Be the member whose words these are, and speak for them from now on.

    Who asks may be nobody yet, or another member, who departs then.
    """

    words: str


@attrs.frozen
class TakeOver:
    """The same for the member of this nick: whoever asks has made sure that they may."""

    nick: str


@attrs.frozen
class PartWithLost:
    """Let those depart who have not come back in time."""


@attrs.frozen
class ReportKeeping:
    """Tell everybody that nothing is saved at present, and operators why; or that it is again.

    `trouble` is empty then, and `lost` how much was not saved meanwhile.
    """

    trouble: str
    lost: int = 0


@attrs.frozen
class Shorten:
    """Let a room hold no message up to an id."""

    room: str
    last: int


@attrs.frozen
class Notify:
    """Show the member a line of the server's."""

    text: str


@attrs.frozen
class Settle:
    """Do nothing. Its outcome comes after that of everything sent before it."""


@attrs.frozen
class TurnDay:
    """Tell everybody for whom another day has begun since the last time which one that is."""


@attrs.frozen
class Unfold:
    """Tell the rooms who came and went since the last time, and was not told of at once."""


@attrs.frozen
class Close:
    """Announce no more departures: everybody is about to leave."""


Speak = Say | Act | Announce | Tell | Reply | SetTopic | Retract
Move = (
    Enter
    | Join
    | Leave
    | Switch
    | Rename
    | Depart
    | Lose
    | Resume
    | TakeOver
    | PartWithLost
    | Close
)
Choose = Ignore | Unignore | SetQuiet | SetJson | SetLook | SetScreen | GoAway | ComeBack
Tidings = Notify | TurnDay | ReportKeeping
Request = Speak | Move | Choose | Own | Tidings | Settle | Shorten | Unfold | Order
