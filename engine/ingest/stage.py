"""Stage 1: files come in, each fact is stored once; every wrong row goes to a rejects file, the good ones go in."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from engine.core.facts import ConsentRecord, Customer, Event, Transaction
from engine.errors import IngestError
from engine.ingest import referrals as rulings
from engine.ingest import rows as reader
from engine.ingest import sayings
from engine.ingest.books import Booked, contradiction, retold, unfounded
from engine.ingest.columns import DATES, Kind, Reading, guess_kind, match
from engine.ingest.events import Events
from engine.ingest.formats import Block, Reject, Row, decode, read, rejects_csv
from engine.ingest.identity import RowKeys
from engine.ingest.transactions import Transactions
from engine.ingest.values import has_slashed, month_first, tells_dates
from engine.store import customers, events, permissions, referrals, transactions
from engine.store.session import Store

BATCH = 1000
"""Rows a transaction: each batch is stored whole, and a file that was cut off can be read again from its start."""
_NAMED = 5
"""Rows that the summary names; the rejects file has them all."""
OWN_SOURCE = "premura"
T = TypeVar("T")
Numbered = tuple[int, Any]
"""A fact and the row it stood in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """How this shop's files are read."""

    shop: reader.Shop
    readings: Mapping[Kind, Reading]
    event_kinds: Mapping[str, Mapping[str, str]]
    reject_unknown_customers: bool = False

    def more(self, kind: Kind) -> list[str]:
        """The columns that a file may have besides the usual ones."""
        if kind == "customers":
            return list(self.shop.attributes)
        if kind == "events":
            return sorted({name for fields in self.event_kinds.values() for name in fields})
        return []


@dataclass(slots=True, kw_only=True)
class Summary:
    """What became of a file. known: good rows that said nothing new."""

    file: str
    kind: Kind
    columns: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    new: int = 0
    changed: int = 0
    known: int = 0
    rejected: int = 0
    contradicted: int = 0  # of those rejected: what is stored under their id says something else
    rejects_file: str = ""
    notes: list[str] = field(default_factory=list)


