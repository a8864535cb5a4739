"""How moderation looks: to a person on a line of the server's, to a program as JSON.

What a person has written, such as a reason, comes here without anything that could
wrap it to a line of its own, and stands last.
"""

import math
from typing import Final, assert_never

from trioserve.rulings import (
    Deed,
    Invited,
    Knocked,
    Moderated,
    Owned,
    Ruling,
    Secluded,
    Slowed,
    Walled,
)
from trioserve.wire.spans import pace, until, utc


def ruling_text(event: Ruling, zone: str = "") -> str:
    """Say what was done, as one line behind the server's ``* ``, with times of a zone."""
    match event:
        case Moderated():
            return _moderated(event, zone)
        case Slowed(room, by, seconds):
            slowed = f"{_done(Deed.SLOWED, by, room)}: {pace(seconds)}"
            return slowed if seconds else _done(Deed.UNSLOWED, by, room)
        case Secluded(room, by, private):
            return _done(Deed.SECLUDED if private else Deed.OPENED, by, room)
        case Invited(room, by):
            return f"{by} invites you to {room}{until(event.until, event.at, zone)}: /join {room}"
        case Knocked(room, nick, text):
            said = f", saying: {text}" if text else ""
            return f"{nick} knocks at {room}{said}"
        case Walled(nick, text):
            return f"{nick}, an operator, to everybody: {text}"
        case Owned(room, nick, by):
            return _done(Deed.GIVEN, by, room, nick) if by else f"{nick} owns {room} now"
        case _:
            assert_never(event)


_DONE: Final = {
    Deed.KICKED: "{nick} was kicked from {where} by {by}",
    Deed.BANNED: "{nick} is banned from {where} by {by}{end}",
    Deed.UNBANNED: "{nick} is no longer banned from {where}, by {by}",
    Deed.MUTED: "{nick} is muted in {where} by {by}{end}",
    Deed.UNMUTED: "{nick} is no longer muted in {where}, by {by}",
    Deed.KILLED: "{nick} was taken off {where} by {by}",
    Deed.RISEN: "{nick} is an operator now, by the password of {by}",
    Deed.RESIGNED: "{nick} is no operator any more",
    Deed.WALLED: "{by} told everybody",
    Deed.GIVEN: "{by} gave {where} to {nick}",
    Deed.SLOWED: "{by} slowed {where}",
    Deed.UNSLOWED: "{by} lets {where} talk as fast as it likes",
    Deed.SECLUDED: "{by} made {where} private: by invitation only",
    Deed.OPENED: "{by} opened {where} to everybody",
    Deed.INVITED: "{by} invited {nick} to {where}{end}",
}


def _done(deed: Deed, by: str, room: str, nick: str = "", end: str = "") -> str:
    return _DONE[deed].format(by=by, where=room or "the server", nick=nick, end=end)


def _moderated(event: Moderated, zone: str) -> str:
    end = until(event.until, event.at, zone) or " until that is lifted"
    done = _done(event.deed, event.by, event.room, event.nick, end)
    if event.along:
        done += f", as {event.along} is, from the same address"
    return f"{done}: {event.reason}" if event.reason else done


def ruling_object(event: Ruling) -> dict[str, object]:
    """Say the same to a program."""
    match event:
        case Moderated():
            shown: dict[str, object] = {
                "kind": event.deed.value,
                "room": event.room,
                "nick": event.nick,
                "by": event.by,
                "reason": event.reason,
                "until": _time(event.until),
                "time": _time(event.at),
            }
            return shown | ({"along": event.along} if event.along else {})
        case Slowed(room, by, seconds):
            return {"kind": "slowed", "room": room, "by": by, "seconds": seconds}
        case Secluded(room, by, private):
            return {"kind": "secluded", "room": room, "by": by, "private": private}
        case Invited(room, by):
            return {"kind": "invited", "room": room, "by": by, "until": _time(event.until)}
        case Knocked(room, nick, text):
            return {"kind": "knocked", "room": room, "nick": nick, "text": text}
        case Walled(nick, text):
            return {"kind": "walled", "nick": nick, "text": text}
        case Owned(room, nick, by):
            return {"kind": "owner", "room": room, "nick": nick, "by": by}
        case _:
            assert_never(event)


def _time(seconds: float) -> str | None:
    return None if math.isinf(seconds) else utc(int(seconds * 1_000_000))
