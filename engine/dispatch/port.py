"""The port to the outside world: what dispatch hands to an adapter and what it gets back.

An adapter only translates. It gets a frozen `Message`, returns a `Receipt` or raises `DeliveryError`, and never touches
the store: what must be remembered travels back in the receipt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from engine.core.rate import Rate
from engine.core.records import LedgerPosting, PrintJob, ReferralInvite
from engine.errors import DeliveryError

Record = LedgerPosting | PrintJob | ReferralInvite
"""What an adapter may ask dispatch to store in the transaction that completes the action."""


class Idempotency(StrEnum):
    """What can be done when nobody knows whether a message went out."""

    KEY = "key"  # sending the same bytes again under the same key delivers once
    SEARCH = "search"  # the provider can be asked
    NONE = "none"  # only a person can say


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What an adapter declares about itself. Who says little is taken at the most careful."""

    channel: str  # email | note | reward | referral | task | console
    idempotency: Idempotency
    window: timedelta | None = None  # KEY: how long the provider remembers a key; None: for good
    lag: timedelta = timedelta(minutes=15)  # SEARCH: after how long what was sent can surely be found
    concurrency: int = 1  # calls that may be under way at once
    batch: int = 1  # messages in one call; above 1 it is `Batching`
    rate: Rate | None = None  # messages that all workers together may send; None: any number
    cancellable: bool = False  # what was accepted can still be taken back; then it is `Cancelling`
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


@runtime_checkable
class Searching(Protocol):
    """What an adapter that declares SEARCH can do besides."""

    async def find(self, message: Message) -> Receipt | None:
        """What the provider knows of a message that may have been sent: its receipt, or None when there is none.

        None, once `lag` has passed since the attempt, means that it surely was not sent. Raises DeliveryError when the
        provider cannot be asked now; sends nothing.
        """
        ...


@runtime_checkable
class Batching(Protocol):
    """What an adapter whose `batch` is above 1 can do besides."""

    async def send_many(self, key: str, messages: Sequence[Message]) -> Sequence[Receipt | DeliveryError]:
        """Deliver up to `batch` messages in one call under one key; one answer for each, in their order.

        Raises DeliveryError for what concerns the whole call. Where KEY is declared, the same key with the same
        messages again delivers nothing more.
        """
        ...


@runtime_checkable
class Cancelling(Protocol):
    """What an adapter that is `cancellable` can do besides."""

    async def cancel(self, message: Message, provider_ref: str) -> bool:
        """Take back what the provider has accepted; False when it is too late. Asking twice does no harm.

        Raises DeliveryError when nobody can say.
        """
        ...


def lacking(adapter: Adapter) -> str:
    """What an adapter declares and cannot do, in words, or empty: found when it is made, not when it is needed."""
    can = adapter.capability
    needs = (
        (can.idempotency is Idempotency.SEARCH, Searching, "declares SEARCH and has no find()"),
        (can.batch > 1, Batching, f"declares batches of {can.batch} and has no send_many()"),
        (can.cancellable, Cancelling, "declares that it is cancellable and has no cancel()"),
    )
    return next((words for declared, shape, words in needs if declared and not isinstance(adapter, shape)), "")
