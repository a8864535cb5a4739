"""Simulated people: who they are, and the things that they do."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio
import trio.testing

from tests.sim import returns
from tests.sim.chronicle import Wrong
from tests.sim.doorway import Door, Doorway
from tests.sim.faults import Faults
from tests.sim.stays import Stay
from trioserve.edge.sockets import LONGEST_PAUSE
from trioserve.testing import Chat
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

TAKEN: Final = "keeper"  # the name of one who is always here
AGREED = bytes([IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD, IAC, WILL, TERMINAL_TYPE]) + bytes(
    [IAC, WILL, WINDOW_SIZE, IAC, SB, WINDOW_SIZE, 0, 80, 0, 24, IAC, SE]
)
IS_XTERM = bytes([IAC, SB, TERMINAL_TYPE, 0]) + b"XTERM" + bytes([IAC, SE])
ROOMS = ("#lobby", "#dev", "#tea", "#den")


@attrs.define(eq=False)
class People:
    """Everybody who is, or was, connected; what they do next is drawn from `chance`."""

    chat: Chat
    chance: random.Random
    faults: Faults
    most: int  # at a time
    door: Door = attrs.field(factory=Door, init=False)  # by which they come
    stays: list[Stay] = attrs.field(factory=list, init=False)
    done: Counter[str] = attrs.field(factory=Counter, init=False)  # how often they did what
    accounts: list[str] = attrs.field(factory=list, init=False)  # names that were registered
    wrongs: list[Wrong] = attrs.field(factory=list, init=False)  # what they have seen at once

    async def lets_in(self) -> None:
        """Let in who comes to the door, until cancelled."""
        admit = self.chat.edge._admit
        assert admit is not None
        await Doorway(self.door).serve(admit)

    async def act(self) -> None:
        """Let somebody do something, or somebody else come."""
        here = [each for each in self.stays if each.is_here]
        if len(here) < 2 or (len(here) < self.most and self.chance.random() < 0.1):
            await self.comes()
            return
        does = self.chance.choices(list(self._deeds), list(self._deeds.values()))[0]
        self.done[does.__name__] += 1
        await does(self, self.chance.choice(here))

    async def comes(self) -> Stay:
        """Let somebody connect, who may want a name that is taken first."""
        stay = await self.connects()
        if self.chance.random() < 0.2:
            stay.types(self.chance.choice((TAKEN, "1nvalid", "x" * 2000)))
        stay.types(stay.nick)
        if not stay.has_keys and self.chance.random() < 0.3:
            stay.types("/format json")
        await self._maybe_settles()
        return stay

    async def connects(self) -> Stay:
        """Let somebody connect, who has said nothing yet."""
        telnet = self.chance.random() < 0.15
        stay = self._knocks(telnet=telnet)
        if telnet:
            await self._negotiates(stay)
        return stay

    def _knocks(self, *, telnet: bool = False) -> Stay:
        number = len(self.stays)
        wire = self.faults.wire(number, self.chance.choice((512, 4096, 65536)), telnet=telnet)
        self.door.knock(wire)
        stay = Stay(number, wire, f"p{number}", has_keys=telnet)
        self.stays.append(stay)
        return stay

    async def _negotiates(self, stay: Stay) -> None:
        """Answer what the server asks a telnet, in the order in which it does."""
        for answer in (AGREED, IS_XTERM, IS_XTERM):
            await trio.testing.wait_all_tasks_blocked()
            stay.wire.type(answer)
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
            stay.wire.type("".join(self.chance.choices(keys, k=5)).encode())

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

    async def come_in_vain(self, _: Stay) -> None:
        """Come while there are no descriptors, and be let in when there are again."""
        if not self.faults.rate:
            return
        self.door.short, refused = True, self.door.refused
        crowd = [self._knocks() for _ in range(self.chance.randrange(1, 4))]
        await trio.sleep(self.chance.choice((0.0, 0.3, 5.0)))
        await self._maybe_settles()
        self.door.short = False
        self.faults.struck["accept failed"] += self.door.refused - refused
        await trio.sleep(LONGEST_PAUSE)
        await trio.testing.wait_all_tasks_blocked()
        if late := [stay.number for stay in crowd if not stay.wire.received]:
            self.wrongs.append(Wrong(f"not let in when there are descriptors again: {late}"))
        for stay in crowd:
            stay.types(stay.nick)

    async def mistypes(self, stay: Stay) -> None:
        stay.types(self.chance.choice(("/jion", "/join", "/nick 1", "x" * 2000, "/tell", "/")))

    async def sends_rubbish(self, stay: Stay) -> None:
        rubbish = bytes(self.chance.randrange(32, 240) for _ in range(self.chance.randrange(40)))
        stay.types("/help " + rubbish.decode("latin-1"))

    async def stalls(self, stay: Stay) -> None:
        stay.reads = stay.has_read = stay.wire.reading = False

    async def reads_a_little(self, stay: Stay) -> None:
        if not stay.reads:
            await self._meanwhile()
            stay.wire.read(self.chance.randrange(1, 3000))

    async def reads_on(self, stay: Stay) -> None:
        stay.reads = True
        await self._meanwhile()
        stay.wire.read_on()

    async def quits(self, stay: Stay) -> None:
        stay.types("/quit")
        stay.is_gone = True

    async def hangs_up(self, stay: Stay) -> None:
        for _ in range(self.chance.choice((0, 1, 1, 3))):  # as `echo hi | nc` does
            stay.types(self._text(stay))
        stay.wire.end_input()
        stay.is_gone = stay.has_hung_up = True

    async def vanishes(self, stay: Stay) -> None:
        stay.wire.break_off()
        stay.is_gone = True

    async def falls_silent(self, stay: Stay) -> None:
        """Be gone without a word: to the server they seem to be there."""
        stay.wire.reading = stay.reads = stay.has_read = False
        stay.is_gone = True

    async def waits(self, _: Stay) -> None:
        await trio.sleep(self.chance.choice((0.01, 0.5, 3.0, 20.0)))

    async def _meanwhile(self) -> None:
        """Let others' lines be on their way, which the broker may or may not have handled."""
        here = [each for each in self.stays if each.is_here]
        for stay in self.chance.choices(here, k=self.chance.randrange(3)) if here else ():
            stay.types(self._text(stay))
        for _ in range(self.chance.randrange(4)):
            await trio.lowlevel.checkpoint()

    def nick_of(self, stay: Stay) -> str:
        """Under which name somebody is here; if they are not, under which they came."""
        for session in self.chat.server.sessions:
            if session._transport is stay.wire and session.member is not None:
                return session.member.nick
        return stay.nick

    def _somebody(self, stay: Stay) -> str:
        others = [each for each in self.stays if each is not stay and not each.is_gone]
        return self.nick_of(self.chance.choice(others)) if others else TAKEN

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
            People.come_in_vain: 1,
            People.mistypes: 2,
            People.sends_rubbish: 2,
            People.stalls: 3,
            People.reads_a_little: 6,
            People.reads_on: 4,
            People.quits: 1,
            People.hangs_up: 1,
            People.vanishes: 3,
            People.falls_silent: 1,
            returns.resumes: 6,
            returns.registers: 1,
            returns.logs_in: 3,
            People.waits: 12,
        }
