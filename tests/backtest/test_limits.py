"""What a backtest cannot know is said, and what it would get wrong refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from engine.backtest import limits
from engine.backtest.period import Period
from engine.decide.rule import Rule, load
from engine.decide.vocabulary import vocabulary
from engine.errors import UsageError
from tests.backtest.forty_days import care

STEP = '[[step]]\nid = "x"\nchannel = "email"\ntemplate = "email/service_thank_you"\n'
KEPT = "scores are kept from the first premura score on)"
MARCH = Period(since=date(2026, 3, 1), until=date(2026, 3, 31), time_zone="Europe/Rome")
SCORED = datetime(2026, 3, 11, 3, tzinfo=UTC)


def rule(on: str, more: str = "") -> Rule:
    text = care("some", on, more=more)
    (found,) = load({"rules/some.toml": text}, vocabulary=vocabulary(), templates=["email/service_thank_you"])
    return found


GOLD = rule("score = \"tier == 'gold'\"")
RICHER = rule('sweep = "daily"\nwhen = "score.prev_clv < score.clv"')
BORN = rule('date = "customer.birthday"')


def test_the_columns_that_a_rule_reads() -> None:
    assert "tier" in limits.columns(GOLD, GOLD.reads)
    assert "clv_minor" in limits.columns(RICHER, RICHER.reads)
    assert limits.columns(BORN, BORN.reads) == frozenset()
    assert limits.columns(BORN, ["score.prev_tier", "event.rating"]) == {"tier", "tier_minor"}


@pytest.mark.parametrize(
    ("scored", "said"),
    [
        ([], "--until: some asks about scores, and none were known by 2026-03-31 (hint: " + KEPT),
        ([SCORED], "--since: some asks about scores, which are known from 2026-03-11 on (hint: --since 2026-03-11)"),
    ],
)  # fmt: skip
def test_days_without_scores_are_refused_to_rules_that_ask_about_them(scored: list[datetime], said: str) -> None:
    for asks in (GOLD, RICHER):
        with pytest.raises(UsageError) as caught:
            limits.refuse(asks, MARCH, scored)
        assert str(caught.value) == said


def test_what_is_known_from_the_first_day_is_not_refused() -> None:
    limits.refuse(GOLD, MARCH, [datetime(2026, 2, 28, 23, tzinfo=UTC), SCORED])


def test_notes_are_about_what_concerns_the_rule() -> None:
    def said(asks: Rule, whole: datetime | None = SCORED) -> str:
        return "; ".join(limits.notes(asks, MARCH, whole))

    assert "of scores before 2026-03-11" in said(GOLD)
    assert "of scores before" not in said(GOLD, None) + said(GOLD, datetime(2026, 2, 1, tzinfo=UTC))
    assert "counted once" in said(RICHER)
    assert "counted once" not in said(GOLD)
    assert "approved at once" in said(rule('date = "customer.birthday"', STEP + "approve = true"))
