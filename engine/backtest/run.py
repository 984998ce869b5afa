"""What a rule would have done in the past: decide's and schedule's own policies, asked with what was known each day.

Nothing is written: all of it is read in one view of the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection

from engine import assemble
from engine.backtest import known, limits, result
from engine.backtest.living import outcomes, policy_of
from engine.backtest.outcome import End, Outcome
from engine.backtest.period import Period
from engine.backtest.result import Result
from engine.core.calendar import local_date
from engine.core.lookback import lookbacks
from engine.decide import replay_waits
from engine.decide.answered import Answered
from engine.decide.past import Life
from engine.decide.past_scores import PastScores, Saved
from engine.decide.replay import Replay
from engine.decide.replay_dates import dates
from engine.decide.replay_sweep import sweep
from engine.decide.rule import Rule
from engine.store import as_of, scores
from engine.store.score_history import KEPT_WHOLE

if TYPE_CHECKING:
    from engine.app import App

Progress = Callable[[int], None]


def backtest(app: App, rule: Rule, period: Period, *, progress: Progress = lambda _days: None) -> Result:
    """Replay a rule over a period, whether it is in force or not. progress: told how many more days are done.

    Scores of days from before any were kept are reckoned, week by week. Raises UsageError when the rule asks about
    scores, and nobody had bought.
    """
    with app.store.read() as connection:
        reads = replay_waits.reads(rule, app.words)
        saves, early, whole = list[as_of.Save](), list[datetime](), None
        if limits.columns(rule, reads):
            saves = as_of.saves(connection, period.ends)
            kept, sold = saves[0].at if saves else None, min(as_of.first_purchases(connection).values(), default=None)
            early = limits.reckoned(period, kept, sold, app.settings.daemon.score_hour)
            limits.refuse(rule, period, [*early, *(save.at for save in saves)])
            last = scores.last_run(connection)
            whole = last["as_of"] - KEPT_WHOLE if last else None
        past = known.past(connection, rule, reads, period, app.settings.shop.currency)
        work = _Work(
            app=app,
            rule=rule,
            reads=reads,
            period=period,
            early=early,
            saves=saves,
            lives=known.lives(connection, period, app.key, past),
            whole=whole,
            days=_Days(period, progress),
        )
        return work.run(connection)


class _Days:
    """How far the replay has come."""

    def __init__(self, period: Period, progress: Progress) -> None:
        self._last, self._period, self._progress = period.since, period, progress

    def reach(self, day: date) -> None:
        """This day has begun."""
        if self._last < day <= self._period.until:
            self._progress((day - self._last).days)
            self._last = day


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One backtest."""

    app: App
    rule: Rule
    reads: Sequence[str]
    period: Period
    early: Sequence[datetime]
    saves: Sequence[as_of.Save]
    lives: Sequence[Life]
    whole: datetime | None
    days: _Days

    def run(self, connection: Connection) -> Result:
        ids = np.array([life.id for life in self.lives], dtype=np.int64)
        shop = self.app.settings.shop
        replay = Replay(
            rule=self.rule,
            words=self.app.words,
            currency=shop.currency,
            key=self.app.key,
            lives=self.lives,
            scores=PastScores(ids, self._saved(connection), limits.columns(self.rule, self.reads)),
            time_zone=self.period.time_zone,
            asked=lookbacks(self.reads),
            workspace_holdout=self.app.settings.holdout.share,
        )
        acts: list[Answered] = []
        found: list[Outcome] = []
        answers: Counter[str] = Counter()
        met: set[int] = set()
        for answered in self._answers(connection, replay):
            self.days.reach(local_date(answered.at, self.period.time_zone))
            answers[answered.verdict.outcome] += 1
            met.add(answered.place)
            found += result.taken_away(self.lives[answered.place], answered)
            if answered.verdict.outcome == "act":
                acts.append(answered)
        for _ in replay.advance(self.period.ends + timedelta.resolution):
            pass
        found += outcomes(self.app, connection, replay, self.period, acts)
        known_by_then = sum(life.known_from <= self.period.ends for life in self.lives)
        never = known_by_then - len(met) if self.rule.trigger.kind == "sweep" else answers["no"]
        return self._result(found, answers, known_by_then, never)

    def _saved(self, connection: Connection) -> Iterator[Saved]:
        for saved in chain(self._reckoned(), known.saved(connection, self.saves, first=not self.early)):
            self.days.reach(local_date(saved.at, self.period.time_zone))
            yield saved

    def _reckoned(self) -> Iterator[Saved]:
        """The scores of days from before any were kept."""
        from engine.score.stage import look_back  # a second, which only those rules need

        if self.early:
            policy = assemble.scoring(self.app.settings)
            for run, (at, columns) in enumerate(look_back(self.app.store, policy, self.early), -len(self.early)):
                yield Saved(at=at, run=run, columns=columns, first=run == -len(self.early))

    def _answers(self, connection: Connection, replay: Replay) -> Iterator[Answered]:
        period, kind = self.period, self.rule.trigger.kind
        if kind == "event":
            places = {life.id: place for place, life in enumerate(self.lives)}
            return replay.events(known.happened(connection, self.rule.trigger.what, period, places, self.days.reach))
        if kind == "score":
            return replay.crossings(period.begins, period.ends)
        days = known.days(connection, period, self.app.settings.daemon.score_hour)
        if kind == "sweep":
            return sweep(replay, days)
        return dates(replay, days, policy_of(self.app).lead_days)

    def _result(self, found: list[Outcome], answers: Counter[str], customers: int, false: int) -> Result:
        channels = {step.id: step.channel for step in self.rule.steps}
        rows = result.rows(found, {life.id: life for life in self.lives}, channels)
        self.days.reach(self.period.until)
        return Result(
            rule=self.rule.id,
            title=self.rule.name,
            hash=self.rule.hash,
            file=self.rule.file,
            since=self.period.since,
            until=self.period.until,
            customers=customers,
            reached=len({row.customer for row in rows if row.outcome is End.SENT}),
            asked=sum(answers.values()),
            false=false,
            ends=dict(Counter(row.outcome.value for row in rows)),
            months=result.months(rows, self.period.time_zone),
            deferred=sum(row.deferred for row in rows if row.outcome is End.SENT),
            currency=self.app.settings.shop.currency,
            cost_micro=sum(row.cost_micro for row in rows),
            notes=tuple(limits.notes(self.rule, self.period, self.whole, self.early)),
            rows=rows,
        )
