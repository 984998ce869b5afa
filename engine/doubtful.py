"""What is known of actions of which nobody knows whether they went out, and what comes of each by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.dispatch.doubt import Way, settle
from engine.dispatch.stage.settle import as_doubt
from engine.store import outbox, settlements
from engine.store.settlements import Standing

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.app import App


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One doubt. said: what came of the last attempt. by_itself: what Premura will do, not before `at`; or nothing.

    resolve: the commands by which a person ends it: it went out, it did not.
    """

    attempts: int
    last_at: datetime | None
    adapter: str
    said: str
    by_itself: str
    at: datetime | None
    resolve: tuple[str, str]


def known(app: App, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[int, Known]:
    """What is known of these actions, rows of the outbox in state unknown, by their keys."""
    ids = [row["id"] for row in rows]
    tried, standings = outbox.attempts(connection, ids), settlements.standings(connection, ids, app.clock())
    return {row["id"]: _known(app, row, tried.get(row["id"], []), standings[row["id"]]) for row in rows}


def _known(app: App, row: Mapping[str, Any], tried: Sequence[Mapping[str, Any]], standing: Standing) -> Known:
    last = next((one for one in reversed(tried) if one["attempt"]), None)  # what never went says nothing
    by_itself, at = _next(app, standing)
    command = f"premura actions resolve {row['public_id'][-8:]}"
    return Known(
        attempts=row["attempts"],
        last_at=last["started_at"] if last else None,
        adapter=row["adapter"],
        said=" ".join(part for part in (last["provider_ref"], last["detail"]) if part) if last else row["reason"],
        by_itself=by_itself,
        at=at,
        resolve=(f"{command} --sent", f"{command} --not-sent"),
    )


def _next(app: App, standing: Standing) -> tuple[str, datetime | None]:
    adapter = app.adapters.get(standing.adapter)
    if adapter is None:
        return "", None
    found = settle(as_doubt(standing, adapter), adapter, now=app.clock())
    return ("", None) if found.way is Way.PERSON else (found.why, found.at)