def ingest(
    store: Store,
    path: Path,
    intake: Intake,
    *,
    kind: Kind | None,
    rejects: Path,
    now: datetime,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Summary:
    """Read one file into the store. Raises IngestError when it cannot be read at all; nothing is stored then.

    rejects: the folder for the file of wrong rows. batch: rows a transaction. progress: is told how many rows were
    read since the last call.
    """
    name = path.name
    text = decode(_bytes(path), name)
    sheet = read(text, name)
    kind = kind or guess_kind(name, sheet.header)
    reading = intake.readings.get(kind, Reading())
    columns = match(kind, sheet.header, reading.columns, name, intake.more(kind))
    _refuse_dates(text, columns, reading, kind, name)
    summary = Summary(file=name, kind=kind, columns=columns)
    taking = _Taking(
        store=store,
        intake=intake,
        reading=reading,
        columns=columns,
        now=now,
        summary=summary,
        parse=_parser(kind, columns, reading, intake),
    )
    for block in sheet.blocks(batch):
        with _uncollected():
            taking.take(block)
        progress(len(block))
    taking.finish()
    if taking.contradicted:
        summary.notes.append(_contradicted(summary.contradicted, taking.contradicted))
    summary.rejected = len({reject.row for reject in taking.rejects})
    summary.known = summary.rows - summary.new - summary.changed - summary.rejected
    summary.rejects_file = _write_rejects(rejects, name, taking.rejects)
    return summary


def _contradicted(number: int, first: Sequence[int]) -> str:
    """A line about the rows that contradict what is stored."""
    rows = ", ".join(map(str, first)) + (", …" if number > len(first) else "")
    who = "1 row says" if number == 1 else f"{number} rows say"
    return f"{who} something else than what is stored under the same id, which stays as it is: {rows}"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for cyclic garbage, a tenth of the time: facts make none, and it is made up for at the end."""
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IngestError(f"cannot be read ({error.strerror})", file=str(path)) from None


def _refuse_dates(
    text: str, columns: Mapping[str, str], reading: Reading, kind: Kind, file: str
) -> None:  # fmt: skip
    """Refuse a format that tells no date; and dates such as 12/31/2026 without one, before 01/02 is taken for February.

    What is stored never changes, so a file that is read in the wrong order of day and month must not go in at all.
    """
    place = f"[ingest.{kind}] date_format"
    if reading.date_format:
        if not tells_dates(reading.date_format):
            hint = 'such as "%m/%d/%Y"'
            raise IngestError(f"{place} = '{reading.date_format}' tells no date (hint: {hint})", file="premura.toml")
        return
    if not has_slashed(text):
        return
    names = [columns[name] for name in DATES if name in columns]
    sign = month_first(row.values.get(name) for row in read(text, file).rows for name in names)
    if sign:
        hint = f'say so in premura.toml: {place} = "%m/%d/%Y"'
        raise IngestError(f"its dates have the month first, as in {sign} (hint: {hint})", file=file)


def _parser(kind: Kind, columns: Mapping[str, str], reading: Reading, intake: Intake) -> Callable[[Block], list[Any]]:
    """What makes facts, or rejects, of the rows of a file."""
    if kind == "transactions":
        sales = Transactions(columns, reading, intake.shop, RowKeys())
        return lambda block: sales.block(block) if block.cells else _each(block, sales.row)
    if kind == "events":
        happened = Events(columns, reading, intake.shop, RowKeys(), intake.event_kinds)
        return lambda block: happened.block(block) if block.cells else _each(block, happened.row)
    one: Callable[[Row], Any] = (reader.consents if kind == "consents" else reader.customers)(
        columns, reading, intake.shop
    )
    return lambda block: _each(block, one)


def _each(block: Block, parse: Callable[[Row], Any]) -> list[Any]:
    """The facts, or rejects, of rows one by one."""
    rows = [block.row(place) for place in range(len(block))]
    return [
        [Reject(row=row.number, column="", value="", reason=row.fault)] if row.fault else parse(row) for row in rows
    ]


@dataclass(slots=True, kw_only=True)
class _Taking:
    """Takes the rows of one file in batches, each in a transaction of its own."""

    store: Store
    intake: Intake
    reading: Reading
    columns: Mapping[str, str]
    now: datetime
    summary: Summary
    parse: Callable[[Block], list[Any]]
    rejects: list[Reject] = field(default_factory=list)
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    late: list[Numbered] = field(default_factory=list)  # refunds that came before their sale
    coded: list[str] = field(default_factory=list)
    contradicted: list[int] = field(default_factory=list)  # the first rows that contradict what is stored
    touched: set[int] = field(default_factory=set)

    @property
    def source(self) -> str:
        """The name under which the keys of this file are unique."""
        return self.reading.source or self.summary.kind

    @property
    def zone(self) -> str:
        """The shop's time zone."""
        return self.intake.shop.time_zone

    def take(self, batch: Block) -> None:
        """Store a batch; its wrong rows are added to the rejects."""
        good: list[Numbered] = []
        for number, fact in zip(batch.places, self.parse(batch), strict=True):
            if isinstance(fact, list):
                self.rejects += fact
            elif wrong := self._contradicts_itself(number, fact):
                self.rejects.append(wrong)
            else:
                good.append((number, fact))
        self.summary.rows += len(batch)
        with self.store.write() as connection:
            if self.summary.kind == "customers":
                self._save_customers(connection, [fact for _, fact in good])
            else:
                self._add(connection, good, last=False)

    def finish(self) -> None:
        """Store what had to wait for the whole file: refunds listed before their sale, and what its codes are worth."""
        for start in range(0, len(self.late), BATCH):
            with self.store.write() as connection:
                self._add(connection, self.late[start : start + BATCH], last=True)
        if self.coded:
            with self.store.write() as connection:
                self.summary.notes += _convert(connection, self.source, self.coded, self.now)
        if self.touched:
            with self.store.read() as connection:
                undone = _undone(connection, self.touched, self.now)
            if undone:
                with self.store.write() as connection:
                    _reverse(connection, undone, self.now)

    def _contradicts_itself(self, row: int, fact: Any) -> Reject | None:
        """A row whose id (of a customer: whose reference and columns) an earlier row has, which said something else."""
        key, digest = sayings.of(fact)
        if not key or key.startswith(RowKeys.PREFIX):
            return None
        number, first = self.seen.setdefault(key, (row, digest))
        if first == digest:
            return None
        name, value = ("customer", fact[0]) if isinstance(fact, tuple) else ("id", key)
        reason = f"row {number} has the same {name} and says something else"
        return Reject(row=row, column=self.columns.get(name, name), value=value, reason=reason)

    def _refuse(self, number: int, name: str, value: str, reason: str) -> None:
        self.rejects.append(Reject(row=number, column=self.columns.get(name, name), value=value, reason=reason))

    def _save_customers(self, connection: Connection, rows: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Add customers, change what differs. Attributes are merged: a file may hold some of them."""
        known = customers.ids_of(connection, [ref for ref, _ in rows])
        stored = {one.facts.ref: one.facts for one in customers.load(connection, set(known.values())).values()}
        said: dict[str, dict[str, Any]] = {}
        changes: list[tuple[str, dict[str, Any]]] = []
        for ref, values in rows:
            facts, now = stored.get(ref, Customer(ref=ref)), said.setdefault(ref, {})
            if "attributes" in values:
                merged = {**now.get("attributes", facts.attributes), **values["attributes"]}
                values = {**values, "attributes": {name: one for name, one in merged.items() if one is not None}}
            changed = {name: one for name, one in values.items() if now.get(name, _stands(facts, name)) != one}
            if changed or ref not in stored:
                changes.append((ref, changed))
            now.update(values)
        new, changed_rows = customers.save(connection, changes, self.now)
        self.summary.new, self.summary.changed = self.summary.new + new, self.summary.changed + changed_rows

    def _add(self, connection: Connection, good: Sequence[Numbered], *, last: bool) -> None:
        """Append facts of other kinds. last: a refund whose sale has not come by now has none."""
        strangers, known = self._strangers(connection, {fact.customer for _, fact in good}), self.people
        if self.intake.reject_unknown_customers and strangers:
            for number, fact in good:
                if fact.customer in strangers:
                    reason = "this customer is not known (hint: ingest the customers first)"
                    self._refuse(number, "customer", fact.customer, reason)
            good = [(number, fact) for number, fact in good if fact.customer not in strangers]
        if self.summary.kind == "transactions":
            self.touched.update(known[fact.customer] for _, fact in good if fact.customer in known)
            self.coded += [fact.ext_key for _, fact in good if fact.referral_code and fact.amount_minor > 0]
            good = self._sound(connection, good, known, last=last)
        elif self.summary.kind == "events":
            good = self._unheard(connection, good)
        if strangers := strangers.intersection(fact.customer for _, fact in good):
            customers.add_unknown(connection, strangers, self.now)
            self._strangers(connection, strangers)
        self.summary.new += self._store(connection, [(known[fact.customer], fact) for _, fact in good])

    def _unheard(self, connection: Connection, good: Sequence[Numbered]) -> Sequence[Numbered]:
        """The events that are new; one that is known by its id, and now says something else, is refused."""
        stored = events.by_keys(connection, self.source, [fact.ext_key for _, fact in good])
        for number, fact in good if stored else ():
            if reason := retold(fact, self.people.get(fact.customer), stored.get(fact.ext_key), self.zone):
                self._refuse_stored(number, fact.ext_key, reason)
        return [(number, fact) for number, fact in good if fact.ext_key not in stored] if stored else good

    def _refuse_stored(self, number: int, key: str, reason: str) -> None:
        """A row that says of something stored what it cannot have been."""
        self.summary.contradicted += 1
        if len(self.contradicted) < _NAMED:
            self.contradicted.append(number)
        self._refuse(number, "id", key, reason)

    def _strangers(self, connection: Connection, refs: set[str]) -> set[str]:
        """Those of these customers who are not known; the others' keys are asked for once, since nobody is deleted."""
        asked = refs.difference(self.people)
        self.people |= customers.ids_of(connection, asked)
        return asked.difference(self.people)

    def _sound(
        self, connection: Connection, good: Sequence[Numbered], known: Mapping[str, int], *, last: bool
    ) -> list[Numbered]:
        """The transactions that are new and contradict nothing that is booked."""
        stored = _booked(connection, self.source, [fact.ext_key for _, fact in good])
        named = [fact.reverses for _, fact in good if fact.reverses]
        sales = _booked(connection, self.source, named)
        for _, fact in good:
            mine = {name: getattr(fact, name) for name in ("occurred_at", "amount_minor", "currency")}
            sales.setdefault(fact.ext_key, Booked(customer=known.get(fact.customer, fact.customer), **mine))
        sound: list[Numbered] = []
        for number, fact in good:
            who = known.get(fact.customer, fact.customer)
            if fact.ext_key in stored:
                if reason := contradiction(fact, who, stored[fact.ext_key], self.zone):
                    self._refuse_stored(number, fact.ext_key, reason)
            elif not fact.reverses:
                sound.append((number, fact))
            elif fact.reverses not in sales and not last:
                self.late.append((number, fact))
            elif reason := unfounded(fact, who, sales.get(fact.reverses)):
                self._refuse(number, "reverses", fact.reverses, reason)
            else:
                sound.append((number, fact))
        return sound

    def _store(self, connection: Connection, facts: list[tuple[int, Any]]) -> int:
        if self.summary.kind == "consents":
            return permissions.add_consents(connection, _only(ConsentRecord, facts))
        if self.summary.kind == "events":
            return events.add(connection, self.source, _only(Event, facts), self.now)
        self.touched.update(customer for customer, _ in facts)
        return transactions.add(connection, self.source, _only(Transaction, facts), self.now, self.zone)


def _only(kind: type[T], facts: Sequence[tuple[int, Any]]) -> list[tuple[int, T]]:
    return [(customer, fact) for customer, fact in facts if isinstance(fact, kind)]


def _stands(facts: Customer, name: str) -> Any:
    """What is known of a customer under the name of a column."""
    return getattr(facts.address, name) if hasattr(facts.address, name) else getattr(facts, name)


def _booked(connection: Connection, source: str, keys: Sequence[str]) -> dict[str, Booked]:
    return {
        key: Booked(
            customer=row.customer_id, occurred_at=row.occurred_at, amount_minor=row.amount_minor, currency=row.currency
        )
        for key, row in transactions.by_keys(connection, source, keys).items()
    }


def _convert(connection: Connection, source: str, keys: Sequence[str], now: datetime) -> list[str]:
    """Rule on the transactions that carry a code; returns a line for each that does not count.

    Known ones too: the reading that stored them may have been cut off before this. Nothing is converted twice.
    """
    stored = [
        row
        for start in range(0, len(keys), BATCH)
        for row in transactions.by_keys(connection, source, keys[start : start + BATCH]).values()
    ]
    claims = [
        rulings.Claim(txn=row.id, customer=row.customer_id, code=row.referral_code, occurred_at=row.occurred_at)
        for row in stored
        if row.referral_code
    ]
    owners = referrals.owners(connection, {claim.code for claim in claims})
    people = {claim.customer for claim in claims}
    first = transactions.first_of(connection, people)
    refs = {key: one.facts.ref for key, one in customers.load(connection, people).items()}
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


def _undone(
    connection: Connection, newcomers: Collection[int], now: datetime
) -> list[tuple[Mapping[str, Any], datetime]]:
    """The conversions of these customers that their whole history does not bear any more, and since when."""
    undone = []
    for found in referrals.listing(connection):
        if found["state"] != "converted" or found["newcomer_id"] not in newcomers:
            continue
        purchases = [
            rulings.Purchase(
                txn=row.id,
                key=row.ext_key,
                reverses=row.reverses,
                occurred_at=row.occurred_at,
                amount_minor=row.amount_minor,
            )
            for row in transactions.of_customer(connection, found["newcomer_id"])
        ]
        at = rulings.undone_at(found["txn_id"], purchases, now)
        if at is not None:
            undone.append((found, at))
    return undone


def _reverse(connection: Connection, undone: Sequence[tuple[Mapping[str, Any], datetime]], now: datetime) -> None:
    for found, at in undone:
        referrals.reverse(connection, found["id"])
        sides = (found["referrer_id"], found["newcomer_id"], found["newcomer"])
        events.add(connection, OWN_SOURCE, rulings.reversed_(found["code"], *sides, at), now)


def _write_rejects(folder: Path, name: str, rejects: Sequence[Reject]) -> str:
    """Write the rejects of a file, replacing those of an earlier reading; without any there is no file."""
    target = folder / f"{name}.rejects.csv"
    try:
        if not rejects:
            target.unlink(missing_ok=True)
            return ""
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_text(rejects_csv(name, rejects), encoding="utf-8")
        part.replace(target)
    except OSError as error:
        raise IngestError(
            f"the good rows are stored, but the wrong ones cannot be listed ({error.strerror})", file=str(target)
        ) from None
    return str(target)
