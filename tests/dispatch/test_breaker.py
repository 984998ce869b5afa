"""When a failing provider is left alone, and how it comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.breaker import Breaker
from engine.dispatch.breaker import FAILURES, FIRST_OPEN, LONGEST_OPEN, PROBE, after, allows, probe
from engine.errors import DeliveryError

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DOWN = DeliveryError("cannot be reached")
DOUBT = DeliveryError("did not say", ambiguous=True)
REFUSED = DeliveryError("no such address", permanent=True)
BUSY = DeliveryError("429", retry_after=120.0)


def failed(times: int, error: DeliveryError = DOWN, breaker: Breaker | None = None) -> Breaker:
    breaker = breaker or Breaker()
    for _ in range(times):
        breaker = after(breaker, error, NOW)
    return breaker


def test_a_new_one_lets_everything_through() -> None:
    assert allows(Breaker(), NOW) is None


@pytest.mark.parametrize("error", [DOWN, DOUBT, BUSY])
def test_it_opens_after_some_failures_in_a_row(error: DeliveryError) -> None:
    assert allows(failed(FAILURES - 1, error), NOW) is None
    opened = failed(FAILURES, error)
    assert allows(opened, NOW) == 0
    assert opened.reason == str(error)


@pytest.mark.parametrize("answer", [None, REFUSED])
def test_whoever_answers_is_there(answer: DeliveryError | None) -> None:
    assert after(failed(FAILURES - 1), answer, NOW) == Breaker()
    assert after(failed(FAILURES), answer, NOW) == Breaker()


def test_a_refusal_that_is_itself_in_doubt_is_a_failure() -> None:
    both = DeliveryError("refused, perhaps", permanent=True, ambiguous=True)
    assert allows(failed(FAILURES, both), NOW) == 0


def test_half_open_it_lets_one_through_for_all_workers_together() -> None:
    later = NOW + FIRST_OPEN
    opened = failed(FAILURES)
    assert allows(opened, later - SECOND) == 0
    assert allows(opened, later) == 1
    trying = probe(opened, later)
    assert allows(trying, later) == 0
    assert allows(after(trying, None, later), later) is None


def test_a_probe_of_which_nothing_is_heard_holds_nobody_up() -> None:
    trying = probe(failed(FAILURES), NOW + FIRST_OPEN)
    assert allows(trying, NOW + FIRST_OPEN + PROBE) == 1


def test_it_waits_twice_as_long_after_each_failed_probe_up_to_a_bound() -> None:
    breaker, now, lengths = failed(FAILURES), NOW + FIRST_OPEN, []
    for _ in range(8):
        breaker = after(probe(breaker, now), DOWN, now)
        assert breaker.open_until is not None
        lengths.append(breaker.open_until - now)
        now = breaker.open_until
    assert lengths[:3] == [2 * FIRST_OPEN, 4 * FIRST_OPEN, 8 * FIRST_OPEN]
    assert lengths[-1] == LONGEST_OPEN


def test_what_was_under_way_when_it_opened_does_not_make_it_longer() -> None:
    opened = failed(FAILURES)
    assert failed(20, DOWN, opened).open_until == opened.open_until
    assert failed(20, DOWN, opened).trips == 1


@pytest.mark.parametrize(("asked", "length"), [(120.0, 120.0), (1.0, 30.0), (10**9, 600.0), (-5.0, 30.0)])
def test_it_stays_away_as_long_as_the_provider_asks_within_reason(asked: float, length: float) -> None:
    opened = failed(FAILURES, DeliveryError("429", retry_after=asked))
    assert opened.open_until == NOW + timedelta(seconds=length)


def test_a_clock_that_was_set_back_does_not_keep_it_open_for_long() -> None:
    assert allows(failed(FAILURES), NOW - timedelta(days=1)) == 1


ANSWERS = st.sampled_from([None, DOWN, DOUBT, REFUSED, BUSY])


@given(st.lists(st.tuples(ANSWERS, st.integers(0, 900), st.booleans()), max_size=40))
def test_whatever_happens_it_comes_back(answers: list[tuple[DeliveryError | None, int, bool]]) -> None:
    breaker, now = Breaker(), NOW
    for answer, seconds, tries in answers:
        now += seconds * SECOND
        if tries and allows(breaker, now) == 1:
            breaker = probe(breaker, now)
        breaker = after(breaker, answer, now)
        assert allows(breaker, now + LONGEST_OPEN) in (None, 1)
        assert (breaker.open_until is None) == (breaker.trips == 0)
