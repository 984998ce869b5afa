"""Who is deliberately left alone, so that what care brings can be measured, and whom to compare them with: by lot.

The lot is a keyed hash: the same answer every time, and other people for another rule or shop. Who live together are
drawn together, because whoever opens the card at home, all have seen it.
"""

from __future__ import annotations

from engine.core.arms import Arm
from engine.core.facts import Reachable
from engine.core.keys import lots


def rule_arm(key: str, rule: str, customer: Reachable, share: float) -> Arm:
    """Where this customer stands in a rule's measurement: HOLDOUT and COMPARISON for about `share` each, or TREATED.

    key: the workspace's key, so that two shops do not leave out the same people. share: 0 to 1; above a half there are
    not enough left for a comparison of that size.
    """
    return _drawn(customer, share, key, "holdout", rule) if share else Arm.TREATED


def workspace_arm(key: str, customer: Reachable, share: float) -> Arm:
    """The same for all rules together; it says nothing about what any of them has drawn."""
    return _drawn(customer, share, key, "workspace_holdout") if share else Arm.TREATED


def _drawn(customer: Reachable, share: float, *parts: str) -> Arm:
    home = customer.household
    lot = lots(*parts, "household")(home) if home else lots(*parts)(customer.ref)
    if lot < share:
        return Arm.HOLDOUT
    return Arm.COMPARISON if lot < 2 * share else Arm.TREATED
