"""Doubts: found when a worker is gone, settled by a replay or by a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core.actions import State
from engine.store import actions, doubts, leases, outbox, touchpoints
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
    def test_what_can_be_sent_again_is(self, store: Store) -> None:
        with store.write() as connection:
            one = in_state(connection, State.UNKNOWN)
            assert doubts.replay_unknown(connection, ["cards"]) == 0
            assert doubts.replay_unknown(connection, ["files"], attempts=1) == 0
            assert doubts.replay_unknown(connection, ["files", "cards"], attempts=2) == 1
            assert again(connection, one).state is State.READY
            assert doubts.replay_unknown(connection, ["files"]) == 0

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
            assert [found.due.id for found in under_way(connection)] == [one.id]
            assert touchpoints.by_channel(connection) == []

    @pytest.mark.parametrize("state", [State.READY, State.SUBMITTING, State.ACCEPTED, State.REJECTED])
    def test_where_there_is_no_doubt_nobody_settles_one(self, store: Store, state: State) -> None:
        with store.write() as connection:
            one = in_state(connection, state)
            for sent in (True, False):
                assert not doubts.resolve(connection, one, sent=sent, by="Marta", now=NOON)
            assert again(connection, one).state is state
