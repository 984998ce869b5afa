"""Finished actions move to the history, once and whole, and whoever asks gets the same answers as before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from engine.core.actions import FINISHED, MOVES, State
from engine.store import actions, decisions, print_jobs, retention, touchpoints
from engine.store.session import Store
from tests.store.seed import DAY, NOON, STATES, again, finish, in_state, journey, planned, ready, values

LATER = NOON + 100 * DAY


def over(connection: Connection) -> None:
    """The journeys that have nothing left to do end."""
    finish(connection, NOON)


def tidied(connection: Connection, before: datetime = LATER) -> int:
    """Move all that is old, as the stage does it."""
    over(connection)
    found = [place for state in sorted(FINISHED) for place in retention.old(connection, state, before, 1000)]
    return retention.move(connection, [key for _, key in found])


def where(connection: Connection) -> dict[str, list[int]]:
    """The keys of each table."""
    names = ("action", "action_history")
    query = "SELECT id FROM {} ORDER BY id"
    return {name: [row.id for row in connection.exec_driver_sql(query.format(name))] for name in names}


class TestOld:
    @pytest.mark.parametrize("state", STATES)
    def test_only_what_is_finished_moves(self, store: Store, state: State) -> None:
        with store.write() as connection:
            made = in_state(connection, state)
            before = again(connection, made)
            moves = state in FINISHED
            assert tidied(connection) == moves
            assert where(connection) == {"action": [made.id] * (not moves), "action_history": [made.id] * moves}
            assert again(connection, made) == before
            assert tidied(connection) == 0

    def test_whoever_is_finished_stays_so(self) -> None:
        assert all(MOVES[state] <= FINISHED for state in FINISHED)
        assert all(MOVES[state] for state in State if state not in FINISHED)

    @pytest.mark.parametrize(("due", "ended"), [(NOON, LATER), (LATER, NOON), (LATER, LATER)])
    def test_both_its_date_and_its_end_have_to_be_old(self, store: Store, due: datetime, ended: datetime) -> None:
        with store.write() as connection:
            made = ready(connection, due_at=due)
            actions.end(connection, made.id, State.CANCELLED, "", ended)
            assert tidied(connection, LATER) == 0
            assert tidied(connection, LATER + DAY) == 1

    def test_a_journey_moves_when_all_of_it_is_over(self, store: Store) -> None:
        with store.write() as connection:
            passage = journey(connection)
            steps = [values(connection, passage, step=name, dedupe_key=name) for name in ("mail", "note")]
            actions.plan(connection, steps, NOON)
            first, last = actions.of_journeys(connection, [passage])
            actions.end(connection, first.id, State.CANCELLED, "", NOON)
            assert tidied(connection) == 0
            actions.end(connection, last.id, State.CANCELLED, "", NOON)
            assert tidied(connection) == 2
            assert actions.of_journeys(connection, [passage]) == [again(connection, one) for one in (first, last)]

    def test_they_come_in_portions_each_of_them_once(self, store: Store) -> None:
        with store.write() as connection:
            made = [ready(connection, occurrence=str(number), due_at=NOON + number % 3 * DAY) for number in range(7)]
            for one in made:
                actions.end(connection, one.id, State.CANCELLED, "", NOON)
            over(connection)
            found: list[retention.Place] = []
            while some := retention.old(connection, State.CANCELLED, LATER, 2, found[-1] if found else None):
                assert len(some) <= 2
                found += some
        assert found == sorted(found)
        assert sorted(key for _, key in found) == [one.id for one in made]


class TestAnswers:
    def test_people_and_reports_are_told_the_same(self, store: Store) -> None:
        takes_all = [State.RETRY_AT, State.READY]  # due, so that the next attempt would be theirs
        with store.write() as connection:
            for number, state in enumerate([state for state in STATES if state not in takes_all] + takes_all):
                made = in_state(connection, state, occurrence=str(number))
                print_jobs.add(connection, made.id, [f"{number}.pdf"], 1, NOON)
                actions.give_dates(connection, [dated(made.id)], NOON)
            touchpoints.add(connection, [made], NOON)
            over(connection)
            before = answers(connection)
            assert tidied(connection) > 0
            assert answers(connection) == before

    def test_what_a_month_cost_is_added_up_over_both(self, store: Store) -> None:
        with store.write() as connection:
            for number in range(3):
                made = planned(connection, occurrence=str(number))
                actions.give_dates(connection, [dated(made.id)], NOON)
            actions.freeze(connection, [content(made.id)])
            actions.end(connection, made.id, State.REJECTED, "", NOON)
            assert actions.spent(connection, NOON, NOON + DAY) == {("email", "thanks"): 3_000_000}
            connection.exec_driver_sql("UPDATE action SET state = 'accepted', finished_at = created_at WHERE id = 1")
            assert tidied(connection) == 1
            assert actions.spent(connection, NOON, NOON + DAY) == {("email", "thanks"): 3_000_000}


def dated(key: int) -> dict[str, Any]:
    return {"id": key, "due_at": NOON, "valid_until": NOON + DAY, "unit_cost_micro": 1_000_000, "reason": ""}


def content(key: int) -> dict[str, Any]:
    return {"id": key, "state": "ready", "adapter": "files", "payload": '{"a":1}', "payload_sha256": "0" * 64}


def answers(connection: Connection) -> list[Any]:
    """All that may be asked about actions."""
    everything = actions.listing(connection)
    return [
        everything,
        [actions.listing(connection, state) for state in State],
        actions.listing(connection, limit=2),
        [actions.find(connection, row["public_id"][-12:]) for row in everything],
        actions.of_journeys(connection, [row["journey_id"] for row in everything]),
        actions.counts(connection),
        actions.spent(connection, NOON - 50 * DAY, NOON + 50 * DAY),
        print_jobs.files(connection),
        touchpoints.by_channel(connection),
        actions.touches(connection, [row["customer_id"] for row in everything], NOON - DAY),
        decisions.counts(connection),
    ]


class TestOnce:
    def test_what_has_moved_is_not_planned_again(self, store: Store) -> None:
        with store.write() as connection:
            made = in_state(connection, State.CANCELLED)
            tidied(connection)
        with pytest.raises(IntegrityError), store.write() as connection:
            planned(connection)
        with store.read() as connection:
            assert [one.id for one in actions.of_journeys(connection, [made.journey_id])] == [made.id]

    def test_nobody_gets_the_key_of_what_has_moved(self, store: Store) -> None:
        with store.write() as connection:
            made = in_state(connection, State.CANCELLED)
            tidied(connection)
            assert where(connection)["action"] == []
            assert planned(connection, occurrence="2").id > made.id

    def test_who_decides_while_it_moves_finds_its_journey_and_does_not_wait(self, store: Store) -> None:
        if store.is_sqlite:
            pytest.skip("SQLite has one writer at a time")
        with store.write() as connection:
            made = in_state(connection, State.CANCELLED)
            over(connection)
        with store.write() as mover:
            assert retention.move(mover, [made.id]) == 1
            with pytest.raises(IntegrityError), store.write() as connection:
                planned(connection)
        with store.read() as connection:
            assert where(connection) == {"action": [], "action_history": [made.id]}

    def test_two_who_tidy_share_the_work(self, store: Store) -> None:
        if store.is_sqlite:
            pytest.skip("SQLite has one writer at a time")
        with store.write() as connection:
            keys = [in_state(connection, State.CANCELLED, occurrence=str(number)).id for number in range(3)]
        with store.write() as one, store.write() as other:
            assert retention.move(one, keys[:2]) == 2
            assert retention.move(other, keys) == 1
        with store.read() as connection:
            assert where(connection) == {"action": [], "action_history": keys}

    def test_what_is_not_finished_does_not_move_whoever_says_so(self, store: Store) -> None:
        with store.write() as connection:
            made = ready(connection)
            assert retention.move(connection, [made.id]) == 0
            assert where(connection)["action"] == [made.id]


class TestContents:
    def test_old_contents_are_emptied_and_the_rest_stays(self, store: Store) -> None:
        with store.write() as connection:
            made = in_state(connection, State.ACCEPTED)
            assert retention.empty(connection, LATER, 9) == 0  # still in the outbox
            tidied(connection)
            before = again(connection, made)
            assert before.payload == {"a": 1}
            assert retention.empty(connection, NOON, 9) == 0
            assert retention.empty(connection, LATER, 9) == 1
            assert retention.empty(connection, LATER, 9) == 0
            after = again(connection, made)
        assert after.payload is None
        assert (after.payload_sha256, after.state, after.plan) == (before.payload_sha256, before.state, before.plan)

    def test_so_many_at_once_the_oldest_first(self, store: Store) -> None:
        with store.write() as connection:
            for number in (2, 1, 0):
                made = ready(connection, occurrence=str(number), due_at=NOON + number * DAY)
                actions.end(connection, made.id, State.CANCELLED, "", NOON)
            tidied(connection)
            assert retention.empty(connection, LATER, 2) == 2
            assert [one["due_at"] for one in actions.listing(connection) if one["payload"]] == [NOON + 2 * DAY]


class KilledError(Exception):
    """The process is gone."""


@contextmanager
def killed() -> Iterator[None]:
    with suppress(KilledError):
        yield


class Years(RuleBasedStateMachine):
    """Actions are planned and end, the outbox is tidied, perhaps half, and all questions are asked again and again."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.number = 0
        self.expected: dict[str, Any] = {}

    def teardown(self) -> None:
        with self.store.write() as connection:
            for name in ("delivery", "action", "action_history", "journey"):
                connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608 - one of four names

    @rule(days=st.integers(1, 60))
    def wait(self, days: int) -> None:
        self.now += days * DAY

    @rule(state=st.sampled_from([None, State.CANCELLED, State.EXPIRED, State.ACCEPTED]))
    def act(self, state: State | None) -> None:
        self.number += 1
        with self.store.write() as connection:
            made = ready(connection, occurrence=str(self.number), due_at=self.now)
            if state is not None:
                self.finish(connection, made.id, state)

    @staticmethod
    def finish(connection: Connection, key: int, state: State) -> None:
        query = "UPDATE action SET state = '{}', finished_at = due_at WHERE id = {}"
        connection.exec_driver_sql(query.format(state, key))
        over(connection)

    @precondition(lambda self: self.expected)
    @rule(pick=st.integers(0, 20))
    def decide_again(self, pick: int) -> None:
        """What was planned once is asked for once more."""
        with self.store.write() as connection:
            row = list(self.expected.values())[pick % len(self.expected)]
            query = "SELECT occurrence FROM journey WHERE id = {}"
            (occurrence,) = connection.exec_driver_sql(query.format(row["journey_id"])).one()
            with pytest.raises(IntegrityError), connection.begin_nested():
                planned(connection, occurrence=occurrence)

    @rule(days=st.integers(0, 90), limit=st.integers(1, 3), dies=st.sampled_from([None, "between", "inside"]))
    def tidy(self, days: int, limit: int, dies: str | None) -> None:
        before = self.now - days * DAY
        with killed():
            for state in sorted(FINISHED):
                place = None
                while True:
                    with self.store.read() as connection:
                        found = retention.old(connection, state, before, limit, place)
                    if not found:
                        break
                    place = found[-1]
                    with self.store.write() as connection:
                        assert retention.move(connection, [key for _, key in found]) == len(found)
                        if dies == "inside":
                            raise KilledError
                    if dies == "between":
                        raise KilledError

    @invariant()
    def every_answer_is_as_it_was(self) -> None:
        with self.store.read() as connection:
            rows = actions.listing(connection)
            found = {row["public_id"]: row for row in rows}
            for public_id, row in self.expected.items():
                assert found[public_id] == row
            assert len(found) == len(rows) == self.number
            assert sum(number for *_, number in actions.counts(connection)) == self.number
            assert len(actions.of_journeys(connection, [row["journey_id"] for row in rows])) == self.number
            keys = where(connection)
            assert not {*keys["action"]} & {*keys["action_history"]}
            left = connection.exec_driver_sql("SELECT state FROM action_history").scalars()
            assert {State(state) for state in left} <= FINISHED
        self.expected = found


def test_tidying_changes_no_answer(store: Store) -> None:
    if store.is_sqlite:
        with store._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA synchronous = OFF")  # nobody pulls the plug here

    Here = type("Here", (Years,), {"store": store})  # noqa: N806 - a class
    run_state_machine_as_test(Here, settings=settings(max_examples=6, stateful_step_count=12, deadline=None))


def test_all_columns_go_along(store: Store) -> None:
    with store.write() as connection:
        made = in_state(connection, State.ACCEPTED)
        over(connection)
        (before,) = connection.exec_driver_sql("SELECT * FROM action").mappings().all()
        assert tidied(connection) == 1
        (after,) = connection.exec_driver_sql("SELECT * FROM action_history").mappings().all()
        assert json.dumps(dict(after), default=str) == json.dumps(dict(before), default=str)
        assert after["id"] == made.id
