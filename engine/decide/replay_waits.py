"""Steps of the past that waited for an event: which one each waited for, and what came of it on that day. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from itertools import count

from engine.core.actions import Wait, concerns, reference_of
from engine.core.calendar import add
from engine.core.facts import Event
from engine.core.waits import Waiting
from engine.decide.answered import Answered
from engine.decide.past import Life
from engine.decide.rule import Rule, Step
from engine.decide.vocabulary import Vocabulary
from engine.decide.waits import asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """A step of an answer with the event that it waited for, which is there from `at` on."""

    at: datetime
    answered: Answered
    step: Step
    waiting: Waiting


class Coming:
    """What is known to come of the steps that wait, in the order of time."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Awaited]] = []
        self._order = count()

    def expect(self, rule: Rule, answered: Answered, life: Life) -> None:
        """Look for the events that the steps of a yes wait for."""
        for step in answered.verdict.steps:
            wait = step.plan.wait
            event = first_of(wait, answered, life) if wait else None
            if wait is None or event is None:
                continue
            waiting = Waiting(
                action=0,
                customer=life.id,
                purpose=rule.purpose,
                channel=step.channel,
                wait=wait,
                facts={},
                event=event,
            )
            at = max(event.occurred_at, answered.at)  # it may have come before the rule was asked
            heappush(self._heap, (at, next(self._order), Awaited(at=at, answered=answered, step=step, waiting=waiting)))

    def before(self, at: datetime) -> Iterator[Awaited]:
        """Those that are there before an instant; each once."""
        while self._heap and self._heap[0][0] < at:
            yield heappop(self._heap)[2]


def first_of(wait: Wait, answered: Answered, life: Life) -> Event | None:
    """The first event that a step waits for and that concerns its journey, if it comes in time."""
    why = answered.why
    until = add(why.anchor, wait.within, life.time_zone)
    reference = reference_of(why.event)
    events = life.events.get(wait.kind, ())
    for key, event in events[bisect_left(events, why.anchor, key=lambda one: one[1].occurred_at) :]:
        if event.occurred_at > until:
            break
        if key != why.event_id and concerns(event, anchor_at=why.anchor, reference=reference):
            return event
    return None


def kinds(rule: Rule) -> set[str]:
    """The event kinds that the rule's steps wait for."""
    return {step.awaits for step in rule.steps if step.awaits}


def reads(rule: Rule, words: Vocabulary) -> tuple[str, ...]:
    """The names that all conditions of a rule read, those on the awaited events included."""
    found = dict.fromkeys(rule.reads)
    for step in rule.steps:
        if step.plan.wait is not None:
            found.update(dict.fromkeys(asks(step.plan.wait, words)))
    return tuple(found)
