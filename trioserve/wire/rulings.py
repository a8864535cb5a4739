"""How moderation looks: to a person on a line of the server's, to a program as JSON.

What a person has written, such as a reason, comes here without anything that could
wrap it to a line of its own, and stands last.
"""

import math
from typing import assert_never

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
from trioserve.wire.spans import exact, until, utc


def ruling_text(event: Ruling, zone: str = "") -> str:
    """Say what was done, as one line behind the server's ``* ``, with times of a zone."""
    match event:
        case Moderated():
            return _moderated(event, zone)
        case Slowed(room, by, seconds):
            if seconds:
                return f"{by} slowed {room}: one line in {exact(seconds)} from each"
            return f"{by} lets {room} talk as fast as it likes"
        case Secluded(room, by, private):
            return (
                f"{by} made {room} private: by invitation only"
                if private
                else (f"{by} opened {room} to everybody")
            )
        case Invited(room, by):
            return f"{by} invites you to {room}{until(event.until, event.at, zone)}: /join {room}"
        case Knocked(room, nick, text):
            said = f", saying: {text}" if text else ""
            return f"{nick} knocks at {room}; there, /invite {nick} lets them in{said}"
        case Walled(nick, text):
            return f"{nick}, an operator, to everybody: {text}"
        case Owned(room, nick, by):
            return f"{by} gave {room} to {nick}" if by else f"{nick} owns {room} now"
        case _:
            assert_never(event)


def _moderated(event: Moderated, zone: str) -> str:
    nick, room, by = event.nick, event.room, event.by
    end = until(event.until, event.at, zone) or " until that is lifted"
    match event.deed:
        case Deed.KICKED:
            done = f"{nick} was kicked from {room} by {by}"
        case Deed.BANNED:
            done = f"{nick} is banned from {room or 'the server'} by {by}{end}"
        case Deed.UNBANNED:
            done = f"{nick} is no longer banned from {room or 'the server'}, by {by}"
        case Deed.MUTED:
            done = f"{nick} is muted in {room} by {by}{end}"
        case Deed.UNMUTED:
            done = f"{nick} is no longer muted in {room}, by {by}"
        case Deed.KILLED:
            done = f"{nick} was taken off the server by {by}"
        case Deed.RISEN:
            done = f"{nick} is an operator now, by the password of {by}"
        case Deed.RESIGNED:
            done = f"{nick} is no operator any more"
        case Deed.WALLED:
            done = f"{by} told everybody"
        case _:
            assert_never(event.deed)
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
