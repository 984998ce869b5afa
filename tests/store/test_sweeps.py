"""Who a sweep may mean: nobody is left out of whom the condition holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from engine.core.condition import Test, implied, names_in
from engine.decide.condition import Condition, compile_condition
from engine.decide.situation import Situation
from engine.decide.vocabulary import context, vocabulary
from engine.store import customers, scores, sweeps
from engine.store.session import Store
from engine.store.sweeps import _columns
from tests.store.seed import NOON, ROME, customer, score, scored

WORDS = vocabulary()
PEOPLE: Mapping[str, Mapping[str, str]] = {
    "C1": {"email": "ada@example.com", "city": "Roma", "street": "Via Po 1", "country": "IT"},
    "C2": {"email": "", "city": "Roma", "street": ""},
    "C3": {"email": "eva@example.com", "city": "Berlin", "country": "DE", "source": "web"},
    "C4": {},
}
LEAVES = (
    "score.p_alive < 0.5",
    "score.percentile >= 0.8",
    "score.tier == 'gold'",
    "score.tier in ['silver', 'bronze']",
    "score.clv > 12.0",
    "score.monetary <= 50.0",
    "score.frequency * 2 > 3",
    "score.days_since_purchase > 30",
    "score.prev_tier != 'gold'",
    "customer.has_email",
    "customer.has_address",
    "customer.city == 'Roma'",
    "customer.country != 'IT'",
    "customer.ref.startsWith('C')",
    "known(score.tier)",
    "known(customer.source)",
    "customer.household.startsWith('H') || !known(customer.household)",
    "now.month == 3",
    "customer.has_open_complaint",
    "1 < 2",
)
CONDITIONS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: (
        st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(lambda parts: f"({' '.join(parts)})")
        | inner.map(lambda one: f"!({one})")
    ),
    max_leaves=5,
)


def compiled(source: str) -> Condition:
    return compile_condition(source, WORDS.plain)


def filled(connection: Connection) -> None:
    for ref, facts in PEOPLE.items():
        customer(connection, ref, **facts)
    one = score(0.2, "gold")
    scored(connection, {"C1": one, "C2": replace(one, tier="silver", p_alive=0.9, monetary_minor=None)})
    scored(connection, {"C1": replace(one, p_alive=0.6), "C2": one, "C3": replace(one, tier="", clv_minor=None)})


def matching(connection: Connection, condition: Test | None, after: int = 0, limit: int = 1000) -> list[int]:
    found = sweeps.matching(connection, [condition], exponent=2, after=after, limit=limit)
    assert all(places == [0] for _, places in found)
    return [key for key, _ in found]


def situations(connection: Connection) -> dict[int, Situation]:
    worth = scores.load(connection)
    return {
        key: Situation(
            customer=one.facts,
            now=NOON,
            time_zone=ROME,
            currency="EUR",
            score=worth[key].facts if key in worth else None,
            previous=worth[key].previous if key in worth else None,
        )
        for key, one in sorted(customers.load(connection).items())
    }


def by_closure(connection: Connection, condition: Condition) -> list[int]:
    return [key for key, it in situations(connection).items() if condition.holds(context(it, WORDS))]


@pytest.fixture
def people(store: Store) -> Store:
    with store.write() as connection:
        filled(connection)
    return store


@settings(deadline=None, max_examples=40)
@given(CONDITIONS)
def test_nobody_is_left_out_of_whom_it_holds(sandbox: Store, source: str) -> None:
    condition = compiled(source)
    with sandbox.read() as connection:
        filled(connection)
        found = matching(connection, condition.tree)
        wanted = by_closure(connection, condition)
        assert set(found) >= set(wanted)
        if all(name in _columns(2) for name in names_in(condition.tree)):
            assert found == wanted


@settings(deadline=None, max_examples=25)
@given(st.lists(CONDITIONS, max_size=5))
def test_many_conditions_are_asked_by_one_look(sandbox: Store, sources: list[str]) -> None:
    trees = [compiled(source).tree for source in sources]
    with sandbox.read() as connection:
        filled(connection)
        alone = [set(matching(connection, tree)) for tree in trees]
        found = sweeps.matching(connection, trees, exponent=2)
        assert found == [
            (key, [place for place, meant in enumerate(alone) if key in meant])
            for key in sorted(customers.load(connection))
            if any(key in meant for meant in alone)
        ]


@pytest.mark.parametrize("source", [*LEAVES, *(f"!({leaf})" for leaf in LEAVES)])
def test_every_name_says_in_both_databases_what_it_says_in_a_rule(people: Store, source: str) -> None:
    condition = compiled(source)
    with people.read() as connection:
        found, wanted = matching(connection, condition.tree), by_closure(connection, condition)
        assert set(found) >= set(wanted)
        assert found == wanted or implied(condition.tree, _columns(2)) is None


def test_the_values_that_the_tables_know_are_those_that_rules_read(people: Store) -> None:
    names = list(WORDS.plain.fields)
    with people.write() as connection:
        customer(connection, "C5", time_zone="Pacific/Auckland", email="zoe@example.com")
        scored(connection, {"C5": replace(score(1 / 3, "gold"), clv_minor=2**53 - 1, monetary_minor=1, recency=0.1)})
    with people.read() as connection:
        wanted = situations(connection)
        known, found = sweeps.values(connection, list(wanted), names, exponent=2)
        assert [row[0] for row in found] == list(wanted)
        nothing, plain = sweeps.values(connection, list(wanted), ["now.month"], exponent=2)
        assert (nothing, [row[:6] for row in found]) == ((), plain)
        _, unasked = sweeps.values(connection, list(wanted), (), exponent=2, post=False)
        assert [(*row[:5], False) for row in found] == unasked
        assert sweeps.values(connection, [], names, exponent=2) == (known, [])

    for row in found:
        (key, *reached), values = row[:6], dict(zip(known, row[6:], strict=True))
        who = wanted[key].customer
        assert reached == [who.time_zone, who.ref, who.household, who.email, who.takes_post]
        assert values.keys() == _columns(2).keys()
        read = context(wanted[key], WORDS, values)
        assert {name: (type(value), value) for name, value in values.items()} == {
            name: (type(value), value) for name, value in read.items()
        }


def test_without_a_condition_it_means_everybody(people: Store) -> None:
    with people.read() as connection:
        everybody = sorted(customers.load(connection))
        assert matching(connection, None) == everybody
        assert matching(connection, None, after=everybody[0], limit=2) == everybody[1:3]


def test_a_condition_on_the_score_looks_at_scores_alone() -> None:
    def reads_customers(source: str) -> bool:
        tree = compiled(source).tree
        return not sweeps._fails_without(tree)

    assert not reads_customers("score.p_alive < 0.5 && score.tier == 'gold'")
    assert not reads_customers("score.p_alive < 0.5 && !known(score.tier)")
    assert reads_customers("score.p_alive < 0.5 || !known(score.tier)")
    assert reads_customers("1 < 2")
