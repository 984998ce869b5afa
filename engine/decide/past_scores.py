"""Everybody's scores as of an instant that moves on, column by column, as a replay of the past reads them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.facts import Score

Column = NDArray[Any]
FLOATS = ("p_alive", "percentile", "expected_purchases", "recency", "T")
MONEY = ("clv_minor", "expected_spend_minor", "monetary_minor")
WHOLE = ("frequency", "days_since_purchase")
KEPT = ("p_alive", "clv_minor", "percentile", "tier")
"""What is known of the score before the current one."""
_ALL = (*FLOATS, *MONEY, *WHOLE, "tier")
_BLANK: dict[str, Any] = dict.fromkeys((*FLOATS, *MONEY)) | dict.fromkeys(WHOLE, 0) | {"recency": 0.0, "T": 0.0}
_NOTHING: dict[str, Any] = dict.fromkeys(KEPT)
_MISSING = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Scores that were written together.

    columns: by the names of `Score`, and `customer_id`; floats with not-a-number, integers with the least of 64 bits
    for None. run: grows from one scoring of everybody to the next. first: of this store, by which nobody "becomes"
    anything.
    """

    at: datetime
    run: int
    columns: Mapping[str, Column]
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The values of the score before the current one; None where there was none."""

    p_alive: float | None
    clv_minor: int | None
    percentile: float | None
    tier: str | None


class PastScores:
    """Scores at an instant; `until` moves it on. People are counted by their place in `ids`, which are in order."""

    def __init__(self, ids: Column, saves: Iterable[Saved], reads: Collection[str] = _ALL) -> None:
        """reads: the columns that anybody asks for; of a score, the others are blank."""
        self._ids, self._coming = ids, iter(saves)
        self._next = next(self._coming, None)
        self._run: int | None = None
        self.known = np.zeros(len(ids), dtype=bool)
        self._now = {name: _nobody(name, len(ids)) for name in _ALL if name in reads}
        self._before = {name: _nobody(name, len(ids)) for name in KEPT if name in reads}

    @property
    def next_at(self) -> datetime | None:
        """When the next save counts; None after the last."""
        return self._next.at if self._next is not None else None

    def until(self, instant: datetime) -> Iterator[tuple[Saved, Column]]:
        """Go through the saves up to an instant: each, when it counts, with the places of those whom it scored."""
        while self._next is not None and self._next.at <= instant:
            found, self._next = self._next, next(self._coming, None)
            yield found, self._take(found)

    def _take(self, found: Saved) -> Column:
        who = found.columns["customer_id"]
        places = np.searchsorted(self._ids, who)
        there = self._ids[np.minimum(places, len(self._ids) - 1)] == who
        places = np.asarray(places[there])
        for name, column in self._before.items():  # who had no score has nothing before, which is what is there
            column[places] = self._now[name][places]
        for name, column in self._now.items():
            column[places] = found.columns[name][there]
            if name == "tier":
                column[places[column[places] == ""]] = None
        if self._run is None or found.run > self._run:  # everybody was scored: who was not has no purchase left
            gone = self.known.copy()
            gone[places] = False
            for name, column in (*self._now.items(), *self._before.items()):
                column[gone] = _MISSING_AS[name]
            self.known[gone] = False
            self._run = found.run
        self.known[places] = True
        return places

    def score(self, place: int) -> Score | None:
        """The score of one."""
        if not self.known[place]:
            return None
        read = {name: _plain(name, column[place]) for name, column in self._now.items()}
        return Score(customer="", **{**_BLANK, **read, "tier": read.get("tier") or ""})

    def before(self, place: int) -> Before | None:
        """The values before."""
        if not self.known[place]:
            return None
        read = {name: _plain(name, column[place]) for name, column in self._before.items()}
        return Before(**{**_NOTHING, **read})

    def column(self, name: str, places: Column) -> Column:
        """The values of a score's name in a condition, such as `prev_tier`, but money in minor units."""
        table = self._before if name.startswith("prev_") else self._now
        source = name.removeprefix("prev_")
        found: Column = table[source if source in table else f"{source}_minor"][places]
        return found


def _nobody(name: str, number: int) -> Column:
    kind: Any = np.float32 if name in FLOATS else object if name == "tier" else np.int64
    return np.full(number, _MISSING_AS[name], dtype=kind)


_MISSING_AS: dict[str, Any] = {
    **dict.fromkeys(FLOATS, np.nan),
    **dict.fromkeys((*MONEY, *WHOLE), _MISSING),
    "tier": None,
}


def _plain(name: str, value: Any) -> Any:
    if name == "tier":
        return value
    if name in FLOATS:
        return None if np.isnan(value) else float(str(value))  # 0.9, as it was, and not 0.8999999761581421
    return None if value == _MISSING else int(value)
