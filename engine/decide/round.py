"""One round of asking: what is known of some customers goes in, what rules answer and what is to be written comes out.

Pure, and all of it in memory: a question to the store for every answer would take a hundred times as long.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from typing import Any, NamedTuple, TypeAlias

from engine.core.actions import Ending
from engine.core.answers import record, short
from engine.core.calendar import local_date
from engine.core.condition import Value
from engine.core.facts import Customer, Happening
from engine.core.permission import Standing
from engine.core.texts import Texts, documents, objects
from engine.core.waits import Settled, Waiting
from engine.decide.begun import Begun, Entry
from engine.decide.guards import Case, judge_further, plain
from engine.decide.moment import Occasion
from engine.decide.panel import Panel, Said
from engine.decide.rule import Rule
from engine.decide.rulings import Ruling, Rulings
from engine.decide.situation import Situation, Situations
from engine.decide.vocabulary import Reading, Vocabulary, columns
from engine.decide.waits import settle

NOBODY = Customer(ref="")
Question: TypeAlias = tuple[Panel, int, Occasion]
"""Rules, the customer about whom they are asked, and why."""
_DECISION = ("customer_id", "rule_id", "occurrence", "event_id", "answers")


class Looked(NamedTuple):
    """What the conditions of rules read of a customer, in the order of the panel's names, and as JSON; and what they
    say: guards and lots have not been asked yet."""

    values: Sequence[Any]
    kept: str
    said: Said


@dataclass(slots=True)
class Person:
    """A customer with what tells whether and how they are reached, and all that conditions may read of them: `known`
    values (`Round.read`), and what the others are read from. facts: of those of whom they are read. since: the first
    purchase; history: as in `Situation`, and as little frozen."""

    id: int
    time_zone: str
    ref: str
    household: str
    email: str
    takes_post: bool
    known: Sequence[Any]
    history: Mapping[str, Value]
    facts: Customer = NOBODY
    since: datetime | None = None
    has_open_complaint: bool = False
    last_purchase_at: datetime | None = None
    purchase_days: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is known when it begins, and what came of it.

    read: the names of what is known of each of the people. started: when a customer last entered a rule; journeys:
    those under way, by customer; decided: (panel's name, customer, occurrence) that have an answer, also from this
    round; standings: of those whom a rule may reach; rulings: of guards. decisions: to be written; refrained: how often
    conditions said this, of what is kept; ruled: how often guards ruled so; begun, by customer, stopped, by the reason:
    what comes of them; used: whose rules answered.
    """

    words: Vocabulary
    currency: str
    time_zone: str
    key: str
    now: datetime
    read: Sequence[str]
    people: Mapping[int, Person]
    started: dict[tuple[str, int], datetime]
    journeys: dict[int, list[tuple[int, Ending]]]
    rulings: Rulings
    decided: set[tuple[str, int, str]] = field(default_factory=set)
    standings: dict[int, Standing] = field(default_factory=dict)
    decisions: list[tuple[int, str, str, int | None, str]] = field(default_factory=list)
    refrained: Counter[Said] = field(default_factory=Counter)
    ruled: Counter[Ruling] = field(default_factory=Counter)
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
        found = Counter[tuple[str, str]]()
        for ruling, number in self.ruled.items():
            found[ruling.rule.hash, ruling.outcome] += number
        for said, number in self.refrained.items():
            for version in said.no:
                found[hashes[version], "no"] += number
        return found

    @property
    def rows(self) -> dict[str, Sequence[Any]]:
        """The decisions, column by column."""
        found = dict(zip(_DECISION, zip(*self.decisions, strict=True), strict=False))
        return {**found, "answers": Texts(found["answers"])} if found else {}

    def stop(self, customer: int, event: Happening) -> None:
        """End the customer's journeys that this event stops, also those that began a moment ago."""
        if customer not in self.journeys and customer not in self.begun:
            return
        under_way = self.journeys.get(customer, [])
        ended = [journey for journey in under_way if journey[1].comes_with(event)]
        stops = [one for one in self.begun.get(customer, ()) if event.kind in one.ruling.rule.stop_on]
        ended_now = [one for one in stops if not one.exit_reason and one.ending(self.now).comes_with(event)]
        if not ended and not ended_now:
            return
        reason = f"{event.kind} on {local_date(event.occurred_at, self.time_zone).isoformat()}"
        if ended:
            self.stopped.setdefault(reason, []).extend(journey for journey, _ in ended)
            self.journeys[customer] = [journey for journey in under_way if journey not in ended]
        for one in ended_now:
            one.exit_reason = reason

    def look(self, questions: Sequence[Question]) -> list[Looked]:
        """What the conditions say, of all questions that are alike at once."""
        alike: dict[tuple[Panel, str], list[int]] = defaultdict(list)
        for place, (panel, _, why) in enumerate(questions):
            alike[panel, why.event.kind if why.event else ""].append(place)
        found: dict[int, Looked] = {}
        for (panel, _), places in alike.items():
            found.update(zip(places, self._looked(panel, [questions[place] for place in places]), strict=True))
        return list(map(found.__getitem__, range(len(questions))))

    def _looked(self, panel: Panel, asked: Sequence[Question]) -> Iterator[Looked]:
        """The same of questions that are alike."""
        if not panel.reads:
            return map(Looked, repeat(()), repeat("{}"), panel.says([()] * len(asked)))
        people, events = [self.people[who] for _, who, _ in asked], [why.event for _, _, why in asked if why.event]
        them = Situations(
            now=self.now,
            zones=[person.time_zone for person in people],
            known=dict(zip(self.read, zip(*(person.known for person in people), strict=True), strict=False)),
            events=events,
            alone=lambda place: self._situation(people[place], asked[place][2].event),
        )
        read = columns(them, self.words, panel.reads)
        rows = list(zip(*read, strict=True))
        kept = objects({name: _plain(values) for name, values in zip(panel.reads, read, strict=True)})
        return map(Looked, rows, kept, panel.says(rows))

    def ask(self, question: Question, looked: Looked) -> None:
        """Ask rules about the customer, unless they have answered; no is kept only if the occasion says so."""
        panel, customer, why = question
        mark = (panel.name, customer, why.occurrence)
        if mark in self.decided:
            return
        said, kept = looked.said, looked.kept
        rulings: Sequence[Ruling] = ()
        if said.further:
            rulings, kept = self._judged(question, looked)
        if rulings or (why.keep_no and said.no):
            self.decided.add(mark)
            self.used[panel] = None
            if why.keep_no:
                self.refrained[said] += 1
            answers = record(kept, said.kept if why.keep_no else "{}", [ruling.answer for ruling in rulings])
            self.decisions.append((customer, panel.name, why.occurrence, why.event_id, answers))
            for ruling in rulings:
                self.ruled[ruling] += 1
            acts = [ruling for ruling in rulings if ruling.steps]
            if acts:
                self._begin(self.people[customer], why, acts)

    def _judged(self, question: Question, looked: Looked) -> tuple[list[Ruling], str]:
        """What guards say of the rules that got so far, as far as it is kept; and what conditions read by now."""
        panel, customer, why = question
        person, further = self.people[customer], looked.said.further
        values: Mapping[str, Any] = {}
        if panel.steps_read:
            known = dict(zip(self.read, person.known, strict=True)) | dict(zip(panel.reads, looked.values, strict=True))
            values = Reading(self._situation(person, why.event), self.words, known)
        case = Case(
            customer=person,
            values=values,
            standing=self.standings[customer],
            time_zone=person.time_zone,
            now=self.now,
            key=self.key,
        )
        started = self.started
        rulings = [
            judge_further(rule, case, held, started.get((rule.id, customer)), self.rulings) for rule, held in further
        ]
        if not why.keep_no:
            rulings = [one for one in rulings if one.outcome != "no"]
        if not panel.steps_read:
            return rulings, looked.kept
        return rulings, documents([plain(values, panel.read_by(one.rule for one in rulings))])[0]

    def _begin(self, person: Person, why: Occasion, acts: Sequence[Ruling]) -> None:
        entry = Entry.of(person.id, person.ref, person.time_zone, why)
        for ruling in acts:
            self.started[ruling.rule.id, person.id] = self.now
        self.begun.setdefault(person.id, []).extend([Begun(ruling, entry) for ruling in acts])

    def settle(self, come: Iterable[Waiting]) -> list[Settled]:
        """What comes of steps whose awaited event is there."""
        return [
            settle(
                it,
                self._situation(self.people[it.customer], it.event),
                standing=self.standings[it.customer],
                words=self.words,
                known=dict(zip(self.read, self.people[it.customer].known, strict=True)),
            )
            for it in come
        ]

    def _situation(self, person: Person, event: Happening | None) -> Situation:
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


def _plain(values: Sequence[Any]) -> Sequence[Any]:
    """A column as JSON keeps it."""
    if datetime not in set(map(type, values)):
        return values
    return [value.isoformat() if isinstance(value, datetime) else value for value in values]
