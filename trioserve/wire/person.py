"""What a person reads of each event: the lines that it makes, as bytes."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, assert_never

from trioserve.messages import (
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
from trioserve.names import fold
from trioserve.wire.mentions import is_mentioned
from trioserve.wire.paint import paint
from trioserve.wire.rulings import ruling_text
from trioserve.wire.style import ANYBODY, PLAIN, Style, View
from trioserve.wire.text import BELL, clean, encode, names, plural
from trioserve.wire.times import day, day_line, stamp
from trioserve.wire.voices import Line, Run, Spoken, Voice, Written

_WRITTEN: Final[Voice] = Written()
_SPOKEN: Final[Voice] = Spoken()


def render_text(event: Event, style: Style, view: View = ANYBODY) -> bytes:
    """Return the lines that a person who wants this style is shown."""
    if type(event) is Said and style.look is PLAIN.look and style.screen is PLAIN.screen:
        # What nearly every message comes to, as `_lines` and `paint` have it, in less time.
        where = "" if style.here else f"{event.room} "
        return encode(f"{_clock(event.id)}{where}<{event.nick}> {event.text}")
    if isinstance(event, Asked):
        return clean(event.text).encode()  # the answer is typed behind it, on the same line
    if isinstance(event, Entered):
        return _entered(event, style, view)
    data = _painted(_lines(event, style, view), style, view)
    if view.live and _rings(event, style, view):
        return data.removesuffix(b"\r\n") + BELL + b"\r\n"
    return data


def _painted(lines: Iterable[Line], style: Style, view: View) -> bytes:
    return b"".join([paint(line, style, view) for line in lines])


def _voice(style: Style) -> Voice:
    return _SPOKEN if style.look.spoken else _WRITTEN


def _clock(message_id: int) -> str:
    return _minute(message_id // 60_000_000)


@functools.lru_cache(maxsize=256)
def _minute(minutes: int) -> str:
    return f"[{stamp(minutes * 60_000_000, 'short', '')}] "


def _lines(event: Event, style: Style, view: View) -> Iterator[Line]:
    voice = _voice(style)
    match event:
        case Said() | Acted() | Announced():
            yield _message(event, style, view, voice)
        case Told():
            yield voice.told(_stamp(event.id, style), event.sender, event.recipient, event.text)
        case Noticed():
            for line in event.text.split("\n"):
                yield voice.noticed(line.rstrip())
        case Skipped():
            which = "them" if event.kept == event.count else f"the last {event.kept}"
            skipped = plural(event.count, "message")
            yield voice.noticed(f"{skipped} skipped in {event.room}; /missed to read {which}")
        case TopicSet():
            said = f"set the topic: {event.topic}" if event.topic else "took the topic away"
            yield voice.happened("" if style.here else event.room, f"{event.nick} {said}")
        case Renamed():
            yield voice.happened("", f"{event.old} is now {event.new}")
        case Resumable():
            yield voice.noticed(f"if the connection breaks: /resume {event.words}")
        case Joined() | Left() | Departed() | Thronged() | Dropped() | Returned() | Flickered():
            yield voice.happened("", _coming_or_going(event))
        case Divided():
            yield voice.divided(event.text)
        case Asked() | Entered():
            pass  # are no lines, or more than those (see `render_text`)
        case _:
            yield voice.happened("", ruling_text(event, style.look.zone))


def _message(event: Message, style: Style, view: View, voice: Voice) -> Line:
    room = "" if style.here else event.room
    own = fold(event.nick) == fold(view.nick)
    nick: Run = ("own" if own else "nick", event.nick)
    match event:
        case Said():
            return voice.said(_stamp(event.id, style), room, nick, event.text)
        case Acted():
            return voice.acted(room, nick, event.text)
        case Announced():
            return voice.announced(room, event.text)
        case _:
            assert_never(event)


def _stamp(message_id: int, style: Style) -> str:
    return stamp(message_id, style.clock, style.look.zone)


def _rings(event: Event, style: Style, view: View) -> bool:
    """Whether an event, as it happens, rings the bell of whom it is shown to; their own never."""
    match event:
        case Said() | Acted() | Announced():
            if fold(event.nick) == fold(view.nick):
                return False
            return style.rings_for("all") or (
                style.rings_for("mentions") and is_mentioned(view.nick, event.text)
            )
        case Told():
            is_own = event.sender == "you" or fold(event.sender) == fold(view.nick)
            return not is_own and style.rings_for("private")
        case _:
            return False


def _coming_or_going(
    event: Joined | Left | Departed | Thronged | Dropped | Returned | Flickered,
) -> str:
    match event:
        case Joined():
            return f"{event.nick} joined {event.room}"
        case Left():
            return f"{event.nick} left {event.room}{_why(event)}"
        case Departed():
            return f"{event.nick} left{_why(event)}"
        case Dropped():
            return f"{event.nick} lost the connection"
        case Returned():
            return f"{event.nick} is back"
        case Thronged():
            moves = []  # in this order: whoever is in both has left, and is back
            moves += [f"{names(each.nicks, each.total)} left{_why(each)}" for each in event.lost]
            if event.left:
                moves.append(f"{names(event.left, event.left_total)} left {event.room}")
            if event.joined:
                moves.append(f"{names(event.joined, event.joined_total)} joined {event.room}")
            return "; ".join(moves)
        case Flickered():
            flickers = []
            if event.dropped:
                flickers.append(f"{names(event.dropped, event.dropped_total)} lost the connection")
            if event.returned:
                verb = "is" if event.returned_total == 1 else "are"
                flickers.append(f"{names(event.returned, event.returned_total)} {verb} back")
            return "; ".join(flickers)
        case _:
            assert_never(event)


def _why(event: Left | Departed | Lost) -> str:
    reason = f" ({event.reason})" if event.reason else ""
    text = "" if isinstance(event, Lost) else event.text
    return f"{reason}, saying: {text}" if text else reason


def _entered(event: Entered, style: Style, view: View) -> bytes:
    voice = _voice(style)
    here = f"{event.total} here: {names(event.nicks, event.total)}"
    lines = [voice.noticed(f"{event.room}: {here}")]
    if event.topic:  # on a line of its own: a person wrote it
        lines.append(voice.noticed(f"topic: {event.topic}"))
    if not event.messages:
        return _painted(lines, style, view)
    known = event.messages[: len(event.messages) - event.new]
    if known:
        lines.append(voice.divided(f"last {plural(len(event.messages), 'message')}"))
    parts = [_painted(lines, style, view), render_again(known, style, view.nick, event.now)]
    if event.new:
        since = known[-1].id if known else event.now
        parts.append(paint(voice.divided(_new(event)), style, view))
        parts.append(render_again(event.messages[len(known) :], style, view.nick, since))
    parts.append(paint(voice.divided("now"), style, view))
    return b"".join(parts)


def _new(event: Entered) -> str:
    if event.new == event.unseen:
        return "new"
    return f"new: the last {event.new} of {event.unseen}; /history {event.unseen} shows all"


def render_again(
    messages: Sequence[Message | TopicSet | Told], style: Style, nick: str, since: int
) -> bytes:
    """Return messages that somebody is shown once more, with a line where another day begins.

    `since` is when what they have seen before was: the id of a message, or now; 0: unknown.
    """
    zone, view = style.look.zone, View(nick, live=False)
    before = day(since, zone) if since else None
    parts = []
    for message in messages:
        present = day(message.id, zone)
        if before is not None and present != before:
            parts.append(paint(_voice(style).divided(day_line(present)), style, view))
        before = present
        parts.append(render_text(message, style, view))
    return b"".join(parts)
