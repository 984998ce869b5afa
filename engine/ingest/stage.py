"""Stage 1: files come in, each fact is stored once; every wrong row goes to a rejects file, the good ones go in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from engine.core.facts import ConsentRecord, Event, Transaction
from engine.errors import IngestError
from engine.ingest import referrals as rulings
from engine.ingest import rows as reader
from engine.ingest.columns import Kind, Reading, guess_kind, match
from engine.ingest.formats import Reject, Row, decode, is_json, read
from engine.ingest.identity import RowKeys
from engine.store import customers, events, permissions, referrals, transactions
from engine.store.session import Store

BATCH = 1000
"""Rows a transaction: each batch is stored whole, and a file that was cut off can be read again from its start."""
OWN_SOURCE = "premura"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """How this shop's files are read."""

    shop: reader.Shop
    readings: Mapping[Kind, Reading]
    event_kinds: Mapping[str, Mapping[str, str]]
    reject_unknown_customers: bool = False


@dataclass(slots=True, kw_only=True)
class Summary:
    """What became of a file."""

    file: str
    kind: Kind
    columns: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    new: int = 0
    changed: int = 0
    rejected: int = 0
    rejects_file: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def known(self) -> int:
        """Good rows that said nothing new."""
        return self.rows - self.new - self.changed - self.rejected


