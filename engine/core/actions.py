"""The states of an action, the moves between them, and the plan that a step carries with it (design §6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from engine.core.calendar import Duration, Window, parse_duration
from engine.core.facts import Event


class State(StrEnum):
    """Where an action stands. The comment says what is known in that state."""

    PLANNED = "planned"  # decided; due when `due_at` says, the content is not written yet
    HELD = "held"  # content frozen; waits for a person's approval
    READY = "ready"  # content frozen, key and sha256 set; may be claimed
    CLAIMED = "claimed"  # a worker has it under a lease; nothing was sent
    SUBMITTING = "submitting"  # the attempt row is committed; the provider may or may not have it
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
    State.PLANNED: frozenset((State.HELD, State.READY, State.REJECTED, *_DROPS)),
    State.HELD: frozenset((State.READY, *_DROPS)),
    State.READY: frozenset((State.CLAIMED, *_DROPS)),
    State.CLAIMED: frozenset((State.READY, State.SUBMITTING, *_DROPS)),
    State.SUBMITTING: frozenset((State.ACCEPTED, State.DELIVERED, State.RETRY_AT, State.REJECTED, State.UNKNOWN)),
    State.RETRY_AT: frozenset((State.CLAIMED, *_DROPS)),
    State.UNKNOWN: frozenset((State.READY, State.ACCEPTED, State.REJECTED, State.CANCELLED)),
    State.ACCEPTED: frozenset((State.DELIVERED, State.BOUNCED, State.COMPLAINED)),
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


def sources(state: State) -> frozenset[State]:
    """The states from which an action may move to that one."""
    return frozenset(before for before, moves in MOVES.items() if state in moves)


TOO_LATE = "its time had passed before it could go out"
"""Why an action expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a step of a rule asks of the rooms behind decide, pinned to the action when it was decided."""

    template: str = ""
    window: Window = field(default_factory=Window)
    valid_for: Duration = field(default_factory=lambda: Duration(days=7))
    approve: bool = False
    options: dict[str, Any] = field(default_factory=dict)  # what the channel needs, e.g. points = 50

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
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What ends a journey: an event of one of these kinds, not before the anchor.

    Where the event and the journey both carry a reference (a quote's number, say) it must be the same: one quote
    accepted leaves another open.
    """

    stop_on: tuple[str, ...]
    anchor_at: datetime
    reference: str = ""

    def comes_with(self, event: Event) -> bool:
        """Whether that event ends the journey."""
        if event.kind not in self.stop_on or event.occurred_at < self.anchor_at:
            return False
        named = str(event.payload.get("reference") or "")
        return not (named and self.reference) or named == self.reference
