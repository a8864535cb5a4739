"""One run: a server is started, filled, and measured in one or more scenarios."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Final

from checks import text
from crowd import Crowd
from errors import BenchError
from figures import MICRO, MILLI_NS, Figures, percentile
from process import Server, running
from scenarios import Scenario
from servers import Kind
from talk import Talk, Tally

WARM_UP: Final = 0.2  # of the seconds of a measured phase, before it
FILL: Final = 400_000  # bytes of text until the buffers of those who do not read are full
ROUND: Final = 0.5  # seconds of talk between looks at that


def run(kind: Kind, core: int, scenarios: Sequence[Scenario], seconds: float) -> Iterator[Figures]:
    """Measure scenarios of one crowd, in their order.

    Raises:
        BenchError: if the server fails; the scenarios that are left are lost.
    """
    first = scenarios[0]
    with running(kind, core) as server, closing(Crowd(server)) as crowd:
        memory, cpu, begun = server.memory(), server.cpu(), time.monotonic()
        crowd.enter(first.members, first.rooms, stuck=20 if first.kind == "slow" else 0)
        if first.kind == "storm":
            yield _storm(server, first.members, cpu, begun)
            return
        crowd.settle()
        if first.kind == "idle":
            yield Figures(memory=(server.memory() - memory) / first.members)
            return
        numbers: dict[int, int] = {}
        for scenario in scenarios:
            yield _MEASURES[scenario.kind](crowd, scenario, numbers, seconds)


def _storm(server: Server, members: int, cpu: float, begun: float) -> Figures:
    elapsed = time.monotonic() - begun
    return Figures(cpu=(server.cpu() - cpu) / members * MICRO, speed=members / elapsed)


def _talk(crowd: Crowd, scenario: Scenario, numbers: dict[int, int], seconds: float) -> Figures:
    Talk(crowd, scenario.rate, numbers).run(seconds * WARM_UP)
    return _figures(Talk(crowd, scenario.rate, numbers).run(seconds))


def _slow(crowd: Crowd, scenario: Scenario, numbers: dict[int, int], seconds: float) -> Figures:
    """The same people at the same server, before and after some of them stop reading."""
    Talk(crowd, scenario.rate, numbers).run(seconds * WARM_UP)
    without = _figures(Talk(crowd, scenario.rate, numbers, sample_all=True).run(seconds))
    filled = 0
    while filled < FILL:
        tally = Talk(crowd, None, numbers, with_stuck=True).run(ROUND)
        if not tally.deliveries:
            raise crowd.server.failure("stands still behind those who do not read")
        filled += tally.messages * len(text(0, 0, 0))
    tally = Talk(crowd, scenario.rate, numbers, with_stuck=True, sample_all=True).run(seconds)
    figures = _figures(tally)
    if figures.p99 is None or without.p99 is None:
        raise BenchError(f"{crowd.server.kind.name} delivered nothing")
    return _figures(tally, slowdown=figures.p99 / without.p99)


def _alone(crowd: Crowd, scenario: Scenario, numbers: dict[int, int], seconds: float) -> Figures:
    """Lines that reach nobody: all are sent, the server gets done, and all must answer a ping."""
    del numbers
    assert scenario.rate is not None
    cpu = crowd.server.cpu()
    begun = time.monotonic()
    count = int(seconds * scenario.rate)
    for sent in range(count):
        time.sleep(max(0.0, begun + sent / scenario.rate - time.monotonic()))
        author = crowd.clients[sent % len(crowd.clients)]
        author.say(text(author.number, sent, time.monotonic_ns()))
    elapsed = time.monotonic() - begun
    crowd.server.wait_idle()
    cpu = crowd.server.cpu() - cpu
    return Figures(cpu=cpu / count * MICRO, speed=count / elapsed, lost=crowd.ping())


def _figures(tally: Tally, slowdown: float | None = None) -> Figures:
    p50, p99 = (percentile(tally.latencies, share) for share in (0.50, 0.99))
    return Figures(
        cpu=tally.cpu / tally.deliveries * MICRO if tally.deliveries else None,
        speed=tally.deliveries / tally.seconds,
        p50=None if p50 is None else p50 / MILLI_NS,
        p99=None if p99 is None else p99 / MILLI_NS,
        slowdown=slowdown,
        lost=tally.lost,
        reordered=tally.reordered,
        repeated=tally.repeated,
        load=tally.load,
    )


_MEASURES: Final[dict[str, Callable[[Crowd, Scenario, dict[int, int], float], Figures]]] = {
    "talk": _talk,
    "slow": _slow,
    "alone": _alone,
}
