"""Reasons in sentences."""

from __future__ import annotations

from typing import Any

from engine.report.reasons import sentences


def test_clauses_tell_what_they_read() -> None:
    reasons: list[dict[str, Any]] = [
        {"code": "when", "clause": "score.tier == 'gold'", "holds": False, "values": {"score.tier": None}},
        {"code": "step card", "clause": "event.amount > 5.0", "holds": True, "values": {"event.amount": 12.5}},
        {"code": "step", "step": "card", "holds": False, "text": "no postal address"},
        {"code": "again_after", "text": "entered this rule on 2026-01-01; again after P30D"},
    ]

    assert list(sentences(reasons)) == [
        "✗ score.tier == 'gold'  [score.tier = unknown]",
        "✓ event.amount > 5.0 (step card)  [event.amount = 12.5]",
        "✗ step card: no postal address",
        "✗ entered this rule on 2026-01-01; again after P30D",
    ]


def test_values_are_written_for_people() -> None:
    values = {"a": True, "b": False, "c": "x", "d": 3, "e": 0.123456}
    (line,) = sentences([{"code": "when", "clause": "a", "holds": True, "values": values}])

    assert line.endswith("[a = yes, b = no, c = 'x', d = 3, e = 0.1235]")
