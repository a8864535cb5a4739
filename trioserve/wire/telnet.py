"""Take telnet's commands out of a stream of bytes (RFC 854, 855, 856, 860, 1143)."""

import enum
from typing import Final

import attrs

from trioserve.errors import ProtocolError

MAX_SUBNEGOTIATION: Final = 1024  # bytes between IAC SB and IAC SE

SE, DM, BRK, IP, AYT, EC, EL, SB = 240, 242, 243, 244, 246, 247, 248, 250
WILL, WONT, DO, DONT, IAC = 251, 252, 253, 254, 255
_FIRST_COMMAND: Final = 240  # below it, 0xFF is the ÿ of a Latin-1 nc
_FIRST_LATE_COMMAND: Final = 236  # EOF, SUSP, ABORT, EOR (RFC 1184, 885), once telnet is certain

BINARY: Final = 0
TIMING_MARK: Final = 6

_IAC = bytes([IAC])


class Signal(enum.Enum):
    """Keys that telnet sends out of the text."""

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

    Every option that the peer offers or asks for is refused, and each refusal is
    sent once: the state of an option that is always off never changes, so a peer
    that asks again has its answer already (RFC 1143), and two who mirror each
    other fall silent. TIMING-MARK is answered each time (RFC 860): without it the
    telnet of a person who has pressed Ctrl-C shows nothing more.

    The one thing asked of the peer, as soon as it has shown that it speaks
    telnet, is to send BINARY (RFC 856): outside of it, inetutils' telnet takes
    half of "Ü" for a key. Our own direction stays as it is.

    `spoken` tells whether the peer has shown that it speaks telnet.
    """

    spoken: bool = attrs.field(default=False, init=False)
    _held: bytes = attrs.field(default=b"", init=False)
    _refused: set[bytes] = attrs.field(factory=set, init=False)
    _answers: bytearray = attrs.field(factory=bytearray, init=False)

    def receive_data(self, data: bytes) -> list[bytes | Signal]:
        """Return the text in `data` and the signals within it, in their order.

        A command cut at the end of `data` is held back until the rest comes.

        Raises:
            ProtocolError: when a subnegotiation is longer than MAX_SUBNEGOTIATION.
        """
        data = self._held + data
        self._held = b""
        parts: list[bytes | Signal] = []
        text = 0  # where the text begins that is not in `parts` yet
        position = data.find(_IAC)
        while position >= 0:
            end = self._command_end(data, position)
            if end is None:
                self._held = data[position:]
                data = data[:position]
                break
            if end > position + 1:
                # IAC IAC stands for one 0xFF: the first is cut out, the second is text.
                escaped = data[position + 1] == IAC
                parts.append(data[text:position])
                text = end - 1 if escaped else end
                parts.extend(self._obey(data[position:end]))
            position = data.find(_IAC, end)
        parts.append(data[text:])
        return [part for part in parts if part]

    def finish(self) -> bytes:
        """Return the text that was held back when the input ended, for it was no command."""
        held, self._held = self._held, b""
        return held if held[1:] < bytes([_FIRST_COMMAND]) else b""

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
        found = None
        position = data.find(_IAC, start + 2)
        while 0 <= position < len(data) - 1:
            if data[position + 1] == SE:
                found = position + 2
                break
            position = data.find(_IAC, position + 2)
        if (found or len(data)) - start > MAX_SUBNEGOTIATION + 4:
            raise ProtocolError(
                f"a telnet subnegotiation longer than {MAX_SUBNEGOTIATION} bytes is refused"
            )
        return found

    def _obey(self, command: bytes) -> list[Signal]:
        verb = command[1]
        if verb == IAC:
            return []
        if not self.spoken:
            self.spoken = True
            self._answers += bytes([IAC, DO, BINARY])
        if verb in (WILL, DO):
            self._answer(verb, command[2])
        signal = _SIGNALS.get(verb)
        return [] if signal is None else [signal]

    def _answer(self, verb: int, option: int) -> None:
        if verb == DO and option == TIMING_MARK:
            self._answers += bytes([IAC, WILL, TIMING_MARK])
            return
        if verb == WILL and option == BINARY:
            return  # what we have asked for
        refusal = bytes([IAC, DONT if verb == WILL else WONT, option])
        if refusal not in self._refused:
            self._refused.add(refusal)
            self._answers += refusal
