"""Customers: written by ingest, read as facts by every room."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, update

from engine.core.facts import Address, Customer
from engine.store import tables
from engine.store.session import insert_into, new_id

_CUSTOMER = tables.table(tables.Customer)
_ADDRESS = ("street", "postcode", "city", "region", "country")
_CHUNK = 500  # SQLite takes at most 999 to 32,766 bound values, by version


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A customer as stored: the key and the facts."""

    id: int
    facts: Customer


def ids_of(connection: Connection, refs: Collection[str]) -> dict[str, int]:
    """The keys of the customers with these references; unknown ones are missing from the answer."""
    found: dict[str, int] = {}
    ordered = sorted(set(refs))
    for start in range(0, len(ordered), _CHUNK):
        some = ordered[start : start + _CHUNK]
        rows = connection.execute(select(_CUSTOMER.c.ref, _CUSTOMER.c.id).where(_CUSTOMER.c.ref.in_(some)))
        found.update((row.ref, row.id) for row in rows)
    return found


def add_unknown(connection: Connection, refs: Iterable[str], now: datetime) -> int:
    """Make bare customers for references that only a transaction or an event has named so far; says how many."""
    rows = [_blank(ref, now) for ref in sorted(set(refs))]
    if not rows:
        return 0
    return connection.execute(insert_into(connection, _CUSTOMER).on_conflict_do_nothing(), rows).rowcount


def _blank(ref: str, now: datetime) -> dict[str, Any]:
    blank = dict.fromkeys(("given_name", "family_name", "company", "email", "phone", *_ADDRESS), "")
    return {
        **blank,
        "locale": "",
        "time_zone": "",
        "source": "",
        "attributes": {},
        "ref": ref,
        "public_id": new_id(),
        "created_at": now,
        "updated_at": now,
    }


def save(connection: Connection, customers: Sequence[tuple[str, Mapping[str, Any]]], now: datetime) -> tuple[int, int]:
    """Add or change customers: (reference, the columns that the file named). Returns how many are new and changed."""
    known = ids_of(connection, [ref for ref, _ in customers])
    new = add_unknown(connection, [ref for ref, _ in customers if ref not in known], now)
    changed = 0
    for ref, values in customers:
        differs = or_(*(_CUSTOMER.c[name].is_distinct_from(value) for name, value in values.items()))
        if (
            values
            and connection.execute(
                update(_CUSTOMER).where(_CUSTOMER.c.ref == ref, differs).values(**values, updated_at=now)
            ).rowcount
        ):
            changed += ref in known
    return new, changed


def load(connection: Connection, ids: Collection[int] | None = None) -> dict[int, Known]:
    """The customers with these keys, or all, by key."""
    query = select(_CUSTOMER).order_by(_CUSTOMER.c.id)
    if ids is None:
        return {row.id: _known(row) for row in connection.execute(query)}
    found: dict[int, Known] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), _CHUNK):
        rows = connection.execute(query.where(_CUSTOMER.c.id.in_(ordered[start : start + _CHUNK])))
        found.update((row.id, _known(row)) for row in rows)
    return found


def last_change(connection: Connection) -> datetime | None:
    """When a customer was last added or changed."""
    return connection.execute(select(func.max(_CUSTOMER.c.updated_at))).scalar()


def find(connection: Connection, words: str) -> list[Known]:
    """Customers by reference, public id or e-mail address; if none, by a part of the name. At most 20."""
    exact = or_(_CUSTOMER.c.ref == words, _CUSTOMER.c.public_id == words, _CUSTOMER.c.email == words.lower())
    rows = connection.execute(select(_CUSTOMER).where(exact)).all()
    if not rows:
        full = _CUSTOMER.c.given_name + " " + _CUSTOMER.c.family_name + " " + _CUSTOMER.c.company
        like = func.lower(full).contains(words.lower(), autoescape=True)
        rows = connection.execute(select(_CUSTOMER).where(like).order_by(_CUSTOMER.c.ref).limit(20)).all()
    return [_known(row) for row in rows]


def _known(row: Row[Any]) -> Known:
    values = row._asdict()
    address = Address(**{name: values[name] for name in _ADDRESS})
    dropped = {*_ADDRESS, "id", "public_id", "created_at", "updated_at"}
    return Known(
        id=values["id"],
        facts=Customer(address=address, **{name: value for name, value in values.items() if name not in dropped}),
    )
