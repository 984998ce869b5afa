"""Customers: what a file names is changed, what it does not name stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection

from engine.core.facts import Address, Customer
from engine.store import customers
from engine.store.session import Store
from tests.store.seed import DAY, NOON

LETIZIA: dict[str, Any] = {
    "household": "Via Verdi",
    "given_name": "Letizia",
    "family_name": "D'Amico",
    "company": "",
    "email": "letizia@mail.example",
    "phone": "+39 0543 1",
    "street": "Via Verdi 1",
    "postcode": "47121",
    "city": "Forlì",
    "region": "FC",
    "country": "IT",
    "locale": "it_IT",
    "time_zone": "Europe/Rome",
    "birthday": date(1980, 2, 29),
    "first_contact_on": date(2020, 1, 1),
    "source": "fair",
    "acquisition_cost_minor": 2500,
    "attributes": {"boiler": "gas", "floor": 3},
}


def test_everything_that_is_known_comes_back(store: Store) -> None:
    with store.write() as connection:
        assert customers.save(connection, [("C1", LETIZIA)], NOON) == (1, 0)
        ((key, known),) = customers.load(connection).items()
    facts = {name: value for name, value in LETIZIA.items() if name not in Address.__slots__}
    address = Address(**{name: str(LETIZIA[name]) for name in Address.__slots__})
    assert known == customers.Known(id=key, facts=Customer(ref="C1", address=address, **facts))


def test_who_live_together_are_found_by_their_household(store: Store) -> None:
    with store.write() as connection:
        homes = [("C1", "A"), ("C2", "B"), ("C3", "A"), ("C4", "")]
        customers.save(connection, [(ref, {"household": home}) for ref, home in homes], NOON)
        keys = customers.ids_of(connection, [ref for ref, _ in homes])
        assert customers.members(connection, ["A", "", "C"]) == {"A": [keys["C1"], keys["C3"]]}
        assert customers.members(connection, []) == {}


def test_saving_again_changes_what_differs_and_nothing_else(store: Store) -> None:
    with store.write() as connection:
        customers.save(connection, [("C1", LETIZIA), ("C2", LETIZIA)], NOON)
    with store.write() as connection:
        assert customers.save(connection, [("C1", LETIZIA), ("C2", LETIZIA)], NOON + DAY) == (0, 0)
        assert customers.last_change(connection) == NOON
        assert customers.save(connection, [("C1", {"city": "Roma"}), ("C2", {})], NOON + DAY) == (0, 1)
        assert customers.last_change(connection) == NOON + DAY
        one, other = customers.load(connection).values()
    assert (one.facts.address.city, one.facts.address.street, one.facts.name) == (
        "Roma",
        "Via Verdi 1",
        "Letizia D'Amico",
    )
    assert other.facts.address.city == "Forlì"


def test_many_change_at_once_each_in_what_was_said_of_them(store: Store) -> None:
    refs = [f"C{number}" for number in range(60)]
    said: list[dict[str, Any]] = [
        {"city": "Roma"},
        {"given_name": "Ada", "birthday": None},
        {},
        {"attributes": {"a": 1}},
    ]
    with store.write() as connection:
        assert customers.save(connection, [(ref, LETIZIA) for ref in refs], NOON) == (60, 0)
        before = {one.facts.ref: one.facts for one in customers.load(connection).values()}
        told = [(ref, said[number % 4]) for number, ref in enumerate(refs)]
        again = [("C0", {"city": "Roma", "phone": "1"}), ("C0", {"phone": "2"}), ("new", {"city": "Bari"})]

        assert customers.save(connection, [*told, *again], NOON + DAY) == (1, 45 + 2)
        after = {one.facts.ref: one.facts for one in customers.load(connection).values()}
        assert customers.save(connection, [*told, *again[1:]], NOON + DAY) == (0, 0)
    assert {(after[ref].address.city, after[ref].given_name) for ref in refs[0::4]} == {("Roma", "Letizia")}
    assert {(after[ref].given_name, after[ref].birthday) for ref in refs[1::4]} == {("Ada", None)}
    assert [after[ref] for ref in refs[2::4]] == [before[ref] for ref in refs[2::4]]
    assert [after[ref] for ref in refs[3::4]] == [replace(before[ref], attributes={"a": 1}) for ref in refs[3::4]]
    assert (after["C0"].phone, after["C4"].phone, after["new"].address.city) == ("2", before["C4"].phone, "Bari")


@pytest.mark.parametrize(
    ("name", "value"),
    [("birthday", None), ("acquisition_cost_minor", None), ("attributes", {"boiler": "oil"}), ("email", "")],
)
def test_each_kind_of_value_can_be_changed_and_emptied(store: Store, name: str, value: object) -> None:
    with store.write() as connection:
        customers.save(connection, [("C1", LETIZIA)], NOON)
        assert customers.save(connection, [("C1", {name: value})], NOON) == (0, 1)
        assert customers.save(connection, [("C1", {name: value})], NOON) == (0, 0)
        (known,) = customers.load(connection).values()
    assert getattr(known.facts, name) == value


def test_a_customer_twice_in_one_file_is_one(store: Store) -> None:
    with store.write() as connection:
        assert customers.save(connection, [("C1", {"city": "Roma"}), ("C1", {"city": "Forlì"})], NOON) == (1, 0)
        (known,) = customers.load(connection).values()
    assert known.facts.address.city == "Forlì"


def test_a_reference_alone_makes_a_bare_customer_once(store: Store) -> None:
    with store.write() as connection:
        assert customers.last_change(connection) is None
        assert customers.save(connection, [("C1", {"city": "Roma"})], NOON) == (1, 0)
        assert customers.add_unknown(connection, ["C1", "C2", "C2"], NOON) == 1
        assert customers.add_unknown(connection, [], NOON) == 0
        known = customers.load(connection)
    assert [one.facts for one in known.values()][1] == Customer(ref="C2")


def test_thousands_at_once(store: Store) -> None:
    refs = [f"C{number:04}" for number in range(2500)]
    with store.write() as connection:
        assert customers.add_unknown(connection, refs, NOON) == 2500
        assert customers.add_unknown(connection, [*refs, "D"], NOON) == 1
        found = customers.ids_of(connection, [*refs, "unknown"])
        assert found.keys() == set(refs)
        assert [
            one.facts.ref for one in customers.load(connection, [found[ref] for ref in refs[:1200]]).values()
        ] == refs[:1200]


def test_any_number_of_keys_can_be_asked_for(narrow: Connection) -> None:
    assert customers.load(narrow, range(3000)) == {}
    assert customers.ids_of(narrow, map(str, range(3000))) == {}


class TestFinding:
    @pytest.fixture
    def crowd(self, store: Store) -> Store:
        with store.write() as connection:
            people: list[tuple[str, dict[str, Any]]] = [
                ("C1", LETIZIA),
                ("C2", LETIZIA | {"given_name": "Ugo", "email": "ugo@mail.example"}),
                ("C3", {"company": "Bar 100% Sport"}),
            ]
            customers.save(connection, people, NOON)
        return store

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            ("C1", ["C1"]),
            ("ugo@mail.example", ["C2"]),
            ("UGO@mail.example", ["C2"]),
            ("d'amico", ["C1", "C2"]),
            ("letizia d", ["C1"]),
            ("100%", ["C3"]),
            ("%", ["C3"]),
            ("_", []),
            ("nobody", []),
        ],
    )
    def test_by_reference_address_or_a_part_of_the_name(self, crowd: Store, words: str, found: list[str]) -> None:
        with crowd.read() as connection:
            assert sorted(one.facts.ref for one in customers.find(connection, words)) == found

    def test_at_most_twenty_by_name(self, store: Store) -> None:
        with store.write() as connection:
            customers.save(connection, [(f"C{number}", {"company": "Bar"}) for number in range(30)], NOON)
            assert len(customers.find(connection, "bar")) == 20
