"""What is asked again of an action right before it goes out: a pure policy over what is known at that moment.

It was permitted, and inside every cap and window, when it was decided and dated; since then a customer may have
complained, bought, said no, or heard from us by another rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.core.actions import TOO_LATE, Ending, Plan, State, concerns
from engine.core.calendar import local_date
from engine.core.facts import Event
from engine.core.permission import INTERNAL_CHANNELS, SILENT_CHANNELS, Standing
from engine.core.permission import refusal as not_permitted
from engine.core.quiet import Quiet
from engine.dispatch.waiting import Cap, opens

_UNHEARD = SILENT_CHANNELS | INTERNAL_CHANNELS


class Asked(Protocol):
    """Of an action: what it is, when it still makes sense, and what ends it."""

    @property
    def channel(self) -> str:
        """How it speaks to the customer."""

    @property
    def purpose(self) -> str:
        """What for."""

    @property
    def plan(self) -> Plan:
        """What the rule said of the step."""

    @property
    def valid_until(self) -> datetime | None:
        """After that it must not go."""

    @property
    def ending(self) -> Ending:
        """What ends its journey."""


@dataclass(slots=True, kw_only=True)
class Situation:
    """Of its customer, now: what was said and heard, and which events came besides the one that triggered it.

    home: when anybody of the household heard from us. Nobody changes it; to say so costs four times as much, and there
    is one for every action.
    """

    standing: Standing
    happened: Sequence[Event]
    heard: Sequence[datetime]
    home: Sequence[datetime]
    quiet: Quiet
    tz: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why it may not go: it ends in a `state`, or waits `until` an instant; with `stops` its whole journey ends."""

    why: str = ""
    state: State | None = None
    until: datetime | None = None
    stops: bool = False


def refusal(asked: Asked, situation: Situation, cap: Cap, now: datetime) -> Refusal | None:
    """Validity, stop events, permission, cap and window, in this order; None when it may go."""
    if asked.valid_until is not None and asked.valid_until < now:
        return Refusal(state=State.EXPIRED, why=TOO_LATE)
    if (over := _over(asked, situation)) is not None:
        return over
    why = not_permitted(situation.standing, purpose=asked.purpose, channel=asked.channel)
    if why is not None:
        return Refusal(state=State.SUPPRESSED, why=why)
    until = _allowed_from(asked, situation, cap, now)
    return Refusal(until=until) if until > now else None


def counts_for_caps(channel: str, purpose: str) -> bool:
    """Whether the customer hears from us by it, and not because of something that they are owed."""
    return purpose != "transactional" and channel not in _UNHEARD


def _over(asked: Asked, situation: Situation) -> Refusal | None:
    """Whether something has happened since that ends the journey, or this step of it."""
    ending = asked.ending
    for event in situation.happened:
        if ending.comes_with(event):
            day = local_date(event.occurred_at, situation.tz)
            return Refusal(state=State.CANCELLED, why=f"{event.kind} on {day}", stops=True)
    for event in situation.happened:
        if event.kind == asked.plan.unless and concerns(event, anchor_at=ending.anchor_at, reference=ending.reference):
            day = local_date(event.occurred_at, situation.tz)
            return Refusal(state=State.CANCELLED, why=f"{event.kind} came on {day}")
    return None


def _allowed_from(asked: Asked, situation: Situation, cap: Cap, now: datetime) -> datetime:
    """When cap, window and quiet let it go."""
    tz, free = situation.tz, now
    if counts_for_caps(asked.channel, asked.purpose):
        since = cap.since(now, tz)
        free = cap.allows_from([at for at in situation.heard if at > since], now, tz)
        free = max(free, cap.home_allows_from([at for at in situation.home if at > since], now, tz))
    return opens(asked.channel, asked.plan.window, situation.quiet, free, tz)
