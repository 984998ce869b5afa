"""Dates that start rules: which days are meant, and when one has moved."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.calendar import Duration, anniversary, at_local
from engine.core.facts import Customer, Event
from engine.decide import dates
from engine.decide.dates import DateTrigger
from engine.decide.situation import Situation
from engine.decide.vocabulary import vocabulary

WORDS = vocabulary(attributes={"until": "timestamp"})
NOW = datetime(2026, 3, 2, 11, tzinfo=UTC)
BIRTHDAY = DateTrigger(name="customer.birthday", reads="customer.birthday")


def trigger(name: str, **more: str) -> DateTrigger:
    found = dates.read({"date": name, **more}, WORDS)
    assert found is not None
    return found


def situation(tz: str = "Europe/Rome", event: Event | None = None, **facts: Any) -> Situation:
    return Situation(customer=Customer(ref="C1", **facts), now=NOW, time_zone=tz, currency="EUR", event=event)


def signed(ends_on: str = "2026-05-01", days: int = -1, kind: str = "contract.signed") -> Event:
    at = NOW + timedelta(days=days)
    return Event(customer="C1", kind=kind, ext_key=str(days), occurred_at=at, payload={"ends_on": ends_on})


@pytest.mark.parametrize(
    ("name", "yearly"),
    [
        ("customer.birthday", True),
        ("customer.first_purchase", True),
        ("customer.attributes.until", True),
        ("customer.last_purchase", False),
        ("customer.next_purchase", False),
        ("service_call.completed", False),
        ("contract.signed.ends_on", False),
    ],
)
def test_what_comes_round_unless_the_rule_says_otherwise(name: str, yearly: bool) -> None:
    assert trigger(name).yearly is yearly
    assert trigger(name, repeat="yearly").yearly
    assert not trigger(name, repeat="once").yearly


def test_a_date_that_nobody_declares_is_none() -> None:
    assert dates.read({"date": "customer.saintsday"}, WORDS) is None
    assert dates.read({"event": "quote.sent"}, WORDS) is None


def test_a_date_is_of_the_customers_calendar() -> None:
    late = Event(customer="C1", kind="quote.sent", ext_key="1", occurred_at=datetime(2026, 3, 1, 23, 30, tzinfo=UTC))

    assert dates.origin(trigger("quote.sent"), situation(event=late), WORDS) == date(2026, 3, 2)
    assert dates.origin(trigger("quote.sent"), situation("America/Lima", late), WORDS) == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("day", "after", "meant"),
    [
        ("2026-03-31", "P11M", date(2027, 2, 28)),
        ("2023-03-31", "P11M", date(2024, 2, 29)),
        ("2026-03-31", "P1M1D", date(2026, 5, 1)),
        ("2026-03-02T23:30:00+00:00", "P1Y", date(2027, 3, 3)),
        ("9999-12-31", "P1D", None),
        ("9999-12-31T23:30:00+00:00", "P1D", None),
        ("soon", "P1D", None),
    ],
)
def test_a_date_may_be_meant_later_than_it_is_said(day: str, after: str, meant: date | None) -> None:
    assert dates.origin(trigger("contract.signed.ends_on", after=after), situation(event=signed(day)), WORDS) == meant


def test_without_its_event_there_is_no_date() -> None:
    assert dates.origin(trigger("contract.signed.ends_on"), situation(), WORDS) is None
    other = signed(kind="quote.sent")
    assert dates.origin(trigger("contract.signed.ends_on"), situation(event=other), WORDS) is None


def test_the_last_event_that_has_happened_counts() -> None:
    first, last, ahead, other = signed(days=-9), signed(days=-2), signed(days=3), signed(days=-1, kind="quote.sent")

    assert dates.last_of("contract.signed", [first, last, other, ahead], NOW) is last
    assert dates.last_of("contract.signed", [other, ahead], NOW) is None


def test_what_comes_round_is_an_anniversary_and_never_the_day_itself() -> None:
    assert dates.occurrences(BIRTHDAY, date(2024, 5, 3), date(2024, 1, 1), date(2026, 12, 31)) == [
        (date(2025, 5, 3), 1),
        (date(2026, 5, 3), 2),
    ]


def test_what_comes_round_spans_the_turn_of_the_year() -> None:
    assert dates.occurrences(BIRTHDAY, date(2020, 1, 2), date(2025, 12, 30), date(2026, 1, 5)) == [
        (date(2026, 1, 2), 6)
    ]


def test_once_is_once() -> None:
    once = trigger("contract.signed.ends_on")

    assert dates.occurrences(once, date(2026, 5, 1), date(2026, 5, 1), date(2028, 1, 1)) == [(date(2026, 5, 1), None)]
    assert dates.occurrences(once, date(2026, 5, 1), date(2026, 5, 2), date(2028, 1, 1)) == []


@pytest.mark.parametrize(("leap_day", "kept"), [("feb28", date(2025, 2, 28)), ("mar1", date(2025, 3, 1))])
def test_29_february_is_kept_as_the_rule_says(leap_day: str, kept: date) -> None:
    on, seen = trigger("customer.birthday", leap_day=leap_day), []
    for number in range(800):
        today = date(2024, 2, 1) + timedelta(days=number)
        seen += [day for day, _ in dates.occurrences(on, date(2000, 2, 29), today, today)]

    assert seen == [date(2024, 2, 29), kept, kept.replace(year=2026)]


@given(
    origin=st.dates(date(1930, 1, 1), date(2026, 1, 1)),
    first=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    span=st.integers(0, 800),
    in_march=st.booleans(),
)
def test_each_year_of_a_span_has_its_one_day(origin: date, first: date, span: int, in_march: bool) -> None:
    on = DateTrigger(name="customer.birthday", reads="customer.birthday", in_march=in_march)
    last = first + timedelta(days=span)

    found = dates.occurrences(on, origin, first, last)

    years = range(max(first.year, origin.year + 1), last.year + 1)
    expected = [day for year in years if first <= (day := anniversary(origin, year, in_march=in_march)) <= last]
    assert [day for day, _ in found] == expected
    assert [years for _, years in found] == [day.year - origin.year for day in expected]


@pytest.mark.parametrize(
    ("on", "origin", "reason"),
    [
        (trigger("contract.signed.ends_on"), date(2026, 5, 1), None),
        (trigger("contract.signed.ends_on"), date(2027, 5, 1), "the date has moved to 2027-05-01"),
        (trigger("contract.signed.ends_on"), date(2025, 5, 1), "the date has moved to 2025-05-01"),
        (trigger("contract.signed.ends_on"), None, "contract.signed.ends_on is not known any more"),
        (BIRTHDAY, date(1980, 5, 1), None),
        (BIRTHDAY, date(1980, 2, 1), "the date has moved to 2027-02-01"),
    ],
)
def test_whether_a_journeys_date_has_moved(on: DateTrigger, origin: date | None, reason: str | None) -> None:
    assert dates.has_moved(on, origin, date(2026, 5, 1), NOW.date()) == reason


SHIFTS = st.builds(Duration, months=st.integers(0, 30), days=st.integers(0, 800))


@given(
    SHIFTS | st.just(dates.NO_SHIFT),
    st.dates(date(1, 1, 1), date(9999, 12, 31)) | st.dates(date(2023, 1, 1), date(2025, 12, 31)),
    st.dates(date(2024, 1, 1), date(2028, 12, 31)),
    st.integers(0, 60),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["Pacific/Kiritimati", "Etc/GMT+12", "Europe/Rome"]),
)
def test_nobody_who_is_meant_lies_outside_of_what_is_sought(
    shift: Duration, day: date, first: date, span: int, yearly: bool, in_march: bool, tz: str
) -> None:
    name, last = "customer.attributes.until", first + timedelta(days=span)
    on = DateTrigger(name=name, reads=name, yearly=yearly, shift=shift, in_march=in_march)
    try:
        at = at_local(day, time(0), tz)
    except OverflowError:
        return
    origin = dates.origin(on, situation(tz, attributes={"until": at.isoformat()}), WORDS)
    begin, end = dates.sought(on, first, last)

    if origin is not None and dates.occurrences(on, origin, first, last):
        days = {begin + timedelta(days=number) for number in range((end - begin).days + 1)}
        near = {(one.month, one.day) for one in days}
        near |= {(2, 29)} if near & {(2, 28), (3, 1)} else set()
        assert (at.month, at.day) in near if yearly else at.date() in days
