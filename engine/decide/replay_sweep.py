"""A sweep of the past: every day all those of whom something may be different from when they were asked last. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import numpy as np

from engine.core.calendar import add
from engine.core.condition import Test, implied, microseconds, names_in
from engine.decide.answered import Answered, Day
from engine.decide.frame import which
from engine.decide.guards import Verdict
from engine.decide.moment import Occasion
from engine.decide.past_scores import Column
from engine.decide.replay import Replay
from engine.decide.replay_columns import Columns, ages, is_now, knows

_NEVER = np.iinfo(np.int64).max


def sweep(replay: Replay, days: Iterable[Day]) -> Iterator[Answered]:
    """The rule's answers, day by day, but for a plain no.

    Who was left alone or not permitted is told once, and not of every day: who is left alone rests as if they had been
    treated, and who was not permitted is told again when they have entered the rule since.
    """
    state = _Sweep(replay)
    for today in days:
        for place in state.candidates(today.at):
            why = Occasion(occurrence=f"sweep/{today.day.isoformat()}", anchor=today.at, keep_no=False)
            answered = replay.ask(place, why, today.at)
            if state.heeds(place, answered.verdict, today.at):
                yield answered


class _Sweep:
    """Whom to ask: `_asleep` are those about whom nothing has changed since they were asked, `_rests` says until when
    somebody needs not be asked in microseconds, `_told` are those of whom it was said that they are not permitted."""

    def __init__(self, replay: Replay) -> None:
        rule, number = replay.rule, len(replay.lives)
        self._replay = replay
        self._columns = Columns(replay.lives, replay.scores, replay.currency)
        self._test, fields = _filter(replay, knows)
        self._hour, hours = _filter(replay, is_now)
        self._hours = [replay.words.plain.fields[name] for name in hours]
        self._fields = [replay.words.plain.fields[name] for name in fields]
        self._ages = any(ages(name) for name in rule.reads)
        self._filter_ages = any(is_now(name) for name in fields)
        self._asleep = np.ones(number, dtype=bool)  # until the shop hears of them
        self._rests = np.array([microseconds(life.known_from) for life in replay.lives], dtype=np.int64)
        self._told: set[int] = set()
        turns = ((at, place) for place, life in enumerate(replay.lives) for at in life.turns())
        self._turns = sorted(turns, reverse=True)

    def candidates(self, at: datetime) -> list[int]:
        """Places of those who are to be asked."""
        for _, places in self._replay.advance(at):
            self._asleep[places] = False
        while self._turns and self._turns[-1][0] <= at:
            self._asleep[self._turns.pop()[1]] = False
        awake = ~self._asleep & (self._rests <= microseconds(at))
        if self._hour is not None:  # most rules of a season have nobody to ask on most days
            awake &= self._columns.hour_comes(self._hour, self._hours, at)
        found: Column = np.flatnonzero(awake)
        if self._test is not None and len(found):
            holds = which(self._test, self._columns.of(self._fields, found, at))
            if not self._filter_ages:
                self._asleep[found[~holds]] = True
            found = found[holds]
        if not self._ages:
            self._asleep[found] = True
        return list(found.tolist())

    def heeds(self, place: int, verdict: Verdict, at: datetime) -> bool:
        """Whether an answer is to be told; who acts, or would, rests."""
        if verdict.outcome == "no":
            return False
        if verdict.outcome == "refused":
            news = place not in self._told
            self._told.add(place)
            return news
        self._told.discard(place)
        again, tz = self._replay.rule.again_after, self._replay.lives[place].time_zone
        self._rests[place] = _NEVER if again is None else microseconds(add(at, again, tz))
        self._asleep[place] = False
        return True


def _filter(replay: Replay, which_names: Callable[[str], bool]) -> tuple[Test | None, tuple[str, ...]]:
    """As much of the condition as reads nothing but such names, and the names that it reads."""
    if replay.rule.when is None:
        return None, ()
    test = implied(replay.rule.when.tree, [name for name in replay.rule.when.names if which_names(name)])
    names = names_in(test) if test is not None else ()
    return (test, names) if names else (None, ())
