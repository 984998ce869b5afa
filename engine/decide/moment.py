"""Why a rule is asked about a customer now, and what their messages need to know of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.calendar import local_date
from engine.core.facts import Event
from engine.decide.guards import Verdict
from engine.decide.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why a rule is asked about a customer now."""

    occurrence: str
    anchor: datetime  # what the steps' `after` counts from
    event: Event | None = None
    event_id: int | None = None  # its key in the store
    years: int | None = None
    keep_no: bool = True  # whether a plain "no" is kept: not for sweeps, which ask everybody every day


def facts_of(rule: Rule, why: Occasion, verdict: Verdict, tz: str) -> dict[str, Any]:
    """What templates need of the moment, kept with the action."""
    facts: dict[str, Any] = {"title": rule.title, "years": why.years}
    if why.event is not None:
        happened = local_date(why.event.occurred_at, tz)
        facts["event"] = {**why.event.payload, "occurred_on": happened.isoformat()}
    points = sum(int(step.plan.options.get("points", 0)) for step in verdict.steps)
    if points:
        facts["points"] = points
    return facts
