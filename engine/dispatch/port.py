"""The port to the outside world: what dispatch hands to an adapter and what it gets back.

An adapter only translates. It gets a frozen `Message`, returns a `Receipt` or raises `DeliveryError`, and never touches
the store: what must be remembered travels back in the receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from engine.core.records import LedgerPosting, PrintJob, ReferralInvite

Record = LedgerPosting | PrintJob | ReferralInvite
"""What an adapter may ask dispatch to store in the transaction that completes the action."""


class Idempotency(StrEnum):
    """What can be done when nobody knows whether a message went out."""

    KEY = "key"  # sending the same bytes again under the same key delivers once
    SEARCH = "search"  # the provider can be asked
    NONE = "none"  # only a person can say


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What an adapter declares about itself."""

    channel: str  # email | note | reward | referral | task | console
    idempotency: Idempotency
    concurrency: int = 1  # sends that may be under way at once
    lead_days: int = 0  # days between our sending and the customer's having it (paper)
    unit_cost_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A frozen action on its way out: `body` is a class of core/messages as JSON, `key` the idempotency key."""

    action: str  # public id
    key: str
    customer: str  # the shop's own reference
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The provider has it. `delivered` is True when nothing more will be heard of it (a file, a ledger entry)."""

    provider_ref: str
    delivered: bool = False
    detail: str = ""
    records: tuple[Record, ...] = ()


class Adapter(Protocol):
    """Code for one provider of one channel."""

    @property
    def capability(self) -> Capability:
        """What this adapter can and cannot do; constant over its life."""
        ...

    def check(self, message: Message) -> None:
        """Refuse, before it is queued, what can never be sent.

        Raises DeliveryError(permanent=True) that names what is wrong; does no I/O.
        """
        ...

    async def send(self, message: Message) -> Receipt:
        """Deliver it, or raise DeliveryError. Where KEY is declared, the same message again delivers nothing more."""
        ...

    async def close(self) -> None:
        """Let go of connections; the adapter may be used again afterwards."""
        ...
