"""What a telnet client is, as it tells by itself, and whether it sends keys or lines.

The client is asked for its type (RFC 1091; of MUD clients also by MTTS, the "Mud
Terminal Type Standard") and its window's size (RFC 1073). A terminal is then put
into character mode, in which it sends each key as it is pressed and leaves the
echo to us (RFC 857 with 858). A MUD client has a line editor of its own, and takes
our echo for a password prompt: it stays in line mode.
"""

import re
from collections.abc import Iterator
from typing import Final

import attrs

from trioserve.wire.options import (
    BINARY,
    DO,
    DONT,
    ECHO,
    SUPPRESS_GO_AHEAD,
    TERMINAL_TYPE,
    WILL,
    WINDOW_SIZE,
    WONT,
    Side,
)
from trioserve.wire.style import Screen
from trioserve.wire.telnet import Signal, TelnetFilter

MAX_TYPES: Final = 3  # asked for: a client's name, its terminal, what it can do (MTTS)
MAX_TYPE: Final = 40  # characters; RFC 1091 has no more
WIDTH_STEP: Final = 4  # columns: widths between share what is rendered for them
MAX_WIDTH: Final = 1000  # columns
MAX_HEIGHT: Final = 1000  # rows

_IS, _SEND = 0, 1  # of a subnegotiation about the terminal's type

# What people's terminals call themselves. Whoever is none of these may be anything.
_TERMINALS: Final = re.compile(
    "(xterm|vt[1-5]\\d\\d|screen|tmux|rxvt|linux|ansi|konsole|putty|gnome|eterm|kitty|alacritty"
    "|foot|st|wezterm|iterm|mintty|cygwin|cons25|nsterm|aixterm|dtterm|mlterm|contour|ghostty"
    "|apple_terminal|teraterm)([-.+].*)?"
)
_OF_256_COLORS: Final = re.compile(
    ".*(256color|direct|truecolor)|(kitty|alacritty|foot|wezterm|ghostty|contour)\\b.*|xterm-kitty"
)
_OF_NO_COLOR: Final = re.compile("vt[1-5]\\d\\d.*")
_MTTS: Final = re.compile("mtts (\\d{1,6})")
# Its bits.
_ANSI, _OF_256, _SCREEN_READER, _TRUECOLOR = 1, 8, 64, 256


