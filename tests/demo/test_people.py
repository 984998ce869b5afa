from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.demo.chance import seeded
from engine.demo.people import FAMILY, GIVEN, NEWCOMERS_FROM, ROOTS_ABROAD, Name, company, email, foreigner, person
from tests.demo.telling import firm

SEEDS = st.integers(0, 10**6)
RESERVED = re.compile(r"[a-z0-9.-]+@(example\.(com|org|net)|[a-z0-9-]+\.example)")  # RFC 2606, 2 and 3


def test_names_are_listed_once() -> None:
    for names in (GIVEN, FAMILY):
        assert [name for name, count in Counter(names).items() if count > 1] == []


def test_names_have_the_signs_that_break_careless_programs() -> None:
    together = " ".join((*GIVEN, *FAMILY))
    assert "Niccolò" in together
    assert "D'Amico" in together
    assert "De Luca" in together
    assert "Zoë" in NEWCOMERS_FROM["GB"][0]


@given(seed=SEEDS)
def test_a_person_has_both_names_and_roots_stay_together(seed: int) -> None:
    name = person(seeded(seed))
    assert name.company == ""
    groups = ((GIVEN, FAMILY), *ROOTS_ABROAD, NEWCOMERS_FROM["GB"])
    assert any(name.given in given and name.family in family for given, family in groups)


def test_most_people_have_names_from_here_and_some_do_not() -> None:
    rng = seeded(6)
    names = [person(rng) for _ in range(2000)]
    from_here = sum(name.given in GIVEN and name.family in FAMILY for name in names)
    assert 1700 < from_here < 1900
    assert 10 < sum(name.locale == "en_GB" for name in names) < 60
    assert len({(name.given, name.family) for name in names}) > 1500


@given(seed=SEEDS, country=st.sampled_from(("GB", "DE")))
def test_a_foreigner_reads_their_own_language(seed: int, country: str) -> None:
    locale = {"GB": "en_GB", "DE": "de_DE"}[country]
    name = foreigner(seeded(seed), country, locale)
    assert name.locale == locale
    assert name.given in NEWCOMERS_FROM[country][0]


def test_firms_have_a_name_and_sometimes_a_person() -> None:
    rng = seeded(8)
    firms = [company(rng, "Via Roma 1") for _ in range(400)]
    assert all(name.company for name in firms)
    assert {bool(name.given) for name in firms} == {True, False}
    assert all(bool(name.given) == bool(name.family) for name in firms)
    assert "Condominio Via Roma 1" in {name.company for name in firms}


@given(seed=SEEDS, given_name=st.sampled_from(GIVEN), family=st.sampled_from(FAMILY))
def test_addresses_are_reserved_for_examples(seed: int, given_name: str, family: str) -> None:
    taken: set[str] = set()
    found = email(seeded(seed), Name(given=given_name, family=family), taken)
    assert RESERVED.fullmatch(found)
    assert taken == {found}


@given(seed=SEEDS, count=st.integers(2, 30))
def test_nobody_shares_an_address(seed: int, count: int) -> None:
    rng, taken = seeded(seed), set[str]()
    found = [email(rng, Name(given="Maria", family="Rossi"), taken) for _ in range(count)]
    assert len(set(found)) == count == len(taken)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (Name(company="Condominio Viale della Libertà 7/A"), "info@condominio-viale-della-liberta-7-a.example"),
        (Name(company="Officina D'Angelo Srl"), "info@officina-dangelo-srl.example"),
        (Name(given="Zoë", family="O'Connell", company="Bar Aurora"), "info@bar-aurora.example"),
    ],
)
def test_a_firm_has_a_domain_of_its_own(name: Name, expected: str) -> None:
    assert email(seeded(1), name, set()) == expected


def test_every_address_of_the_firm_is_reserved_and_one_of_a_kind() -> None:
    addresses = [row["email"] for row in firm().customers if row["email"]]
    assert all(RESERVED.fullmatch(found) for found in addresses)
    assert len(set(addresses)) == len(addresses)
    assert 20 < len(firm().customers) - len(addresses) < 70


def test_the_default_hand_can_write_every_name_and_address() -> None:
    # The cards are written with svgfont's HersheyScript1; a sign that it does not have would make a card impossible.
    text = files("svgfont").joinpath("hershey/HersheyScript1.svg").read_text("utf-8")
    font = ElementTree.fromstring(text)  # noqa: S314 - a file of an installed package
    drawn = {glyph.get("unicode") for glyph in font.iter("{http://www.w3.org/2000/svg}glyph") if glyph.get("d")}
    columns = ("given_name", "family_name", "company", "street", "postcode", "city", "region")
    written = {sign for seed in (7, 8) for row in firm(seed).customers for column in columns for sign in row[column]}
    assert written - drawn == {" "}
