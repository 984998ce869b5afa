"""Which rule and which days are meant; what cannot be meant is told in a line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from engine.backtest import request
from engine.errors import RuleError, UsageError
from tests.shop import THANKS, Shop


def test_a_rule_is_meant_by_its_id_or_by_a_file_that_is_not_in_force(shop: Shop, tmp_path: Path) -> None:
    draft = tmp_path / "draft.toml"
    draft.write_text(THANKS.replace('"thanks"', '"draft"'), encoding="utf-8")

    assert request.rule_of(shop.app, "thanks").file == "rules/thanks.toml"
    assert request.rule_of(shop.app, str(draft)).file == str(draft)
    assert [rule.id for rule in shop.app.rules] == ["thanks"]


def test_the_faults_of_other_rules_are_no_matter(shop: Shop) -> None:
    shop.rule("broken", "id = ")

    assert request.rule_of(shop.app, "thanks").id == "thanks"
    with pytest.raises(RuleError, match=r"rules/broken\.toml:1:6: R001"):
        request.rule_of(shop.app, "broken")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("thansk", r"there is no rule 'thansk' \(hint: did you mean 'thanks'\?\)"),
        ("x", r"there is no rule 'x' \(hint: premura rules list shows what there is; a file's name ends in \.toml\)"),
        ("nowhere/draft.toml", r"nowhere/draft\.toml cannot be read \(No such file or directory\)"),
    ],
)
def test_a_rule_that_there_is_not(shop: Shop, words: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"^{said}$"):
        request.rule_of(shop.app, words)


def test_a_draft_that_is_no_text_or_no_rule(shop: Shop, tmp_path: Path) -> None:
    draft = tmp_path / "draft.toml"
    draft.write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"draft\.toml is not UTF-8 text \(hint: save it as UTF-8\)"):
        request.rule_of(shop.app, str(draft))
    draft.write_text(THANKS, encoding="utf-8")
    with pytest.raises(RuleError, match="R005"):
        request.rule_of(shop.app, str(draft))


def test_days_are_those_of_the_shop_both_of_them_too(shop: Shop) -> None:
    found = request.period(shop.app, "2026-03-01", "2026-03-01")

    assert (found.since, found.until) == (date(2026, 3, 1), date(2026, 3, 1))
    assert found.begins == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert found.ends == datetime(2026, 3, 1, 22, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("soon", "2026-03-01", "--since: 'soon' is not a day such as 2026-10-05"),
        ("2026-03-01", "2026-02-30", "--until: '2026-02-30' is not a day such as 2026-10-05"),
        ("2026-03-01", "2026-02-28", "--since: 2026-03-01 is after --until 2026-02-28"),
        ("1066-10-14", "2026-02-28", "--since: 1066-10-14 is before anything that a shop could know"),
        ("2026-03-01", "2026-03-02", "--until: 2026-03-02 is not over yet, and nobody knows what it brings "),
        ("2026-03-01", "9999-12-31", "--until: 9999-12-31 is not over yet, and nobody knows what it brings "),
    ],
)
def test_days_that_are_none_or_not_over(shop: Shop, since: str, until: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        request.period(shop.app, since, until)
    hint = "(hint: the last day that is over is 2026-03-01)" if "over" in said else ""
    assert str(caught.value) == said + hint
