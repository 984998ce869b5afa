"""Cohorts: apart where they are, together where they are not, and never far from the shop on thin evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.cohorts import (
    FLAGS,
    NARROWEST,
    WIDEST,
    Cohorts,
    Members,
    Period,
    by_fit,
    cohort_of,
    fit_cohorts,
    prior_width,
)
from engine.score.history import History, summarise, summarise_periods
from engine.score.models import BUYING, bg_nbd
from engine.score.models.bg_nbd import BgNbd
from engine.score.models.fit import Fit, fit
from engine.score.models.model import Model
from engine.score.purchases import net_refunds
from tests.score.shops import histories, history_of, simulated, simulated_log

OLD = BgNbd(r=0.5, alpha=8.0, a=0.7, b=2.5, time_unit="week")
NEW = BgNbd(r=1.2, alpha=6.0, a=1.8, b=2.5, time_unit="week")
"""Customers won lately: they come three times as often, and leave twice as soon."""


Answer = Callable[[Any, History], FloatArray]


def each(cohorts: Cohorts, members: Members, history: History, answer: Answer) -> FloatArray:
    """What every customer's own cohort answers, in the order of the history."""
    parts = [(rows, answer(fitted.params, history.take(rows))) for fitted, rows in by_fit(cohorts, members)]
    if not parts:
        return np.zeros(0)
    found = np.empty((*parts[0][1].shape[:-1], len(history)))
    for rows, values in parts:
        found[..., rows] = values
    return found


def p_alive(model: Model, cohorts: Cohorts, history: History, members: Members) -> FloatArray:
    return each(cohorts, members, history, lambda params, h: model.p_alive(params, h.frequency, h.recency, h.T))


def expected_purchases(model: Model, cohorts: Cohorts, history: History, members: Members, t: ArrayLike) -> FloatArray:
    def expected(params: Any, some: History) -> FloatArray:
        return model.expected_purchases(params, some.frequency, some.recency, some.T, t)

    return each(cohorts, members, history, expected)


def shop(seed: int, n: int, true: BgNbd, *, oldest: float = 80.0) -> History:
    return simulated(seed, n, r=true.r, alpha=true.alpha, a=true.a, b=true.b, oldest=oldest)


def together(*parts: History) -> tuple[History, Members]:
    """One shop of several, each a cohort; weeks, in the order given."""
    frequency, recency, age, spend = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("frequency", "recency", "T", "monetary")
    )
    history = history_of(frequency, recency, age, spend, time_unit="week")
    index = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return history, Members(period="year", names=tuple(f"{2001 + i}" for i in range(len(parts))), index=index)


def logs(fitted: Fit[BgNbd]) -> FloatArray:
    return np.log([fitted.params.r, fitted.params.alpha, fitted.params.a, fitted.params.b])


def fitted(history: History, members: Members) -> Cohorts:
    return fit_cohorts(bg_nbd, history, fit(bg_nbd, history), members)


@pytest.fixture(scope="module")
def changed() -> tuple[History, Members, Cohorts]:
    """A shop whose second year is of other customers, and whose third has hardly begun."""
    history, members = together(shop(1, 2000, OLD), shop(2, 2000, NEW, oldest=50.0), shop(3, 30, NEW, oldest=5.0))
    return history, members, fitted(history, members)


@pytest.fixture(scope="module")
def alike() -> tuple[History, Members, Cohorts]:
    """A shop that never changed: four cohorts, two of them small."""
    history, members = together(*(shop(seed, n, OLD) for seed, n in enumerate((2500, 2500, 100, 100))))
    return history, members, fitted(history, members)


# Who is of which cohort


@given(st.lists(st.dates(date(1901, 1, 1), date(2099, 12, 31)), min_size=1, max_size=20))
def test_cohorts_are_read_from_the_calendar(days: list[date]) -> None:
    first = np.array([day.toordinal() for day in days])
    by_year, by_quarter = cohort_of(first, "year"), cohort_of(first, "quarter")
    assert [by_year.names[i] for i in by_year.index] == [str(day.year) for day in days]
    quarters = [f"{day.year}-Q{(day.month + 2) // 3}" for day in days]
    assert [by_quarter.names[i] for i in by_quarter.index] == quarters
    assert list(by_quarter.names) == sorted(set(quarters))


@pytest.mark.parametrize("period", ["year", "quarter"])
def test_nobody_is_of_no_cohort(period: Period) -> None:
    members = cohort_of(np.zeros(0, dtype=np.int64), period)
    assert (members.names, len(members.index)) == ((), 0)


# Parameters


def test_a_cohort_that_differs_gets_parameters_of_its_own(changed: tuple[History, Members, Cohorts]) -> None:
    _, _, cohorts = changed
    old, new, _ = cohorts.fits
    assert old.params.r / old.params.alpha == pytest.approx(0.5 / 8, rel=0.2)
    assert new.params.r / new.params.alpha == pytest.approx(1.2 / 6, rel=0.2)
    assert new.params.a / (new.params.a + new.params.b) > 1.3 * old.params.a / (old.params.a + old.params.b)
    assert cohorts.width > 0.2
    assert cohorts.flags == ("shrunk", "shrunk", "as_whole")
    assert cohorts.sizes == (2000, 2000, 30)
    assert set(cohorts.flags) == set(FLAGS)


