"""The frozen content of an action, one shape per channel: written once by render, translated by an adapter.

They are stored as JSON with a sha256, so that a second attempt sends the same bytes as the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from engine.core.facts import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    def to_json(self) -> dict[str, Any]:
        """A dict of plain JSON types; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The content that `to_json` wrote."""
        return cls(**data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Email(_Body):
    """One mail to one person. Addresses are plain (``a@b.it``); `date` is RFC 5322; `message_id` has its brackets."""

    sender_name: str
    sender_address: str
    to_name: str
    to_address: str
    subject: str
    text: str
    html: str
    message_id: str
    date: str
    reply_to: str = ""
    headers: dict[str, str] = field(default_factory=dict)  # List-Unsubscribe and the like


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(_Body):
    """One handwritten card with its envelope. `seed` makes the hand; paragraphs of `text` are separated by newlines."""

    text: str
    signature: str
    seed: str
    recipient: str
    address: Address
    sender: str
    sender_address: Address
    locale: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The content that `to_json` wrote."""
        places = {name: Address(**data[name]) for name in ("address", "sender_address")}
        return cls(**{**data, **places})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward(_Body):
    """Something of value put to a customer's account: `amount` of `unit` (``points`` or minor units of a currency)."""

    amount: int
    unit: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite(_Body):
    """A code for a customer to share, and the link that carries it."""

    code: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(_Body):
    """Work for one of the shop's own people: what to do for which customer, why, and until when it makes sense.

    `customer` is a name, `reference` the shop's own number of them; `why` the title of the rule; `until` an instant in
    ISO 8601. The last four are what a mail needs besides.
    """

    title: str
    text: str
    customer: str
    reference: str
    why: str
    until: str
    sender_name: str
    sender_address: str
    message_id: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain(_Body):
    """A few lines of text for a screen."""

    title: str
    text: str
