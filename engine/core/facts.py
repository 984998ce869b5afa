"""The facts that rooms exchange through the store; names are those of the glossary (design §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; country is ISO 3166-1 alpha-2, region the province or state code where the country has one."""

    street: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody who buys, or may. `ref` is the shop's own key, `household` its key of those who live together."""

    ref: str
    household: str = ""
    given_name: str = ""
    family_name: str = ""
    company: str = ""
    email: str = ""
    phone: str = ""
    address: Address = field(default_factory=Address)
    locale: str = ""
    time_zone: str = ""
    birthday: date | None = None
    first_contact_on: date | None = None
    source: str = ""
    acquisition_cost_minor: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def takes_post(self) -> bool:
        """Whether there is a name, a street and a town to send a card to."""
        return bool(self.address.street and self.address.city and self.name)

    @property
    def name(self) -> str:
        """The name as one writes it on an envelope: person, else company."""
        return " ".join(part for part in (self.given_name, self.family_name) if part) or self.company


class Reachable(Protocol):
    """What tells whether and how a customer is reached, and for whom lots are drawn."""

    @property
    def ref(self) -> str: ...
    @property
    def household(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def takes_post(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A sale, or a refund with a negative amount that may name the sale it reverses. Never changed once stored."""

    customer: str
    ext_key: str
    occurred_at: datetime
    amount_minor: int
    currency: str
    cost_minor: int | None = None
    reverses: str | None = None
    referral_code: str = ""
    lines: tuple[Mapping[str, Any], ...] = ()

    @property
    def kind(self) -> str:
        """``sale`` or ``refund``, by the sign."""
        return "refund" if self.amount_minor < 0 else "sale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a customer, such as ``quote.sent``; payload holds plain JSON values."""

    customer: str
    kind: str
    ext_key: str
    occurred_at: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)


class Happening(Protocol):
    """What rules read of an event; the store has something quicker to make than an `Event`."""

    @property
    def kind(self) -> str: ...
    @property
    def ext_key(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def payload(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """A customer's yes or no for a purpose and a channel (each may be ``any``), as it was given."""

    customer: str
    purpose: str
    channel: str
    given: bool
    at: datetime
    source: str = ""
    wording: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a customer is worth, as of `scored_at`.

    frequency: repeat purchase days; recency, T: in `time_unit`s (age at the last purchase, age now); monetary: mean
    repeat-day spend; p_alive: 0..1; expected_purchases, clv_minor: over the horizon; percentile: 0..1, 1 is the best;
    clv_low_minor, clv_high_minor: the interval around clv_minor, None where none was made.
    """

    customer: str
    frequency: int
    recency: float
    T: float
    monetary_minor: int | None
    p_alive: float | None
    expected_purchases: float | None
    expected_spend_minor: int | None
    clv_minor: int | None
    percentile: float | None
    tier: str
    days_since_purchase: int
    clv_low_minor: int | None = None
    clv_high_minor: int | None = None
