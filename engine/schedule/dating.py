"""When one step goes out, or why it never does: its window, the quiet, caps, budgets and validity together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.actions import TOO_LATE, Plan, State
from engine.core.calendar import Duration, add
from engine.core.facts import Address
from engine.core.quiet import Quiet, QuietPolicy
from engine.schedule.budgets import Budgets, Spending
from engine.schedule.caps import CAPPED_CHANNELS, Limit, first_allowed
from engine.schedule.plan import Dated, date_action

NEVER = "its window lies wholly in the quiet hours or on holidays"
Touches = Callable[[datetime], Sequence[datetime]]
"""When the customer heard from us and will, from an instant on; what is transactional does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the shop says about dates: caps, zone of customers without one, each channel's lead days, and the quiet.

    household: the cap of all who live together, None for none. costs: of one message, by channel, in millionths of a
    unit of the currency; budgets: what a month may cost.
    """

    messages: int
    within: Duration
    time_zone: str
    lead_days: Mapping[str, int]
    quiet: QuietPolicy = field(default_factory=QuietPolicy)
    household: int | None = None
    costs: Mapping[str, int] = field(default_factory=dict)
    budgets: Budgets = field(default_factory=Budgets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A decided step: what it asks for, not before when, and where the customer is (`tz` is their zone)."""

    plan: Plan
    purpose: str
    channel: str
    not_before: datetime
    address: Address
    tz: str
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of a step: planned, with its dates; expired or cancelled. reason: why it ends, or why it waits.

    deferred: a cap or a budget stands in its way; causes: which of customer, household and budget do.
    """

    state: State
    reason: str = ""
    due_at: datetime | None = None
    valid_until: datetime | None = None
    deferred: bool = False
    causes: tuple[str, ...] = ()


def fate(
    step: Step,
    policy: Policy,
    *,
    now: datetime,
    touches: Touches,
    household: Touches | None = None,
    spending: Spending | None = None,
) -> Fate:
    """When a step goes out; what would go out too late ends here, and takes nobody's place under a cap.

    household: as `touches`, of all who live together. spending: without it there is no budget; what is dated here is
    not added to it. What a customer is owed keeps no cap and waits for no budget.
    """
    quiet = policy.quiet.around(channel=step.channel, purpose=step.purpose, address=step.address)
    lead_days = policy.lead_days.get(step.channel, 0)
    dated = date_action(step.plan, not_before=step.not_before, now=now, tz=step.tz, lead_days=lead_days, quiet=quiet)
    if dated is None:
        return Fate(state=State.CANCELLED, reason=NEVER)
    way = _Way(step=step, policy=policy, quiet=quiet, dated=dated, now=now)
    free, limits = dated.due_at, way.limits(touches, household)
    if limits or policy.costs.get(step.channel):
        free = max(free, now)  # counted on the day on which it goes
    moved = free != dated.due_at or lead_days  # else it is in its window already
    alone = way.goes_out(free) if limits and moved else free
    if alone is None:
        return Fate(state=State.CANCELLED, reason=NEVER)
    if max(alone, now) > dated.valid_until:
        return Fate(state=State.EXPIRED, reason=TOO_LATE)
    return way.through(alone, limits, spending if step.purpose != "transactional" else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A step on its way to a date."""

    step: Step
    policy: Policy
    quiet: Quiet
    dated: Dated
    now: datetime

    def limits(self, touches: Touches, household: Touches | None) -> tuple[Limit, ...]:
        """The caps that hold for it, with what counts under them."""
        if self.step.purpose == "transactional" or self.step.channel not in CAPPED_CHANNELS:
            return ()
        within = self.policy.within
        back = Duration(months=-within.months, days=-within.days, seconds=-within.seconds)
        since = add(max(self.dated.due_at, self.now), back, self.step.tz)
        found = [Limit(touches=touches(since), messages=self.policy.messages)]
        if self.policy.household is not None and household is not None:
            found.append(Limit(touches=household(since), messages=self.policy.household, who="household"))
        return tuple(found)

    def goes_out(self, start: datetime, limits: Sequence[Limit] = ()) -> datetime | None:
        """The first instant from `start` on; window, quiet and caps are about when the customer has it."""
        tz = self.step.tz
        travels = Duration(days=self.policy.lead_days.get(self.step.channel, 0))
        arrives = first_allowed(
            add(start, travels, tz),
            limits=[
                Limit(touches=[add(touch, travels, tz) for touch in one.touches], messages=one.messages)
                for one in limits
            ],
            within=self.policy.within,
            window=self.step.plan.window,
            quiet=self.quiet,
            tz=tz,
        )
        return arrives and max(start, add(arrives, Duration(days=-travels.days), tz))

    def through(self, free: datetime, limits: Sequence[Limit], spending: Spending | None) -> Fate:
        """Its date behind the caps and budgets, from when it is free to go; or its end, if that is too late."""
        reasons: dict[str, str] = {}
        due = self.goes_out(free, limits) if limits else free
        if due != free:
            alone = [one for one in limits if self.goes_out(free, [one]) != free]
            reasons = {self._too_often(one): one.who for one in alone or limits}
        cost = self.policy.costs.get(self.step.channel, 0)
        while spending is not None and due is not None and due <= self.dated.valid_until:
            lack = spending.lack(channel=self.step.channel, rule=self.step.rule, cost=cost, due=due)
            if lack is None:
                break
            reasons[lack.text] = "budget"
            due = None if lack.until is None else self.goes_out(max(free, lack.until), limits)
        why, causes = "; ".join(reasons), tuple(dict.fromkeys(reasons.values()))
        if due is None or due > self.dated.valid_until:
            return Fate(state=State.CANCELLED, reason=why, deferred=True, causes=causes)
        return Fate(
            state=State.PLANNED,
            reason=f"later than planned: {why}" if why else "",
            due_at=due,
            valid_until=self.dated.valid_until,
            deferred=due > free,
            causes=causes,
        )

    def _too_often(self, limit: Limit) -> str:
        return f"the {limit.who} would hear from us more than {limit.messages} times within {self.policy.within}"
