"""Purchases as rules see them: what one says, and when the next is to be expected. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from engine.core.actions import PURCHASE
from engine.core.facts import Event
from engine.core.money import exponent

LEAST = 3
"""Purchase days below which there is no habit to go by: two gaps are the fewest that may agree."""


def next_purchase(days: Sequence[int]) -> date | None:
    """The day on which the next order is to be expected: the last purchase day plus the median gap between them.

    days: the customer's days with a sale, in order, each once, as date.toordinal. Between two middle gaps lies their
    mean; half days are rounded up. None below `LEAST` days. No model is asked: a single long pause moves the median
    little, and whoever knows the customer's orders can reckon it by hand.
    """
    if len(days) < LEAST:
        return None
    gaps = sorted(later - earlier for earlier, later in pairwise(days))
    middle = len(gaps) // 2
    twice = 2 * gaps[middle] if len(gaps) % 2 else gaps[middle - 1] + gaps[middle]
    try:
        return date.fromordinal(days[-1]) + timedelta(days=(twice + 1) // 2)
    except OverflowError:
        return None


def in_words(event: Event, currency: str) -> Event:
    """A sale as conditions and messages may speak of it: with its amount, if it was paid in the shop's currency.

    event: of a sale with its `amount_minor` and `currency`, or any other, which stays as it is.
    """
    if event.kind != PURCHASE:
        return event
    ours = event.payload.get("currency") == currency
    return replace(event, payload={"amount": event.payload["amount_minor"] / 10 ** exponent(currency)} if ours else {})
