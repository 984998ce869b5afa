"""Reasons in sentences."""

from __future__ import annotations

from typing import Any

from engine.report.reasons import sentences, shortfalls


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


SILENT: list[dict[str, Any]] = [
    {"code": "when", "clause": "event.amount > 50.0", "holds": True, "values": {"event.amount": 60.0}},
    {"code": "when", "clause": "score.tier == 'gold'", "holds": False, "values": {"score.tier": "silver"}},
    {"code": "step note", "clause": "customer.age > 30", "holds": False, "values": {"customer.age": None}},
    {"code": "step", "step": "note", "holds": False, "text": "its condition is false"},
    {"code": "step", "step": "one", "holds": False, "text": "no e-mail address"},
    {"code": "step", "step": "gift", "holds": True, "text": "goes ahead"},
    {"code": "step", "step": "two", "holds": False, "text": "no e-mail address"},
    {"code": "step", "step": "card", "holds": False, "text": "no postal address"},
    {"code": "again_after", "text": "entered this rule on 2026-01-01; again after P30D"},
]


def test_in_short_only_what_stood_in_the_way_and_each_hindrance_once() -> None:
    assert list(shortfalls(SILENT)) == [
        "score.tier == 'gold' is false: score.tier is 'silver'",
        "step note: customer.age > 30 is false: customer.age is unknown",
        "entered this rule on 2026-01-01; again after P30D",
        "steps one, two: no e-mail address",
        "step card: no postal address",
    ]
    assert list(shortfalls(reason for reason in SILENT if reason.get("holds"))) == []


def test_a_line_on_the_score_tells_the_value_before_too() -> None:
    line: list[dict[str, Any]] = [
        {
            "code": "on",
            "clause": "p_alive < 0.3",
            "holds": False,
            "values": {"score.p_alive": 0.4},
            "before": {"score.p_alive": None},
        }
    ]

    assert list(shortfalls(line)) == ["p_alive < 0.3 is false: score.p_alive is 0.4 (before: unknown)"]
    assert list(sentences(line)) == ["✗ p_alive < 0.3 (on)  [score.p_alive = 0.4 (before: unknown)]"]
