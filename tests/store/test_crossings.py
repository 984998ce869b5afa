"""Whose score crossed a line: the store finds exactly those of whom the condition says so."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.facts import Customer, Score
from engine.decide.condition import Condition, compile_condition
from engine.decide.situation import Situation
from engine.decide.triggers import crosses
from engine.decide.vocabulary import context, line_names, vocabulary
from engine.store import scores
from engine.store.crossings import crossing
from engine.store.session import Store
from tests.store.seed import DAY, NOON, ROME, customer, score, scored

WORDS = vocabulary()
LINES = (
    "p_alive < 0.3",
    "p_alive < 0.3 && p_alive >= 0.1",
    "tier == 'gold'",
    "tier != 'gold'",
    "!(percentile >= 0.8)",
    "clv > 12.5",
    "known(clv)",
    "!known(clv)",
    "tier in ['gold', 'silver'] || p_alive > 0.9",
)


def line(source: str) -> Condition:
    return compile_condition(source, WORDS.crossing)


def crossed(condition: Condition, found: scores.Stored) -> bool:
    situation = Situation(
        customer=Customer(ref=""),
        now=NOON,
        time_zone=str(ROME),
        currency="EUR",
        score=found.facts,
        previous=found.previous,
    )
    return crosses(condition, context(situation, WORDS, line_names(condition.names)))


VALUES = st.tuples(
    st.sampled_from((0.0, 0.1, 0.2999, 0.3, 0.95)),
    st.sampled_from(("gold", "silver", "bronze")),
    st.sampled_from((0, 1250, 1251, 99_999)),
    st.sampled_from((0.0, 0.8, 1.0)),
)


def of(values: tuple[float, str, int, float]) -> Score:
    return score(*values)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=5), st.lists(VALUES, max_size=2))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_store_finds_exactly_those(
    store: Store, changes: list[tuple[tuple[float, str, int, float], ...]], new: list[tuple[float, str, int, float]]
) -> None:
    with store.write() as connection:
        first = {f"C{number}": of(before) for number, (before, _) in enumerate(changes)}
        scored(connection, first, baseline=True)
        later = {f"C{number}": of(now) for number, (_, now) in enumerate(changes)}
        scored(connection, later | {f"N{number}": of(now) for number, now in enumerate(new)}, NOON + DAY)
        every = scores.undecided(connection, 100)
        for source in LINES:
            condition = line(source)
            found = crossing(connection, [condition.tree], exponent=2)
            assert [one.customer_id for one in found] == [one.customer_id for one in every if crossed(condition, one)]
        connection.rollback()


def test_any_of_the_lines_and_a_few_at_a_time(store: Store) -> None:
    with store.write() as connection:
        scored(connection, {f"C{number}": score(0.9, "bronze") for number in range(4)}, baseline=True)
        later = {
            "C0": score(0.2, "bronze"),
            "C1": score(0.9, "gold"),
            "C2": score(0.2, "gold"),
            "C3": score(0.9, "bronze"),
        }
        scored(connection, later, NOON + DAY)
        lines = [line("p_alive < 0.3").tree, line("tier == 'gold'").tree]
        keys = [customer(connection, ref) for ref in ("C0", "C1", "C2")]
        some = crossing(connection, lines, exponent=2, limit=2)
        assert [one.customer_id for one in some] == keys[:2]
        assert [one.customer_id for one in crossing(connection, lines, exponent=2, after=keys[1])] == keys[2:]
        assert crossing(connection, [], exponent=2) == []


def test_what_decide_has_looked_at_crosses_nothing(store: Store) -> None:
    with store.write() as connection:
        scored(connection, {"C1": score(0.9)}, baseline=True)
        scored(connection, {"C1": score(0.2)}, NOON + DAY)
        scores.mark_decided(connection, NOON + DAY, NOON + DAY)
        assert crossing(connection, [line("p_alive < 0.3").tree], exponent=2) == []
