"""Who goes first when there is not room for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.schedule.rank import Candidate, ranked

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
COSTS = {"note": 2_400_000, "email": 1_000}


def candidate(number: int, **more: Any) -> Candidate:
    usual = {"channel": "email", "purpose": "marketing", "worth_micro": None, "clv_minor": None, "not_before": NOON}
    return Candidate(id=number, **usual | more)


def first(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether one goes before the other, in whichever order they come."""
    both = [candidate(1, **one), candidate(2, **other)]
    assert ranked(both, COSTS) == ranked(both[::-1], COSTS)
    return ranked(both, COSTS)[0] == 1


def test_what_is_owed_goes_first_then_what_is_worth_more_then_the_better_customer_then_what_is_due() -> None:
    later, owed = {"not_before": NOON + timedelta(days=1)}, {"purpose": "transactional"}

    assert first(owed, {"worth_micro": 10**9})
    assert first({"worth_micro": 10**7}, {"clv_minor": 10**9})
    assert first({"worth_micro": 2 * 10**7}, {"worth_micro": 10**7, "clv_minor": 10**9})
    assert first({"clv_minor": 200} | later, {"clv_minor": 100})
    assert first({}, later)
    assert first({}, {})  # and in the end what was decided first


def test_a_worth_counts_less_what_the_message_costs() -> None:
    mail, card = {"worth_micro": 10**7}, {"worth_micro": 10**7, "channel": "note"}

    assert first(mail, card)
    assert first({}, {"worth_micro": 10**6, "channel": "note"})  # which costs more than it brings
    assert first({"worth_micro": 3 * 10**6, "channel": "note"}, {})
    assert not first({"channel": "note"}, {"clv_minor": 1})  # nobody said what it brings: its cost says nothing either


def test_a_customer_without_a_score_is_expected_to_bring_nothing() -> None:
    assert first({"clv_minor": 1}, {})
    assert first({}, {"clv_minor": 0})


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("email", "note")),
            st.sampled_from(("transactional", "marketing")),
            st.none() | st.integers(0, 5_000_000),
            st.none() | st.integers(-50, 50),
        ),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_is_that_of_the_actions_not_of_their_reading(rows: list[Any], chance: Any) -> None:
    some = [
        candidate(number, channel=channel, purpose=purpose, worth_micro=worth, clv_minor=clv)
        for number, (channel, purpose, worth, clv) in enumerate(rows)
    ]
    order = ranked(some, COSTS)
    mixed = some.copy()
    chance.shuffle(mixed)

    assert ranked(mixed, COSTS) == order
    assert sorted(order) == list(range(len(some)))
