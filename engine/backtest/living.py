"""Everybody's diaries together, since households share a cap and all share the budgets: acts in the order of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from engine import assemble
from engine.backtest import known
from engine.backtest.diary import Diary, instant
from engine.backtest.outcome import Outcome
from engine.backtest.period import Period
from engine.core.facts import Event
from engine.decide.answered import Answered, Came, Stand
from engine.decide.past import Life
from engine.decide.replay import Replay
from engine.errors import ConfigError
from engine.schedule.budgets import Spending
from engine.schedule.dating import Policy
from engine.store import as_of

if TYPE_CHECKING:
    from engine.app import App


def policy_of(app: App) -> Policy:
    """What the shop says about dates."""
    with suppress(ConfigError):  # an adapter's secret may not be at hand here, and a backtest writes to nobody
        return app.schedule_policy()
    said = app.settings
    return Policy(
        messages=said.caps.messages,
        within=said.cap_within,
        time_zone=said.shop.time_zone,
        lead_days={},
        quiet=app.quiet,
        household=said.caps.household,
        costs=assemble.costs(said, {}),
        budgets=assemble.budgets(said),
    )


def outcomes(
    app: App, connection: Connection, replay: Replay, period: Period, acts: Sequence[Answered]
) -> Iterator[Outcome]:
    """What became of the steps of these answers, which are in the order of time; the replay has come to its end."""
    policy, lives = policy_of(app), replay.lives
    diaries = _diaries(connection, replay, period, policy)
    homes = _homes(lives) if policy.household is not None else {}
    steps: list[Answered | Came] = [*acts, *replay.came]
    for one in sorted(steps, key=lambda one: one.at):
        own = one.answered.place if isinstance(one, Came) else one.place
        home = homes.get(lives[own].facts.household, ())
        for place in home or (own,):
            diaries[place].until(one.at)
        together = partial(_heard_at_home, [diaries[place] for place in home]) if home else None
        if isinstance(one, Came):
            diaries[own].go_on(one, together)
        else:
            diaries[own].begin(one, together)
    for diary in list(diaries.values()):
        yield from diary.finish(period.ends)


def _homes(lives: Sequence[Life]) -> dict[str, list[int]]:
    homes: dict[str, list[int]] = defaultdict(list)
    for place, life in enumerate(lives):
        if life.facts.household:
            homes[life.facts.household].append(place)
    return homes


def _heard_at_home(home: Sequence[Diary], since: datetime) -> list[datetime]:
    return sorted(touch for diary in home for touch in diary.touches(since))


class _Diaries(dict[int, Diary]):
    """Diaries by their customers' places, each begun when it is first asked for."""

    def __init__(self, begin: Callable[[int], Diary]) -> None:
        super().__init__()
        self._begin = begin

    def __missing__(self, place: int) -> Diary:
        self[place] = self._begin(place)
        return self[place]


def _diaries(
    connection: Connection, replay: Replay, period: Period, policy: Policy
) -> dict[int, Diary]:  # fmt: skip
    rule = replay.rule
    unless = [step.plan.unless for step in rule.steps if step.plan.unless]
    stops = known.stops(connection, [*rule.stop_on, *unless], period)
    heard = as_of.heard(connection, rule.id, period.begins, period.ends)
    spending = Spending(
        budgets=policy.budgets,
        time_zone=policy.time_zone,
        read=lambda month: as_of.spent(connection, rule.id, month, period.begins),
    )

    def begun(place: int) -> Diary:
        life = replay.lives[place]
        turns: list[Event | Stand] = [*stops.get(life.id, ()), *replay.stands.get(place, ())]
        return Diary(
            rule=rule,
            life=life,
            policy=policy,
            spending=spending,
            turns=sorted(turns, key=instant),
            heard=heard.get(life.id, ()),
        )

    return _Diaries(begun)
