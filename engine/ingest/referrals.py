"""When a newcomer's first purchase carries somebody's code, that is a conversion: both sides get an event.

Rules do the rest (who gets what, after which return window), so that every reward names the rule that granted it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def judge(claims: Iterable[Claim], owners: Mapping[str, int], first_purchases: Mapping[int, datetime]) -> list[Ruling]:
    """Which claims are conversions: the code was handed out, to somebody else, and this is the first purchase."""
    rulings = []
    for claim in sorted(claims, key=lambda claim: (claim.occurred_at, claim.txn)):
        owner = owners.get(claim.code)
        if owner is None:
            rulings.append(Ruling(claim=claim, referrer=None, reason=f"nobody was given the code {claim.code}"))
        elif owner == claim.customer:
            rulings.append(Ruling(claim=claim, referrer=None, reason="a customer's own code does not count"))
        elif first_purchases.get(claim.customer, claim.occurred_at) < claim.occurred_at:
            rulings.append(Ruling(claim=claim, referrer=None, reason="the customer had bought here before"))
        else:
            rulings.append(Ruling(claim=claim, referrer=owner))
    return rulings


def converted(code: str, referrer: int, newcomer: int, newcomer_ref: str, at: datetime) -> list[tuple[int, Event]]:
    """The two events of a conversion, by the customers' keys."""
    key = f"{code}:{newcomer_ref}"
    return [
        (referrer, _event(CONVERTED, f"converted:{key}", at, code)),
        (newcomer, _event(JOINED, f"joined:{key}", at, code)),
    ]


def reversed_(code: str, referrer: int, newcomer: int, newcomer_ref: str, at: datetime) -> list[tuple[int, Event]]:
    """The two events of a conversion whose purchase was given back."""
    key = f"{code}:{newcomer_ref}"
    return [
        (referrer, _event(REVERSED, f"reversed:{key}:referrer", at, code)),
        (newcomer, _event(REVERSED, f"reversed:{key}:newcomer", at, code)),
    ]


def _event(kind: str, key: str, at: datetime, code: str) -> Event:
    return Event(customer="", kind=kind, ext_key=key, occurred_at=at, payload={"code": code})
