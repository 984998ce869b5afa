"""Scores: the values before are those that decide has seen, however many runs lie in between."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from engine.store import scores
from engine.store.scores import Previous
from engine.store.session import Store
from tests.store.seed import DAY, NOON, customer, refs, score, scored


def now_and_before(connection: Connection, ref: str = "C1") -> tuple[float | None, float | None]:
    """P(alive) as it is and as decide saw it last."""
    found = scores.load(connection, [customer(connection, ref)])[customer(connection, ref)]
    return found.facts.p_alive, found.previous.p_alive


def decide(connection: Connection, days: int = 1) -> list[str]:
    """What decide does: look at all that is new, and mark it."""
    new = scores.undecided(connection, 100)
    scores.mark_decided(connection, [found.customer_id for found in new], NOON + days * DAY)
    return refs(connection, [found.customer_id for found in new])


def test_a_score_comes_back_as_it_was(store: Store) -> None:
    with store.write() as connection:
        scored(connection, {"C1": score(), "C2": replace(score(), p_alive=None, clv_minor=None, monetary_minor=None)})
        found = scores.load(connection)
        assert [found[customer(connection, ref)].facts for ref in ("C1", "C2")] == [
            score(),
            replace(score(), p_alive=None, clv_minor=None, monetary_minor=None),
        ]
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


def test_the_history_keeps_every_run(store: Store) -> None:
    with store.write() as connection:
        first = scored(connection, {"C1": score(0.9), "C2": score(0.8)}, baseline=True)
        second = scored(connection, {"C2": score(0.7)}, NOON + DAY)
        kept = connection.execute(text("SELECT run_id, p_alive FROM score_history ORDER BY id")).all()
    assert kept == [(first, 0.9), (first, 0.8), (second, 0.7)]


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
        scores.mark_decided(connection, [found.customer_id for found in seen], NOON)
        assert refs(connection, [found.customer_id for found in scores.undecided(connection, 9)]) == ["C3", "C4"]


RUNS = st.lists(
    st.one_of(
        st.just("decide"),
        st.dictionaries(st.sampled_from(["C1", "C2"]), st.sampled_from([0.1, 0.5, 0.9])),
    ),
    max_size=10,
)


@settings(deadline=None, max_examples=25)
@given(RUNS)
def test_before_is_always_what_decide_saw_last(sandbox: Store, story: list[str | dict[str, float]]) -> None:
    current: dict[str, float] = {}
    seen: dict[str, float | None] = {}  # at decide's last look
    before: dict[str, float | None] = {}  # what decide is to compare with, once it looked and a new run came
    waiting: set[str] = set()
    with sandbox.read() as connection:
        for number, step in enumerate(story):
            if isinstance(step, str):
                assert set(decide(connection)) == waiting
                seen.update({ref: current[ref] for ref in waiting})
                waiting = set()
                continue
            scored(connection, {ref: score(p_alive) for ref, p_alive in step.items()}, NOON + number * DAY)
            for gone in set(current) - set(step):
                seen.pop(gone, None)
                before.pop(gone, None)
            before = {ref: seen.get(ref) for ref in step}
            current, waiting = dict(step), set(step)
            for ref in step:
                assert now_and_before(connection, ref) == (current[ref], before[ref])
            assert sorted(refs(connection, scores.load(connection))) == sorted(step)


def test_any_number_of_keys_can_be_asked_for(narrow: Connection) -> None:
    assert scores.load(narrow, range(3000)) == {}
