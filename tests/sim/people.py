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
from tests.sim.wires import Wire
from trioserve.edge.sockets import LONGEST_PAUSE
from trioserve.rooms.member import Member
from trioserve.sessions.session import Session
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

# Of telnet, from one who is none: a NOP, options that nobody knows, what has no end yet.
COMMANDS: Final = (
    bytes([IAC, 241]),
    bytes([IAC, WILL, 99, IAC, DO, 98]),
    bytes([IAC, SB, 99, 1, 2, IAC, IAC, IAC, SE]),
)
TAKEN: Final = "keeper"  # the name of one who is always here
AGREED = bytes([IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD, IAC, WILL, TERMINAL_TYPE]) + bytes(
    [IAC, WILL, WINDOW_SIZE, IAC, SB, WINDOW_SIZE, 0, 80, 0, 24, IAC, SE]
)
IS_XTERM = bytes([IAC, SB, TERMINAL_TYPE, 0]) + b"XTERM" + bytes([IAC, SE])
LONGEST_READ, BITE = 20_000, 300  # bytes
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

    @property
    def wires(self) -> list[Wire]:
        """The connections of all who were let in."""
        return [each.wire for each in self.stays if each.wire not in self.door.waiting]

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
        lost = [each.nick for each in self.chat.server.broker.resuming.lost]
        whom = self.chance.choice(lost) if lost and self.chance.random() < 0.5 else ""
        stay.types(f"/msg {whom or self._somebody(stay)} {stay.whisper()}")

    async def ignores(self, stay: Stay) -> None:
        stay.types(f"/ignore {self._somebody(stay)}")

    async def moderates(self, stay: Stay) -> None:
        deed = self.chance.choice(
            ("kick", "ban", "unban", "mute", "mute", "unmute", "invite", "giveroom")
        )
        stay.types(f"/{deed} {self._somebody(stay)}")

    async def governs(self, _: Stay) -> None:
        """Mute somebody in a room of one's own, or let them speak again; they talk there."""
        ruled = [
            (room.name, owner, member)
            for room in self.chat.server.world.rooms.values()
            if room.owner is not None and (owner := self._at(room.owner)) is not None
            for member in map(self._at, room.members)
            if member is not None and member is not owner
        ]
        if not ruled:
            return
        room, owner, member = self.chance.choice(ruled)
        deed = "mute" if self.chance.random() < 0.7 else "unmute"
        owner.types(f"/room {room}\n/{deed} {self.nick_of(member)}")
        await self._maybe_settles()
        for each in self.chance.choices((self.says, self.acts), k=2):
            member.types(f"/room {room}")
            await each(member)

    async def secludes(self, stay: Stay) -> None:
        stay.types(f"/private {self.chance.choice(('on', 'off'))}")

    async def sets_topic(self, stay: Stay) -> None:
        stay.types(f"/topic tea {self.chance.randrange(9)}")

    async def edits(self, stay: Stay) -> None:
        """Press a terminal's keys: an arrow, ^A, ^K, ^U, Tab, a page turned, a paste's ends."""
        if stay.has_keys:
            stay.has_edited = True
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
        """Send bytes that are no text, in a line that is said, or as telnet's commands."""
        if not stay.is_gone:
            if not stay.has_keys and self.chance.random() < 0.3:
                stay.wire.type(self.chance.choice(COMMANDS))
            first = 32 if stay.has_keys else 0  # there the others are keys
            rubbish = bytes(self.chance.randrange(first, 240) for _ in range(40))
            line = self._text(stay).encode() + b" " + rubbish.translate(None, b"\r\n\x7f")
            stay.wire.type(line + (b"\r" if stay.has_keys else b"\n"))

    async def stalls(self, stay: Stay) -> None:
        """Read no more for now, while those around talk on."""
        stay.reads = stay.has_read = stay.wire.reading = False
        for other in self._around(stay):
            await self.says_much(other)

    async def reads_a_little(self, _: Stay) -> None:
        if (reader := self._one_behind()) is not None:
            await self._meanwhile(reader)
            reader.wire.read(self.chance.randrange(1, 3000))

    async def reads_on(self, _: Stay) -> None:
        if (reader := self._one_behind()) is not None:
            reader.reads = True
            await self._meanwhile(reader)
            reader.wire.read_on()
            if self.chance.random() < 0.5:
                await self._maybe_settles()
                reader.types("/missed")

    async def catches_up(self, _: Stay) -> None:
        """Read until one's answers come again, but not what is said in rooms; and whisper then."""
        if (reader := self._one_behind()) is None:
            return
        for _bite in range(LONGEST_READ // BITE):
            waiting = self._waiting(reader)
            if 0 < waiting < self.chat.server.config.outbox.soft:
                await self.whispers(reader)
                await self.joins(reader)
            if not waiting or self.chance.random() < 0.05:
                break
            reader.wire.read(BITE)
            await trio.testing.wait_all_tasks_blocked()

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

    async def _meanwhile(self, reader: Stay) -> None:
        """Let others' lines be on their way, which the broker may or may not have handled."""
        around = self._around(reader)
        for stay in self.chance.choices(around, k=self.chance.randrange(4)) if around else ():
            stay.types(self._text(stay))
        for _ in range(self.chance.randrange(4)):
            await trio.lowlevel.checkpoint()

    def nick_of(self, stay: Stay) -> str:
        """Under which name somebody is here; if they are not, under which they came."""
        member = self._member(stay)
        return stay.nick if member is None else member.nick

    def _session(self, stay: Stay) -> Session | None:
        sessions = self.chat.server.sessions
        return next((each for each in sessions if each._transport is stay.wire), None)

    def _member(self, stay: Stay) -> Member | None:
        session = self._session(stay)
        return None if session is None else session.member

    def _waiting(self, stay: Stay) -> int:
        """How many bytes wait for somebody."""
        session = self._session(stay)
        return 0 if session is None else session.waiting

    def _at(self, member: Member) -> Stay | None:
        """Where a member is."""
        transport = getattr(member.seat, "_transport", None)
        here = (each for each in self.stays if each.is_here)
        return next((each for each in here if each.wire is transport), None)

    def _around(self, stay: Stay) -> list[Stay]:
        """Some of those whom somebody shares a room with, who talk there."""
        member = self._member(stay)
        room = None if member is None else member.room
        if room is None:
            return []
        others = [each for each in room.members if each is not member and each.room is room]
        found = map(self._at, self.chance.sample(others, k=min(3, len(others))))
        return [each for each in found if each is not None]

    def _one_behind(self) -> Stay | None:
        """One who does not read, rather one for whom something waits."""
        behind = [each for each in self.stays if each.is_here and not each.reads]
        some = [each for each in behind if self._waiting(each)] or behind
        return self.chance.choice(some) if some else None

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
            People.governs: 3,
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
            People.catches_up: 2,
            People.quits: 1,
            People.hangs_up: 1,
            People.vanishes: 3,
            People.falls_silent: 1,
            returns.resumes: 6,
            returns.registers: 1,
            returns.logs_in: 3,
            People.waits: 12,
        }
