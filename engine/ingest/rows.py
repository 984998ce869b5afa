"""Rows of a file to facts: each value is read in its own way, each wrong one named with its column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.facts import ConsentRecord, Event, Transaction
from engine.core.permission import ANY, PURPOSES
from engine.ingest import values as read
from engine.ingest.columns import KNOWN, Reading
from engine.ingest.formats import Reject, Row
from engine.ingest.identity import RowKeys, reference, referral_code
from engine.ingest.values import Notation

_CHANNELS = ("email", "note", "phone", "sms", "task", ANY)
NESTED = "payload"
"""The key under which an event in JSON may hold its fields together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What a row may leave unsaid: the shop's currency and time zone; and the attributes that it declared."""

    currency: str
    time_zone: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class _Cell:
    """The values of one row by our names, and what is wrong with them."""

    def __init__(self, row: Row, columns: Mapping[str, str]) -> None:
        self._row, self._columns = row, columns
        self.rejects: list[Reject] = []

    def raw(self, name: str) -> Any:
        value = self._row.values.get(self._columns[name]) if name in self._columns else None
        return value.strip() if isinstance(value, str) else value

    def has(self, name: str) -> bool:
        """Whether this row says anything of it, be it that it is empty; a row of JSON may leave names out."""
        return self._columns[name] in self._row.values

    def read(self, name: str, parse: Callable[[Any], Any], default: Any = None) -> Any:
        """The value parsed; the default when the cell is empty; on a fault a reject and the default."""
        value = self.raw(name)
        if value is None or value == "":
            return default
        return self._parsed(name, value, parse, default)

    def need(self, name: str, parse: Callable[[Any], Any]) -> Any:
        """The value parsed; an empty cell is a fault."""
        return self._parsed(name, self.raw(name), parse, None)

    def refuse(self, name: str, reason: str) -> None:
        """The value can be read, but cannot be."""
        self._reject(name, str(self.raw(name)), reason, None)

    def _parsed(self, name: str, value: Any, parse: Callable[[Any], Any], default: Any) -> Any:
        if value is None or value == "":
            return self._reject(name, "", "is empty", default)
        try:
            return parse(value)
        except ValueError as error:
            return self._reject(name, str(value), str(error), default)

    def _reject(self, name: str, value: str, reason: str, default: Any) -> Any:
        column = self._columns.get(name, name)
        self.rejects.append(Reject(row=self._row.number, column=column, value=value, reason=reason))
        return default


def transaction(
    row: Row, columns: Mapping[str, str], reading: Reading, shop: Shop, keys: RowKeys
) -> Transaction | list[Reject]:
    """A sale or a refund, or what is wrong with the row."""
    cell = _Cell(row, columns)
    customer = cell.need("customer", reference)
    occurred_at = cell.need("date", lambda value: read.instant(value, shop.time_zone, reading.date_format))
    currency = cell.read("currency", read.currency, shop.currency)
    amount = cell.need("amount", lambda value: read.money(value, currency, reading.decimal))
    cost = cell.read("cost", lambda value: read.money(value, currency, reading.decimal))
    key = cell.read("id", reference)
    reverses = cell.read("reverses", reference)
    code = cell.read("referral_code", referral_code, "")
    what = cell.read("what", read.text, "")
    if reverses and amount is not None and amount >= 0:
        cell.refuse("amount", f"takes back the sale {reverses}, so it must be below zero")
    if cell.rejects:
        return cell.rejects
    return Transaction(
        customer=customer,
        # of what it says, only what a later export of the same sale will say in the same way
        ext_key=key or keys.key({"of": customer, "at": str(occurred_at), "amount": amount, "currency": currency}),
        occurred_at=occurred_at,
        amount_minor=amount,
        currency=currency,
        cost_minor=cost,
        reverses=reverses,
        referral_code=code,
        lines=({"what": what},) if what else (),
    )


