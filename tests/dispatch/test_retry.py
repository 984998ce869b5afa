"""What a failed attempt leads to, as a table, and the waits as laws."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions import MOVES, State
from engine.dispatch.retry import FIRST_WAIT, LONGEST_ASKED, LONGEST_WAIT, MAX_ATTEMPTS, Outcome, after_failure
from engine.errors import DeliveryError

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SURELY_NOT = DeliveryError("later")
PERMANENT = DeliveryError("never", permanent=True)
AMBIGUOUS = DeliveryError("who knows", ambiguous=True)
BOTH = DeliveryError("refused, perhaps", permanent=True, ambiguous=True)


def wait(error: DeliveryError, attempt: int, action: str = "a1") -> timedelta:
    found = after_failure(error, action=action, attempt=attempt, now=NOW).due_at
    assert found is not None
    return found - NOW


@pytest.mark.parametrize(
    ("error", "attempt", "replayable", "state", "outcome", "again"),
    [
        (SURELY_NOT, 1, False, State.RETRY_AT, "retry", True),
        (SURELY_NOT, MAX_ATTEMPTS - 1, False, State.RETRY_AT, "retry", True),
        (SURELY_NOT, MAX_ATTEMPTS, False, State.REJECTED, "rejected", False),
        (SURELY_NOT, MAX_ATTEMPTS + 5, True, State.REJECTED, "rejected", False),
        (PERMANENT, 1, False, State.REJECTED, "rejected", False),
        (PERMANENT, 1, True, State.REJECTED, "rejected", False),
        (AMBIGUOUS, 1, False, State.UNKNOWN, "unknown", False),
        (AMBIGUOUS, 1, True, State.UNKNOWN, "unknown", True),
        (AMBIGUOUS, MAX_ATTEMPTS, True, State.UNKNOWN, "unknown", False),
        (BOTH, 1, False, State.UNKNOWN, "unknown", False),
    ],
)
def test_table(error: DeliveryError, attempt: int, replayable: bool, state: State, outcome: str, again: bool) -> None:
    found = after_failure(error, action="a1", attempt=attempt, now=NOW, replayable=replayable)
    assert (found.state, found.outcome, found.due_at is not None) == (state, outcome, again)
    assert state in MOVES[State.SUBMITTING]


@pytest.mark.parametrize(
    ("error", "attempt", "replayable", "outcome", "again"),
    [
        (SURELY_NOT, 2, True, "retry", True),
        (SURELY_NOT, 2, False, "retry", False),
        (SURELY_NOT, MAX_ATTEMPTS, True, "retry", False),
        (PERMANENT, 2, True, "rejected", False),
        (PERMANENT, 2, False, "rejected", False),
        (AMBIGUOUS, 2, True, "unknown", True),
        (AMBIGUOUS, 2, False, "unknown", False),
    ],
)
def test_a_doubt_about_an_attempt_before_is_not_forgotten_because_this_one_failed(
    error: DeliveryError, attempt: int, replayable: bool, outcome: str, again: bool
) -> None:
    found = after_failure(error, action="a1", attempt=attempt, now=NOW, replayable=replayable, doubted=True)
    assert (found.state, found.outcome, found.due_at is not None) == (State.UNKNOWN, outcome, again)


@pytest.mark.parametrize(
    ("attempt", "shortest"),
    [
        (1, MINUTE),
        (2, 2 * MINUTE),
        (3, 4 * MINUTE),
        (8, 128 * MINUTE),
        (9, 256 * MINUTE),
        (10, 6 * HOUR),
        (19, 6 * HOUR),
    ],
)
def test_the_wait_doubles_up_to_six_hours(attempt: int, shortest: timedelta) -> None:
    assert shortest <= wait(SURELY_NOT, attempt) < 1.5 * shortest


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (3600.0, HOUR),
        (0.0, None),
        (-5.0, None),
        (1.0, None),
        (math.nan, None),
        (math.inf, LONGEST_ASKED),
        (1e300, LONGEST_ASKED),
    ],
)
def test_what_the_provider_asks_for_is_heard_within_reason(asked: float, expected: timedelta | None) -> None:
    own = wait(SURELY_NOT, 1)
    assert wait(DeliveryError("429", retry_after=asked), 1) == (expected or own)


def test_our_own_wait_may_be_the_longer_one() -> None:
    assert wait(DeliveryError("429", retry_after=60.0), 10) >= LONGEST_WAIT


def test_a_crowd_that_failed_together_does_not_come_back_together() -> None:
    waits = {wait(SURELY_NOT, 1, f"a{number}") for number in range(200)}
    assert len(waits) == 200
    assert max(waits) - min(waits) > 0.4 * FIRST_WAIT


errors = st.builds(
    DeliveryError,
    st.text(),
    permanent=st.booleans(),
    ambiguous=st.booleans(),
    retry_after=st.none() | st.floats(),
)


@given(errors, st.text(min_size=1, max_size=40), st.integers(1, 200), st.booleans())
def test_every_failure_leads_somewhere_in_bounded_time(
    error: DeliveryError, action: str, attempt: int, replayable: bool
) -> None:
    found = after_failure(error, action=action, attempt=attempt, now=NOW, replayable=replayable)
    assert isinstance(found, Outcome)
    assert found == after_failure(error, action=action, attempt=attempt, now=NOW, replayable=replayable)
    assert found.state in (State.RETRY_AT, State.REJECTED, State.UNKNOWN)
    assert (found.state is State.UNKNOWN) == error.ambiguous
    if found.due_at is not None:
        assert FIRST_WAIT <= found.due_at - NOW <= max(1.5 * LONGEST_WAIT, LONGEST_ASKED)


@given(st.text(min_size=1, max_size=40))
def test_waits_never_get_shorter(action: str) -> None:
    waits = [wait(SURELY_NOT, attempt, action) for attempt in range(1, MAX_ATTEMPTS)]
    doubling = waits[:9]
    assert doubling == sorted(doubling)
    assert all(LONGEST_WAIT <= later <= 1.5 * LONGEST_WAIT for later in waits[9:])
