"""When a step is due: in its window on the customer's clock, less the days that paper travels."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions import Plan
from engine.core.calendar import Duration, Window, add, next_in, zone
from engine.core.quiet import Quiet
from engine.schedule.plan import Dated, date_action

OFFICE = Window(days=frozenset(range(6)), start=time(10), end=time(16))
PLAN = Plan(template="email/x", window=OFFICE, valid_for=Duration(days=5))
ROME = "Europe/Rome"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dated_for(plan: Plan, **said: Any) -> Dated:
    """The dates of a step that has some."""
    dated = date_action(plan, **said)
    assert dated is not None
    return dated


@pytest.mark.parametrize(
    ("not_before", "due"),
    [
        ("2026-03-02T12:00", "2026-03-02T12:00"),  # inside: at once
        ("2026-03-02T05:00", "2026-03-02T09:00"),  # before the window opens at ten in Rome
        ("2026-03-02T16:00", "2026-03-03T09:00"),  # after it closed: tomorrow
        ("2026-03-07T16:00", "2026-03-09T09:00"),  # Saturday evening: Monday
        ("2026-03-28T16:00", "2026-03-30T08:00"),  # the same over the night of summer time
    ],
)
def test_a_mail_waits_for_its_window(not_before: str, due: str) -> None:
    dated = dated_for(PLAN, not_before=at(not_before), now=at("2026-03-01T00:00"), tz=ROME)

    assert dated.due_at == at(due)
    assert dated.valid_until == add(at(due), Duration(days=5), ROME)


def test_paper_leaves_earlier_by_the_days_it_travels_but_never_before_now() -> None:
    early = dated_for(PLAN, not_before=at("2026-03-10T12:00"), now=at("2026-03-02T09:00"), tz=ROME, lead_days=3)
    late = dated_for(PLAN, not_before=at("2026-03-10T12:00"), now=at("2026-03-09T09:00"), tz=ROME, lead_days=3)

    assert early.due_at == at("2026-03-07T12:00")
    assert late.due_at == at("2026-03-09T09:00")
    assert early.valid_until == late.valid_until == at("2026-03-15T12:00")


def test_without_travelling_what_is_late_keeps_its_date() -> None:
    late = dated_for(PLAN, not_before=at("2026-03-02T12:00"), now=at("2026-03-20T09:00"), tz=ROME)

    assert late.due_at == at("2026-03-02T12:00")
    assert late.valid_until == at("2026-03-07T12:00")  # from when the customer was to have it, not from today


@given(
    not_before=st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 - the zone is put on below
    tz=st.sampled_from([ROME, "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"]),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    hours=st.tuples(st.integers(0, 22), st.integers(1, 23)).filter(lambda pair: pair[0] < pair[1]),
)
def test_a_mail_is_always_due_inside_its_window_and_within_a_week(
    not_before: datetime, tz: str, days: frozenset[int], hours: tuple[int, int]
) -> None:
    window = Window(days=days, start=time(hours[0]), end=time(hours[1]))
    start = not_before.replace(tzinfo=UTC)

    due = dated_for(Plan(window=window), not_before=start, now=start, tz=tz).due_at

    local = due.astimezone(zone(tz))
    assert start <= due <= start + timedelta(days=8)
    assert local.weekday() in days
    assert next_in(window, due, tz) == due


@given(
    after=st.integers(0, 400),
    lead_days=st.integers(1, 9),
    now=st.integers(0, 400),
)
def test_paper_arrives_inside_the_window_unless_it_is_late(after: int, lead_days: int, now: int) -> None:
    start = at("2026-03-20T00:00")
    not_before, today = start + timedelta(hours=after), start + timedelta(hours=now)

    dated = dated_for(PLAN, not_before=not_before, now=today, tz=ROME, lead_days=lead_days)

    assert dated.due_at >= today
    arrives = add(dated.due_at, Duration(days=lead_days), ROME)
    assert arrives >= not_before
    assert dated.due_at == today or next_in(OFFICE, arrives, ROME) == arrives


MORNING = Quiet(start=time(20), end=time(11), closed=lambda day: day == date(2026, 3, 3))


def test_a_mail_waits_until_it_is_not_quiet_and_its_validity_with_it() -> None:
    dated = dated_for(PLAN, not_before=at("2026-03-02T16:00"), now=at("2026-03-01T00:00"), tz=ROME, quiet=MORNING)

    assert dated.due_at == at("2026-03-04T10:00")  # Tuesday is a holiday, and on Wednesday it is quiet until eleven
    assert dated.valid_until == at("2026-03-09T10:00")


def test_paper_keeps_the_quiet_when_it_arrives() -> None:
    dated = dated_for(
        PLAN, not_before=at("2026-03-03T12:00"), now=at("2026-02-20T00:00"), tz=ROME, quiet=MORNING, lead_days=1
    )

    assert dated.due_at == at("2026-03-03T10:00")  # handed over on the holiday, there the day after


def test_a_window_that_is_always_quiet_has_no_date() -> None:
    early = Plan(window=Window(start=time(6), end=time(10)))

    assert (
        date_action(early, not_before=at("2026-03-02T16:00"), now=at("2026-03-01T00:00"), tz=ROME, quiet=MORNING)
        is None
    )
