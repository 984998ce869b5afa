"""Who is left alone: about the share that was asked for, always the same people, other people for another rule."""

from __future__ import annotations

import pytest

from engine.decide.holdout import held_out

CUSTOMERS = [f"C{number}" for number in range(4000)]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.5, 1.0])
def test_about_the_share_is_held_out(share: float) -> None:
    drawn = sum(held_out("key", "rule", customer, share) for customer in CUSTOMERS)

    assert abs(drawn / len(CUSTOMERS) - share) < 0.025


def test_the_lot_is_the_same_every_time_and_grows_with_the_share() -> None:
    few = {customer for customer in CUSTOMERS if held_out("key", "rule", customer, 0.05)}
    many = {customer for customer in CUSTOMERS if held_out("key", "rule", customer, 0.2)}

    assert few == {customer for customer in CUSTOMERS if held_out("key", "rule", customer, 0.05)}
    assert few < many


def test_another_rule_and_another_shop_draw_others() -> None:
    one = {customer for customer in CUSTOMERS if held_out("key", "rule", customer, 0.1)}
    two = {customer for customer in CUSTOMERS if held_out("key", "other", customer, 0.1)}
    three = {customer for customer in CUSTOMERS if held_out("another key", "rule", customer, 0.1)}

    assert len(one & two) < 0.25 * len(one)
    assert len(one & three) < 0.25 * len(one)
