"""Actions in doubt whose turn has come, with what the policy wants to know of them; and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, cast, select, true, update

from engine.core.actions import ASK, RESEND, State
from engine.store import rows, tables
from engine.store.listed import among

_ACTION = tables.table(tables.Action)
_DELIVERY = tables.table(tables.Delivery)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An action in doubt. since: when the first attempt began that may have gone out; ended: when the last one did.

    doubtful: how many they are. parcel: the key of the call that carried the last of them with others, or "".
    """

    id: int
    public_id: str
    adapter: str
    attempts: int
    valid_until: datetime | None
    if_unknown: str
    since: datetime
    ended: datetime
    doubtful: int
    parcel: str


def waiting(
    connection: Connection, adapters: Collection[str], now: datetime, *, after: int, limit: int, resending: bool = False
) -> list[Standing]:  # fmt: skip
    """Actions in doubt of these adapters whose turn has come, by key, from the one behind `after` on.

    resending: only those whose step says that they may be sent once more. Nobody else has them until the transaction
    ends.
    """
    wanted = _ACTION.c.plan["if_unknown"].as_string() == RESEND if resending else true()
    query = (
        select(
            *(_ACTION.c[name] for name in ("id", "public_id", "adapter", "attempts", "valid_until")),
            cast(_ACTION.c.plan, Text).label("plan"),
        )
        .where(_ACTION.c.state == State.UNKNOWN, _ACTION.c.due_at <= now, _ACTION.c.adapter.in_(adapters))
        .where(_ACTION.c.id > after, wanted)
        .order_by(_ACTION.c.id)
        .limit(limit)
    )
    found = connection.execute(query.with_for_update(skip_locked=True, of=_ACTION)).all()
    tried = _attempts(connection, [row.id for row in found])
    return [_standing(row._asdict(), tried.get(row.id, ()), now) for row in found]


def standings(connection: Connection, actions: Collection[int], now: datetime) -> dict[int, Standing]:
    """The same of these actions, whether their turn has come or not; only looked at."""
    names = ("id", "public_id", "adapter", "attempts", "valid_until")
    query = select(*(_ACTION.c[name] for name in names), cast(_ACTION.c.plan, Text).label("plan"))
    found = connection.execute(query.where(among(connection, _ACTION.c.id, actions))).all()
    tried = _attempts(connection, [row.id for row in found])
    return {row.id: _standing(row._asdict(), tried.get(row.id, ()), now) for row in found}


def _attempts(connection: Connection, actions: Collection[int]) -> dict[int, list[Any]]:
    query = select(_DELIVERY.c.action_id, _DELIVERY.c.started_at, _DELIVERY.c.finished_at, _DELIVERY.c.parcel)
    doubtful = (_DELIVERY.c.outcome == "unknown", _DELIVERY.c.settled == "")
    found: dict[int, list[Any]] = {}
    for row in connection.execute(
        query.where(among(connection, _DELIVERY.c.action_id, actions), *doubtful).order_by(_DELIVERY.c.id)
    ):
        found.setdefault(row.action_id, []).append(row)
    return found


def _standing(row: Mapping[str, Any], tried: Sequence[Any], now: datetime) -> Standing:
    return Standing(
        **{name: value for name, value in row.items() if name != "plan"},
        if_unknown=json.loads(row["plan"]).get("if_unknown", ASK),
        since=tried[0].started_at if tried else now,
        ended=max((one.finished_at or now for one in tried), default=now),
        doubtful=len(tried),
        parcel=tried[-1].parcel if tried else "",
    )


def again(connection: Connection, actions: Collection[int], why: str) -> None:
    """These are sent again."""
    ready = update(_ACTION).where(among(connection, _ACTION.c.id, actions), _ACTION.c.state == State.UNKNOWN)
    connection.execute(ready.values(state=State.READY, reason=why))


def put_off(connection: Connection, actions: Collection[int], until: datetime) -> None:
    """These are not looked at again before an instant."""
    connection.execute(update(_ACTION).where(among(connection, _ACTION.c.id, actions)).values(due_at=until))


def change(connection: Connection, ends: Sequence[Mapping[str, Any]]) -> None:
    """What comes of actions in doubt: mappings of id and the columns that change, all with the same."""
    rows.change(connection, _ACTION, ends)
