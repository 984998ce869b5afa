"""What is known of a provider that fails: the record that all workers share (the policy is in dispatch/breaker)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """One adapter's breaker; a new one is closed.

    failures: in a row, all of them the provider's fault. open_until: nothing is sent before, None while it is closed.
    trips: how often it opened without a success in between. probing: one message is under way to see whether the
    provider is back. reason: what the last failure said.
    """

    failures: int = 0
    open_until: datetime | None = None
    trips: int = 0
    probing: bool = False
    reason: str = ""
