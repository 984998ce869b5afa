"""What had happened by an instant, of everybody at once, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from engine.core.facts import ConsentRecord, Event, Score, Transaction
from engine.core.permission import Suppression
from engine.store import (
    as_of,
    complaints,
    customers,
    events,
    new_events,
    permissions,
    score_history,
    scores,
    transactions,
)
from engine.store.score_history import MISSING, append, pack
from engine.store.scores import COLUMNS
from engine.store.session import Store
from tests.store.seed import DAY, NOON

HOUR = timedelta(hours=1)


@pytest.fixture
def people(store: Store) -> list[int]:
    """Three customers, who were added at noon."""
    with store.write() as connection:
        customers.add_unknown(connection, ["C1", "C2", "C3"], NOON)
        return list(customers.ids_of(connection, ["C1", "C2", "C3"]).values())


def event(kind: str, days: float, key: str) -> Event:
    return Event(customer="", kind=kind, ext_key=key, occurred_at=NOON + days * DAY, payload={"n": key})


def test_events_come_as_they_occurred_decided_on_or_not(store: Store, people: list[int]) -> None:
    one, two, _ = people
    rows = [(two, event("a", 3, "late")), (one, event("a", 1, "early")), (one, event("b", 2, "other")),
            (one, event("a", 9, "later")), (two, event("a", 1, "same"))]  # fmt: skip
    with store.write() as connection:
        events.add(connection, "x", rows, NOON)
        new_events.take_off(connection, [found.id for found in new_events.next_events(connection, NOON + 9 * DAY, 1)])

        found = as_of.happened(connection, ["a"], NOON + DAY, NOON + 3 * DAY)
        assert [(each.customer_id, each.facts.ext_key) for each in found] == [
            (one, "early"), (two, "same"), (two, "late")]  # fmt: skip
        assert found[0].facts == event("a", 1, "early")
        assert as_of.first_heard_of(connection) == {one: NOON, two: NOON, people[2]: NOON}
        events.add(connection, "x", [(one, event("c", -5, "before"))], NOON)
        assert as_of.first_heard_of(connection)[one] == NOON - 5 * DAY


def test_sales_come_with_their_instants_and_days(store: Store, people: list[int]) -> None:
    one, two, _ = people
    rows = [
        (who, Transaction(customer="", ext_key=key, occurred_at=NOON + days * DAY, amount_minor=amount, currency="EUR"))
        for who, key, days, amount in ((one, "b", 2, 500), (two, "a", 1, 100), (one, "r", 1, -100), (one, "c", 5, 0))
    ]
    with store.write() as connection:
        transactions.add(connection, "x", rows, NOON, "Pacific/Auckland")
        day = NOON.date().toordinal() + 1  # where it is tomorrow already
        assert as_of.sales(connection, NOON + 4 * DAY) == [
            (two, NOON + DAY, day + 1), (one, NOON + 2 * DAY, day + 2),
        ]  # fmt: skip
        assert len(as_of.sales(connection, NOON + 5 * DAY)) == 3


def test_first_purchases_are_sales(store: Store, people: list[int]) -> None:
    def bought(key: str, days: int, amount: int) -> Transaction:
        return Transaction(customer="", ext_key=key, occurred_at=NOON + days * DAY, amount_minor=amount, currency="EUR")

    rows = [(people[0], bought("2", 2, 500)), (people[0], bought("1", 1, 500)), (people[1], bought("r", 0, -500))]
    with store.write() as connection:
        transactions.add(connection, "x", rows, NOON, "UTC")
        assert as_of.first_purchases(connection) == {people[0]: NOON + DAY}


def test_words_come_with_their_instants(store: Store, people: list[int]) -> None:
    def said(days: int, given: bool) -> ConsentRecord:
        return ConsentRecord(customer="", purpose="any", channel="any", given=given, at=NOON + days * DAY)

    with store.write() as connection:
        permissions.add_consents(connection, [(people[0], said(3, False)), (people[0], said(1, True))])
        permissions.suppress(connection, "hash", "email", "bounced", NOON + 2 * DAY)

        assert [(one.at, one.given) for one in as_of.consents(connection)[people[0]]] == [
            (NOON + DAY, True), (NOON + 3 * DAY, False)]  # fmt: skip
        bounced = Suppression(channel="email", reason="bounced")
        assert as_of.suppressions(connection) == {"hash": [(NOON + 2 * DAY, bounced)]}


def test_the_turns_of_complaints_say_what_the_question_at_each_instant_says(store: Store, people: list[int]) -> None:
    kinds = ["opened", "opened", "resolved", "resolved", "resolved", "opened"]
    rows = [(people[0], event(f"complaint.{kind}", day, str(day))) for day, kind in enumerate(kinds)]
    with store.write() as connection:
        events.add(connection, "x", [*rows, (people[1], event("complaint.resolved", 1, "none"))], NOON)

        turns = complaints.turns(connection, NOON + 4 * DAY)
        assert turns.keys() == {people[0], people[1]}
        for at, is_open in turns[people[0]]:
            assert complaints.open_complaints(connection, people, at) == ({people[0]} if is_open else set())
        assert [is_open for _, is_open in turns[people[0]]] == [True, True, True, False, False]


def columns(keys: list[int], alive: list[float], tier: str) -> list[Any]:
    made: dict[str, Any] = {name: np.arange(1, len(keys) + 1) for name in COLUMNS}
    made |= {"customer_id": np.array(keys), "p_alive": np.array(alive), "tier": np.array([tier] * len(keys))}
    made["monetary_minor"] = np.ma.masked_array(made["monetary_minor"], [True] + [False] * (len(keys) - 1))
    made["expected_purchases"] = np.ma.masked_array(np.array(alive), [True] + [False] * (len(keys) - 1))
    return [made[name] for name in COLUMNS]


def run(at: Any) -> dict[str, Any]:
    blank: dict[str, Any] = {key: {} for key in ("params", "spend_params", "validation", "season", "cohorts")}
    return {**blank, "covariance": {}, "pooled": {}, "policy": {}, "quantiles": [], "flags": [], "model": "bg_nbd",
            "log_likelihood": 0.0, "spend_log_likelihood": 0.0, "customers": 3, "repeaters": 0, "time_unit": "week",
            "horizon": "P365D", "as_of": at, "fitted_at": at}  # fmt: skip


def test_scores_come_by_save_and_column(store: Store, people: list[int]) -> None:
    with store.write() as connection:
        first = scores.begin_run(connection, run(NOON))
        append(connection, first, pack(columns(people, [0.9, 0.5, 0.1], "gold")), NOON)
        append(connection, first, pack(columns(people[1:], [0.4, 0.3], "silver")), NOON + HOUR)
        second = scores.begin_run(connection, run(NOON + DAY))
        append(connection, second, pack(columns(people, [0.8, 0.7, 0.6], "gold")), NOON + DAY)

        assert as_of.scorings(connection, NOON, NOON + DAY) == [NOON, NOON + DAY]
        assert as_of.scorings(connection, NOON + HOUR, NOON + 9 * DAY) == [NOON + DAY]
        found = as_of.saves(connection, NOON + HOUR)
        assert [(save.at, save.run) for save in found] == [(NOON, first), (NOON + HOUR, first)]
        read = as_of.saved(connection, found[1])
        assert read["customer_id"].tolist() == people[1:]
        assert read["monetary_minor"].tolist() == [MISSING, 2]
        assert np.isnan(read["expected_purchases"][0])
        assert read["tier"].tolist() == ["silver", "silver"]
        past = score_history.as_of(connection, people[2], NOON + HOUR)
        assert past is not None
        assert isinstance(past.facts, Score)
        assert (past.facts.p_alive, past.facts.clv_minor) == (float(str(read["p_alive"][1])), read["clv_minor"][1])


def test_a_save_of_several_blocks_is_whole(store: Store, people: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_history, "BLOCK", 2)
    with store.write() as connection:
        number = scores.begin_run(connection, run(NOON))
        append(connection, number, pack(columns(people, [0.9, 0.5, 0.1], "gold")), NOON)

        (save,) = as_of.saves(connection, NOON)
        assert len(save.blocks) == 2
        assert as_of.saved(connection, save)["customer_id"].tolist() == people
