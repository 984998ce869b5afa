"""Stage 3: rules are asked about what happened; every answer is kept with its reasons, every yes becomes actions.

An event is marked as processed in the transaction that writes what came of it: a crash in between changes nothing.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import chain

from sqlalchemy import Connection

from engine.core.actions import Ending
from engine.core.calendar import at_local, local_date
from engine.core.facts import Customer
from engine.core.lookback import lookbacks
from engine.core.money import exponent
from engine.core.waits import Waiting
from engine.decide import dates, triggers
from engine.decide.dates import DateTrigger
from engine.decide.moment import Occasion
from engine.decide.round import Person, Round
from engine.decide.rule import Rule
from engine.decide.situation import Situation
from engine.decide.vocabulary import Vocabulary, context, line_names
from engine.decide.waits import reads
from engine.store import (
    actions,
    crossings,
    customers,
    decisions,
    events,
    history,
    latest,
    leases,
    permissions,
    rule_versions,
    scores,
    sweeps,
    transactions,
    waits,
)
from engine.store import dates as store_dates
from engine.store.dates import Sought
from engine.store.latest import Newest
from engine.store.session import Store, in_pieces

BATCH = 1000
MANY = 20_000  # from so many customers that changed on, it is quicker to look at all


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
    workspace_holdout: float = 0.0  # the share of customers whom no rule reaches


@dataclass(slots=True, kw_only=True)
class Summary:
    """What was decided."""

    events: int = 0
    history: int = 0
    scores: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    actions: int = 0
    stopped: int = 0
    awaited: int = 0  # steps whose awaited event came
    given_up: int = 0  # steps whose awaited event did not come in time

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
    stage.give_up()
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
                occasions = [triggers.event_occasion(found.source, found.id, found.facts) for found in batch]
                started = chain.from_iterable(rules.get(kind, ()) for kind in {found.facts.kind for found in batch})
                asked = self._round(connection, {found.customer_id for found in batch}, started)
                pairs = {(found.customer_id, why.occurrence) for found, why in zip(batch, occasions, strict=True)}
                asked.decided.update(decisions.decided(connection, pairs))
                for found, why in zip(batch, occasions, strict=True):
                    asked.stop(found.customer_id, found.facts)
                    if begun := rules.get(found.facts.kind):
                        asked.ask(begun, found.customer_id, why)
                self._write(connection, asked)
                self._settle(connection, waits.come(connection, asked.people, self.now) if batch else ())
                events.mark_processed(connection, [found.id for found in batch], self.now)
            self.summary.events += len(batch)
            progress(len(batch))
            if not batch:
                return

    def ask_scores(self) -> None:
        """New scores: rules whose line was crossed since decide last looked."""
        rules = triggers.of_kind(self.policy.rules, "score")
        while True:
            with self.store.read() as connection:
                newest = scores.newest(connection)
            if newest is None:
                return
            self._crossings(rules)
            with self.store.write() as connection:
                self.summary.scores += scores.mark_decided(connection, newest, self.now)

    def _crossings(self, rules: Sequence[Rule]) -> None:
        """Ask about those whose score crossed a line; the store finds them among all that are new."""
        last, decimals = 0, exponent(self.policy.currency)
        lines = [rule.trigger.condition.tree for rule in rules if rule.trigger.condition]
        while True:
            with self.store.write() as connection:
                batch = crossings.crossing(connection, lines, exponent=decimals, after=last, limit=BATCH)
                crossed = [(found, rule) for found in batch for rule in rules if self._crosses(rule, found)]
                asked = self._round(connection, {found.customer_id for found in batch}, rules)
                questions = []
                for found, rule in crossed:
                    day = local_date(found.scored_at, asked.people[found.customer_id].time_zone)
                    why = Occasion(occurrence=f"score/{day.isoformat()}", anchor=found.scored_at)
                    questions.append((rule, found.customer_id, why))
                self._ask(connection, asked, questions)
            if len(batch) < BATCH:
                return
            last = batch[-1].customer_id

    def ask_calendar(self) -> None:
        """Dates and daily sweeps: once a local day, and again when customers changed since, or what dates come from."""
        today = local_date(self.now, self.policy.time_zone)
        rules = [*triggers.of_kind(self.policy.rules, "date"), *triggers.of_kind(self.policy.rules, "sweep")]
        with self.store.read() as connection:
            changed = customers.last_change(connection)
            newest = latest.newest(connection)
            seen = {rule.id: leases.mark(connection, _calendar(rule)) for rule in rules}
        for rule in rules:
            look = _Look.after(seen[rule.id], today, changed, newest, self.now)
            if look is None or (look.again and rule.trigger.date is None and not look.changed):
                continue
            if rule.trigger.date is not None:
                self._dates(rule, rule.trigger.date, look)
            else:
                self._sweep(rule, today)
            with self.store.write() as connection:
                value = f"{today.isoformat()} {newest.event} {newest.txn}"
                leases.set_mark(connection, _calendar(rule), value, self.now)

    def _dates(self, rule: Rule, on: DateTrigger, look: _Look) -> None:
        """What began for a date that has moved since is stopped; the rule is asked about whose date is near now."""
        keys: Collection[int] | None = None
        with self.store.read() as connection:
            if look.again:
                keys = latest.touched(connection, look.at, look.beyond, kind=on.kind, limit=MANY)
                keys = None if len(keys) == MANY else keys
            if keys is not None and not keys:
                return
            pending = decisions.pending(connection, rule.id, keys)
        self._stop_moved(pending, look.today)
        first, last = dates.sought(on, look.since, triggers.reach(rule, look.today, self.policy.lead_days))
        sought = Sought(first=first, last=last, yearly=on.yearly)
        with self.store.read() as connection:
            found = self._candidates(connection, on, sought, look.today, keys)
        for some in in_pieces(found, BATCH):
            with self.store.read() as connection:
                questions = self._near(connection, rule, on, some, look)
            if questions:
                with self.store.write() as connection:
                    self._ask(connection, self._round(connection, {key for _, key, _ in questions}, [rule]), questions)

    def _candidates(
        self, connection: Connection, on: DateTrigger, sought: Sought, today: date, keys: Collection[int] | None
    ) -> list[int]:
        if on.kind:
            field = on.reads.removeprefix("event.")
            return store_dates.of_events(connection, on.kind, field, sought, now=self.now, keys=keys)
        name = on.reads.removeprefix("customer.")
        return store_dates.of_customers(connection, name, sought, today=today, keys=keys)

    def _near(
        self, connection: Connection, rule: Rule, on: DateTrigger, some: Collection[int], look: _Look
    ) -> list[tuple[Rule, int, Occasion]]:
        """The questions about some customers that are due now and have no answer yet."""
        travels, questions = self.policy.lead_days, []
        for key, (it, event_id) in self._situations(connection, on, some).items():
            day = dates.origin(on, it, self.policy.words)
            if day is None:
                continue
            for one, years in triggers.due(rule, on, day, since=look.since, today=look.today, travels=travels):
                anchor = at_local(one, time(0), it.time_zone)
                why = Occasion(
                    occurrence=one.isoformat(), anchor=anchor, event=it.event, event_id=event_id, years=years
                )
                questions.append((rule, key, why))
        decided = decisions.decided(connection, {(key, why.occurrence) for _, key, why in questions})
        return [one for one in questions if (rule.id, one[1], one[2].occurrence) not in decided]

    def _situations(
        self, connection: Connection, on: DateTrigger, some: Collection[int]
    ) -> dict[int, tuple[Situation, int | None]]:
        """What a date is read from, of some customers, with the key of the event that it comes from."""
        events_ = latest.last_events(connection, on.kind, some, self.now) if on.kind else {}
        bought = self._purchases(connection, some, {on.reads})
        found: dict[int, tuple[Situation, int | None]] = {}
        for key, known in customers.load(connection, some).items():
            event = events_.get(key)
            situation = Situation(
                customer=known.facts,
                now=self.now,
                time_zone=known.facts.time_zone or self.policy.time_zone,
                currency=self.policy.currency,
                event=event.facts if event else None,
                first_purchase_at=bought.first.get(key),
                last_purchase_at=bought.last.get(key),
                purchase_days=bought.days.get(key, ()),
            )
            found[key] = situation, event.id if event else None
        return found

    def _purchases(self, connection: Connection, some: Collection[int], reads: Collection[str]) -> _Purchases:
        """When these customers bought, as far as it is read."""
        today = local_date(self.now, self.policy.time_zone)
        return _Purchases(
            first=transactions.first_of(connection, some) if "customer.first_purchase" in reads else {},
            last=latest.last_purchases(connection, some, today) if "customer.last_purchase" in reads else {},
            days=latest.purchase_days(connection, some, today) if "customer.next_purchase" in reads else {},
        )

    def _stop_moved(self, pending: Sequence[decisions.Pending], today: date) -> None:
        """End journeys whose date is another by now, each by the rule as it was when the journey began."""
        for digest in dict.fromkeys(one.rule_hash for one in pending):
            with self.store.read() as connection:
                text = rule_versions.text(connection, digest)
            on = dates.read(tomllib.loads(text).get("on", {}), self.policy.words)
            if on is None:  # it did not wait for a date then, or for one that nobody declares any more
                continue
            for some in in_pieces([one for one in pending if one.rule_hash == digest], BATCH):
                with self.store.write() as connection:
                    for reason, moved in self._moved(connection, on, some, today).items():
                        decisions.stop_journeys(connection, moved, reason, self.now)
                        self.summary.stopped += len(moved)

    def _moved(
        self, connection: Connection, on: DateTrigger, some: Sequence[decisions.Pending], today: date
    ) -> dict[str, list[int]]:
        """The journeys of these that have become pointless, by the reason."""
        situations = self._situations(connection, on, {one.customer_id for one in some})
        found: dict[str, list[int]] = defaultdict(list)
        for one in some:
            it, _ = situations[one.customer_id]
            day = date.fromisoformat(one.occurrence)
            reason = dates.has_moved(on, dates.origin(on, it, self.policy.words), day, today)
            if reason:
                found[reason].append(one.id)
        return found

    def _sweep(self, rule: Rule, today: date) -> None:
        """Ask about everybody; the store leaves out those of whom it can tell that the condition is false."""
        why = Occasion(occurrence=f"sweep/{today.isoformat()}", anchor=self.now, keep_no=False)
        last, decimals = 0, exponent(self.policy.currency)
        condition = rule.when.tree if rule.when else None
        with self.store.read() as connection:
            zones = history.zones(connection) if lookbacks(rule.reads) else ()
        past = self._past(zones)
        while True:
            with self.store.write() as connection:
                some = sweeps.matching(connection, condition, exponent=decimals, past=past, after=last, limit=BATCH)
                self._ask(connection, self._round(connection, some, [rule]), [(rule, key, why) for key in some])
            if len(some) < BATCH:
                return
            last = some[-1]

    def _ask(self, connection: Connection, asked: Round, questions: Sequence[tuple[Rule, int, Occasion]]) -> None:
        """Ask rules about customers of a round, and write what came of it."""
        asked.decided.update(decisions.decided(connection, {(key, why.occurrence) for _, key, why in questions}))
        for rule, key, why in questions:
            asked.ask((rule,), key, why)
        self._write(connection, asked)
        self._settle(connection, waits.come(connection, asked.begun, self.now) if asked.begun else ())

    def _settle(self, connection: Connection, come: Collection[Waiting]) -> None:
        """Say of steps whose awaited event is there what comes of them."""
        if come:
            asked = self._round(connection, {it.customer for it in come}, reads=reads(come, self.policy.words))
            self.summary.awaited += waits.settle(connection, asked.settle(come), self.now)

    def give_up(self) -> None:
        """Steps that waited in vain wait no more."""
        with self.store.write() as connection:
            self._settle(connection, waits.come_late(connection, self.now))
            self.summary.given_up += waits.give_up(connection, self.now)

    def _round(
        self, connection: Connection, ids: Collection[int], rules: Iterable[Rule] = (), *, reads: Iterable[str] = ()
    ) -> Round:
        """All that is known of these customers, but for the answers that they have.

        rules: those that will be asked; reads: names in other conditions that will be.
        """
        names = chain(chain.from_iterable(rule.reads for rule in rules), reads)
        journeys: dict[int, list[tuple[int, Ending]]] = defaultdict(list)
        for journey in decisions.active_journeys(connection, ids):
            journeys[journey.customer_id].append((journey.id, journey.ending))
        return Round(
            words=self.policy.words,
            currency=self.policy.currency,
            time_zone=self.policy.time_zone,
            key=self.policy.key,
            now=self.now,
            people=self._people(connection, ids, list(names)),
            started=decisions.last_started(connection, ids),
            journeys=journeys,
            workspace_holdout=self.policy.workspace_holdout,
        )

    def _past(self, zones: Collection[str] = ()) -> history.Past:
        shop = self.policy
        return history.Past(now=self.now, currency=shop.currency, time_zone=shop.time_zone, zones=zones)

    def _people(self, connection: Connection, ids: Collection[int], reads: Collection[str]) -> dict[int, Person]:
        known = customers.load(connection, ids)
        worth = scores.load(connection, known)
        since = transactions.first_of(connection, known)
        bought = self._purchases(connection, known, {*reads} - {"customer.first_purchase"})
        standings = permissions.standings(connection, {key: one.facts for key, one in known.items()}, self.policy.key)
        past = history.answers(
            connection, lookbacks(reads), {key: one.facts.time_zone for key, one in known.items()}, self._past()
        )
        return {
            key: Person(
                id=key,
                facts=found.facts,
                score=worth[key].facts if key in worth else None,
                previous=worth[key].previous if key in worth else None,
                since=since.get(key),
                last_purchase_at=bought.last.get(key),
                purchase_days=bought.days.get(key, ()),
                standing=standings[key],
                time_zone=found.facts.time_zone or self.policy.time_zone,
                history=past[key],
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

    def _write(self, connection: Connection, asked: Round) -> None:
        """All that came of a round."""
        for journey, reason in asked.stopped:
            decisions.stop_journey(connection, journey, reason, self.now)
        for rule in asked.used.values():
            clauses = [clause.to_json() for clause in rule.clauses]
            decisions.keep_version(connection, rule.id, rule.hash, rule.text, self.now, clauses)
        decisions.add_decisions(connection, asked.decisions, self.now)
        begun = list(chain.from_iterable(asked.begun.values()))
        keys = decisions.begin_journeys(connection, [one.journey for one in begun])
        steps = [{"journey_id": key, **step} for key, one in zip(keys, begun, strict=True) for step in one.steps]
        self.summary.actions += actions.plan(connection, steps, self.now)
        self.summary.stopped += len(asked.stopped) + sum(one.journey["state"] == "stopped" for one in begun)
        for answer in asked.decisions:
            self.summary.count(answer["outcome"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Purchases:
    """When customers bought, by their keys."""

    first: Mapping[int, datetime]
    last: Mapping[int, datetime]
    days: Mapping[int, Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A look at the calendar. since: the first day that is looked at. again: not the first of its day, so that only
    those are looked at who changed after `at` or, in the log, `beyond` a place. changed: some customer has."""

    today: date
    since: date
    again: bool
    changed: bool
    at: datetime
    beyond: Newest

    @classmethod
    def after(
        cls, last: leases.Mark | None, today: date, changed: datetime | None, newest: Newest, now: datetime
    ) -> _Look | None:
        """The look after that one; None when nothing is new."""
        if last is None:
            return cls(today=today, since=today, again=False, changed=True, at=now, beyond=newest)
        day, event, txn = last.value.split()
        beyond = Newest(event=int(event), txn=int(txn))
        news = changed is not None and changed > last.at
        again = day == today.isoformat()
        if again and not news and beyond == newest:
            return None
        since = max(date.fromisoformat(day), today - triggers.CATCH_UP)
        return cls(today=today, since=since, again=again, changed=news, at=last.at, beyond=beyond)


def _calendar(rule: Rule) -> str:
    """The mark of the last day on which a rule was asked about dates and sweeps."""
    return f"calendar:{rule.id}:{rule.hash[:8]}"
