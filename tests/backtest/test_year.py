"""What waits for events and moving dates is replayed as the real stages lived it, through a year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from engine.backtest import request
from engine.backtest.result import Result
from engine.backtest.run import backtest
from tests.backtest.a_year import BEGIN, REFS, RULES, lived
from tests.shop import Shop

DAYS = 56
"""As many as CI has time for; it holds of 365 as well."""
BECAME = {
    "delivered": "sent", "cancelled": "stopped", "suppressed": "permission", "planned": "coming", "expired": "late",
    "waiting": "waiting",
}  # fmt: skip


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop after its year, a day later."""
    shop = lived(tmp_path_factory.mktemp("year") / "shop", DAYS)
    yield shop.at(f"{BEGIN + (DAYS + 1) * timedelta(days=1):%Y-%m-%dT11:00}")
    shop.close()


def replayed(shop: Shop, rule: str) -> Result:
    """What a backtest says of a rule."""
    period = request.period(shop.app, f"{BEGIN:%Y-%m-%d}", f"{BEGIN + timedelta(days=DAYS - 1):%Y-%m-%d}")
    return backtest(shop.app, request.rule_of(shop.app, rule), period)


def fate(step: dict[str, Any]) -> str:
    """How a real step ended, in the words of a backtest."""
    why = step["reason"]
    return "in_vain" if " came within " in why or ", but " in why else BECAME[step["state"]]


@pytest.mark.parametrize("rule", RULES)
def test_it_says_who_and_when_as_it_was_lived(year: Shop, rule: str) -> None:
    found = replayed(year, rule)
    said = Counter(
        (row.customer, row.occurrence, row.step, str(row.outcome), row.at if row.outcome == "sent" else None)
        for row in found.rows
        if row.step and not (row.outcome == "permission" and row.at == row.decided_at)
    )
    really = Counter(
        (ref, one["occurrence"], step["step"], ended, step["due_at"] if ended == "sent" else None)
        for ref in REFS
        for one in year.decisions(ref, rule)
        for step in one["actions"]
        for ended in [fate(step)]
    )

    assert said - really == Counter()
    assert really - said == Counter()
    assert really.total() > 1