def test_cohorts_of_their_own_explain_the_log_better(changed: tuple[History, Members, Cohorts]) -> None:
    _, _, cohorts = changed
    own = sum(each.log_likelihood for each in cohorts.fits[:2])
    assert own > cohorts.whole.log_likelihood + 50


def test_a_cohort_too_small_is_as_the_whole(changed: tuple[History, Members, Cohorts]) -> None:
    _, _, cohorts = changed
    assert cohorts.fits[2] is cohorts.whole


@pytest.mark.parametrize(("n", "repeaters", "flag"), [(50, 10, "shrunk"), (49, 49, "as_whole"), (500, 9, "as_whole")])
def test_what_is_too_small(n: int, repeaters: int, flag: str) -> None:
    x = (np.arange(n) < repeaters) * 2
    history, members = together(
        shop(1, 300, OLD), history_of(x, np.where(x > 0, 5.0 + np.arange(n) % 7, 0.0), 20.0, time_unit="week")
    )
    assert fitted(history, members).flags == ("shrunk", flag)


def test_cohorts_that_are_alike_stay_near_the_whole(alike: tuple[History, Members, Cohorts]) -> None:
    history, members, cohorts = alike
    assert cohorts.width < 0.15
    for cohort, (shrunk, rows) in enumerate(by_fit(cohorts, members)):
        alone = fit(bg_nbd, history.take(rows))
        from_whole = np.abs(logs(shrunk) - logs(cohorts.whole))
        assert from_whole.max() < (0.25 if cohort < 2 else 0.1)
        assert from_whole.sum() < 0.5 * np.abs(logs(alone) - logs(cohorts.whole)).sum()


def test_the_smaller_a_cohort_the_nearer_to_the_whole() -> None:
    distances = []
    for n in (60, 400, 4000):
        history, members = together(shop(5, 3000, OLD), shop(6, n, NEW))
        whole = fit(bg_nbd, history.take(members.index == 0))
        cohorts = fit_cohorts(bg_nbd, history, whole, members, width=0.2)
        distances.append(float(np.abs(logs(cohorts.fits[1]) - logs(whole)).max()))
    assert distances[0] < distances[1] < distances[2]
    assert distances[0] < 0.6 * distances[2]


def test_the_width_follows_how_much_cohorts_differ() -> None:
    widths = []
    for factor in (1.0, 1.3, 2.0):
        parts = [shop(seed, 1500, replace(OLD, alpha=OLD.alpha * factor**step)) for seed, step in enumerate((-1, 0, 1))]
        widths.append(prior_width(bg_nbd, parts, OLD))
    assert widths == sorted(widths)
    assert widths[0] < 0.1
    assert widths[2] > 0.25
    assert all(NARROWEST <= width <= WIDEST for width in widths)


def test_a_cohort_alone_is_the_whole() -> None:
    history, members = together(shop(7, 800, OLD))
    cohorts = fitted(history, members)
    assert cohorts.width == NARROWEST
    assert logs(cohorts.fits[0]) == pytest.approx(logs(cohorts.whole), abs=1e-3)


def test_the_same_log_gives_the_same_cohorts_in_any_order(changed: tuple[History, Members, Cohorts]) -> None:
    history, members, cohorts = changed
    again = fitted(history, members)
    assert [each.params for each in again.fits] == [each.params for each in cohorts.fits]
    order = np.random.default_rng(1).permutation(len(history))
    mixed = fitted(history.take(order), Members(period="year", names=members.names, index=members.index[order]))
    assert mixed.width == cohorts.width
    for one, other in zip(mixed.fits, cohorts.fits, strict=True):
        assert logs(one) == pytest.approx(logs(other), abs=1e-4)


@pytest.mark.parametrize("name", list(BUYING))
def test_every_model_can_have_cohorts(name: str) -> None:
    purchases = net_refunds(simulated_log(8, 400, 900), as_of_day=900)
    model = BUYING[name]
    if model.OPPORTUNITIES:
        history = summarise_periods(purchases, time_unit="month")
    else:
        history = summarise(purchases, time_unit="week")
    first: IntArray = np.array([purchases.day[purchases.customer == one].min() for one in history.customer])
    members = cohort_of(first + date(2022, 1, 1).toordinal(), "year")
    cohorts = fit_cohorts(model, history, fit(model, history), members)
    assert cohorts.flags == ("shrunk", "shrunk")
    alive, expected = (
        p_alive(model, cohorts, history, members),
        expected_purchases(model, cohorts, history, members, 12.0),
    )
    assert ((alive >= 0) & (alive <= 1)).all()
    assert np.isfinite(expected).all()


# What they say of customers


