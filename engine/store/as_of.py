"""What had happened up to any instant of the past, of everybody at once: what a backtest reads. Nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from engine.core.facts import Event
from engine.core.permission import Consent, Suppression
from engine.store import actions, tables
from engine.store.events import Stored
from engine.store.latest import SALE
from engine.store.score_history import unpack

_CONSENT = tables.table(tables.Consent)
_CUSTOMER = tables.table(tables.Customer)
_EVENT = tables.table(tables.Event)
_HISTORY = tables.table(tables.ScoreHistory)
_RUN = tables.table(tables.ModelRun)
_SUPPRESSION = tables.table(tables.Suppression)
_TOUCHPOINT = tables.table(tables.Touchpoint)
_TXN = tables.table(tables.Txn)


class Bought(NamedTuple):
    """A sale, or what was given back."""

    customer: int
    at: datetime
    kind: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Scores that were written together. blocks: their rows in `score_history`."""

    at: datetime
    run: int
    blocks: tuple[int, ...]


def happened(connection: Connection, kinds: Collection[str], since: datetime, until: datetime) -> list[Stored]:
    """Everybody's events of these kinds from an instant up to another, as they occurred, decided on or not."""
    columns = ("id", "source", "customer_id", "kind", "ext_key", "occurred_at", "payload")
    wanted = (_EVENT.c.kind.in_(kinds), _EVENT.c.occurred_at >= since, _EVENT.c.occurred_at <= until)
    query = select(*(_EVENT.c[name] for name in columns)).where(*wanted).order_by(_EVENT.c.occurred_at, _EVENT.c.id)
    return [
        Stored(
            id=key,
            source=source,
            customer_id=customer,
            facts=Event(customer="", kind=kind, ext_key=ext_key, occurred_at=at, payload=payload),
        )
        for key, source, customer, kind, ext_key, at, payload in connection.execute(query)
    ]


def instants(connection: Connection, kinds: Collection[str], until: datetime) -> list[tuple[str, int, datetime]]:
    """When everybody's events of these kinds occurred up to an instant, oldest first: kind, customer, instant."""
    columns = (_EVENT.c.kind, _EVENT.c.customer_id, _EVENT.c.occurred_at)
    query = select(*columns).where(_EVENT.c.kind.in_(kinds), _EVENT.c.occurred_at <= until)
    return [(kind, who, at) for kind, who, at in connection.execute(query.order_by(_EVENT.c.occurred_at))]


def bought(connection: Connection, until: datetime) -> list[Bought]:
    """Everybody's transactions up to an instant, oldest first."""
    names = ("customer_id", "occurred_at", "kind", "amount_minor", "currency")
    query = select(*(_TXN.c[name] for name in names)).where(_TXN.c.occurred_at <= until)
    return [Bought(*row) for row in connection.execute(query.order_by(_TXN.c.occurred_at, _TXN.c.id))]


def sales(connection: Connection, until: datetime) -> list[tuple[int, datetime, int]]:
    """Everybody's sales up to an instant, oldest first: customer, instant, day (date.toordinal) of the shop."""
    columns = (_TXN.c.customer_id, _TXN.c.occurred_at, _TXN.c.day)
    query = select(*columns).where(SALE, _TXN.c.occurred_at <= until).order_by(_TXN.c.occurred_at, _TXN.c.id)
    return [(who, at, day) for who, at, day in connection.execute(query)]


def first_purchases(connection: Connection) -> dict[int, datetime]:
    """When everybody who ever bought first did."""
    first = select(_TXN.c.customer_id, func.min(_TXN.c.occurred_at)).where(_TXN.c.kind == "sale")
    return dict(connection.execute(first.group_by(_TXN.c.customer_id)).all())


def first_heard_of(connection: Connection) -> dict[int, datetime]:
    """When everybody was added to the store, or their first event happened if that was before."""
    found: dict[int, datetime] = dict(connection.execute(select(_CUSTOMER.c.id, _CUSTOMER.c.created_at)).all())
    events = select(_EVENT.c.customer_id, func.min(_EVENT.c.occurred_at)).group_by(_EVENT.c.customer_id)
    for customer, at in connection.execute(events):
        found[customer] = min(at, found[customer])
    return found


