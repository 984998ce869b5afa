"""What is kept of sales and refunds: by their cost, or by the shop's margin."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.report.kept import kept


@dataclass(frozen=True)
class Row:
    amount_minor: int
    cost_minor: int | None = None
    reverses: str | None = None
    ext_key: str = ""
    source: str = "till"


def test_a_sale_keeps_what_it_did_not_cost_or_the_margin() -> None:
    rows = [Row(10_000, 6_000), Row(10_000), Row(5_000, 7_000), Row(0, 300), Row(0)]
    assert kept(rows, 0.3) == [4_000, 3_000, -2_000, -300, 0]


def test_a_refund_takes_back_the_share_of_the_sale_that_it_names() -> None:
    rows = [Row(10_000, 6_000, ext_key="1"), Row(10_000, 1_000, ext_key="2"), Row(-5_000, reverses="1")]
    assert kept(rows, 0.3)[-1] == -2_000
    assert sum(kept([rows[0], Row(-10_000, reverses="1")], 0.3)) == 0


def test_one_that_stands_before_its_sale_of_the_same_instant_too() -> None:
    assert kept([Row(-5_000, reverses="1"), Row(10_000, 6_000, ext_key="1")], 0.3) == [-2_000, 4_000]


@pytest.mark.parametrize("named", [None, "unknown", ""])
def test_one_that_names_none_takes_the_sale_before_it(named: str | None) -> None:
    rows = [Row(10_000, 1_000, ext_key="1"), Row(10_000, 6_000, ext_key="2"), Row(0, ext_key="3")]
    refund = Row(-5_000, reverses=named)
    assert kept([*rows, refund, Row(10_000, 0, ext_key="4")], 0.3)[3] == -2_000
    assert kept([refund], 0.3) == [-1_500], "of what was never seen, the shop's margin"


def test_the_same_key_of_another_source_is_another_sale() -> None:
    rows = [Row(10_000, 6_000, ext_key="1"), Row(10_000, 1_000, ext_key="1", source="web")]
    assert kept([*rows, Row(-5_000, reverses="1")], 0.3)[-1] == -2_000


@given(st.lists(st.integers(-(10**9), 10**9)))
def test_a_shop_that_knows_nothing_of_costs_keeps_all(amounts: list[int]) -> None:
    assert kept([Row(amount) for amount in amounts], 1.0) == amounts


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.none() | st.integers(0, 10**6)), min_size=1),
    st.floats(0.01, 1.0),
)
def test_what_is_wholly_taken_back_leaves_nothing(sales: list[tuple[int, int | None]], margin: float) -> None:
    rows = [Row(amount, cost, ext_key=f"{number}") for number, (amount, cost) in enumerate(sales)]
    back = [Row(-one.amount_minor, reverses=one.ext_key) for one in rows]
    assert abs(sum(kept([*rows, *back], margin))) <= len(rows), "but for the rounding"
