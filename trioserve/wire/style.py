"""How one reader wants events to look, and how wide and colourful their terminal is.

A `Style` is a small frozen key: each event is rendered once per style, however
many read it so. Its three parts change for different reasons: where the reader
is, what they have chosen (`Look`), and what their terminal can do (`Screen`).
"""

from typing import Final, Literal

import attrs

MIN_WIDTH: Final = 10  # columns; in fewer nothing is wrapped

Theme = Literal["auto", "default", "mono", "high-contrast", "none"]
Bell = Literal["auto", "off", "mentions", "private", "all"]
Clock = Literal["auto", "off", "short", "full"]

_BELLS: Final = ("off", "mentions", "private", "all")  # each rings for what those before it do, too


@attrs.frozen(cache_hash=True)
class Look:
    """What a person has chosen of how things look."""

    theme: Theme = "auto"  # auto: colours, if the terminal is known to have them
    bell: Bell = "auto"  # auto: mentions and private messages, in character mode
    clock: Clock = "auto"  # auto: short, but none where it is spoken
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

    @property
    def theme(self) -> Theme:
        """The theme that holds: never `auto`."""
        if self.look.spoken:
            return "none"
        if self.look.theme == "auto":
            return "default" if self.screen.colors else "none"
        return self.look.theme

    @property
    def clock(self) -> Clock:
        """How times are shown: never `auto`."""
        if self.look.clock == "auto":
            return "off" if self.look.spoken else "short"
        return self.look.clock

    @property
    def bell(self) -> Bell:
        """What the bell rings for: never `auto`."""
        if self.look.bell == "auto":
            return "private" if self.screen.rich else "off"
        return self.look.bell

    def rings_for(self, what: Bell) -> bool:
        """Whether the bell rings for such: `mentions`, `private`, or `all` that others say."""
        return _BELLS.index(self.bell) >= _BELLS.index(what)

    @property
    def window(self) -> int:
        """The columns that a line may fill; 0: as many as it likes.

        One less than there are: terminals differ in what they do behind the last one.
        """
        return self.screen.width - 1 if self.screen.width >= MIN_WIDTH else 0

    @property
    def is_personal(self) -> bool:
        """Whether one is shown what mentions one, or is one's own, otherwise than the others."""
        return not self.json and (self.theme != "none" or self.bell != "off")


@attrs.frozen
class View:
    """For whom in particular, of all who read a style, an event is rendered."""

    nick: str = ""  # whose own lines and mentions look like that; empty: nobody's
    live: bool = True  # it happens now, and may ring the bell; else it is shown again


# Of nearly everybody: one object each, which dicts find without comparing its fields.
PLAIN: Final = Style()
ELSEWHERE: Final = Style(here=False)
ANYBODY: Final = View()