def event(
    row: Row,
    columns: Mapping[str, str],
    reading: Reading,
    shop: Shop,
    keys: RowKeys,
    kinds: Mapping[str, Mapping[str, str]],
) -> Event | list[Reject]:
    """An event with whatever the row holds besides as its payload, or what is wrong with the row.

    kinds: the event kinds there are, each with the types of its payload.
    """
    cell = _Cell(row, columns)
    customer = cell.need("customer", reference)
    occurred_at = cell.need("date", lambda value: read.instant(value, shop.time_zone, reading.date_format))
    kind = cell.need("kind", lambda value: read.known_kind(read.text(value), kinds))
    key = cell.read("id", reference)
    types = kinds.get(kind or "", {})
    how = Notation(decimal=reading.decimal, date_format=reading.date_format, time_zone=shop.time_zone)
    payload = {}
    for name, column, value in _payload(row, columns):
        extra = _Cell(Row(number=row.number, values={column: value}), {name: column})
        payload[name] = extra.read(name, read.typed(types.get(name, ""), how))
        cell.rejects += extra.rejects
    if cell.rejects:
        return cell.rejects
    said = {"of": customer, "kind": kind, "at": str(occurred_at), "payload": payload}
    return Event(customer=customer, kind=kind, ext_key=key or keys.key(said), occurred_at=occurred_at, payload=payload)


def _payload(row: Row, columns: Mapping[str, str]) -> Iterator[tuple[str, str, Any]]:
    """What a row says besides who, when and what: our name for it, the file's, and the value; empty ones left out."""
    ours = {theirs: name for name, theirs in columns.items()}
    for column, value in row.values.items():
        name = ours.get(column, column)
        if column in ours and name in KNOWN["events"]:
            continue
        if name == NESTED and isinstance(value, dict):
            yield from ((inner, f"{NESTED}.{inner}", said) for inner, said in value.items() if said not in (None, ""))
        elif value not in (None, ""):
            yield name, column, value


def consent(row: Row, columns: Mapping[str, str], reading: Reading, shop: Shop) -> ConsentRecord | list[Reject]:
    """A yes or a no, or what is wrong with the row."""
    cell = _Cell(row, columns)
    record = {
        "customer": cell.need("customer", reference),
        "purpose": cell.need("purpose", lambda value: read.one_of(value, (*PURPOSES, ANY))),
        "channel": cell.need("channel", lambda value: read.one_of(value, _CHANNELS)),
        "given": cell.need("given", read.yes_or_no),
        "at": cell.need("date", lambda value: read.instant(value, shop.time_zone, reading.date_format)),
        "source": cell.read("source", read.text, ""),
        "wording": cell.read("wording", read.text, ""),
    }
    return cell.rejects or ConsentRecord(**record)


def customer(
    row: Row, columns: Mapping[str, str], reading: Reading, shop: Shop
) -> tuple[str, dict[str, Any]] | list[Reject]:
    """A customer's reference and what the row says of them (an empty cell empties it), or the faults.

    Own attributes stand together under "attributes", None where the cell is empty.
    """
    cell = _Cell(row, columns)
    ref = cell.need("customer", reference)
    how = Notation(decimal=reading.decimal, date_format=reading.date_format, time_zone=shop.time_zone)
    values: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name in columns:
        if name == "customer" or not cell.has(name):
            continue
        if name == "acquisition_cost":
            cost = cell.read(name, lambda value: read.money(value, shop.currency, reading.decimal))
            values["acquisition_cost_minor"] = cost
        elif name in ("birthday", "first_contact_on"):
            values[name] = cell.read(name, lambda value: read.day(value, reading.date_format))
        elif name in KNOWN["customers"]:
            values[name] = cell.read(name, read.CUSTOMER_TEXT.get(name, read.text), "")
        else:
            attributes[name] = cell.read(name, read.typed(shop.attributes[name], how))
    if attributes:
        values["attributes"] = attributes
    return cell.rejects or (ref, values)
