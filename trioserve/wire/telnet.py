"""Take telnet's commands out of a stream of bytes (RFC 854, 855, 856, 860, 1143)."""

import enum
from collections.abc import Iterator
from typing import Final

import attrs

from trioserve.errors import ProtocolError
from trioserve.wire.options import BINARY, DO, DONT, IAC, TIMING_MARK, WILL, WONT, Side

MAX_SUBNEGOTIATION: Final = 1024  # bytes between IAC SB and IAC SE

SE, DM, BRK, IP, AYT, EC, EL, SB = 240, 242, 243, 244, 246, 247, 248, 250
_FIRST_COMMAND: Final = 240  # below it, 0xFF is the ÿ of a Latin-1 nc
_FIRST_LATE_COMMAND: Final = 236  # EOF, SUSP, ABORT, EOR (RFC 1184, 885), once telnet is certain

_IAC = bytes([IAC])


class Signal(enum.Enum):
    """Keys that are no text: telnet sends them out of it, a terminal by its own codes."""

    ENOUGH = "no more of a long answer"
    WITHHELD = "a line that may be the rest of a secret"
    INTERRUPT = "Interrupt Process"
    ARE_YOU_THERE = "Are You There"
    ERASE_CHARACTER = "Erase Character"
    ERASE_LINE = "Erase Line"


_SIGNALS: Final = {
    IP: Signal.INTERRUPT,
    BRK: Signal.INTERRUPT,
    AYT: Signal.ARE_YOU_THERE,
    EC: Signal.ERASE_CHARACTER,
    EL: Signal.ERASE_LINE,
}


@attrs.define(eq=False)
class TelnetFilter:
    """Split received bytes into text and telnet's signals, and answer negotiation.

    What the peer offers or asks for is agreed to if `theirs` and `ours` welcome
    it, else refused, once. TIMING-MARK is answered each time (RFC 860): without
    it the telnet of a person who has pressed Ctrl-C shows nothing more.

    The one thing asked of the peer by itself, as soon as it has shown that it
    speaks telnet, is to send BINARY (RFC 856): outside of it, inetutils' telnet
    takes half of "Ü" for a key. Our own direction stays as it is.

    `spoken` tells whether the peer has shown that it speaks telnet.
    """

    theirs: Side = attrs.field(factory=lambda: Side(DO, DONT, {BINARY}))
    ours: Side = attrs.field(factory=lambda: Side(WILL, WONT))
    spoken: bool = attrs.field(default=False, init=False)
    # What the peer has told of options that are on: each with what is between SB and SE.
    told: list[tuple[int, bytes]] = attrs.field(factory=list, init=False)
    _held: bytes = attrs.field(default=b"", init=False)
    _answers: bytearray = attrs.field(factory=bytearray, init=False)

    def receive_data(self, data: bytes) -> list[bytes | Signal]:
        """Return the text in `data` and the signals within it, in their order.

        A command cut at the end of `data` is held back until the rest comes.

        Raises:
            ProtocolError: when a subnegotiation is longer than MAX_SUBNEGOTIATION.
        """
        return list(self.parts(data))

    def parts(self, data: bytes) -> Iterator[bytes | Signal]:
        """Yield what `receive_data` returns, each before what stands behind it is obeyed."""
        data = self._held + data
        self._held = b""
        text = 0  # where the text begins that is not yielded yet
        position = data.find(_IAC)
        while position >= 0:
            end = self._command_end(data, position)
            if (len(data) if end is None else end) - position > MAX_SUBNEGOTIATION + 4:
                if text < position:  # it was typed before
                    yield data[text:position]
                raise ProtocolError(
                    f"a telnet subnegotiation longer than {MAX_SUBNEGOTIATION} bytes is refused"
                )
            if end is None:
                self._held = data[position:]
                data = data[:position]
                break
            if end > position + 1:
                # IAC IAC stands for one 0xFF: the first is cut out, the second is text.
                escaped = data[position + 1] == IAC
                if text < position:
                    yield data[text:position]
                text = end - 1 if escaped else end
                yield from self._obey(data[position:end])
            position = data.find(_IAC, end)
        if text < len(data):
            yield data[text:]

    @property
    def is_cut(self) -> bool:
        """Whether a command has begun of which the rest has not come."""
        return bool(self._held)

    def finish(self) -> bytes:
        """Return the text that was held back when the input ended, for it was no command."""
        held, self._held = self._held, b""
        return held if held[1:] < bytes([_FIRST_COMMAND]) else b""

    def ask(self, side: Side, option: int, *, on: bool) -> None:
        """Ask for an option of one side to be on, or off."""
        self._answers += side.ask(option, on=on)

    def tell(self, option: int, content: bytes) -> None:
        """Send the peer a subnegotiation."""
        escaped = content.replace(_IAC, 2 * _IAC)
        self._answers += bytes([IAC, SB, option]) + escaped + bytes([IAC, SE])

    def take_answers(self) -> bytes:
        """Return what is to be sent to the peer, once."""
        answers = bytes(self._answers)
        self._answers.clear()
        return answers

    def _command_end(self, data: bytes, start: int) -> int | None:
        """Where the command at `start` ends; just behind `start` if it is none; None if unknown."""
        if start + 1 == len(data):
            return None
        verb = data[start + 1]
        if verb < _FIRST_LATE_COMMAND:
            return start + 1
        if verb < _FIRST_COMMAND and not self.spoken:
            # With another command right behind it, as a telnet's Ctrl-Z; else text.
            behind = data[start + 2 : start + 3]
            return (start + 2 if behind == _IAC else start + 1) if behind else None
        if verb == SB:
            return self._subnegotiation_end(data, start)
        end = start + (3 if WILL <= verb <= DONT else 2)
        return end if end <= len(data) else None

    def _subnegotiation_end(self, data: bytes, start: int) -> int | None:
        """Find the IAC SE behind `start`, passing over doubled IACs."""
        position = data.find(_IAC, start + 2)
        while 0 <= position < len(data) - 1:
            if data[position + 1] == SE:
                return position + 2
            position = data.find(_IAC, position + 2)
        return None

    def _obey(self, command: bytes) -> list[Signal]:
        verb = command[1]
        if verb == IAC:
            return []
        if not self.spoken:
            self.spoken = True
            self.ask(self.theirs, BINARY, on=True)
        if WILL <= verb <= DONT:
            self._negotiate(verb, command[2])
        elif verb == SB and len(command) > 4 and self.theirs.is_on(command[2]):
            self.told.append((command[2], command[3:-2].replace(2 * _IAC, _IAC)))
        signal = _SIGNALS.get(verb)
        return [] if signal is None else [signal]

    def _negotiate(self, verb: int, option: int) -> None:
        if verb == DO and option == TIMING_MARK:
            self._answers += bytes([IAC, WILL, TIMING_MARK])
            return
        side = self.theirs if verb in (WILL, WONT) else self.ours
        self._answers += side.receive(option, on=verb in (WILL, DO))
