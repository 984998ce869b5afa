"""Customers: written by ingest, read as facts by every room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from engine.core.facts import Address, Customer
from engine.store import rows, tables
from engine.store.kept import as_kept, day, document
from engine.store.listed import among
from engine.store.session import in_chunks, new_id

_CUSTOMER = tables.table(tables.Customer)
_FACTS = tuple(name for name in Customer.__slots__ if name != "address")
_NOWHERE = Address()
_ADDRESS = ("street", "postcode", "city", "region", "country")
_KNOWN = select(_CUSTOMER.c.id, *(as_kept(_CUSTOMER.c[name]) for name in (*_ADDRESS, *_FACTS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A customer as stored: the key and the facts."""

    id: int
    facts: Customer


def ids_of(connection: Connection, refs: Iterable[str]) -> dict[str, int]:
    """The keys of the customers with these references; unknown ones are missing from the answer."""
    wanted = set(refs)
    if not wanted:
        return {}
    query = select(_CUSTOMER.c.ref, _CUSTOMER.c.id).where(among(connection, _CUSTOMER.c.ref, wanted))
    return dict(connection.execute(query).all())


def add_unknown(connection: Connection, refs: Iterable[str], now: datetime) -> int:
    """Make bare customers for references that only a transaction or an event has named so far; says how many."""
    return rows.add(connection, _CUSTOMER, [_blank(ref, now) for ref in sorted(set(refs))])


def _blank(ref: str, now: datetime) -> dict[str, Any]:
    blank = dict.fromkeys(("household", "given_name", "family_name", "company", "email", "phone", *_ADDRESS), "")
    return {
        **blank,
        "locale": "",
        "time_zone": "",
        "birthday": None,
        "first_contact_on": None,
        "source": "",
        "acquisition_cost_minor": None,
        "attributes": {},
        "ref": ref,
        "public_id": new_id(),
        "created_at": now,
        "updated_at": now,
    }


def save(connection: Connection, customers: Sequence[tuple[str, Mapping[str, Any]]], now: datetime) -> tuple[int, int]:
    """Add or change customers: (reference, the columns that the file named). Returns how many are new and changed."""
    known = ids_of(connection, [ref for ref, _ in customers])
    fresh: dict[str, dict[str, Any]] = {}
    for ref, values in customers:
        if ref not in known:
            fresh.setdefault(ref, _blank(ref, now)).update(values)
    new = rows.add(connection, _CUSTOMER, list(fresh.values()))
    told = [(ref, values) for ref, values in customers if values and (ref in known or new < len(fresh))]
    return new, sum(ref in known for ref in _change(connection, told, now))  # fewer: another was quicker with some


def _change(connection: Connection, told: Sequence[tuple[str, Mapping[str, Any]]], now: datetime) -> list[str]:
    """Write what differs, all that change in the same columns at once; says whom, as often as they were changed."""
    stored = load(connection, ids_of(connection, [ref for ref, _ in told]).values()) if told else {}
    places = {one.facts.ref: key for key, one in stored.items()}
    changes: dict[int, dict[str, Any]] = defaultdict(dict)
    found = []
    for ref, values in told:
        key = places[ref]
        differs = {
            name: value for name, value in values.items() if changes[key].get(name, _of(stored[key], name)) != value
        }
        changes[key] |= differs
        found += [ref] if differs else []
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for key, differs in changes.items():
        alike[tuple(sorted(differs))].append({**dict(sorted(differs.items())), "updated_at": now, "id": key})
    for names, some in alike.items():
        if names:
            rows.change(connection, _CUSTOMER, some)
    return found


def _of(known: Known, name: str) -> Any:
    """What is known of a customer under the name of a column."""
    return getattr(known.facts.address if name in _ADDRESS else known.facts, name)


def load(connection: Connection, ids: Collection[int] | None = None) -> dict[int, Known]:
    """The customers with these keys, or all, by key."""
    query = _KNOWN.order_by(_CUSTOMER.c.id)
    if ids is not None:
        query = query.where(among(connection, _CUSTOMER.c.id, ids))
    return {row[0]: _known(row) for row in connection.execute(query).all()}


def facts(connection: Connection, ids: Collection[int]) -> dict[int, Customer]:
    """The facts of the customers with these keys, by key."""
    query = _KNOWN.where(among(connection, _CUSTOMER.c.id, ids)).order_by(_CUSTOMER.c.id)
    return {row[0]: _facts(row) for row in connection.execute(query).all()}


def hold(connection: Connection, ids: Collection[int], *, wait: bool = True) -> set[int]:
    """Nobody else who holds one of these customers goes on until the transaction ends. SQLite has one writer anyhow.

    wait: for those whom others hold; or these are left out of the answer.
    """
    if not ids or connection.dialect.name == "sqlite":
        return set(ids)
    wanted = select(_CUSTOMER.c.id).where(among(connection, _CUSTOMER.c.id, ids)).order_by(_CUSTOMER.c.id)
    return set(connection.execute(wanted.with_for_update(key_share=True, skip_locked=not wait)).scalars())


def members(connection: Connection, households: Iterable[str]) -> dict[str, list[int]]:
    """Who lives in each of these households, by key; nobody lives in the one without a name."""
    found: dict[str, list[int]] = {}
    query = select(_CUSTOMER.c.household, _CUSTOMER.c.id).where(_CUSTOMER.c.household != "").order_by(_CUSTOMER.c.id)
    for some in in_chunks(households):
        for household, key in connection.execute(query.where(_CUSTOMER.c.household.in_(some))):
            found.setdefault(household, []).append(key)
    return found


def last_change(connection: Connection) -> datetime | None:
    """When a customer was last added or changed."""
    return connection.execute(select(func.max(_CUSTOMER.c.updated_at))).scalar()


def find(connection: Connection, words: str) -> list[Known]:
    """Customers by reference, public id or e-mail address; if none, by a part of the name. At most 20."""
    exact = or_(_CUSTOMER.c.ref == words, _CUSTOMER.c.public_id == words, _CUSTOMER.c.email == words.lower())
    found = connection.execute(_KNOWN.where(exact)).all()
    if not found:
        full = _CUSTOMER.c.given_name + " " + _CUSTOMER.c.family_name + " " + _CUSTOMER.c.company
        like = func.lower(full).contains(words.lower(), autoescape=True)
        found = connection.execute(_KNOWN.where(like).order_by(_CUSTOMER.c.ref).limit(20)).all()
    return [_known(row) for row in found]


def _known(row: Row[Any]) -> Known:
    """From a row of `_KNOWN`."""
    return Known(id=row[0], facts=_facts(row))


def _facts(row: Row[Any]) -> Customer:
    """From the same; each by its name, which is quicker than to put names and values together."""
    (_, street, postcode, city, region, country, ref, household, given, family, company, email, phone, locale, zone,
     birthday, first_contact_on, source, cost, attributes) = tuple(row)  # fmt: skip
    lives = street or postcode or city or region or country
    return Customer(
        ref=ref,
        household=household,
        given_name=given,
        family_name=family,
        company=company,
        email=email,
        phone=phone,
        address=Address(street=street, postcode=postcode, city=city, region=region, country=country)
        if lives
        else _NOWHERE,
        locale=locale,
        time_zone=zone,
        birthday=day(birthday),
        first_contact_on=day(first_contact_on),
        source=source,
        acquisition_cost_minor=cost,
        attributes=document(attributes),
    )
