"""The states of an action: where one can get to, and what can still be stopped."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions import IF_UNKNOWN, MOVES, OPEN, Ending, Plan, State, Wait, concerns, sources
from engine.core.calendar import Duration, Window
from engine.core.facts import Event

ANCHOR = datetime(2026, 3, 2, 12, tzinfo=UTC)
END = {
    State.BOUNCED,
    State.COMPLAINED,
    State.REJECTED,
    State.SUPPRESSED,
    State.EXPIRED,
    State.CANCELLED,
}


def reachable(start: State, *, without: frozenset[State] = frozenset()) -> set[State]:
    """All states that an action in `start` can come to, not by way of `without`."""
    found, waiting = {start}, [start]
    while waiting:
        for after in MOVES[waiting.pop()] - found - without:
            found.add(after)
            waiting.append(after)
    return found


class TestMoves:
    def test_every_state_has_its_moves_and_can_be_reached(self) -> None:
        assert set(MOVES) == set(State)
        assert reachable(State.WAITING) == set(State)
        assert reachable(State.PLANNED) == set(State) - {State.WAITING}
        assert sources(State.PLANNED) == {State.WAITING}  # every action begins in one of the two
        assert sources(State.WAITING) == frozenset()

    def test_an_end_is_an_end_and_every_action_has_one(self) -> None:
        assert {state for state, moves in MOVES.items() if not moves} == END
        assert all(reachable(state) & END for state in State)
        assert not any(state in moves for state, moves in MOVES.items())

    def test_only_an_attempt_or_a_person_leads_to_accepted(self) -> None:
        assert sources(State.ACCEPTED) == {State.SUBMITTING, State.UNKNOWN}
        assert State.ACCEPTED not in reachable(State.PLANNED, without=frozenset((State.SUBMITTING, State.UNKNOWN)))

    def test_nothing_is_submitted_that_was_not_frozen(self) -> None:
        assert sources(State.SUBMITTING) == {State.READY, State.RETRY_AT}
        assert State.SUBMITTING not in reachable(State.PLANNED, without=frozenset((State.READY,)))

    def test_what_was_accepted_is_never_sent_again(self) -> None:
        heard_of = {State.DELIVERED, State.BOUNCED, State.COMPLAINED}
        assert reachable(State.ACCEPTED) == {State.ACCEPTED, State.CANCELLED, *heard_of}

    def test_what_is_held_needs_its_approval(self) -> None:
        assert State.SUBMITTING not in reachable(State.HELD, without=frozenset((State.READY,)))

    def test_sources_are_the_moves_turned_round(self) -> None:
        for state in State:
            assert sources(state) == {before for before in State if state in MOVES[before]}


class TestOpen:
    def test_these_may_still_be_stopped(self) -> None:
        assert {State.WAITING, State.PLANNED, State.HELD, State.READY, State.RETRY_AT} == OPEN

    def test_none_of_them_is_one_in_which_it_may_have_gone_out(self) -> None:
        assert not OPEN & {State.SUBMITTING, State.UNKNOWN, State.ACCEPTED, State.DELIVERED}

    def test_each_of_them_can_end_in_every_way_of_stopping(self) -> None:
        for state in (State.SUPPRESSED, State.EXPIRED, State.CANCELLED):
            assert sources(state) >= OPEN


DURATIONS = st.builds(Duration, months=st.integers(0, 100), days=st.integers(0, 1000), seconds=st.integers(0, 100_000))
WAITS = st.builds(Wait, kind=st.text(max_size=5), within=DURATIONS, after=DURATIONS, when=st.text(max_size=5))
PLANS = st.builds(
    Plan,
    template=st.text(max_size=10),
    window=st.builds(Window, days=st.frozensets(st.integers(0, 6)), start=st.times(), end=st.times()),
    valid_for=DURATIONS,
    approve=st.booleans(),
    options=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=2),
    unless=st.text(max_size=5),
    wait=st.none() | WAITS,
    if_unknown=st.sampled_from(IF_UNKNOWN),
)


class TestPlan:
    @given(PLANS)
    def test_it_comes_back_from_json_as_it_was(self, plan: Plan) -> None:
        assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan

    def test_without_a_word_it_may_go_out_at_any_time_for_a_week(self) -> None:
        plan = Plan()
        assert (plan.window.start, plan.window.days) == (time(0), frozenset(range(7)))
        assert plan.valid_for == Duration(days=7)
        assert not plan.approve
        assert (plan.unless, plan.wait, plan.if_unknown) == ("", None, "ask")

    def test_what_it_does_not_ask_for_is_not_written(self) -> None:
        assert not {"unless", "await", "if_unknown"} & Plan().to_json().keys()


class TestConcerns:
    @pytest.mark.parametrize(
        ("named", "reference", "hours", "concerned"),
        [
            ("", "", 0, True),
            ("P-1", "P-1", 5, True),
            ("P-1", "P-2", 5, False),
            ("P-1", "", 5, True),
            ("", "P-2", 5, True),
            ("P-1", "P-1", -1, False),
        ],
    )
    def test_an_event_of_the_same_reference_from_the_anchor_on(
        self, named: str, reference: str, hours: int, concerned: bool
    ) -> None:
        happened, payload = ANCHOR + timedelta(hours=hours), {"reference": named} if named else {}
        event = Event(customer="C1", kind="quote.accepted", ext_key="1", occurred_at=happened, payload=payload)

        assert concerns(event, anchor_at=ANCHOR, reference=reference) is concerned
        for kinds in (("quote.accepted",), ("quote.declined", "quote.accepted"), ("quote.declined",), ()):
            ending = Ending(stop_on=kinds, anchor_at=ANCHOR, reference=reference)
            assert ending.comes_with(event) is (concerned and "quote.accepted" in kinds)
