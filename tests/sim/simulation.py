"""One seed: a server, people, what they do, and whether it kept its promises."""

import hashlib
import itertools
import random
from collections import Counter

import attrs
import trio
import trio.testing

from tests.sim import invariants, rulings
from tests.sim.awaiting import watched_broker
from tests.sim.chronicle import Chronicle, Seated, Wrong
from tests.sim.expected import Expected
from tests.sim.faults import Faults
from tests.sim.people import TAKEN, People
from tests.sim.readings import Reader
from tests.sim.scheduling import run_seeded
from tests.sim.screens import Screen, Sight
from tests.sim.stays import Stay
from trioserve.archive.journal import HistorySettings
from trioserve.broker.resuming import ResumeLimits
from trioserve.configuration.config import BrokerLimits, Config
from trioserve.edge.tcp import TcpOptions
from trioserve.outbox import OutboxLimits
from trioserve.sessions.services import CRASHED, SHUTDOWN, TAKEN_OVER, SessionLimits
from trioserve.testing import Chat, open_chat

MANY_EVERY = 50  # each such seed has a hundred people
STEPS = 150
REMEMBERED = 150  # messages, at least, that are neither forgotten by a room nor by an outbox
SOFT, HARD = 2048, 65_536  # bytes in an outbox
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
    config = _config(chance)
    many = seed % MANY_EVERY == MANY_EVERY - 1
    faults = Faults(chance, rate=chance.choice((0.0, 0.02)))
    chronicle = Chronicle()
    with (
        trio.fail_after(100_000),
        chronicle.following(faults.before_request),
        invariants.checked_outboxes(),
        watched_broker(config.broker.inbox),
    ):
        async with open_chat(
            config, faults.functions(), archive=faults.archive, now_ns=_now_ns
        ) as chat:
            words = (f"able-baker-c{number}" for number in itertools.count())
            chat.server.broker.resuming.new_words = words.__next__  # the same in each run
            chat.server.broker._fanout.watching[chronicle] = None
            chronicle.world = chat.server.world
            await chat.join(TAKEN)
            most = 100 if many else chance.randrange(5, 21)
            people = People(chat, chance, faults, most)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(people.lets_in, name="listener")
                await _live(people, 100 if many else 2)
                nursery.cancel_scope.cancel()
            await _come_to_rest(people)
            report = _report(chat, people, trio.current_time())
            invariants.check_rest(chat.server)
            await invariants.check_kept(chat.server, chronicle, faults.archive.others)
            readers = _readers(people)
            await _talk_to_the_end(people)
            until = trio.current_time()
        ended = trio.current_time()
    if ended - until > config.shutdown.total:
        raise Wrong(f"the server has taken {ended - until:g} seconds to end")
    invariants.check_end(chat.server)
    if people.wrongs:
        raise people.wrongs[0]
    readers = [each for each in readers if not each.wire.is_broken]  # at the very end
    _check(chronicle, people, readers, config.tcp.user_timeout)
    return report


def _config(chance: random.Random) -> Config:
    return Config(
        outbox=OutboxLimits(soft=SOFT, hard=HARD, stall=chance.choice((5.0, 60.0))),
        limits=SessionLimits(flood_control=chance.random() < 0.2, renames=100),
        broker=BrokerLimits(inbox=chance.choice((2, 16, 256))),
        history=HistorySettings(waiting=chance.choice((10_000, 16 * 2**20))),
        resume=ResumeLimits(keep=chance.choice((5.0, 60.0)), most=chance.choice((3, 1000))),
        tcp=TcpOptions(user_timeout=chance.choice((0.5, 10.0, 120.0))),
    )


async def _live(people: People, first: int) -> None:
    """Let so many people come, and then do as they like."""
    for _ in range(first):
        await people.comes()
    for _ in range(STEPS):
        await people.act()
        if people.chance.random() < 0.5:
            await trio.testing.wait_all_tasks_blocked()
            invariants.check_settled(people.chat.server, people.wires)
        invariants.check(people.chat.server, people.faults.bots)
    await trio.testing.wait_all_tasks_blocked()  # until who is at the door is let in


def _now_ns() -> int:
    return int((EPOCH + trio.current_time()) * 1e9)


async def _come_to_rest(people: People) -> None:
    """Let those who still read have all that is theirs."""
    for stay in people.stays:
        if stay.reads:
            stay.wire.read_on()
    people.faults.heal_the_store()
    await trio.sleep(300)  # for flood control to let through what it holds
    await trio.testing.wait_all_tasks_blocked()
    invariants.check(people.chat.server, people.faults.bots)
    invariants.check_settled(people.chat.server, people.wires)


