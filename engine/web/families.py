"""The numbers' names, labels and units, as Prometheus asks for them; pure. docs/operations.md lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from engine import __version__
from engine.core.actions import State
from engine.core.breaker import Breaker
from engine.core.rate import Bucket, Rate, full, take
from engine.status import Status, Tick
from engine.store.gauges import Attempts, Depth
from engine.store.leases import Held

Values = Mapping[tuple[str, ...], float]  # by labels
OUTCOMES = ("submitting", "accepted", "retry", "rejected", "unknown", "not sent")
"""What an attempt comes to (engine/store/tables/sending.py); each is told from the start, so that it can be watched."""


def of_process(status: Status, now: float) -> Iterator[Metric]:
    """This process: its version, its ticks, whether the rules in its files have faults."""
    yield _gauge("premura_info", "The version of Premura.", {(__version__,): 1.0}, "version")
    ticks = dict(status.ticks)
    for name, text, value in _OF_TICKS:
        yield _gauge(name, text, {(tick,): value(one, now) for tick, one in ticks.items()}, "tick")
    runs = {name: one.runs for name, one in ticks.items()}
    yield _counter("premura_tick_runs", "Runs of a tick that came to an end.", _by_name(runs), "tick")
    failures = {name: one.failures for name, one in ticks.items()}
    yield _counter("premura_tick_failures", "Runs of a tick that failed; the log says why.", _by_name(failures), "tick")
    text = "1 while changed rule files have faults and the rules before them are in force."
    yield _gauge("premura_rules_refused", text, {(): float(status.refused)})
    text = "1 while something is not sent before a person confirms what came of a restore."
    yield _gauge("premura_dispatch_refused", text, {(): float(status.stands_still)})


_OF_TICKS: tuple[tuple[str, str, Callable[[Tick, float], float]], ...] = (
    ("premura_tick_lag_seconds", "Seconds since a tick last came to an end.", lambda tick, now: tick.lag(now)),
    ("premura_tick_duration_seconds", "What its last run took.", lambda tick, _now: tick.seconds),
)


def of_store(*, up: bool) -> Metric:
    """Whether the other numbers could be asked."""
    return _gauge("premura_store_up", "1 while the database answers.", {(): float(up)})


def of_queue(depths: Mapping[State, Depth], now: datetime) -> Iterator[Metric]:
    """The actions in which something is still to happen."""
    numbers = {state.value: depth.number for state, depth in depths.items()}
    yield _gauge("premura_queue_actions", "Actions that something is still to happen to.", _by_name(numbers), "state")
    text = "For how long the oldest action of that state has been due."
    ages = {state.value: _age(depth, now) for state, depth in depths.items()}
    yield _gauge("premura_queue_oldest_due_seconds", text, _by_name(ages), "state")


def of_events(waiting: Depth, now: datetime) -> Iterator[Metric]:
    """The events that decide is still to see."""
    yield _gauge("premura_queue_events", "Events that decide has not seen.", {(): float(waiting.number)})
    text = "For how long the oldest event has been waiting for decide."
    yield _gauge("premura_queue_oldest_event_seconds", text, {(): _age(waiting, now)})


def of_leader(held: Held | None, now: datetime) -> Iterator[Metric]:
    """Whether one process does what must be done once for all, and which."""
    yield _gauge("premura_led", "1 while a process does what one does for all.", {(): float(held is not None)})
    ages: Values = {} if held is None else {(held.holder,): _seconds(held.since, now)}
    yield _gauge("premura_leader_seconds", "For how long the process that leads has led.", ages, "holder")


def doubts(numbers: Mapping[str, int], adapters: Iterable[str]) -> Metric:
    """What nobody knows of, with a zero for each of these adapters that has none."""
    text = "Actions of which nobody knows whether they went out."
    return _gauge("premura_unknown_actions", text, _by_name(dict.fromkeys(adapters, 0) | dict(numbers)), "adapter")


def sends(seen: Attempts, adapters: Iterable[str]) -> Metric:
    """The attempts, with a zero for whatever these adapters have not come to yet."""
    numbers = {(name, outcome): 0 for name in adapters for outcome in OUTCOMES} | dict(seen.numbers)
    values: Values = {key: float(number) for key, number in sorted(numbers.items())}
    return _counter("premura_sends", "Attempts to send, by what came of them.", values, "adapter", "outcome")


def of_breakers(broken: Mapping[str, Breaker], adapters: Iterable[str], now: datetime) -> Iterator[Metric]:
    """How the adapters' providers do."""
    known = {name: broken.get(name, Breaker()) for name in adapters}
    failures = {name: breaker.failures for name, breaker in known.items()}
    yield _gauge("premura_breaker_failures", "Failures in a row of a provider.", _by_name(failures), "adapter")
    rest = {name: _seconds(now, one.open_until) if one.open_until else 0.0 for name, one in known.items()}
    text = "For how long an adapter will send nothing, its provider being ill."
    yield _gauge("premura_breaker_open_seconds", text, _by_name(rest), "adapter")


def of_rates(buckets: Mapping[str, Bucket], limits: Mapping[str, Rate], now: datetime) -> Metric:
    """What the adapters that have a rate may send now: more has come in since a bucket was last written."""
    left = {name: take(buckets.get(name) or full(rate, now), rate, 0, now)[1].tokens for name, rate in limits.items()}
    text = "Messages that an adapter with a rate may send at once, all workers together."
    return _gauge("premura_rate_tokens", text, _by_name(left), "adapter")


def _age(depth: Depth, now: datetime) -> float:
    return _seconds(depth.due_since, now) if depth.due_since else 0.0


def _seconds(since: datetime, until: datetime) -> float:
    """Never less than none: another machine's clock may be ahead."""
    return max(0.0, (until - since).total_seconds())


def _by_name(numbers: Mapping[str, float]) -> Values:
    return {(name,): float(number) for name, number in sorted(numbers.items())}


def _gauge(name: str, text: str, values: Values, *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=labels), values)


def _counter(name: str, text: str, values: Values, *labels: str) -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: Values) -> Metric:
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
