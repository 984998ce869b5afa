"""Why a rule is asked about a customer now, and what their messages need to know of it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from engine.core.calendar import local_date
from engine.core.facts import Happening


class Occasion(NamedTuple):
    """Why a rule is asked about a customer now; a tuple, since there is one for every event."""

    occurrence: str
    anchor: datetime  # what the steps' `after` counts from
    event: Happening | None = None
    event_id: int | None = None  # its key in the store
    years: int | None = None
    keep_no: bool = True  # whether a plain "no" is kept: not for sweeps, which ask everybody every day


def event_facts(event: Happening, tz: str) -> dict[str, Any]:
    """What templates may say of an event."""
    return {**event.payload, "occurred_on": local_date(event.occurred_at, tz).isoformat()}
