"""A journey that begins, and its steps, as the store's columns. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.actions import Ending, State, reference_of
from engine.core.facts import Customer
from engine.core.keys import dedupe_key
from engine.decide.guards import Verdict
from engine.decide.moment import Occasion, facts_of
from engine.decide.rule import Rule
from engine.decide.waits import begins


@dataclass(slots=True, kw_only=True)
class Begun:
    """A journey and its steps; the steps have no journey's key yet."""

    journey: dict[str, Any]
    steps: list[dict[str, Any]]
    stop_on: tuple[str, ...]

    @property
    def is_under_way(self) -> bool:
        """Whether nothing has stopped it yet."""
        return bool(self.journey["state"] == "active")

    @property
    def ending(self) -> Ending:
        """What ends it."""
        began = min(self.journey["anchor_at"], self.journey["started_at"])
        return Ending(stop_on=self.stop_on, anchor_at=began, reference=self.journey["reference"])

    def stop(self, reason: str, now: datetime) -> None:
        """End it before it is written."""
        self.journey |= {"state": "stopped", "ended_at": now, "exit_reason": reason}
        for step in self.steps:
            step |= {"state": State.CANCELLED, "reason": reason, "finished_at": now}


def begun(
    rule: Rule, verdict: Verdict, why: Occasion, event: Mapping[str, Any] | None, *, customer: int, facts: Customer,
    tz: str, now: datetime,
) -> Begun:  # fmt: skip
    """What a rule begins that said yes. event: what templates may say of the one that started it."""
    journey = {
        "rule_id": rule.id,
        "rule_hash": rule.hash,
        "customer_id": customer,
        "occurrence": why.occurrence,
        "state": "active",
        "anchor_at": why.anchor,
        "stop_on": rule.stop_on,
        "reference": reference_of(why.event),
        "started_at": now,
        "ended_at": None,
        "exit_reason": "",
    }
    kinds = verdict.awaits if rule.waits else ("",)
    told = {kind: facts_of(rule, why, [step for step in verdict.steps if step.awaits == kind], event) for kind in kinds}
    steps = [
        {
            "rule_id": rule.id,
            "rule_hash": rule.hash,
            "customer_id": customer,
            "dedupe_key": dedupe_key(rule.id, facts.ref, why.occurrence, step.id),
            "event_id": why.event_id,
            "step": step.id,
            "purpose": rule.purpose,
            "channel": step.channel,
            "plan": step.planned,
            "facts": told[step.awaits],
            "worth_micro": rule.worth_micro,
            "finished_at": None,
            **begins(step, why.anchor, tz),
        }
        for step in verdict.steps
    ]
    return Begun(journey=journey, steps=steps, stop_on=rule.stop_on)