def consents(connection: Connection) -> dict[int, list[Consent]]:
    """Everybody's consent records, oldest first."""
    found: dict[int, list[Consent]] = defaultdict(list)
    columns = (_CONSENT.c[name] for name in ("customer_id", "purpose", "channel", "given", "at", "source"))
    for customer, purpose, channel, given, at, source in connection.execute(
        select(*columns).order_by(_CONSENT.c.at, _CONSENT.c.id)
    ):
        found[customer].append(Consent(purpose=purpose, channel=channel, given=given, at=at, source=source))
    return found


def suppressions(connection: Connection) -> dict[str, list[tuple[datetime, Suppression]]]:
    """Every suppression with its instant, by the keyed hash of the address."""
    found: dict[str, list[tuple[datetime, Suppression]]] = defaultdict(list)
    for row in connection.execute(select(_SUPPRESSION).order_by(_SUPPRESSION.c.at, _SUPPRESSION.c.id)):
        found[row.address_hash].append((row.at, Suppression(channel=row.channel, reason=row.reason)))
    return found


def heard(connection: Connection, rule: str, since: datetime, until: datetime) -> dict[int, list[datetime]]:
    """When customers heard from the shop up to an instant, but for transactional words and what `rule` sent `since`."""
    own = (_TOUCHPOINT.c.rule_id == rule) & (_TOUCHPOINT.c.at >= since)
    query = select(_TOUCHPOINT.c.customer_id, _TOUCHPOINT.c.at).order_by(_TOUCHPOINT.c.at)
    found: dict[int, list[datetime]] = defaultdict(list)
    for customer, at in connection.execute(
        query.where(_TOUCHPOINT.c.purpose != "transactional", _TOUCHPOINT.c.at <= until, ~own)
    ):
        found[customer].append(at)
    return found


def spent(
    connection: Connection, rule: str, month: tuple[datetime, datetime], since: datetime
) -> dict[tuple[str, str], int]:
    """What a month really cost, as `actions.spent` tells it, but for what `rule` itself spent from an instant on."""
    found = actions.spent(connection, *month)
    if month[1] > since:
        own = actions.spent(connection, max(month[0], since), month[1])
        for channel, name in [key for key in own if key[1] == rule]:
            found[channel, name] -= own[channel, name]
    return found


def scorings(connection: Connection, since: datetime, until: datetime) -> list[datetime]:
    """When everybody was scored, from an instant up to another, oldest first."""
    query = select(_RUN.c.fitted_at).where(_RUN.c.fitted_at >= since, _RUN.c.fitted_at <= until)
    return list(connection.execute(query.order_by(_RUN.c.fitted_at)).scalars())


def saves(connection: Connection, until: datetime) -> list[Save]:
    """All that is kept of scores that were written up to an instant, oldest first."""
    query = select(_HISTORY.c.id, _HISTORY.c.scored_at, _HISTORY.c.run_id).where(_HISTORY.c.scored_at <= until)
    together: dict[tuple[datetime, int], list[int]] = defaultdict(list)
    for key, at, run in connection.execute(query.order_by(_HISTORY.c.scored_at, _HISTORY.c.id)):
        together[at, run].append(key)
    return [Save(at=at, run=run, blocks=tuple(blocks)) for (at, run), blocks in together.items()]


def saved(connection: Connection, save: Save) -> dict[str, NDArray[Any]]:
    """The scores of a save by column, as `score_history.unpack` gives them."""
    found = [unpack(content) for content in _contents(connection, save)]
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def _contents(connection: Connection, save: Save) -> Iterator[bytes]:
    for block in save.blocks:
        yield connection.execute(select(_HISTORY.c.content).where(_HISTORY.c.id == block)).scalar_one()
