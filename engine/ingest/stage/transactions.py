"""Transactions: appended by their keys; a refund waits for its sale until the file ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from engine.core.facts import Transaction
from engine.ingest import sayings
from engine.ingest.books import Booked, contradiction, unfounded
from engine.ingest.formats import Block
from engine.ingest.identity import RowKeys
from engine.ingest.stage.invites import convert, undo
from engine.ingest.stage.taking import Taking
from engine.ingest.transactions import Transactions
from engine.store import transactions

_AT_ONCE = 1000
_Numbered = tuple[int, Transaction]
"""A transaction and the row it stood in."""


def of(taking: Taking) -> OfTransactions:
    """What takes a file of transactions."""
    reader = Transactions(taking.columns, taking.reading, taking.intake.shop, RowKeys())
    return OfTransactions(taking=taking, reader=reader)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfTransactions:
    """A file of transactions."""

    taking: Taking
    reader: Transactions
    late: list[_Numbered] = field(default_factory=list)  # refunds that came before their sale
    coded: list[str] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    def take(self, block: Block) -> None:
        """Store a batch."""
        taking = self.taking
        good: list[_Numbered] = []
        for number, fact in zip(block.places, self.reader.block(block), strict=True):
            if isinstance(fact, list):
                taking.rejects += fact
            else:
                good.append((number, fact))
        keys = [fact.ext_key for _, fact in good]
        wrong = taking.repeated([number for number, _ in good], keys, [sayings.of_sale(fact) for _, fact in good], keys)
        good = [one for place, one in enumerate(good) if place not in wrong] if wrong else good
        with taking.store.write() as connection:
            self._add(connection, good, last=False)

    def finish(self) -> None:
        """Store what had to wait for the whole file: refunds listed before their sale, and what its codes are worth."""
        taking = self.taking
        for start in range(0, len(self.late), _AT_ONCE):
            with taking.store.write() as connection:
                self._add(connection, self.late[start : start + _AT_ONCE], last=True)
        if self.coded:
            with taking.store.write() as connection:
                taking.summary.notes += convert(connection, taking.source, self.coded, taking.now)
        undo(taking.store, self.touched, taking.now)

    def _add(self, connection: Connection, good: Sequence[_Numbered], *, last: bool) -> None:
        """Append transactions. last: a refund whose sale has not come by now has none."""
        taking, known = self.taking, self.taking.people
        strangers = taking.strangers(connection, {fact.customer for _, fact in good})
        numbers, refs = [number for number, _ in good], [fact.customer for _, fact in good]
        if wrong := taking.unwanted(numbers, refs, strangers):
            good = [one for place, one in enumerate(good) if place not in wrong]
        self.touched.update(known[fact.customer] for _, fact in good if fact.customer in known)
        self.coded.extend(fact.ext_key for _, fact in good if fact.referral_code and fact.amount_minor > 0)
        facts = [fact for _, fact in self._sound(connection, good, last=last)]
        taking.welcome(connection, strangers, {fact.customer for fact in facts})
        booked = [(known[fact.customer], fact) for fact in facts]
        self.touched.update(customer for customer, _ in booked)
        taking.summary.new += transactions.add(connection, taking.source, booked, taking.now, taking.zone)

    def _sound(self, connection: Connection, good: Sequence[_Numbered], *, last: bool) -> list[_Numbered]:
        """The transactions that are new and contradict nothing that is booked."""
        taking, known = self.taking, self.taking.people
        stored = _booked(connection, taking.source, [fact.ext_key for _, fact in good])
        sales = _booked(connection, taking.source, [fact.reverses for _, fact in good if fact.reverses])
        for _, fact in good:
            mine = {name: getattr(fact, name) for name in ("occurred_at", "amount_minor", "currency")}
            sales.setdefault(fact.ext_key, Booked(customer=known.get(fact.customer, fact.customer), **mine))
        sound: list[_Numbered] = []
        for number, fact in good:
            who = known.get(fact.customer, fact.customer)
            if fact.ext_key in stored:
                if reason := contradiction(fact, who, stored[fact.ext_key], taking.zone):
                    taking.refuse_stored(number, fact.ext_key, reason)
            elif not fact.reverses:
                sound.append((number, fact))
            elif fact.reverses not in sales and not last:
                self.late.append((number, fact))
            elif reason := unfounded(fact, who, sales.get(fact.reverses)):
                taking.refuse(number, "reverses", fact.reverses, reason)
            else:
                sound.append((number, fact))
        return sound


def _booked(connection: Connection, source: str, keys: Sequence[str]) -> dict[str, Booked]:
    return {
        key: Booked(
            customer=row.customer_id, occurred_at=row.occurred_at, amount_minor=row.amount_minor, currency=row.currency
        )
        for key, row in transactions.by_keys(connection, source, keys).items()
    }
