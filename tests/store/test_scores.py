"""Scores: the values before are those that decide has seen, however many runs lie in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from engine.core.facts import Score, Transaction
from engine.store import customers, scores, transactions
from engine.store.scores import Previous
from engine.store.session import Store
from tests.store.seed import DAY, NOON, ROME, begun, columns, customer, refs, score, scored


def now_and_before(connection: Connection, ref: str = "C1") -> tuple[float | None, float | None]:
    """P(alive) as it is and as decide saw it last."""
    found = scores.load(connection, [customer(connection, ref)])[customer(connection, ref)]
    return found.facts.p_alive, found.previous.p_alive


def bought(connection: Connection, ref: str, now: datetime) -> None:
    """Another transaction of a customer, stored by somebody whose clock says so."""
    key = f"{ref}/{transactions.newest(connection)}"
    fact = Transaction(customer=ref, ext_key=key, occurred_at=NOON, amount_minor=1000, currency="EUR")
    transactions.add(connection, "till", [(customer(connection, ref), fact)], now, ROME)


def decide(connection: Connection, days: int = 1) -> list[str]:
    """What decide does: look at all that is new, and mark it."""
    new = scores.undecided(connection, 100)
    newest = scores.newest(connection)
    assert newest is not None or not new  # a run may have scored nobody
    if newest is not None:
        assert scores.mark_decided(connection, newest, NOON + days * DAY) == len(new)
    return refs(connection, [found.customer_id for found in new])


def test_a_score_waits_until_decide_has_looked(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        assert not scores.is_undecided(connection, key)
        scored(connection, {"C1": score()})
        assert scores.is_undecided(connection, key)
        assert not scores.is_undecided(connection, customer(connection, "C2"))
        decide(connection)
        assert not scores.is_undecided(connection, key)


def test_a_score_comes_back_as_it_was(store: Store) -> None:
    with store.write() as connection:
        full = replace(score(), clv_low_minor=-5, clv_high_minor=2**40)
        bare = replace(score(), p_alive=None, clv_minor=None, monetary_minor=None)
        scored(connection, {"C1": full, "C2": bare})
        found = scores.load(connection)
        assert [found[customer(connection, ref)].facts for ref in ("C1", "C2")] == [full, bare]
        assert all(one.scored_at == NOON and one.previous == Previous() for one in found.values())
        assert scores.load(connection, [customer(connection, "C2")]).keys() == {customer(connection, "C2")}


def test_the_first_scores_ever_surprise_nobody(store: Store) -> None:
    with store.write() as connection:
        scored(connection, {"C1": score(0.9)}, baseline=True)
        assert decide(connection) == []
        scored(connection, {"C1": score(0.2), "C2": score(0.8)}, NOON + DAY)
        assert decide(connection) == ["C1", "C2"]
        assert decide(connection) == []
        assert now_and_before(connection) == (0.2, 0.9)
        assert now_and_before(connection, "C2") == (0.8, None)  # new to decide


def test_a_fall_in_two_steps_is_one_fall_for_decide(store: Store) -> None:
    with store.write() as connection:
        scored(connection, {"C1": score(0.9, "gold", 5000, 0.95)}, baseline=True)
        for days, p_alive in ((1, 0.5), (2, 0.4), (3, 0.2)):
            scored(connection, {"C1": score(p_alive, "bronze", 10, 0.1)}, NOON + days * DAY)
        assert now_and_before(connection) == (0.2, 0.9)
        (found,) = scores.undecided(connection, 1)
        assert found.previous == Previous(p_alive=0.9, clv_minor=5000, percentile=0.95, tier="gold")
        decide(connection)
        scored(connection, {"C1": score(0.1, "bronze")}, NOON + 4 * DAY)
        assert now_and_before(connection) == (0.1, 0.2)


def test_whoever_has_no_purchase_left_has_no_score(store: Store) -> None:
    with store.write() as connection:
        scored(connection, {"C1": score(0.9), "C2": score(0.8)}, baseline=True)
        scored(connection, {"C2": score(0.7)}, NOON + DAY)
        assert refs(connection, scores.load(connection)) == ["C2"]
        scored(connection, {}, NOON + 2 * DAY)
        assert scores.load(connection) == {}
        scored(connection, {"C1": score(0.5)}, NOON + 3 * DAY)
        assert now_and_before(connection) == (0.5, None)


def test_a_run_says_only_what_it_has_to(store: Store) -> None:
    with store.write() as connection:
        begun(connection)
        run = scores.last_run(connection)
        assert run is not None
        assert run["kind"] == "full"
        assert (run["quantiles"], run["covariance"], run["season"], run["cohorts"]) == ([], {}, {}, {})
        begun(connection, quantiles=[0.0, 1.5], season={"index": [1.0]})
        run = scores.last_run(connection)
        assert run is not None
        assert (run["quantiles"], run["season"]) == ([0.0, 1.5], {"index": [1.0]})


def test_the_last_run_is_the_newest(store: Store) -> None:
    with store.write() as connection:
        assert scores.last_run(connection) is None
        scored(connection, {"C1": score()})
        run = scored(connection, {"C1": score()}, NOON + DAY)
        last = scores.last_run(connection)
    assert last is not None
    assert (last["id"], last["as_of"], last["params"]) == (run, NOON + DAY, {"r": 0.24})


def test_decide_looks_at_a_few_at_a_time(store: Store) -> None:
    with store.write() as connection:
        scored(connection, {f"C{number}": score() for number in range(5)})
        assert len(scores.undecided(connection, 3)) == 3
        seen = scores.undecided(connection, 3)
        rest = scores.undecided(connection, 9, after=seen[-1].customer_id)
        assert refs(connection, [found.customer_id for found in rest]) == ["C3", "C4"]


def test_what_was_scored_while_decide_looked_waits(store: Store) -> None:
    with store.write() as connection:
        scored(connection, {"C1": score(), "C2": score()})
        newest = scores.newest(connection)
        assert newest == NOON
        scored(connection, {"C2": score(0.1)}, NOON + DAY)
        assert scores.mark_decided(connection, newest, NOON + DAY) == 0  # C1 has no score by the newer run
        assert refs(connection, [found.customer_id for found in scores.undecided(connection, 9)]) == ["C2"]


class TestOnlySome:
    """Who bought since is scored alone, by the last fit."""

    def again(self, connection: Connection, run: int, facts: dict[str, Score], among: set[str], days: int = 1) -> None:
        found = columns({customer(connection, ref): one for ref, one in facts.items()})
        keys = [customer(connection, ref) for ref in among]
        scores.save(connection, run, found, NOON + days * DAY, baseline=False, looked_at=keys)

    def test_the_others_stay_as_they_are(self, store: Store) -> None:
        with store.write() as connection:
            run = scored(connection, {"C1": score(0.9), "C2": score(0.8), "C3": score(0.7)}, baseline=True)
            self.again(connection, run, {"C2": score(0.6), "NEW": score(0.5)}, {"C2", "NEW"})
            found = {ref: now_and_before(connection, ref) for ref in ("C1", "C2", "C3", "NEW")}
            assert found == {"C1": (0.9, None), "C2": (0.6, 0.8), "C3": (0.7, None), "NEW": (0.5, None)}
            assert decide(connection) == ["C2", "NEW"]
            at = {one.scored_at for one in scores.load(connection).values()}
            assert at == {NOON, NOON + DAY}

    def test_whoever_has_no_purchase_left_has_no_score(self, store: Store) -> None:
        with store.write() as connection:
            run = scored(connection, {"C1": score(0.9), "C2": score(0.8), "C3": score(0.7)}, baseline=True)
            self.again(connection, run, {"C2": score(0.6)}, {"C1", "C2", "NEVER"})
            assert refs(connection, scores.load(connection)) == ["C2", "C3"]
            self.again(connection, run, {}, {"C2"}, days=2)
            assert refs(connection, scores.load(connection)) == ["C3"]
            self.again(connection, run, {}, set(), days=3)
            assert refs(connection, scores.load(connection)) == ["C3"]

    def test_the_next_run_is_of_everybody_again(self, store: Store) -> None:
        with store.write() as connection:
            run = scored(connection, {"C1": score(0.9), "C2": score(0.8)}, baseline=True)
            self.again(connection, run, {"C2": score(0.6)}, {"C2"})
            scored(connection, {"C2": score(0.5)}, NOON + 2 * DAY)
            assert refs(connection, scores.load(connection)) == ["C2"]
            assert now_and_before(connection, "C2") == (0.5, 0.8)


@pytest.mark.parametrize(("batch", "together"), [(3, 5), (5, 2), (4, 2), (100, 7), (100, 50)])
def test_rows_are_written_as_they_come(
    store: Store, monkeypatch: pytest.MonkeyPatch, batch: int, together: int
) -> None:
    monkeypatch.setattr(scores, "_BATCH", batch)
    monkeypatch.setattr(scores, "_TOGETHER", together)
    with store.write() as connection:
        keys = [customer(connection, f"C{number}") for number in range(7)]
        run = begun(connection)
        for days, part in enumerate((100, 50)):
            found = columns({key: score(key / part) for key in keys})
            scores.save(connection, run, found, NOON + days * DAY, baseline=not days, looked_at=keys)
        stored = scores.load(connection)
        assert {key: one.facts.p_alive for key, one in stored.items()} == {key: key / 50 for key in keys}
        assert {key: one.previous.p_alive for key, one in stored.items()} == {key: key / 100 for key in keys}


def test_what_is_not_known_is_nothing(store: Store) -> None:
    with store.write() as connection:
        facts = {"C1": score(0.25), "C2": replace(score(), monetary_minor=None), "C3": score(0.75, "bronze")}
        scored(connection, facts)
        scored(connection, {})
        assert scores.load(connection) == {}
        scored(connection, facts)
        found = [one.facts for one in scores.load(connection).values()]
    assert found == list(facts.values())


class TestDirty:
    def test_whose_history_changed_up_to_an_instant(self, store: Store) -> None:
        with store.write() as connection:
            one, two = customer(connection, "C1"), customer(connection, "C2")
            bought(connection, "C2", NOON)
            bought(connection, "C1", NOON + 2 * DAY)
            assert scores.dirty_customers(connection, NOON - DAY) == []
            assert scores.dirty_customers(connection, NOON + DAY) == [two]
            assert scores.dirty_customers(connection, NOON + 2 * DAY) == [one, two]
            bought(connection, "C2", NOON + 3 * DAY)  # changed again
            assert scores.dirty_customers(connection, NOON + 2 * DAY) == [one]

    def test_only_some_are_cleaned(self, store: Store) -> None:
        with store.write() as connection:
            for ref in ("C1", "C2", "C3"):
                bought(connection, ref, NOON)
            one, two, three = (customer(connection, ref) for ref in ("C1", "C2", "C3"))
            seen = transactions.newest(connection)
            scores.clean(connection, NOON - DAY, [one], seen=seen)
            assert scores.dirty(connection) == 3
            scores.clean(connection, NOON, [two, 999], seen=seen)
            assert scores.dirty_customers(connection, NOON) == [one, three]
            scores.clean(connection, NOON, [], seen=seen)
            assert scores.dirty(connection) == 2
            scores.clean(connection, NOON, seen=seen)
            assert scores.dirty(connection) == 0

    def test_what_came_while_scores_were_made_is_not_forgotten(self, store: Store) -> None:
        with store.write() as connection:
            bought(connection, "C1", NOON)
            bought(connection, "C2", NOON)
            seen = transactions.newest(connection)
            bought(connection, "C1", NOON + 2 * DAY)
            bought(connection, "C2", NOON - DAY)  # by somebody who began the day before and took that long
            scores.clean(connection, NOON + DAY, seen=seen)
            assert scores.dirty(connection) == 2
            scores.clean(connection, NOON + DAY, [customer(connection, "C2")], seen=seen)
            assert scores.dirty(connection) == 2
            scores.clean(connection, NOON + DAY, seen=transactions.newest(connection))
            assert scores.dirty_customers(connection, NOON + 2 * DAY) == [customer(connection, "C1")]


SOME = st.dictionaries(st.sampled_from(["C1", "C2"]), st.sampled_from([0.1, 0.5, 0.9]))
STORY = st.lists(st.tuples(st.sampled_from(["decide", "everybody", "alone"]), SOME), max_size=10)


@settings(deadline=None, max_examples=50)
@given(STORY)
def test_before_is_always_what_decide_saw_last(sandbox: Store, story: list[tuple[str, dict[str, float]]]) -> None:
    current: dict[str, float] = {}
    seen: dict[str, float | None] = {}  # at decide's last look
    before: dict[str, float | None] = {}  # what decide is to compare with, once it looked and a new run came
    waiting: set[str] = set()
    run = 0
    with sandbox.read() as connection:
        for number, (step, facts) in enumerate(story):
            if step == "decide":
                assert set(decide(connection)) == waiting
                seen.update({ref: current[ref] for ref in waiting})
                waiting = set()
                continue
            now = NOON + number * DAY
            if step == "everybody":
                run = scored(connection, {ref: score(p_alive) for ref, p_alive in facts.items()}, now)
                gone, waiting = set(current) - set(facts), set(facts)
            elif run:
                keys = {ref: customer(connection, ref) for ref in sorted(facts)}
                found = columns({keys[ref]: score(p_alive) for ref, p_alive in facts.items()})
                scores.save(connection, run, found, now, baseline=False, looked_at=keys.values())
                gone, waiting = set(), waiting | set(facts)
            else:
                continue
            for ref in gone:
                seen.pop(ref, None)
                before.pop(ref, None)
                current.pop(ref)
            before |= {ref: seen.get(ref) for ref in facts}
            current |= facts
            for ref, p_alive in current.items():
                assert now_and_before(connection, ref) == (p_alive, before[ref])
            assert sorted(refs(connection, scores.load(connection))) == sorted(current)


def test_any_number_of_keys_can_be_asked_for(narrow: Connection) -> None:
    assert scores.load(narrow, range(3000)) == {}


def test_any_number_can_be_saved(narrow: Connection) -> None:
    names = [f"C{number}" for number in range(1, 121)]
    customers.add_unknown(narrow, names, NOON)
    keys = customers.ids_of(narrow, names).values()
    run = begun(narrow)
    found = columns({key: score() for key in keys})
    scores.save(narrow, run, found, NOON, baseline=False, looked_at=range(3000))
    assert scores.load(narrow).keys() == set(keys)
