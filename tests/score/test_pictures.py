"""The numbers behind the pictures: against hand counts, other people's figures, and what must hold for every shop."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.history import History
from engine.score.models import bg_nbd, pareto_nbd, sbg
from engine.score.models.bg_nbd import BgNbd
from engine.score.models.pareto_nbd import ParetoNbd
from engine.score.models.sbg import Sbg
from engine.score.pictures import alive_grid, by_frequency, concentration
from engine.score.purchases import Purchases, net_refunds
from engine.score.tracking import tracking
from engine.score.units import DAYS_PER_UNIT, TimeUnit
from engine.score.window import ValidationWindow, split
from tests.score.shops import (
    CALIBRATION_END,
    WINDOW_END,
    cdnow_log,
    cdnow_reference,
    histories,
    history_of,
    log_of,
    simulated_log,
)

PARAMS = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, time_unit="week")


def purchases_of(*rows: tuple[int, int], until: int) -> Purchases:
    return net_refunds(log_of(*((customer, day, 1000) for customer, day in rows)), as_of_day=until)


def expected_by_hand(first_days: list[int], day: int) -> float:
    """Each newcomer for himself."""
    since = [(day - first) / 7 for first in first_days if first <= day]
    return float(bg_nbd.expected_purchases(PARAMS, 0.0, 0.0, 0.0, np.array(since)[:, None]).sum())


def test_tracking_adds_up_each_customer_by_himself() -> None:
    purchases = purchases_of((1, 100), (1, 104), (1, 109), (2, 103), (3, 103), (3, 114), until=117)

    found = tracking(purchases, bg_nbd, PARAMS)

    assert found.day.tolist() == [106, 113, 117]
    assert found.actual.tolist() == [1, 2, 3]
    assert found.expected == pytest.approx([expected_by_hand([100, 103, 103], day) for day in found.day])
    assert (found.customers, found.calibration_end_day) == (3, None)


def test_tracking_follows_only_those_whom_the_calibration_knew() -> None:
    rows = ((1, 100), (1, 109), (2, 103), (3, 110), (3, 112))

    found = tracking(purchases_of(*rows, until=117), bg_nbd, PARAMS, calibration_end_day=108)

    assert found.day.tolist() == [106, 108, 113, 117]
    assert found.actual.tolist() == [0, 0, 1, 1]
    assert found.expected == pytest.approx([expected_by_hand([100, 103], day) for day in found.day])
    assert found.customers == 2


def test_a_shop_that_opened_today_can_be_tracked() -> None:
    found = tracking(purchases_of((1, 100), (2, 100), until=100), bg_nbd, PARAMS)

    assert (found.day.tolist(), found.actual.tolist(), found.expected.tolist()) == ([100], [0], [0.0])


def test_tracking_nobody_is_refused() -> None:
    with pytest.raises(ScoreError, match="nothing to track"):
        tracking(purchases_of((1, 100), until=120), bg_nbd, PARAMS, calibration_end_day=99)


def test_cdnow_adds_up_to_the_published_weeks() -> None:
    purchases = net_refunds(cdnow_log(), as_of_day=WINDOW_END)

    found = tracking(purchases, bg_nbd, PARAMS, calibration_end_day=CALIBRATION_END)

    assert found.actual.tolist() == cdnow_reference()["cumulative_actual_weekly"]
    assert CALIBRATION_END in found.day


def test_pareto_nbd_tracks_cdnow_as_published() -> None:
    """Reference: weeks 20 to 25 of the cumulative tracking in the BTYD walkthrough; its weeks end a day later."""
    published = [1309, 1385, 1460, 1533, 1604, 1674]
    params = ParetoNbd(r=0.55327, alpha=10.5778, s=0.606019, beta=11.663914, time_unit="week")
    opened = date(1997, 1, 1).toordinal()
    log = cdnow_log()

    found = [
        tracking(net_refunds(log, as_of_day=opened + 7 * week), pareto_nbd, params).expected[-1]
        for week in range(20, 26)
    ]

    assert found == pytest.approx(published, abs=1)


@pytest.fixture(scope="module")
def simulated_purchases() -> Purchases:
    return net_refunds(simulated_log(seed=7, n=6000, days=900), as_of_day=899)


@pytest.mark.parametrize("unit", ["day", "week", "month"])
def test_a_shop_that_does_what_the_model_says_is_tracked_closely(
    simulated_purchases: Purchases, unit: TimeUnit
) -> None:
    """The parameters of `simulated_log`, in any unit; same-day purchases merged cost it a percent or two."""
    params = BgNbd(r=0.8, alpha=40 / DAYS_PER_UNIT[unit], a=0.9, b=3.5, time_unit=unit)

    found = tracking(simulated_purchases, bg_nbd, params)

    late = found.actual > 500
    assert late.sum() > 50
    assert found.expected[late] == pytest.approx(found.actual[late], rel=0.05)


def test_a_clock_that_runs_twice_as_fast_is_a_model_twice_as_quick(simulated_purchases: Purchases) -> None:
    slow = BgNbd(r=0.8, alpha=40, a=0.9, b=3.5, time_unit="day")

    def double(days: FloatArray | IntArray) -> FloatArray:
        return np.asarray(2.0 * days)

    by_clock = tracking(simulated_purchases, bg_nbd, slow, clock=double)
    by_model = tracking(simulated_purchases, bg_nbd, replace(slow, alpha=20))

    assert by_clock.expected == pytest.approx(by_model.expected)


def test_opportunities_count_once_each() -> None:
    """Renewals around 30 and 60 days after the first purchase; two payments for one renewal are one."""
    params = Sbg(alpha=1.0, beta=3.0, time_unit="month")
    purchases = purchases_of((1, 100), (1, 103), (1, 130), (1, 132), (1, 161), (2, 100), (2, 131), until=176)

    found = tracking(purchases, sbg, params)

    assert found.actual[-1] == 3
    assert found.expected[-1] == pytest.approx(2 * (3 / 4 + 3 / 4 * 4 / 5), rel=0.01)  # two occasions are over


@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400)), min_size=1, max_size=30, unique=True),
    calibration=st.one_of(st.none(), st.integers(0, 450)),
)
@settings(max_examples=60, deadline=None)
def test_tracking_only_ever_grows(rows: list[tuple[int, int]], calibration: int | None) -> None:
    purchases = purchases_of(*rows, until=410)
    came = {customer: min(day for who, day in rows if who == customer) for customer, _ in rows}
    known = [customer for customer, day in came.items() if calibration is None or day <= calibration]
    if not known:
        with pytest.raises(ScoreError):
            tracking(purchases, bg_nbd, PARAMS, calibration_end_day=calibration)
        return

    found = tracking(purchases, bg_nbd, PARAMS, calibration_end_day=calibration)

    assert (np.diff(found.day) > 0).all()
    assert found.day[-1] == 410
    assert (np.diff(found.actual) >= 0).all()
    assert (np.diff(found.expected) > -1e-9).all()
    assert found.expected[0] >= 0
    assert found.actual[-1] == sum(customer in known for customer, _ in rows) - len(known)


def test_groups_by_frequency_by_hand() -> None:
    until_ten = ((1, 1), (2, 1), (2, 3), (2, 9), (3, 1), (3, 2), (3, 3), (3, 5))
    later = ((1, 12), (3, 12), (3, 14), (4, 14))
    log = log_of(*((customer, day, 1000) for customer, day in (*until_ten, *later)))
    history, window = split(log, calibration_end_day=10, window_end_day=20, time_unit="day")

    found = by_frequency(np.array([0.5, 1.0, 3.0]), history, window, last=2)

    assert found.frequency.tolist() == [0, 2]
    assert found.customers.tolist() == [1, 2]
    assert found.actual.tolist() == [1.0, 1.0]
    assert found.predicted.tolist() == [0.5, 2.0]
    assert (found.last, found.length, found.time_unit) == (2, 10.0, "day")


def test_groups_keep_every_customer_and_every_purchase() -> None:
    history, window = split(cdnow_log(), calibration_end_day=CALIBRATION_END, window_end_day=WINDOW_END)
    predicted = bg_nbd.expected_purchases(PARAMS, history.frequency, history.recency, history.T, window.length)

    found = by_frequency(predicted, history, window)

    assert found.frequency.tolist() == list(range(8))
    assert found.customers.tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert found.customers @ found.actual == pytest.approx(window.purchases.sum())
    assert found.customers @ found.predicted == pytest.approx(predicted.sum())


def test_groups_refuse_what_does_not_belong_together() -> None:
    history, window = split(log_of((1, 1, 10), (1, 5, 10)), calibration_end_day=3, window_end_day=9, time_unit="day")

    with pytest.raises(ScoreError, match="one prediction for each customer"):
        by_frequency(np.zeros(2), history, window)
    with pytest.raises(ScoreError, match="counts days, the validation window weeks"):
        by_frequency(np.zeros(1), history, replace(window, time_unit="week"))


def test_the_map_holds_what_the_model_says_of_the_oldest_customer() -> None:
    history, _ = split(cdnow_log(), calibration_end_day=CALIBRATION_END, window_end_day=WINDOW_END)

    found = alive_grid(bg_nbd, PARAMS, history)

    assert found.x.tolist() == list(range(1, int(np.quantile(history.frequency, 0.99)) + 1))
    assert found.age == found.t_x[-1] == history.T.max()
    assert found.t_x == pytest.approx(np.arange(1, 61) * found.t_x_step)
    for row, column in ((0, 0), (4, 17), (-1, -1)):
        alone = bg_nbd.p_alive(PARAMS, found.x[row], found.t_x[column], found.age)
        assert found.p_alive[row, column] == pytest.approx(float(alone))
    assert (np.diff(found.p_alive, axis=1) > 0).all()  # the later the last purchase, the better
    assert found.once == 1.0  # by this model; see its docstring


@given(histories())
@settings(max_examples=60, deadline=None)
def test_every_possible_shop_has_its_map(history: History) -> None:
    for model, params in (
        (bg_nbd, replace(PARAMS, time_unit=history.time_unit)),
        (pareto_nbd, ParetoNbd(r=0.55, alpha=10.6, s=0.61, beta=11.7, time_unit=history.time_unit)),
    ):
        if not history.T.max() > 0:
            with pytest.raises(ScoreError):
                alive_grid(model, params, history)
            continue

        found = alive_grid(model, params, history)

        assert found.p_alive.shape == (len(found.x), len(found.t_x)) <= (40, 60)
        assert ((found.p_alive >= 0) & (found.p_alive <= 1)).all()
        assert 0 <= found.once <= 1
        assert found.x[0] == 1
        assert found.x[-1] <= max(np.quantile(history.frequency, 0.99), 1) < found.x[-1] + found.x_step
        assert found.t_x[0] == pytest.approx(found.t_x_step)


@given(histories(), st.integers(0, 9), st.data())
@settings(max_examples=60, deadline=None)
def test_groups_lose_nobody(history: History, last: int, data: st.DataObject) -> None:
    bought = data.draw(st.lists(st.integers(0, 50), min_size=len(history), max_size=len(history)))
    window = ValidationWindow(
        purchases=np.array(bought), spend=np.zeros(len(history)), length=4.0, time_unit=history.time_unit
    )

    found = by_frequency(history.T, history, window, last=last)

    assert found.customers.sum() == len(history)
    assert found.customers.min() > 0
    assert found.customers @ found.actual == pytest.approx(sum(bought))
    assert found.customers @ found.predicted == pytest.approx(history.T.sum())
    assert (np.diff(found.frequency) > 0).all()
    assert found.frequency[-1] <= last


def test_a_map_of_opportunities_leaves_out_what_cannot_be() -> None:
    history = history_of([1, 5, 0, 20], [2, 5, 0, 22], [90, 7, 3, 90], time_unit="month")

    found = alive_grid(sbg, Sbg(alpha=1.0, beta=3.0, time_unit="month"), history)

    assert found.t_x.tolist() == list(range(2, 91, 2))
    assert found.t_x_step == 2
    assert (np.isnan(found.p_alive) == (found.x[:, None] > found.t_x)).all()


def test_a_map_of_very_frequent_customers_takes_several_counts_in_a_row() -> None:
    found = alive_grid(bg_nbd, PARAMS, history_of([300, 300], [70, 75], [80, 80], time_unit="week"))

    assert len(found.x) <= 40
    assert found.x[0] == 1
    assert found.x[-1] + found.x_step > 300
    assert np.isfinite(found.p_alive).all()


def test_a_map_needs_time_to_have_passed_and_one_unit() -> None:
    with pytest.raises(ScoreError, match="nobody can have left"):
        alive_grid(bg_nbd, PARAMS, history_of([0], [0], [0], time_unit="week"))
    with pytest.raises(ScoreError, match="count weeks, the history days"):
        alive_grid(bg_nbd, PARAMS, history_of([0], [0], [5], time_unit="day"))


def test_concentration_by_hand() -> None:
    found = concentration(np.array([10, 0, 60, 30]))

    at = dict(zip(found.of_customers.round(4).tolist(), found.of_value.tolist(), strict=True))
    assert (at[0.0], at[0.25], at[0.5], at[0.75], at[1.0]) == pytest.approx((0, 0.6, 0.9, 1.0, 1.0))
    assert found.top_decile_share == pytest.approx(0.24)  # two fifths of the best customer
    assert found.customers == 4


def test_who_costs_more_than_he_brings_holds_nothing() -> None:
    assert concentration(np.array([5.0, -3.0])).of_value[200] == pytest.approx(1.0)


def test_where_nobody_is_worth_anything_there_is_no_picture() -> None:
    for worth in (np.zeros(3), np.array([-1.0]), np.zeros(0)):
        with pytest.raises(ScoreError, match="no value to share out"):
            concentration(worth)


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=200).filter(any))
@settings(max_examples=60, deadline=None)
def test_concentration_is_a_curve_from_nothing_to_all(worth: list[int]) -> None:
    found = concentration(np.array(worth))

    steps = np.diff(found.of_value)
    assert (found.of_value[0], found.of_value[-1]) == (0.0, 1.0)
    assert (steps >= 0).all()
    assert (np.diff(steps) <= 1e-9).all()  # the best come first
    assert (found.of_value >= found.of_customers - 1e-9).all()
    assert 0.1 - 1e-9 <= found.top_decile_share <= 1
    assert concentration(np.array(worth[::-1])).of_value == pytest.approx(found.of_value)


def test_concentration_of_equals_is_the_straight_line() -> None:
    found = concentration(np.full(7, 12.5))

    assert found.of_value == pytest.approx(found.of_customers)
    assert found.top_decile_share == pytest.approx(0.1)
