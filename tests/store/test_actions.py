"""Actions before they go out: planned once, dated, frozen, held, stopped; and what caps count."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from engine.core.actions import MOVES, TOO_LATE, Plan, State
from engine.core.calendar import Duration, parse_days
from engine.store import actions, touchpoints
from engine.store.session import Store
from tests.store.seed import (
    DAY,
    NOON,
    STATES,
    again,
    customer,
    in_state,
    journey,
    planned,
    ready,
    score,
    scored,
    under_way,
    values,
)


def values_of(store: Store, passage: int) -> dict[str, Any]:
    with store.read() as connection:
        return values(connection, passage)


class TestPlanning:
    def test_a_step_is_planned_as_it_was_decided(self, store: Store) -> None:
        with store.write() as connection:
            passage = journey(connection, stop_on=["complaint.opened"], anchor_at=NOON - DAY)
            plan = Plan(template="email/thanks", valid_for=Duration(days=3), options={"points": 5})
            decided = values(connection, passage, plan=plan, facts={"event": {"amount": 12.5}}, not_before=NOON + DAY)
            twice = decided | {"dedupe_key": "thanks:C1:1:twice", "step": "twice"}
            assert actions.plan(connection, [decided, twice], NOON) == 2
            assert actions.plan(connection, [], NOON) == 0
            made, _ = actions.of_journeys(connection, [passage])
        assert (made.state, made.plan, made.facts) == (State.PLANNED, plan, {"event": {"amount": 12.5}})
        assert (made.due_at, made.not_before, made.created_at) == (NOON + DAY, NOON + DAY, NOON)
        assert (made.payload, made.attempts, made.valid_until, made.finished_at) == (None, 0, None, None)

    @pytest.mark.parametrize("together", [True, False])
    def test_a_journey_takes_a_step_once(self, store: Store, *, together: bool) -> None:
        with store.write() as connection:
            passage = journey(connection)
        step = values_of(store, passage)

        def twice() -> None:
            with store.write() as connection:
                if not together:
                    actions.plan(connection, [step], NOON)
                actions.plan(connection, [step, step] if together else [step], NOON)

        with pytest.raises(IntegrityError):
            twice()
        with store.read() as connection:
            assert actions.of_journeys(connection, [passage]) == []

    def test_who_decides_the_same_again_begins_no_journey_to_plan_it_for(self, store: Store) -> None:
        with store.write() as connection:
            made = planned(connection)
        with pytest.raises(IntegrityError), store.write() as connection:
            planned(connection, step="other")
        with store.read() as connection:
            assert actions.of_journeys(connection, [made.journey_id]) == [made]


class TestDating:
    def test_what_has_no_date_comes_with_what_tells_who_goes_first(self, store: Store) -> None:
        with store.write() as connection:
            one = planned(connection, occurrence="1", worth_micro=25_000_000)
            other = planned(connection, "C2", occurrence="2", channel="note", purpose="marketing")
            scored(connection, {"C2": score(clv=4711)})
            found = {row["id"]: row for row in actions.waiting(connection)}
            assert found[one.id] == {
                "id": one.id,
                "channel": "email",
                "purpose": "relationship",
                "worth_micro": 25_000_000,
                "not_before": NOON,
                "clv_minor": None,
            }
            assert [found[other.id][name] for name in ("channel", "worth_micro", "clv_minor")] == ["note", None, 4711]
            assert actions.undated(connection, [one.id, 0]) == {one.id: one}
            actions.schedule(connection, one.id, NOON + 5 * DAY, NOON + 6 * DAY, NOON)
            assert [row["id"] for row in actions.waiting(connection)] == [other.id]
            assert actions.undated(connection, [one.id]) == {}
            dated = again(connection, one)
        assert (dated.due_at, dated.valid_until, dated.state) == (NOON + 5 * DAY, NOON + 6 * DAY, State.PLANNED)

    def test_many_get_their_dates_at_once_and_only_the_first_time(self, store: Store) -> None:
        with store.write() as connection:
            made = [planned(connection, occurrence=str(number)) for number in range(3)]
            dates = [{"valid_until": NOON + 9 * DAY, "unit_cost_micro": 2_400_000, "reason": "later"} for _ in made]
            actions.give_dates(connection, [], NOON)
            for days in (1, 2):
                actions.give_dates(
                    connection,
                    [
                        {"id": one.id, "due_at": NOON + days * DAY, **date}
                        for one, date in zip(made, dates, strict=True)
                    ],
                    NOON,
                )
            for one in made:
                dated = again(connection, one)
                assert (dated.due_at, dated.valid_until) == (NOON + DAY, NOON + 9 * DAY)
                assert (dated.unit_cost_micro, dated.reason, dated.state) == (2_400_000, "later", State.PLANNED)

    @pytest.mark.parametrize("state", STATES)
    def test_what_went_out_or_may_still_has_its_cost(self, store: Store, state: State) -> None:
        free = state in (State.REJECTED, State.SUPPRESSED, State.EXPIRED, State.CANCELLED, State.WAITING)
        with store.write() as connection:
            made = in_state(connection, state, unit_cost_micro=1500)
            if state is State.PLANNED:
                assert actions.spent(connection, NOON, NOON + DAY) == {}  # it has no date yet
                actions.schedule(connection, made.id, NOON, NOON + DAY, NOON)
            assert actions.spent(connection, NOON, NOON + DAY) == ({} if free else {("email", "thanks"): 1500})
            assert actions.spent(connection, NOON - DAY, NOON) == {}

    def test_costs_are_added_up_by_channel_and_rule(self, store: Store) -> None:
        with store.write() as connection:
            for number, (channel, cost) in enumerate(
                (("email", 1), ("email", 2**40), ("note", 2_400_000), ("task", 0))
            ):
                ready(connection, occurrence=str(number), channel=channel, unit_cost_micro=cost)
            assert actions.spent(connection, NOON, NOON + DAY) == {
                ("email", "thanks"): 2**40 + 1,
                ("note", "thanks"): 2_400_000,
            }

    def test_what_is_frozen_is_not_dated_again(self, store: Store) -> None:
        with store.write() as connection:
            made = ready(connection)
            actions.schedule(connection, made.id, NOON + DAY, NOON + DAY, NOON)
            assert again(connection, made).due_at == NOON


class TestFreezing:
    def test_what_is_due_is_frozen_and_what_a_person_wants_to_see(self, store: Store) -> None:
        with store.write() as connection:
            due = planned(connection, occurrence="due")
            later = planned(connection, occurrence="later", not_before=NOON + DAY)
            shown = planned(connection, occurrence="shown", not_before=NOON + DAY, plan=Plan(approve=True))
            planned(connection, occurrence="undated")
            for one in (due, later, shown):
                actions.schedule(connection, one.id, one.not_before, NOON + 9 * DAY, NOON)
            assert [one.id for one in actions.to_freeze(connection, NOON, 9)] == [due.id, shown.id]
            assert [one.id for one in actions.to_freeze(connection, NOON, 1)] == [due.id]
            assert [one.id for one in actions.to_freeze(connection, NOON + DAY, 9)] == [due.id, later.id, shown.id]

    def test_what_has_its_content_is_not_written_again(self, store: Store) -> None:
        with store.write() as connection:
            frozen = ready(connection)
            assert (frozen.payload, frozen.payload_sha256, frozen.adapter) == ({"a": 1}, "0" * 64, "files")
            assert actions.to_freeze(connection, NOON, 9) == []

    def test_two_who_write_contents_do_not_write_the_same(self, store: Store) -> None:
        if store.is_sqlite:
            pytest.skip("SQLite has one writer at a time")
        with store.write() as connection:
            made = planned(connection)
            actions.schedule(connection, made.id, NOON, NOON + DAY, NOON)
        with store.write() as one, store.write() as other:
            assert [action.id for action in actions.to_freeze(one, NOON, 9)] == [made.id]
            assert actions.to_freeze(other, NOON, 9) == []

    def test_a_held_action_needs_its_yes(self, store: Store) -> None:
        with store.write() as connection:
            made = ready(connection, state=State.HELD)
            assert under_way(connection) == []
            assert actions.approve(connection, made.id, "Marta")
            assert not actions.approve(connection, made.id, "Marta")
            assert [one.due.id for one in under_way(connection)] == [made.id]


class TestEnding:
    @pytest.mark.parametrize("end", [State.SUPPRESSED, State.EXPIRED, State.CANCELLED, State.REJECTED])
    @pytest.mark.parametrize("state", STATES)
    def test_only_by_moves_that_there_are_and_never_under_way(self, store: Store, state: State, end: State) -> None:
        allowed = end in MOVES[state] and state not in (State.SUBMITTING, State.ACCEPTED)
        with store.write() as connection:
            action = in_state(connection, state)
            assert actions.end(connection, action.id, end, "because", NOON + DAY) is allowed
            after = again(connection, action)
        assert after.state is (end if allowed else state)
        if allowed:
            assert (after.reason, after.finished_at) == ("because", NOON + DAY)

    @pytest.mark.parametrize("state", STATES)
    def test_what_is_late_expires_unless_somebody_has_it_in_hand(self, store: Store, state: State) -> None:
        expires = state in (State.PLANNED, State.HELD, State.READY, State.RETRY_AT)
        with store.write() as connection:
            action = in_state(connection, state)
            if state is State.PLANNED:
                actions.schedule(connection, action.id, NOON, NOON + 7 * DAY, NOON)
            assert actions.expire(connection, NOON + 7 * DAY) == 0  # its last instant
            assert actions.expire(connection, NOON + 8 * DAY) == expires
            after = again(connection, action)
        assert after.state is (State.EXPIRED if expires else state)
        assert not expires or after.reason == TOO_LATE

    def test_what_has_no_date_does_not_expire(self, store: Store) -> None:
        with store.write() as connection:
            planned(connection)
            assert actions.expire(connection, NOON + 1000 * DAY) == 0


def test_what_a_provider_gives_back_was_accepted(store: Store) -> None:
    with store.write() as connection:
        accepted = in_state(connection, State.ACCEPTED)
        assert actions.take_back(connection, accepted.id, "taken back", NOON + DAY)
        assert not actions.take_back(connection, accepted.id, "again", NOON + DAY)
        after = again(connection, accepted)
    assert (after.state, after.reason, after.finished_at) == (State.CANCELLED, "taken back", NOON + DAY)


class TestTouches:
    def test_what_was_heard_and_what_is_dated(self, store: Store) -> None:
        with store.write() as connection:
            key = customer(connection)
            sent = ready(connection, occurrence="sent", due_at=NOON - 2 * DAY)
            touchpoints.add(connection, [sent], NOON - DAY)
            actions.end(connection, sent.id, State.CANCELLED, "", NOON)
            ready(connection, occurrence="dated", due_at=NOON + DAY)
            ready(connection, occurrence="note", channel="note", due_at=NOON + 2 * DAY)
            ready(connection, occurrence="reward", channel="reward", due_at=NOON + DAY)
            ready(connection, occurrence="order", purpose="transactional", due_at=NOON + DAY)
            ready(connection, "C2", due_at=NOON + DAY)
            planned(connection, occurrence="undated")
            ended = ready(connection, occurrence="ended", due_at=NOON + DAY)
            actions.end(connection, ended.id, State.CANCELLED, "", NOON)
            heard = [NOON - DAY, NOON + DAY, NOON + 2 * DAY]
            assert actions.touches(connection, [key], NOON - 9 * DAY) == {key: heard}
            assert actions.touches(connection, [key], NOON - DAY) == {key: heard}
            other, third = customer(connection, "C2"), customer(connection, "C3")
            both = {key: heard[1:], other: [NOON + DAY], third: []}
            assert actions.touches(connection, [key, other, third], NOON) == both
            assert actions.touches(connection, [], NOON) == {}

    def test_what_may_have_gone_out_counts(self, store: Store) -> None:
        with store.write() as connection:
            made = in_state(connection, State.UNKNOWN)
            assert actions.touches(connection, [made.customer_id], NOON) == {made.customer_id: [NOON]}

    def test_what_was_ordered_does_not(self, store: Store) -> None:
        with store.write() as connection:
            made = ready(connection, purpose="transactional")
            touchpoints.add(connection, [made], NOON)
            assert actions.touches(connection, [made.customer_id], NOON - DAY) == {made.customer_id: []}


class TestLooking:
    def test_by_the_end_of_the_id(self, store: Store) -> None:
        with store.write() as connection:
            one, other = planned(connection, occurrence="1"), planned(connection, occurrence="2")
            assert [found.id for found in actions.find(connection, one.public_id)] == [one.id]
            assert [found.id for found in actions.find(connection, other.public_id[-12:])] == [other.id]
            assert len(actions.find(connection, "")) == 2
            assert actions.find(connection, "%") == []

    def test_a_list_of_a_state_or_of_all_with_names(self, store: Store) -> None:
        with store.write() as connection:
            customer(connection, given_name="Letizia")
            planned(connection, occurrence="1", not_before=NOON + DAY)
            ready(connection, occurrence="2")
            everything = actions.listing(connection)
            assert [(row["state"], row["given_name"], row["ref"]) for row in everything] == [
                ("ready", "Letizia", "C1"),
                ("planned", "Letizia", "C1"),
            ]
            assert [row["state"] for row in actions.listing(connection, State.PLANNED)] == ["planned"]
            assert len(actions.listing(connection, limit=1)) == 1
            assert actions.counts(connection) == [("thanks", "email", "planned", 1), ("thanks", "email", "ready", 1)]

    def test_a_plan_is_kept_with_its_window(self, store: Store) -> None:
        plan = Plan.from_json({**Plan().to_json(), "days": sorted(parse_days("mon-sat")), "from": "10:00:00"})
        with store.write() as connection:
            assert planned(connection, plan=plan).plan == plan
