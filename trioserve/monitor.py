"""What an operator's machines ask for: the figures, whether all is well, a snapshot."""

import heapq
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any, Final

import attrs
import trio
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from trioserve import tree
from trioserve.edge.http import HttpEdge, Page, Visitor
from trioserve.errors import ChatError
from trioserve.observe import TURN_BOUNDS
from trioserve.outbox import Outbox
from trioserve.requests import Settle
from trioserve.rooms import Room
from trioserve.server import Server
from trioserve.watchdog import Watchdog

HEALTHY: Final = 1.0  # seconds within which the broker answers
MOST_REASONS: Final = 20  # told apart; the others are counted together
MOST_SHOWN: Final = 20  # rooms, and laggards, of a snapshot
SPAN: Final = 10.0  # seconds over which a room's messages are counted
STRIDE: Final = 500  # rooms or people looked at in one go
MOST_LINES: Final = 200  # of the tree of tasks

PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus's text format


class Monitor:
    """The pages about one server: /metrics, /healthz, and /snapshot."""

    def __init__(self, server: Server, watchdog: Watchdog) -> None:
        self._server = server
        self._watchdog = watchdog
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(server, watchdog))
        ProcessCollector(registry=self._registry)
        self.edge = HttpEdge(
            {"/metrics": self.metrics, "/healthz": self.healthz, "/snapshot": self.snapshot}
        )

    async def metrics(self, visitor: Visitor) -> Page:
        """All figures, for Prometheus; the peaks begin anew with each look."""
        await trio.lowlevel.checkpoint()
        page = Page(generate_latest(self._registry).decode(), kind=PLAIN)
        counters = self._server.counters
        counters.inbox_peak, counters.turn_peak, self._watchdog.peak = 0, 0.0, 0.0
        return page

    async def healthz(self, visitor: Visitor) -> Page:
        """Whether the broker answers and the server is not stopping."""
        if self._server.is_stopping:
            return Page("the server is shutting down\n", 503)
        broker = self._server.broker
        try:
            with trio.fail_after(HEALTHY):
                await broker.call(broker.house, Settle())
        except trio.TooSlowError:
            return Page(f"the broker has not answered within {HEALTHY:g} s\n", 503)
        except (ChatError, trio.BrokenResourceError) as error:
            return Page(f"the broker fails: {type(error).__name__}\n", 503)
        return Page("ok\n")

    async def snapshot(self, visitor: Visitor) -> Page:
        """The figures, the busiest rooms, who lags, and the tasks as JSON; for this machine."""
        if not visitor.is_local:
            return Page("the snapshot is for this machine\n", 403)
        server, counters = self._server, self._server.counters
        kind = await tree.grow(tree.main_task())
        shown = {
            "time": time.time(),
            "up": trio.current_time() - counters.started,
            "people": len(server.world.members),
            "rooms": len(server.world.rooms),
            "messages": counters.messages,
            "deliveries": counters.deliveries,
            "skipped": counters.skipped,
            "crashes": counters.crashes,
            "cut": dict(_few(counters.cut)),
            "turns": sum(counters.turns),
            "turn_seconds": counters.turn_seconds,
            "busy_seconds": self._watchdog.busy_seconds,
            "stalls": self._watchdog.stalls,
            "inbox": server.broker.waiting,
            "outbox_bytes": server.waiting,
            "plugin_errors": {each.name: each.errors for each in server.plugins if each.errors},
            "busiest": await self._busiest(),
            "laggards": await self._laggards(),
            "tasks": [] if kind is None else [line for line, _ in tree.lines(kind)][:MOST_LINES],
        }
        return Page(json.dumps(shown) + "\n", kind="application/json")

    async def _busiest(self) -> list[dict[str, Any]]:
        """Rooms by their messages within SPAN, as far as their history reaches."""
        since = (time.time() - SPAN) * 1e6
        counted: list[tuple[int, str, int]] = []
        for number, room in enumerate(list(self._server.world.rooms.values())):
            if number % STRIDE == 0:
                await trio.lowlevel.checkpoint()
            if said := _said_since(room, since):
                counted.append((said, room.name, len(room.members)))
        return [
            {"room": name, "per_second": said / SPAN, "people": people}
            for said, name, people in heapq.nlargest(MOST_SHOWN, counted)
        ]

    async def _laggards(self) -> list[dict[str, Any]]:
        """Who has bytes waiting, most first."""
        if not self._server.waiting:
            return []
        found: list[tuple[int, str, int]] = []
        for number, member in enumerate(list(self._server.world.members.values())):
            if number % STRIDE == 0:
                await trio.lowlevel.checkpoint()
            outlet = member.outlet
            if isinstance(outlet, Outbox) and outlet.size:
                missed = sum(each.count for each in (outlet.missed or {}).values())
                found.append((outlet.size, member.nick, missed))
        return [
            {"nick": nick, "bytes": size, "skipped": missed}
            for size, nick, missed in heapq.nlargest(MOST_SHOWN, found)
        ]


