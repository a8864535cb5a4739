"""Simulated people: who they are, and the things that they do."""

import random
from collections.abc import Awaitable, Callable

import attrs
import trio
import trio.testing

from trioserve.testing import Chat, MemoryTransport

TAKEN = "keeper"  # the name of one who is always here
ROOMS = ("#lobby", "#dev", "#tea", "#den")


@attrs.define(eq=False)
class Stay:
    """One connection of somebody's, from its beginning to its end."""

    number: int
    transport: MemoryTransport
    nick: str  # under which they come in: nobody else ever has it
    renames: int = 0
    is_gone: bool = False  # by their own doing
    reads: bool = True
    said: int = 0

    def types(self, text: str) -> None:
        if not self.is_gone:
            self.transport.type(f"{text}\n".encode())

    def token(self) -> str:
        """The word that tells the next message of theirs from all others."""
        self.said += 1
        return f"q{self.number}x{self.said}"

    @property
    def screen(self) -> str:
        """All that they have been shown."""
        return self.transport.received.decode("utf-8", "replace")


@attrs.define(eq=False)
class People:
    """Everybody who is, or was, connected; what they do next is drawn from `chance`."""

    chat: Chat
    chance: random.Random
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
        window = self.chance.choice((512, 4096, 65536))
        person = self.chat.connect(window=window)
        stay = Stay(number, person.transport, f"p{number}")
        self.stays.append(stay)
        if self.chance.random() < 0.2:
            stay.types(self.chance.choice((TAKEN, "1nvalid", "x" * 2000)))
        stay.types(stay.nick)
        await self._maybe_settles()
        return stay

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
            self.chance.choice(("/who", "/rooms", "/help", "/missed", "/history 5", "/stats"))
        )

    async def mistypes(self, stay: Stay) -> None:
        stay.types(self.chance.choice(("/jion", "/join", "/nick 1", "x" * 2000, "/tell", "/")))

    async def sends_rubbish(self, stay: Stay) -> None:
        rubbish = bytes(self.chance.randrange(32, 240) for _ in range(self.chance.randrange(40)))
        stay.types("/help " + rubbish.decode("latin-1"))

    async def stalls(self, stay: Stay) -> None:
        stay.reads = stay.transport.reading = False

    async def reads_a_little(self, stay: Stay) -> None:
        if not stay.reads:
            stay.transport.read(self.chance.randrange(1, 3000))

    async def reads_on(self, stay: Stay) -> None:
        stay.reads = True
        stay.transport.read_on()

    async def quits(self, stay: Stay) -> None:
        stay.types("/quit")
        stay.is_gone = True

    async def hangs_up(self, stay: Stay) -> None:
        stay.transport.end_input()
        stay.is_gone = True

    async def vanishes(self, stay: Stay) -> None:
        stay.transport.break_off()
        stay.is_gone = True

    async def waits(self, _: Stay) -> None:
        await trio.sleep(self.chance.choice((0.01, 0.5, 3.0, 20.0)))

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
