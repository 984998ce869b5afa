"""What the shop's systems export: rows as they stand in the files, what is known by a day, and the files' text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

Row = dict[str, str]
CUSTOMER_COLUMNS = (
    "customer", "given_name", "family_name", "company", "email", "phone", "street", "postcode", "city", "region",
    "country", "locale", "time_zone", "birthday", "first_contact_on", "source", "acquisition_cost", "boiler",
)  # fmt: skip
CONSENT_COLUMNS = ("customer", "purpose", "channel", "given", "date", "source", "wording")
TRANSACTION_COLUMNS = (
    "id", "customer", "date", "amount", "currency", "cost", "reverses", "referral_code", "what",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmLog:
    """Everything that the firm wrote down, each kind in the order of time.

    Amounts are decimal euros (``149.00``); a transaction's date is local time without offset, an event's an ISO instant
    with the firm's offset, the others are days. `referred` pairs a newcomer with the customer who sent them; the
    newcomer's `referral_code` is empty, because only the programme that lives the days knows the code it gave.
    """

    customers: tuple[Row, ...]
    consents: tuple[Row, ...]
    transactions: tuple[Row, ...]
    events: tuple[dict[str, Any], ...]
    referred: tuple[tuple[str, str], ...]
    start: date
    today: date

    def until(self, day: date) -> FirmLog:
        """What is known when that local day ends."""
        return self._between("", day.isoformat())

    def on(self, day: date) -> FirmLog:
        """What arrives on that local day; customers arrive on the day of their first contact."""
        return self._between(day.isoformat(), day.isoformat())

    def _between(self, first: str, last: str) -> FirmLog:
        customers = tuple(row for row in self.customers if first <= row["first_contact_on"] <= last)
        known = {row["customer"] for row in customers}
        return replace(
            self,
            customers=customers,
            consents=tuple(row for row in self.consents if first <= row["date"] <= last),
            transactions=tuple(row for row in self.transactions if first <= row["date"][:10] <= last),
            events=tuple(row for row in self.events if first <= row["date"][:10] <= last),
            referred=tuple(pair for pair in self.referred if pair[0] in known),
        )


def customers_csv(rows: Iterable[Row]) -> str:
    """The text of customers.csv."""
    return _csv(CUSTOMER_COLUMNS, rows)


def consents_csv(rows: Iterable[Row]) -> str:
    """The text of consents.csv."""
    return _csv(CONSENT_COLUMNS, rows)


def transactions_csv(rows: Iterable[Row]) -> str:
    """The text of transactions.csv."""
    return _csv(TRANSACTION_COLUMNS, rows)


def events_jsonl(rows: Iterable[Mapping[str, Any]]) -> str:
    """The text of events.jsonl: one JSON object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv(columns: tuple[str, ...], rows: Iterable[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
