"""When a newcomer's first purchase carries somebody's code, that is a conversion: both sides get an event.

It is undone when that purchase is given back whole, or when an older purchase comes to light. Rules do the rest (who
gets what, after which return window), so that every reward names the rule that granted it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.core.facts import Event

CONVERTED, JOINED, REVERSED = "referral.converted", "referral.joined", "referral.reversed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A transaction that carries a code."""

    txn: int
    customer: int
    code: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a claim is worth: the referrer's key, or why it does not count."""

    claim: Claim
    referrer: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A sale, or a refund below zero that may name the sale it reverses."""

    txn: int
    key: str
    reverses: str | None
    occurred_at: datetime
    amount_minor: int


def judge(claims: Iterable[Claim], owners: Mapping[str, int], first_purchases: Mapping[int, datetime]) -> list[Ruling]:
    """Which claims are conversions: the code was handed out, to somebody else, and this is the first purchase.

    Of two first purchases at the same instant, the one that was stored first counts.
    """
    rulings = []
    came: set[int] = set()
    for claim in sorted(claims, key=lambda claim: (claim.occurred_at, claim.txn)):
        owner = owners.get(claim.code)
        if owner is None:
            rulings.append(Ruling(claim=claim, referrer=None, reason=f"nobody was given the code {claim.code}"))
        elif owner == claim.customer:
            rulings.append(Ruling(claim=claim, referrer=None, reason="a customer's own code does not count"))
        elif claim.customer in came or first_purchases.get(claim.customer, claim.occurred_at) < claim.occurred_at:
            rulings.append(Ruling(claim=claim, referrer=None, reason="the customer had bought here before"))
        else:
            came.add(claim.customer)
            rulings.append(Ruling(claim=claim, referrer=owner))
    return rulings


def undone_at(txn: int, purchases: Sequence[Purchase], now: datetime) -> datetime | None:
    """When a conversion that rests on a purchase ceased to be one; None while it stands.

    purchases: all of the newcomer's. Refunds count that name the purchase; and those that name none, once everything
    that the newcomer ever paid was given back. The instant never lies before the purchase itself: what that began is
    stopped by it.
    """
    first = next(one for one in purchases if one.txn == txn)
    if any(one.amount_minor >= 0 and one.occurred_at < first.occurred_at for one in purchases):
        return max(now, first.occurred_at)
    refunds = [one for one in purchases if one.amount_minor < 0]
    named = [one for one in refunds if one.reverses == first.key]
    if -sum(one.amount_minor for one in named) >= first.amount_minor:
        return max(one.occurred_at for one in (*named, first))
    if sum(one.amount_minor for one in purchases) <= 0:
        return max(one.occurred_at for one in (*refunds, first))
    return None


def converted(code: str, referrer: int, newcomer: int, newcomer_ref: str, at: datetime) -> list[tuple[int, Event]]:
    """The two events of a conversion, by the customers' keys."""
    key = f"{code}:{newcomer_ref}"
    return [
        (referrer, _event(CONVERTED, f"converted:{key}", at, code)),
        (newcomer, _event(JOINED, f"joined:{key}", at, code)),
    ]


def reversed_(code: str, referrer: int, newcomer: int, newcomer_ref: str, at: datetime) -> list[tuple[int, Event]]:
    """The two events of a conversion that was undone."""
    key = f"{code}:{newcomer_ref}"
    return [
        (referrer, _event(REVERSED, f"reversed:{key}:referrer", at, code)),
        (newcomer, _event(REVERSED, f"reversed:{key}:newcomer", at, code)),
    ]


def _event(kind: str, key: str, at: datetime, code: str) -> Event:
    return Event(customer="", kind=kind, ext_key=key, occurred_at=at, payload={"code": code})
