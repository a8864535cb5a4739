"""A telnet in memory: it answers negotiation, sends keys or lines, and has a screen."""

from collections.abc import Sequence

import attrs
import pyte
from trio.testing import wait_all_tasks_blocked

from trioserve.testing import Chat, Person
from trioserve.wire.options import (
    BINARY,
    DO,
    DONT,
    ECHO,
    IAC,
    SUPPRESS_GO_AHEAD,
    TERMINAL_TYPE,
    WILL,
    WINDOW_SIZE,
    WONT,
)
from trioserve.wire.telnet import SB, SE

XTERM = ("XTERM-256COLOR",)
MUDLET = ("MUDLET", "XTERM-256COLOR", "MTTS 271")
ANSWERS = {DO: (WILL, WONT), WILL: (DO, DONT), DONT: (WONT, WONT), WONT: (DONT, DONT)}


@attrs.define(eq=False)
class Telnet:
    """Somebody at a telnet that does as inetutils' does: it agrees to what it knows.

    `types` are what it calls itself when it is asked once, twice, and so on.
    """

    person: Person
    types: Sequence[str] = XTERM
    columns: int = 80
    rows: int = 24
    refused: frozenset[int] = frozenset()
    on: set[tuple[int, int]] = attrs.field(factory=set, init=False)  # (WILL or DO, option)
    asked: list[tuple[int, int]] = attrs.field(factory=list, init=False)  # by the server
    screen: pyte.Screen = attrs.field(init=False)
    _stream: pyte.ByteStream = attrs.field(init=False)
    _read: int = attrs.field(default=0, init=False)  # bytes of what was received
    _types_told: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.screen = pyte.Screen(self.columns, self.rows)
        self._stream = pyte.ByteStream(self.screen)

    @property
    def sends_keys(self) -> bool:
        return {(DO, ECHO), (DO, SUPPRESS_GO_AHEAD)} <= self.on

    @property
    def shows_what_is_typed(self) -> bool:
        return (DO, ECHO) not in self.on

    async def settles(self) -> None:
        """Answer all that the server asks, and see all that it shows."""
        await wait_all_tasks_blocked()
        while self._read < len(self.person.transport.received):
            self._receive()
            await wait_all_tasks_blocked()

    async def presses(self, keys: str) -> None:
        """Press keys: in character mode each is sent, else the line is at its Enter."""
        data = keys.encode()
        if not self.sends_keys:
            data = data.replace(b"\r", b"\r\n")
            if self.shows_what_is_typed:
                self._stream.feed(data)
        self.sends(data)
        await self.settles()

    def sends(self, data: bytes) -> None:
        self.person.transport.type(data)

    async def changes_to_lines(self) -> None:
        """Take our echo back, as ``mode line`` does."""
        self.on.discard((DO, ECHO))
        self.sends(bytes([IAC, DONT, ECHO]))
        await self.settles()

    async def resizes(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.screen.resize(rows, columns)
        self._tell_size()
        await self.settles()

    async def gives_the_name(self, nick: str) -> None:
        await self.settles()
        await self.presses(f"{nick}\r")

    @property
    def shown(self) -> list[str]:
        """The rows of the screen down to the last that is not blank."""
        rows = [row.rstrip() for row in self.screen.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    @property
    def last(self) -> str:
        """The row with the cursor, up to it."""
        cursor = self.screen.cursor
        return str(self.screen.display[cursor.y][: cursor.x])

    # ---------------------------------------------------------------- inside

    def _receive(self) -> None:
        data = bytes(self.person.transport.received[self._read :])
        self._read += len(data)
        while data:
            text, iac, rest = data.partition(bytes([IAC]))
            self._stream.feed(text)
            data = self._command(rest) if iac else rest

    def _command(self, data: bytes) -> bytes:
        """Obey what stands behind an IAC, and return what is behind it."""
        verb = data[0]
        if verb == SB:
            content, _, rest = data[1:].partition(bytes([IAC, SE]))
            assert content == bytes([TERMINAL_TYPE, 1])
            name = self.types[min(self._types_told, len(self.types) - 1)]
            self._types_told += 1
            self.sends(bytes([IAC, SB, TERMINAL_TYPE, 0]) + name.encode() + bytes([IAC, SE]))
            return rest
        self._negotiate(verb, data[1])
        return data[2:]

    def _negotiate(self, verb: int, option: int) -> None:
        self.asked.append((verb, option))
        known = {
            DO: {BINARY, TERMINAL_TYPE, WINDOW_SIZE},
            WILL: {ECHO, SUPPRESS_GO_AHEAD},
        }
        agrees = option in known.get(verb, set()) - self.refused
        key = (DO if verb in (WILL, WONT) else WILL, option)
        if agrees == (key in self.on) and verb in (DONT, WONT):
            return
        (self.on.add if agrees else self.on.discard)(key)
        self.sends(bytes([IAC, ANSWERS[verb][0 if agrees else 1], option]))
        if (verb, option) == (DO, WINDOW_SIZE) and agrees:
            self._tell_size()

    def _tell_size(self) -> None:
        size = self.columns.to_bytes(2, "big") + self.rows.to_bytes(2, "big")
        self.sends(bytes([IAC, SB, WINDOW_SIZE]) + size + bytes([IAC, SE]))


async def come(
    chat: Chat,
    nick: str = "",
    *,
    types: Sequence[str] = XTERM,
    columns: int = 80,
    rows: int = 24,
    refused: Sequence[int] = (),
    telnet: bool = True,
) -> Telnet:
    """Come by telnet, and give a name if there is one; by the port for telnet, or the other."""
    made = Telnet(chat.connect(telnet=telnet), types, columns, rows, frozenset(refused))
    await made.settles()
    if nick:
        await made.gives_the_name(nick)
    return made
