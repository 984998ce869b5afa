"""May we write to this customer, for this purpose, on this channel? Asked in decide and again in dispatch.

The newest consent record that covers purpose and channel decides; of several at the same instant the one that says more
exactly what it covers, and in the end the "no". With none, the answer is no. Transactional words need no consent, but
no purpose passes a suppression of the address. While a complaint of theirs is open, customers hear from us only what is
transactional.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

PURPOSES = ("transactional", "relationship", "marketing")
ANY = "any"
SILENT_CHANNELS = frozenset(("reward", "referral"))
"""Channels that put something in the customer's favour but write nothing: one "yes" on any channel is enough."""
INTERNAL_CHANNELS = frozenset(("task", "console"))
"""Channels that only the shop's own people see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One record of the append-only consent log; purpose and channel may be ``any``."""

    purpose: str
    channel: str
    given: bool
    at: datetime
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """A reason never to write to an address on a channel (``any`` for all)."""

    channel: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that is known about whether a customer may be written to."""

    consents: tuple[Consent, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    open_complaint: bool = False


def needs_consent(channel: str, purpose: str) -> bool:
    """Whether customers must have said yes, and be content: not to what they are owed, nor where nobody hears it."""
    return purpose != "transactional" and channel not in INTERNAL_CHANNELS


def refusal(standing: Standing, *, purpose: str, channel: str) -> str | None:
    """Why the customer may not be written to, or None when it is permitted."""
    if channel in INTERNAL_CHANNELS:
        return None
    for suppression in standing.suppressions:
        if suppression.channel in (channel, ANY):
            return f"the address is suppressed ({suppression.reason})"
    if not needs_consent(channel, purpose):
        return None
    if standing.open_complaint:
        return "a complaint is open"
    if channel in SILENT_CHANNELS:
        asked = {record.channel for record in standing.consents}
        said = (_deciding(standing, purpose, each) for each in asked)
        return None if any(record is not None and record.given for record in said) else f"no consent for {purpose}"
    latest = _deciding(standing, purpose, channel)
    if latest is None:
        return f"no consent for {purpose} by {channel}"
    if latest.given:
        return None
    return f"consent for {purpose} by {channel} was withdrawn on {latest.at.date().isoformat()}"


def _deciding(standing: Standing, purpose: str, channel: str) -> Consent | None:
    """The consent record that decides for a purpose and a channel."""
    covering = [
        record for record in standing.consents if record.purpose in (purpose, ANY) and record.channel in (channel, ANY)
    ]
    return max(covering, key=_weight, default=None)


def _weight(record: Consent) -> tuple[datetime, int, bool]:
    return record.at, (record.purpose != ANY) + (record.channel != ANY), not record.given
