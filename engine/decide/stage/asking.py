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
from engine.decide.came import Came
from engine.decide.guards import asks_before, takes_post
from engine.decide.moment import Occasion
from engine.decide.panel import Panel
from engine.decide.purchases import in_words
from engine.decide.round import Looked, Person, Question, Round
from engine.decide.rule import Rule
from engine.decide.rulings import Known, Rulings
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
    rulings: Known = field(default_factory=dict)  # the answers of guards that were made

    def round(
        self, connection: Connection, ids: Collection[int], rules: Iterable[Rule] = (), *,
        reads: Iterable[str] = (), kinds: Collection[str] = (), held: bool = False,
    ) -> Round:  # fmt: skip
        """What is known of these customers, as far as it is read, but for the answers that they have; they are held.

        rules: those that will be asked; reads: names in other conditions that will be. kinds: of events that will stop
        journeys. held: whether they are already.
        """
        ids = sorted(ids)  # so they are found in two thirds of the time
        if not held:
            customers.hold(connection, ids)
        asked = list(rules)
        names = {*chain.from_iterable(rule.reads for rule in asked), *reads}
        journeys: dict[int, list[tuple[int, Ending]]] = defaultdict(list)
        for journey in decisions.active_journeys(connection, ids, kinds) if kinds else ():
            journeys[journey.customer_id].append((journey.id, journey.ending))
        read, people = self._people(connection, ids, names, post=any(map(takes_post, asked)))
        return Round(
            words=self.policy.words,
            currency=self.policy.currency,
            time_zone=self.policy.time_zone,
            key=self.policy.key,
            now=self.now,
            read=read,
            people=people,
            started=decisions.last_started(connection, ids, [rule.id for rule in asked if asks_before(rule)]),
            journeys=journeys,
            rulings=Rulings(self.policy.workspace_holdout, known=self.rulings),
        )

    def _people(
        self, connection: Connection, ids: Collection[int], reads: Collection[str], *, post: bool
    ) -> tuple[Sequence[str], dict[int, Person]]:  # fmt: skip
        """The names that the tables know, and the customers with what is read of them."""
        shop = self.policy
        read, found = sweeps.values(connection, ids, reads, exponent=exponent(shop.currency), post=post)
        people = {
            key: Person(key, zone or shop.time_zone, ref, household, email, takes_post, known, _NO_PAST)
            for key, zone, ref, household, email, takes_post, *known in found
        }
        if _FIRST & set(reads):
            for key, since in transactions.first_of(connection, people).items():
                people[key].since = since
        bought = self.purchases(connection, people, {*reads} - {"customer.first_purchase"})
        for key, last in bought.last.items():
            people[key].last_purchase_at = last
        for key, days in bought.days.items():
            people[key].purchase_days = days
        if _COMPLAINT in reads:
            for key in complaints.open_complaints(connection, people):
                people[key].has_open_complaint = True
        asked = lookbacks(reads)
        zones = {row[0]: row[1] for row in found} if asked else {}
        for key, answers in history.answers(connection, asked, zones, self.past()).items():
            people[key].history = answers
        if {name for name in reads if name.startswith("customer.")}.difference(_ELSEWHERE, read):
            self._facts(connection, people)
        return read, people

    def _facts(self, connection: Connection, people: Mapping[int, Person]) -> None:
        for key, facts in customers.facts(connection, people).items():
            people[key].facts = facts

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
        came = Came.of(asked)
        self.write(connection, came)
        self.settle(connection, waits.come(connection, asked.begun, self.now) if asked.begun else ())
        decisions.count_answers(connection, came.counted, self.now)

    def look(self, connection: Connection, asked: Round, questions: Sequence[Question]) -> list[Looked]:
        """What the conditions say; of whom they may be true, it is read how they stand."""
        looked = asked.look(questions)
        self._stand(
            connection, asked, {who for (_, who, _), it in zip(questions, looked, strict=True) if it.said.further}
        )
        return looked

    def _stand(self, connection: Connection, asked: Round, some: Collection[int]) -> None:
        people = {key: asked.people[key] for key in sorted(some)}
        asked.standings.update(permissions.standings(connection, people, self.policy.key))

    def settle(self, connection: Connection, come: Collection[Waiting]) -> None:
        """Say of steps whose awaited event is there what comes of them."""
        if come:
            come = [replace(it, event=in_words(it.event, self.policy.currency)) for it in come]
            asked = self.round(connection, {it.customer for it in come}, reads=reads(come, self.policy.words))
            self._facts(connection, asked.people)
            self._stand(connection, asked, asked.people)
            self.summary.awaited += waits.settle(connection, asked.settle(come), self.now)

    def write(self, connection: Connection, came: Came) -> None:
        """All that came of a round, but for how often rules gave which answer: that is `decisions.count_answers`."""
        for reason, journeys in came.stopped.items():
            decisions.stop_journeys(connection, journeys, reason, self.now)
            self.summary.stopped += len(journeys)
        self._keep_versions(connection, came.versions)
        decisions.add_decisions(connection, came.decisions, self.now)
        if came.journeys:
            keys = decisions.begin_journeys(connection, came.journeys)
            theirs = [keys[place] for place in came.steps["journey_id"]]
            self.summary.actions += actions.plan(connection, {**came.steps, "journey_id": theirs}, self.now)
            self.summary.stopped += sum(map(bool, came.journeys["exit_reason"]))
        for (_, outcome), number in came.counted.items():
            self.summary.count(outcome, number)

    def _keep_versions(self, connection: Connection, versions: Collection[str]) -> None:
        """Once a run."""
        new = {*versions} - self.kept
        rules = [rule for rule in self.policy.rules if rule.hash in new]
        for rule in sorted(rules, key=lambda rule: rule.hash):  # so that no two workers block each other
            clauses = [clause.to_json() for clause in rule.clauses]
            decisions.keep_version(connection, rule.id, rule.hash, rule.text, self.now, clauses)
            self.kept.add(rule.hash)
