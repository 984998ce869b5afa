"""The outbox: every action goes out at most once, whatever workers do and whenever they die.

A state machine drives two workers over a few actions. A worker's memory (what it has claimed, what it has begun) is
kept apart from the store, so that a worker that lost its lease goes on with what it remembers, as a real one would.
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
from engine.store import actions, decisions, outbox
from engine.store.actions import Action
from engine.store.session import Store
from tests.store.seed import DAY, NOON, again, claimed, customer, in_state, ready

MINUTE = timedelta(minutes=1)
LEASE = 5 * MINUTE


class TestClaiming:
    def test_what_is_due_in_the_order_of_its_dates(self, store: Store) -> None:
        with store.write() as connection:
            late = ready(connection, occurrence="late", due_at=NOON)
            early = ready(connection, occurrence="early", due_at=NOON - DAY)
            ready(connection, occurrence="ahead", due_at=NOON + MINUTE)
            ready(connection, occurrence="elsewhere", adapter="smtp")
            ready(connection, occurrence="held", state=State.HELD)
            assert [one.id for one in claimed(connection, limit=1)] == [early.id]
            (found,) = claimed(connection)
        assert (found.id, found.state, found.payload) == (late.id, State.CLAIMED, {"a": 1})

    def test_nobody_else_can_have_it(self, store: Store) -> None:
        with store.write() as connection:
            ready(connection)
            assert len(claimed(connection, "A")) == 1
            assert claimed(connection, "B") == []
            assert claimed(connection, "A") == []

    def test_two_workers_get_different_actions_at_the_same_time(self, store: Store) -> None:
        if store.is_sqlite:
            pytest.skip("SQLite has one writer at a time")
        with store.write() as connection:
            for number in range(4):
                ready(connection, occurrence=str(number))
        with store.write() as one, store.write() as other:
            first, second = claimed(one, "A", limit=2), claimed(other, "B", limit=9)
        assert len(first) == len(second) == 2
        assert not {action.id for action in first} & {action.id for action in second}

    def test_a_retry_waits_for_its_time(self, store: Store) -> None:
        with store.write() as connection:
            ready(connection)
            (one,) = claimed(connection)
            assert outbox.begin_attempt(connection, one, "A", NOON)
            later = NOON + 10 * MINUTE
            assert outbox.close_attempt(
                connection, one, "A", state=State.RETRY_AT, outcome="retry", now=NOON, detail="busy", due_at=later
            )
            assert claimed(connection, now=NOON + 9 * MINUTE) == []
            (two,) = claimed(connection, now=later)
            assert (two.attempts, two.reason) == (1, "busy")


class TestFence:
    def test_only_the_owner_of_the_lease_begins_and_ends_an_attempt(self, store: Store) -> None:
        with store.write() as connection:
            ready(connection)
            (one,) = claimed(connection, "A")
            assert not outbox.begin_attempt(connection, one, "B", NOON)
            assert outbox.attempts_of(connection, one.id) == []
            assert outbox.begin_attempt(connection, one, "A", NOON)
            assert not outbox.begin_attempt(connection, one, "A", NOON)
            assert not outbox.close_attempt(connection, one, "B", state=State.ACCEPTED, outcome="accepted", now=NOON)
            assert again(connection, one).state is State.SUBMITTING
            (attempt,) = outbox.attempts_of(connection, one.id)
            assert (attempt["outcome"], attempt["finished_at"], attempt["detail"]) == ("submitting", None, "")

    def test_an_attempt_is_closed_with_what_came_of_it(self, store: Store) -> None:
        with store.write() as connection:
            ready(connection)
            (one,) = claimed(connection, "A")
            outbox.begin_attempt(connection, one, "A", NOON)
            assert outbox.close_attempt(
                connection,
                one,
                "A",
                state=State.ACCEPTED,
                outcome="accepted",
                now=NOON + MINUTE,
                provider_ref="250 queued",
                detail="fine",
            )
            after = again(connection, one)
            (attempt,) = outbox.attempts_of(connection, one.id)
        assert (after.state, after.provider_ref, after.reason, after.finished_at) == (
            State.ACCEPTED,
            "250 queued",
            "fine",
            NOON + MINUTE,
        )
        assert {
            name: attempt[name] for name in ("attempt", "adapter", "owner", "outcome", "provider_ref", "detail")
        } == {
            "attempt": 1,
            "adapter": "files",
            "owner": "A",
            "outcome": "accepted",
            "provider_ref": "250 queued",
            "detail": "fine",
        }
        assert (attempt["started_at"], attempt["finished_at"]) == (NOON, NOON + MINUTE)

    def test_an_answer_that_comes_too_late_is_noted_and_changes_nothing_else(self, store: Store) -> None:
        with store.write() as connection:
            ready(connection)
            (one,) = claimed(connection, "A")
            outbox.begin_attempt(connection, one, "A", NOON)
            assert outbox.release_lost(connection, "B", NOON + 2 * LEASE) == (0, 1)
            assert not outbox.close_attempt(
                connection,
                one,
                "A",
                state=State.ACCEPTED,
                outcome="accepted",
                now=NOON + DAY,
                provider_ref="250 queued",
            )
            (attempt,) = outbox.attempts_of(connection, one.id)
            assert (attempt["outcome"], attempt["finished_at"]) == ("unknown", NOON + 2 * LEASE)
            assert attempt["detail"].endswith("; its answer came too late: accepted 250 queued")
            assert again(connection, one).state is State.UNKNOWN

    def test_a_memory_from_before_the_last_attempt_begins_none(self, store: Store) -> None:
        with store.write() as connection:
            ready(connection)
            (old,) = claimed(connection, "A")
            outbox.begin_attempt(connection, old, "A", NOON)
            outbox.close_attempt(connection, old, "A", state=State.RETRY_AT, outcome="retry", now=NOON)
            (new,) = claimed(connection, "A")
            assert not outbox.begin_attempt(connection, old, "A", NOON)
            assert outbox.begin_attempt(connection, new, "A", NOON)
            assert not outbox.close_attempt(connection, old, "A", state=State.REJECTED, outcome="rejected", now=NOON)
            assert again(connection, new).state is State.SUBMITTING


class TestGivingBack:
    def test_what_was_not_begun(self, store: Store) -> None:
        with store.write() as connection:
            made = [ready(connection, occurrence=str(number)) for number in range(3)]
            first, *_ = claimed(connection, "A")
            outbox.begin_attempt(connection, first, "A", NOON)
            assert outbox.hand_back(connection, [one.id for one in made], "B") == 0
            assert outbox.hand_back(connection, [one.id for one in made], "A") == 2
            assert len(claimed(connection, "B")) == 2

    def test_until_another_instant(self, store: Store) -> None:
        with store.write() as connection:
            ready(connection)
            (one,) = claimed(connection, "A")
            assert not outbox.postpone(connection, one.id, "B", NOON + DAY)
            assert outbox.postpone(connection, one.id, "A", NOON + DAY)
            assert not outbox.postpone(connection, one.id, "A", NOON + DAY)
            assert claimed(connection) == []
            assert [found.id for found in claimed(connection, now=NOON + DAY)] == [one.id]

    def test_leases_that_ended(self, store: Store) -> None:
        with store.write() as connection:
            for number in range(2):
                ready(connection, occurrence=str(number))
            one, other = claimed(connection, "A")
            outbox.begin_attempt(connection, one, "A", NOON)
            assert outbox.release_lost(connection, "A", NOON + LEASE) == (0, 0)
            assert outbox.release_lost(connection, "A", NOON + LEASE + MINUTE) == (1, 1)
            assert again(connection, one).state is State.UNKNOWN
            assert again(connection, other).state is State.READY

    def test_another_owner_on_sqlite_is_a_dead_one(self, store: Store) -> None:
        with store.write() as connection:
            ready(connection)
            claimed(connection, "A")
            assert outbox.release_lost(connection, "B", NOON) == ((1, 0) if store.is_sqlite else (0, 0))


class TestDoubt:
    def test_what_can_be_sent_again_is(self, store: Store) -> None:
        with store.write() as connection:
            one = in_state(connection, State.UNKNOWN)
            assert outbox.replay_unknown(connection, ["cards"]) == 0
            assert outbox.replay_unknown(connection, ["files"], attempts=1) == 0
            assert outbox.replay_unknown(connection, ["files", "cards"], attempts=2) == 1
            assert again(connection, one).state is State.READY
            assert outbox.replay_unknown(connection, ["files"]) == 0

    def test_a_person_knows_that_it_went_out(self, store: Store) -> None:
        with store.write() as connection:
            one = in_state(connection, State.UNKNOWN)
            assert outbox.resolve(connection, one, sent=True, by="Marta", now=NOON + DAY)
            assert not outbox.resolve(connection, one, sent=False, by="Marta", now=NOON + DAY)
            after = again(connection, one)
            assert (after.state, after.reason, after.finished_at) == (State.ACCEPTED, "confirmed by Marta", NOON + DAY)
            assert outbox.by_channel(connection) == [("thanks", "email", 1)]

    def test_a_person_knows_that_it_did_not(self, store: Store) -> None:
        with store.write() as connection:
            one = in_state(connection, State.UNKNOWN)
            assert outbox.resolve(connection, one, sent=False, by="Marta", now=NOON + DAY)
            assert again(connection, one).reason == "Marta says that it did not go out"
            assert [found.id for found in claimed(connection)] == [one.id]
            assert outbox.by_channel(connection) == []

    @pytest.mark.parametrize("state", [State.READY, State.CLAIMED, State.SUBMITTING, State.ACCEPTED, State.REJECTED])
    def test_where_there_is_no_doubt_nobody_settles_one(self, store: Store, state: State) -> None:
        with store.write() as connection:
            one = in_state(connection, state)
            for sent in (True, False):
                assert not outbox.resolve(connection, one, sent=sent, by="Marta", now=NOON)
            assert again(connection, one).state is state


class TestWhatIsKept:
    @pytest.mark.parametrize(("channel", "seen"), [("email", True), ("note", True), ("reward", False), ("task", False)])
    def test_a_touchpoint_is_what_the_customer_sees_once(self, store: Store, channel: str, seen: bool) -> None:
        with store.write() as connection:
            one = ready(connection, channel=channel)
            for _ in range(2):
                outbox.touch(connection, one, NOON)
            assert outbox.by_channel(connection) == ([("thanks", channel, 1)] if seen else [])

    def test_a_note_has_its_files(self, store: Store) -> None:
        with store.write() as connection:
            one = ready(connection, channel="note")
            outbox.add_print_job(connection, one.id, ("card.pdf", "card.png"), 2, NOON)
            outbox.add_print_job(connection, one.id, ("other.pdf",), 1, NOON)
            assert outbox.print_jobs(connection) == {one.public_id: ["card.pdf", "card.png"]}

    def test_what_was_heard_since(self, store: Store) -> None:
        with store.write() as connection:
            for number, (days, purpose) in enumerate(((1, "relationship"), (2, "transactional"), (3, "marketing"))):
                outbox.touch(connection, ready(connection, occurrence=str(number), purpose=purpose), NOON + days * DAY)
            outbox.touch(connection, ready(connection, "C2"), NOON + 4 * DAY)
            key = customer(connection)
            assert outbox.heard(connection, [key], NOON) == [NOON + DAY, NOON + 3 * DAY]
            assert outbox.heard(connection, [key], NOON + DAY) == [NOON + 3 * DAY]
            both = [key, customer(connection, "C2")]
            assert outbox.heard(connection, both, NOON + DAY) == [NOON + 3 * DAY, NOON + 4 * DAY]
            assert outbox.heard(connection, [], NOON) == []

    def test_what_may_have_been_heard_counts_from_its_last_attempt(self, store: Store) -> None:
        with store.write() as connection:
            one = in_state(connection, State.UNKNOWN)
            assert outbox.heard(connection, [one.customer_id], NOON - DAY) == [NOON]
            assert outbox.heard(connection, [one.customer_id], NOON) == []


Memory = list[tuple[str, Action]]
"""What workers remember: whose it is, and the action as it was when they got it."""

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
        self.waiting: Memory = []
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

    @rule(who=WORKERS, limit=st.integers(1, 3), begun=st.integers(0, 3))
    def claim(self, who: str, limit: int, begun: int) -> None:
        """Take what is due, as dispatch does, and begin with some of it."""
        with self.store.write() as connection:
            actions.expire(connection, self.now)
            got = [(who, action) for action in claimed(connection, who, self.now, limit)]
        self.check()
        self.waiting += got[begun:]
        for one in got[:begun]:
            self.submit(*one)

    def submit(self, who: str, action: Action) -> None:
        with self.store.write() as connection:
            if outbox.begin_attempt(connection, action, who, self.now):
                self.going.append((who, action))

    @precondition(lambda self: self.waiting)
    @rule(pick=PICKS)
    def begin(self, pick: int) -> None:
        self.submit(*self.waiting.pop(pick % len(self.waiting)))

    @precondition(lambda self: self.going)
    @rule(pick=PICKS, state=st.sampled_from(list(ANSWERS)), later=st.integers(0, 9), twice=st.booleans())
    def answer(self, pick: int, state: State, later: int, twice: bool) -> None:
        """The provider answers, and the worker writes it down, perhaps once too often."""
        who, action = self.going.pop(pick % len(self.going))
        due_at = self.now + later * MINUTE if state is State.RETRY_AT else None
        for _ in range(1 + twice):
            self.check()
            with self.store.write() as connection:
                if outbox.close_attempt(
                    connection, action, who, state=state, outcome=ANSWERS[state], now=self.now, due_at=due_at
                ):
                    assert self.actions[action.id]["state"] not in WENT_OUT
                    if state in WENT_OUT:
                        outbox.touch(connection, action, self.now)

    @precondition(lambda self: self.waiting or self.going)
    @rule(who=WORKERS, kindly=st.booleans())
    def die(self, who: str, kindly: bool) -> None:
        """A worker is stopped: it hands back what it has not begun, or it has no time to."""
        if kindly:
            with self.store.write() as connection:
                outbox.hand_back(connection, [action.id for owner, action in self.waiting if owner == who], who)
        self.waiting = [one for one in self.waiting if one[0] != who]
        self.going = [one for one in self.going if one[0] != who] if not kindly else self.going

    @precondition(lambda self: self.are(State.CLAIMED) or self.are(State.SUBMITTING))
    @rule(who=WORKERS)
    def recover(self, who: str) -> None:
        with self.store.write() as connection:
            outbox.release_lost(connection, who, self.now)

    @precondition(lambda self: self.are(State.UNKNOWN))
    @rule(pick=PICKS, how=st.sampled_from(["again", "sent", "not sent"]))
    def settle(self, pick: int, how: str) -> None:
        """A doubt is cleared, by sending the same again or by a person."""
        with self.store.write() as connection:
            if how == "again":
                outbox.replay_unknown(connection, ["files"], attempts=4)
                return
            action = self.one(connection, pick)
            if outbox.resolve(connection, action, sent=how == "sent", by="Marta", now=self.now) and how == "sent":
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
            if row["finished_at"] is not None:  # closed for good; a late answer may be noted
                assert attempts[place] | {"detail": ""} == row | {"detail": ""}
                assert attempts[place]["detail"].startswith(row["detail"])
        self.actions, self.attempts = after, attempts

    def moved_by_the_book(self, before: dict[str, Any], row: dict[str, Any]) -> None:
        old, new = State(before["state"]), State(row["state"])
        assert new is old or new in MOVES[old], f"{old} -> {new}"
        assert (row["lease_owner"] is not None) == (new in (State.CLAIMED, State.SUBMITTING))
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

    Here = type("Here", (Outbox,), {"store": store})  # noqa: N806 - a class
    run_state_machine_as_test(Here, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))
