"""What a backtest cannot know is said, and what it would get wrong refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.backtest import limits
from engine.backtest.period import Period
from engine.decide.rule import Rule, load
from engine.decide.vocabulary import vocabulary
from engine.errors import UsageError
from tests.backtest.forty_days import care

STEP = '[[step]]\nid = "x"\nchannel = "email"\ntemplate = "email/service_thank_you"\n'
ROME = ZoneInfo("Europe/Rome")
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


def test_a_rule_that_asks_about_scores_is_refused_where_nobody_had_bought() -> None:
    for asks in (GOLD, RICHER):
        with pytest.raises(UsageError) as caught:
            limits.refuse(asks, MARCH, [])
        assert str(caught.value) == (
            "--until: some asks about scores, and nobody had bought by 2026-03-31"
            " (hint: scores come from sales: premura ingest sales.csv)"
        )
        limits.refuse(asks, MARCH, [SCORED])


@pytest.mark.parametrize(
    ("kept", "sold", "days"),
    [
        (None, datetime(2025, 1, 1, tzinfo=UTC), [22, 1, 8, 15, 22, 29]),
        (SCORED, datetime(2025, 1, 1, tzinfo=UTC), [22, 1, 8]),
        (SCORED, datetime(2026, 3, 2, tzinfo=UTC), [8]),
        (datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), []),
        (None, None, []),
        (None, datetime(2026, 4, 1, tzinfo=UTC), []),
    ],
)
def test_scores_are_reckoned_for_each_week_before_any_were_kept(
    kept: datetime | None, sold: datetime | None, days: list[int]
) -> None:
    found = limits.reckoned(MARCH, kept, sold, 3)

    assert [at.day for at in found] == days
    assert {at.astimezone(ROME).hour for at in found} <= {3}


def test_notes_are_about_what_concerns_the_rule() -> None:
    def said(asks: Rule, whole: datetime | None = SCORED) -> str:
        return "; ".join(limits.notes(asks, MARCH, whole))

    assert "of scores before 2026-03-11" in said(GOLD)
    assert "of scores before" not in said(GOLD, None) + said(GOLD, datetime(2026, 2, 1, tzinfo=UTC))
    assert "scores up to 2026-03-11 were not kept" in "; ".join(limits.notes(GOLD, MARCH, SCORED, [SCORED]))
    assert "counted once" in said(RICHER)
    assert "counted once" not in said(GOLD)
    assert "approved at once" in said(rule('date = "customer.birthday"', STEP + "approve = true"))
