"""When a rule is asked: on an event, on a date that comes round, when a score crosses a line, on a daily sweep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from engine.core.calendar import Duration, moved
from engine.core.facts import Happening
from engine.decide.condition import Condition
from engine.decide.dates import DateTrigger, occurrences
from engine.decide.moment import Occasion
from engine.decide.panel import Panel
from engine.decide.rule import Rule, Step
from engine.decide.vocabulary import before

CATCH_UP = timedelta(days=7)
"""How far back missed dates are still looked at after an outage; older ones would come too late to be kind."""


def by_event(rules: Iterable[Rule]) -> dict[str, Panel]:
    """The rules that each kind of event starts."""
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.trigger.kind == "event":
            found.setdefault(rule.trigger.what, []).append(rule)
    return {kind: Panel.of(them) for kind, them in found.items()}


def of_kind(rules: Iterable[Rule], kind: str) -> list[Rule]:
    """The rules with that kind of trigger."""
    return [rule for rule in rules if rule.trigger.kind == kind]


def asked_on(rule: Rule, day: date, travels: Mapping[str, int]) -> date:
    """The day on which a rule is asked about a date: when its first step is near, and on the date itself at the latest.

    travels: channel -> days that its paper travels. A step before the date counts as early as it is to be there.
    """
    return min((day, *(_near(step, day, travels.get(step.channel, 0)) for step in rule.steps)))


def _near(step: Step, day: date, travels: int) -> date:
    days = step.after.days - travels + step.after.seconds // 86_400  # hours before a date lie on the days before
    try:
        return moved(day, Duration(months=step.after.months, days=days))
    except (OverflowError, ValueError):
        return day


def reach(rule: Rule, today: date, travels: Mapping[str, int]) -> date:
    """The last date that a rule may have to be asked about today: as far ahead as its earliest step reaches."""
    far = timedelta(days=max((_ahead(step, travels.get(step.channel, 0)) for step in rule.steps), default=0))
    return min(today, date.max - far) + far


def _ahead(step: Step, travels: int) -> int:
    after = step.after
    return max(0, travels - after.days - after.months * 31 - after.seconds // 86_400)


def due(
    rule: Rule, on: DateTrigger, origin: date, *, since: date, today: date, travels: Mapping[str, int]
) -> list[tuple[date, int | None]]:
    """The dates that a rule is to be asked about today, those since the last look included; with the full years."""
    coming = occurrences(on, origin, since, reach(rule, today, travels))
    return [(day, years) for day, years in coming if asked_on(rule, day, travels) <= today]


def crosses(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Whether a condition on the score holds now and did not hold of the values before."""
    return condition.holds(values) and not condition.holds(before(values))


def event_occasion(source: str, key: int, event: Happening) -> Occasion:
    """Why rules are asked when an event happened; its own key makes the same event the same occurrence.

    source: of the event; key: its own in the store.
    """
    return Occasion(f"{source}/{event.ext_key}", event.occurred_at, event, key)
