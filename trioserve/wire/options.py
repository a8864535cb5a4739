"""Telnet's options: which are on, on either side, and what is to be said of them.

The method is that of RFC 1143, whose names the states have: two who follow it
never answer each other for ever, however they change their minds. But what is
to be off is asked for again at once, since not every client confirms that it is.
"""

import enum
from collections.abc import Container
from typing import Final

import attrs

WILL, WONT, DO, DONT, IAC = 251, 252, 253, 254, 255

BINARY: Final = 0  # RFC 856
ECHO: Final = 1  # RFC 857
SUPPRESS_GO_AHEAD: Final = 3  # RFC 858; with ECHO, each key is sent as it is pressed
TIMING_MARK: Final = 6  # RFC 860
TERMINAL_TYPE: Final = 24  # RFC 1091
WINDOW_SIZE: Final = 31  # RFC 1073, "NAWS"


class _State(enum.Enum):
    NO = enum.auto()
    YES = enum.auto()
    WANT_NO = enum.auto()
    WANT_YES = enum.auto()


@attrs.define(eq=False)
class _Option:
    """One option of one side."""

    state: _State = attrs.field(default=_State.NO, init=False)
    opposite: bool = attrs.field(default=False, init=False)  # ask for it to be off, once it is on
    refused: bool = attrs.field(default=False, init=False)  # said so, and nothing has changed since
    held: bool = attrs.field(default=False, init=False)  # the peer asks for it, and is not answered
    unconfirmed: bool = attrs.field(default=False, init=False)  # off, before it was asked for again


@attrs.define(eq=False)
class Side:
    """The options of one side of a connection.

    `on` and `off` are the verbs by which we ask for them, DO and DONT for the
    peer's side, WILL and WONT for ours. What the peer proposes of its own accord
    is agreed to if it is in `welcome`; it is held, to be answered later, if it is
    in `undecided`; else it is refused. Whatever is refused is so once.
    """

    on: int
    off: int
    welcome: Container[int] = ()
    undecided: Container[int] = ()
    _options: dict[int, _Option] = attrs.field(factory=dict, init=False)

    def is_on(self, option: int) -> bool:
        return self._state(option) is _State.YES

    def is_open(self, option: int) -> bool:
        """Whether the peer has not answered yet what it was asked."""
        return self._state(option) in (_State.WANT_NO, _State.WANT_YES)

    def ask(self, option: int, *, on: bool) -> bytes:
        """Ask for an option to be on, or off; return what is to be sent, maybe nothing."""
        each = self._options.setdefault(option, _Option())
        if each.held:
            each.held, each.refused = False, not on
            if on:  # that is the answer the peer waits for
                each.state = _State.YES
            return self._say(option, on=on)
        match each.state:
            case _State.NO | _State.YES:
                if (each.state is _State.YES) == on:
                    return b""
                each.state = _State.WANT_YES if on else _State.WANT_NO
                return self._say(option, on=on)
            case _State.WANT_NO if on:
                # TinTin++ never confirms that our echo is off: what it says next is of this asking.
                # Who does confirm says two things, and "off" by the first.
                each.state, each.unconfirmed = _State.WANT_YES, True
                return self._say(option, on=True)
            case _State.WANT_YES:
                each.opposite = not on
        return b""

    def receive(self, option: int, *, on: bool) -> bytes:
        """Take the peer's word that an option is on, or off; return the answer, maybe none."""
        each = self._options.setdefault(option, _Option())
        match each.state:
            case _State.NO:
                each.held = False
                return self._proposed(option, each) if on else b""
            case _State.YES:
                if on:
                    return b""
                each.state = _State.NO
                return self._say(option, on=False)
        unconfirmed, each.unconfirmed = each.unconfirmed, False
        if unconfirmed and not on:
            return b""
        wanted_on = each.state is _State.WANT_YES
        each.state = _State.YES if on else _State.NO
        each.refused = False
        if not each.opposite:
            # A peer that answers our "no" with "on" is at fault, and has it off all the same.
            if on and not wanted_on:
                each.state = _State.NO
            return b""
        each.opposite = False
        if not on:
            return b""  # what is wanted by now, though it was refused us
        each.state = _State.WANT_NO
        return self._say(option, on=False)

    def _proposed(self, option: int, each: _Option) -> bytes:
        if option in self.welcome:
            each.state = _State.YES
            return self._say(option, on=True)
        if each.refused:
            return b""
        if option in self.undecided:
            each.held = True
            return b""
        each.refused = True
        return self._say(option, on=False)

    def _state(self, option: int) -> _State:
        each = self._options.get(option)
        return _State.NO if each is None else each.state

    def _say(self, option: int, *, on: bool) -> bytes:
        return bytes([IAC, self.on if on else self.off, option])
