"""Comparisons that say the same of everybody are told when the rule is read."""

from __future__ import annotations

import pytest

from engine.decide.condition import compile_condition
from engine.decide.never import never
from engine.decide.vocabulary import vocabulary

WORDS = vocabulary(tiers=("gold", "silver", "bronze"))
QUOTE = WORDS.events["quote.sent"]


def _said(source: str) -> list[tuple[int, str, str, str]]:
    found = never(compile_condition(source, QUOTE).tree, source, QUOTE)
    return [(one.offset, one.code, one.text, one.hint) for one in found]


@pytest.mark.parametrize(
    ("source", "offset", "text", "hint"),
    [
        ("score.tier == 'oro'", 14, "score.tier is never 'oro'", "there is gold, silver, bronze"),
        ("score.tier == 'Gold'", 14, "score.tier is never 'Gold'", "did you mean 'gold'?"),
        ("'golden' != score.prev_tier", 0, "score.prev_tier is never 'golden'", "did you mean 'gold'?"),
        ("score.tier in ['gold', 'platin']", 23, "score.tier is never 'platin'", "there is gold, silver, bronze"),
        ("!(now.weekday == 'mon' || now.weekday == 'Tue')", 41, "now.weekday is never 'Tue'", "did you mean 'tue'?"),
        ("score.percentile >= 90.0", 20, "score.percentile is never 90", "it lies between 0 and 1"),
        ("now.month == 13", 13, "now.month is never 13", "it lies between 1 and 12"),
        ("customer.locale == 'it-IT'", 19, "customer.locale is never 'it-IT'", "language and country, such as 'it_IT'"),
    ],
)
def test_what_a_name_never_is(source: str, offset: int, text: str, hint: str) -> None:
    assert _said(source) == [(offset, "R038", text, hint)]


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("event.amount > 1.000", "write 1000.0, or 1.0"),
        ("event.amount * 2.500 > 12.0", "write 2500.0, or 2.5"),
        ("score.clv > 1.0 && -1.250 < event.amount", "write -1250.0, or -1.25"),
    ],
)
def test_a_point_for_thousands(source: str, hint: str) -> None:
    ((_, code, _, said),) = _said(source)

    assert (code, said) == ("R039", hint)


@pytest.mark.parametrize(
    "source",
    [
        "score.tier == 'gold' && score.prev_tier in ['silver', 'bronze']",
        "score.p_alive <= 1.0 && score.percentile >= 0.0 && now.hour < 23",
        "customer.country == 'IT' || customer.locale == 'de' || customer.city == 'Forlì'",
        "event.amount > 1000.0 || event.amount > 0.500 || event.amount > 1.125 || event.amount > 1.5",
        "count_events('quote.sent') > 40 && event.what.contains('1.500')",
    ],
)
def test_what_can_be_is_not_told(source: str) -> None:
    assert _said(source) == []


def test_without_a_shop_any_tier_may_be() -> None:
    source, words = "score.tier == 'oro'", vocabulary().plain

    assert list(never(compile_condition(source, words).tree, source, words)) == []