def test_each_customer_is_judged_by_his_cohort(changed: tuple[History, Members, Cohorts]) -> None:
    history, members, cohorts = changed
    alive = p_alive(bg_nbd, cohorts, history, members)
    expected = expected_purchases(bg_nbd, cohorts, history, members, np.array([[10.0], [52.0]]))
    assert expected.shape == (2, len(history))
    for row in (0, 1999, 2000, 3999, 4000, 4029):
        params = cohorts.fits[int(members.index[row])].params
        one = (int(history.frequency[row]), float(history.recency[row]), float(history.T[row]))
        assert alive[row] == pytest.approx(bg_nbd.p_alive(params, *one))
        assert expected[:, row] == pytest.approx(bg_nbd.expected_purchases(params, *one, np.array([10.0, 52.0])))


def test_totals_are_those_of_the_truth_cohort_by_cohort(changed: tuple[History, Members, Cohorts]) -> None:
    history, members, cohorts = changed
    expected = expected_purchases(bg_nbd, cohorts, history, members, 26.0)
    by_whole = bg_nbd.expected_purchases(cohorts.whole.params, history.frequency, history.recency, history.T, 26.0)
    for cohort, true in enumerate((OLD, NEW)):
        of = members.index == cohort
        truth = bg_nbd.expected_purchases(true, history.frequency[of], history.recency[of], history.T[of], 26.0).sum()
        assert expected[of].sum() == pytest.approx(truth, rel=0.1)
        assert abs(expected[of].sum() / truth - 1) < abs(by_whole[of].sum() / truth - 1)


def test_where_cohorts_are_alike_the_total_is_the_whole_s(alike: tuple[History, Members, Cohorts]) -> None:
    history, members, cohorts = alike
    by_whole = bg_nbd.expected_purchases(cohorts.whole.params, history.frequency, history.recency, history.T, 26.0)
    assert expected_purchases(bg_nbd, cohorts, history, members, 26.0).sum() == pytest.approx(by_whole.sum(), rel=0.03)


def test_who_came_after_the_fit_is_judged_by_the_whole(changed: tuple[History, Members, Cohorts]) -> None:
    _, _, cohorts = changed
    later = shop(9, 5, NEW, oldest=3.0)
    members = Members(period="year", names=("2001", "2009"), index=np.array([0, 1, 1, 0, 1]))
    assert cohorts.fit_of("2009") is cohorts.whole
    alive = p_alive(bg_nbd, cohorts, later, members)
    whole = bg_nbd.p_alive(cohorts.whole.params, later.frequency, later.recency, later.T)
    assert alive[[1, 2, 4]].tolist() == whole[[1, 2, 4]].tolist()


def test_a_cohort_without_customers_here_is_passed_over(changed: tuple[History, Members, Cohorts]) -> None:
    _, _, cohorts = changed
    found = list(by_fit(cohorts, Members(period="year", names=cohorts.names, index=np.array([2, 0, 2]))))
    assert [rows.tolist() for _, rows in found] == [[1], [0, 2]]
    assert [each for each, _ in found] == [cohorts.fits[0], cohorts.whole]


def test_nobody_gets_no_answer(changed: tuple[History, Members, Cohorts]) -> None:
    history, _, cohorts = changed
    nobody = history.take(np.zeros(0, dtype=np.int64))
    members = Members(period="year", names=(), index=np.zeros(0, dtype=np.int64))
    assert len(p_alive(bg_nbd, cohorts, nobody, members)) == 0


def test_everybody_needs_a_cohort() -> None:
    history = shop(1, 60, OLD)
    too_few = Members(period="year", names=("2001",), index=np.zeros(59, dtype=np.int64))
    with pytest.raises(ScoreError, match="59 customers have a cohort, 60 a history"):
        fit_cohorts(bg_nbd, history, fit(bg_nbd, history), too_few)


def test_units_must_agree() -> None:
    history, members = together(shop(1, 60, OLD), shop(2, 60, OLD))
    whole = fit(bg_nbd, history)
    days = replace(whole, params=replace(whole.params, time_unit="day"))
    with pytest.raises(ScoreError, match="the parameters count days, the history weeks"):
        fit_cohorts(bg_nbd, history, days, members)


@settings(max_examples=25, deadline=None)
@given(histories(most=6), st.integers(0, 99))
def test_any_shop_gets_cohorts(history: History, seed: int) -> None:
    """Each customer sixty times over, so that cohorts carry a fit."""
    many = history.take(np.repeat(np.arange(len(history)), 60))
    members = Members(period="year", names=("1", "2", "3"), index=np.random.default_rng(seed).integers(0, 3, len(many)))
    cohorts = fit_cohorts(bg_nbd, many, fit(bg_nbd, many), members)
    alive = p_alive(bg_nbd, cohorts, many, members)
    assert ((alive >= 0) & (alive <= 1)).all()
    expected = expected_purchases(bg_nbd, cohorts, many, members, 1.0)
    assert np.isfinite(expected).all()
    assert (expected >= 0).all()
