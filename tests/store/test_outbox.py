"""The outbox: every action goes out at most once, whatever workers do and whenever they die.

A state machine drives two workers over a few actions. A worker's memory (what it has under_way) is kept apart from the
store, so that a worker that lost its lease goes on with what it remembers, as a real one would.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection

from engine.core.actions import MOVES, State
from engine.store import actions, decisions, doubts, outbox, settlements, touchpoints
from engine.store.actions import Action
from engine.store.outbox import NOT_SENT, Result
from engine.store.session import Store
from tests.store.seed import DAY, NOON, again, ready, under_way

MINUTE = timedelta(minutes=1)
LEASE = 5 * MINUTE


class TestTaking:
    def test_what_is_due_in_the_order_of_its_dates(self, store: Store) -> None:
        with store.write() as connection:
            late = ready(connection, occurrence="late", due_at=NOON)
            early = ready(connection, occurrence="early", due_at=NOON - DAY)
            ready(connection, occurrence="ahead", due_at=NOON + MINUTE)
            ready(connection, occurrence="elsewhere", adapter="smtp")
            ready(connection, occurrence="held", state=State.HELD)
            assert [one.due.id for one in under_way(connection, limit=1)] == [early.id]
            (found,) = under_way(connection)
            assert again(connection, late).state is State.SUBMITTING
        assert (found.due.id, found.due.payload, found.due.customer) == (late.id, '{"a":1}', "C1")

    def test_nobody_else_can_have_it(self, store: Store) -> None:
        with store.write() as connection:
            ready(connection)
            assert len(under_way(connection, "A")) == 1
            assert under_way(connection, "B") == []
            assert under_way(connection, "A") == []

    def test_two_workers_get_different_actions_at_the_same_time(self, store: Store) -> None:
        if store.is_sqlite:
            pytest.skip("SQLite has one writer at a time")
        with store.write() as connection:
            for number in range(4):
                ready(connection, occurrence=str(number))
        with store.write() as one, store.write() as other:
            first, second = under_way(one, "A", limit=2), under_way(other, "B", limit=9)
        assert len(first) == len(second) == 2
        assert not {result.due.id for result in first} & {result.due.id for result in second}

    def test_a_retry_waits_for_its_time(self, store: Store) -> None:
        later = NOON + 10 * MINUTE
        with store.write() as connection:
            made = ready(connection)
            (one,) = under_way(connection)
            busy = one._replace(state=State.RETRY_AT, outcome="retry", detail="busy", due_at=later)
            assert outbox.close(connection, [busy], "A", NOON).now == {made.id}
            assert under_way(connection, now=NOON + 9 * MINUTE) == []
            assert again(connection, made).reason == "busy"
            (two,) = under_way(connection, now=later)
            assert two.due.attempts == 1

    def test_what_may_not_go_yet_waits_until_another_instant(self, store: Store) -> None:
        with store.write() as connection:
            made = ready(connection)
            outbox.postpone(connection, made.id, NOON + DAY)
            assert under_way(connection) == []
            assert [one.due.id for one in under_way(connection, now=NOON + DAY)] == [made.id]
            outbox.postpone(connection, made.id, NOON)
            assert again(connection, made).due_at == NOON + DAY, "it is under way"

    def test_the_few_that_are_asked_for_by_name(self, store: Store) -> None:
        with store.write() as connection:
            made = [ready(connection, occurrence=str(number)) for number in range(3)]
            under_way(connection, limit=1)
            found = outbox.due_among(connection, [one.id for one in made[:2]])
        assert [one.id for one in found] == [made[1].id]


class TestFence:
    def test_only_the_owner_of_the_lease_ends_an_attempt(self, store: Store) -> None:
        with store.write() as connection:
            made = ready(connection)
            results = under_way(connection, "A")
            assert outbox.close(connection, results, "B", NOON).now == set()
            assert again(connection, made).state is State.SUBMITTING
            (attempt,) = outbox.attempts_of(connection, made.id)
            assert (attempt["outcome"], attempt["finished_at"]) == ("submitting", None)

    def test_attempts_are_closed_with_what_came_of_each(self, store: Store) -> None:
        with store.write() as connection:
            one, other = (ready(connection, occurrence=str(number)) for number in range(2))
            first, second = under_way(connection, "A")
            sent = first._replace(provider_ref="250 queued", detail="fine")
            refused = second._replace(state=State.REJECTED, outcome="rejected", detail="550 no")
            assert outbox.close(connection, [sent, refused], "A", NOON + MINUTE).now == {one.id, other.id}
            after, rejected = again(connection, one), again(connection, other)
            (attempt,) = outbox.attempts_of(connection, one.id)
        assert (rejected.state, rejected.provider_ref, rejected.reason) == (State.REJECTED, "", "550 no")
        assert (after.state, after.provider_ref, after.reason) == (State.ACCEPTED, "250 queued", "fine")
        assert after.finished_at == NOON + MINUTE
        names = ("attempt", "adapter", "owner", "outcome", "provider_ref", "detail", "started_at", "finished_at")
        said = (1, "files", "A", "accepted", "250 queued", "fine", NOON, NOON + MINUTE)
        assert tuple(attempt[name] for name in names) == said

    def test_an_answer_that_comes_too_late_is_noted_and_changes_nothing_else(self, store: Store) -> None:
        with store.write() as connection:
            made = ready(connection)
            (one,) = under_way(connection, "A")
            assert doubts.release_lost(connection, "B", NOON + 2 * LEASE) == 1
            late = one._replace(provider_ref="250 queued")
            assert outbox.close(connection, [late], "A", NOON + DAY).now == set()
            (attempt,) = outbox.attempts_of(connection, made.id)
            assert (attempt["outcome"], attempt["finished_at"]) == ("unknown", NOON + 2 * LEASE)
            assert attempt["detail"].endswith("; its answer came too late: accepted 250 queued")
            assert again(connection, made).state is State.UNKNOWN

    def test_what_is_written_already_is_known_again_and_changes_nothing(self, store: Store) -> None:
        """A COMMIT went through of which the worker did not hear, so that it writes the same again."""
        with store.write() as connection:
            made = ready(connection)
            (one,) = under_way(connection, "A")
            sent = one._replace(provider_ref="250 queued", detail="fine")
            assert outbox.close(connection, [sent], "A", NOON) == ({made.id}, set())
            before = outbox.attempts_of(connection, made.id)
            assert outbox.close(connection, [sent], "A", NOON + MINUTE) == (set(), {made.id})
            assert outbox.attempts_of(connection, made.id) == before
            other = sent._replace(provider_ref="251 forwarded")
            assert outbox.close(connection, [other], "A", NOON + MINUTE) == (set(), set())
            assert outbox.close(connection, [sent], "B", NOON + MINUTE) == (set(), set())

    def test_what_was_begun_and_never_went_is_no_attempt(self, store: Store) -> None:
        with store.write() as connection:
            made = ready(connection)
            for _ in range(2):
                (one,) = under_way(connection, "A")
                given_back = one._replace(state=State.RETRY_AT, outcome=NOT_SENT, due_at=NOON)
                assert outbox.close(connection, [given_back], "A", NOON).now == {made.id}
                assert again(connection, made).attempts == 0
            under_way(connection, "A")
            assert [row["attempt"] for row in outbox.attempts_of(connection, made.id)] == [None, None, 1]

    def test_a_memory_from_before_the_last_attempt_ends_none(self, store: Store) -> None:
        with store.write() as connection:
            made = ready(connection)
            (old,) = under_way(connection, "A")
            outbox.close(connection, [old._replace(state=State.RETRY_AT, outcome="retry")], "A", NOON)
            under_way(connection, "A")
            assert outbox.close(connection, [old._replace(state=State.REJECTED)], "A", NOON).now == set()
            assert again(connection, made).state is State.SUBMITTING


class TestParcels:
    def test_what_went_together_and_is_in_doubt_is_known_by_its_key(self, store: Store) -> None:
        with store.write() as connection:
            made = [ready(connection, occurrence=str(number)) for number in range(3)]
            ids = [one.id for one in made]
            under_way(connection, "A", limit=2, parcel="P")
            under_way(connection, "A")
            assert outbox.parcels(connection, ids) == {}, "nobody doubts what is under way"
            doubts.release_lost(connection, "B", NOON + 2 * LEASE)
            settlements.again(connection, ids, "again")
            assert outbox.parcels(connection, ids) == dict.fromkeys(ids[:2], "P")
            assert outbox.members(connection, "P") == ids[:2]
            under_way(connection, "A", limit=1)
            assert outbox.parcels(connection, ids) == dict.fromkeys(ids[:2], "P"), "the doubt stands"
            doubts.close(connection, ids[:1], "absent")
            assert outbox.parcels(connection, ids) == {ids[1]: "P"}, "until it is known what became of it"


Memory = list[tuple[str, Result]]
"""What workers remember: whose it is, and the attempt as they began it."""

PICKS = st.integers(0, 5)
WORKERS = st.sampled_from("AB")
ANSWERS = {
    State.ACCEPTED: "accepted",
    State.DELIVERED: "accepted",
    State.RETRY_AT: "retry",
    State.REJECTED: "rejected",
    State.UNKNOWN: "unknown",
}
WENT_OUT = (State.ACCEPTED, State.DELIVERED)
FINISHED = {*WENT_OUT, *(state for state, moves in MOVES.items() if not moves)}
Rows = dict[Any, dict[str, Any]]


class Outbox(RuleBasedStateMachine):
    """Two workers, a few actions, and everything that can happen to them."""

    store: Store  # emptied for each story: its compiled statements are what takes long to make

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOON
        self.going: Memory = []
        self.confirmed: set[int] = set()
        self.actions: Rows = {}
        self.attempts: Rows = {}

    def teardown(self) -> None:
        with self.store.write() as connection:
            for name in ("touchpoint", "delivery", "action", "journey"):
                connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608 - one of four names

    @initialize(others=st.lists(st.tuples(st.booleans(), st.integers(-2, 6), st.integers(0, 30)), max_size=2))
    def decide(self, others: list[tuple[bool, int, int]]) -> None:
        with self.store.write() as connection:
            for number, (held, due, valid) in enumerate([(False, 0, 60), *others]):
                due_at = NOON + due * MINUTE
                ready(
                    connection,
                    occurrence=str(number),
                    state=State.HELD if held else State.READY,
                    due_at=due_at,
                    valid_until=due_at + valid * MINUTE,
                )

    @rule(minutes=st.integers(1, 12))
    def wait(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(who=WORKERS, limit=st.integers(1, 3))
    def begin(self, who: str, limit: int) -> None:
        """Take what is due, as dispatch does."""
        with self.store.write() as connection:
            actions.expire(connection, self.now)
            self.going += [(who, result) for result in under_way(connection, who, self.now, limit)]

    @precondition(lambda self: self.going)
    @rule(pick=PICKS, state=st.sampled_from(list(ANSWERS)), later=st.integers(0, 9), twice=st.booleans())
    def answer(self, pick: int, state: State, later: int, twice: bool) -> None:
        """The provider answers, and the worker writes it down, perhaps once too often."""
        who, result = self.going.pop(pick % len(self.going))
        due_at = self.now + later * MINUTE if state is State.RETRY_AT else None
        ended = result._replace(state=state, outcome=ANSWERS[state], due_at=due_at)
        for _ in range(1 + twice):
            self.check()
            with self.store.write() as connection:
                if outbox.close(connection, [ended], who, self.now).now:
                    assert self.actions[ended.due.id]["state"] not in WENT_OUT
                    if state in WENT_OUT:
                        touchpoints.add(connection, [ended.due], self.now)

    @precondition(lambda self: self.going)
    @rule(who=WORKERS)
    def die(self, who: str) -> None:
        """A worker is stopped."""
        self.going = [one for one in self.going if one[0] != who]

    @precondition(lambda self: self.are(State.SUBMITTING))
    @rule(who=WORKERS)
    def recover(self, who: str) -> None:
        with self.store.write() as connection:
            doubts.release_lost(connection, who, self.now)

    @precondition(lambda self: self.are(State.UNKNOWN))
    @rule(pick=PICKS, how=st.sampled_from(["again", "sent", "not sent"]))
    def settle(self, pick: int, how: str) -> None:
        """A doubt is cleared, by sending the same again or by a person."""
        with self.store.write() as connection:
            if how == "again":
                found = settlements.waiting(connection, ["files"], self.now, after=0, limit=9)
                settlements.again(connection, [one.id for one in found if one.attempts < 4], "again")
                return
            action = self.one(connection, pick)
            if doubts.resolve(connection, action, sent=how == "sent", by="Marta", now=self.now) and how == "sent":
                self.confirmed.add(action.id)

    @rule(
        pick=PICKS, how=st.sampled_from(["approve", "approve", "cancel", "suppress", "reject", "stop event", "expire"])
    )
    def interfere(self, pick: int, how: str) -> None:
        """Something else happens to an action, whatever state it is in."""
        ends = {"cancel": State.CANCELLED, "suppress": State.SUPPRESSED, "reject": State.REJECTED}
        with self.store.write() as connection:
            action = self.one(connection, pick)
            if how in ends:
                actions.end(connection, action.id, ends[how], how, self.now)
            elif how == "approve":
                actions.approve(connection, action.id, "Marta")
            elif how == "stop event":
                decisions.stop_journey(connection, action.journey_id, "complaint.opened", self.now)
            else:
                actions.expire(connection, self.now)

    def are(self, state: State) -> bool:
        return any(row["state"] == state for row in self.actions.values())

    def one(self, connection: Connection, pick: int) -> Action:
        public_ids = [row["public_id"] for row in self.actions.values()]
        return actions.find(connection, public_ids[pick % len(public_ids)])[0]

    @invariant()
    def the_store_is_sound(self) -> None:
        self.check()

    def check(self) -> None:
        with self.store.read() as connection:
            found = connection.exec_driver_sql("SELECT * FROM action ORDER BY id")
            after = {row.id: row._asdict() for row in found}
            found = connection.exec_driver_sql("SELECT * FROM delivery ORDER BY action_id, attempt")
            attempts = {(row.action_id, row.attempt): row._asdict() for row in found}
            touched = [row.action_id for row in connection.exec_driver_sql("SELECT action_id FROM touchpoint")]
        for key, row in after.items():
            self.moved_by_the_book(self.actions.get(key, row), row)
            self.agrees_with_its_attempts(row, [each for (action, _), each in attempts.items() if action == key])
            assert touched.count(key) == (row["state"] in WENT_OUT)
        for place, row in self.attempts.items():
            if row["finished_at"] is not None:  # closed for good; a late answer may be noted, and how a doubt came out
                noted = {"detail": "", "settled": ""}
                assert attempts[place] | noted == row | noted
                assert attempts[place]["detail"].startswith(row["detail"])
        self.actions, self.attempts = after, attempts

    def moved_by_the_book(self, before: dict[str, Any], row: dict[str, Any]) -> None:
        old, new = State(before["state"]), State(row["state"])
        assert new is old or new in MOVES[old], f"{old} -> {new}"
        assert (row["lease_owner"] is not None) == (new is State.SUBMITTING)
        assert (row["lease_owner"] is None) == (row["lease_until"] is None)
        assert (row["finished_at"] is not None) == (new in FINISHED)

    def agrees_with_its_attempts(self, row: dict[str, Any], attempts: list[dict[str, Any]]) -> None:
        state = State(row["state"])
        assert [one["attempt"] for one in attempts] == list(range(1, row["attempts"] + 1))
        unfinished = [one["attempt"] for one in attempts if one["finished_at"] is None]
        assert unfinished == ([row["attempts"]] if state is State.SUBMITTING else [])
        outcomes = [one["outcome"] for one in attempts]
        by_receipt = state in WENT_OUT and row["id"] not in self.confirmed
        assert outcomes.count("accepted") == by_receipt
        if by_receipt:
            assert outcomes[-1] == "accepted"
        if state is State.UNKNOWN:
            assert outcomes[-1] == "unknown"
        if state is State.SUBMITTING:
            assert attempts[-1]["owner"] == row["lease_owner"]


def test_whatever_happens_nothing_goes_out_twice(store: Store) -> None:
    if store.is_sqlite:
        with store._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA synchronous = OFF")  # nobody pulls the plug here

    examples = 25 if store.is_sqlite else 10
    Here = type("Here", (Outbox,), {"store": store})  # noqa: N806 - a class
    run_state_machine_as_test(Here, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None))
