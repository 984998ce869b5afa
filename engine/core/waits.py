"""A step that waits for an event, between the store that finds the event and the rule that says what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.actions import State, Wait
from engine.core.facts import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A waiting action (by its key) with the event that it waited for, which has come."""

    action: int
    customer: int
    purpose: str
    channel: str
    wait: Wait
    facts: Mapping[str, Any]
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of it: planned from an instant on, with what the message may say; or ended, for a reason."""

    action: int
    state: State
    reason: str
    not_before: datetime | None = None
    facts: Mapping[str, Any] | None = None
