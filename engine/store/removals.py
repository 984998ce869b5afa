"""Journeys of rules whose file is gone: which rules those are, and what of them is still to happen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, func, select, text, update

from engine.core.actions import UNFINISHED
from engine.store import actions, tables
from engine.store.listed import among

_ACTION = tables.table(tables.Action)
_JOURNEY = tables.table(tables.Journey)
_ACTIVE = text("journey.state = 'active'")  # word for word, so that the partial index serves it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of some journeys: how many ended, and how many actions were cancelled. last: the key of the last that
    was looked at, None when there are no more."""

    journeys: int
    actions: int
    last: int | None


def under_way(connection: Connection) -> list[str]:
    """The rules of which a journey is under way: from one to the next by the index, however many journeys each has."""
    rule = _JOURNEY.c.rule_id
    found = select(func.min(rule).label("rule_id")).where(_ACTIVE).cte("found", recursive=True)
    following = select(func.min(rule)).where(_ACTIVE, rule > found.c.rule_id).scalar_subquery()
    every = found.union_all(select(following).where(found.c.rule_id.is_not(None)))
    return list(connection.execute(select(every.c.rule_id).where(every.c.rule_id.is_not(None))).scalars())


def end(connection: Connection, rule: str, reason: str, now: datetime, *, after: int, limit: int) -> Ended:
    """Cancel what of the next journeys of a rule has not gone out, and end those of which nothing is under way.

    after: the key of the last journey before them; limit: how many at most. What a worker is just taking, or of which
    nobody knows whether it went out, keeps its journey under way: it is looked at again the next time.
    """
    query = select(_JOURNEY.c.id).where(_JOURNEY.c.rule_id == rule, _JOURNEY.c.id > after, _ACTIVE)
    some = list(connection.execute(query.order_by(_JOURNEY.c.id).limit(limit)).scalars())
    if not some:
        return Ended(journeys=0, actions=0, last=None)
    cancelled = actions.cancel_open(connection, some, reason, now)
    going = exists().where(_ACTION.c.journey_id == _JOURNEY.c.id, actions.STATE.in_(UNFINISHED))
    done = update(_JOURNEY).where(among(connection, _JOURNEY.c.id, some), _JOURNEY.c.state == "active", ~going)
    journeys = connection.execute(done.values(state="stopped", ended_at=now, exit_reason=reason)).rowcount
    return Ended(journeys=journeys, actions=cancelled, last=some[-1])
