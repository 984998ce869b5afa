"""What the rows of a file have said so far, by what they are known by: of two with one id, the first counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.facts import Transaction
from engine.ingest.identity import RowKeys


class Sayings:
    """A short form of each, so that a whole file can be remembered."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[int, int]] = {}

    def contradicted(self, numbers: Sequence[int], keys: Sequence[str], digests: Sequence[int]) -> dict[int, int]:
        """Which rows, by their place here, say something else than an earlier one with their key; and its number."""
        new = dict(zip(keys, zip(numbers, digests, strict=True), strict=True))
        if len(new) == len(keys) and self._first.keys().isdisjoint(new):
            self._first |= new
            return {}
        found: dict[int, int] = {}
        for place, (number, key, digest) in enumerate(zip(numbers, keys, digests, strict=True)):
            if key.startswith(RowKeys.PREFIX):
                continue
            earlier, said = self._first.setdefault(key, (number, digest))
            if said != digest:
                found[place] = earlier
        return found


def of_sale(fact: Transaction) -> int:
    """A hash of all that a transaction says; it holds in this process."""
    money = (fact.amount_minor, fact.currency, fact.cost_minor)
    what = tuple(line["what"] for line in fact.lines)
    return hash((fact.customer, fact.occurred_at, *money, fact.reverses, fact.referral_code, what))


def of_customer(ref: str, values: Mapping[str, Any]) -> tuple[str, int]:
    """What a row about a customer is known by (who, and of what it tells), and a hash of all that it says."""
    return ":".join((ref, *values, *values.get("attributes", ()))), hash(repr((ref, values)))
