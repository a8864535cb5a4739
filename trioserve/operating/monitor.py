"""What an operator's machines ask for: the figures, whether all is well, a snapshot."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs
import trio
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from trioserve.edge.http import HttpEdge, Page, Visitor
from trioserve.errors import ChatError
from trioserve.observe import TURN_BOUNDS
from trioserve.operating.recent import Recent
from trioserve.requests import Settle
from trioserve.server import Server
from trioserve.tasks import tree
from trioserve.tasks.watchdog import Watchdog
from trioserve.transport import Edge

HEALTHY: Final = 1.0  # seconds within which the broker answers
MOST_LINES: Final = 200  # of the tree of tasks

PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus's text format


class Monitor:
    """The pages about one server: /metrics, /healthz, and /snapshot."""

    def __init__(self, server: Server, watchdog: Watchdog) -> None:
        self._server = server
        self._watchdog = watchdog
        self._recent = Recent(server, watchdog)
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(server, watchdog, self._recent))
        ProcessCollector(registry=self._registry)
        self.edge = HttpEdge(
            {"/metrics": self.metrics, "/healthz": self.healthz, "/snapshot": self.snapshot}
        )

    async def serve(self, edges: Sequence[Edge]) -> None:
        """Answer who comes by these ways, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._recent.run, name="recent")
            nursery.start_soon(self.edge.serve, edges, name="pages")

    async def metrics(self, visitor: Visitor) -> Page:
        """All figures, for Prometheus."""
        await trio.lowlevel.checkpoint()
        return Page(generate_latest(self._registry).decode(), kind=PLAIN)

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
        peaks = self._recent.peaks()
        kind = await tree.grow(tree.main_task())
        shown = {
            "time": time.time(),
            "up": trio.current_time() - counters.started,
            "people": len(server.world.members),
            "lost": len(server.broker.resuming.lost),
            "rooms": len(server.world.rooms),
            "messages": counters.messages,
            "deliveries": counters.deliveries,
            "skipped": counters.skipped,
            "crashes": counters.crashes,
            "cut": dict(counters.cut.most_common()),
            "turns": sum(counters.turns),
            "turn_seconds": counters.turn_seconds,
            "turn_peak": peaks.turn,
            "busy_seconds": self._watchdog.busy_seconds,
            "stalls": self._watchdog.stalls,
            "loop_peak": peaks.loop,
            "inbox": server.broker.waiting,
            "inbox_peak": peaks.inbox,
            "outbox_bytes": server.waiting,
            "plugin_errors": {each.name: each.errors for each in server.plugins if each.errors},
            "busiest": await self._recent.busiest(),
            "laggards": await self._recent.laggards(),
            "tasks": [] if kind is None else [line for line, _ in tree.lines(kind)][:MOST_LINES],
        }
        return Page(json.dumps(shown) + "\n", kind="application/json")


@attrs.frozen
class _Collector:
    """Makes Prometheus's metrics of our plain integers when they are asked for."""

    server: Server
    watchdog: Watchdog
    recent: Recent

    def collect(self) -> Iterator[Metric]:
        server, counters, watchdog = self.server, self.server.counters, self.watchdog
        gauge, count = GaugeMetricFamily, CounterMetricFamily
        yield gauge("trioserve_people", "Who is here, bots too", len(server.world.members))
        lost = len(server.broker.resuming.lost)
        yield gauge("trioserve_lost", "Of these, whose connection broke", lost)
        yield gauge("trioserve_rooms", "Rooms", len(server.world.rooms))
        yield count("trioserve_connections", "Connections let in", counters.connections)
        yield count("trioserve_messages", "Messages said", counters.messages)
        yield count("trioserve_deliveries", "Deliveries to one reader", counters.deliveries)
        yield count("trioserve_skipped", "Messages skipped for slow readers", counters.skipped)
        yield count("trioserve_crashes", "Requests, commands, sessions crashed", counters.crashes)
        yield _by("trioserve_refused", "Connections refused", "reason", counters.refused.items())
        yield _by("trioserve_cut", "Connections cut", "reason", counters.cut.items())
        errors = [(each.name, each.errors) for each in server.plugins]
        yield _by("trioserve_plugin_errors", "Errors of plug-ins", "plugin", errors)
        yield self._turns()
        peaks, lately = self.recent.peaks(), "of the last minute"
        yield gauge("trioserve_turn_peak_seconds", f"Longest turn {lately}", peaks.turn)
        yield gauge("trioserve_inbox", "Requests that wait now", server.broker.waiting)
        yield gauge("trioserve_inbox_peak", f"Most that waited {lately}", peaks.inbox)
        yield gauge("trioserve_outbox_bytes", "Bytes that wait for readers", server.waiting)
        yield gauge("trioserve_loop_lag_seconds", f"Longest turn of the loop {lately}", peaks.loop)
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
