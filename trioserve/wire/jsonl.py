"""What a program reads: each event as one JSON object on a line of its own (JSON Lines).

This is the reference for whoever writes a bot. A line is a JSON object in UTF-8
and ends with LF. A kind always has the same keys, in this order, `kind` first:

    kind        further keys
    ---------   ---------------------------------------------
    said        id, room, nick, text, time
    acted       id, room, nick, text, time
    announced   id, room, nick, text, time
    told        id, nick, to, text, time
    joined      room, nick
    left        room, nick, text, reason
    departed    nick, text, reason
    thronged    room, joined, joined_total, left, left_total, lost
    dropped     nick
    returned    nick
    flickered   room, dropped, dropped_total, returned, returned_total
    renamed     nick, to
    topic       room, nick, topic
    entered     room, topic, nicks, total, messages, new
    skipped     room, count, kept
    resumable   words
    asked       text
    notice      text
    owner       room, nick, by
    divided     text
    kept        what, and further keys for each
    kicked      room, nick, by, reason, until, time
    banned      room, nick, by, reason, until, time
    unbanned    room, nick, by, reason, until, time
    muted       room, nick, by, reason, until, time
    unmuted     room, nick, by, reason, until, time
    killed      room, nick, by, reason, until, time
    risen       room, nick, by, reason, until, time
    resigned    room, nick, by, reason, until, time
    walled      nick, text
    slowed      room, by, seconds
    secluded    room, by, private
    invited     room, by, until
    knocked     room, nick, text

`said` is a line in a room, `acted` what somebody does there (`/me waves`).
`announced` is the server's line, on behalf of `nick` (`ann rolled 6`). `told`
is a private line from `nick` to `to`; one of them is the word `you`, which can
be nobody's name. Each of these is a message: its `id` is a whole number that
rises from message to message (below 2**53 until the year 2255, so that a double
holds it), its `time` that of the id, in UTC: `2026-11-23T18:29:21.154Z`.

`left` leaves a room and stays, `departed` leaves the server; `text` is their last
word, `reason` what the server says of it; mostly both are empty. `thronged`
stands for many of both: the first few nicks, and how many in all; `lost` are those who
left for a reason of the server's, an object for each: `reason`, `nicks`, `total`; whose
connection broke is `dropped`, and `returned` once they are back; `flickered` stands for
many of both. By the `words` of
`resumable` you come back if yours breaks: `/resume` and they, in place of a name.
`renamed` was `nick` and is now `to`. An empty `topic` is none.

`entered` is your own entering of a room: the first few `nicks` of the `total`
that are there, and the last messages, oldest first, as objects like those above:
the last `new` of them were said since you were there before.
`skipped` says that you did not read, and missed `count` messages of a room, of
which the last `kept` can be had by /missed.
`asked` is a question of a command's: the next line that you send answers it.
`notice` is the server's word to you alone, such as a command's answer; only its
`text` may have several lines, with LF between them. `divided` parts what was
before from what comes now: earlier messages (`now` ends them), read from unread.
`kept` is one thing that is kept about you, of those that /export shows; people see just
such lines, too.

Of moderation: `owner` says that a room belongs to `nick` now; `by` gave it to them, and
is empty if the last owner has left. `kicked`, `banned`, `muted` and their ends say that
`by` did that to `nick`, and why; `until` is null of what has no end. Who is kicked or
banned is in the room no longer, if they were. `killed` is for who is taken off the
server, and its room empty; `walled` is an operator's line to everybody. `risen` and
`resigned` tell operators that `nick` is one now, by the password of `by`, or is one
no more. In a room that is `slowed`, each may say one line in so many `seconds` (0: as
many as they like). A room that is `secluded` is `private`: entered by invitation only; or
it is so no more. `invited` is for you, to a room, by somebody; `knocked` too, if a room is
yours: somebody asks for an invitation.

Expect more kinds, and more keys behind these. The text is the same that people
see in a terminal: in NFC, without control characters.
"""

import json
from collections.abc import Mapping
from typing import Final, cast

