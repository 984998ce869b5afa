"""Doubts: found when a worker is gone, kept until somebody knows what became of the attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core.actions import State
from engine.store import actions, doubts, leases, outbox, settlements, touchpoints
from engine.store.session import Store
from tests.store.seed import DAY, NOON, again, in_state, ready, under_way

MINUTE = timedelta(minutes=1)
LEASE = 5 * MINUTE
REASON = "the worker stopped while sending: it may have gone out"


class TestLost:
    def test_leases_that_ended(self, store: Store) -> None:
        with store.write() as connection:
            for number in range(2):
                ready(connection, occurrence=str(number))
            leases.take(connection, doubts.WORKER + "A", "A", "", NOON, NOON + DAY)
            (one,) = under_way(connection, "A", limit=1)
            assert doubts.release_lost(connection, "A", NOON + LEASE) == 0
            assert doubts.release_lost(connection, "A", NOON + LEASE + MINUTE) == 1
            (found,) = actions.find(connection, one.due.public_id)
            assert (found.state, found.reason) == (State.UNKNOWN, REASON)
            (attempt,) = outbox.attempts_of(connection, found.id)
            assert (attempt["outcome"], attempt["detail"]) == ("unknown", REASON)

    def test_a_worker_that_shows_no_life_is_gone(self, store: Store) -> None:
        with store.write() as connection:
            ready(connection)
            leases.take(connection, doubts.WORKER + "A", "A", "", NOON, NOON + MINUTE)
            under_way(connection, "A")
            alive = 1 if store.is_sqlite else 0  # there the caller is the only dispatcher
            assert doubts.release_lost(connection, "B", NOON + MINUTE) == alive
            assert doubts.release_lost(connection, "B", NOON + 2 * MINUTE) == 1 - alive


class TestDoubt:
    def test_it_stands_until_it_is_known_what_became_of_the_attempt(self, store: Store) -> None:
        with store.write() as connection:
            one = in_state(connection, State.UNKNOWN)
            settlements.again(connection, [one.id], "again")
            under_way(connection, "A")
            assert doubts.stands(connection, [one.id, 99]) == {one.id}
            doubts.close(connection, [one.id], "absent")
            assert doubts.stands(connection, [one.id]) == doubts.stands(connection, []) == frozenset()
            assert [row["settled"] for row in outbox.attempts_of(connection, one.id)] == ["absent", ""]

    def test_what_may_have_gone_out_does_not_expire(self, store: Store) -> None:
        with store.write() as connection:
            one = in_state(connection, State.UNKNOWN)
            settlements.again(connection, [one.id], "again")
            never = ready(connection, occurrence="never tried")
            doubts.keep(connection, "too late", NOON + DAY)
            assert again(connection, one).state is State.READY, "it is not late yet"
            doubts.keep(connection, "too late", NOON + 999 * DAY)
            assert (again(connection, one).state, again(connection, one).reason) == (State.UNKNOWN, "too late")
            assert again(connection, never).state is State.READY

    def test_a_person_knows_that_it_went_out(self, store: Store) -> None:
        with store.write() as connection:
            one = in_state(connection, State.UNKNOWN)
            assert doubts.resolve(connection, one, sent=True, by="Marta", now=NOON + DAY)
            assert not doubts.resolve(connection, one, sent=False, by="Marta", now=NOON + DAY)
            after = again(connection, one)
            assert (after.state, after.reason, after.finished_at) == (State.ACCEPTED, "confirmed by Marta", NOON + DAY)
            assert touchpoints.by_channel(connection) == [("thanks", "email", 1)]

    def test_a_person_knows_that_it_did_not(self, store: Store) -> None:
        with store.write() as connection:
            one = in_state(connection, State.UNKNOWN)
            assert doubts.resolve(connection, one, sent=False, by="Marta", now=NOON + DAY)
            assert again(connection, one).reason == "Marta says that it did not go out"
            assert [found.due.id for found in under_way(connection, now=NOON + DAY)] == [one.id]
            assert doubts.stands(connection, [one.id]) == frozenset()
            assert touchpoints.by_channel(connection) == []

    @pytest.mark.parametrize("state", [State.READY, State.SUBMITTING, State.ACCEPTED, State.REJECTED])
    def test_where_there_is_no_doubt_nobody_settles_one(self, store: Store, state: State) -> None:
        with store.write() as connection:
            one = in_state(connection, state)
            for sent in (True, False):
                assert not doubts.resolve(connection, one, sent=sent, by="Marta", now=NOON)
            assert again(connection, one).state is state
