"""Touchpoints: what customers heard from us, as caps count it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, bindparam, delete, func, select

from engine.core.actions import State
from engine.core.permission import INTERNAL_CHANNELS, SILENT_CHANNELS
from engine.store import rows, tables
from engine.store.actions import STATE
from engine.store.listed import listed, one_of
from engine.store.written import Values

_ACTION = tables.table(tables.Action)
_DELIVERY = tables.table(tables.Delivery)
_TOUCHPOINT = tables.table(tables.Touchpoint)
_UNHEARD = SILENT_CHANNELS | INTERNAL_CHANNELS
_HEARD = select(_TOUCHPOINT.c.customer_id, _TOUCHPOINT.c.at).where(
    one_of(_TOUCHPOINT.c.customer_id), _TOUCHPOINT.c.at > bindparam("since"), _TOUCHPOINT.c.purpose != "transactional"
)
_PERHAPS = (
    select(_ACTION.c.customer_id, func.max(_DELIVERY.c.started_at))
    .join(_ACTION, _ACTION.c.id == _DELIVERY.c.action_id)
    .where(
        one_of(_ACTION.c.customer_id),
        STATE.in_((State.SUBMITTING, State.UNKNOWN)),
        _ACTION.c.scheduled_at.is_not(None),  # as it is of all of these: the index of customers has no others
        _ACTION.c.purpose != "transactional",
        _ACTION.c.channel.in_(("email", "note")),
    )
    .group_by(_ACTION.c.id, _ACTION.c.customer_id)
    .having(func.max(_DELIVERY.c.started_at) > bindparam("since"))
)


class Word(Protocol):
    """Of an action: what a touchpoint keeps."""

    @property
    def id(self) -> int:
        """The action's key."""

    @property
    def customer_id(self) -> int:
        """Who hears it."""

    @property
    def channel(self) -> str:
        """How."""

    @property
    def purpose(self) -> str:
        """What for."""

    @property
    def rule_id(self) -> str:
        """By which rule."""


def add(connection: Connection, words: Sequence[Word], now: datetime) -> None:
    """Customers heard these from us, once an action; what they do not see is no touchpoint."""
    seen = [word for word in words if word.channel not in _UNHEARD]
    columns: dict[str, Values] = {
        "action_id": [word.id for word in seen],
        "customer_id": [word.customer_id for word in seen],
        "channel": [word.channel for word in seen],
        "purpose": [word.purpose for word in seen],
        "rule_id": [word.rule_id for word in seen],
    }
    rows.add_columns(connection, _TOUCHPOINT, columns, {"at": now}, leave_known=False)


def remove(connection: Connection, action: int) -> None:
    """Nobody hears this one after all: it was taken back."""
    connection.execute(delete(_TOUCHPOINT).where(_TOUCHPOINT.c.action_id == action))


def heard(connection: Connection, customers: Collection[int], since: datetime) -> dict[int, list[datetime]]:
    """When each of these heard from us after an instant, or may have, oldest first.

    Transactional words do not count.
    """
    whose = {"keys": listed(connection, customers), "since": since}
    found: dict[int, list[datetime]] = defaultdict(list)
    for customer, at in [*connection.execute(_HEARD, whose), *connection.execute(_PERHAPS, whose)]:
        found[customer].append(at)
    return {customer: sorted(times) for customer, times in found.items()}


def by_channel(connection: Connection) -> list[tuple[str, str, int]]:
    """What customers got: (rule, channel, number)."""
    columns = (_TOUCHPOINT.c.rule_id, _TOUCHPOINT.c.channel)
    return list(connection.execute(select(*columns, func.count()).group_by(*columns).order_by(*columns)))
