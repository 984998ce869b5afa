"""Values as the driver gives them become the same as by their types, on both stores."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from engine.core import texts
from engine.core.facts import Address, Customer
from engine.store import customers, tables
from engine.store.kept import as_kept, day, document, in_utc, instant, read
from engine.store.session import Store
from tests.store.seed import NOON

CUSTOMER = tables.table(tables.Customer)
PLAIN: dict[str, Any] = {"email": "ada@example.com"}
FULL: dict[str, Any] = {
    "household": "H1",
    "given_name": "Ada",
    "family_name": "Rossi",
    "company": "Rossi srl",
    "email": "ada@example.com",
    "phone": "+39 06 1",
    "street": "Via Roma 1",
    "postcode": "00100",
    "city": "Roma",
    "region": "RM",
    "country": "IT",
    "locale": "it_IT",
    "time_zone": "Europe/Rome",
    "birthday": date(1980, 2, 29),
    "first_contact_on": date(2020, 12, 31),
    "source": "fair",
    "acquisition_cost_minor": 1250,
    "attributes": {"boiler": "Aurora", "since": None, "rooms": [1, 2]},
}
PLACE = ("street", "postcode", "city", "region", "country")


@pytest.mark.parametrize("values", [PLAIN, FULL])
def test_facts_are_what_was_saved(store: Store, values: dict[str, Any]) -> None:
    with store.write() as connection:
        customers.save(connection, [("C1", values)], NOON)
        (key,) = customers.ids_of(connection, ["C1"]).values()
        found = customers.facts(connection, [key, key + 1])
        assert customers.load(connection)[key].facts == found[key]
    own = {name: value for name, value in values.items() if name not in PLACE}
    where = Address(**{name: values[name] for name in PLACE if name in values})
    assert found == {key: Customer(ref="C1", address=where, **own)}


def test_the_driver_gives_what_the_types_would(store: Store) -> None:
    with store.write() as connection:
        customers.save(connection, [("C1", FULL), ("C2", {})], NOON)
        names = ("created_at", "birthday", "attributes")
        query = select(*(CUSTOMER.c[name] for name in names)).order_by(CUSTOMER.c.id)
        raw = select(*(as_kept(CUSTOMER.c[name]) for name in names)).order_by(CUSTOMER.c.id)
        typed = [tuple(row) for row in connection.execute(query)]
        found = [(instant(row[0]), day(row[1]), document(row[2])) for row in connection.execute(raw)]
    assert found == typed
    assert found[0][0] == NOON
    assert found[0][0].tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_comes_back_from_the_text_that_it_is_kept_as(at: datetime) -> None:
    assert list(map(instant, texts.instants([at]))) == [at]


def test_an_instant_of_another_zone_is_one_of_utc() -> None:
    rome = datetime(2026, 3, 2, 13, tzinfo=timezone(timedelta(hours=1)))
    assert instant(rome).isoformat() == "2026-03-02T12:00:00+00:00"


@pytest.mark.parametrize(("kept", "found"), [("{}", {}), ('{"a": [1, null]}', {"a": [1, None]}), ({"a": 1}, {"a": 1})])
def test_documents_come_as_texts_or_as_they_are(kept: Any, found: Any) -> None:
    assert document(kept) == found


def test_half_a_surrogate_pair_is_read_too() -> None:
    assert read('"\\ud83d"') == "\ud83d"


def test_an_instant_of_whatever_zone_is_in_utc() -> None:
    abroad = NOON.astimezone(ZoneInfo("Europe/Rome"))
    for given_, found in ((abroad, NOON), (NOON, NOON), (None, None)):
        said = in_utc(given_)
        assert said == found
        assert said is None or said.tzinfo is UTC
