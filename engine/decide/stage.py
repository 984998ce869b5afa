"""Stage 3: rules are asked about what happened; every answer is kept with its reasons, every yes becomes actions.

An event is marked as processed in the transaction that writes what came of it: a crash in between changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.core.calendar import add, at_local, local_date
from engine.core.facts import Customer, Event
from engine.core.keys import dedupe_key
from engine.core.money import exponent
from engine.core.permission import Standing
from engine.decide import triggers
from engine.decide.guards import Case, Verdict, judge
from engine.decide.moment import Occasion, facts_of
from engine.decide.rule import Rule
from engine.decide.situation import Situation
from engine.decide.vocabulary import Vocabulary, context, line_names
from engine.store import actions, customers, decisions, events, leases, permissions, scores, sweeps, transactions
from engine.store.session import Store

BATCH = 200
SWEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the shop says: its rules and their words, its zone and currency, and when it started with Premura."""

    rules: tuple[Rule, ...]
    words: Vocabulary
    time_zone: str
    currency: str
    key: str
    start: date | None
    lead_days: Mapping[str, int]  # channel -> days that paper travels


@dataclass(slots=True, kw_only=True)
class Summary:
    """What was decided."""

    events: int = 0
    history: int = 0
    scores: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    actions: int = 0
    stopped: int = 0

    def count(self, outcome: str) -> None:
        """One more answer of that kind."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


def decide(
    store: Store, policy: Policy, *, now: datetime, progress: Callable[[int], None] = lambda _done: None
) -> Summary:
    """Ask the rules about every new event, score and date up to `now`."""
    stage = _Deciding(store=store, policy=policy, now=now, summary=Summary())
    stage.ask_events(progress)
    stage.ask_scores()
    stage.ask_calendar()
    return stage.summary


@dataclass(slots=True, kw_only=True)
class _Deciding:
    """One run of the stage."""

    store: Store
    policy: Policy
    now: datetime
    summary: Summary

    def ask_events(self, progress: Callable[[int], None]) -> None:
        """New events: what lies before the shop's start is history; the rest stops journeys and starts rules."""
        rules = triggers.by_event(self.policy.rules)
        if self.policy.start is not None:
            with self.store.write() as connection:
                start = at_local(self.policy.start, time(0), self.policy.time_zone)
                self.summary.history = events.mark_history(connection, start, self.now)
        while True:
            with self.store.write() as connection:
                batch = events.unprocessed(connection, self.now, BATCH)
                people = self._people(connection, {found.customer_id for found in batch})
                for found in batch:
                    self._stop(connection, found)
                    origin = triggers.event_occurrence(found.source, found.facts.ext_key)
                    for rule in rules.get(found.facts.kind, ()):
                        why = Occasion(
                            occurrence=origin, anchor=found.facts.occurred_at, event=found.facts, event_id=found.id
                        )
                        self._ask(connection, rule, people[found.customer_id], why)
                events.mark_processed(connection, [found.id for found in batch], self.now)
            self.summary.events += len(batch)
            progress(len(batch))
            if not batch:
                return

    def ask_scores(self) -> None:
        """New scores: rules whose line was crossed since decide last looked."""
        rules = triggers.of_kind(self.policy.rules, "score")
        while True:
            with self.store.write() as connection:
                batch = scores.undecided(connection, BATCH)
                crossed = [(found, rule) for found in batch for rule in rules if self._crosses(rule, found)]
                people = self._people(connection, {found.customer_id for found, _ in crossed})
                for found, rule in crossed:
                    person = people[found.customer_id]
                    day = local_date(found.scored_at, person.time_zone)
                    why = Occasion(occurrence=f"score/{day.isoformat()}", anchor=found.scored_at)
                    self._ask(connection, rule, person, why)
                scores.mark_decided(connection, [found.customer_id for found in batch], self.now)
            self.summary.scores += len(batch)
            if not batch:
                return

    def ask_calendar(self) -> None:
        """Dates that come round, and daily sweeps: once a local day, and again when customers changed since."""
        today = local_date(self.now, self.policy.time_zone)
        rules = [*triggers.of_kind(self.policy.rules, "date"), *triggers.of_kind(self.policy.rules, "sweep")]
        with self.store.read() as connection:
            changed = customers.last_change(connection)
            seen = {rule.id: leases.mark(connection, _calendar(rule)) for rule in rules}
        for rule in rules:
            last = seen[rule.id]
            if last and last.value == today.isoformat() and (changed is None or changed <= last.at):
                continue
            since = date.fromisoformat(last.value) if last else today
            if rule.trigger.kind == "sweep":
                self._sweep(rule, today)
            with self.store.write() as connection:
                if rule.trigger.kind == "date":
                    self._dates(connection, rule, max(since, today - triggers.CATCH_UP), today)
                leases.set_mark(connection, _calendar(rule), today.isoformat(), self.now)

    def _dates(self, connection: Connection, rule: Rule, since: date, today: date) -> None:
        """Customers whose date comes round between the last look and today, and as much ahead as paper travels."""
        ahead = max((self.policy.lead_days.get(step.channel, 0) for step in rule.steps), default=0)
        last = today + timedelta(days=ahead)
        known = customers.load(connection)
        first = transactions.first_of(connection, known)
        coming = [
            (key, day, years)
            for key, one in known.items()
            for day, years in self._returns(rule, one, first.get(key), since, last)
        ]
        people = self._people(connection, {key for key, _, _ in coming})
        for key, day, years in coming:
            anchor = at_local(day, time(0), people[key].time_zone)
            self._ask(connection, rule, people[key], Occasion(occurrence=day.isoformat(), anchor=anchor, years=years))

    def _returns(
        self, rule: Rule, known: customers.Known, first: datetime | None, since: date, last: date
    ) -> list[tuple[date, int]]:
        tz = known.facts.time_zone or self.policy.time_zone
        situation = Situation(
            customer=known.facts, now=self.now, time_zone=tz, currency=self.policy.currency, first_purchase_at=first
        )
        value = context(situation, self.policy.words, [rule.trigger.what])[rule.trigger.what]
        origin = triggers.day_of(value, tz)
        return triggers.returns(origin, since, last) if origin else []

    def _sweep(self, rule: Rule, today: date) -> None:
        """Ask about everybody; the store leaves out those of whom it can tell that the condition is false."""
        why = Occasion(occurrence=f"sweep/{today.isoformat()}", anchor=self.now, keep_no=False)
        last, decimals = 0, exponent(self.policy.currency)
        condition = rule.when.tree if rule.when else None
        while True:
            with self.store.write() as connection:
                some = sweeps.matching(connection, condition, exponent=decimals, after=last, limit=SWEPT)
                for person in self._people(connection, some).values():
                    self._ask(connection, rule, person, why)
            if len(some) < SWEPT:
                return
            last = some[-1]

    def _people(self, connection: Connection, ids: Collection[int]) -> dict[int, _Person]:
        known = customers.load(connection, ids)
        worth = scores.load(connection, known)
        since = transactions.first_of(connection, known)
        facts = {key: found.facts for key, found in known.items()}
        standings = permissions.standings(connection, facts, self.policy.key)
        return {
            key: _Person(
                known=found,
                score=worth.get(key),
                since=since.get(key),
                standing=standings[key],
                time_zone=found.facts.time_zone or self.policy.time_zone,
            )
            for key, found in known.items()
        }

    def _crosses(self, rule: Rule, found: scores.Stored) -> bool:
        """Whether the rule's line on the score was crossed; such a line reads nothing but the score."""
        situation = Situation(
            customer=Customer(ref=""),
            now=self.now,
            time_zone=self.policy.time_zone,
            currency=self.policy.currency,
            score=found.facts,
            previous=found.previous,
        )
        line = rule.trigger.condition
        if line is None:
            return False
        return triggers.crosses(line, context(situation, self.policy.words, line_names(line.names)))

    def _values(self, person: _Person, event: Event | None) -> dict[str, Any]:
        situation = Situation(
            customer=person.known.facts,
            now=self.now,
            time_zone=person.time_zone,
            currency=self.policy.currency,
            score=person.score.facts if person.score else None,
            previous=person.score.previous if person.score else None,
            event=event,
            first_purchase_at=person.since,
            has_open_complaint=person.standing.open_complaint,
        )
        return context(situation, self.policy.words)

    def _stop(self, connection: Connection, found: events.Stored) -> None:
        """End the customer's journeys that this event stops."""
        for journey in decisions.active_journeys(connection, found.customer_id):
            if journey.ending.comes_with(found.facts):
                day = local_date(found.facts.occurred_at, self.policy.time_zone).isoformat()
                decisions.stop_journey(connection, journey.id, f"{found.facts.kind} on {day}", self.now)
                self.summary.stopped += 1

    def _ask(self, connection: Connection, rule: Rule, person: _Person, why: Occasion) -> None:
        if decisions.is_decided(connection, rule.id, person.known.id, why.occurrence):
            return
        case = Case(
            customer=person.known.facts,
            values=self._values(person, why.event),
            standing=person.standing,
            last_started=decisions.last_started(connection, rule.id, person.known.id),
            time_zone=person.time_zone,
            now=self.now,
            key=self.policy.key,
        )
        verdict = judge(rule, case)
        if verdict.outcome == "no" and not why.keep_no:
            return
        decisions.keep_version(connection, rule.id, rule.hash, rule.text, self.now)
        decisions.add_decision(
            connection,
            {
                "rule_id": rule.id,
                "rule_hash": rule.hash,
                "customer_id": person.known.id,
                "occurrence": why.occurrence,
                "event_id": why.event_id,
                "outcome": verdict.outcome,
                "reasons": list(verdict.reasons),
                "arm": verdict.arm,
                "decided_at": self.now,
            },
        )
        self.summary.count(verdict.outcome)
        if verdict.outcome == "act":
            self._begin(connection, rule, person, why, verdict)

    def _begin(self, connection: Connection, rule: Rule, person: _Person, why: Occasion, verdict: Verdict) -> None:
        journey = decisions.begin_journey(
            connection,
            {
                "rule_id": rule.id,
                "rule_hash": rule.hash,
                "customer_id": person.known.id,
                "occurrence": why.occurrence,
                "state": "active",
                "anchor_at": why.anchor,
                "stop_on": list(rule.stop_on),
                "reference": str(why.event.payload.get("reference") or "") if why.event else "",
                "started_at": self.now,
            },
        )
        facts = facts_of(rule, why, verdict, person.time_zone)
        for step in verdict.steps:
            key = dedupe_key(rule.id, person.known.facts.ref, why.occurrence, step.id)
            values = {
                "dedupe_key": key,
                "journey_id": journey,
                "rule_id": rule.id,
                "rule_hash": rule.hash,
                "customer_id": person.known.id,
                "event_id": why.event_id,
                "step": step.id,
                "purpose": rule.purpose,
                "channel": step.channel,
                "plan": step.plan.to_json(),
                "facts": facts,
                "not_before": add(why.anchor, step.after, person.time_zone),
            }
            self.summary.actions += actions.plan(connection, values, self.now)


def _calendar(rule: Rule) -> str:
    """The mark of the last day on which a rule was asked about dates and sweeps."""
    return f"calendar:{rule.id}:{rule.hash[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """A customer with all that a rule may ask about them."""

    known: customers.Known
    score: scores.Stored | None
    since: datetime | None
    standing: Standing
    time_zone: str
