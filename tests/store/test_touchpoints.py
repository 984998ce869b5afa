"""Touchpoints: what customers heard from us, and what they may have heard."""

from __future__ import annotations

import pytest

from engine.core.actions import State
from engine.store import touchpoints
from engine.store.session import Store
from tests.store.seed import DAY, NOON, customer, in_state, ready


@pytest.mark.parametrize(("channel", "seen"), [("email", True), ("note", True), ("reward", False), ("task", False)])
def test_a_touchpoint_is_what_the_customer_sees(store: Store, channel: str, seen: bool) -> None:
    with store.write() as connection:
        touchpoints.add(connection, [ready(connection, channel=channel)], NOON)
        assert touchpoints.by_channel(connection) == ([("thanks", channel, 1)] if seen else [])


def test_what_was_heard_since(store: Store) -> None:
    with store.write() as connection:
        for number, (days, purpose) in enumerate(((1, "relationship"), (2, "transactional"), (3, "marketing"))):
            word = ready(connection, occurrence=str(number), purpose=purpose)
            touchpoints.add(connection, [word], NOON + days * DAY)
        touchpoints.add(connection, [ready(connection, "C2")], NOON + 4 * DAY)
        key, other = customer(connection), customer(connection, "C2")
        assert touchpoints.heard(connection, [key], NOON) == {key: [NOON + DAY, NOON + 3 * DAY]}
        assert touchpoints.heard(connection, [key], NOON + DAY) == {key: [NOON + 3 * DAY]}
        both = {key: [NOON + 3 * DAY], other: [NOON + 4 * DAY]}
        assert touchpoints.heard(connection, [key, other], NOON + DAY) == both
        assert touchpoints.heard(connection, [], NOON) == {}


def test_what_may_have_been_heard_counts_from_its_last_attempt(store: Store) -> None:
    with store.write() as connection:
        one = in_state(connection, State.UNKNOWN)
        assert touchpoints.heard(connection, [one.customer_id], NOON - DAY) == {one.customer_id: [NOON]}
        assert touchpoints.heard(connection, [one.customer_id], NOON) == {}
