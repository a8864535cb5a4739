"""One connection of somebody's, from its beginning to its end."""

import re
from typing import Final

import attrs

from tests.sim.transcripts import transcript
from tests.sim.wires import Wire
from trioserve.sessions.services import TAKEN_OVER

_WORDS: Final = re.compile(rb"(?:breaks: /resume |\"words\":\")([a-z]+-[a-z]+-[a-z]\d+)")


@attrs.define(eq=False)
class Stay:
    """One connection of somebody's, from its beginning to its end."""

    number: int
    wire: Wire
    nick: str  # under which they come in: nobody else has it then
    has_keys: bool = False  # in character mode, where a screen is redrawn all the time
    has_edited: bool = False  # with keys that may have taken out what they typed
    renames: int = 0
    is_gone: bool = False  # by their own doing
    reads: bool = True
    has_read: bool = True  # all the time, up to their end
    has_hung_up: bool = False  # after their last line, and reads on
    is_taken_over: bool = False  # by another connection, when all that they typed was received
    talks_to_the_end: bool = False  # of the server
    said: int = 0
    whispered: int = 0

    def types(self, text: str) -> None:
        if not self.is_gone:
            typed = f"{text}\n".encode()
            if self.has_keys:
                typed = typed.replace(b"\n", b"\r").replace(b"\r\r", b"\r")
            self.wire.type(typed)

    def token(self) -> str:
        """The word that tells the next message of theirs from all others.

        It begins with no key that ends an answer which is read by pages, as "q" does.
        """
        self.said += 1
        return f"s{self.number}x{self.said}"

    def whisper(self) -> str:
        """The same of what they say to one person alone."""
        self.whispered += 1
        return f"t{self.number}x{self.whispered}"

    @property
    def words(self) -> str:
        """By which they come back, as far as they have read; empty if none."""
        found = _WORDS.findall(self.wire.received)
        return str(found[-1].decode()) if found else ""

    @property
    def is_here(self) -> bool:
        """Whether they, and the server, are still at this connection."""
        is_dismissed = TAKEN_OVER.farewell.encode() in self.wire.received[-500:]
        return not (self.is_gone or self.wire.is_closed or is_dismissed)

    @property
    def screen(self) -> str:
        """All that they have been shown, as it came."""
        return self.wire.received.decode("utf-8", "replace")

    @property
    def transcript(self) -> str:
        """All lines that they have been shown."""
        return transcript(bytes(self.wire.received))
