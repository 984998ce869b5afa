"""A rule asked about what is long past, with what was known then: on which occasions, and what it would have said.

What asks and what answers are what decide uses; only where the facts come from is another matter. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.calendar import local_date
from engine.core.facts import Happening
from engine.core.lookback import Lookback
from engine.core.permission import Standing
from engine.decide import triggers
from engine.decide.answered import Answered, Came, Happened, Stand
from engine.decide.condition import Condition
from engine.decide.frame import which
from engine.decide.guards import case_of, judge
from engine.decide.moment import Occasion
from engine.decide.past import Life
from engine.decide.past_scores import Column, PastScores, Saved
from engine.decide.replay_columns import Columns
from engine.decide.replay_waits import Awaited, Coming
from engine.decide.rule import Rule
from engine.decide.rulings import Known
from engine.decide.situation import Situation
from engine.decide.vocabulary import Vocabulary, context, line_names
from engine.decide.waits import settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A rule, and the past that it is asked about. lives: in the order of their keys; time_zone: the shop's; asked:
    what it asks about their history.

    came: what came of steps that waited, as far as the replay has gone; stands: by place, how dates that moved stood
    from their second look on.
    """

    rule: Rule
    words: Vocabulary
    currency: str
    key: str
    lives: Sequence[Life]
    scores: PastScores
    time_zone: str = "UTC"
    workspace_holdout: float = 0.0
    asked: tuple[Lookback, ...] = ()
    started: dict[int, datetime] = field(default_factory=dict)
    answered: set[tuple[int, str]] = field(default_factory=set)
    came: list[Came] = field(default_factory=list)
    stands: dict[int, Sequence[Stand]] = field(default_factory=dict)
    _coming: Coming = field(default_factory=Coming)
    _rulings: Known = field(default_factory=dict)

    def advance(self, at: datetime) -> Iterator[tuple[Saved, Column]]:
        """Go on to an instant: each save of scores on the way, with the places of those whom it scored.

        What waited for something that came in between is asked with the scores of its moment.
        """
        while (save := self.scores.next_at) is not None and save <= at:
            self._settle(save)
            yield from self.scores.until(save)
        self._settle(at)

    def events(self, happened: Iterable[Happened]) -> Iterator[Answered]:
        """Asked about events, each when it happened."""
        for one in happened:
            at = one.event.occurred_at
            for _ in self.advance(at):
                pass
            yield self.ask(one.place, triggers.event_occasion(one.source, one.id, one.event), at)

    def crossings(self, since: datetime, until: datetime) -> Iterator[Answered]:
        """Asked about scores that crossed the line, each when it was written."""
        line = self.rule.trigger.condition
        if line is None:
            return
        columns = Columns(self.lives, self.scores, self.currency)
        fields = [self.words.crossing.fields[name] for name in line.names]
        for saved, places in self.advance(until):
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

    def ask(self, place: int, why: Occasion, at: datetime) -> Answered:
        """What the rule says of a customer at that instant, to which the replay has been moved on."""
        standing = self.lives[place].standing(at)
        case = case_of(
            self.situation(place, why.event, at, standing),
            words=self.words,
            standing=standing,
            key=self.key,
            workspace_holdout=self.workspace_holdout,
        )
        verdict = judge(self.rule, case, self.started.get(place), self._rulings)
        answered = Answered(at=at, place=place, why=why, verdict=verdict)
        if verdict.outcome == "act":
            self.started[place] = at
            self._coming.expect(self.rule, answered, self.lives[place])
        return answered

    def _settle(self, before: datetime) -> None:
        """Say of steps whose event has come before an instant what comes of them."""
        for one in self._coming.before(before):
            self.came.append(self._came(one))

    def _came(self, one: Awaited) -> Came:
        place = one.answered.place
        standing = self.lives[place].standing(one.at)
        situation = self.situation(place, one.waiting.event, one.at, standing)
        settled = settle(one.waiting, situation, standing=standing, words=self.words)
        return Came(at=one.at, answered=one.answered, step=one.step, settled=settled)

    def situation(self, place: int, event: Happening | None, at: datetime, standing: Standing) -> Situation:
        """A customer as known at that instant, at which they stood so."""
        life = self.lives[place]
        found = self.looked_at(life, at, event)
        found.score = self.scores.score(place)
        found.previous = self.scores.before(place)
        found.has_open_complaint = standing.open_complaint
        if self.asked:
            found.history = life.history.answers(self.asked, at, life.time_zone, self.currency)
        return found

    def looked_at(self, life: Life, at: datetime, event: Happening | None) -> Situation:
        """What dates are read from: a customer's facts, what they had bought, and an event."""
        return Situation(
            customer=life.facts,
            now=at,
            time_zone=life.time_zone,
            currency=self.currency,
            event=event,
            first_purchase_at=life.bought(at),
            last_purchase_at=life.last_bought(at),
            purchase_days=life.days_bought(at),
        )
