"""One round of asking: what is known of some customers goes in, what rules answer and what is to be written comes out.

Pure, and all of it in memory: a question to the store for every answer would take a hundred times as long.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from engine.core.actions import Ending
from engine.core.answers import record, short
from engine.core.calendar import local_date
from engine.core.condition import Value
from engine.core.facts import Customer, Event
from engine.core.permission import Standing
from engine.core.waits import Settled, Waiting
from engine.decide.begun import Begun, begun
from engine.decide.guards import Case, Verdict, judge_further, plain
from engine.decide.moment import Occasion, event_facts
from engine.decide.panel import Panel, Said
from engine.decide.rule import Rule
from engine.decide.situation import Situation
from engine.decide.vocabulary import Reading, Vocabulary, contexts
from engine.decide.waits import settle

NOBODY = Customer(ref="")
Question: TypeAlias = tuple[Panel, int, Occasion]
"""Rules, the customer about whom they are asked, and why."""


class Looked(NamedTuple):
    """What the conditions of rules read of a customer, and what they say: guards and lots have not been asked yet."""

    values: Mapping[str, Any]
    said: Said


@dataclass(slots=True, kw_only=True)
class Person:
    """A customer with all that conditions may read of them: `known` values by their names, and what the others are read
    from. facts: of those of whom they are read, or whom a rule may reach. since: the first purchase; history: as in
    `Situation`, and as little frozen."""

    id: int
    time_zone: str
    known: Mapping[str, Any]
    facts: Customer = NOBODY
    since: datetime | None = None
    has_open_complaint: bool = False
    history: Mapping[str, Value] = field(default_factory=dict)
    last_purchase_at: datetime | None = None
    purchase_days: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is known when it begins, and what came of it.

    started: when a customer last entered a rule; journeys: those under way, by customer; decided: (panel's name,
    customer, occurrence) that have an answer, also from this round; standings: of those whom a rule may reach;
    workspace_holdout: the share of customers whom no rule reaches. decisions: rows to be written; refrained: how often
    conditions said this, of what is kept; answered: how often each version (its hash) gave another answer than theirs;
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
    standings: dict[int, Standing] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    refrained: Counter[Said] = field(default_factory=Counter)
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
        """How often each version (its hash) gave each answer."""
        hashes = {short(rule.hash): rule.hash for rule in self.versions}
        found = self.answered.copy()
        for said, number in self.refrained.items():
            for version in said.no:
                found[hashes[version], "no"] += number
        return found

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

    def look(self, questions: Sequence[Question]) -> list[Looked]:
        """What the conditions say, of all questions that are alike at once."""
        alike: dict[tuple[Panel, str], list[int]] = defaultdict(list)
        for place, (panel, _, why) in enumerate(questions):
            alike[panel, why.event.kind if why.event else ""].append(place)
        found: dict[int, Looked] = {}
        for (panel, _), places in alike.items():
            asked = [questions[place] for place in places]
            situations = [self._situation(self.people[customer], why.event) for _, customer, why in asked]
            known = [self.people[customer].known for _, customer, _ in asked]
            values = contexts(situations, self.words, panel.reads, known)
            found.update(zip(places, map(Looked, values, map(panel.says, values)), strict=True))
        return [found[place] for place in range(len(questions))]

    def ask(self, question: Question, looked: Looked) -> None:
        """Ask rules about the customer, unless they have answered; no is kept only if the occasion says so."""
        panel, customer, why = question
        mark = (panel.name, customer, why.occurrence)
        if mark in self.decided:
            return
        values, said = looked.values, looked.said
        further: list[tuple[Rule, Verdict]] = []
        if said.further:
            person = self.people[customer]
            if panel.steps_read:
                values = Reading(self._situation(person, why.event), self.words, {**person.known, **values})
            case = self._case(person, values)
            further = [
                (rule, judge_further(rule, case, held, self.started.get((rule.id, customer))))
                for rule, held in said.further
            ]
        if not why.keep_no:
            further = [one for one in further if one[1].outcome != "no"]
        if further or (why.keep_no and said.no):
            self.decided.add(mark)
            self._keep(question, values, said, further)
            acts = [one for one in further if one[1].outcome == "act"]
            if acts:
                self._begin(self.people[customer], why, acts)

    def _case(self, person: Person, values: Mapping[str, Any]) -> Case:
        return Case(
            customer=person.facts,
            values=values,
            standing=self.standings[person.id],
            time_zone=person.time_zone,
            now=self.now,
            key=self.key,
            workspace_holdout=self.workspace_holdout,
        )

    def _keep(
        self, question: Question, values: Mapping[str, Any], said: Said, further: Sequence[tuple[Rule, Verdict]]
    ) -> None:
        """The answers are to be written: one record of all."""
        panel, customer, why = question
        self.used[panel] = None
        if why.keep_no:
            self.refrained[said] += 1
        for rule, it in further:
            self.answered[rule.hash, it.outcome] += 1
        self.decisions.append(
            {
                "customer_id": customer,
                "rule_id": panel.name,
                "occurrence": why.occurrence,
                "event_id": why.event_id,
                "answers": record(
                    plain(values, panel.read_by(rule for rule, _ in further)),
                    said.no if why.keep_no else {},
                    [[short(rule.hash), it.outcome, it.arm, it.held, it.besides] for rule, it in further],
                ),
            }
        )

    def _begin(self, person: Person, why: Occasion, acts: Sequence[tuple[Rule, Verdict]]) -> None:
        event = event_facts(why.event, person.time_zone) if why.event else None
        for rule, verdict in acts:
            self.started[rule.id, person.id] = self.now
            began = begun(
                rule, verdict, why, event, customer=person.id, facts=person.facts, tz=person.time_zone, now=self.now
            )
            self.begun.setdefault(person.id, []).append(began)

    def settle(self, come: Iterable[Waiting]) -> list[Settled]:
        """What comes of steps whose awaited event is there."""
        return [
            settle(
                it,
                self._situation(self.people[it.customer], it.event),
                standing=self.standings[it.customer],
                words=self.words,
                known=self.people[it.customer].known,
            )
            for it in come
        ]

    def _situation(self, person: Person, event: Event | None) -> Situation:
        return Situation(
            customer=person.facts,
            now=self.now,
            time_zone=person.time_zone,
            currency=self.currency,
            event=event,
            first_purchase_at=person.since,
            last_purchase_at=person.last_purchase_at,
            purchase_days=person.purchase_days,
            has_open_complaint=person.has_open_complaint,
            history=person.history,
        )
