"""Sources: what is known of a customer goes before what is usual, and what is not known is not guessed."""

from __future__ import annotations

from engine.report.sources import SourceLine, Won, by_source


def won(source: str, clv: int, cost: int | None = None) -> Won:
    return Won(source=source, cost_minor=cost, clv_minor=clv)


def test_own_costs_go_before_the_usual_ones_and_the_best_source_comes_first() -> None:
    lines = by_source(
        [won("fair", 1000), won("fair", 2000, 500), won("friend", 9000, 0), won("", 10)], {"fair": 300, "radio": 7}
    )
    assert lines == (
        SourceLine(source="friend", customers=1, mean_clv_minor=9000, with_cost=1, mean_cost_minor=0, net_minor=9000),
        SourceLine(source="fair", customers=2, mean_clv_minor=1500, with_cost=2, mean_cost_minor=400, net_minor=1100),
        SourceLine(source="", customers=1, mean_clv_minor=10, with_cost=0, mean_cost_minor=None, net_minor=None),
    )


def test_a_source_without_any_cost_has_no_net() -> None:
    (line,) = by_source([won("fair", 1000)], {})
    assert (line.mean_cost_minor, line.net_minor, line.with_cost) == (None, None, 0)


def test_nobody_has_no_lines() -> None:
    assert by_source([], {"fair": 300}) == ()
