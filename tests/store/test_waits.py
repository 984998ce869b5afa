"""Actions that wait for an event: which event is theirs, settled once, given up when it is too late."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from engine.core.actions import Plan, State, Wait
from engine.core.calendar import Duration
from engine.core.facts import Event
from engine.core.waits import Settled
from engine.store import actions, events, waits
from engine.store.actions import Action
from engine.store.session import Store
from tests.store.seed import DAY, NOON, again, customer, finish, journey, planned, values

REVIEW = "review.received"
WAIT = Wait(kind=REVIEW, within=Duration(days=14), after=Duration(days=1), when="event.rating >= 4")
UNTIL = NOON + 14 * DAY
SECOND = timedelta(seconds=1)


def waiting(
    connection: Connection, ref: str = "C1", occurrence: str = "1", *, reference: str = "", **more: Any
) -> Action:
    """A step that waits for a review."""
    passage = journey(connection, ref, occurrence=occurrence, reference=reference)
    columns: dict[str, Any] = {"state": State.WAITING, "awaits": REVIEW, "not_before": UNTIL, "plan": Plan(wait=WAIT)}
    assert actions.plan(connection, [values(connection, passage, ref, **(columns | more))], NOON)
    (made,) = actions.of_journeys(connection, [passage])
    return made


def happen(
    connection: Connection, key: str, at: datetime, ref: str = "C1", kind: str = REVIEW, **payload: object
) -> int:
    """An event of a customer; says its key in the store."""
    fact = Event(customer="", kind=kind, ext_key=key, occurred_at=at, payload=payload)
    events.add(connection, "test", [(customer(connection, ref), fact)], at)
    return next(one.id for one in events.of_customer(connection, customer(connection, ref)) if one.facts.ext_key == key)


def come(connection: Connection, *refs: str, now: datetime = UNTIL + DAY) -> list[tuple[int, str]]:
    """Which actions have their event, and which it is."""
    found = waits.come(connection, [customer(connection, ref) for ref in refs or ("C1",)], now)
    return [(one.action, one.event.ext_key) for one in found]


class TestFinding:
    def test_an_event_from_the_anchor_to_the_last_instant(self, store: Store) -> None:
        with store.write() as connection:
            made = waiting(connection)
            assert (made.state, made.awaits, made.due_at) == (State.WAITING, REVIEW, UNTIL)
            happen(connection, "before", NOON - SECOND)
            happen(connection, "after", UNTIL + SECOND)
            assert come(connection) == []
            happen(connection, "last", UNTIL)
            assert come(connection) == [(made.id, "last")]
            happen(connection, "first", NOON)
            assert come(connection) == [(made.id, "first")]

    def test_what_lies_ahead_has_not_come(self, store: Store) -> None:
        with store.write() as connection:
            made = waiting(connection)
            happen(connection, "later", NOON + DAY)
            assert come(connection, now=NOON + DAY - SECOND) == []
            assert come(connection, now=NOON + DAY) == [(made.id, "later")]

    def test_it_tells_all_that_is_needed_to_settle_it(self, store: Store) -> None:
        with store.write() as connection:
            made = waiting(connection, facts={"title": "Thank"})
            happen(connection, "one", NOON + DAY, rating=5)
            (found,) = waits.come(connection, [customer(connection)], UNTIL)
        assert (found.action, found.customer, found.purpose) == (made.id, made.customer_id, "relationship")
        assert (found.channel, found.wait, found.facts) == ("email", WAIT, {"title": "Thank"})
        assert (found.event.kind, found.event.occurred_at, found.event.payload) == (REVIEW, NOON + DAY, {"rating": 5})

    def test_each_customer_and_kind_for_itself(self, store: Store) -> None:
        with store.write() as connection:
            one, other = waiting(connection), waiting(connection, "C2")
            happen(connection, "theirs", NOON + DAY, "C2")
            happen(connection, "else", NOON + DAY, kind="quote.accepted")
            assert come(connection, "C1", "C2") == [(other.id, "theirs")]
            happen(connection, "mine", NOON + DAY)
            assert come(connection, "C1") == [(one.id, "mine")]
            assert waits.come(connection, [], UNTIL) == []

    def test_the_first_of_the_same_reference(self, store: Store) -> None:
        with store.write() as connection:
            one = waiting(connection, reference="P-1")
            happen(connection, "other", NOON + SECOND, reference="P-2")
            assert come(connection) == []
            happen(connection, "same", NOON + DAY, reference="P-1")
            assert come(connection) == [(one.id, "same")]
            happen(connection, "of none", NOON + 2 * SECOND)
            assert come(connection) == [(one.id, "of none")]

    def test_the_event_that_began_the_journey_is_not_meant(self, store: Store) -> None:
        with store.write() as connection:
            start = happen(connection, "start", NOON)
            made = waiting(connection, event_id=start)
            assert come(connection) == []
            happen(connection, "another", NOON)
            assert come(connection) == [(made.id, "another")]

    def test_only_what_waits(self, store: Store) -> None:
        with store.write() as connection:
            planned(connection)
            made = waiting(connection, occurrence="2")
            actions.end(connection, made.id, State.CANCELLED, "by hand", NOON)
            happen(connection, "one", NOON + DAY)
            assert come(connection) == []

    def test_those_whose_time_is_over_of_everybody(self, store: Store) -> None:
        with store.write() as connection:
            made = waiting(connection)
            happen(connection, "in time", UNTIL)
            assert waits.come_late(connection, UNTIL) == []
            (found,) = waits.come_late(connection, UNTIL + SECOND)
        assert (found.action, found.event.ext_key) == (made.id, "in time")


class TestSettling:
    def test_it_is_planned_once(self, store: Store) -> None:
        with store.write() as connection:
            made = waiting(connection)
            due = NOON + 3 * DAY
            facts = {"event": {"rating": 5}}
            yes = Settled(action=made.id, state=State.PLANNED, reason="it came", not_before=due, facts=facts)
            no = Settled(action=made.id, state=State.CANCELLED, reason="no")
            assert waits.settle(connection, [yes], NOON + DAY) == 1
            assert waits.settle(connection, [yes, no], NOON + 2 * DAY) == 0
            after = again(connection, made)
            assert [one["id"] for one in actions.waiting(connection)] == [made.id]
        assert (after.state, after.reason, after.facts) == (State.PLANNED, "it came", facts)
        assert (after.not_before, after.due_at, after.finished_at) == (due, due, None)

    @pytest.mark.parametrize("state", [State.CANCELLED, State.SUPPRESSED])
    def test_it_may_end_there(self, store: Store, state: State) -> None:
        with store.write() as connection:
            made, other = waiting(connection), waiting(connection, "C2")
            answers = [Settled(action=made.id, state=state, reason="no")]
            assert waits.settle(connection, answers, NOON + DAY) == 1
            assert waits.settle(connection, [], NOON) == 0
            after = again(connection, made)
            assert again(connection, other).state is State.WAITING
        assert (after.state, after.reason, after.finished_at) == (state, "no", NOON + DAY)

    def test_what_waited_in_vain_is_given_up_with_a_reason(self, store: Store) -> None:
        with store.write() as connection:
            made, other = waiting(connection), planned(connection, "C2")
            assert waits.give_up(connection, UNTIL) == 0  # its last instant
            assert waits.give_up(connection, UNTIL + SECOND) == 1
            assert waits.give_up(connection, UNTIL + SECOND) == 0
            after = again(connection, made)
            assert again(connection, other).state is State.PLANNED
        assert (after.state, after.reason) == (State.EXPIRED, "no review.received came within P14D")
        assert after.finished_at == UNTIL + SECOND

    def test_nobody_else_ends_or_takes_it_meanwhile(self, store: Store) -> None:
        with store.write() as connection:
            made = waiting(connection)
            assert actions.expire(connection, UNTIL + 1000 * DAY) == 0
            assert actions.waiting(connection) == []
            assert actions.touches(connection, [made.customer_id], NOON) == {made.customer_id: []}
            assert finish(connection, UNTIL) == 0
            assert again(connection, made).state is State.WAITING


class TestTheJourneysEnd:
    def end(self, connection: Connection) -> str:
        finish(connection, UNTIL)
        return str(connection.execute(text("SELECT exit_reason FROM journey")).scalar_one())

    def test_what_became_of_the_last_step_that_did_not_go_out(self, store: Store) -> None:
        with store.write() as connection:
            made = waiting(connection)
            more = [
                values(connection, made.journey_id, dedupe_key=f"more:{step}", step=step) for step in ("ask", "card")
            ]
            actions.plan(connection, more, NOON)
            for one in actions.of_journeys(connection, [made.journey_id])[:2]:
                actions.end(connection, one.id, State.SUPPRESSED, "no consent", NOON + DAY)
            waits.give_up(connection, UNTIL + SECOND)
            assert self.end(connection) == "mail: no review.received came within P14D"

    def test_or_that_all_did(self, store: Store) -> None:
        with store.write() as connection:
            journey(connection)
            assert self.end(connection) == "all steps done"
