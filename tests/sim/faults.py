"""What goes wrong, as often as a seed says: commands, filters, services, wires, the store."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import attrs
import trio

from tests.archives import FaultyArchive
from tests.sim.wires import FragileWire, Wire
from trioserve import Context, Host, command, message_filter, service
from trioserve.requests import Close, Depart, Enter, Lose, Request
from trioserve.rooms.member import Member

# All that there are: each has to happen, or a soak shows less than it says.
FAULTS: Final = (
    "accept failed",
    "bot crashed",
    "cleanup crashed",
    "command crashed",
    "command hung",
    "filter crashed",
    "request crashed",
    "service crashed",
    "store fails",
    "store is not read",
    "store is back",
    "store stalls",
    "wire broke in a write",
)

# Without these nobody comes or goes, and there is nothing to hold against the rest.
SPARED: Final = (Enter, Depart, Lose, Close)


class Fault(RuntimeError):
    """What a simulation breaks on purpose."""


@attrs.define(eq=False)
class Faults:
    """Which faults there are in one simulation, and how often each has struck."""

    chance: random.Random
    rate: float  # of requests that crash, and of connections that fail
    archive: FaultyArchive = attrs.field(factory=FaultyArchive, init=False)
    struck: Counter[str] = attrs.field(factory=Counter, init=False)
    bots: dict[str, None] = attrs.field(factory=dict, init=False)  # nicks of those who may be here

    def before_request(self, _: Member, request: Request) -> None:
        """Raise `Fault` in the broker now and then."""
        if self.rate and not isinstance(request, SPARED) and self.chance.random() < self.rate / 5:
            self.strike("request crashed")
            raise Fault(type(request).__name__)

    def wire(self, number: int, window: int, *, telnet: bool) -> Wire:
        """Another connection, which may fail by itself later."""
        peer = f"memory:{number}"
        if self.chance.random() >= 5 * self.rate:
            return Wire(peer, window=window, is_telnet=telnet)
        holds = self.chance.randrange(200, 20_000)
        return FragileWire(
            peer,
            window=window,
            is_telnet=telnet,
            struck=self.strike,
            holds=holds,
            fails_at_end=Fault("a session's end") if self.chance.random() < 0.5 else None,
        )

    def strike(self, what: str) -> None:
        """Count a fault that happens now."""
        self.struck[what] += 1

    def trouble_the_store(self) -> None:
        """Let the store fail, or not answer, or do both again."""
        archive = self.archive
        if archive.fault or archive.unreadable or archive.answers is not None:
            self.heal_the_store()
            return
        trouble = self.chance.choice(("store fails", "store stalls", "store is not read"))
        self.strike(trouble)
        if trouble == "store fails":
            archive.fault = "the disk is full"
        elif trouble == "store stalls":
            archive.answers = trio.Event()
        else:
            archive.unreadable = "the disk is broken"

    def heal_the_store(self) -> None:
        if self.archive.fault or self.archive.unreadable or self.archive.answers is not None:
            self.strike("store is back")
        self.archive.fault = self.archive.unreadable = ""
        if self.archive.answers is not None:
            self.archive.answers.set()
            self.archive.answers = None

    def functions(self) -> list[Callable[..., Any]]:
        """A plug-in's commands, filter and services, which crash and hang where anything does."""

        @command
        async def crash(ctx: Context) -> None:
            """Crash."""
            self.strike("command crashed")
            await trio.sleep(self.chance.choice((0.0, 1.0)))
            raise Fault("a command")

        @command
        async def hang(ctx: Context) -> None:
            """Never end by itself."""
            self.strike("command hung")
            await trio.sleep_forever()

        @service
        async def stumble(host: Host) -> None:
            while True:
                await trio.sleep(self.chance.uniform(10.0, 200.0))
                self.strike("service crashed")
                raise Fault("a service")

        @message_filter
        async def stutter(ctx: Context, text: str) -> None:
            await trio.sleep(self.chance.choice((0.0, 0.0, 0.1)))
            if self.chance.random() < self.rate:
                self.strike("filter crashed")
                raise Fault("a filter")

        @service
        async def chatter(host: Host) -> None:
            nick = f"bot{len(self.bots)}"
            self.bots[nick] = None
            try:
                async with host.member(nick) as bot:
                    while True:
                        await trio.sleep(self.chance.uniform(1.0, 100.0))
                        await bot.say("beep")
                        if self.chance.random() < 10 * self.rate:
                            self.strike("bot crashed")
                            raise Fault("a bot")
            finally:
                del self.bots[nick]

        bots = [chatter] if self.chance.random() < 0.5 else []
        if not self.rate:
            return bots
        filters = [stutter] if self.chance.random() < 0.3 else []
        return [crash, hang, stumble, *filters, *bots]
