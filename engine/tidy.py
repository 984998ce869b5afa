"""Upkeep of the outbox: what was finished long ago goes to the history, and later loses its content.

In small transactions, each of which leaves everything in order: it may be stopped or killed at any point, and whoever
begins again goes on with what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.app import App
from engine.check import unkept
from engine.core.actions import FINISHED
from engine.core.calendar import Duration, add, local_date, parse_duration, zone
from engine.errors import ConfigError
from engine.store import leases, retention

TIDIED = "tidied"
"""The mark that says when all of it was last done."""
BATCH = 1000


@dataclass(slots=True, kw_only=True)
class Summary:
    """How many actions were moved and how many emptied. whole: nothing is left to do."""

    moved: int = 0
    emptied: int = 0
    whole: bool = False


def tidy(
    app: App, *, stopping: Callable[[], bool] = lambda: False, progress: Callable[[int], None] = lambda _done: None
) -> Summary:
    """Move and empty what is old enough. Raises ConfigError when [retention] is shorter than caps or budgets count."""
    if faults := tuple(unkept(app.settings)):
        raise ConfigError(faults)
    summary, said, now = Summary(), app.settings.retention, app.clock()
    summary.whole = _move(app, _before(app, said.actions, now), summary, stopping, progress)
    if summary.whole and said.contents:
        summary.whole = _empty(app, _before(app, said.contents, now), summary, stopping, progress)
    if summary.whole:
        with app.store.write() as connection:
            leases.set_mark(connection, TIDIED, "", now)
    return summary


def tidy_if_due(
    app: App, *, stopping: Callable[[], bool] = lambda: False, progress: Callable[[int], None] = lambda _done: None
) -> dict[str, Any] | None:
    """The same once a local day, at the hour at which everybody is scored; None when it is not time."""
    now, tz = app.clock(), app.settings.shop.time_zone
    with app.store.read() as connection:
        last = leases.mark(connection, TIDIED)
    if last is not None and local_date(last.at, tz) >= local_date(now, tz):
        return None
    if now.astimezone(zone(tz)).hour < app.settings.daemon.score_hour:
        return None
    done = tidy(app, stopping=stopping, progress=progress)
    return {"moved": done.moved, "emptied": done.emptied}


def _before(app: App, length: str, now: datetime) -> datetime:
    ago = parse_duration(length)
    back = Duration(months=-ago.months, days=-ago.days, seconds=-ago.seconds)
    return add(now, back, app.settings.shop.time_zone)


def _move(
    app: App, before: datetime, summary: Summary, stopping: Callable[[], bool], progress: Callable[[int], None]
) -> bool:
    for state in sorted(FINISHED):
        place: retention.Place | None = None
        while True:
            with app.store.read() as connection:
                found = retention.old(connection, state, before, BATCH, place)
            if not found:
                break
            place = found[-1]
            with app.store.write() as connection:
                moved = retention.move(connection, [key for _, key in found])
            summary.moved += moved
            progress(moved)
            if stopping():
                return False
    return True


def _empty(
    app: App, before: datetime, summary: Summary, stopping: Callable[[], bool], progress: Callable[[int], None]
) -> bool:
    while not stopping():
        with app.store.write() as connection:
            emptied = retention.empty(connection, before, BATCH)
        if not emptied:
            return True
        summary.emptied += emptied
        progress(emptied)
    return False
