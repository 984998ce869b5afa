"""The versions of rules that were used: each is kept with its text by `decisions.keep_version`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from engine.store import tables

_VERSION = tables.table(tables.RuleVersion)
_TALLY = tables.table(tables.Tally)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A rule as it stood when something was decided by it. `hash` is the sha256 of `text`."""

    rule_id: str
    hash: str
    text: str
    first_used_at: datetime
    last_used_at: datetime
    decisions: int


def first_used(connection: Connection) -> dict[str, datetime]:
    """When each version was first used, by its hash."""
    rows = connection.execute(select(_VERSION.c.hash, _VERSION.c.first_used_at))
    return {row.hash: row.first_used_at for row in rows}


def used(connection: Connection, rule: str = "") -> list[Version]:
    """The versions that were used, of one rule or of all: those first that were used first."""
    answered = (
        select(_TALLY.c.rule_hash, func.sum(_TALLY.c.number).label("number"), func.max(_TALLY.c.last_at).label("last"))
        .group_by(_TALLY.c.rule_hash)
        .subquery()
    )
    query = (
        select(_VERSION, answered.c.number, answered.c.last)
        .select_from(_VERSION.outerjoin(answered, answered.c.rule_hash == _VERSION.c.hash))
        .order_by(_VERSION.c.first_used_at, _VERSION.c.rule_id, _VERSION.c.hash)
    )
    if rule:
        query = query.where(_VERSION.c.rule_id == rule)
    return [
        Version(
            rule_id=row.rule_id,
            hash=row.hash,
            text=row.text,
            first_used_at=row.first_used_at,
            last_used_at=row.last or row.first_used_at,
            decisions=int(row.number or 0),
        )
        for row in connection.execute(query)
    ]


def text(connection: Connection, digest: str) -> str:
    """The text of a version by its hash."""
    return str(connection.execute(select(_VERSION.c.text).where(_VERSION.c.hash == digest)).scalar_one())
