from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.demo import work
from engine.demo.chance import seeded
from engine.demo.work import (
    BOILER,
    CONTRACT,
    COOLING,
    COOLING_REPAIR,
    COOLING_SERVICE,
    PARTS,
    REPAIR,
    REVIEWS,
    SERVICE,
    THERMOSTAT,
    Job,
    in_season,
    priced,
    workday,
)

JOBS = (SERVICE, REPAIR, COOLING_REPAIR, BOILER, COOLING, COOLING_SERVICE, THERMOSTAT, PARTS, CONTRACT)
DAYS = st.dates(date(2023, 1, 1), date(2028, 12, 31))


@pytest.mark.parametrize(
    ("job", "low", "high"),
    [
        (SERVICE, 90, 150),
        (REPAIR, 120, 600),
        (COOLING_REPAIR, 120, 600),
        (BOILER, 2200, 4500),
        (COOLING, 1200, 3800),
        (PARTS, 25, 180),
        (THERMOSTAT, 150, 300),
        (CONTRACT, 160, 280),
    ],
    ids=lambda value: value.name if isinstance(value, Job) else str(value),
)
def test_prices_are_those_of_the_trade(job: Job, low: int, high: int) -> None:
    assert low * 100 <= min(cheapest for _, cheapest, _ in job.whats)
    assert max(dearest for _, _, dearest in job.whats) <= high * 100


@given(seed=st.integers(0, 10**6), job=st.sampled_from(JOBS), thrift=st.floats(0.3, 8))
def test_a_price_is_one_of_the_list(seed: int, job: Job, thrift: float) -> None:
    what, cents = priced(seeded(seed), job, thrift)
    low, high = next((low, high) for name, low, high in job.whats if name == what)
    assert low <= cents <= high
    assert (cents - low) % job.step == 0


def test_thrift_keeps_to_the_cheap_end() -> None:
    def mean(thrift: float) -> float:
        rng = seeded(1)
        return sum(priced(rng, COOLING_SERVICE, thrift)[1] for _ in range(1000)) / 1000

    assert mean(0.4) > mean(1.0) > mean(4.0)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_job_can_be_told(job: Job) -> None:
    assert len(job.season) == 12
    assert min(job.season) > 0
    assert job.complaints
    assert 0 < job.cost + 0.08 < 1  # the story adds up to eight points, and a job must leave something
    assert all(what == what.strip() and what[0].islower() for what, _, _ in job.whats)


def test_reviews_exist_for_every_number_of_stars() -> None:
    assert sorted(REVIEWS) == [1, 2, 3, 4, 5]
    assert all(text.endswith((".", "!")) for texts in REVIEWS.values() for text in texts)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 10, 30), date(2026, 10, 30)),  # a Friday
        (date(2026, 10, 31), date(2026, 10, 31)),  # Saturdays are worked
        (date(2026, 11, 1), date(2026, 11, 2)),  # a Sunday and All Saints
        (date(2025, 12, 25), date(2025, 12, 27)),  # Christmas, Santo Stefano
        (date(2026, 8, 15), date(2026, 8, 17)),  # Ferragosto on a Saturday, then Sunday
        (date(2024, 6, 2), date(2024, 6, 3)),  # the Republic's day on a Sunday
    ],
)
def test_workdays(day: date, expected: date) -> None:
    assert workday(day) == expected


@given(day=DAYS)
def test_a_workday_is_near_and_stays_one(day: date) -> None:
    found = workday(day)
    assert day <= found <= day + timedelta(days=4)
    assert found.weekday() != 6
    assert workday(found) == found


def test_seasons_are_those_of_the_house() -> None:
    def calls(job: Job, month: int) -> int:
        rng = seeded(month)
        return sum(in_season(rng, job, date(2025, month, 10)) for _ in range(500))

    assert calls(SERVICE, 10) == 500
    assert calls(SERVICE, 5) < 100
    assert calls(COOLING, 6) > 5 * calls(COOLING, 12)
    assert calls(REPAIR, 1) > 5 * calls(REPAIR, 7)


def test_there_is_more_than_one_technician_and_no_holiday_twice() -> None:
    assert max(Counter(work.TECHNICIANS).values()) == 1
    assert len(work.TECHNICIANS) > 1
