"""The values of a condition's names for many customers of the past at once, as `frame.which` takes them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from engine.core.calendar import zone
from engine.core.condition import Test, Type
from engine.core.facts import Customer
from engine.core.money import exponent
from engine.decide.frame import which
from engine.decide.names import CUSTOMER, NOW, SCORE, Field
from engine.decide.past import Life
from engine.decide.past_scores import FLOATS, MONEY, Column, PastScores
from engine.decide.situation import Situation

_SCORE = frozenset(one.name for one in SCORE)
_NOW = {one.name: one for one in NOW}
_TURNING = frozenset(
    ("customer.has_open_complaint", "customer.first_purchase", "customer.last_purchase", "customer.next_purchase")
)
"""These change only at one of `Life.turns`."""
_AGEING = frozenset(("customer.age", "customer.days_since_first_contact", "customer.years_since_first_purchase", *_NOW))
"""These change by themselves, as time goes by."""
_STILL = frozenset(one.name for one in CUSTOMER) - _TURNING - _AGEING


def is_still(name: str) -> bool:
    """Whether a name has the value of today at all times: what the shop keeps of a customer has no date."""
    return name in _STILL or name.startswith("customer.attributes.")


def ages(name: str) -> bool:
    """Whether a name may change without anything that happens to the customer."""
    return not (name in _SCORE or name in _TURNING or is_still(name))


def is_now(name: str) -> bool:
    """Whether a name is of the instant, and of nobody."""
    return name in _NOW


def knows(name: str) -> bool:
    """Whether there is a column of it; the others are asked one by one."""
    return name in _SCORE or name in _NOW or is_still(name)


class Columns:
    """Columns of the names that are known here."""

    def __init__(self, lives: Sequence[Life], scores: PastScores, currency: str) -> None:
        self._lives, self._scores, self._currency = lives, scores, currency
        self._still: dict[str, Column] = {}
        self._zones = sorted({life.time_zone for life in lives})
        self._zone_of = np.searchsorted(self._zones, [life.time_zone for life in lives]) if lives else np.zeros(0, int)

    def of(self, fields: Iterable[Field], places: Column, at: datetime) -> dict[str, tuple[Type, Column]]:
        """The types and values of these fields, by name, for some customers at an instant."""
        return {one.name: (one.type, self._of(one, places, at)) for one in fields}

    def hour_comes(self, test: Test, fields: Iterable[Field], at: datetime) -> Column:
        """For whom a test that reads nothing but the instant holds: it is the same for all of a time zone."""
        holds = which(test, {one.name: (one.type, self._of_now(one, at)) for one in fields})
        return np.asarray(holds[self._zone_of])

    def before(self, fields: Sequence[Field], places: Column) -> dict[str, tuple[Type, Column]]:
        """The same of score fields, by the same names, as they were before the score changed."""
        earlier = {one.name: one.name.replace("score.", "score.prev_") for one in fields}
        return {one.name: (one.type, self._of_score(earlier[one.name], places)) for one in fields}

    def _of(self, one: Field, places: Column, at: datetime) -> Column:
        if one.name in _SCORE:
            return self._of_score(one.name, places)
        if one.name in _NOW:
            return np.asarray(self._of_now(one, at)[self._zone_of[places]])
        if one.name not in self._still:
            self._still[one.name] = _objects([one.read(self._someone(life, at), at) for life in self._lives])
        return self._still[one.name][places]

    def _of_score(self, name: str, places: Column) -> Column:
        short = name.removeprefix("score.")
        found = self._scores.column(short, places)
        plain = short.removeprefix("prev_")
        if plain in FLOATS or plain == "tier":
            return found
        missing = found == np.iinfo(np.int64).min
        if f"{plain}_minor" in MONEY:
            return np.asarray(np.where(missing, np.nan, found / 10 ** exponent(self._currency)))
        return np.ma.masked_array(found, missing)

    def _of_now(self, one: Field, at: datetime) -> Column:
        nobody = Customer(ref="")
        values = []
        for tz in self._zones:
            situation = Situation(customer=nobody, now=at, time_zone=tz, currency=self._currency)
            values.append(one.read(situation, at.astimezone(zone(tz))))
        return np.array(values, dtype=np.int64) if one.type is Type.INT else _objects(values)

    def _someone(self, life: Life, at: datetime) -> Situation:
        return Situation(customer=life.facts, now=at, time_zone=life.time_zone, currency=self._currency)


def _objects(values: Sequence[Any]) -> Column:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
