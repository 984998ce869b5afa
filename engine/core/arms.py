"""Arms: in which group a customer stood when a rule answered, so that what care brings can be read without bias.

`decision.arm` holds one of these, and this is the one place that says what they mean:

- ``none``: the rule did not act, and would not have: a condition was false, or a guard refused.
- ``holdout``: the rule would have acted, and leaves this customer alone to measure what it brings.
- ``comparison``: the rule acted; a random group of the same size as the holdout. These two are compared.
- ``treated``: the rule acted; all others.
- ``workspace_holdout``: the rule would have acted, but no rule reaches this customer (`[holdout]` in premura.toml).

Each of ``holdout``, ``comparison`` and ``treated`` is followed by ``+workspace_comparison`` where the customer is also
in the random group, of the same size as the holdout of the workspace, that is compared with it.
"""

from __future__ import annotations

from enum import StrEnum

_ALSO = "+workspace_comparison"


class Arm(StrEnum):
    """In which group of a rule's measurement, or of the whole workspace's, a customer stood."""

    NONE = "none"
    TREATED = "treated"
    COMPARISON = "comparison"
    HOLDOUT = "holdout"
    WORKSPACE_HOLDOUT = "workspace_holdout"


def written(arm: Arm, *, workspace_comparison: bool = False) -> str:
    """An arm as `decision.arm` holds it."""
    return arm.value + (_ALSO if workspace_comparison else "")


def of_rule(text: str) -> Arm:
    """Where a customer stands when the rule is measured; whom the workspace leaves alone is in no arm of a rule."""
    arm = Arm(text.removesuffix(_ALSO))
    return Arm.NONE if arm is Arm.WORKSPACE_HOLDOUT else arm


def of_workspace(text: str) -> Arm:
    """Where a customer stands when all rules together are measured; nowhere, if the rule would not have acted."""
    if text in (Arm.NONE, Arm.WORKSPACE_HOLDOUT):
        return Arm.NONE if text == Arm.NONE else Arm.HOLDOUT
    return Arm.COMPARISON if text.endswith(_ALSO) else Arm.TREATED
