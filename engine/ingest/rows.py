"""Rows of a file to facts: for each file a reader, which is put together once from its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.facts import ConsentRecord
from engine.core.permission import ANY, PURPOSES
from engine.ingest import plain
from engine.ingest import values as read
from engine.ingest.cells import Cells, Meanings, Whole
from engine.ingest.columns import KNOWN, Reading
from engine.ingest.formats import Reject, Row
from engine.ingest.identity import reference
from engine.ingest.values import Notation

_CHANNELS = ("email", "note", "phone", "sms", "task", ANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What a row may leave unsaid: the shop's currency and time zone; and the attributes that it declared."""

    currency: str
    time_zone: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def consents(columns: Mapping[str, str], reading: Reading, shop: Shop) -> Callable[[Row], ConsentRecord | list[Reject]]:
    """Reads a yes or a no, or what is wrong with the row."""
    cells, refs, texts = Cells(columns), Meanings(reference, verbatim=True), Meanings(read.text, verbatim=True)
    purposes = Meanings(lambda said: read.one_of(said, (*PURPOSES, ANY)))
    channels = Meanings(lambda said: read.one_of(said, _CHANNELS))
    answers, dates = Meanings(read.yes_or_no), instants(reading, shop)

    def fact(row: Row) -> ConsentRecord | list[Reject]:
        cells.turn_to(row)
        record = {
            "customer": cells.need("customer", refs),
            "purpose": cells.need("purpose", purposes),
            "channel": cells.need("channel", channels),
            "given": cells.need("given", answers),
            "at": cells.need("date", dates),
            "source": cells.read("source", texts, ""),
            "wording": cells.read("wording", texts, ""),
        }
        return cells.rejects or ConsentRecord(**record)

    return fact


def customers(
    columns: Mapping[str, str], reading: Reading, shop: Shop
) -> Callable[[Row], tuple[str, dict[str, Any]] | list[Reject]]:
    """Reads a customer's reference and what the row says of them (an empty cell empties it), or the faults.

    Own attributes stand together under "attributes", None where the cell is empty.
    """
    cells, refs, how = Cells(columns), Meanings(reference, verbatim=True), notation(reading, shop)
    costs, days = money(shop.currency, reading), Meanings(lambda said: read.day(said, reading.date_format))
    texts = {name: Meanings(read.CUSTOMER_TEXT.get(name, read.text)) for name in KNOWN["customers"]}
    own = {name: Meanings(read.typed(of, how)) for name, of in shop.attributes.items()}

    def fact(row: Row) -> tuple[str, dict[str, Any]] | list[Reject]:
        cells.turn_to(row)
        ref = cells.need("customer", refs)
        values: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for name in columns:
            if name == "customer" or not cells.has(name):
                continue
            if name == "acquisition_cost":
                values["acquisition_cost_minor"] = cells.read(name, costs)
            elif name in ("birthday", "first_contact_on"):
                values[name] = cells.read(name, days)
            elif name in KNOWN["customers"]:
                values[name] = cells.read(name, texts[name], "")
            else:
                attributes[name] = cells.read(name, own[name])
        if attributes:
            values["attributes"] = attributes
        return cells.rejects or (ref, values)

    return fact


def instants(reading: Reading, shop: Shop) -> Meanings:
    """Reads instants as the file writes them; bare dates and times are those of the shop."""
    tz, form = shop.time_zone, reading.date_format
    whole: Whole = (lambda _: None) if form else (lambda said: plain.instants(said, tz))
    return Meanings(lambda said: read.instant(said, tz, form), whole=whole)


def money(currency: str, reading: Reading) -> Meanings:
    """Reads amounts of that currency, to minor units."""
    return Meanings(lambda said: read.money(said, currency, reading.decimal))


def fields(type_name: str, how: Notation) -> Meanings:
    """Reads an event's field by its declared type ("" for none)."""
    parse = read.typed(type_name, how)
    if type_name == "double":
        return Meanings(parse, whole=lambda said: plain.numbers(said, how.decimal))
    return Meanings(parse, verbatim=type_name in ("", "string"))


def notation(reading: Reading, shop: Shop) -> Notation:
    """How the file writes numbers and dates."""
    return Notation(decimal=reading.decimal, date_format=reading.date_format, time_zone=shop.time_zone)
