"""The states of an action, the moves between them, and the plan that a step carries with it (design §6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from engine.core.calendar import Duration, Window, parse_duration
from engine.core.facts import Happening


class State(StrEnum):
    """Where an action stands. The comment says what is known in that state."""

    WAITING = "waiting"  # decided, if an event comes by `due_at`
    PLANNED = "planned"  # decided; due when `due_at` says, the content is not written yet
    HELD = "held"  # content frozen; waits for a person's approval, or for their word after a restore
    READY = "ready"  # content frozen, key and sha256 set; may go out when it is due
    SUBMITTING = "submitting"  # a worker has it under a lease, the attempt row is committed; it may have gone out
    ACCEPTED = "accepted"  # the provider has it, we have its receipt
    DELIVERED = "delivered"  # the customer has it
    BOUNCED = "bounced"  # the provider had it, the customer did not get it
    COMPLAINED = "complained"  # the customer called it unwanted
    RETRY_AT = "retry_at"  # surely not sent; will be tried again at `due_at`
    REJECTED = "rejected"  # cannot be sent: refused by us or by the provider, for good
    SUPPRESSED = "suppressed"  # not permitted (any more)
    EXPIRED = "expired"  # past `valid_until`
    CANCELLED = "cancelled"  # stopped by a person, a stop event or a cap
    UNKNOWN = "unknown"  # sent or not: nobody knows; a resolver or a person must say


_DROPS = (State.SUPPRESSED, State.EXPIRED, State.CANCELLED)
MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset((State.PLANNED, *_DROPS)),
    State.PLANNED: frozenset((State.HELD, State.READY, State.REJECTED, *_DROPS)),
    State.HELD: frozenset((State.READY, *_DROPS)),
    State.READY: frozenset((State.SUBMITTING, State.HELD, State.UNKNOWN, *_DROPS)),
    State.SUBMITTING: frozenset((State.ACCEPTED, State.DELIVERED, State.RETRY_AT, State.REJECTED, State.UNKNOWN)),
    State.RETRY_AT: frozenset((State.SUBMITTING, State.HELD, State.UNKNOWN, *_DROPS)),
    State.UNKNOWN: frozenset((State.READY, State.ACCEPTED, State.REJECTED, State.CANCELLED)),
    State.ACCEPTED: frozenset((State.DELIVERED, State.BOUNCED, State.COMPLAINED, State.CANCELLED)),  # taken back
    State.DELIVERED: frozenset((State.COMPLAINED,)),
    State.BOUNCED: frozenset(),
    State.COMPLAINED: frozenset(),
    State.REJECTED: frozenset(),
    State.SUPPRESSED: frozenset(),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
}
OPEN = frozenset(state for state, moves in MOVES.items() if moves >= frozenset(_DROPS))
"""States in which nothing is under way, so that the action may still be stopped."""
UNFINISHED = OPEN | {State.SUBMITTING, State.UNKNOWN}
"""States in which something is still to be done, or to be found out."""
FINISHED = frozenset(State) - UNFINISHED
"""States in which nothing is to be done any more; of some of them a provider may still have a word to say."""


def sources(state: State) -> frozenset[State]:
    """The states from which an action may move to that one."""
    return frozenset(before for before, moves in MOVES.items() if state in moves)


TOO_LATE = "its time had passed before it could go out"
"""Why an action expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What a step waits for: an event of that kind, at the latest `within` what started the rule.

    after: how long after the event the step is due. when: a condition (CEL) on the event, or empty; its text is kept,
    so that a journey goes on by the rule with which it began.
    """

    kind: str
    within: Duration
    after: Duration = field(default_factory=Duration)
    when: str = ""

    def __str__(self) -> str:
        return f"waits for {self.kind} within {self.within}"

    def to_json(self) -> dict[str, str]:
        """A dict of texts; `from_json` reads it back."""
        return {"kind": self.kind, "within": str(self.within), "after": str(self.after), "when": self.when}

    @classmethod
    def from_json(cls, data: dict[str, str]) -> Wait:
        """The wait that `to_json` wrote."""
        within, after = parse_duration(data["within"]), parse_duration(data["after"])
        return cls(kind=data["kind"], within=within, after=after, when=data["when"])


ASK, RESEND = "ask", "resend"
IF_UNKNOWN = (ASK, RESEND)
"""What a step may say of an action that is in doubt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a step of a rule asks of the rooms behind decide, pinned to the action when it was decided.

    unless: an event kind; if one came since the journey began, the step does not go out. if_unknown: what becomes of it
    when nobody knows whether it went out and its adapter cannot tell: `ASK` a person, or `RESEND` it, once.
    """

    template: str = ""
    window: Window = field(default_factory=Window)
    valid_for: Duration = field(default_factory=lambda: Duration(days=7))
    approve: bool = False
    options: dict[str, Any] = field(default_factory=dict)  # what the channel needs, e.g. points = 50
    unless: str = ""
    wait: Wait | None = None
    if_unknown: str = ASK

    def to_json(self) -> dict[str, Any]:
        """A dict of plain JSON types; `from_json` reads it back."""
        return {
            "template": self.template,
            "days": sorted(self.window.days),
            "from": self.window.start.isoformat(),
            "to": self.window.end.isoformat(),
            "valid_for": str(self.valid_for),
            "approve": self.approve,
            "options": self.options,
            **({"unless": self.unless} if self.unless else {}),
            **({"await": self.wait.to_json()} if self.wait else {}),
            **({"if_unknown": self.if_unknown} if self.if_unknown != ASK else {}),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """The plan that `to_json` wrote."""
        window = Window(
            days=frozenset(data["days"]), start=time.fromisoformat(data["from"]), end=time.fromisoformat(data["to"])
        )
        return cls(
            template=data["template"],
            window=window,
            valid_for=parse_duration(data["valid_for"]),
            approve=data["approve"],
            options=data["options"],
            unless=data.get("unless", ""),
            wait=Wait.from_json(data["await"]) if "await" in data else None,
            if_unknown=data.get("if_unknown", ASK),
        )


PURCHASE = "purchase"
"""What a rule calls a sale among the events that end a journey or keep a step back."""


def reference_of(event: Happening | None) -> str:
    """What an event says that it is about (a quote's number, say), if it says so."""
    return str(event.payload.get("reference") or "") if event else ""


def concerns(event: Happening, *, anchor_at: datetime, reference: str) -> bool:
    """Whether an event is about a journey: not before its anchor, and of the same reference.

    Only where both carry one (a quote's number, say): one quote accepted leaves another open. A purchase comes after
    the anchor: one of that very instant may be what began it.
    """
    if event.kind == PURCHASE and event.occurred_at == anchor_at:
        return False
    named = reference_of(event)
    return event.occurred_at >= anchor_at and (not (named and reference) or named == reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What ends a journey: an event of one of these kinds that concerns it.

    anchor_at: the journey's, or its beginning if that came before its date.
    """

    stop_on: tuple[str, ...]
    anchor_at: datetime
    reference: str = ""

    def comes_with(self, event: Happening) -> bool:
        """Whether that event ends the journey."""
        return event.kind in self.stop_on and concerns(event, anchor_at=self.anchor_at, reference=self.reference)