def ingest(
    store: Store,
    path: Path,
    intake: Intake,
    *,
    kind: Kind | None,
    rejects: Path,
    now: datetime,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Summary:
    """Read one file into the store. Raises IngestError when it cannot be read at all; nothing is stored then.

    rejects: the folder for the file of wrong rows. progress: is told how many rows were read since the last call.
    """
    name = path.name
    rows, header = _open(path)
    kind = kind or guess_kind(name, header)
    reading = intake.readings.get(kind, Reading())
    columns = match(kind, header, reading.columns, name)
    summary = Summary(file=name, kind=kind, columns=columns)
    found: list[Reject] = []
    batches = _Batches(store=store, intake=intake, kind=kind, reading=reading, columns=columns, now=now)
    for batch in _batched(rows):
        found += batches.take(batch, summary)
        progress(len(batch))
    summary.rejected = len({reject.row for reject in found})
    summary.rejects_file = _write_rejects(rejects, name, found)
    return summary


def _open(path: Path) -> tuple[Iterator[Row], list[str]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise IngestError(f"cannot be read ({error.strerror})", file=str(path)) from None
    text = decode(data, path.name)
    first = next(iter(read(text, path.name)), None)
    if first is None:
        if is_json(path.name):
            raise IngestError("the file is empty", file=path.name)
        return iter(()), [name.strip() for name in text.splitlines()[0].replace(";", ",").split(",")]
    header = list(first.values)
    if is_json(path.name):
        header = list(dict.fromkeys(name for row in read(text, path.name) for name in row.values))
    return read(text, path.name), header


def _batched(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


@dataclass(slots=True, kw_only=True)
class _Batches:
    """Takes the rows of one file in batches, each in a transaction of its own."""

    store: Store
    intake: Intake
    kind: Kind
    reading: Reading
    columns: Mapping[str, str]
    now: datetime
    keys: RowKeys = field(default_factory=RowKeys)
    seen: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def take(self, batch: Sequence[Row], summary: Summary) -> list[Reject]:
        """Store a batch; returns the wrong rows."""
        rejects: list[Reject] = []
        good: list[tuple[int, Any]] = []
        for row in batch:
            fact = self._parse(row)
            if not isinstance(fact, list):
                fact = self._contradiction(row, fact) or fact
            if isinstance(fact, list):
                rejects += fact
            else:
                good.append((row.number, fact))
        summary.rows += len(batch)
        with self.store.write() as connection:
            if self.kind == "customers":
                new, changed = customers.save(connection, [fact for _, fact in good], self.now)
                summary.new, summary.changed = summary.new + new, summary.changed + changed
            else:
                known, strangers = self._customers(connection, good)
                rejects += strangers
                facts = [(known[fact.customer], fact) for _, fact in good if fact.customer in known]
                summary.new += self._store(connection, facts, summary)
        return rejects

    def _parse(self, row: Row) -> Any:
        if row.fault:
            return [Reject(row=row.number, column="", value="", reason=row.fault)]
        intake = self.intake
        columns = {ours: theirs for ours, theirs in self.columns.items() if theirs in row.values}
        if self.kind == "transactions":
            return reader.transaction(row, columns, self.reading, intake.shop, self.keys)
        if self.kind == "events":
            return reader.event(row, columns, self.reading, intake.shop, self.keys, intake.event_kinds)
        if self.kind == "consents":
            return reader.consent(row, columns, self.reading, intake.shop)
        return reader.customer(row, columns, self.reading, intake.shop)

    def _contradiction(self, row: Row, fact: Any) -> list[Reject]:
        """A row whose id an earlier row of the file has, but which says something else."""
        key = getattr(fact, "ext_key", None)
        if key is None:
            return []
        number, first = self.seen.setdefault(key, (row.number, fact))
        if first == fact:
            return []
        column = self.columns.get("id", "id")
        reason = f"row {number} has the same id and says something else"
        return [Reject(row=row.number, column=column, value=key, reason=reason)]

    def _customers(
        self, connection: Connection, good: Sequence[tuple[int, Any]]
    ) -> tuple[dict[str, int], list[Reject]]:
        refs = {fact.customer for _, fact in good}
        known = customers.ids_of(connection, refs)
        strangers = refs - known.keys()
        if strangers and self.intake.reject_unknown_customers:
            column = self.columns.get("customer", "customer")
            reason = "this customer is not known (ingest the customers first)"
            return known, [
                Reject(row=number, column=column, value=fact.customer, reason=reason)
                for number, fact in good
                if fact.customer in strangers
            ]
        customers.add_unknown(connection, strangers, self.now)
        return known | customers.ids_of(connection, strangers), []

    def _store(self, connection: Connection, facts: list[tuple[int, Any]], summary: Summary) -> int:
        source = self.reading.source or self.kind
        if self.kind == "consents":
            return permissions.add_consents(connection, _only(ConsentRecord, facts))
        if self.kind == "events":
            return events.add(connection, source, _only(Event, facts), self.now)
        sales = _only(Transaction, facts)
        known = transactions.known_keys(connection, source, [fact.ext_key for _, fact in sales])
        fresh = [(customer, fact) for customer, fact in sales if fact.ext_key not in known]
        new = transactions.add(connection, source, fresh, self.now)
        summary.notes += _conversions(connection, source, fresh, self.now)
        _reversals(connection, source, fresh, self.now)
        return new


def _only(kind: type[T], facts: Sequence[tuple[int, Any]]) -> list[tuple[int, T]]:
    return [(customer, fact) for customer, fact in facts if isinstance(fact, kind)]


def _conversions(
    connection: Connection, source: str, fresh: Sequence[tuple[int, Transaction]], now: datetime
) -> list[str]:
    """Rule on the transactions that carry a code; returns a line for each that does not count."""
    coded = {fact.ext_key: fact for _, fact in fresh if fact.referral_code and fact.amount_minor > 0}
    if not coded:
        return []
    stored = transactions.by_keys(connection, source, list(coded))
    claims = [
        rulings.Claim(txn=row.id, customer=row.customer_id, code=row.referral_code, occurred_at=row.occurred_at)
        for row in stored.values()
    ]
    owners = referrals.owners(connection, {claim.code for claim in claims})
    first = transactions.first_of(connection, {claim.customer for claim in claims})
    refs = {row.customer_id: coded[key].customer for key, row in stored.items()}
    notes = []
    for ruling in rulings.judge(claims, owners, first):
        claim, referrer = ruling.claim, ruling.referrer
        if referrer is None:
            notes.append(f"{refs[claim.customer]}: {ruling.reason}")
        elif referrals.convert(
            connection, code=claim.code, referrer=referrer, newcomer=claim.customer, txn=claim.txn, now=now
        ):
            news = rulings.converted(claim.code, referrer, claim.customer, refs[claim.customer], claim.occurred_at)
            events.add(connection, OWN_SOURCE, news, now)
    return notes


def _reversals(connection: Connection, source: str, fresh: Sequence[tuple[int, Transaction]], now: datetime) -> None:
    """Conversions whose purchase has been given back whole are reversed."""
    refunds = {fact.reverses: fact for _, fact in fresh if fact.reverses and fact.amount_minor < 0}
    if not refunds:
        return
    sales = {row.id: row for row in transactions.by_keys(connection, source, list(refunds)).values()}
    given_back = transactions.reversing(connection, source, list(refunds))
    for conversion in referrals.by_transactions(connection, list(sales)):
        sale = sales[conversion.txn_id]
        if given_back.get(sale.ext_key, 0) >= sale.amount_minor:
            referrals.reverse(connection, conversion.id)
            refund = refunds[sale.ext_key]
            sides = (conversion.referrer_id, conversion.newcomer_id, refund.customer)
            events.add(connection, OWN_SOURCE, rulings.reversed_(conversion.code, *sides, refund.occurred_at), now)


def _write_rejects(folder: Path, name: str, rejects: Sequence[Reject]) -> str:
    """Write the rejects of a file, replacing those of an earlier reading; without any there is no file."""
    target = folder / f"{name}.rejects.csv"
    if not rejects:
        target.unlink(missing_ok=True)
        return ""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "row", "column", "value", "reason"))
    for reject in sorted(rejects, key=lambda reject: (reject.row, reject.column)):
        writer.writerow((name, reject.row, reject.column, reject.value, reject.reason))
    folder.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_text(text.getvalue(), encoding="utf-8")
    part.replace(target)
    return str(target)