def _said_since(room: Room, since: float) -> int:
    """How many messages of a room's history are younger; their ids are microseconds."""
    return sum(1 for _ in takewhile(lambda each: each.id >= since, reversed(room.history)))


def _few(counts: Counter[str]) -> Iterator[tuple[str, int]]:
    """The most frequent reasons, and the others together: labels have to be few."""
    yield from counts.most_common(MOST_REASONS)
    if others := sum(count for _, count in counts.most_common()[MOST_REASONS:]):
        yield "other", others


@attrs.frozen
class _Collector:
    """Makes Prometheus's metrics of our plain integers when they are asked for."""

    server: Server
    watchdog: Watchdog

    def collect(self) -> Iterator[Metric]:
        server, counters, watchdog = self.server, self.server.counters, self.watchdog
        gauge, count = GaugeMetricFamily, CounterMetricFamily
        yield gauge("trioserve_people", "Who is here, bots too", len(server.world.members))
        yield gauge("trioserve_rooms", "Rooms", len(server.world.rooms))
        yield count("trioserve_connections", "Connections let in", counters.connections)
        yield count("trioserve_messages", "Messages said", counters.messages)
        yield count("trioserve_deliveries", "Deliveries to one reader", counters.deliveries)
        yield count("trioserve_skipped", "Messages skipped for slow readers", counters.skipped)
        yield count("trioserve_crashes", "Requests, commands, sessions crashed", counters.crashes)
        yield _by("trioserve_refused", "Connections refused", "reason", _few(counters.refused))
        yield _by("trioserve_cut", "Connections cut", "reason", _few(counters.cut))
        errors = [(each.name, each.errors) for each in server.plugins]
        yield _by("trioserve_plugin_errors", "Errors of plug-ins", "plugin", errors)
        yield self._turns()
        peak = "since the last look at this page"
        yield gauge("trioserve_turn_peak_seconds", f"Longest turn, {peak}", counters.turn_peak)
        yield gauge("trioserve_inbox", "Requests that wait now", server.broker.waiting)
        yield gauge(
            "trioserve_inbox_peak", f"Most requests that waited, {peak}", counters.inbox_peak
        )
        yield gauge("trioserve_outbox_bytes", "Bytes that wait for readers", server.waiting)
        yield gauge(
            "trioserve_loop_lag_seconds", f"Longest turn of the loop, {peak}", watchdog.peak
        )
        yield count("trioserve_loop_busy_seconds", "Time the loop worked", watchdog.busy_seconds)
        yield count("trioserve_loop_stalls", "Turns of the loop over 0.1 s", watchdog.stalls)

    def _turns(self) -> Metric:
        counters, total = self.server.counters, 0
        buckets: list[tuple[str, float]] = []
        for bound, turns in zip([*map(str, TURN_BOUNDS), "+Inf"], counters.turns, strict=True):
            total += turns
            buckets.append((bound, total))
        return HistogramMetricFamily(
            "trioserve_turn_seconds",
            "Turns of the broker",
            buckets=buckets,
            sum_value=counters.turn_seconds,
        )


def _by(name: str, about: str, label: str, counts: Iterable[tuple[str, int]]) -> Metric:
    family = CounterMetricFamily(name, about, labels=[label])
    for each, number in counts:
        family.add_metric([each], number)
    return family
