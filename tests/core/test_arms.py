"""The arms of a measurement, as they are written and read again."""

from __future__ import annotations

import pytest

from engine.core.arms import Arm, of_rule, of_workspace, written


@pytest.mark.parametrize(
    ("arm", "compared", "text", "in_rule", "in_workspace"),
    [
        (Arm.NONE, False, "none", Arm.NONE, Arm.NONE),
        (Arm.HOLDOUT, False, "holdout", Arm.HOLDOUT, Arm.TREATED),
        (Arm.COMPARISON, False, "comparison", Arm.COMPARISON, Arm.TREATED),
        (Arm.TREATED, False, "treated", Arm.TREATED, Arm.TREATED),
        (Arm.HOLDOUT, True, "holdout+workspace_comparison", Arm.HOLDOUT, Arm.COMPARISON),
        (Arm.COMPARISON, True, "comparison+workspace_comparison", Arm.COMPARISON, Arm.COMPARISON),
        (Arm.TREATED, True, "treated+workspace_comparison", Arm.TREATED, Arm.COMPARISON),
        (Arm.WORKSPACE_HOLDOUT, False, "workspace_holdout", Arm.NONE, Arm.HOLDOUT),
    ],
)
def test_each_is_one_text_that_says_both(arm: Arm, compared: bool, text: str, in_rule: Arm, in_workspace: Arm) -> None:
    assert written(arm, workspace_comparison=compared) == text
    assert (of_rule(text), of_workspace(text)) == (in_rule, in_workspace)


def test_an_arm_that_nobody_knows_is_no_arm() -> None:
    with pytest.raises(ValueError, match="control"):
        of_rule("control")
