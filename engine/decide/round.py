"""One round of asking: what is known of some customers goes in, what rules answer and what is to be written comes out.

Pure, and all of it in memory: a question to the store for every answer would take a hundred times as long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.core.actions import Ending
from engine.core.answers import record, short
from engine.core.calendar import local_date
from engine.core.condition import Value
from engine.core.facts import Customer, Event, Score
from engine.core.permission import Standing
from engine.core.waits import Settled, Waiting
from engine.core.worth import Worth
from engine.decide.begun import Begun, begun
from engine.decide.guards import Case, Verdict, case_of, judge_further, plain
from engine.decide.moment import Occasion, event_facts
from engine.decide.panel import Panel
from engine.decide.rule import Rule
from engine.decide.situation import Earlier, Situation
from engine.decide.vocabulary import Vocabulary
from engine.decide.waits import settle


@dataclass(slots=True, kw_only=True)
class Person:
    """A customer with all that a rule may ask about them. since: the first purchase; history: as in `Situation`, and as
    little frozen."""

    id: int
    facts: Customer
    score: Score | Worth | None
    previous: Earlier | None
    since: datetime | None
    standing: Standing
    time_zone: str
    history: Mapping[str, Value] = field(default_factory=dict)
    last_purchase_at: datetime | None = None
    purchase_days: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is known when it begins, and what came of it.

    started: when a customer last entered a rule; journeys: those under way, by customer; decided: (panel's name,
    customer, occurrence) that have an answer, also from this round; workspace_holdout: the share of customers whom no
    rule reaches. decisions: rows to be written; answered: how often each version, as records have it, gave each answer;
    begun, by customer, stopped, by the reason: what comes of them; used: whose rules answered.
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
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    begun: dict[int, list[Begun]] = field(default_factory=dict)
    stopped: dict[str, list[int]] = field(default_factory=dict)
    used: dict[Panel, None] = field(default_factory=dict)

    @property
    def versions(self) -> list[Rule]:
        """The rules that answered."""
        return [rule for panel in self.used for rule in panel.rules]

    @property
    def counted(self) -> dict[tuple[str, str], int]:
        """How often each version (its whole hash) gave each answer."""
        hashes = {short(rule.hash): rule.hash for rule in self.versions}
        return {(hashes[version], outcome): number for (version, outcome), number in self.answered.items()}

    def stop(self, customer: int, event: Event) -> None:
        """End the customer's journeys that this event stops, also those that began a moment ago."""
        if customer not in self.journeys and customer not in self.begun:
            return
        under_way = self.journeys.get(customer, [])
        ended = [journey for journey in under_way if journey[1].comes_with(event)]
        candidates = [one for one in self.begun.get(customer, ()) if event.kind in one.stop_on and one.is_under_way]
        ended_now = [one for one in candidates if one.ending.comes_with(event)]
        if not ended and not ended_now:
            return
        reason = f"{event.kind} on {local_date(event.occurred_at, self.time_zone).isoformat()}"
        if ended:
            self.stopped.setdefault(reason, []).extend(journey for journey, _ in ended)
            self.journeys[customer] = [journey for journey in under_way if journey not in ended]
        for one in ended_now:
            one.stop(reason, self.now)

    def ask(self, panel: Panel, customer: int, why: Occasion) -> None:
        """Ask rules about the customer, unless they have answered; no is kept only if the occasion says so."""
        mark = (panel.name, customer, why.occurrence)
        if mark in self.decided:
            return
        person = self.people[customer]
        case = case_of(
            self._situation(person, why.event),
            words=self.words,
            standing=person.standing,
            key=self.key,
            workspace_holdout=self.workspace_holdout,
        )
        no: dict[str, str] = {}
        further: list[tuple[Rule, Verdict]] = []
        values = case.values
        for (rule, version), held in zip(panel.asked, panel.signs(values), strict=True):
            if "0" in held:
                no[version] = held
            else:
                further.append((rule, judge_further(rule, case, held, self.started.get((rule.id, customer)))))
        if not why.keep_no:
            no, further = {}, [one for one in further if one[1].outcome != "no"]
        if no or further:
            self.decided.add(mark)
            self._keep(panel, case, customer, why, no, further)
            self._begin(person, why, [one for one in further if one[1].outcome == "act"])

    def _keep(
        self, panel: Panel, case: Case, customer: int, why: Occasion, no: Mapping[str, str],
        further: Sequence[tuple[Rule, Verdict]],
    ) -> None:  # fmt: skip
        """The answers are to be written: one record of all."""
        self.used[panel] = None
        said = [[short(rule.hash), it.outcome, it.arm, it.held, it.besides] for rule, it in further]
        for version in no:
            self.answered[version, "no"] += 1
        for rule, it in further:
            self.answered[short(rule.hash), it.outcome] += 1
        values = plain(case.values, panel.read_by(rule for rule, _ in further))
        self.decisions.append(
            {
                "customer_id": customer,
                "rule_id": panel.name,
                "occurrence": why.occurrence,
                "event_id": why.event_id,
                "answers": record(values, no, said),
            }
        )

    def _begin(self, person: Person, why: Occasion, acts: Sequence[tuple[Rule, Verdict]]) -> None:
        event = event_facts(why.event, person.time_zone) if acts and why.event else None
        for rule, verdict in acts:
            self.started[rule.id, person.id] = self.now
            began = begun(
                rule, verdict, why, event, customer=person.id, facts=person.facts, tz=person.time_zone, now=self.now
            )
            self.begun.setdefault(person.id, []).append(began)

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
