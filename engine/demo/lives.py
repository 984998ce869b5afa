"""How customers come, stay and go: kinds of people, and for each a life of jobs.

Calls of no fixed date come as a Poisson process thinned by season; who keeps the yearly service has it near the same
day every autumn; any job may be the last, more likely so after a complaint. Rates and loyalty differ between people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from engine.core.calendar import anniversary
from engine.demo.chance import Chance, between, happens, wait, weighted
from engine.demo.story import Visit, natural
from engine.demo.work import (
    BOILER,
    CONTRACT,
    COOLING,
    COOLING_REPAIR,
    COOLING_SERVICE,
    PARTS,
    REPAIR,
    SERVICE,
    THERMOSTAT,
    Job,
    in_season,
)

Jobs = tuple[tuple[Job, float], ...]
FIRST: Jobs = (
    (REPAIR, 7),
    (SERVICE, 6),
    (COOLING, 4),
    (BOILER, 3),
    (COOLING_REPAIR, 2),
    (PARTS, 2),
    (THERMOSTAT, 1),
)
AGAIN: Jobs = (
    (REPAIR, 6),
    (PARTS, 6),
    (COOLING_SERVICE, 4),
    (THERMOSTAT, 1.5),
    (COOLING, 1.5),
    (COOLING_REPAIR, 1.5),
    (BOILER, 0.7),
)
MANY: Jobs = (
    (REPAIR, 8),
    (SERVICE, 7),
    (PARTS, 5),
    (COOLING_SERVICE, 4),
    (COOLING_REPAIR, 3),
    (COOLING, 1),
    (BOILER, 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of customer.

    `calls`: fewest and most a year, before the seasons thin them; `fickle`: how likely each job is the last one for the
    least loyal (a third of that on average); `yearly`: how often an autumn sees the yearly service; `contract`: how
    many buy that service as a contract.
    """

    name: str
    calls: tuple[float, float]
    fickle: float
    yearly: float
    contract: float = 0.0
    first: Jobs = FIRST
    again: Jobs = AGAIN


ONCE = Kind(name="once", calls=(0.0, 0.4), fickle=0.9, yearly=0.0)
REGULAR = Kind(name="regular", calls=(0.4, 2.4), fickle=0.6, yearly=0.88, contract=0.16)
LANDLORD = Kind(name="landlord", calls=(5.0, 18.0), fickle=1.0, yearly=0.8, first=MANY, again=MANY)
COMPANY = Kind(name="company", calls=(8.0, 32.0), fickle=1.0, yearly=0.9, contract=0.4, first=MANY, again=MANY)
KINDS = ((ONCE, 42), (REGULAR, 36), (LANDLORD, 12), (COMPANY, 10))


def life(rng: Chance, kind: Kind, came_on: date, today: date) -> Iterator[Visit]:
    """The jobs of one customer from the first contact until `today`, in the order in which they were asked for."""
    thrift, fickle = 0.6 + wait(rng, 1.2), kind.fickle * float(rng.random()) ** 2
    job = weighted(rng, [(job, weight * job.season[came_on.month - 1]) for job, weight in kind.first])
    first = natural(rng, job, came_on + timedelta(days=between(rng, 0, 6)), thrift)
    yield first
    if first.done_on is None:
        return  # another firm was cheaper, or nothing was done at all
    last, wishes = first, [*_calls(rng, kind, first.done_on, today), *_yearly(rng, kind, first.done_on, today)]
    for day, job in sorted(wishes, key=lambda wish: (wish[0], wish[1].name)):
        if last.done_on and happens(rng, fickle * (2 if last.complaint else 1)):
            return
        last = natural(rng, job, day, thrift)
        yield last


def _calls(rng: Chance, kind: Kind, since: date, until: date) -> Iterator[tuple[date, Job]]:
    low, high = kind.calls
    gap = 365 / (low + (high - low) * float(rng.random()) ** 2 + 1e-9)
    days = wait(rng, gap)
    while days < (until - since).days:
        day, job = since + timedelta(days=int(days)), weighted(rng, kind.again)
        if in_season(rng, job, day):
            yield day, job
        days += wait(rng, gap)


def _yearly(rng: Chance, kind: Kind, since: date, until: date) -> Iterator[tuple[date, Job]]:
    job = CONTRACT if happens(rng, kind.contract) else SERVICE
    usual = date(since.year, 9, 5) + timedelta(days=between(rng, 0, 95))
    for year in range(since.year, until.year + 1):
        day = anniversary(usual, year) + timedelta(days=between(rng, -12, 12))
        if since + timedelta(days=150) < day <= until and happens(rng, kind.yearly):
            yield day, job
