"""Consents and suppressions: appended by ingest and by the adapters' news, asked by decide and dispatch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from sqlalchemy import Connection, select

from engine.core.facts import ConsentRecord
from engine.core.keys import keyed_hash
from engine.core.permission import Consent, Standing, Suppression
from engine.store import rows, tables
from engine.store.complaints import open_complaints
from engine.store.kept import as_kept, instant
from engine.store.listed import listed, one_of
from engine.store.session import in_chunks, insert_into

_CONSENT = tables.table(tables.Consent)
_SUPPRESSION = tables.table(tables.Suppression)
_RECORD = ("purpose", "channel", "given", "source", "wording", "at")
_SAID = (
    select(*(as_kept(_CONSENT.c[name]) for name in ("customer_id", "purpose", "channel", "given", "at", "source")))
    .where(one_of(_CONSENT.c.customer_id))
    .order_by(_CONSENT.c.at, _CONSENT.c.id)
)
_ANY = select(_SUPPRESSION.c.id).limit(1)


class Addressed(Protocol):
    """Of a customer: where mails go."""

    @property
    def email(self) -> str:
        """The address, or empty."""


def add_consents(connection: Connection, records: Sequence[tuple[int, ConsentRecord]]) -> int:
    """Append consent records of customers by key; one that is there already is not added. Says how many are new."""
    said = [record for _, record in records]
    columns = {name: [getattr(record, name) for record in said] for name in _RECORD}
    whose = {"customer_id": [customer for customer, _ in records]}
    return rows.add_columns(connection, _CONSENT, whose | columns)


def consents_of(connection: Connection, customers: Collection[int]) -> dict[int, list[Consent]]:
    """All consent records of these customers, oldest first."""
    found: dict[int, list[Consent]] = defaultdict(list)
    for customer, *said in connection.execute(_SAID, {"keys": listed(connection, customers)}).all():
        found[customer].append(_consent(*said))
    return found


@lru_cache(maxsize=4096)
def _consent(purpose: str, channel: str, given: int, at: str | datetime, source: str) -> Consent:
    """Many say the same: a checkout's yes, an import."""
    return Consent(purpose=purpose, channel=channel, given=bool(given), at=instant(at), source=source)


def standings(
    connection: Connection,
    people: Mapping[int, Addressed],
    key: str,
    until: datetime | None = None,
    *,
    asked: Collection[int] | None = None,
) -> dict[int, Standing]:
    """What is known about whether these customers may be written to.

    key: the workspace's key, under which the addresses of suppressions are hashed. until: as it was at that instant,
    for the addresses of today. asked: whose consents and complaints are asked for; None: everybody's.
    """
    asked = people if asked is None else asked
    hashes = _hashes(connection, people, key)
    consents = consents_of(connection, asked)
    if until is not None:
        consents = {customer: [one for one in said if one.at <= until] for customer, said in consents.items()}
    suppressions = suppressions_of(connection, list(hashes.values()), until)
    complaints = open_complaints(connection, asked, until)
    same: dict[tuple[int, ...], Standing] = {}  # by the consents themselves, of which many are the same
    found: dict[int, Standing] = {}
    for customer in people:
        said = consents.get(customer, ())
        suppressed = suppressions.get(hashes[customer], ()) if customer in hashes else ()
        if suppressed or customer in complaints:
            found[customer] = Standing(
                consents=tuple(said), suppressions=tuple(suppressed), open_complaint=customer in complaints
            )
            continue
        key_ = tuple(map(id, said))
        if key_ not in same:
            same[key_] = Standing(consents=tuple(said))
        found[customer] = same[key_]
    return found


def _hashes(connection: Connection, people: Mapping[int, Addressed], key: str) -> dict[int, str]:
    """Under what the addresses of these customers would be suppressed; none where nothing is suppressed at all."""
    if connection.execute(_ANY).first() is None:
        return {}
    return {customer: address_hash(key, facts.email) for customer, facts in people.items() if facts.email}


def address_hash(key: str, email: str) -> str:
    """Under what an address is suppressed: a keyed hash of its normal form."""
    return keyed_hash(key, "address", email.strip().lower())


def suppress(connection: Connection, address_hash: str, channel: str, reason: str, now: datetime) -> bool:
    """Never write to that address on that channel again; says whether this is news."""
    row = {"address_hash": address_hash, "channel": channel, "reason": reason, "at": now}
    return bool(connection.execute(insert_into(connection, _SUPPRESSION).on_conflict_do_nothing(), [row]).rowcount)


def suppressions_of(
    connection: Connection, hashes: Collection[str], until: datetime | None = None
) -> dict[str, list[Suppression]]:
    """The suppressions of these addresses, by their keyed hash: all, or those made up to an instant."""
    found: dict[str, list[Suppression]] = defaultdict(list)
    for some in in_chunks(hashes):
        query = select(_SUPPRESSION).where(_SUPPRESSION.c.address_hash.in_(some)).order_by(_SUPPRESSION.c.id)
        for row in connection.execute(query if until is None else query.where(_SUPPRESSION.c.at <= until)):
            found[row.address_hash].append(Suppression(channel=row.channel, reason=row.reason))
    return found
