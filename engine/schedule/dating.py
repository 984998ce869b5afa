"""When one step goes out, or why it never does: its window, the quiet, the cap and its validity together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.actions import TOO_LATE, Plan, State
from engine.core.calendar import Duration, add
from engine.core.facts import Address
from engine.core.quiet import Quiet, QuietPolicy
from engine.schedule.caps import CAPPED_CHANNELS, first_allowed
from engine.schedule.plan import date_action

NEVER = "its window lies wholly in the quiet hours or on holidays"
Touches = Callable[[datetime], Sequence[datetime]]
"""When the customer heard from us and will, from an instant on; what is transactional does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the shop says about dates: cap, zone of customers without one, each channel's lead days, and the quiet."""

    messages: int
    within: Duration
    time_zone: str
    lead_days: Mapping[str, int]
    quiet: QuietPolicy = field(default_factory=QuietPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A decided step: what it asks for, not before when, and where the customer is (`tz` is their zone)."""

    plan: Plan
    purpose: str
    channel: str
    not_before: datetime
    address: Address
    tz: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of a step: planned, with its dates; expired or cancelled, with the reason. deferred: by the cap."""

    state: State
    reason: str = ""
    due_at: datetime | None = None
    valid_until: datetime | None = None
    deferred: bool = False


def fate(step: Step, policy: Policy, *, now: datetime, touches: Touches) -> Fate:
    """When a step goes out; what would go out too late ends here, and takes nobody's place under the cap."""
    tz, lead_days = step.tz, policy.lead_days.get(step.channel, 0)
    quiet = policy.quiet.around(channel=step.channel, purpose=step.purpose, address=step.address)
    dated = date_action(step.plan, not_before=step.not_before, now=now, tz=tz, lead_days=lead_days, quiet=quiet)
    free = due = dated.due_at if dated else None
    if due and step.purpose != "transactional" and step.channel in CAPPED_CHANNELS:
        free, due = _under_cap(step, max(due, now), policy, quiet, touches)
    if dated is None or free is None or due is None:
        return Fate(state=State.CANCELLED, reason=NEVER)
    if max(free, now) > dated.valid_until:
        return Fate(state=State.EXPIRED, reason=TOO_LATE)
    if due > dated.valid_until:
        reason = f"the customer would hear from us more than {policy.messages} times within {policy.within}"
        return Fate(state=State.CANCELLED, reason=reason, deferred=True)
    return Fate(state=State.PLANNED, due_at=due, valid_until=dated.valid_until, deferred=due > free)


def _under_cap(
    step: Step, due: datetime, policy: Policy, quiet: Quiet, touches: Touches
) -> tuple[datetime | None, datetime | None]:
    """When it goes out if nobody else wrote, and as it is; None: never. Window and quiet are about when the customer
    has it: paper counts when it arrives."""
    travels, within, tz = policy.lead_days.get(step.channel, 0), policy.within, step.tz
    back = Duration(months=-within.months, days=-within.days, seconds=-within.seconds)

    def goes_out(heard: Sequence[datetime]) -> datetime | None:
        arrives = first_allowed(
            add(due, Duration(days=travels), tz),
            touches=[add(touch, Duration(days=travels), tz) for touch in heard],
            messages=policy.messages,
            within=within,
            window=step.plan.window,
            quiet=quiet,
            tz=tz,
        )
        return arrives and max(due, add(arrives, Duration(days=-travels), tz))

    return goes_out(()), goes_out(touches(add(due, back, tz)))
