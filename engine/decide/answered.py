"""What a replay of the past goes through, and what it finds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from engine.core.facts import Event
from engine.core.waits import Settled
from engine.decide.guards import Verdict
from engine.decide.moment import Occasion
from engine.decide.rule import Step


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
class Came:
    """What came of a step that waited when its event was there."""

    at: datetime
    answered: Answered
    step: Step
    settled: Settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A customer's date from a look on: at that instant of that day. again: not the first look of its day, but one that
    a change brought about. origin: the date itself; event: what it comes from, with its key."""

    at: datetime
    today: date
    again: bool
    origin: date | None
    event: tuple[int, Event] | None = None
