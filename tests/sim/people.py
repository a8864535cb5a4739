"""Simulated people: who they are, and the things that they do."""

import random
from collections.abc import Awaitable, Callable

import attrs
import trio
import trio.testing

from tests.sim.faults import Faults
from trioserve.testing import Chat, MemoryTransport
from trioserve.wire.options import (
    DO,
    ECHO,
    IAC,
    SUPPRESS_GO_AHEAD,
    TERMINAL_TYPE,
    WILL,
    WINDOW_SIZE,
)
from trioserve.wire.telnet import SB, SE

TAKEN = "keeper"  # the name of one who is always here
AGREED = bytes([IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD, IAC, WILL, TERMINAL_TYPE]) + bytes(
    [IAC, WILL, WINDOW_SIZE, IAC, SB, WINDOW_SIZE, 0, 80, 0, 24, IAC, SE]
)
IS_XTERM = bytes([IAC, SB, TERMINAL_TYPE, 0]) + b"XTERM" + bytes([IAC, SE])
ROOMS = ("#lobby", "#dev", "#tea", "#den")


@attrs.define(eq=False)
class Stay:
    """One connection of somebody's, from its beginning to its end."""

    number: int
    transport: MemoryTransport
    nick: str  # under which they come in: nobody else ever has it
    has_keys: bool = False  # in character mode, where a screen is redrawn all the time
    renames: int = 0
    is_gone: bool = False  # by their own doing
    reads: bool = True
    has_read: bool = True  # all the time, up to their end
    has_hung_up: bool = False  # after their last line, and reads on
    said: int = 0
    whispered: int = 0

    def types(self, text: str) -> None:
        if not self.is_gone:
            typed = f"{text}\n".encode()
            if self.has_keys:
                typed = typed.replace(b"\n", b"\r").replace(b"\r\r", b"\r")
            self.transport.type(typed)

    def token(self) -> str:
        """The word that tells the next message of theirs from all others."""
        self.said += 1
        return f"q{self.number}x{self.said}"

    def whisper(self) -> str:
        """The same of what they say to one person alone."""
        self.whispered += 1
        return f"t{self.number}x{self.whispered}"

    @property
    def now(self) -> str:
        """The nick that they have now, if the last rename was granted."""
        return f"{self.nick}r{self.renames}" if self.renames else self.nick

    @property
    def screen(self) -> str:
        """All that they have been shown."""
        return self.transport.received.decode("utf-8", "replace")


