"""A rule asked about what is long past, with what was known then: on which occasions, and what it would have said.

What asks and what answers are what decide uses; only where the facts come from is another matter. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

from engine.core.calendar import at_local, local_date
from engine.core.facts import Event
from engine.core.lookback import Lookback
from engine.core.permission import Standing
from engine.decide import triggers
from engine.decide.condition import Condition
from engine.decide.dates import DateTrigger, occurrences
from engine.decide.dates import origin as date_of
from engine.decide.frame import which
from engine.decide.guards import Verdict, case_of, judge
from engine.decide.moment import Occasion
from engine.decide.past import Life
from engine.decide.past_scores import PastScores
from engine.decide.replay_columns import Columns
from engine.decide.rule import Rule
from engine.decide.situation import Situation
from engine.decide.vocabulary import Vocabulary, context, line_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event, with its customer's place among the lives, its key and its source."""

    place: int
    id: int
    source: str
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of the shop, and the instant at which it looked at dates and at everybody."""

    day: date
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a rule would have said of a customer, by their place among the lives."""

    at: datetime
    place: int
    why: Occasion
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A rule, and the past that it is asked about. lives: in the order of their keys; asked: what it asks about their
    history."""

    rule: Rule
    words: Vocabulary
    currency: str
    key: str
    lives: Sequence[Life]
    scores: PastScores
    workspace_holdout: float = 0.0
    asked: tuple[Lookback, ...] = ()
    started: dict[int, datetime] = field(default_factory=dict)
    answered: set[tuple[int, str]] = field(default_factory=set)

    def events(self, happened: Iterable[Happened]) -> Iterator[Answered]:
        """Asked about events, each when it happened."""
        for one in happened:
            at = one.event.occurred_at
            for _ in self.scores.until(at):
                pass
            yield self.ask(one.place, triggers.event_occasion(one.source, one.id, one.event), at)

    def crossings(self, since: datetime, until: datetime) -> Iterator[Answered]:
        """Asked about scores that crossed the line, each when it was written."""
        line = self.rule.trigger.condition
        if line is None:
            return
        columns = Columns(self.lives, self.scores, self.currency)
        fields = [self.words.crossing.fields[name] for name in line.names]
        for saved, places in self.scores.until(until):
            if saved.first or saved.at < since:
                continue
            now, then = columns.of(fields, places, saved.at), columns.before(fields, places)
            for place in places[which(line.tree, now) & ~which(line.tree, then)].tolist():
                yield from self._crossing(place, line, saved.at)

    def _crossing(self, place: int, line: Condition, at: datetime) -> Iterator[Answered]:
        occurrence = f"score/{local_date(at, self.lives[place].time_zone).isoformat()}"
        values = context(self.situation(place, None, at, Standing()), self.words, line_names(line.names))
        if triggers.crosses(line, values) and (place, occurrence) not in self.answered:
            self.answered.add((place, occurrence))
            yield self.ask(place, Occasion(occurrence=occurrence, anchor=at), at)

    def dates(self, days: Sequence[Day], travels: Mapping[str, int]) -> Iterator[Answered]:
        """Asked about dates of the customer's, each when its first step is near. travels: channel -> days of paper."""
        on = self.rule.trigger.date
        if on is None:
            return
        coming: dict[date, list[tuple[int, date, int | None]]] = defaultdict(list)
        first, last = days[0].day, triggers.reach(self.rule, days[-1].day, travels)
        for place, life in enumerate(self.lives):
            origin = self._origin(on, life, days[-1].at)
            for day, years in occurrences(on, origin, first, last) if origin else ():
                coming[max(first, triggers.asked_on(self.rule, day, travels))].append((place, day, years))
        for today in days:
            for _ in self.scores.until(today.at):
                pass
            for place, day, years in coming[today.day]:
                life = self.lives[place]
                if life.known_from <= today.at:
                    anchor = at_local(day, time(0), life.time_zone)
                    why = Occasion(occurrence=day.isoformat(), anchor=anchor, years=years)
                    yield self.ask(place, why, today.at)

    def _origin(self, on: DateTrigger, life: Life, at: datetime) -> date | None:
        situation = Situation(
            customer=life.facts,
            now=at,
            time_zone=life.time_zone,
            currency=self.currency,
            first_purchase_at=life.bought(at),
        )
        return date_of(on, situation, self.words)

    def ask(self, place: int, why: Occasion, at: datetime) -> Answered:
        """What the rule says of a customer at that instant, to which the scores have been moved on."""
        standing = self.lives[place].standing(at)
        case = case_of(
            self.situation(place, why.event, at, standing),
            words=self.words,
            standing=standing,
            key=self.key,
            workspace_holdout=self.workspace_holdout,
        )
        verdict = judge(self.rule, case, self.started.get(place))
        if verdict.outcome == "act":
            self.started[place] = at
        return Answered(at=at, place=place, why=why, verdict=verdict)

    def situation(self, place: int, event: Event | None, at: datetime, standing: Standing) -> Situation:
        """A customer as known at that instant, at which they stood so."""
        life = self.lives[place]
        return Situation(
            customer=life.facts,
            now=at,
            time_zone=life.time_zone,
            currency=self.currency,
            score=self.scores.score(place),
            previous=self.scores.before(place),
            event=event,
            first_purchase_at=life.bought(at),
            has_open_complaint=standing.open_complaint,
            history=life.history.answers(self.asked, at, life.time_zone, self.currency) if self.asked else {},
        )
