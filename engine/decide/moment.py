"""Why a rule is asked about a customer now, and what their messages need to know of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.calendar import local_date
from engine.core.facts import Event
from engine.decide.rule import Rule, Step


@dataclass(slots=True, kw_only=True)
class Occasion:
    """Why a rule is asked about a customer now; not frozen, as is no `Situation`."""

    occurrence: str
    anchor: datetime  # what the steps' `after` counts from
    event: Event | None = None
    event_id: int | None = None  # its key in the store
    years: int | None = None
    keep_no: bool = True  # whether a plain "no" is kept: not for sweeps, which ask everybody every day


def facts_of(rule: Rule, why: Occasion, steps: Iterable[Step], event: Mapping[str, Any] | None) -> dict[str, Any]:
    """What templates need of the moment, kept with each action.

    steps: those that go ahead together, of whose points a message among them may tell. event: as `event_facts` has it.
    """
    facts: dict[str, Any] = {"title": rule.title, "years": why.years}
    if rule.trigger.date is not None:
        facts["day"] = why.occurrence
    if event is not None:
        facts["event"] = event
    points = sum([int(step.plan.options.get("points", 0)) for step in steps])
    if points:
        facts["points"] = points
    return facts


def event_facts(event: Event, tz: str) -> dict[str, Any]:
    """What templates may say of an event."""
    return {**event.payload, "occurred_on": local_date(event.occurred_at, tz).isoformat()}
