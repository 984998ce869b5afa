"""What a month may cost: never more, by what was known; and whoever has room is not turned away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.calendar import month
from engine.schedule.budgets import Budgets, Lack, Month, Spending

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROME = "Europe/Rome"
DECEMBER = datetime(2026, 11, 30, 23, tzinfo=UTC)  # as it begins in Rome
EURO = 10**6


def spending(
    before: Mapping[tuple[str, str], int] | None = None,
    *,
    channels: Mapping[str, int] | None = None,
    rules: Mapping[str, int] | None = None,
    tz: str = ROME,
) -> Spending:
    """A shop that has spent so much in November."""

    def read(when: Month) -> Mapping[tuple[str, str], int]:
        return (before or {}) if when == month(NOON, tz) else {}

    return Spending(budgets=Budgets(channels=channels or {}, rules=rules or {}), time_zone=tz, read=read)


def lack(found: Spending, *, rule: str = "thanks", cost: int = EURO, due: datetime = NOON) -> Lack | None:
    return found.lack(channel="note", rule=rule, cost=cost, due=due)


def test_a_budget_is_used_to_its_last_cent() -> None:
    found = spending({("note", "thanks"): 8 * EURO}, channels={"note": 10 * EURO})

    for _ in range(2):
        assert lack(found) is None
        found.add(channel="note", rule="thanks", cost=EURO, due=NOON)
    assert lack(found) == Lack(
        text="the budget of 10.00 EUR for note in 2026-11 has no room for 1.00 EUR more", until=DECEMBER
    )
    assert lack(found, cost=0) is None


def test_the_next_month_has_a_budget_of_its_own_and_begins_on_the_shops_calendar() -> None:
    found = spending({("note", "thanks"): 10 * EURO}, channels={"note": 10 * EURO})

    assert lack(found, due=DECEMBER - timedelta(seconds=1)) is not None
    assert lack(found, due=DECEMBER) is None


def test_a_channels_budget_is_for_all_rules_and_a_rules_for_all_channels() -> None:
    found = spending({("note", "other"): 3 * EURO, ("email", "thanks"): 5 * EURO}, channels={"note": 4 * EURO})
    assert lack(found) is None
    assert lack(found, cost=2 * EURO) is not None

    found = spending({("note", "other"): 3 * EURO, ("email", "thanks"): 5 * EURO}, rules={"thanks": 6 * EURO})
    assert lack(found) is None
    assert lack(found, rule="other", cost=9 * EURO) is None
    found.add(channel="note", rule="thanks", cost=EURO, due=NOON)
    short = lack(found)
    assert short is not None
    assert "6.00 EUR for thanks in 2026-11" in short.text


def test_both_budgets_must_have_room() -> None:
    found = spending(channels={"note": 9 * EURO}, rules={"thanks": 2 * EURO})
    found.add(channel="note", rule="thanks", cost=2 * EURO, due=NOON)

    short = lack(found)
    assert short is not None
    assert "for thanks" in short.text
    assert lack(found, rule="other") is None


def test_what_costs_more_than_a_whole_month_has_no_month() -> None:
    short = lack(spending(channels={"note": EURO}), cost=EURO + 1)

    assert short == Lack(
        text="the budget of 1.00 EUR for note in 2026-11 has no room for 1.000001 EUR more", until=None
    )
    assert lack(spending(channels={"note": 0})) is not None


ZONES = ("Europe/Rome", "Asia/Tokyo", "America/New_York", "Pacific/Apia", "America/St_Johns", "Pacific/Kiritimati")


@settings(max_examples=60)
@given(
    wanted=st.lists(
        st.tuples(st.integers(0, 100 * 24), st.integers(1, 9), st.sampled_from(("thanks", "other"))), max_size=25
    ),
    most=st.integers(0, 20),
    of_rule=st.none() | st.integers(0, 12),
    tz=st.sampled_from(ZONES),
)
def test_no_month_costs_more_than_it_may_and_nobody_with_room_waits(
    wanted: list[tuple[int, int, str]], most: int, of_rule: int | None, tz: str
) -> None:
    rules = {} if of_rule is None else {"thanks": of_rule}
    found = spending(channels={"note": most}, rules=rules, tz=tz)
    placed: list[tuple[datetime, int, str]] = []
    turned: list[tuple[datetime, int, str]] = []
    for hours, cost, rule in wanted:
        due: datetime | None = NOON + timedelta(hours=hours)
        while due is not None and (short := lack(found, rule=rule, cost=cost, due=due)):
            turned.append((due, cost, rule))
            due = short.until
        if due is not None:
            found.add(channel="note", rule=rule, cost=cost, due=due)
            placed.append((due, cost, rule))

    def spent(when: Month, rule: str | None = None) -> int:
        return sum(cost for due, cost, of in placed if when[0] <= due < when[1] and rule in (None, of))

    for due, _, _ in placed:
        assert spent(month(due, tz)) <= most
        assert "thanks" not in rules or spent(month(due, tz), "thanks") <= rules["thanks"]
    for due, cost, rule in turned:
        full = spent(month(due, tz)) + cost > most
        assert full or (rule in rules and spent(month(due, tz), rule) + cost > rules[rule])


@pytest.mark.parametrize(("channels", "rules"), [({}, {}), ({"email": 1}, {}), ({}, {"other": 1})])
def test_what_has_no_budget_has_no_bound(channels: dict[str, int], rules: dict[str, int]) -> None:
    assert lack(spending({("note", "thanks"): 10**12}, channels=channels, rules=rules), cost=10**12) is None