@attrs.define(eq=False)
class TelnetClient:
    """One telnet client: what it has told, and the mode that it is in.

    `wants_keys` is whether character mode is wanted: None leaves it to the
    client's type.
    """

    wants_keys: bool | None = attrs.field(default=None, init=False)
    types: list[str] = attrs.field(factory=list, init=False)  # in small letters
    width: int = attrs.field(default=0, init=False)  # columns; 0: not told
    height: int = attrs.field(default=0, init=False)  # rows; 0: not told
    _filter: TelnetFilter = attrs.field(init=False)
    _asked: bool = attrs.field(default=False, init=False)  # what it is
    _asked_types: int = attrs.field(default=0, init=False)
    _mode: bool | None = attrs.field(default=None, init=False)  # asked for: keys, or lines
    _hides: bool = attrs.field(default=False, init=False)  # in line mode, what is typed

    def __attrs_post_init__(self) -> None:
        theirs = Side(DO, DONT, {BINARY, TERMINAL_TYPE, WINDOW_SIZE, SUPPRESS_GO_AHEAD})
        self._filter = TelnetFilter(theirs, Side(WILL, WONT, (), {ECHO, SUPPRESS_GO_AHEAD}))

    # ------------------------------------------------------------ what it is

    @property
    def spoken(self) -> bool:
        """Whether it has shown that it speaks telnet."""
        return self._filter.spoken

    @property
    def is_cut(self) -> bool:
        """Whether a command has begun of which the rest has not come."""
        return self._filter.is_cut

    @property
    def settled(self) -> bool:
        """Whether nothing is awaited of it: it has told all that it will, and its mode is set."""
        filter_ = self._filter
        return self.spoken and not (
            filter_.theirs.is_open(TERMINAL_TYPE)
            or filter_.theirs.is_open(WINDOW_SIZE)
            or self._awaits_type
            or filter_.ours.is_open(ECHO)
        )

    @property
    def sends_keys(self) -> bool:
        """Whether it is in character mode."""
        ours = self._filter.ours
        return ours.is_on(ECHO) and ours.is_on(SUPPRESS_GO_AHEAD) and not self._hides

    @property
    def refuses_keys(self) -> bool:
        """Whether it has answered all, and does not leave the echo to us."""
        return self.settled and not self._filter.ours.is_on(ECHO)

    @property
    def is_to_hide(self) -> bool:
        """Whether it was asked not to show what is typed, whatever it has answered."""
        return self._hides

    @property
    def is_hiding(self) -> bool:
        """Whether it does not show what is typed, in line mode."""
        return self._hides and self._filter.ours.is_on(ECHO)

    @property
    def has_answered_hiding(self) -> bool:
        """Whether it has said if it goes along with `hide`."""
        return not self._filter.ours.is_open(ECHO)

    @property
    def is_for_screen_reader(self) -> bool:
        return bool(self._mtts & _SCREEN_READER)

    @property
    def screen(self) -> Screen:
        """What is known of its screen."""
        width = self.width
        if width > 2 * WIDTH_STEP:
            width -= width % WIDTH_STEP
        return Screen(width, self._colors, self.sends_keys)

    @property
    def _mtts(self) -> int:
        found = _MTTS.fullmatch(self.types[-1]) if self.types else None
        return int(found[1]) if found else 0

    @property
    def _colors(self) -> int:
        if mtts := self._mtts:
            return 256 if mtts & (_OF_256 | _TRUECOLOR) else 8 if mtts & _ANSI else 0
        if not self._is_terminal or _OF_NO_COLOR.fullmatch(self.types[0]):
            return 0
        return 256 if _OF_256_COLORS.fullmatch(self.types[0]) else 8

    @property
    def _is_terminal(self) -> bool:
        """Whether it is a terminal, and no MUD client, which tells further types."""
        return (
            bool(self.types)
            and len(set(self.types)) == 1
            and _TERMINALS.fullmatch(self.types[0]) is not None
        )

    # ---------------------------------------------------------- what is said

    def ask(self) -> None:
        """Ask what it is, once. Who is no telnet sees what is sent, so end it with a CR."""
        if not self._asked:
            self._asked = True
            self._filter.ask(self._filter.theirs, TERMINAL_TYPE, on=True)
            self._filter.ask(self._filter.theirs, WINDOW_SIZE, on=True)
            self._filter.ask(self._filter.ours, SUPPRESS_GO_AHEAD, on=True)

    def want_keys(self, wanted: bool) -> None:
        """Have it send keys, whatever it is; or lines."""
        self.wants_keys = wanted
        self._set_mode()

    def hide(self, hidden: bool) -> None:
        """In line mode, have what is typed not shown, or shown again."""
        if not self.sends_keys:
            self._hides = hidden
            self._filter.ask(self._filter.ours, ECHO, on=hidden)

    def receive_data(self, data: bytes) -> list[bytes | Signal]:
        """Return the text in `data` and the signals within it; see `TelnetFilter`.

        Raises:
            ProtocolError: when the client sends a subnegotiation without end.
        """
        return list(self.parts(data))

    def parts(self, data: bytes) -> Iterator[bytes | Signal]:
        """Yield what `receive_data` returns, each in the mode in which it was typed."""
        yield from self._filter.parts(data)
        if self._filter.spoken and not self._asked:
            self.ask()
        if self._asked:
            self._go_on_asking()

    def finish(self) -> bytes:
        """Return the text that was held back when the input ended."""
        return self._filter.finish()

    def take_answers(self) -> bytes:
        """Return what is to be sent to the client, once."""
        return self._filter.take_answers()

    # ---------------------------------------------------------------- inside

    @property
    def _awaits_type(self) -> bool:
        return self._filter.theirs.is_on(TERMINAL_TYPE) and not self._knows_types

    @property
    def _knows_types(self) -> bool:
        """Whether the last type came twice, by which a client tells that there is no other."""
        return len(self.types) >= MAX_TYPES or (
            len(self.types) >= 2 and self.types[-1] == self.types[-2]
        )

    @property
    def _has_ended_keys(self) -> bool:
        """Whether it has refused character mode that it was asked for, or ended it."""
        ours = self._filter.ours
        if ours.is_open(ECHO) or (ours.is_on(ECHO) and ours.is_open(SUPPRESS_GO_AHEAD)):
            return False
        return not (ours.is_on(ECHO) and ours.is_on(SUPPRESS_GO_AHEAD))

    def _go_on_asking(self) -> None:
        told, self._filter.told = self._filter.told, []
        for option, content in told:
            if option == WINDOW_SIZE and len(content) == 4:
                # What no window has would have rows drawn that cost as much as they are wide.
                self.width = min(int.from_bytes(content[:2], "big"), MAX_WIDTH)
                self.height = min(int.from_bytes(content[2:], "big"), MAX_HEIGHT)
            elif option == TERMINAL_TYPE and content[:1] == bytes([_IS]) and not self._knows_types:
                name = content[1:].decode("ascii", "replace").strip().lower()
                self.types.append(name[:MAX_TYPE])
        if self._awaits_type and self._asked_types == len(self.types):
            self._asked_types += 1
            self._filter.tell(TERMINAL_TYPE, bytes([_SEND]))
        self._set_mode()

    def _set_mode(self) -> None:
        """Ask for the mode that is wanted, as soon as it is known which; once."""
        filter_ = self._filter
        if self._hides or filter_.theirs.is_open(TERMINAL_TYPE) or self._awaits_type:
            return
        wanted = self.wants_keys
        if wanted is None:
            wanted = self._is_terminal and not self.is_for_screen_reader
        if wanted and self._mode and self._has_ended_keys:
            wanted = self.wants_keys = False
        if wanted != self._mode or not wanted:  # "no" also to who asks for it later: once each
            self._mode = wanted
            filter_.ask(filter_.ours, SUPPRESS_GO_AHEAD, on=wanted)
            filter_.ask(filter_.ours, ECHO, on=wanted)
