"""The numbers that Prometheus collects, in its text format (version 0.0.4).

What the store knows is the same in every process that works on it, so that any one of them can be asked; what is said
of ticks is about this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine import __version__
from engine.app import App
from engine.errors import StoreError
from engine.status import Status, Tick
from engine.store import gauges

Values = Mapping[tuple[str, ...], float]  # by labels
CONTENT_TYPE = CONTENT_TYPE_LATEST
OUTCOMES = ("submitting", "accepted", "retry", "rejected", "unknown")
"""What an attempt comes to (engine/store/tables/sending.py); each is told from the start, so that it can be watched."""


@dataclass(slots=True, eq=False)  # a registry keeps it by its identity
class Numbers(Collector):
    """All that there is to count, asked when somebody collects.

    clock: seconds that only go forward, as `status` was written by.
    """

    app: App
    status: Status
    clock: Callable[[], float]
    seen: gauges.Attempts = field(default_factory=gauges.Attempts)
    registry: CollectorRegistry = field(default_factory=lambda: CollectorRegistry(auto_describe=False))

    def __post_init__(self) -> None:
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Every family of numbers. Those of the store are left out while it does not answer."""
        yield _gauge("premura_info", "The version of Premura.", {(__version__,): 1.0}, "version")
        yield from _process(self.status, self.clock())
        try:
            stored = list(self._stored(self.app.clock()))
        except StoreError:
            stored = []
        yield _gauge("premura_store_up", "Whether the database answers.", {(): float(bool(stored))})
        yield from stored

    def _stored(self, now: datetime) -> Iterator[Metric]:
        adapters = sorted(self.app.settings.adapters)
        with self.app.store.read() as connection:
            depths, doubts = gauges.queue(connection, now), gauges.unknown(connection)
            events = gauges.unheard(connection)
            self.seen = gauges.attempts(connection, self.seen, now)
        yield _gauge(
            "premura_queue_actions", "Actions in a state in which something is still to happen.",
            {(state,): float(depth.number) for state, depth in depths.items()}, "state")  # fmt: skip
        yield _gauge(
            "premura_queue_oldest_due_seconds", "For how long the oldest action of that state has been due.",
            {(state,): _age(depth, now) for state, depth in depths.items()}, "state")  # fmt: skip
        yield _gauge("premura_queue_events", "Events that decide has not seen.", {(): float(events.number)})
        yield _gauge(
            "premura_queue_oldest_event_seconds", "For how long the oldest event has been waiting for decide.",
            {(): _age(events, now)})  # fmt: skip
        yield _gauge(
            "premura_unknown_actions", "Actions of which nobody knows whether they went out, by adapter.",
            {(name,): float(doubts.get(name, 0)) for name in sorted({*adapters, *doubts})}, "adapter")  # fmt: skip
        yield sends(self.seen, adapters)


def sends(seen: gauges.Attempts, adapters: Iterable[str]) -> Metric:
    """The attempts, with a zero for whatever these adapters have not come to yet."""
    numbers = {(name, outcome): 0 for name in adapters for outcome in OUTCOMES} | dict(seen.numbers)
    values: Values = {key: float(number) for key, number in sorted(numbers.items())}
    return _counter(
        "premura_sends", "Attempts to send, by adapter and what came of them.", values, "adapter", "outcome"
    )


def _process(status: Status, now: float) -> Iterator[Metric]:
    ticks = dict(status.ticks)
    for name, text, value in _OF_TICKS:
        yield _gauge(name, text, {(tick,): value(one, now) for tick, one in ticks.items()}, "tick")
    runs: Values = {(tick,): float(one.runs) for tick, one in ticks.items()}
    yield _counter("premura_tick_runs", "Runs of a tick that came to an end.", runs, "tick")
    failures: Values = {(tick,): float(one.failures) for tick, one in ticks.items()}
    yield _counter("premura_tick_failures", "Runs of a tick that failed; the log says why.", failures, "tick")
    refused = float(status.refused)
    yield _gauge(
        "premura_rules_refused", "1 while changed rule files have faults and the old are in force.", {(): refused}
    )


_OF_TICKS: tuple[tuple[str, str, Callable[[Tick, float], float]], ...] = (
    ("premura_tick_lag_seconds", "Seconds since a tick last came to an end.", lambda tick, now: tick.lag(now)),
    ("premura_tick_duration_seconds", "What its last run took.", lambda tick, _now: tick.seconds),
)


def _age(depth: gauges.Depth, now: datetime) -> float:
    """Seconds since the first of them, never less than none: another machine's clock may be ahead."""
    return max(0.0, (now - depth.due_since).total_seconds()) if depth.due_since else 0.0


def _gauge(name: str, text: str, values: Values, *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=labels), values)


def _counter(name: str, text: str, values: Values, *labels: str) -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: Values) -> Metric:
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
