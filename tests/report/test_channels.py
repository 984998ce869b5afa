"""What each rule did."""

from __future__ import annotations

from engine.report.channels import by_rule


def test_a_line_for_each_rule_that_answered_or_acted() -> None:
    lines = by_rule(
        [("thanks", "act", 3), ("thanks", "no", 2), ("quote", "refused", 1)],
        [("thanks", "email", "delivered", 2), ("thanks", "email", "planned", 1), ("old", "note", "held", 1)],
    )

    assert [line.rule for line in lines] == ["old", "quote", "thanks"]
    assert lines[2].outcomes == {"act": 3, "no": 2}
    assert lines[2].actions == {"email": {"delivered": 2, "planned": 1}}
    assert lines[0].outcomes == {}