async def _talk_to_the_end(people: People) -> None:
    """Let some talk until the server ends, and the store fail meanwhile."""
    for stay in people.chance.sample(people.stays, k=min(5, len(people.stays))):
        stay.talks_to_the_end = True
        await people.says_much(stay)
    for _ in range(people.chance.randrange(5)):
        await trio.lowlevel.checkpoint()
    await people.troubles_the_store(people.stays[0])


def _readers(people: People) -> list[Stay]:
    """Who is here, and reads."""
    return [
        stay for stay in people.stays if stay.reads and not stay.is_gone and not stay.wire.is_closed
    ]


def _check(chronicle: Chronicle, people: People, readers: list[Stay], doubt: float) -> None:
    chronicle.check_order()
    rulings.check(chronicle.entries)
    tokens = chronicle.tokens()
    full = {
        room
        for room, said in Counter(room for room, _ in tokens.values()).items()
        if said > REMEMBERED
    }
    stays = {id(stay.wire): stay for stay in people.stays}
    screens = {wire: Screen(stay.transcript) for wire, stay in stays.items()}
    shown: dict[int, list[Sight]] = {}  # at each seat
    for wire, screen in screens.items():
        seats = [seat for seat in chronicle.seats() if id(seat.wire) == wire]
        shown |= zip(map(id, seats), _parts(screen, seats), strict=True)
    for number in dict.fromkeys(seat.who for seat in chronicle.seats()):
        expected = Expected(number, doubt).take(chronicle.entries)
        name = f"p{stays[id(expected.seats[0].seat.wire)].number}"
        reader = Reader(name, expected, tokens, full | expected.has_left)
        for before in expected.seats:
            reader.reads(shown[id(before.seat)], before)
        if stays[id(expected.seats[-1].seat.wire)] in readers:
            reader.ends()
    said = chronicle.said_tokens()
    for stay in people.stays:
        _check_stay(stay, screens[id(stay.wire)], said, is_reader=stay in readers)


def _parts(screen: Screen, seats: list[Seated]) -> list[list[Sight]]:
    """What was shown at a connection to each who spoke there, in turn."""
    parts = screen.parts()
    if not seats or not seats[0].is_new:
        parts.pop(0)  # to nobody yet
    if len(parts) > len(seats):
        raise Wrong("somebody is told to be another one, and is not")
    return parts + [[] for _ in seats[len(parts) :]]  # which have not been read


def _check_stay(stay: Stay, screen: Screen, said: set[str], *, is_reader: bool) -> None:
    is_whole = stay.has_read and not (stay.wire.is_broken or stay.wire.untaken)
    if is_reader or (is_whole and (stay.has_hung_up or stay.is_taken_over)):
        _check_said(stay, screen, said)
    if CRASHED.farewell in screen.text:
        raise Wrong(f"p{stay.number} is cut by an error of the server's")
    if is_reader and SHUTDOWN.farewell not in screen.text:
        raise Wrong(f"p{stay.number} reads, and has not been told of the shutdown")
    if is_whole and stay.is_taken_over and TAKEN_OVER.farewell not in screen.text:
        raise Wrong(f"p{stay.number} reads, and has not been told where they are now")


def _check_said(stay: Stay, screen: Screen, said: set[str]) -> None:
    """What somebody typed is said in a room, or they know that it is not."""
    if stay.has_edited or screen.has_kept_a_draft or stay.talks_to_the_end:
        return  # they have changed it, the row has no place for more, or nobody has received it
    unsaid = [
        token
        for number in range(1, stay.said + 1)
        if (token := f"s{stay.number}x{number}") not in said
    ]
    if len(unsaid) > screen.refusals:
        raise Wrong(
            f"p{stay.number} typed {unsaid[:5]}, which is not said: {len(unsaid)} are not, "
            f"and {screen.refusals} were refused"
        )


def _report(chat: Chat, people: People, seconds: float) -> Report:
    counters = chat.server.counters
    digest = hashlib.sha256(b"\0".join(bytes(each.wire.received) for each in people.stays))
    return Report(
        1,
        seconds,
        counters.messages,
        counters.deliveries,
        counters.skipped,
        people.done,
        people.faults.struck,
        digest.hexdigest(),
    )


def _first(group: BaseExceptionGroup[Wrong]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
