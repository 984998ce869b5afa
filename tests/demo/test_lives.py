from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.demo.chance import seeded
from engine.demo.lives import COMPANY, KINDS, LANDLORD, ONCE, REGULAR, Kind, life
from engine.demo.story import Visit
from engine.demo.work import CONTRACT, SERVICE
from tests.demo.telling import firm, sales

CAME, TODAY = date(2023, 11, 6), date(2026, 10, 30)
ALL = [kind for kind, _ in KINDS]


def lives(kind: Kind, count: int = 300) -> list[list[Visit]]:
    return [list(life(seeded(1, number), kind, CAME, TODAY)) for number in range(count)]


def done(visits: list[Visit]) -> int:
    return sum(visit.done_on is not None for visit in visits)


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(ALL), days=st.integers(0, 1100))
def test_a_life_begins_after_the_first_contact(seed: int, kind: Kind, days: int) -> None:
    visits = list(life(seeded(seed), kind, CAME, CAME + timedelta(days=days)))
    assert visits
    for visit in visits:
        begun = visit.quoted_on or visit.done_on
        assert begun is not None
        assert begun >= CAME


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(ALL))
def test_who_did_not_take_the_first_offer_is_not_seen_again(seed: int, kind: Kind) -> None:
    first, *others = life(seeded(seed), kind, CAME, TODAY)
    assert not (first.done_on is None and others)


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(ALL))
def test_a_life_is_told_the_same_way_twice(seed: int, kind: Kind) -> None:
    assert list(life(seeded(seed), kind, CAME, TODAY)) == list(life(seeded(seed), kind, CAME, TODAY))


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(ALL), days=st.integers(0, 1100))
def test_nobody_asks_for_anything_after_today(seed: int, kind: Kind, days: int) -> None:
    today = CAME + timedelta(days=days)
    for visit in list(life(seeded(seed), kind, CAME, today))[1:]:  # the first is asked for within a week of the contact
        begun = visit.quoted_on or visit.done_on
        assert begun is not None
        assert begun <= today + timedelta(days=8)  # four days to come by, four more over Christmas


def test_kinds_differ_in_how_often_they_call() -> None:
    means = {kind.name: sum(map(done, lives(kind))) / 300 for kind in ALL}
    assert means["once"] < 1.3
    assert 1.5 < means["regular"] < 4
    assert means["regular"] < means["landlord"] < means["company"]


def test_customers_of_one_kind_differ_too() -> None:
    counts = Counter(done(visits) for visits in lives(COMPANY))
    assert counts[1] > 20
    assert max(counts) > 15
    assert len(counts) > 10


def test_one_time_buyers_have_no_yearly_service() -> None:
    later = [visit for visits in lives(ONCE) for visit in visits[1:]]
    assert not any(visit.job in (SERVICE, CONTRACT) for visit in later)


def test_regulars_come_back_in_autumn_about_a_year_later() -> None:
    gaps = [
        (second.done_on - first.done_on).days
        for visits in lives(REGULAR)
        for yearly in [[visit for visit in visits if visit.job is SERVICE and visit.done_on]]
        for first, second in pairwise(yearly)
        if first.done_on and second.done_on
    ]
    assert len(gaps) > 100
    near = [gap for gap in gaps if 335 <= gap <= 400]
    assert len(near) > 0.7 * len(gaps)


def test_some_regulars_pay_the_service_as_a_contract() -> None:
    with_contract = sum(any(visit.job is CONTRACT for visit in visits) for visits in lives(REGULAR))
    assert 10 < with_contract < 80


def test_people_leave() -> None:
    """Among those who called a lot, a good part has long been silent: else no model could tell who is still there."""
    silent = busy = 0
    for visits in lives(LANDLORD):
        days = [visit.done_on for visit in visits if visit.done_on]
        if len(days) >= 4:
            busy += 1
            silent += (TODAY - max(days)).days > 365
    assert busy > 80
    assert 0.2 < silent / busy < 0.9


@pytest.mark.parametrize("seed", [7, 8])
def test_the_firm_has_all_sorts_of_buyers(seed: int) -> None:
    log = firm(seed)
    counts = Counter(row["customer"] for row in sales(log))
    buys = Counter(counts.values())
    assert 500 < len(counts) < 580
    assert 0.45 < buys[1] / len(counts) < 0.68
    assert sum(number for times, number in buys.items() if times >= 3) > 100
    assert sum(number for times, number in buys.items() if times >= 10) >= 8
