"""A client in line mode: what comes is cut into lines, and goes on where keys have left off."""

from collections.abc import Iterator

import attrs

from trioserve.terminal.charmode import CharacterMode
from trioserve.wire.buffer import lines_of
from trioserve.wire.keystream import KeyDecoder
from trioserve.wire.lines import LineSplitter, Typed, decoded
from trioserve.wire.pasting import PasteRest
from trioserve.wire.telnet import Signal
from trioserve.wire.text import clean, encode, plural


@attrs.define(eq=False)
class LineMode:
    """What one client types while it sends whole lines."""

    splitter: LineSplitter
    # Of a paste that had begun when character mode ended: its lines, which nobody has had yet,
    # and what has still to come.
    _lines: list[Typed] = attrs.field(factory=list, init=False)
    _rest_of_paste: PasteRest | None = attrs.field(default=None, init=False)

    @property
    def unread(self) -> int:
        """How many lines have come that nobody has had yet."""
        return len(self._lines)

    def receive_data(self, text: bytes) -> Iterator[Typed]:
        """Yield the lines that received text completes."""
        if self._rest_of_paste is not None:
            text = self._rest_of_paste.receive_data(text)
        yield from map(decoded, self.splitter.receive_data(text))

    def press(self, signal: Signal) -> Iterator[Typed]:
        """Obey one of telnet's keys, or yield it."""
        if signal is Signal.ERASE_CHARACTER:
            self.splitter.erase_character()
        elif signal is Signal.ERASE_LINE:
            self.splitter.erase_line()
        else:
            yield signal

    def finish(self, text: bytes) -> list[Typed]:
        """Return the lines that the end of input has ended, with the last text that came."""
        lines = self.splitter.receive_data(text) + self.splitter.finish()
        return self.take_lines() + [decoded(line) for line in lines]

    def take_lines(self) -> list[Typed]:
        """Return the lines that character mode has left behind, once."""
        lines, self._lines = self._lines, []
        return lines

    def end_paste(self) -> None:
        """Take what comes for typed, whatever has come of a paste."""
        self._rest_of_paste = None

    def inherit(self, mode: CharacterMode, question: str | None) -> bytes:
        """Go on where character mode has ended; return what the screen has to show of that.

        What has been typed of a line, and what comes of a paste, is as if typed here, behind
        the question that is still asked. What cannot be gone on with is told.
        """
        told, draft = b"", mode.editor.text
        if "\n" in draft:
            told, draft = not_sent(draft), ""
        elif draft and mode.editor.secret:  # it must not become the beginning of the secret
            told, draft = encode(f"-- not sent: {draft}"), ""
        begun = (mode.editor.unseen + draft).encode()
        if not mode.keys.is_pasting:  # or it is the paste's
            begun += mode.keys.take_half()
        self._lines += map(decoded, self.splitter.receive_data(begun))
        if mode.is_dropping:
            self.splitter.discard_line()
        pasted, refused = "", None
        if mode.keys.is_pasting:
            pasted, refused = self._go_on_pasting(mode.keys, mode.typist.is_secret)
        return told + not_sent(refused) + f"{clean(question or '')}{draft}{pasted}".encode()

    def _go_on_pasting(self, keys: KeyDecoder, is_secret: bool) -> tuple[str, str | None]:
        """Let the paste that has begun go on as lines, which is what line mode makes of one.

        Return what of it is to be shown, for its terminal has not; and what is not sent.
        """
        pasted = keys.take_paste()
        refused = pasted is None or is_secret  # its other lines would be read by the room
        self._rest_of_paste = keys.rest_of_paste(refused=refused)
        if refused or pasted is None:
            return "", pasted
        self._lines += map(decoded, self.splitter.receive_data(pasted.encode()))
        return "\r\n".join(map(clean, pasted.split("\n"))), None


def not_sent(pasted: str | None) -> bytes:
    """Return the line that tells how much was pasted for nothing, if it was."""
    if not pasted:
        return b""
    return encode(f"-- {plural(len(lines_of(pasted)), 'line')} of a paste not sent")
