"""Who is deliberately left alone, so that what a rule brings can be measured: a lot drawn by a keyed hash."""

from __future__ import annotations

from engine.core.keys import fraction


def held_out(key: str, rule: str, customer: str, share: float) -> bool:
    """Whether this customer is in the rule's holdout: always the same answer, for about `share` of all customers.

    key: the workspace's key, so that two shops do not leave out the same people.
    """
    return fraction(key, "holdout", rule, customer) < share
