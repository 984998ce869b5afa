"""What a backtest found, added up. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from engine.backtest.outcome import End, Outcome
from engine.core.calendar import local_date
from engine.decide.answered import Answered
from engine.decide.past import Life

_FALSE = "its condition is false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line for people: who, when, by which channel, and what came of it."""

    customer: str
    name: str
    at: datetime
    channel: str
    step: str
    outcome: End
    reason: str
    deferred: bool
    cost_micro: int
    decided_at: datetime
    occurrence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a rule would have done from one day to another.

    customers: who were known by then; reached: those of them to whom something went out. asked: on how many occasions,
    of which on `false` a condition did not hold; of a sweep, of how many customers it never held. ends: what became of
    steps and occasions. months: month -> channel -> number that went out. deferred: of those, how many a cap or budget
    moved. cost_micro: of what went out, in millionths of a unit of the currency.
    notes: what to know when reading this.
    """

    rule: str
    title: str
    hash: str
    file: str
    since: date
    until: date
    customers: int
    reached: int
    asked: int
    false: int
    ends: dict[str, int]
    months: dict[str, dict[str, int]]
    deferred: int
    cost_micro: int
    currency: str
    notes: tuple[str, ...] = ()
    rows: tuple[Row, ...] = field(default=(), repr=False)


def taken_away(life: Life, answered: Answered) -> Iterable[Outcome]:
    """What guards took away when the rule answered: the whole occasion, or single steps of a yes."""
    kept, outcome = answered.verdict.kept, answered.verdict.outcome
    if outcome == "holdout":
        yield _nothing(life, answered, End.HOLDOUT, kept["guard"][1])
    elif outcome == "refused" and "guard" in kept:
        yield _nothing(life, answered, End.AGAIN, kept["guard"][1])
    elif outcome in ("refused", "act"):
        for step, why in kept.get("steps", {}).items():
            if why and why != _FALSE:
                yield _nothing(life, answered, End.PERMISSION, why, step)


def _nothing(life: Life, answered: Answered, end: End, reason: str, step: str = "") -> Outcome:
    return Outcome(
        customer=life.id,
        decided_at=answered.at,
        occurrence=answered.why.occurrence,
        end=end,
        at=answered.at,
        step=step,
        reason=reason,
    )


def rows(found: Iterable[Outcome], lives: dict[int, Life], channels: dict[str, str]) -> tuple[Row, ...]:
    """The outcomes as lines, in the order of time. channels: of each step."""
    ordered = sorted(found, key=lambda one: (one.at, one.decided_at, one.customer, one.step))
    return tuple(
        Row(
            customer=lives[one.customer].facts.ref,
            name=lives[one.customer].facts.name,
            at=one.at,
            channel=one.channel or channels.get(one.step, ""),
            step=one.step,
            outcome=one.end,
            reason=one.reason,
            deferred=one.deferred,
            cost_micro=one.cost_micro,
            decided_at=one.decided_at,
            occurrence=one.occurrence,
        )
        for one in ordered
    )


def months(found: Iterable[Row], tz: str) -> dict[str, dict[str, int]]:
    """How much went out, by month on the shop's calendar and by channel."""
    counted = Counter(
        (local_date(row.at, tz).strftime("%Y-%m"), row.channel) for row in found if row.outcome is End.SENT
    )
    sums: dict[str, dict[str, int]] = {}
    for (month, channel), number in sorted(counted.items()):
        sums.setdefault(month, {})[channel] = number
    return sums
