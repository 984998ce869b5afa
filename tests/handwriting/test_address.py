"""Addresses: in the country's order and form, refused by the name of the field that is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.facts import Address
from engine.errors import HandwritingError
from engine.handwriting.address import address_lines
from tests.handwriting.samples import BERLIN, BOLOGNA, HOME, few


def lines(name: str, address: Address, sent_from: str = "IT") -> tuple[str, ...]:
    return address_lines(name, address, sent_from=sent_from, whose="the address of Letizia")


def refusal(address: Address, name: str = "Letizia Bianchi") -> str:
    with pytest.raises(HandwritingError) as refused:
        lines(name, address)
    return str(refused.value)


def test_an_italian_address_is_written_as_the_post_asks() -> None:
    assert lines("Termica Romagna", HOME) == ("Termica Romagna", "Viale Roma 7/B", "47121 Forlì FC")


def test_a_province_may_be_given_by_its_name() -> None:
    for region in ("Bologna", "bologna", "BO", "bo"):
        assert lines("L", replace(BOLOGNA, region=region))[-1] == "40126 Bologna BO"


def test_abroad_the_country_follows_in_the_language_of_the_sender() -> None:
    assert lines("Jürgen Weiß", BERLIN) == ("Jürgen Weiß", "Große Friedrichstraße 12", "10117 Berlin", "Germania")
    assert lines("Letizia", BOLOGNA, "DE")[-1] == "Italien"
    assert lines("Letizia", BOLOGNA, "fr")[-1] == "Italie"
    assert lines("Letizia", replace(BOLOGNA, country="it"), "IT")[-1] == "40126 Bologna BO"


@pytest.mark.parametrize(
    ("sent_from", "country"), [("GR", "Italy"), ("BG", "Italy"), ("AQ", "Italy"), ("SM", "Italia")]
)
def test_where_the_hand_has_not_the_letters_the_country_is_in_english(sent_from: str, country: str) -> None:
    assert lines("Letizia", BOLOGNA, sent_from)[-1] == country


@pytest.mark.parametrize(
    ("address", "written"),
    [
        (
            Address(street="10 rue de la Paix", postcode="75002", city="Paris", country="FR"),
            ("10 rue de la Paix", "75002 Paris", "Francia"),
        ),
        (
            Address(street="22 Queen Anne's Gate", postcode="SW1H 9AB", city="London", country="GB"),
            ("22 Queen Anne's Gate", "London", "SW1H 9AB", "Regno Unito"),
        ),
        (
            Address(street="350 Fifth Avenue", postcode="10118", city="New York", region="New York", country="US"),
            ("350 Fifth Avenue", "New York, NY 10118", "Stati Uniti"),
        ),
        (
            Address(street="Bundesplatz 3", postcode="3003", city="Bern", country="CH"),
            ("Bundesplatz 3", "CH-3003 Bern", "Svizzera"),
        ),
        (
            Address(street="Calle Mayor 1", postcode="28013", city="Madrid", region="Madrid", country="ES"),
            ("Calle Mayor 1", "28013 Madrid Madrid", "Spagna"),
        ),
        (
            Address(street="Kossuth tér 1", postcode="1055", city="Budapest", country="HU"),
            ("Budapest", "Kossuth tér 1", "1055", "Ungheria"),
        ),
        (
            Address(street="Via Salita 1", postcode="47890", city="San Marino", country="SM"),
            ("Via Salita 1", "47890 San Marino", "San Marino"),
        ),
    ],
)
def test_each_country_has_its_own_order(address: Address, written: tuple[str, ...]) -> None:
    assert lines("Letizia", address) == ("Letizia", *written)


def test_a_street_may_have_two_lines() -> None:
    address = replace(BOLOGNA, street="c/o Studio Verdi\nVia Carducci 115")
    assert lines("Letizia", address) == ("Letizia", "c/o Studio Verdi", "Via Carducci 115", "40126 Bologna BO")


def test_spaces_around_and_between_are_put_right() -> None:
    address = Address(street="  Via  Roma 1 ", postcode=" 47121 ", city=" Forlì", region=" FC ", country=" IT ")
    assert lines(" Letizia  Bianchi ", address) == ("Letizia Bianchi", "Via Roma 1", "47121 Forlì FC")


def test_the_spelling_of_names_is_left_as_it_is() -> None:
    assert lines("ACME S.r.l.", replace(HOME, city="FORLÌ"))[-1] == "47121 FORLÌ FC"
    assert lines("ACME S.r.l.", HOME)[0] == "ACME S.r.l."


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"street": ""}, "there is no street"),
        ({"street": " \n"}, "there is no street"),
        ({"city": ""}, "there is no city"),
        ({"postcode": ""}, "there is no postcode (in IT they look like 00144)"),
        ({"region": ""}, "there is no province"),
        ({"country": ""}, "there is no country"),
        ({"country": "Italia"}, "country 'ITALIA' is not a code such as IT"),
        ({"country": "XX"}, "country 'XX' is not a code such as IT"),
        ({"country": "ZZ"}, "country 'ZZ' is not a code such as IT"),
        ({"country": "../"}, "country '../' is not a code such as IT"),
        ({"postcode": "4012"}, "postcode '4012' does not exist"),
        ({"postcode": "401266"}, "postcode '401266' does not exist"),
        ({"postcode": "I-40126"}, "postcode 'I-40126' does not exist"),
        ({"postcode": "00118"}, "postcode '00118' does not exist in BO"),
        ({"region": "ZZ"}, "province 'ZZ' does not exist in IT"),
        ({"region": "Emilia-Romagna"}, "province 'Emilia-Romagna' does not exist in IT"),
    ],
)
def test_what_is_missing_or_wrong_is_named(wrong: dict[str, str], reason: str) -> None:
    message = refusal(replace(BOLOGNA, **wrong))
    assert message.startswith("the address of Letizia: ")
    assert reason in message


def test_all_faults_are_named_at_once() -> None:
    message = refusal(replace(BOLOGNA, street="", city="", postcode=""), name=" ")
    for word in ("name", "street", "city", "postcode"):
        assert f"there is no {word}" in message


def test_an_empty_address_is_refused() -> None:
    assert "there is no country" in refusal(Address())


@few
@given(st.integers(0, 99999).map(lambda number: f"{number:05d}"), st.sampled_from(["BO", "FC", "RM", "MI", "AO"]))
def test_a_postcode_is_written_as_it_is_or_refused(postcode: str, region: str) -> None:
    address = replace(BOLOGNA, postcode=postcode, region=region)
    try:
        written = lines("L", address)
    except HandwritingError as refused:
        assert f"postcode '{postcode}' does not exist in {region}" in str(refused)  # noqa: PT017 - both ends are right
    else:
        assert written[-1] == f"{postcode} Bologna {region}"


@few
@given(st.text(max_size=20), st.text(max_size=30), st.text(max_size=8), st.text(max_size=20), st.text(max_size=6))
def test_any_address_gives_lines_or_one_clear_refusal(
    name: str, street: str, postcode: str, city: str, country: str
) -> None:
    address = Address(street=street, postcode=postcode, city=city, country=country)
    try:
        written = lines(name, address)
    except HandwritingError as refused:
        assert "the address of Letizia: " in str(refused)  # noqa: PT017 - both ends are right
    else:
        assert all(line.strip() == line != "" for line in written)
