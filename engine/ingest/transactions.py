"""Rows of a file to transactions: sales, and refunds with an amount below zero."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.core.facts import Transaction
from engine.ingest import values as read
from engine.ingest.cells import WRONG, Cells, Meanings, odd
from engine.ingest.columns import Reading
from engine.ingest.formats import Block, Reject, Row
from engine.ingest.identity import RowKeys, reference, referral_code
from engine.ingest.rows import Shop, instants, money

_NAMES = ("customer", "date", "currency", "amount", "cost", "id", "reverses", "referral_code", "what")


class Transactions:
    """The reader of one file."""

    def __init__(self, columns: Mapping[str, str], reading: Reading, shop: Shop, keys: RowKeys) -> None:
        self._columns, self._reading, self._shop, self._keys = columns, reading, shop, keys
        self._cells, ids = Cells(columns), Meanings(reference, verbatim=True)
        self._means = {
            "customer": ids,
            "date": instants(reading, shop),
            "currency": Meanings(read.currency),
            "id": ids,
            "reverses": ids,
            "referral_code": Meanings(referral_code),
            "what": Meanings(read.text, verbatim=True),
        }
        self._money = {shop.currency: money(shop.currency, reading)}

    def _amounts(self, currency: str) -> Meanings:
        if currency not in self._money:
            self._money[currency] = money(currency, self._reading)
        return self._money[currency]

    def row(self, row: Row) -> Transaction | list[Reject]:
        """The sale or refund of a row, or what is wrong with it."""
        cells, means = self._cells, self._means
        cells.turn_to(row)
        customer, occurred_at = cells.need("customer", means["customer"]), cells.need("date", means["date"])
        currency = cells.read("currency", means["currency"], self._shop.currency)
        amounts = self._amounts(currency)
        amount, cost = cells.need("amount", amounts), cells.read("cost", amounts)
        key, reverses, code, what = (cells.read(name, means[name]) for name in _NAMES[5:])
        if reverses and amount is not None and amount >= 0:
            cells.refuse("amount", f"takes back the sale {reverses}, so it must be below zero")
        return cells.rejects or self._fact(customer, occurred_at, currency, amount, cost, key, reverses, code, what)

    def block(self, block: Block) -> list[Transaction | list[Reject]]:
        """The same of many rows at once, column by column; those that are not plain are read as rows."""
        if not block.cells:
            return [row.rejected or self.row(row) for row in map(block.row, range(len(block)))]
        cells = {name: block.column(self._columns.get(name)) for name in _NAMES}
        try:
            found: dict[str, list[Any]] = {name: means.column(cells[name]) for name, means in self._means.items()}
            found["currency"] = [one or self._shop.currency for one in found["currency"]]
            for name in ("amount", "cost"):
                found[name] = self._sums(found["currency"], cells[name])
        except TypeError:  # an object or a list
            return [self.row(block.row(place)) for place in range(len(block))]
        strange = set().union(*(odd(column) for column in found.values()))
        strange |= set().union(*(odd(found[name], (None,)) for name in ("customer", "date", "amount")))
        if any(found["reverses"]):
            strange |= {place for place, reverses in enumerate(found["reverses"]) if reverses}
        return [
            self.row(block.row(place)) if place in strange else self._fact(*each)
            for place, each in enumerate(zip(*(found[name] for name in _NAMES), strict=True))
        ]

    def _sums(self, currencies: list[Any], said: Any) -> list[Any]:
        wrong = Meanings(lambda _: WRONG)
        means = {one: wrong if one is WRONG else self._amounts(one) for one in set(currencies)}
        return [means[currency][value] for currency, value in zip(currencies, said, strict=True)]

    def _fact(
        self,
        customer: str,
        occurred_at: datetime,
        currency: str,
        amount: int,
        cost: int | None,
        key: str | None,
        reverses: str | None,
        code: str | None,
        what: str | None,
    ) -> Transaction:
        if not key:  # of what it says, only what a later export of the same sale will say in the same way
            key = self._keys.key({"of": customer, "at": str(occurred_at), "amount": amount, "currency": currency})
        return Transaction(
            customer=customer,
            ext_key=key,
            occurred_at=occurred_at,
            amount_minor=amount,
            currency=currency,
            cost_minor=cost,
            reverses=reverses,
            referral_code=code or "",
            lines=({"what": what},) if what else (),
        )
