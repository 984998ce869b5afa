"""Codes that came with purchases: what each is worth is ruled on when the whole file is in, and what fell is undone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.ingest import referrals as rulings
from engine.store import customers, events, referrals, transactions
from engine.store.session import Store

OWN_SOURCE = "premura"
_AT_ONCE = 1000


def undo(store: Store, touched: Collection[int], now: datetime) -> None:
    """Undo the conversions that what is now known of these customers does not bear any more."""
    if touched:
        with store.read() as connection:
            undone = _undone(connection, touched, now)
        if undone:
            with store.write() as connection:
                _reverse(connection, undone, now)


def convert(connection: Connection, source: str, keys: Sequence[str], now: datetime) -> list[str]:
    """Rule on the transactions that carry a code; returns a line for each that does not count.

    Known ones too: the reading that stored them may have been cut off before this. Nothing is converted twice.
    """
    stored = [
        row
        for start in range(0, len(keys), _AT_ONCE)
        for row in transactions.by_keys(connection, source, keys[start : start + _AT_ONCE]).values()
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
