from __future__ import annotations

import csv
import io
import json
from dataclasses import FrozenInstanceError
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.demo.firm import build
from engine.demo.log import (
    CONSENT_COLUMNS,
    CUSTOMER_COLUMNS,
    TRANSACTION_COLUMNS,
    FirmLog,
    consents_csv,
    customers_csv,
    events_jsonl,
    transactions_csv,
)
from tests.demo.telling import check_all, firm

DAYS = st.dates(date(2023, 10, 25), date(2026, 11, 5))


def parts(log: FirmLog) -> tuple[tuple[object, ...], ...]:
    return log.customers, log.consents, log.transactions, log.events, log.referred


def test_days_put_together_are_the_whole_log() -> None:
    log = build(customers=80)
    days = [log.on(log.start + timedelta(days=number)) for number in range((log.today - log.start).days + 1)]
    for whole, *pieces in zip(parts(log), *map(parts, days), strict=True):
        assert tuple(item for piece in pieces for item in piece) == whole


@settings(max_examples=15, deadline=None)
@given(day=DAYS)
def test_a_day_is_what_today_knows_and_yesterday_did_not(day: date) -> None:
    log = firm()
    now, yesterday, fresh = log.until(day), log.until(day - timedelta(days=1)), log.on(day)
    for known, before, new in zip(parts(now), parts(yesterday), parts(fresh), strict=True):
        assert len(known) == len(before) + len(new)
    assert now.transactions == yesterday.transactions + fresh.transactions
    assert now.events == yesterday.events + fresh.events


@settings(max_examples=15, deadline=None)
@given(day=DAYS)
def test_what_is_known_by_a_day_is_a_story_of_its_own(day: date) -> None:
    check_all(firm().until(day))


def test_the_last_day_knows_everything_and_the_day_before_the_first_nothing() -> None:
    log = firm()
    assert log.until(log.today) == log
    assert not any(parts(log.until(log.start - timedelta(days=1))))
    assert not any(parts(log.on(log.today + timedelta(days=1))))


def test_newcomers_are_paired_from_the_day_they_come() -> None:
    log = firm()
    came = {row["customer"]: date.fromisoformat(row["first_contact_on"]) for row in log.customers}
    for pair in log.referred:
        day = came[pair[0]]
        assert log.on(day).referred == (pair,)
        assert pair not in log.until(day - timedelta(days=1)).referred
        assert pair in log.until(day).referred


def test_a_customers_consents_arrive_with_the_customer() -> None:
    log = firm()
    row = next(row for row in log.consents if row["given"] == "yes")
    day = date.fromisoformat(row["date"])
    assert row in log.on(day).consents
    assert row["customer"] in {customer["customer"] for customer in log.on(day).customers}


def test_a_log_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        firm().today = date(2030, 1, 1)  # type: ignore[misc]  # that is the point


def test_csv_reads_back_as_it_was_written() -> None:
    log = firm()
    for text, columns, rows in (
        (customers_csv(log.customers), CUSTOMER_COLUMNS, log.customers),
        (consents_csv(log.consents), CONSENT_COLUMNS, log.consents),
        (transactions_csv(log.transactions), TRANSACTION_COLUMNS, log.transactions),
    ):
        reader = csv.DictReader(io.StringIO(text))
        assert tuple(reader.fieldnames or ()) == columns
        assert tuple(reader) == rows
        assert "\r" not in text
        assert text.endswith("\n")


def test_json_lines_read_back_as_they_were_written() -> None:
    log = firm()
    text = events_jsonl(log.events)
    assert tuple(json.loads(line) for line in text.splitlines()) == log.events
    assert "\\u" not in text, "accents stay readable"


def test_an_empty_day_writes_only_headers() -> None:
    empty = firm().until(date(2000, 1, 1))
    assert customers_csv(empty.customers) == ",".join(CUSTOMER_COLUMNS) + "\n"
    assert consents_csv(empty.consents) == ",".join(CONSENT_COLUMNS) + "\n"
    assert transactions_csv(empty.transactions) == ",".join(TRANSACTION_COLUMNS) + "\n"
    assert events_jsonl(empty.events) == ""


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20))
def test_any_text_survives_the_csv(text: str) -> None:
    row = dict.fromkeys(CONSENT_COLUMNS, text)
    (found,) = csv.DictReader(io.StringIO(consents_csv([row]), newline=""))
    assert found == row


def test_a_column_that_the_file_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="surplus"):
        consents_csv([{**dict.fromkeys(CONSENT_COLUMNS, "x"), "surplus": "y"}])
