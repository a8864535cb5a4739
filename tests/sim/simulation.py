"""One seed: a server, people, what they do, and whether it kept its promises."""

import hashlib
import itertools
import random
from collections import Counter

import attrs
import trio
import trio.testing

from tests.sim import invariants, rulings
from tests.sim.chronicle import Chronicle, Wrong
from tests.sim.faults import Faults
from tests.sim.people import TAKEN, People, Stay
from tests.sim.scheduling import run_seeded
from tests.sim.screens import Screen, check_screen
from trioserve.archive.journal import HistorySettings
from trioserve.config import BrokerLimits, Config
from trioserve.outbox import OutboxLimits
from trioserve.services import SHUTDOWN, SessionLimits
from trioserve.testing import Chat, open_chat

MANY_EVERY = 50  # each such seed has a hundred people
STEPS = 150
REMEMBERED = 150  # messages, at least, that are neither forgotten by a room nor by an outbox
SOFT, HARD = 2048, 65_536  # bytes in an outbox
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
    struck: Counter[str] = attrs.field(factory=Counter)  # faults
    digest: str = ""  # of all that all people were shown

    def add(self, other: "Report") -> None:
        self.seeds += other.seeds
        self.seconds += other.seconds
        self.messages += other.messages
        self.deliveries += other.deliveries
        self.skipped += other.skipped
        self.did += other.did
        self.struck += other.struck


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
        outbox=OutboxLimits(soft=SOFT, hard=HARD, stall=chance.choice((5.0, 60.0))),
        limits=SessionLimits(flood_control=chance.random() < 0.2, renames=100),
        broker=BrokerLimits(inbox=chance.choice((2, 16, 256))),
        history=HistorySettings(waiting=chance.choice((10_000, 16 * 2**20))),
    )
    many = seed % MANY_EVERY == MANY_EVERY - 1
    faults = Faults(chance, rate=chance.choice((0.0, 0.02)))
    chronicle = Chronicle()
    with (
        trio.fail_after(100_000),
        chronicle.following(faults.before_request),
        invariants.checked_outboxes(),
    ):
        async with open_chat(
            config, faults.functions(), archive=faults.archive, now_ns=_now_ns
        ) as chat:
            words = (f"able-baker-c{number}" for number in itertools.count())
            chat.server.broker.resuming.new_words = words.__next__  # the same in each run
            chat.server.broker._fanout.watching[chronicle] = None
            await chat.join(TAKEN)
            people = People(chat, chance, faults, most=100 if many else chance.randrange(5, 21))
            for _ in range(100 if many else 2):
                await people.comes()
            for _ in range(STEPS):
                await people.act()
                if chance.random() < 0.5:
                    await trio.testing.wait_all_tasks_blocked()
                invariants.check(chat.server)
            await _come_to_rest(chat, people)
            report = _report(chat, people, trio.current_time())
            invariants.check_rest(chat.server)
            await invariants.check_kept(chat.server, chronicle)
            readers = _readers(people)
            until = trio.current_time()
        ended = trio.current_time()
    if ended - until > DEADLINE:
        raise Wrong(f"the server has taken {ended - until:g} seconds to end")
    invariants.check_end(chat.server)
    _check(chronicle, people, readers)
    return report


def _now_ns() -> int:
    return int((EPOCH + trio.current_time()) * 1e9)


async def _come_to_rest(chat: Chat, people: People) -> None:
    """Let those who still read have all that is theirs."""
    for stay in people.stays:
        if stay.reads:
            stay.transport.read_on()
    people.faults.heal_the_store()
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
    rulings.check(chronicle.entries)
    rooms = chronicle.rooms_of_tokens()
    full = {room for room, said in Counter(rooms.values()).items() if said > REMEMBERED}
    for stay in people.stays:
        if stay.has_keys:
            continue  # what one reads there is held against a terminal's screen elsewhere
        screen = Screen(stay.screen)
        check_screen(
            f"p{stay.number}",
            screen.read(),
            chronicle.shown_to(stay.nick),
            rooms,
            forgetful=full | chronicle.has_left(stay.nick),
            to_the_end=stay in readers,
        )
        _check_whispers(stay, screen, chronicle, stay in readers)
        if stay in readers or (stay.has_hung_up and stay.has_read):
            _check_said(stay, screen, rooms)
        if stay in readers and SHUTDOWN.farewell not in stay.screen:
            raise Wrong(f"p{stay.number} reads, and has not been told of the shutdown")


def _check_whispers(stay: Stay, screen: Screen, chronicle: Chronicle, is_reader: bool) -> None:
    told = chronicle.told(stay.nick)
    if screen.whispers != (told if is_reader else told[: len(screen.whispers)]):
        raise Wrong(f"p{stay.number} sees in private {screen.whispers}, and was told {told}")


def _check_said(stay: Stay, screen: Screen, rooms: dict[str, str]) -> None:
    """What somebody typed is said in a room, or they know that it is not."""
    unsaid = [
        token
        for number in range(1, stay.said + 1)
        if (token := f"q{stay.number}x{number}") not in rooms
    ]
    if len(unsaid) > screen.refusals:
        raise Wrong(
            f"p{stay.number} typed {unsaid[:5]}, which is not said: {len(unsaid)} are not, "
            f"and {screen.refusals} were refused"
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
        people.faults.struck,
        digest.hexdigest(),
    )


def _first(group: BaseExceptionGroup[Wrong]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
