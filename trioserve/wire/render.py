"""Events to bytes: as the text that a person reads, or as the JSON that a program does."""

from typing import Final

from trioserve.messages import Departed, Event, Joined, Left, Thronged
from trioserve.wire.jsonl import render_json
from trioserve.wire.style import Style
from trioserve.wire.text import render_text

COMINGS_AND_GOINGS: Final = (Joined, Left, Departed, Thronged)


def render(event: Event, style: Style) -> bytes:
    """Return the lines that a reader of this style is shown; none if it is to see nothing."""
    if style.quiet and isinstance(event, COMINGS_AND_GOINGS):
        return b""
    return render_json(event) if style.json else render_text(event, style)
