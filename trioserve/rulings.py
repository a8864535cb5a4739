"""What comes of moderation: events as those of `messages`, which lists them all.

A time is in seconds since 1970.
"""

import enum
import math

import attrs


class Deed(enum.Enum):
    """What somebody did to somebody, as programs read it."""

    KICKED = "kicked"
    BANNED = "banned"
    UNBANNED = "unbanned"
    MUTED = "muted"
    UNMUTED = "unmuted"
    KILLED = "killed"
    RISEN = "risen"
    RESIGNED = "resigned"
    WALLED = "walled"
    GIVEN = "given"
    SLOWED = "slowed"
    UNSLOWED = "unslowed"
    SECLUDED = "secluded"
    OPENED = "opened"
    INVITED = "invited"


@attrs.frozen
class Moderated:
    """Somebody was moderated: whom, where, by whom, why, when, and until when.

    The room is empty where it was on the whole server, and the nick where it was a whole room;
    of a slow pace the reason is the pace.

    Who was in a room and is kicked or banned is in it no longer. Who has risen is an
    operator, by the name of one in the configuration, until they step down.
    """

    deed: Deed
    room: str
    nick: str
    by: str
    reason: str
    at: float
    until: float = math.inf  # what has no end
    along: str = ""  # it was meant for this nick, from whose address they come


@attrs.frozen
class Slowed:
    """Each person may say one line in so many seconds in a room; 0: as many as they like."""

    room: str
    by: str
    seconds: float


@attrs.frozen
class Secluded:
    """A room is private, by invitation only; or it is not any more."""

    room: str
    by: str
    private: bool


@attrs.frozen
class Invited:
    """Somebody, `by`, invites whoever is shown this to a room."""

    room: str
    by: str
    at: float
    until: float


@attrs.frozen
class Knocked:
    """Somebody asks the owner of a private room, who is shown this, to be let in."""

    room: str
    nick: str
    text: str


@attrs.frozen
class Walled:
    """An operator said a line to everybody."""

    nick: str
    text: str


@attrs.frozen
class Owned:
    """A room has another owner: `by` gave it to them; empty: the last owner has left."""

    room: str
    nick: str
    by: str = ""


Ruling = Moderated | Slowed | Secluded | Invited | Knocked | Walled | Owned
