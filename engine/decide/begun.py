"""Journeys that begin, and their steps, as columns of the store: of many at once much is alike. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.actions import Ending, State, reference_of
from engine.core.keys import dedupe_key
from engine.core.texts import Texts, documents
from engine.decide.moment import Occasion, event_facts
from engine.decide.rule import Step
from engine.decide.rulings import FIXED, Ruling
from engine.decide.waits import Stands, begins


@dataclass(slots=True)
class Entry:
    """A customer (by key), and the occasion on which rules let them in.

    ref: the shop's own number of the customer; event: what templates may say of the one that started the rules, as
    JSON, or empty; reference: its own.
    """

    customer: int
    ref: str
    time_zone: str
    why: Occasion
    event: str
    reference: str

    @classmethod
    def of(cls, customer: int, ref: str, tz: str, why: Occasion) -> Entry:
        """With what there is to say of the event."""
        event = "" if why.event is None else documents([event_facts(why.event, tz)])[0]
        return cls(customer, ref, tz, why, event, reference_of(why.event))


@dataclass(slots=True)
class Begun:
    """A journey that begins now, by a rule that said yes; exit_reason: what stopped it before it was written."""

    ruling: Ruling
    entry: Entry
    exit_reason: str = ""

    def ending(self, now: datetime) -> Ending:
        """What ends it."""
        began = min(self.entry.why.anchor, now)
        return Ending(stop_on=self.ruling.rule.stop_on, anchor_at=began, reference=self.entry.reference)


def journeys(begun: Sequence[Begun], now: datetime) -> dict[str, list[Any]]:
    """Their rows, column by column."""
    rules, entries = [one.ruling.rule for one in begun], [one.entry for one in begun]
    return {
        "rule_id": [rule.id for rule in rules],
        "rule_hash": [rule.hash for rule in rules],
        "customer_id": [entry.customer for entry in entries],
        "occurrence": [entry.why.occurrence for entry in entries],
        "state": ["stopped" if one.exit_reason else "active" for one in begun],
        "anchor_at": [entry.why.anchor for entry in entries],
        "stop_on": [rule.stop_on for rule in rules],
        "reference": [entry.reference for entry in entries],
        "started_at": [now] * len(begun),
        "ended_at": [now if one.exit_reason else None for one in begun],
        "exit_reason": [one.exit_reason for one in begun],
    }


def steps(begun: Sequence[Begun], keys: Iterable[int], now: datetime) -> dict[str, Sequence[Any]]:
    """The rows of their steps, column by column. keys: of the journeys."""
    each = [(fixed, one, key) for one, key in zip(begun, keys, strict=True) for fixed in one.ruling.fixed]
    *columns, _ = zip(*(fixed for fixed, _, _ in each), strict=True)
    same = dict(zip(FIXED, columns, strict=True))
    entries = [one.entry for _, one, _ in each]
    known: dict[tuple[int, int], Stands] = {}
    stands = [_stands(one, fixed[-1], known) for fixed, one, _ in each]
    return {
        "journey_id": [key for _, _, key in each],
        **same,
        "customer_id": [entry.customer for entry in entries],
        "dedupe_key": [
            dedupe_key(rule, entry.ref, entry.why.occurrence, step)
            for rule, step, entry in zip(same["rule_id"], same["step"], entries, strict=True)
        ],
        "event_id": [entry.why.event_id for entry in entries],
        "facts": Texts([_facts(one, stand.awaits) for (_, one, _), stand in zip(each, stands, strict=True)]),
        "finished_at": [now if one.exit_reason else None for _, one, _ in each],
        **dict(zip(Stands._fields, zip(*stands, strict=True), strict=True)),
    }


def _stands(one: Begun, step: Step, known: dict[tuple[int, int], Stands]) -> Stands:
    """Where a step stands. known: how steps stand that begin together and come as long after it."""
    anchor, tz = one.entry.why.anchor, one.entry.time_zone
    if one.exit_reason:
        return begins(step, anchor, tz)._replace(state=State.CANCELLED, reason=one.exit_reason)
    if step.plan.wait is not None:
        return begins(step, anchor, tz)
    together = id(one.entry), id(step.after)
    found = known.get(together)
    if found is None:
        found = known[together] = begins(step, anchor, tz)
    return found


def _facts(one: Begun, awaits: str) -> str:
    """What templates need of the moment, as JSON: of the steps that go ahead together, a message may tell of the points
    of all."""
    entry, rule = one.entry, one.ruling.rule
    text = f'{{"title":{one.ruling.title},"years":{"null" if entry.why.years is None else entry.why.years}'
    if rule.trigger.date is not None:
        text += f',"day":{documents([entry.why.occurrence])[0]}'
    if entry.event:
        text += f',"event":{entry.event}'
    points = one.ruling.points.get(awaits)
    return f'{text},"points":{points}}}' if points else f"{text}}}"
