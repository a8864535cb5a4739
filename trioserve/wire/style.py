"""How one reader wants events to look, and how wide and colourful their terminal is.

A `Style` is a small frozen key: each event is rendered once per style, however
many read it so. Its three parts change for different reasons: where the reader
is, what they have chosen (`Look`), and what their terminal can do (`Screen`).
"""

from typing import Final, Literal

import attrs

Theme = Literal["auto", "default", "mono", "high-contrast", "none"]
Bell = Literal["auto", "off", "mentions", "private", "all"]
Clock = Literal["off", "short", "full"]


@attrs.frozen(cache_hash=True)
class Look:
    """What a person has chosen of how things look."""

    theme: Theme = "auto"  # auto: colours, if the terminal is known to have them
    bell: Bell = "auto"  # auto: mentions and private messages, in character mode
    clock: Clock = "short"
    zone: str = ""  # an IANA name, "Europe/Oslo"; empty: the server's own
    spoken: bool = False  # for a screen reader: words, and no ornaments


@attrs.frozen(cache_hash=True)
class Screen:
    """What a reader's terminal is known to be able to do; nothing, of an nc."""

    width: int = 0  # columns, at which lines are wrapped; 0: unknown, and they are not
    colors: int = 0  # 0, 8, or 256
    rich: bool = False  # character mode: what is typed is shown by us, one's own lines too


@attrs.frozen(cache_hash=True)
class Style:
    """How one reader wants events to look. Readers of one style share the same bytes."""

    here: bool = True  # the event's room is the reader's current one, and needs no name
    quiet: bool = False  # no joins and departures
    json: bool = False  # one JSON object a line, for programs
    look: Look = attrs.field(factory=Look)
    screen: Screen = attrs.field(factory=Screen)


PLAIN: Final = Style()
