"""Referrals: the invites that dispatch handed out and the conversions that ingest saw."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from engine.core.records import ReferralInvite
from engine.store import tables
from engine.store.session import insert_into

_REFERRAL = tables.table(tables.Referral)
_CUSTOMER = tables.table(tables.Customer)


def invite(connection: Connection, invitation: ReferralInvite, *, referrer: int, action: int, now: datetime) -> bool:
    """A customer was handed a code; False when it was known."""
    row = {
        "code": invitation.code,
        "link": invitation.link,
        "referrer_id": referrer,
        "action_id": action,
        "state": "invited",
        "at": now,
    }
    return bool(connection.execute(insert_into(connection, _REFERRAL).on_conflict_do_nothing(), [row]).rowcount)


def owners(connection: Connection, codes: Collection[str]) -> dict[str, int]:
    """To whom these codes were handed."""
    query = select(_REFERRAL.c.code, _REFERRAL.c.referrer_id).where(
        _REFERRAL.c.code.in_(codes), _REFERRAL.c.newcomer_id.is_(None)
    )
    return dict(connection.execute(query).all())


def convert(
    connection: Connection, *, code: str, referrer: int, newcomer: int, txn: int, now: datetime
) -> bool:  # fmt: skip
    """A newcomer came by a code; False when that newcomer has come already."""
    row = {
        "code": code,
        "referrer_id": referrer,
        "newcomer_id": newcomer,
        "txn_id": txn,
        "state": "converted",
        "link": "",
        "at": now,
    }
    return bool(connection.execute(insert_into(connection, _REFERRAL).on_conflict_do_nothing(), [row]).rowcount)


def reverse(connection: Connection, referral: int) -> None:
    """The transaction that a conversion rests on was given back."""
    connection.execute(update(_REFERRAL).where(_REFERRAL.c.id == referral).values(state="reversed"))


def listing(connection: Connection) -> Sequence[Mapping[str, Any]]:
    """All invites and conversions with the names of both sides' references, oldest first."""
    newcomer = _CUSTOMER.alias("newcomer")
    query = (
        select(_REFERRAL, _CUSTOMER.c.ref.label("referrer"), newcomer.c.ref.label("newcomer"))
        .join(_CUSTOMER, _CUSTOMER.c.id == _REFERRAL.c.referrer_id)
        .outerjoin(newcomer, newcomer.c.id == _REFERRAL.c.newcomer_id)
        .order_by(_REFERRAL.c.at, _REFERRAL.c.id)
    )
    return [row._asdict() for row in connection.execute(query)]
