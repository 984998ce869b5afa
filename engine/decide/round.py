"""One round of asking: what is known of some customers goes in, what rules answer and what is to be written comes out.

Pure, and all of it in memory: a question to the store for every answer would take a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.core.actions import Ending, State
from engine.core.calendar import local_date
from engine.core.condition import Value
from engine.core.facts import Customer, Event, Score
from engine.core.keys import dedupe_key
from engine.core.permission import Standing
from engine.core.waits import Settled, Waiting
from engine.decide.guards import Verdict, case_of, judge
from engine.decide.moment import Occasion, facts_of
from engine.decide.rule import Rule
from engine.decide.situation import Earlier, Situation
from engine.decide.vocabulary import Vocabulary
from engine.decide.waits import begins, settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer with all that a rule may ask about them. since: the first purchase; history: as in `Situation`."""

    id: int
    facts: Customer
    score: Score | None
    previous: Earlier | None
    since: datetime | None
    standing: Standing
    time_zone: str
    history: Mapping[str, Value] = field(default_factory=dict)
    last_purchase_at: datetime | None = None
    purchase_days: Sequence[int] = ()


@dataclass(slots=True, kw_only=True)
class Begun:
    """A journey that begins, and its steps, as the store's columns; the steps have no journey's key yet."""

    journey: dict[str, Any]
    steps: list[dict[str, Any]]
    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is known when it begins, and what came of it.

    started: when a customer last entered a rule; journeys: those under way, by customer; decided: (rule, customer,
    occurrence) that have an answer, also from this round; workspace_holdout: the share of customers whom no rule
    reaches. decisions: rows to be written; begun, stopped (journey,
    reason): what comes of them; used: the rules that answered.
    """

    words: Vocabulary
    currency: str
    time_zone: str
    key: str
    now: datetime
    people: Mapping[int, Person]
    started: dict[tuple[str, int], datetime]
    journeys: dict[int, list[tuple[int, Ending]]]
    workspace_holdout: float = 0.0
    decided: set[tuple[str, int, str]] = field(default_factory=set)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    begun: dict[int, list[Begun]] = field(default_factory=dict)
    stopped: list[tuple[int, str]] = field(default_factory=list)
    used: dict[str, Rule] = field(default_factory=dict)

    def stop(self, customer: int, event: Event) -> None:
        """End the customer's journeys that this event stops, also those that began a moment ago."""
        under_way = self.journeys.get(customer, [])
        ended = [journey for journey in under_way if journey[1].comes_with(event)]
        begun = [one for one in self.begun.get(customer, []) if one.journey["state"] == "active"]
        ended_now = [one for one in begun if one.ending.comes_with(event)]
        if not ended and not ended_now:
            return
        reason = f"{event.kind} on {local_date(event.occurred_at, self.time_zone).isoformat()}"
        self.stopped.extend((journey, reason) for journey, _ in ended)
        if ended:
            self.journeys[customer] = [journey for journey in under_way if journey not in ended]
        for one in ended_now:
            one.journey |= {"state": "stopped", "ended_at": self.now, "exit_reason": reason}
            for step in one.steps:
                step |= {"state": State.CANCELLED, "reason": reason, "finished_at": self.now}

    def ask(self, rules: Iterable[Rule], customer: int, why: Occasion) -> None:
        """Ask rules about the customer, but for those that have answered; no is kept only if the occasion says so."""
        person = self.people[customer]
        case = case_of(
            self._situation(person, why.event),
            words=self.words,
            standing=person.standing,
            key=self.key,
            workspace_holdout=self.workspace_holdout,
        )
        for rule in rules:
            mark = (rule.id, customer, why.occurrence)
            if mark not in self.decided:
                verdict = judge(rule, case, self.started.get((rule.id, customer)))
                if verdict.outcome != "no" or why.keep_no:
                    self._keep(rule, person, why, verdict)

    def _keep(self, rule: Rule, person: Person, why: Occasion, verdict: Verdict) -> None:
        customer = person.id
        mark = (rule.id, customer, why.occurrence)
        self.decided.add(mark)
        self.used[rule.hash] = rule
        self.decisions.append(self._decision(rule, person, why, verdict))
        if verdict.outcome == "act":
            self.started[rule.id, customer] = self.now
            self.begun.setdefault(customer, []).append(self._begun(rule, person, why, verdict))

    def settle(self, come: Iterable[Waiting]) -> list[Settled]:
        """What comes of steps whose awaited event is there."""
        about = [(it, self.people[it.customer]) for it in come]
        return [
            settle(it, self._situation(person, it.event), standing=person.standing, words=self.words)
            for it, person in about
        ]

    def _situation(self, person: Person, event: Event | None) -> Situation:
        return Situation(
            customer=person.facts,
            now=self.now,
            time_zone=person.time_zone,
            currency=self.currency,
            score=person.score,
            previous=person.previous,
            event=event,
            first_purchase_at=person.since,
            last_purchase_at=person.last_purchase_at,
            purchase_days=person.purchase_days,
            has_open_complaint=person.standing.open_complaint,
            history=person.history,
        )

    def _decision(self, rule: Rule, person: Person, why: Occasion, verdict: Verdict) -> dict[str, Any]:
        return {
            "rule_id": rule.id,
            "rule_hash": rule.hash,
            "customer_id": person.id,
            "occurrence": why.occurrence,
            "event_id": why.event_id,
            "outcome": verdict.outcome,
            "reasons": verdict.kept,
            "arm": verdict.arm,
        }

    def _begun(self, rule: Rule, person: Person, why: Occasion, verdict: Verdict) -> Begun:
        reference = str(why.event.payload.get("reference") or "") if why.event else ""
        common = {"rule_id": rule.id, "rule_hash": rule.hash, "customer_id": person.id}
        journey = {
            **common,
            "occurrence": why.occurrence,
            "state": "active",
            "anchor_at": why.anchor,
            "stop_on": list(rule.stop_on),
            "reference": reference,
            "started_at": self.now,
            "ended_at": None,
            "exit_reason": "",
        }
        together = {kind: [step for step in verdict.steps if step.awaits == kind] for kind in verdict.awaits}
        facts = {kind: facts_of(rule, why, steps, person.time_zone) for kind, steps in together.items()}
        steps = [
            {
                **common,
                "dedupe_key": dedupe_key(rule.id, person.facts.ref, why.occurrence, step.id),
                "event_id": why.event_id,
                "step": step.id,
                "purpose": rule.purpose,
                "channel": step.channel,
                "plan": step.planned,
                "facts": facts[step.awaits],
                "worth_micro": rule.worth_micro,
                "finished_at": None,
                **begins(step, why.anchor, person.time_zone),
            }
            for step in verdict.steps
        ]
        ending = Ending(stop_on=rule.stop_on, anchor_at=min(why.anchor, self.now), reference=reference)
        return Begun(journey=journey, steps=steps, ending=ending)
