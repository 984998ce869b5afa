"""Decisions and journeys: each occurrence is answered once, and a stopped journey stops what is still with us."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engine.core.actions import MOVES, OPEN, Ending, State
from engine.store import decisions
from engine.store.session import Store
from tests.store.seed import DAY, HASH, NOON, STATES, again, customer, decision, finish, in_state, journey, planned


class TestDecisions:
    def test_an_occurrence_is_answered_once(self, store: Store) -> None:
        with store.write() as connection:
            key = customer(connection)
            assert decisions.decided(connection, [(key, "1")]) == set()
            decision(connection, outcome="no", values={"p": 0.25})
            decision(connection, occurrence="2")
            decision(connection, "C2")
            decision(connection, rule="quote")
            assert decisions.decided(connection, [(key, "1")]) == {("thanks", key, "1"), ("quote", key, "1")}
            assert decisions.decided(connection, [(key, "2"), (key, "3")]) == {("thanks", key, "2")}
            assert decisions.decided(connection, []) == set()
            first = decisions.of_customer(connection, key)[0]
            told = [{"code": "when", "clause": "p < 0.2", "holds": False, "values": {"p": 0.25}}]
            assert (first["outcome"], first["arm"], first["reasons"]) == ("no", "none", told)
        with pytest.raises(IntegrityError), store.write() as connection:
            decision(connection)

    @pytest.mark.parametrize("number", [1, 30, 600])
    def test_of_many_answers_none_is_kept_when_one_is_there(self, store: Store, number: int) -> None:
        with store.write() as connection:
            decision(connection, occurrence="last")
            row = {"rule_id": "thanks", "customer_id": customer(connection), "event_id": None, "answers": {}}
        new = [row | {"occurrence": str(one)} for one in range(number)]
        with pytest.raises(IntegrityError), store.write() as connection:
            decisions.add_decisions(connection, [*new, row | {"occurrence": "last"}], NOON)
        with store.write() as connection:
            decisions.add_decisions(connection, new, NOON)

    def test_a_rule_is_kept_under_its_hash(self, store: Store) -> None:
        with store.write() as connection:
            for instant, words in ((NOON, "one"), (NOON + DAY, "other")):
                decisions.keep_version(connection, "thanks", HASH, words, instant)
            decisions.keep_version(connection, "thanks", "0" * 64, "new", NOON)
            kept = connection.execute(text("SELECT hash, text FROM rule_version ORDER BY hash")).all()
        assert kept == [("0" * 64, "new"), (HASH, "one")]

    def test_they_are_told_with_the_journeys_that_they_began(self, store: Store) -> None:
        with store.write() as connection:
            decision(connection, occurrence="2", outcome="no", decided_at=NOON + DAY)
            decision(connection, occurrence="1")
            decision(connection, rule="quote", decided_at=NOON + 2 * DAY)
            passage = journey(connection)
            key = customer(connection)
            told = decisions.of_customer(connection, key)
            assert [(row["rule_id"], row["occurrence"], row["journey_id"], row["journey"]) for row in told] == [
                ("thanks", "1", passage, "active"),
                ("thanks", "2", None, None),
                ("quote", "1", None, None),
            ]
            assert [row["rule_id"] for row in decisions.of_customer(connection, key, "quote")] == ["quote"]
            assert decisions.of_customer(connection, customer(connection, "C2")) == []

    def test_they_are_counted_by_rule_and_answer(self, store: Store) -> None:
        with store.write() as connection:
            for number, outcome in enumerate(("act", "no", "no")):
                decision(connection, occurrence=str(number), outcome=outcome)
            decision(connection, rule="quote")
            assert decisions.counts(connection) == [("quote", "act", 1), ("thanks", "act", 1), ("thanks", "no", 2)]


class TestJourneys:
    def test_an_occurrence_is_gone_through_once(self, store: Store) -> None:
        with store.write() as connection:
            journey(connection)
        with pytest.raises(IntegrityError), store.write() as connection:
            journey(connection)

    def test_when_the_customer_last_entered(self, store: Store) -> None:
        with store.write() as connection:
            key = customer(connection)
            assert decisions.last_started(connection, [key]) == {}
            journey(connection, occurrence="1", started_at=NOON + DAY)
            journey(connection, occurrence="2")
            journey(connection, "C2", started_at=NOON + 9 * DAY)
            assert decisions.last_started(connection, [key]) == {("thanks", key): NOON + DAY}

    def test_the_ones_under_way(self, store: Store) -> None:
        with store.write() as connection:
            one = journey(connection, occurrence="1", stop_on=["complaint.opened"], anchor_at=NOON - DAY)
            other = journey(connection, occurrence="2")
            journey(connection, "C2")
            decisions.stop_journey(connection, other, "asked", NOON)
            (found,) = decisions.active_journeys(connection, [customer(connection)])
        assert (found.id, found.rule_id, found.occurrence, found.state) == (one, "thanks", "1", "active")
        assert found.ending == Ending(stop_on=("complaint.opened",), anchor_at=NOON - DAY)
        assert found.started_at == NOON


class TestStopping:
    @pytest.mark.parametrize("state", STATES)
    def test_what_is_with_us_is_cancelled_and_nothing_else(self, store: Store, state: State) -> None:
        with store.write() as connection:
            action = in_state(connection, state)
            assert again(connection, action).state is state
            assert decisions.stop_journey(connection, action.journey_id, "complaint.opened", NOON) == (state in OPEN)
            after = again(connection, action)
        assert after.state is (State.CANCELLED if state in OPEN else state)
        if state in OPEN:
            assert (after.reason, after.finished_at) == ("complaint.opened", NOON)
            assert State.CANCELLED in MOVES[state]

    def test_a_journey_ends_once_and_keeps_its_reason(self, store: Store) -> None:
        with store.write() as connection:
            passage = journey(connection)
            decision(connection)
            decisions.stop_journey(connection, passage, "first", NOON)
            decisions.stop_journey(connection, passage, "second", NOON + DAY)
            (told,) = decisions.of_customer(connection, customer(connection))
        assert (told["journey"], told["exit_reason"]) == ("stopped", "first")

    @pytest.mark.parametrize("state", STATES)
    def test_a_journey_is_finished_when_nothing_is_left_to_do(self, store: Store, state: State) -> None:
        going = OPEN | {State.SUBMITTING, State.UNKNOWN}
        with store.write() as connection:
            in_state(connection, state)
            empty = journey(connection, "C2")
            assert finish(connection, NOON + DAY) == (1 if state in going else 2)
            assert finish(connection, NOON + DAY) == 0
            assert bool(decisions.active_journeys(connection, [customer(connection)])) == (state in going)
            assert decisions.stop_journey(connection, empty, "too late", NOON) == 0


class TestTogether:
    def test_the_journeys_of_a_rule_that_are_under_way(self, store: Store) -> None:
        with store.write() as connection:
            first, second = journey(connection), journey(connection, "C2", occurrence="2026-05-01")
            journey(connection, "C2", rule="quote")
            decisions.stop_journey(connection, journey(connection, occurrence="2"), "stopped", NOON)

            found = decisions.pending(connection, "thanks")
            assert [(one.id, one.occurrence, one.rule_hash) for one in found] == [
                (first, "1", HASH),
                (second, "2026-05-01", HASH),
            ]
            assert [one.id for one in decisions.pending(connection, "thanks", [customer(connection, "C2")])] == [second]

    def test_many_end_as_each_would_alone(self, store: Store) -> None:
        with store.write() as connection:
            made = [planned(connection, ref, dedupe_key=ref) for ref in ("C1", "C2", "C3")]
            decisions.stop_journeys(connection, [one.journey_id for one in made[:2]], "moved", NOON)
            decisions.stop_journeys(connection, [made[0].journey_id], "again", NOON)

            assert [(again(connection, one).state, again(connection, one).reason) for one in made] == [
                (State.CANCELLED, "moved"),
                (State.CANCELLED, "moved"),
                (State.PLANNED, ""),
            ]
            assert [one.id for one in decisions.pending(connection, "thanks")] == [made[2].journey_id]

    def test_what_ends_a_journey_counts_from_its_beginning_if_that_is_before_the_date(self, store: Store) -> None:
        with store.write() as connection:
            journey(connection, anchor_at=NOON + DAY)
            journey(connection, "C2", anchor_at=NOON - DAY)
            active = decisions.active_journeys(connection, [customer(connection), customer(connection, "C2")])

            assert [one.ending.anchor_at for one in active] == [NOON, NOON - DAY]
