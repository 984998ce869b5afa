"""Steps that wait for an event: how they begin, and what comes of them when the event has come. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from engine.core.actions import State, Wait
from engine.core.calendar import add, local_date
from engine.core.permission import Standing
from engine.core.waits import Settled, Waiting
from engine.decide.condition import Clause, Condition, compile_condition
from engine.decide.guards import hindrance
from engine.decide.moment import event_facts
from engine.decide.problems import ConditionError
from engine.decide.rule import Step
from engine.decide.situation import Situation
from engine.decide.vocabulary import Reading, Scope, Vocabulary


class Stands(NamedTuple):
    """Where a step stands, as the store's columns."""

    state: State
    reason: str
    awaits: str
    not_before: datetime


def begins(step: Step, anchor: datetime, tz: str) -> Stands:
    """Where a step stands when its journey begins."""
    wait = step.plan.wait
    if wait is None:
        return Stands(State.PLANNED, "", "", add(anchor, step.after, tz))
    until = add(anchor, wait.within, tz)
    reason = f"waits for {wait.kind} until {local_date(until, tz)}"
    return Stands(State.WAITING, reason, wait.kind, until)


def settle(
    it: Waiting, situation: Situation, *, standing: Standing, words: Vocabulary, known: Mapping[str, Any] | None = None
) -> Settled:
    """What comes of a waiting step now that its event is there; the situation has that event.

    Its condition is asked about it, then whether the customer may be written to, as of any step. known: as for
    `Reading`.
    """
    tz, event, wait = situation.time_zone, it.event, it.wait
    came = f"{event.kind} came on {local_date(event.occurred_at, tz)}"
    try:
        condition = _compiled(wait.when, words.events[wait.kind]) if wait.when else None
    except (KeyError, ConditionError):  # its words were taken out of premura.toml meanwhile
        reason = f"{came}, but its condition uses words that there are no more: {wait.when}"
        return Settled(action=it.action, state=State.CANCELLED, reason=reason)
    clauses = condition.explain(Reading(situation, words, known)) if condition else ()
    false = next((clause for clause in clauses if not clause.holds), None)
    if false is not None:
        reason = f"{came}, but {false.source} is false: {_read(false)}"
        return Settled(action=it.action, state=State.CANCELLED, reason=reason)
    why = hindrance(purpose=it.purpose, channel=it.channel, customer=situation.customer, standing=standing)
    if why is not None:
        return Settled(action=it.action, state=State.SUPPRESSED, reason=why)
    facts = {**it.facts, "event": event_facts(event, tz)}
    due = add(event.occurred_at, wait.after, tz)
    return Settled(action=it.action, state=State.PLANNED, reason=came, not_before=due, facts=facts)


def reads(come: Iterable[Waiting], words: Vocabulary) -> set[str]:
    """The names in the conditions of these steps."""
    found: set[str] = set()
    for wait in {it.wait for it in come if it.wait.when}:
        with suppress(KeyError, ConditionError):  # `settle` says so
            found.update(asks(wait, words))
    return found


def asks(wait: Wait, words: Vocabulary) -> tuple[str, ...]:
    """The names that a step asks about when its event has come. Raises what its condition may be, if words are gone."""
    return _compiled(wait.when, words.events[wait.kind]).names if wait.when else ()


@lru_cache(maxsize=256)
def _compiled(source: str, scope: Scope) -> Condition:
    return compile_condition(source, scope)


def _read(clause: Clause) -> str:
    return ", ".join(f"{name} is {'unknown' if value is None else value}" for name, value in clause.values.items())
