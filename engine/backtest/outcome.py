"""What would have become of the steps that a rule decided in the past: dated, capped, stopped, permitted. Pure.

Schedule's own policies date each step; here is only the order in which things came to a customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from engine.core.actions import Ending, State
from engine.core.calendar import add, local_date
from engine.core.facts import Event
from engine.core.permission import refusal
from engine.decide.past import Life
from engine.decide.replay import Answered
from engine.decide.rule import Rule, Step
from engine.schedule import dating
from engine.schedule.budgets import Spending
from engine.schedule.caps import CAPPED_CHANNELS


class End(StrEnum):
    """What became of a step, or of an occasion on which the rule did nothing."""

    SENT = "sent"
    COMING = "coming"  # due after the period
    STOPPED = "stopped"  # by an event
    PERMISSION = "permission"  # no consent, a suppression, an open complaint, no address
    CAP = "cap"  # of the customer or the household
    BUDGET = "budget"
    LATE = "late"  # past its time, or its window never opens
    HOLDOUT = "holdout"
    AGAIN = "again_after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One step and what became of it; without a step, an occasion on which nothing was done.

    at: when it went out, or would have; deferred: later than it would have been without caps and
    budgets. cost_micro: of what went out, in millionths of a unit of the currency.
    """

    customer: int
    decided_at: datetime
    occurrence: str
    end: End
    at: datetime
    step: str = ""
    channel: str = ""
    reason: str = ""
    deferred: bool = False
    cost_micro: int = 0


@dataclass(slots=True, kw_only=True)
class _Open:
    """A dated step that has not gone out yet."""

    answered: Answered
    step: Step
    due: datetime
    deferred: bool
    ending: Ending

    def goes_with(self, event: Event) -> bool:
        """Whether an event keeps it back: one that stops the journey, or that its step goes out without."""
        kept_back = replace(self.ending, stop_on=(*self.ending.stop_on, self.step.plan.unless))
        return kept_back.comes_with(event)


@dataclass(slots=True, kw_only=True)
class Diary:
    """What came to one customer. stops: their events that may end a journey, oldest first; heard: from other rules;
    spending: of the shop, for all customers together."""

    rule: Rule
    life: Life
    policy: dating.Policy
    spending: Spending
    stops: Sequence[Event] = ()
    heard: Sequence[datetime] = ()
    found: list[Outcome] = field(default_factory=list)
    _stopped: int = 0
    _open: list[_Open] = field(default_factory=list)
    _sent: list[datetime] = field(default_factory=list)

    def until(self, at: datetime) -> None:
        """Let everything happen up to an instant that does not need the rule: stop events, and what is due."""
        while self._stopped < len(self.stops) and self.stops[self._stopped].occurred_at <= at:
            self._stop(self.stops[self._stopped])
            self._stopped += 1
        self._settle(at)

    def begin(self, act: Answered, household: dating.Touches | None) -> None:
        """Date the steps of an answer; `until` has been there before."""
        event, anchor = act.why.event, act.why.anchor
        reference = str(event.payload.get("reference") or "") if event else ""
        ending = Ending(stop_on=self.rule.stop_on, anchor_at=min(anchor, act.at), reference=reference)
        steps = [(add(anchor, step.after, self.life.time_zone), step) for step in act.verdict.steps]
        for not_before, step in sorted(steps, key=lambda pair: pair[0]):
            fate = self._fate(step, not_before, act.at, household)
            if fate.due_at is not None:
                due = max(fate.due_at, act.at)
                self._open.append(_Open(answered=act, step=step, due=due, deferred=fate.deferred, ending=ending))
                self._spend(step, due, 1)
                for earlier in self.stops[: self._stopped]:
                    self._end(earlier)
            else:
                crowded = fate.state is State.CANCELLED and fate.deferred
                end = End.LATE if not crowded else End.BUDGET if fate.causes == ("budget",) else End.CAP
                self._note(act, step, end, not_before, fate.reason)

    def touches(self, since: datetime) -> list[datetime]:
        """When the customer heard and will hear from the shop."""
        dated = [one.due for one in self._open if self._is_capped(one.step)]
        return sorted(touch for touch in (*self.heard, *self._sent, *dated) if touch >= since)

    def finish(self, at: datetime) -> list[Outcome]:
        """All that came of it up to an instant, and what is due later."""
        self.until(at)
        for one in self._open:
            self._note(one.answered, one.step, End.COMING, one.due, deferred=one.deferred)
        self._open = []
        return self.found

    def _settle(self, until: datetime) -> None:
        """Send what is due; permission is asked again, as it is right before anything goes out."""
        due = [one for one in self._open if one.due <= until]
        self._open = [one for one in self._open if one.due > until]
        for one in sorted(due, key=lambda one: one.due):
            why = refusal(self.life.standing(one.due), purpose=self.rule.purpose, channel=one.step.channel)
            if why:
                self._spend(one.step, one.due, -1)
            elif self._is_capped(one.step):
                self._sent.append(one.due)
            end = End.PERMISSION if why else End.SENT
            self._note(one.answered, one.step, end, one.due, why or "", deferred=one.deferred)

    def _stop(self, event: Event) -> None:
        self._settle(event.occurred_at)
        self._end(event)

    def _end(self, event: Event) -> None:
        ended = [one for one in self._open if one.goes_with(event)]
        self._open = [one for one in self._open if one not in ended]
        day = local_date(event.occurred_at, self.policy.time_zone).isoformat()
        for one in ended:
            self._spend(one.step, one.due, -1)
            self._note(one.answered, one.step, End.STOPPED, one.due, f"{event.kind} on {day}")

    def _fate(
        self, step: Step, not_before: datetime, now: datetime, household: dating.Touches | None
    ) -> dating.Fate:  # fmt: skip
        wish = dating.Step(
            plan=step.plan,
            purpose=self.rule.purpose,
            channel=step.channel,
            not_before=not_before,
            address=self.life.facts.address,
            tz=self.life.time_zone,
            rule=self.rule.id,
        )
        return dating.fate(
            wish, self.policy, now=now, touches=self.touches, household=household, spending=self.spending
        )

    def _spend(self, step: Step, due: datetime, times: int) -> None:
        cost = self.policy.costs.get(step.channel, 0)
        self.spending.add(channel=step.channel, rule=self.rule.id, cost=times * cost, due=due)

    def _is_capped(self, step: Step) -> bool:
        return self.rule.purpose != "transactional" and step.channel in CAPPED_CHANNELS

    def _note(
        self, act: Answered, step: Step, end: End, at: datetime, reason: str = "", *, deferred: bool = False
    ) -> None:
        found = Outcome(
            customer=self.life.id,
            decided_at=act.at,
            occurrence=act.why.occurrence,
            end=end,
            at=at,
            step=step.id,
            channel=step.channel,
            reason=reason,
            deferred=deferred,
            cost_micro=self.policy.costs.get(step.channel, 0) if end is End.SENT else 0,
        )
        self.found.append(found)
