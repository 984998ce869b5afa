"""Rows of a file to facts: each value is read in its own way, each wrong one named with its column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.facts import ConsentRecord, Event, Transaction
from engine.core.money import parse_amount, to_minor
from engine.core.permission import ANY, PURPOSES
from engine.ingest import values as read
from engine.ingest.columns import Reading
from engine.ingest.formats import Reject, Row
from engine.ingest.identity import RowKeys, reference

_CHANNELS = ("email", "note", "phone", "sms", "task", ANY)


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

    def read(self, name: str, parse: Callable[[Any], Any], default: Any = None) -> Any:
        """The value parsed; the default when the cell is empty; on a fault a reject and the default."""
        value = self.raw(name)
        if value is None or value == "":
            return default
        return self._parsed(name, value, parse, default)

    def need(self, name: str, parse: Callable[[Any], Any]) -> Any:
        """The value parsed; an empty cell is a fault."""
        return self._parsed(name, self.raw(name), parse, None)

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

    def money(value: object) -> int:
        return to_minor(parse_amount(str(value), reading.decimal), currency)

    amount = cell.need("amount", money)
    cost = cell.read("cost", money)
    key = cell.read("id", reference) or keys.key({ours: row.values.get(theirs) for ours, theirs in columns.items()})
    what = cell.read("what", str, "")
    if cell.rejects:
        return cell.rejects
    return Transaction(
        customer=customer,
        ext_key=key,
        occurred_at=occurred_at,
        amount_minor=amount,
        currency=currency,
        cost_minor=cost,
        reverses=cell.read("reverses", reference),
        referral_code=str(cell.read("referral_code", str, "")).upper(),
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
    kind = cell.need("kind", lambda value: read.known_kind(str(value), kinds))
    key = cell.read("id", reference) or keys.key(row.values)
    payload = {}
    for name, value in row.values.items():
        if name not in columns.values() and value not in (None, ""):
            extra = _Cell(row, {name: name})
            payload[name] = extra.read(name, read.TYPED.get(kinds.get(kind or "", {}).get(name, ""), read.plain))
            cell.rejects += extra.rejects
    if cell.rejects:
        return cell.rejects
    return Event(customer=customer, kind=kind, ext_key=key, occurred_at=occurred_at, payload=payload)


def consent(row: Row, columns: Mapping[str, str], reading: Reading, shop: Shop) -> ConsentRecord | list[Reject]:
    """A yes or a no, or what is wrong with the row."""
    cell = _Cell(row, columns)
    record = {
        "customer": cell.need("customer", reference),
        "purpose": cell.need("purpose", lambda value: read.one_of(str(value), (*PURPOSES, ANY))),
        "channel": cell.need("channel", lambda value: read.one_of(str(value), _CHANNELS)),
        "given": cell.need("given", read.yes_or_no),
        "at": cell.need("date", lambda value: read.instant(value, shop.time_zone, reading.date_format)),
        "source": cell.read("source", str, ""),
        "wording": cell.read("wording", str, ""),
    }
    return cell.rejects or ConsentRecord(**record)


def customer(
    row: Row, columns: Mapping[str, str], reading: Reading, shop: Shop
) -> tuple[str, dict[str, Any]] | list[Reject]:
    """A customer's reference and the columns that the file names (an empty cell empties the column), or the faults."""
    cell = _Cell(row, columns)
    ref = cell.need("customer", reference)
    values: dict[str, Any] = {}
    for name in columns:
        if name == "acquisition_cost":
            amount = cell.read(name, lambda value: to_minor(parse_amount(str(value), reading.decimal), shop.currency))
            values["acquisition_cost_minor"] = amount
        elif name in ("birthday", "first_contact_on"):
            values[name] = cell.read(name, lambda value: read.day(value, reading.date_format))
        elif name != "customer":
            values[name] = cell.read(name, read.CUSTOMER_TEXT.get(name, str), "")
    attributes = {}
    for name, type_name in shop.attributes.items():
        if name in row.values:
            extra = _Cell(row, {name: name})
            attributes[name] = extra.read(name, read.TYPED.get(type_name, read.plain))
            cell.rejects += extra.rejects
    if attributes:
        values["attributes"] = attributes
    return cell.rejects or (ref, values)