@attrs.define(eq=False)
class People:
    """Everybody who is, or was, connected; what they do next is drawn from `chance`."""

    chat: Chat
    chance: random.Random
    faults: Faults
    most: int  # at a time
    stays: list[Stay] = attrs.field(factory=list, init=False)
    done: dict[str, int] = attrs.field(factory=dict, init=False)  # how often they did what

    async def act(self) -> None:
        """Let somebody do something, or somebody else come."""
        here = [each for each in self.stays if not each.is_gone and not each.transport.is_closed]
        if len(here) < 2 or (len(here) < self.most and self.chance.random() < 0.1):
            await self.comes()
            return
        does = self.chance.choices(list(self._deeds), list(self._deeds.values()))[0]
        self.done[does.__name__] = self.done.get(does.__name__, 0) + 1
        await does(self, self.chance.choice(here))

    async def comes(self) -> Stay:
        """Let somebody connect, who may want a name that is taken first."""
        number = len(self.stays)
        telnet = self.chance.random() < 0.15
        window = self.chance.choice((512, 4096, 65536))
        transport = self.faults.transport(window, telnet=telnet)
        self.chat.edge.connect(transport)
        stay = Stay(number, transport, f"p{number}", has_keys=telnet)
        self.stays.append(stay)
        if telnet:
            await self._negotiates(stay)
        if self.chance.random() < 0.2:
            stay.types(self.chance.choice((TAKEN, "1nvalid", "x" * 2000)))
        stay.types(stay.nick)
        if not telnet and self.chance.random() < 0.3:
            stay.types("/format json")
        await self._maybe_settles()
        return stay

    async def _negotiates(self, stay: Stay) -> None:
        """Answer what the server asks a telnet, in the order in which it does."""
        for answer in (AGREED, IS_XTERM, IS_XTERM):
            await trio.testing.wait_all_tasks_blocked()
            stay.transport.type(answer)
        await trio.testing.wait_all_tasks_blocked()

    # ------------------------------------------------------------- deeds

    async def says(self, stay: Stay) -> None:
        stay.types(self._text(stay))

    async def says_much(self, stay: Stay) -> None:
        lines = (self._text(stay) for _ in range(self.chance.randrange(2, 40)))
        stay.types("\n".join(lines))

    async def acts(self, stay: Stay) -> None:
        stay.types(f"/me {self._text(stay)}")

    async def joins(self, stay: Stay) -> None:
        stay.types(f"/join {self.chance.choice(ROOMS)}")

    async def leaves(self, stay: Stay) -> None:
        stay.types(f"/leave {self.chance.choice(ROOMS)}")

    async def switches(self, stay: Stay) -> None:
        stay.types(f"/room {self.chance.choice(ROOMS)}")

    async def renames(self, stay: Stay) -> None:
        stay.renames += 1
        new = f"{stay.nick}r{stay.renames}"
        stay.types(f"/nick {TAKEN if self.chance.random() < 0.3 else new}")

    async def asks(self, stay: Stay) -> None:
        stay.types(
            self.chance.choice(("/who", "/rooms", "/help", "/missed", "/missed", "/history 5"))
        )

    async def whispers(self, stay: Stay) -> None:
        stay.types(f"/msg {self._somebody(stay)} {stay.whisper()}")

    async def ignores(self, stay: Stay) -> None:
        stay.types(f"/ignore {self._somebody(stay)}")

    async def moderates(self, stay: Stay) -> None:
        deed = self.chance.choice(
            ("kick", "ban", "unban", "mute", "mute", "unmute", "invite", "giveroom")
        )
        stay.types(f"/{deed} {self._somebody(stay)}")

    async def secludes(self, stay: Stay) -> None:
        stay.types(f"/private {self.chance.choice(('on', 'off'))}")

    async def sets_topic(self, stay: Stay) -> None:
        stay.types(f"/topic tea {self.chance.randrange(9)}")

    async def edits(self, stay: Stay) -> None:
        """Press a terminal's keys: an arrow, ^A, ^K, ^U, Tab, a page turned, a paste's ends."""
        if stay.has_keys:
            keys = ("\x1b[D", "\x01", "\x0b", "\x15", "/he\t", " ", "q", "\x1b[200~a\rb\x1b[201~")
            stay.transport.type("".join(self.chance.choices(keys, k=5)).encode())

    async def pastes(self, stay: Stay) -> None:
        stay.types("\r\n".join(self._text(stay) for _ in range(self.chance.randrange(2, 8))))

    async def crashes_a_command(self, stay: Stay) -> None:
        stay.types("/crash")

    async def hangs_in_a_command(self, stay: Stay) -> None:
        stay.types("/hang")

    async def cancels(self, stay: Stay) -> None:
        stay.types("/cancel")

    async def troubles_the_store(self, _: Stay) -> None:
        if self.faults.rate:
            self.faults.trouble_the_store()

    async def mistypes(self, stay: Stay) -> None:
        stay.types(self.chance.choice(("/jion", "/join", "/nick 1", "x" * 2000, "/tell", "/")))

    async def sends_rubbish(self, stay: Stay) -> None:
        rubbish = bytes(self.chance.randrange(32, 240) for _ in range(self.chance.randrange(40)))
        stay.types("/help " + rubbish.decode("latin-1"))

    async def stalls(self, stay: Stay) -> None:
        stay.reads = stay.has_read = stay.transport.reading = False

    async def reads_a_little(self, stay: Stay) -> None:
        if not stay.reads:
            await self._meanwhile()
            stay.transport.read(self.chance.randrange(1, 3000))

    async def reads_on(self, stay: Stay) -> None:
        stay.reads = True
        await self._meanwhile()
        stay.transport.read_on()

    async def quits(self, stay: Stay) -> None:
        stay.types("/quit")
        stay.is_gone = True

    async def hangs_up(self, stay: Stay) -> None:
        for _ in range(self.chance.choice((0, 1, 1, 3))):  # as `echo hi | nc` does
            stay.types(self._text(stay))
        stay.transport.end_input()
        stay.is_gone = stay.has_hung_up = True

    async def vanishes(self, stay: Stay) -> None:
        stay.transport.break_off()
        stay.is_gone = True

    async def waits(self, _: Stay) -> None:
        await trio.sleep(self.chance.choice((0.01, 0.5, 3.0, 20.0)))

    async def _meanwhile(self) -> None:
        """Let others' lines be on their way, which the broker may or may not have handled."""
        here = [each for each in self.stays if not each.is_gone]
        for stay in self.chance.choices(here, k=self.chance.randrange(3)):
            stay.types(self._text(stay))
        for _ in range(self.chance.randrange(4)):
            await trio.lowlevel.checkpoint()

    def _somebody(self, stay: Stay) -> str:
        others = [each for each in self.stays if each is not stay and not each.is_gone]
        return self.chance.choice(others).now if others else TAKEN

    def _text(self, stay: Stay) -> str:
        filler = "la " * self.chance.choice((0, 1, 10, 100))
        return f"{stay.token()} {filler}".rstrip()

    async def _maybe_settles(self) -> None:
        if self.chance.random() < 0.5:
            await trio.testing.wait_all_tasks_blocked()

    _deeds: dict[Callable[["People", Stay], Awaitable[None]], int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._deeds = {
            People.says: 30,
            People.says_much: 4,
            People.acts: 4,
            People.joins: 8,
            People.leaves: 4,
            People.switches: 4,
            People.renames: 2,
            People.asks: 5,
            People.whispers: 5,
            People.ignores: 1,
            People.moderates: 6,
            People.secludes: 1,
            People.sets_topic: 1,
            People.edits: 4,
            People.pastes: 1,
            People.crashes_a_command: 1,
            People.hangs_in_a_command: 1,
            People.cancels: 2,
            People.troubles_the_store: 2,
            People.mistypes: 2,
            People.sends_rubbish: 2,
            People.stalls: 3,
            People.reads_a_little: 6,
            People.reads_on: 4,
            People.quits: 1,
            People.hangs_up: 1,
            People.vanishes: 1,
            People.waits: 12,
        }
