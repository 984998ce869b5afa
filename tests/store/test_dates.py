"""Whose date may be meant: nobody who is meant is left out, and few others are found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from engine.core.facts import Event
from engine.store import dates, events
from engine.store.dates import Sought
from engine.store.session import Store
from tests.store.seed import NOON, customer, happened, sale

TODAY = NOON.date()
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31)) | st.dates(date(2023, 12, 1), date(2026, 3, 31))
SPANS = st.tuples(st.dates(date(2023, 12, 1), date(2026, 3, 31)), st.integers(0, 400) | st.integers(0, 9))
SOUGHT = st.builds(
    lambda span, yearly: Sought(first=span[0], last=span[0] + timedelta(days=span[1]), yearly=yearly),
    SPANS,
    st.booleans(),
)


def lies_in(day: date, sought: Sought) -> bool:
    """The definition, day by day."""
    if not sought.yearly:
        return sought.first <= day <= sought.last
    every = [sought.first + timedelta(days=number) for number in range((sought.last - sought.first).days + 1)]
    return any((one.month, one.day) == (day.month, day.day) for one in every)


def people(connection: Connection, days: Iterable[date]) -> dict[int, date]:
    return {
        customer(connection, f"C{number}", birthday=day, attributes={"until": str(day)}): day
        for number, day in enumerate(days)
    }


@settings(deadline=None, max_examples=40)
@given(st.lists(DAYS | st.just(date(2024, 2, 29)), max_size=6), SOUGHT)
def test_customers_by_their_days_and_texts(sandbox: Store, days: list[date], sought: Sought) -> None:
    with sandbox.read() as connection:
        known = people(connection, days)
        exact = {key for key, day in known.items() if lies_in(day, sought)}
        leap = {key for key, day in known.items() if sought.yearly and (day.month, day.day) == (2, 29)}
        for name in ("birthday", "attributes.until"):
            found = dates.of_customers(connection, name, sought, today=TODAY)
            assert exact <= set(found) <= exact | leap
            assert found == sorted(found)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.lists(DAYS.filter(lambda day: day.year < 9990), min_size=1, max_size=5), max_size=4), SOUGHT)
def test_customers_by_their_purchases(sandbox: Store, logs: list[list[date]], sought: Sought) -> None:
    with sandbox.read() as connection:
        first, last = set[int](), set[int]()
        for number, days in enumerate(logs):
            for place, day in enumerate(days):
                sale(connection, f"C{number}", at=datetime.combine(day, time(12), UTC), key=f"{number}/{place}")
            key = customer(connection, f"C{number}")
            past = [day for day in days if day <= TODAY]
            first |= {key} if lies_in(min(days), sought) else set()
            last |= {key} if past and lies_in(max(past), sought) else set()
        for name, exact in (("first_purchase", first), ("last_purchase", last)):
            found = set(dates.of_customers(connection, name, sought, today=TODAY))
            assert exact <= found
            assert sought.yearly or found == exact


def test_a_refund_is_no_purchase(store: Store) -> None:
    with store.write() as connection:
        key = customer(connection)
        sale(connection, at=NOON - timedelta(days=5))
        sale(connection, at=NOON - timedelta(days=1), amount=-1000)
        for day, expected in ((5, [key]), (1, [])):
            one = TODAY - timedelta(days=day)
            assert dates.of_customers(connection, "last_purchase", Sought(first=one, last=one), today=TODAY) == expected


def test_both_databases_find_the_same(store: Store) -> None:
    """Each way to store a date, sought once and for every year."""
    day = date(2026, 3, 20)
    once, yearly = Sought(first=day, last=day), Sought(first=day, last=day, yearly=True)
    with store.write() as connection:
        ada = customer(connection, "C1", birthday=date(1980, 3, 20), attributes={"until": "2026-03-20T10:00:00+01:00"})
        eva = customer(connection, "C2", first_contact_on=day, attributes={"until": "20260320"})
        leo = customer(connection, "C3", birthday=date(1980, 3, 21), attributes={"until": "2025-03-20"})
        for number in (1, 2, 3):
            sale(connection, "C2", at=datetime(2026, 3, number, 12, tzinfo=UTC), key=f"2/{number}")
            sale(
                connection,
                "C3",
                at=datetime(2025, 3, 20, 12, tzinfo=UTC) + number * timedelta(days=100),
                key=f"3/{number}",
            )
        happened(connection, "contract.signed", "C1", NOON - timedelta(days=9), ends_on="2026-03-20")
        happened(connection, "contract.signed", "C2", NOON - timedelta(days=9), ends_on="2026-03-20")
        happened(connection, "contract.signed", "C2", NOON - timedelta(days=3), ends_on="2027-03-20")
        happened(connection, "contract.signed", "C3", NOON - timedelta(days=3))

        def found(name: str, sought: Sought, keys: list[int] | None = None) -> list[int]:
            return dates.of_customers(connection, name, sought, today=date(2026, 3, 4), keys=keys)

        assert found("birthday", once) == []
        assert found("birthday", yearly) == [ada]
        assert found("birthday", yearly, [eva, leo]) == []
        assert found("first_contact", once) == found("first_contact", yearly) == [eva]
        assert found("attributes.until", once) == [ada, eva]  # of who writes it otherwise one cannot tell
        assert found("attributes.until", yearly) == [ada, eva, leo]
        assert found("first_purchase", yearly) == []
        assert found("last_purchase", Sought(first=date(2026, 3, 3), last=date(2026, 3, 3))) == [eva]
        assert found("next_purchase", Sought(first=date(2026, 3, 4), last=date(2026, 3, 4))) == [eva, leo]
        assert found("next_purchase", Sought(first=date(2026, 12, 1), last=date(2027, 3, 4))) == []
        assert found("next_purchase", Sought(first=date(2026, 4, 20), last=date(2026, 5, 5))) == [leo]
        assert found("next_purchase", yearly) == [eva, leo]

        def said(field: str, sought: Sought, keys: list[int] | None = None) -> list[int]:
            return dates.of_events(connection, "contract.signed", field, sought, now=NOON, keys=keys)

        assert said("ends_on", once) == [ada]
        assert said("ends_on", yearly) == [ada, eva]
        assert said("ends_on", yearly, [eva]) == [eva]
        day = (NOON - timedelta(days=3)).date()
        assert said("occurred_at", Sought(first=day, last=day)) == [eva, leo]
        assert said("occurred_at", Sought(first=day, last=day, yearly=True), [leo]) == [leo]


def test_of_events_at_the_same_instant_the_newest_counts_and_what_lies_ahead_does_not(store: Store) -> None:
    day = Sought(first=date(2026, 5, 1), last=date(2026, 5, 1))
    with store.write() as connection:
        for ref, before, after in (("C1", "2026-05-01", "2026-06-01"), ("C2", "2026-06-01", "2026-05-01")):
            happened(connection, "contract.signed", ref, NOON, ends_on=before)
            again(connection, ref, after)
        happened(connection, "contract.signed", "C2", NOON + timedelta(days=1), ends_on="2026-06-01")

        found = dates.of_events(connection, "contract.signed", "ends_on", day, now=NOON)
        assert found == [customer(connection, "C2")]


def again(connection: Connection, ref: str, ends_on: str) -> None:
    """Another contract, of the same instant."""
    fact = Event(
        customer=ref, kind="contract.signed", ext_key=f"again/{ref}", occurred_at=NOON, payload={"ends_on": ends_on}
    )
    events.add(connection, "shop", [(customer(connection, ref), fact)], NOON)


@pytest.mark.parametrize("span", [365, 366, 10_000])
def test_a_whole_year_means_everybody(span: int) -> None:
    sought = Sought(first=date(2025, 3, 1), last=date(2025, 3, 1) + timedelta(days=span), yearly=True)

    assert (sought.days is None) == (span >= 366)
    assert span >= 366 or len(sought.days or ()) >= 365
