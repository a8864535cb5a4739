"""One seed: a server, people, what they do, and whether it kept its promises."""

import hashlib
import random
from collections import Counter

import attrs
import trio
import trio.testing

from tests.sim import invariants
from tests.sim.chronicle import Chronicle, Wrong, check_screen, read_screen
from tests.sim.people import TAKEN, People, Stay
from tests.sim.scheduling import run_seeded
from trioserve.config import Config
from trioserve.outbox import OutboxLimits
from trioserve.services import SHUTDOWN, SessionLimits
from trioserve.testing import Chat, open_chat

MANY_EVERY = 50  # each such seed has a hundred people
STEPS = 150
DEADLINE = 60.0  # seconds of simulated time for the server to end
EPOCH = 1_700_000_000  # seconds since 1970, when each simulation begins


@attrs.define
class Report:
    """What came of one seed, or of several."""

    seeds: int = 0
    seconds: float = 0.0  # simulated
    messages: int = 0
    deliveries: int = 0
    skipped: int = 0
    did: Counter[str] = attrs.field(factory=Counter)
    digest: str = ""  # of all that all people were shown

    def add(self, other: "Report") -> None:
        self.seeds += other.seeds
        self.seconds += other.seconds
        self.messages += other.messages
        self.deliveries += other.deliveries
        self.skipped += other.skipped
        self.did += other.did


def simulate(seed: int) -> Report:
    """Run one seed.

    Raises:
        Wrong: where the server has broken a promise; it names the seed.
    """
    try:
        return run_seeded(seed, _simulate, seed)
    except* Wrong as group:
        raise Wrong(
            f"seed {seed}: {_first(group)}; scripts/soak --seeds 1 --first {seed}"
        ) from group


async def _simulate(seed: int) -> Report:
    chance = random.Random(seed)
    config = Config(
        outbox=OutboxLimits(soft=2048, hard=65536, stall=chance.choice((5.0, 60.0))),
        limits=SessionLimits(flood_control=chance.random() < 0.2, renames=100),
    )
    many = seed % MANY_EVERY == MANY_EVERY - 1
    chronicle = Chronicle()
    with trio.fail_after(100_000):
        async with trio.open_nursery() as nursery:
            async with open_chat(config, now_ns=_now_ns) as chat:
                with chat.server.broker.watched() as events:
                    nursery.start_soon(chronicle.keep, events)
                    await chat.join(TAKEN)
                    people = People(chat, chance, most=100 if many else chance.randrange(5, 21))
                    for _ in range(100 if many else 2):
                        await people.comes()
                    for _ in range(STEPS):
                        await people.act()
                        if chance.random() < 0.5:
                            await trio.testing.wait_all_tasks_blocked()
                        invariants.check(chat.server)
                    await _come_to_rest(chat, people)
                    until = trio.current_time()
                    report = _report(chat, people, until)
                    readers = _readers(people)
            ended = trio.current_time()
            nursery.cancel_scope.cancel()
    if ended - until > DEADLINE:
        raise Wrong(f"the server has taken {ended - until:g} seconds to end")
    invariants.check_end(chat.server)
    _check(chronicle, people, readers)
    for stay in readers:
        if SHUTDOWN.farewell not in stay.screen:
            raise Wrong(f"p{stay.number} reads, and has not been told of the shutdown")
    return report


def _now_ns() -> int:
    return int((EPOCH + trio.current_time()) * 1e9)


async def _come_to_rest(chat: Chat, people: People) -> None:
    """Let those who still read have all that is theirs."""
    for stay in people.stays:
        if stay.reads:
            stay.transport.read_on()
    await trio.sleep(300)  # for flood control to let through what it holds
    await trio.testing.wait_all_tasks_blocked()
    invariants.check(chat.server)


def _readers(people: People) -> list[Stay]:
    """Who is here, and reads."""
    return [
        stay
        for stay in people.stays
        if stay.reads and not stay.is_gone and not stay.transport.is_closed
    ]


def _check(chronicle: Chronicle, people: People, readers: list[Stay]) -> None:
    chronicle.check_order()
    rooms = chronicle.rooms_of_tokens()
    for stay in people.stays:
        expected = chronicle.shown_to(chronicle.names_of(stay.nick), own=False)
        check_screen(
            f"p{stay.number}",
            read_screen(stay.screen),
            expected,
            rooms,
            to_the_end=stay in readers,
        )


def _report(chat: Chat, people: People, seconds: float) -> Report:
    counters = chat.server.counters
    digest = hashlib.sha256(b"\0".join(bytes(each.transport.received) for each in people.stays))
    return Report(
        1,
        seconds,
        counters.messages,
        counters.deliveries,
        counters.skipped,
        Counter(people.done),
        digest.hexdigest(),
    )


def _first(group: BaseExceptionGroup[Wrong]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
