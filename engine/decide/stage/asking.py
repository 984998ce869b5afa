"""What all triggers share: all that is known of some customers is read at once, and so is written what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection

from engine.core.actions import Ending
from engine.core.calendar import local_date
from engine.core.condition import Value
from engine.core.lookback import lookbacks
from engine.core.money import exponent
from engine.core.waits import Waiting
from engine.decide.guards import asks_before
from engine.decide.moment import Occasion
from engine.decide.panel import Panel
from engine.decide.purchases import in_words
from engine.decide.round import NOBODY, Looked, Person, Question, Round
from engine.decide.rule import Rule
from engine.decide.stage.policy import Policy, Summary
from engine.decide.waits import reads
from engine.store import (
    actions,
    complaints,
    customers,
    decisions,
    history,
    latest,
    permissions,
    sweeps,
    transactions,
    waits,
)
from engine.store.session import Store

_NO_PAST: Mapping[str, Value] = {}
_COMPLAINT = "customer.has_open_complaint"
_FIRST = {"customer.first_purchase", "customer.years_since_first_purchase"}
_ELSEWHERE = {*_FIRST, _COMPLAINT, "customer.last_purchase", "customer.next_purchase"}  # not from the customer's facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """When customers bought, by their keys."""

    first: Mapping[int, datetime]
    last: Mapping[int, datetime]
    days: Mapping[int, Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One run of the stage."""

    store: Store
    policy: Policy
    now: datetime
    summary: Summary
    kept: set[str] = field(default_factory=set)  # the versions of rules that the store has

    def round(
        self, connection: Connection, ids: Collection[int], rules: Iterable[Rule] = (), *,
        reads: Iterable[str] = (), kinds: Collection[str] = (),
    ) -> Round:  # fmt: skip
        """What is known of these customers, as far as it is read, but for the answers that they have; they are held.

        rules: those that will be asked; reads: names in other conditions that will be. kinds: of events that will stop
        journeys.
        """
        customers.hold(connection, ids)
        asked = list(rules)
        names = {*chain.from_iterable(rule.reads for rule in asked), *reads}
        journeys: dict[int, list[tuple[int, Ending]]] = defaultdict(list)
        for journey in decisions.active_journeys(connection, ids, kinds) if kinds else ():
            journeys[journey.customer_id].append((journey.id, journey.ending))
        return Round(
            words=self.policy.words,
            currency=self.policy.currency,
            time_zone=self.policy.time_zone,
            key=self.policy.key,
            now=self.now,
            people=self._people(connection, ids, names),
            started=decisions.last_started(connection, ids, [rule.id for rule in asked if asks_before(rule)]),
            journeys=journeys,
            workspace_holdout=self.policy.workspace_holdout,
        )

    def _people(self, connection: Connection, ids: Collection[int], reads: Collection[str]) -> dict[int, Person]:
        known = sweeps.values(connection, ids, reads, exponent=exponent(self.policy.currency))
        others = {name for name in reads if name.startswith("customer.")}.difference(
            _ELSEWHERE, *list(known.values())[:1]
        )
        facts = customers.facts(connection, known) if others else {}
        since = transactions.first_of(connection, known) if _FIRST & set(reads) else {}
        bought = self.purchases(connection, known, {*reads} - {"customer.first_purchase"})
        complain = complaints.open_complaints(connection, known) if _COMPLAINT in reads else ()
        asked = lookbacks(reads)
        zones = {key: values["time_zone"] for key, values in known.items()} if asked else {}
        past = history.answers(connection, asked, zones, self.past())
        return {
            key: Person(
                id=key,
                known=values,
                facts=facts.get(key, NOBODY),
                since=since.get(key),
                last_purchase_at=bought.last.get(key),
                purchase_days=bought.days.get(key, ()),
                time_zone=values["time_zone"] or self.policy.time_zone,
                has_open_complaint=key in complain,
                history=past.get(key, _NO_PAST),
            )
            for key, values in known.items()
        }

    def purchases(self, connection: Connection, some: Collection[int], reads: Collection[str]) -> Purchases:
        """When these customers bought, as far as it is read."""
        today = local_date(self.now, self.policy.time_zone)
        return Purchases(
            first=transactions.first_of(connection, some) if "customer.first_purchase" in reads else {},
            last=latest.last_purchases(connection, some, today) if "customer.last_purchase" in reads else {},
            days=latest.purchase_days(connection, some, today) if "customer.next_purchase" in reads else {},
        )

    def past(self, zones: Collection[str] = ()) -> history.Past:
        shop = self.policy
        return history.Past(now=self.now, currency=shop.currency, time_zone=shop.time_zone, zones=zones)

    def ask(self, connection: Connection, asked: Round, questions: Sequence[tuple[Rule, int, Occasion]]) -> None:
        """Ask rules about customers of a round, each alone, and write what came of it."""
        asked.decided.update(decisions.decided(connection, {(key, why.occurrence) for _, key, why in questions}))
        panels = {rule.id: Panel.alone(rule) for rule in {rule.id: rule for rule, _, _ in questions}.values()}
        together = [(panels[rule.id], key, why) for rule, key, why in questions]
        for question, looked in zip(together, self.look(connection, asked, together), strict=True):
            asked.ask(question, looked)
        self.write(connection, asked)
        self.settle(connection, waits.come(connection, asked.begun, self.now) if asked.begun else ())
        decisions.count_answers(connection, asked.counted, self.now)

    def look(self, connection: Connection, asked: Round, questions: Sequence[Question]) -> list[Looked]:
        """What the conditions say; of whom they may be true, it is read how they stand."""
        looked = asked.look(questions)
        self._stand(
            connection, asked, {who for (_, who, _), it in zip(questions, looked, strict=True) if it.said.further}
        )
        return looked

    def _stand(self, connection: Connection, asked: Round, some: Collection[int]) -> None:
        people = {key: asked.people[key] for key in some}
        unread = [key for key, person in people.items() if person.facts is NOBODY]
        for key, facts in (customers.facts(connection, unread) if unread else {}).items():
            people[key].facts = facts
        addressed = {key: person.facts for key, person in people.items()}
        asked.standings.update(permissions.standings(connection, addressed, self.policy.key))

    def settle(self, connection: Connection, come: Collection[Waiting]) -> None:
        """Say of steps whose awaited event is there what comes of them."""
        if come:
            come = [replace(it, event=in_words(it.event, self.policy.currency)) for it in come]
            asked = self.round(connection, {it.customer for it in come}, reads=reads(come, self.policy.words))
            self._stand(connection, asked, asked.people)
            self.summary.awaited += waits.settle(connection, asked.settle(come), self.now)

    def write(self, connection: Connection, asked: Round) -> None:
        """All that came of a round."""
        for reason, journeys in asked.stopped.items():
            decisions.stop_journeys(connection, journeys, reason, self.now)
            self.summary.stopped += len(journeys)
        self._keep_versions(connection, asked.versions)
        decisions.add_decisions(connection, asked.decisions, self.now)
        begun = list(chain.from_iterable(asked.begun.values()))
        keys = decisions.begin_journeys(connection, [one.journey for one in begun])
        for key, one in zip(keys, begun, strict=True):
            for step in one.steps:
                step["journey_id"] = key
        self.summary.actions += actions.plan(connection, [step for one in begun for step in one.steps], self.now)
        self.summary.stopped += sum(not one.is_under_way for one in begun)
        for (_, outcome), number in asked.counted.items():
            self.summary.count(outcome, number)

    def _keep_versions(self, connection: Connection, rules: Iterable[Rule]) -> None:
        """Once a run."""
        for rule in sorted(rules, key=lambda rule: rule.hash):  # so that no two workers block each other
            if rule.hash not in self.kept:
                clauses = [clause.to_json() for clause in rule.clauses]
                decisions.keep_version(connection, rule.id, rule.hash, rule.text, self.now, clauses)
                self.kept.add(rule.hash)
