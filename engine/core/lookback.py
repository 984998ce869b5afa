"""Questions about a customer's history in a condition, such as ``count_events('quote.sent', 'P90D')``.

Each is a name of the condition's tree, written in one way, so that every back-end reads it as it reads other names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, cast, get_args

from engine.core.calendar import Duration, add, parse_duration
from engine.core.condition import Type

Function = Literal["has_event", "count_events", "count_purchases", "sum_purchases"]
ANSWERS: dict[Function, Type] = {
    "has_event": Type.BOOL,
    "count_events": Type.INT,
    "count_purchases": Type.INT,
    "sum_purchases": Type.DOUBLE,
}
ABOUT_EVENTS: frozenset[str] = frozenset(("has_event", "count_events"))
"""Functions whose first argument is an event kind; the last one of all is the period."""
_NAME = re.compile(rf"({'|'.join(get_args(Function))})\((?:'([a-z][^']*)')?(?:, )?(?:'(P[^']*)')?\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """One question. kind: of the events, empty where none is asked for; period: ISO 8601 as written, empty for ever."""

    function: Function
    kind: str = ""
    period: str = ""

    @property
    def name(self) -> str:
        """How the tree, reasons and contexts call it."""
        arguments = ", ".join(f"'{one}'" for one in (self.kind, self.period) if one)
        return f"{self.function}({arguments})"

    @property
    def type(self) -> Type:
        """What the answer is. There always is one: of nothing it is false, 0 or 0.0."""
        return ANSWERS[self.function]

    def since(self, now: datetime, tz: str) -> datetime | None:
        """The instant after which the period begins, counted back on the calendar of `tz`; None for ever."""
        if not self.period:
            return None
        back = parse_duration(self.period)
        return add(now, Duration(months=-back.months, days=-back.days, seconds=-back.seconds), tz)


@lru_cache(maxsize=4096)
def _lookback(name: str) -> Lookback | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return Lookback(function=cast("Function", match[1]), kind=match[2] or "", period=match[3] or "")


def lookbacks(names: Iterable[str]) -> tuple[Lookback, ...]:
    """The questions among the names of conditions, each once."""
    return tuple(found for name in dict.fromkeys(names) if (found := _lookback(name)) is not None)
