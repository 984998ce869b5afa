"""Stage 4: what was decided gets its date, inside windows, caps and budgets; what cannot be kept in time is dropped.

What is dated keeps its date: only those without one compete, and the highest expected value goes first.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.core.actions import State
from engine.core.calendar import Duration, add
from engine.core.facts import Customer
from engine.schedule.budgets import Spending
from engine.schedule.caps import CAPPED_CHANNELS
from engine.schedule.dating import Fate, Policy, Step, fate
from engine.schedule.rank import Candidate, ranked
from engine.store import actions, customers, decisions, leases
from engine.store.session import Store

BATCH = 500
LOOKED_AT = 20_000
"""So many journeys are looked at in one run, whether anything is left of them: there may be millions under way."""
FINISHING = "journeys"
"""The mark of how far that has come: the rule and the key of the last one."""
FIRST = ["", 0]
TURN = "schedule"
"""The mark that whoever dates actions writes first, so that on PostgreSQL two of them take turns."""


@dataclass(slots=True, kw_only=True)
class Summary:
    """What became of the planned actions. causes: how many waited or were dropped for want of room, by what lacked it
    (customer, household, budget); one may count for several."""

    scheduled: int = 0
    deferred: int = 0
    dropped: int = 0
    expired: int = 0
    finished_journeys: int = 0
    causes: dict[str, int] = field(default_factory=dict)

    def count(self, found: Fate) -> None:
        """One more action that has come to this."""
        self.scheduled += found.state is State.PLANNED
        self.deferred += found.state is State.PLANNED and found.deferred
        self.expired += found.state is State.EXPIRED
        self.dropped += found.state is State.CANCELLED
        for cause in found.causes:
            self.causes[cause] = self.causes.get(cause, 0) + 1


def schedule(store: Store, policy: Policy, *, now: datetime) -> Summary:
    """Date every planned action that has no date yet; expire what is late; finish journeys that have nothing left."""
    summary = Summary()
    while True:
        with store.read() as connection:
            waiting = [Candidate(**row) for row in actions.waiting(connection)]
        if not waiting:
            break
        order = ranked(waiting, policy.costs)
        for start in range(0, len(order), BATCH):
            with store.write() as connection:
                leases.set_mark(connection, TURN, "", now)
                _date(connection, order[start : start + BATCH], policy, now, summary)
    with store.write() as connection:
        summary.expired += actions.expire(connection, now)
        summary.finished_journeys = _finish(connection, now)
    return summary


def _finish(connection: Connection, now: datetime) -> int:
    """Finish journeys that have nothing left: of very many under way some each time, from where it came to on."""
    come = leases.mark(connection, FINISHING)
    after = json.loads(come.value) if come is not None else FIRST
    found = decisions.under_way(connection, after, LOOKED_AT)
    further = list(found[-1]) if len(found) == LOOKED_AT else FIRST
    if further != after:
        leases.set_mark(connection, FINISHING, json.dumps(further), now)
    return decisions.finish_journeys(connection, [key for _, key in found], now)


def _date(connection: Connection, order: Sequence[int], policy: Policy, now: datetime, summary: Summary) -> None:
    """Date some actions, or end them, in that order."""
    found = actions.undated(connection, order)
    room = _room(connection, found.values(), policy, now)
    dates: list[dict[str, Any]] = []
    for action in (found[key] for key in order if key in found):
        fated = room.fate(action)
        if fated.due_at is None:
            actions.end(connection, action.id, fated.state, fated.reason, now)
        else:
            dates.append(
                {
                    "id": action.id,
                    "due_at": fated.due_at,
                    "valid_until": fated.valid_until,
                    "unit_cost_micro": policy.costs.get(action.channel, 0),
                    "reason": fated.reason,
                }
            )
        summary.count(fated)
    actions.give_dates(connection, dates, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """What customers hear already, and what was spent, with what is dated in this batch."""

    policy: Policy
    now: datetime
    people: Mapping[int, Customer]
    homes: Mapping[str, Sequence[int]]
    heard: Mapping[int, list[datetime]]
    spending: Spending

    def fate(self, action: actions.Action) -> Fate:
        """What becomes of one more, which then takes its place."""
        who = self.people[action.customer_id]
        home = [touch for key in self.homes.get(who.household, ()) for touch in self.heard[key]]
        step = Step(
            plan=action.plan,
            purpose=action.purpose,
            channel=action.channel,
            not_before=action.not_before,
            address=who.address,
            tz=who.time_zone or self.policy.time_zone,
            rule=action.rule_id,
        )
        found = fate(
            step,
            self.policy,
            now=self.now,
            touches=lambda _since: self.heard[action.customer_id],
            household=(lambda _since: home) if who.household else None,
            spending=self.spending,
        )
        if found.due_at is not None:
            if action.purpose != "transactional" and action.channel in CAPPED_CHANNELS:
                self.heard[action.customer_id].append(found.due_at)
            cost = self.policy.costs.get(action.channel, 0)
            self.spending.add(channel=action.channel, rule=action.rule_id, cost=cost, due=found.due_at)
        return found


def _room(connection: Connection, found: Collection[actions.Action], policy: Policy, now: datetime) -> _Room:
    """All that is known of the customers of these actions, read at once."""
    people = {key: one.facts for key, one in customers.load(connection, {one.customer_id for one in found}).items()}
    households = {one.household for one in people.values()} if policy.household is not None else set()
    homes = customers.members(connection, households)
    within = policy.within
    back = Duration(months=-within.months, days=-within.days, seconds=-within.seconds)
    since = add(now, back, policy.time_zone) - timedelta(days=2)  # zones, and days without midnight, apart
    return _Room(
        policy=policy,
        now=now,
        people=people,
        homes=homes,
        heard=actions.touches(connection, people.keys() | {key for home in homes.values() for key in home}, since),
        spending=Spending(
            budgets=policy.budgets,
            time_zone=policy.time_zone,
            read=lambda when: actions.spent(connection, *when),
        ),
    )
