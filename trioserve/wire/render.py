"""Events to bytes: as the text that a person reads, or as the JSON that a program does."""

from collections.abc import Sequence
from typing import Final

from trioserve.messages import (
    Departed,
    Dropped,
    Event,
    Flickered,
    Joined,
    Left,
    Message,
    Returned,
    Thronged,
    Told,
    TopicSet,
)
from trioserve.wire import person
from trioserve.wire.jsonl import render_json
from trioserve.wire.style import ANYBODY, Style, View

COMINGS_AND_GOINGS: Final = (Joined, Left, Departed, Thronged, Dropped, Returned, Flickered)


def render(event: Event, style: Style, view: View = ANYBODY) -> bytes:
    """Return the lines that a reader of this style is shown; none if it is to see nothing.

    All who read the style share what `ANYBODY` is shown.
    """
    if style.quiet and isinstance(event, COMINGS_AND_GOINGS):
        return b""
    return render_json(event) if style.json else person.render_text(event, style, view)


def render_again(
    messages: Sequence[Message | TopicSet | Told], style: Style, nick: str, since: int
) -> bytes:
    """Return messages that a reader is shown once more; `since` is as in `person`."""
    if style.json:
        return b"".join([render_json(message) for message in messages])
    return person.render_again(messages, style, nick, since)
