"""What comes of requests: events, frozen values named in the past tense.

They know neither sockets nor clocks. An `id` counts microseconds since 1970 and
rises with every message of the server; it is also the time of the message. An `account`
is the folded name of the one under which something was said; a guest has none.
"""

from collections.abc import Sequence
from typing import Final

import attrs

from trioserve.light import light
from trioserve.rulings import Ruling


@light
class Said:
    """Somebody said a line in a room."""

    id: int
    room: str
    nick: str
    text: str
    account: str = ""


@attrs.frozen
class Acted:
    """Somebody said in a room what they do."""

    id: int
    room: str
    nick: str
    text: str
    account: str = ""


@attrs.frozen
class Announced:
    """The server said a line in a room, on behalf of the person `nick`."""

    id: int
    room: str
    nick: str
    text: str
    account: str = ""


@attrs.frozen
class Told:
    """Somebody said a line to one person alone."""

    id: int
    sender: str
    recipient: str
    text: str


@attrs.frozen
class Joined:
    """Somebody entered a room."""

    room: str
    nick: str


@attrs.frozen
class Left:
    """Somebody left a room and stays on the server.

    `reason` is the server's, `text` their own last word; they are kept apart
    because nobody's word may look like the server's.
    """

    room: str
    nick: str
    reason: str = ""
    text: str = ""


@attrs.frozen
class Departed:
    """Somebody left the server; `reason` is the server's, `text` their own last word."""

    nick: str
    reason: str = ""
    text: str = ""


@attrs.frozen
class Lost:
    """Who left for the same reason, which is the server's: the first few nicks, and how many."""

    reason: str
    nicks: Sequence[str]
    total: int


@attrs.frozen
class Thronged:
    """Many came to a room or left it: the first few nicks, and how many in all.

    Who left for a reason of the server's is in `lost`, and not in `left`.
    """

    room: str
    joined: Sequence[str]
    joined_total: int
    left: Sequence[str]
    left_total: int
    lost: Sequence[Lost] = ()


@attrs.frozen
class Dropped:
    """Somebody's connection broke; for a while they are kept, and may come back."""

    nick: str


@attrs.frozen
class Returned:
    """Somebody whose connection had broken is back."""

    nick: str


@attrs.frozen
class Renamed:
    """Somebody took another nick."""

    old: str
    new: str


@attrs.frozen
class TopicSet:
    """Somebody set the topic of a room, or took it away (empty)."""

    room: str
    nick: str
    topic: str
    id: int = 0
    account: str = ""


@attrs.frozen
class Entered:
    """What a room shows to the one who enters: its topic, who is there, the last messages.

    `nicks` are the first few of `total`; `messages` are oldest first, and the last `new`
    of them are new to one who has been there before, of `unseen` that are. `now` is when
    that was, as in an id; 0 is not known, and days are not told apart then.
    """

    room: str
    topic: str
    nicks: Sequence[str]
    total: int
    messages: Sequence["Message"]
    now: int = 0
    new: int = 0
    unseen: int = 0


@attrs.frozen
class Skipped:
    """A member did not read, and `count` messages of a room were not sent to them.

    The last `kept` of them can be read with /missed, if the room keeps as many.
    """

    room: str
    count: int
    kept: int


@attrs.frozen
class Flickered:
    """The connections of many broke, or many are back: the first few nicks, and how many."""

    room: str
    dropped: Sequence[str]
    dropped_total: int
    returned: Sequence[str]
    returned_total: int


@attrs.frozen
class Resumable:
    """By which words one can come back, should the connection break."""

    words: str


@attrs.frozen
class Asked:
    """A command asks one person something; the answer is the next line."""

    text: str


@attrs.frozen
class Noticed:
    """The server says something to one person: answers, errors, help."""

    text: str


@attrs.frozen
class Divided:
    """The server parts what one person is shown: earlier from later, read from unread."""

    text: str


Message = Said | Acted | Announced  # what people make; kept in the history, counted when skipped
Event = (
    Said
    | Acted
    | Announced
    | Told
    | Joined
    | Left
    | Departed
    | Thronged
    | Dropped
    | Returned
    | Flickered
    | Renamed
    | TopicSet
    | Entered
    | Skipped
    | Resumable
    | Asked
    | Noticed
    | Ruling
    | Divided
)

MESSAGE_TYPES: Final = (Said, Acted, Announced)
