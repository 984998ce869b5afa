"""The event kinds that Premura knows, with the fields of their payload; the configuration may add kinds and fields.

Amounts are in whole units of the shop's currency (812.50, not 81250). Every field may be missing from an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core.actions import PURCHASE
from engine.core.condition import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What an event of this kind says, and which fields it may carry."""

    name: str
    meaning: str
    payload: Mapping[str, Type] = field(default_factory=dict)


def _kind(name: str, meaning: str, **payload: Type) -> Kind:
    return Kind(name=name, meaning=meaning, payload=payload)


_MONEY, _TEXT = Type.DOUBLE, Type.STRING
SALE = _kind(PURCHASE, "the customer bought something", amount=_MONEY)
"""No event, but what a step may wait for as if it were one."""
KINDS: tuple[Kind, ...] = (
    _kind("quote.sent", "a quote went out to the customer", amount=_MONEY, what=_TEXT, reference=_TEXT),
    _kind("quote.accepted", "the customer said yes to a quote", amount=_MONEY, what=_TEXT, reference=_TEXT),
    _kind("quote.declined", "the customer said no to a quote", reason=_TEXT, reference=_TEXT),
    _kind(
        "contract.signed",
        "the customer signed a contract, such as one for maintenance; `ends_on` is its last day",
        amount=_MONEY,
        what=_TEXT,
        ends_on=Type.TIMESTAMP,
    ),
    _kind(
        "service_call.completed",
        "somebody was at the customer's and finished the work",
        amount=_MONEY,
        what=_TEXT,
        technician=_TEXT,
    ),
    _kind("service_call.booked", "a visit was agreed on, for a day", what=_TEXT, planned_on=Type.TIMESTAMP),
    _kind("service_call.reworked", "somebody had to come back to put it right", what=_TEXT, technician=_TEXT),
    _kind(
        "delivery.promised",
        "the customer was told on which day the goods come",
        what=_TEXT,
        reference=_TEXT,
        promised_on=Type.TIMESTAMP,
    ),
    _kind("delivery.completed", "the goods reached the customer", amount=_MONEY, what=_TEXT, reference=_TEXT),
    _kind("return.opened", "the customer wants to give something back", what=_TEXT, reference=_TEXT),
    _kind("refund.completed", "money went back to the customer", amount=_MONEY, what=_TEXT, reference=_TEXT),
    _kind("complaint.opened", "the customer complained", what=_TEXT, reference=_TEXT),
    _kind("complaint.resolved", "a complaint was settled", what=_TEXT, reference=_TEXT),
    _kind("review.received", "the customer rated the shop, from 1 (poor) to 5", rating=Type.INT, text=_TEXT),
    _kind("csat.answered", "the customer told you alone how it went, from 1 (badly) to 5", rating=Type.INT, text=_TEXT),
    _kind(
        "points.expiring",
        "points on the customer's account expire; `expires_on` is their last day",
        points=Type.INT,
        expires_on=Type.TIMESTAMP,
    ),
    _kind("points.redeemed", "the customer used points", points=Type.INT),
    _kind("referral.converted", "a friend's first purchase came with this customer's code", code=_TEXT),
    _kind("referral.joined", "this customer's first purchase came with a friend's code", code=_TEXT),
    _kind("referral.reversed", "that first purchase was undone; both sides get this event", code=_TEXT),
)
