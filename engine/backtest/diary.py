"""What would have come to one customer: steps dated, capped, stopped, permitted, in the order in which things happened.

Schedule's own policies date each step. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from engine.backtest.outcome import End, Outcome
from engine.core.actions import Ending, State, reference_of
from engine.core.calendar import add, local_date
from engine.core.facts import Event
from engine.core.permission import refusal
from engine.decide.answered import Answered, Came, Stand
from engine.decide.dates import has_moved
from engine.decide.past import Life
from engine.decide.rule import Rule, Step
from engine.schedule import dating
from engine.schedule.budgets import Spending
from engine.schedule.caps import CAPPED_CHANNELS


@dataclass(slots=True, kw_only=True, eq=False)
class _Open:
    """A step that has not gone out yet: dated, or one that waits until `due` at the latest."""

    answered: Answered
    step: Step
    due: datetime
    ending: Ending
    deferred: bool = False
    waits: bool = False

    def goes_with(self, event: Event) -> bool:
        """Whether an event keeps it back: one that stops the journey, or that its step goes out without."""
        unless = "" if self.waits else self.step.plan.unless
        return replace(self.ending, stop_on=(*self.ending.stop_on, unless)).comes_with(event)


def instant(turn: Event | Stand) -> datetime:
    """When something happened that may stop a step."""
    return turn.at if isinstance(turn, Stand) else turn.occurred_at


@dataclass(slots=True, kw_only=True)
class Diary:
    """What came to one customer. turns: what may stop a step, oldest first: their events, and how a date that moved
    stood; heard: from other rules; spending: of the shop, for all customers together."""

    rule: Rule
    life: Life
    policy: dating.Policy
    spending: Spending
    turns: Sequence[Event | Stand] = ()
    heard: Sequence[datetime] = ()
    found: list[Outcome] = field(default_factory=list)
    _turned: int = 0
    _open: list[_Open] = field(default_factory=list)
    _sent: list[datetime] = field(default_factory=list)

    def until(self, at: datetime) -> None:
        """Let everything happen up to an instant that does not need the rule: stop events, moved dates, what is due."""
        for what in self._happens(at):
            if isinstance(what, Stand):
                self._move(what)
            else:
                self._stop(what)
        self._settle([one for one in self._open if one.due <= at and not one.waits])

    def begin(self, act: Answered, household: dating.Touches | None) -> None:
        """Date the steps of an answer; `until` has been there before."""
        anchor, reference = act.why.anchor, reference_of(act.why.event)
        ending = Ending(stop_on=self.rule.stop_on, anchor_at=min(anchor, act.at), reference=reference)
        steps = [(add(anchor, step.after, self.life.time_zone), step) for step in act.verdict.steps]
        for not_before, step in sorted(steps, key=lambda pair: pair[0]):
            if step.plan.wait is not None:
                until = add(anchor, step.plan.wait.within, self.life.time_zone)
                self._open.append(_Open(answered=act, step=step, due=until, ending=ending, waits=True))
            else:
                self._date(_Open(answered=act, step=step, due=not_before, ending=ending), act.at, household)
            self._look_back()

    def go_on(self, came: Came, household: dating.Touches | None) -> None:
        """Date a step whose event has come, if it still waits; `until` has been there before."""
        one = next((o for o in self._open if o.answered is came.answered and o.step is came.step and o.waits), None)
        if one is None:
            return
        self._open.remove(one)
        found = came.settled
        if found.not_before is None:
            end = End.PERMISSION if found.state is State.SUPPRESSED else End.IN_VAIN
            self._note(one, end, came.at, found.reason)
        else:
            self._date(replace(one, due=found.not_before, waits=False), came.at, household)
            self._look_back()

    def touches(self, since: datetime) -> list[datetime]:
        """When the customer heard and will hear from the shop."""
        dated = [one.due for one in self._open if self._is_capped(one.step) and not one.waits]
        return sorted(touch for touch in (*self.heard, *self._sent, *dated) if touch >= since)

    def finish(self, at: datetime) -> list[Outcome]:
        """All that came of it up to an instant, and what is due later."""
        self.until(at)
        self._give_up(at)
        for one in self._open:
            self._note(one, End.WAITING if one.waits else End.COMING, one.due)
        self._open = []
        return self.found

    def _happens(self, until: datetime) -> Iterator[Event | Stand]:
        """What stops steps up to an instant, in order; what was due before has gone out."""
        while self._turned < len(self.turns) and (at := instant(self.turns[self._turned])) <= until:
            self._settle([one for one in self._open if one.due < at and not one.waits])
            self._give_up(at)
            self._turned += 1
            yield self.turns[self._turned - 1]

    def _settle(self, due: list[_Open]) -> None:
        """Send what is due; permission is asked again, as it is right before anything goes out."""
        self._open = [one for one in self._open if one not in due]
        for one in sorted(due, key=lambda one: one.due):
            why = refusal(self.life.standing(one.due), purpose=self.rule.purpose, channel=one.step.channel)
            if why:
                self._spend(one, -1)
            elif self._is_capped(one.step):
                self._sent.append(one.due)
            self._note(one, End.PERMISSION if why else End.SENT, one.due, why or "")

    def _give_up(self, at: datetime) -> None:
        """What has waited long enough waits no more."""
        late = [one for one in self._open if one.waits and one.due < at]
        self._open = [one for one in self._open if one not in late]
        for one in late:
            if (wait := one.step.plan.wait) is not None:
                self._note(one, End.IN_VAIN, one.due, f"no {wait.kind} came within {wait.within}")

    def _look_back(self) -> None:
        """What happened before a step was dated may concern it too."""
        for earlier in self.turns[: self._turned]:
            if not isinstance(earlier, Stand):
                self._stop(earlier)

    def _stop(self, event: Event) -> None:
        day = local_date(event.occurred_at, self.policy.time_zone).isoformat()
        self._end([one for one in self._open if one.goes_with(event)], f"{event.kind} on {day}")

    def _move(self, stand: Stand) -> None:
        """A date stands otherwise: what began for a day that is not meant any more has become pointless."""
        on = self.rule.trigger.date
        for one in list(self._open) if on is not None else ():
            day = date.fromisoformat(one.answered.why.occurrence)
            reason = has_moved(on, stand.origin, day, stand.today) if on is not None else None
            if reason:
                self._end([one], reason)

    def _end(self, ended: list[_Open], reason: str) -> None:
        self._open = [one for one in self._open if one not in ended]
        for one in ended:
            if not one.waits:
                self._spend(one, -1)
            self._note(one, End.STOPPED, one.due, reason)

    def _date(self, one: _Open, now: datetime, household: dating.Touches | None) -> None:
        """Give a step its date, or its end."""
        wish = dating.Step(
            plan=one.step.plan,
            purpose=self.rule.purpose,
            channel=one.step.channel,
            not_before=one.due,
            address=self.life.facts.address,
            tz=self.life.time_zone,
            rule=self.rule.id,
        )
        fate = dating.fate(
            wish, self.policy, now=now, touches=self.touches, household=household, spending=self.spending
        )
        if fate.due_at is not None:
            one.due, one.deferred = max(fate.due_at, now), fate.deferred
            self._open.append(one)
            self._spend(one, 1)
        else:
            crowded = fate.state is State.CANCELLED and fate.deferred
            end = End.LATE if not crowded else End.BUDGET if fate.causes == ("budget",) else End.CAP
            self._note(one, end, one.due, fate.reason)

    def _spend(self, one: _Open, times: int) -> None:
        cost = self.policy.costs.get(one.step.channel, 0)
        self.spending.add(channel=one.step.channel, rule=self.rule.id, cost=times * cost, due=one.due)

    def _is_capped(self, step: Step) -> bool:
        return self.rule.purpose != "transactional" and step.channel in CAPPED_CHANNELS

    def _note(self, one: _Open, end: End, at: datetime, reason: str = "") -> None:
        found = Outcome(
            customer=self.life.id,
            decided_at=one.answered.at,
            occurrence=one.answered.why.occurrence,
            end=end,
            at=at,
            step=one.step.id,
            channel=one.step.channel,
            reason=reason,
            deferred=one.deferred,
            cost_micro=self.policy.costs.get(one.step.channel, 0) if end is End.SENT else 0,
        )
        self.found.append(found)