from trioserve.messages import (
    MESSAGE_TYPES,
    Acted,
    Announced,
    Asked,
    Departed,
    Divided,
    Dropped,
    Entered,
    Event,
    Flickered,
    Joined,
    Left,
    Lost,
    Message,
    Noticed,
    Renamed,
    Resumable,
    Returned,
    Said,
    Skipped,
    Thronged,
    Told,
    TopicSet,
)
from trioserve.rulings import Ruling
from trioserve.wire.rulings import ruling_object
from trioserve.wire.spans import utc
from trioserve.wire.text import clean

# Made once: json.dumps with these options makes one on every call, which costs half as much again.
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _shape(kind: str, keys: str) -> tuple[str, dict[str, str]]:
    """A kind, and its further keys with the attributes that they show, mostly of the same name."""
    parts = [word.partition("=") for word in keys.split()]
    return kind, {key: attribute or key for key, _, attribute in parts}


_MESSAGE_KINDS: Final = {Said: "said", Acted: "acted", Announced: "announced"}
# What is nothing but its attributes, in the order of the keys.
_SHAPES: Final[dict[type[Event], tuple[str, dict[str, str]]]] = {
    Joined: _shape("joined", "room nick"),
    Left: _shape("left", "room nick text reason"),
    Departed: _shape("departed", "nick text reason"),
    Thronged: _shape("thronged", "room joined joined_total left left_total lost"),
    Dropped: _shape("dropped", "nick"),
    Returned: _shape("returned", "nick"),
    Flickered: _shape("flickered", "room dropped dropped_total returned returned_total"),
    Renamed: _shape("renamed", "nick=old to=new"),
    TopicSet: _shape("topic", "room nick topic"),
    Entered: _shape("entered", "room topic nicks total messages new"),
    Skipped: _shape("skipped", "room count kept"),
    Resumable: _shape("resumable", "words"),
    Asked: _shape("asked", "text"),
    Divided: _shape("divided", "text"),
}


def render_json(event: Event) -> bytes:
    """Return the line that a program is shown."""
    return _encode(_as_object(event)).encode() + b"\n"


def render_kept(row: Mapping[str, object], *, json: bool) -> bytes:
    """Return the line of one thing that is kept about who is shown it: for programs, also as text.

    As text, it ends as every line does that is not for a program.
    """
    line = _encode({"kind": "kept", **{key: _plain(value) for key, value in row.items()}})
    return line.encode() + (b"\n" if json else b"\r\n")


def _as_object(event: Event) -> dict[str, object]:
    # Every string goes through `clean`, names too: a lone surrogate anywhere could not be sent.
    if isinstance(event, MESSAGE_TYPES):
        return _message(event)
    if isinstance(event, Told):
        return _told(event)
    if isinstance(event, Noticed):
        # The LFs stay: they are where a person sees a new line.
        return {"kind": "notice", "text": "\n".join(map(clean, event.text.split("\n")))}
    if (shape := _SHAPES.get(type(event))) is not None:
        kind, attributes = shape
        shown = {key: _plain(getattr(event, name)) for key, name in attributes.items()}
        return {"kind": kind, **shown}
    return {key: _plain(value) for key, value in ruling_object(cast(Ruling, event)).items()}


def _message(message: Message) -> dict[str, object]:
    return {
        "kind": _MESSAGE_KINDS[type(message)],
        "id": message.id,
        "room": clean(message.room),
        "nick": clean(message.nick),
        "text": clean(message.text),
        "time": utc(message.id),
    }


def _told(told: Told) -> dict[str, object]:
    return {
        "kind": "told",
        "id": told.id,
        "nick": clean(told.sender),
        "to": clean(told.recipient),
        "text": clean(told.text),
        "time": utc(told.id),
    }


def _plain(value: object) -> object:
    """A value as it stands behind a key."""
    match value:
        case str():
            return clean(value)
        case Lost(reason, nicks, total):
            return {"reason": clean(reason), "nicks": _plain(nicks), "total": total}
        case Said() | Acted() | Announced():
            return _message(value)
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {clean(key): _plain(each) for key, each in value.items()}
        case _:
            return value
