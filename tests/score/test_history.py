"""From transactions to histories: days merged, refunds netted, nothing known before its time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.history import summarise
from engine.score.purchases import Log, Purchases, net_refunds
from engine.score.units import DAYS_PER_UNIT, TimeUnit
from engine.score.window import split
from tests.score.shops import history_of, log_of


def rows(purchases: Purchases) -> list[tuple[int, int, int]]:
    return list(zip(purchases.customer.tolist(), purchases.day.tolist(), purchases.amount_minor.tolist(), strict=True))


def test_sales_of_one_day_are_one_purchase() -> None:
    log = log_of((4, 47, 300), (4, 30, 600), (4, 50, 300), (4, 50, 600), (1, 50, 1))
    assert rows(net_refunds(log, as_of_day=99)) == [(1, 50, 1), (4, 30, 600), (4, 47, 300), (4, 50, 900)]


def test_a_named_refund_takes_its_sale_down_and_no_other() -> None:
    log = log_of((1, 10, 500), (1, 20, 700), (1, 25, -200, 0))
    net = net_refunds(log, as_of_day=99)
    assert rows(net) == [(1, 10, 300), (1, 20, 700)]
    assert net.unmatched_minor == 0


def test_a_sale_wholly_taken_back_is_no_purchase() -> None:
    log = log_of((1, 10, 500), (1, 20, 700), (1, 25, -700, 1))
    assert rows(net_refunds(log, as_of_day=99)) == [(1, 10, 500)]


def test_a_day_stays_while_another_sale_of_that_day_does() -> None:
    log = log_of((1, 10, 500), (1, 10, 700), (1, 25, -700, 1))
    assert rows(net_refunds(log, as_of_day=99)) == [(1, 10, 500)]


def test_what_the_named_day_cannot_bear_goes_to_the_purchase_before_it() -> None:
    log = log_of((1, 10, 500), (1, 20, 700), (1, 30, 900), (1, 35, -800, 1))
    assert rows(net_refunds(log, as_of_day=99)) == [(1, 10, 400), (1, 30, 900)]


def test_a_refund_without_a_name_takes_back_the_latest_purchases_before_it() -> None:
    log = log_of((1, 10, 500), (1, 20, 700), (1, 30, 900), (1, 25, -800))
    assert rows(net_refunds(log, as_of_day=99)) == [(1, 10, 400), (1, 30, 900)]


def test_a_refund_on_the_day_of_a_sale_takes_that_sale_back_whatever_the_order_of_rows() -> None:
    log = log_of((1, 20, -700), (1, 10, 500), (1, 20, 700))
    assert rows(net_refunds(log, as_of_day=99)) == [(1, 10, 500)]


def test_a_named_refund_is_taken_before_an_unnamed_one() -> None:
    log = log_of((1, 10, 500), (1, 20, 700), (1, 22, -300), (1, 30, -700, 1))
    assert rows(net_refunds(log, as_of_day=99)) == [(1, 10, 200)]


def test_money_back_for_nothing_seen_is_dropped_and_counted() -> None:
    log = log_of((1, 5, -40), (1, 10, 500), (1, 20, -600), (2, 5, -1))
    net = net_refunds(log, as_of_day=99)
    assert rows(net) == []
    assert net.unmatched_minor == 40 + 100 + 1


@pytest.mark.parametrize("named", [1, 2, -7, 99])
def test_a_name_that_is_no_sale_of_the_customer_counts_as_none(named: int) -> None:
    log = log_of((1, 10, 500), (2, 10, 500), (1, 20, -100, named))
    assert rows(net_refunds(log, as_of_day=99)) == [(1, 10, 400), (2, 10, 500)]


def test_a_log_without_names_needs_no_column_for_them() -> None:
    log = replace(log_of((1, 10, 500), (1, 20, -100)), sale_day=None)
    assert rows(net_refunds(log, as_of_day=99)) == [(1, 10, 400)]


def test_a_free_sale_is_a_purchase_and_no_refund_undoes_it() -> None:
    log = log_of((1, 10, 500), (1, 20, 0), (1, 30, -500))
    assert rows(net_refunds(log, as_of_day=99)) == [(1, 20, 0)]


def test_only_what_was_known_that_day_counts() -> None:
    log = log_of((1, 10, 500), (1, 20, 700), (1, 30, -700, 1), (2, 21, 5))
    assert rows(net_refunds(log, as_of_day=20)) == [(1, 10, 500), (1, 20, 700)]
    assert rows(net_refunds(log, as_of_day=29)) == [(1, 10, 500), (1, 20, 700), (2, 21, 5)]
    assert rows(net_refunds(log, as_of_day=30)) == [(1, 10, 500), (2, 21, 5)]
    assert rows(net_refunds(log, as_of_day=9)) == []


def test_amounts_near_the_end_of_the_integers_do_not_overflow() -> None:
    huge = 10**15
    log = log_of(*[(customer, 1, huge) for customer in range(400)], *[(c, 2, -huge + 1) for c in range(400)])
    net = net_refunds(log, as_of_day=9)
    assert net.amount_minor.tolist() == [1] * 400


Row = tuple[int, int, int, int]


@st.composite
def ledgers(draw: st.DrawFn) -> list[Row]:
    moves = draw(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(-50, 50), st.integers(-1, 30)), max_size=30
        )
    )
    return [(customer, day, amount, row if amount < 0 else -1) for customer, day, amount, row in moves]


def by_hand(ledger: list[Row], as_of_day: int) -> tuple[dict[tuple[int, int], int], int]:
    """The policy told slowly, customer by customer and cent by cent."""
    sold: dict[tuple[int, int], int] = defaultdict(int)
    for customer, day, amount, _ in ledger:
        if day <= as_of_day and amount >= 0:
            sold[customer, day] += amount
    left, back = dict(sold), []
    for customer, day, amount, row in ledger:
        if day > as_of_day or amount >= 0:
            continue
        named = ledger[row] if 0 <= row < len(ledger) else None
        if named and named[0] == customer and named[2] >= 0 and named[1] <= as_of_day:
            taken = min(-amount, left[customer, named[1]])
            left[customer, named[1]] -= taken
            back.append((customer, named[1], -amount - taken))
        else:
            back.append((customer, day, -amount))
    unmatched = 0
    for customer, day, amount in sorted(back, key=lambda refund: refund[1]):
        for earlier in sorted((d for c, d in left if c == customer and d <= day), reverse=True):
            taken = min(amount, left[customer, earlier])
            left[customer, earlier] -= taken
            amount -= taken
        unmatched += amount
    return {key: value for key, value in left.items() if value > 0 or sold[key] == 0}, unmatched


@settings(deadline=None)
@given(ledgers(), st.integers(0, 9))
def test_netting_at_once_is_netting_by_hand(ledger: list[Row], as_of_day: int) -> None:
    net = net_refunds(log_of(*ledger), as_of_day=as_of_day)
    expected, unmatched = by_hand(ledger, as_of_day)
    assert {(customer, day): amount for customer, day, amount in rows(net)} == expected
    assert net.unmatched_minor == unmatched


@settings(deadline=None)
@given(ledgers())
def test_no_money_appears_or_vanishes(ledger: list[Row]) -> None:
    log = log_of(*ledger)
    net = net_refunds(log, as_of_day=9)
    assert int(net.amount_minor.sum()) - net.unmatched_minor == int(log.amount_minor.sum())
    assert (net.amount_minor >= 0).all()
    assert rows(net) == sorted(rows(net))


def test_the_numbers_of_a_history_are_those_of_the_papers() -> None:
    log = log_of((7, 100, 1000), (7, 107, 2000), (7, 121, 3000), (9, 114, 555), (8, 200, 1))
    history = summarise(net_refunds(log, as_of_day=128), time_unit="week", exponent=2)
    assert history.customer.tolist() == [7, 9]
    assert history.frequency.tolist() == [2, 0]
    assert history.recency.tolist() == [3.0, 0.0]
    assert history.T.tolist() == [4.0, 2.0]
    assert history.monetary.tolist() == [25.0, 0.0]
    assert history.first_spend.tolist() == [10.0, 5.55]
    assert history.days_since_purchase.tolist() == [7, 14]
    assert (history.time_unit, history.exponent, len(history)) == ("week", 2, 2)


@pytest.mark.parametrize(("unit", "days"), [("day", 1.0), ("week", 7.0), ("month", 30.4375)])
def test_times_are_days_over_the_length_of_the_unit(unit: TimeUnit, days: float) -> None:
    assert DAYS_PER_UNIT[unit] == days
    history = summarise(net_refunds(log_of((1, 0, 5), (1, 70, 5)), as_of_day=91), time_unit=unit)
    assert history.recency[0] == pytest.approx(70 / days)
    assert history.T[0] == pytest.approx(91 / days)


def test_a_currency_without_decimals_is_not_divided() -> None:
    history = summarise(net_refunds(log_of((1, 0, 500), (1, 5, 700)), as_of_day=9), exponent=0)
    assert history.monetary.tolist() == [700.0]


def test_free_repeat_purchases_have_a_mean_of_nothing() -> None:
    history = summarise(net_refunds(log_of((1, 0, 500), (1, 5, 0)), as_of_day=9))
    assert (history.frequency.tolist(), history.monetary.tolist()) == ([1], [0.0])


def test_an_empty_log_gives_an_empty_history() -> None:
    assert len(summarise(net_refunds(log_of(), as_of_day=9))) == 0


@settings(deadline=None)
@given(ledgers(), st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(ledger: list[Row], seed: int) -> None:
    log = replace(log_of(*ledger), sale_day=None)
    order = np.random.default_rng(seed).permutation(len(ledger))
    mixed = Log(customer=log.customer[order], day=log.day[order], amount_minor=log.amount_minor[order])
    one, other = (summarise(net_refunds(each, as_of_day=9)) for each in (log, mixed))
    assert one.customer.tolist() == other.customer.tolist()
    assert one.frequency.tolist() == other.frequency.tolist()
    assert one.monetary.tolist() == other.monetary.tolist()


@pytest.mark.parametrize(
    ("x", "t_x", "age", "spend"),
    [(-1, 0, 5, 1), (1, 6, 5, 1), (0, 1, 5, 1), (1, 0, 5, 1), (0, 0, np.inf, 1), (1, 1, 5, -1), (1, 1, 5, np.nan)],
)
def test_a_history_that_no_log_can_give_is_refused(x: int, t_x: float, age: float, spend: float) -> None:
    with pytest.raises(ScoreError, match="customer 1 has a history that no log can give"):
        replace(
            history_of([0, 0], 0, 10),
            frequency=np.array([0, x]),
            recency=np.array([0, t_x]),
            T=np.array([10, age]),
            monetary=np.array([0.0, spend]),
        )


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ScoreError, match="one value per customer"):
        replace(history_of([0, 0], 0, 10), monetary=np.zeros(3))


def test_a_split_sees_nothing_of_what_comes_after() -> None:
    log = log_of((1, 10, 500), (1, 20, 700), (1, 31, 100), (1, 35, 200), (2, 32, 9), (3, 30, 50), (1, 60, 1))
    history, window = split(log, calibration_end_day=30, window_end_day=44, time_unit="week")
    assert history.customer.tolist() == [1, 3]
    assert history.T.tolist() == [20 / 7, 0.0]
    assert window.purchases.tolist() == [2, 0]
    assert window.spend.tolist() == [3.0, 0.0]
    assert (window.length, window.time_unit) == (2.0, "week")


def test_a_refund_in_the_window_of_an_older_sale_lowers_nothing_in_it() -> None:
    log = log_of((1, 10, 500), (1, 20, 700), (1, 35, 200), (1, 40, -700, 1))
    history, window = split(log, calibration_end_day=30, window_end_day=44)
    assert history.frequency.tolist() == [1]
    assert (window.purchases.tolist(), window.spend.tolist()) == ([1], [2.0])


def test_a_sale_of_the_window_taken_back_in_it_did_not_happen() -> None:
    log = log_of((1, 10, 500), (1, 35, 200), (1, 40, -200))
    _, window = split(log, calibration_end_day=30, window_end_day=44)
    assert window.purchases.tolist() == [0]


def test_customers_who_come_later_are_not_in_the_window() -> None:
    history, window = split(log_of((5, 10, 1), (9, 35, 1), (2, 36, 1)), calibration_end_day=30, window_end_day=40)
    assert (history.customer.tolist(), window.purchases.tolist()) == ([5], [0])
    assert len(split(log_of((9, 35, 1)), calibration_end_day=30, window_end_day=40)[0]) == 0


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ScoreError, match="must end after"):
        split(log_of((1, 10, 500)), calibration_end_day=30, window_end_day=30)
