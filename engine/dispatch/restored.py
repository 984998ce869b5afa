"""What becomes of actions whose time lay in a gap of the store's memory: a pure policy over what their adapter can do.

After a restore from an old copy, whatever was due between the copy and the restore may have gone out already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from engine.core.actions import State
from engine.core.calendar import zone
from engine.core.gaps import BEGINNING, Gap
from engine.dispatch.doubt import is_known
from engine.dispatch.port import Adapter, Idempotency, Searching

REPEATS = timedelta(days=2)
"""So long after a restore the daily sweep and new scores may find again whom they had found in the gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What tells when an action was due. Instants as in the outbox; scheduled_at: when it got its date, if it has."""

    dedupe_key: str
    created_at: datetime
    scheduled_at: datetime | None
    not_before: datetime
    due_at: datetime


def state_of(about: About, gaps: Sequence[Gap], adapter: Adapter | None, now: datetime) -> State:
    """READY when it may go; HELD when a person must say whether it went out; UNKNOWN when the provider can say.

    adapter: None when there is none of that name. As long as a provider knows the key again, an action that may have
    gone out is sent again: it arrives once.
    """
    lead = timedelta(days=adapter.capability.lead_days if adapter else 0)
    doubtful = [(gap, when) for gap in gaps if (when := _may_have_gone(about, gap, lead)) is not None]
    if not doubtful:
        return State.READY
    if adapter is None or any(_under_another_name(about, gap) for gap, _ in doubtful):
        return State.HELD
    first = min(max(gap.since, when) for gap, when in doubtful)
    can = adapter.capability
    if can.idempotency is Idempotency.KEY and can.batch == 1 and is_known(can, first, now):
        return State.READY  # what went with others went under a key of all of them, which nobody knows any more
    return State.UNKNOWN if isinstance(adapter, Searching) else State.HELD


def stands_still(gaps: Sequence[Gap], adapters: Mapping[str, Adapter]) -> tuple[str, ...]:
    """The adapters by which nothing may go out until somebody has confirmed the restore."""
    if all(gap.confirmed for gap in gaps):
        return ()
    return tuple(sorted(name for name, one in adapters.items() if one.capability.idempotency is Idempotency.NONE))


def sentence(gaps: Sequence[Gap], adapters: Mapping[str, Adapter], tz: str) -> str:
    """What people are told while something stands still, or nothing."""
    names = stands_still(gaps, adapters)
    if not names:
        return ""
    since = min(gap.since for gap in gaps if not gap.confirmed)
    when = f"from {since.astimezone(zone(tz)):%Y-%m-%d %H:%M}" if since > BEGINNING else "without a memory"
    return (
        f"the store was restored from a copy {when}: what went out since is not in it, so nothing goes out by "
        f"{', '.join(names)} until you have looked (hint: premura db confirm-restore)"
    )


def _may_have_gone(about: About, gap: Gap, lead: timedelta) -> datetime | None:
    """From when on it may have gone out in a gap, or None.

    A date that the copy knows counts. What got its date later had another one in the gap: it counts from its beginning.
    """
    known = about.scheduled_at is not None and about.scheduled_at <= gap.since
    when = about.due_at if known else min(about.due_at, about.not_before - lead)
    return when if when <= gap.until or _under_another_name(about, gap) else None


def _under_another_name(about: About, gap: Gap) -> bool:
    """Whether it was decided after a restore by a sweep or a score, whose name is the day on which it was decided.

    In the gap the same may have been decided on another day, that is, under another key.
    """
    what, _, day = about.dedupe_key.rpartition(":")[0].rpartition(":")[2].partition("/")
    if what not in ("score", "sweep") or about.created_at <= gap.since:
        return False
    try:
        return date.fromisoformat(day) <= (gap.until + REPEATS).date()
    except ValueError:
        return False  # an event's own key
