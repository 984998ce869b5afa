"""Public holidays by country and region, as calendars on the wall have them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.schedule.closed import public_holidays


def test_the_italian_year() -> None:
    """Legge 260/1949 with its changes: 4 October again from 2026 on (legge 151/2025); others are Sundays anyway."""
    days = ["01-01", "01-06", "04-25", "05-01", "06-02", "08-15", "11-01", "12-08", "12-25", "12-26"]
    for year, more in ((2025, ["04-21"]), (2026, ["04-06", "10-04"])):  # Easter Monday
        found = public_holidays("IT", "", year)
        expected = {date.fromisoformat(f"{year}-{day}") for day in (*days, *more)}
        assert expected <= found
        assert {day.weekday() for day in found - expected} <= {6}


def test_the_german_year() -> None:
    days = ["01-01", "04-03", "04-06", "05-01", "05-14", "05-25", "10-03", "12-25", "12-26"]
    assert public_holidays("DE", "", 2026) == {date.fromisoformat(f"2026-{day}") for day in days}


def test_the_first_of_may_is_both_countries_and_25_april_only_italys() -> None:
    for country, liberated in (("IT", True), ("DE", False)):
        days = public_holidays(country, "", 2026)
        assert date(2026, 5, 1) in days
        assert (date(2026, 4, 25) in days) is liberated


@pytest.mark.parametrize(
    ("country", "region", "day"),
    [("IT", "MI", "2026-12-07"), ("DE", "BY", "2026-06-04"), ("DE", "SN", "2026-11-18"), ("CH", "TI", "2026-03-19")],
)
def test_a_region_has_days_of_its_own_besides_its_countrys(country: str, region: str, day: str) -> None:
    everywhere, there = public_holidays(country, "", 2026), public_holidays(country, region, 2026)
    assert date.fromisoformat(day) in there - everywhere
    assert everywhere <= there


def test_a_region_that_nobody_knows_has_its_countrys_days() -> None:
    assert public_holidays("IT", "Middle-earth", 2026) == public_holidays("IT", "", 2026)


@pytest.mark.parametrize("country", ["", "XX", "ZZ", "it"])
def test_a_country_that_nobody_knows_has_none(country: str) -> None:
    assert public_holidays(country, "", 2026) == frozenset()
    assert public_holidays(country, "MI", 2026) == frozenset()


@settings(max_examples=50)
@given(st.sampled_from(["IT", "DE", "FR", "US", "GB", "IL", "IN"]), st.text(max_size=3), st.integers(1970, 2090))
def test_days_are_of_the_year_that_was_asked_for(country: str, region: str, year: int) -> None:
    days = public_holidays(country, region, year)
    assert {day.year for day in days} <= {year}
    assert days or year < 2001 or year > 2035
    assert len(days) < 60
