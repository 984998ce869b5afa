"""The numbers for those who watch: always what counting every row would give, whatever was read before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select, text, update

from engine.core.actions import OPEN, State
from engine.store import actions, gauges, new_events, tables
from engine.store.gauges import QUEUE, Attempts, Depth
from engine.store.session import Store
from tests.store.seed import DAY, NOON, happened, in_state, planned, ready

DELIVERY = tables.table(tables.Delivery)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    """A transaction in which a test does all that it does; nothing is kept, be it the shape of the store."""
    with store.read() as opened:
        yield opened


def attempt(
    connection: Connection, action: int, number: int, outcome: str, *, adapter: str = "files", **more: Any
) -> int:
    """An attempt that began at noon; it is closed unless it is under way. Returns its key."""
    row = {
        "action_id": action,
        "attempt": number,
        "adapter": adapter,
        "owner": "A",
        "started_at": NOON,
        "finished_at": None if outcome == "submitting" else NOON,
        "outcome": outcome,
        "provider_ref": "",
        "detail": "",
    }
    (key,) = connection.execute(insert(DELIVERY).returning(DELIVERY.c.id), [row | more]).scalars()
    return int(key)


def close(connection: Connection, key: int, outcome: str) -> None:
    connection.execute(update(DELIVERY).where(DELIVERY.c.id == key).values(outcome=outcome, finished_at=NOON))


def counted(connection: Connection) -> Counter[tuple[str, str]]:
    """The plain way: every row."""
    groups = (DELIVERY.c.adapter, DELIVERY.c.outcome)
    rows = connection.execute(select(*groups, func.count()).group_by(*groups))
    return Counter({(adapter, outcome): number for adapter, outcome, number in rows})


class TestQueue:
    def test_an_empty_store_has_every_state_with_nothing_in_it(self, connection: Connection) -> None:
        assert gauges.queue(connection, NOON) == dict.fromkeys(QUEUE, Depth())
        assert gauges.unheard(connection) == Depth()
        assert gauges.unknown(connection) == {}
        assert gauges.attempts(connection, Attempts(), NOON).numbers == {}

    def test_it_is_what_is_still_to_happen(self) -> None:
        assert set(QUEUE) >= {*OPEN, State.SUBMITTING, State.UNKNOWN}
        assert not {State.ACCEPTED, State.DELIVERED, State.REJECTED, State.CANCELLED, State.EXPIRED} & set(QUEUE)

    def test_actions_by_state_and_since_when_the_oldest_is_due(self, connection: Connection) -> None:
        for number, due in enumerate((NOON, NOON - DAY, NOON + DAY)):
            ready(connection, occurrence=str(number), due_at=due)
        ready(connection, occurrence="ahead", state=State.HELD, due_at=NOON + DAY)
        in_state(connection, State.CANCELLED, occurrence="over")

        found = gauges.queue(connection, NOON)
        assert found[State.READY] == Depth(number=3, due_since=NOON - DAY)
        assert found[State.HELD] == Depth(number=1)
        assert sum(depth.number for depth in found.values()) == 4
        assert gauges.queue(connection, NOON + 2 * DAY)[State.HELD].due_since == NOON + DAY

    @pytest.mark.parametrize("state", QUEUE)
    def test_every_state_of_the_queue_is_counted(self, connection: Connection, state: State) -> None:
        in_state(connection, state)
        assert {one for one, depth in gauges.queue(connection, NOON).items() if depth.number} == {state}

    def test_doubts_by_adapter(self, connection: Connection) -> None:
        in_state(connection, State.UNKNOWN, occurrence="1")
        in_state(connection, State.UNKNOWN, occurrence="2", adapter="cards")
        in_state(connection, State.UNKNOWN, occurrence="3", adapter="cards")
        assert gauges.unknown(connection) == {"files": 1, "cards": 2}

    def test_events_until_decide_has_gone_through_them(self, connection: Connection) -> None:
        happened(connection, "delivery.completed", at=NOON - DAY)
        happened(connection, "delivery.completed", at=NOON)
        assert gauges.unheard(connection) == Depth(number=2, due_since=NOON)
        taken = new_events.next_events(connection, NOON, 10)
        new_events.take_off(connection, [one.id for one in taken])
        assert gauges.unheard(connection) == Depth()


class TestAttempts:
    def test_by_adapter_and_outcome(self, connection: Connection) -> None:
        one = planned(connection)
        for number, (adapter, outcome) in enumerate([("smtp", "retry"), ("smtp", "retry"), ("cards", "accepted")]):
            attempt(connection, one.id, number, outcome, adapter=adapter)
        assert gauges.attempts(connection, Attempts(), NOON).numbers == {("smtp", "retry"): 2, ("cards", "accepted"): 1}

    def test_what_is_closed_for_good_is_not_read_again(self, connection: Connection) -> None:
        one = planned(connection)
        first = attempt(connection, one.id, 1, "retry")
        second = attempt(connection, one.id, 2, "submitting")
        attempt(connection, one.id, 3, "accepted")
        later = NOON + DAY

        found = gauges.attempts(connection, Attempts(), later)
        assert (found.upto, found.closed) == (first, {("files", "retry"): 1})
        connection.execute(
            text("DELETE FROM delivery WHERE id = :key"), {"key": first}
        )  # as if it had gone to an archive
        close(connection, second, "unknown")
        again = gauges.attempts(connection, found, later)
        assert again.numbers == {("files", "retry"): 1, ("files", "unknown"): 1, ("files", "accepted"): 1}
        assert again.closed == again.numbers

    def test_a_row_that_another_transaction_shows_late_is_not_missed(self, connection: Connection) -> None:
        """On PostgreSQL keys are drawn before rows are seen."""
        one = planned(connection)
        attempt(connection, one.id, 2, "accepted", id=9)
        soon = gauges.attempts(connection, Attempts(), NOON + MINUTE)
        assert soon.numbers == {("files", "accepted"): 1}
        attempt(connection, one.id, 1, "retry", id=8)
        assert gauges.attempts(connection, soon, NOON + DAY).numbers == counted(connection)


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("try"), st.sampled_from(["smtp", "cards"]), st.integers(0, 30)),
        st.tuples(st.just("close"), st.sampled_from(["accepted", "retry", "rejected", "unknown"]), st.integers(0, 99)),
        st.tuples(st.just("look"), st.just(""), st.integers(0, 30)),
    ),
    max_size=40,
)


@settings(max_examples=40)
@given(moves=MOVES)
def test_whatever_happens_between_two_looks_all_are_counted_once(
    sandbox: Store, moves: list[tuple[str, str, int]]
) -> None:
    with sandbox.read() as connection:  # nothing is kept
        action, now, seen, under_way = planned(connection).id, NOON, Attempts(), list[int]()
        for number, (move, what, much) in enumerate(moves):
            if move == "try":
                now += much * MINUTE
                under_way.append(attempt(connection, action, number, "submitting", adapter=what, started_at=now))
            elif move == "close" and under_way:
                close(connection, under_way.pop(much % len(under_way)), what)
            elif move == "look":
                now += much * MINUTE
                seen = gauges.attempts(connection, seen, now)
                assert Counter(seen.numbers) == counted(connection)
        assert Counter(gauges.attempts(connection, seen, now).numbers) == counted(connection)


class TestShape:
    def test_it_is_this_versions(self, connection: Connection) -> None:
        assert gauges.has_shape(connection)

    def test_another_one_is_noticed(self, connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert not gauges.has_shape(connection)

    def test_none_at_all_is_noticed(self, connection: Connection) -> None:
        connection.execute(text("DROP TABLE alembic_version"))
        assert not gauges.has_shape(connection)


def test_the_numbers_name_nobody(connection: Connection) -> None:
    in_state(connection, State.UNKNOWN)
    happened(connection, "delivery.completed", "C1")
    told = [gauges.queue(connection, NOON), gauges.unknown(connection), gauges.unheard(connection)]
    assert "C1" not in repr(told)
    assert not [row for row in actions.listing(connection) if row["public_id"] in repr(told)]
