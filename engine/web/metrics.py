"""The numbers that Prometheus collects, in its text format (version 0.0.4), asked when it does.

What the store knows is the same in every process that works on it, so that any one of them can be asked; what is said
of ticks is about this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from engine.app import App
from engine.errors import StoreError
from engine.status import Status
from engine.store import breakers, gauges, leases, rates
from engine.web import families

CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(slots=True, eq=False)  # a registry keeps it by its identity
class Numbers(Collector):
    """All that there is to count.

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
        yield from families.of_process(self.status, self.clock())
        try:
            stored = list(self._stored())
        except StoreError:
            stored = []
        yield families.of_store(up=bool(stored))
        yield from stored

    def _stored(self) -> Iterator[Metric]:
        adapters, now = sorted(self.app.settings.adapters), self.app.clock()
        made = vars(self.app).get("adapters", {})  # whoever does not dispatch has none
        limits = {name: one.capability.rate for name, one in made.items() if one.capability.rate}
        with self.app.store.read() as connection:
            self.seen = gauges.attempts(connection, self.seen, now)
            yield families.sends(self.seen, adapters)
            yield families.doubts(gauges.unknown(connection), adapters)
            yield from families.of_queue(gauges.queue(connection, now), now)
            yield from families.of_events(gauges.unheard(connection), now)
            yield from families.of_leader(leases.held(connection, self.app.right.name, now), now)
            yield from families.of_breakers(breakers.load(connection), adapters, now)
            yield families.of_rates(rates.load(connection), limits, now)
