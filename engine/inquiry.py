"""What people ask of a workspace: explain, ledger, customer, actions. Nothing is changed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from engine import doubtful
from engine.core.actions import State
from engine.core.calendar import zone
from engine.core.facts import Score
from engine.core.money import micro_text, to_major
from engine.core.permission import Standing
from engine.errors import UsageError
from engine.store import actions as outbox_actions
from engine.store import customers, decisions, outbox, permissions, score_history, scores, transactions
from engine.store import ledger as book

if TYPE_CHECKING:
    from engine.app import App
    from engine.explain import Known


def explain(app: App, words: str, rule: str | None, at: datetime | None = None) -> dict[str, Any]:
    """Everything that was decided about a customer, with reasons, actions and journeys; and why a rule said nothing.

    at: as it was known at that instant; what came of each decision is told as it stands now.
    """
    from engine import explain as told_by  # it brings the rules, which nothing else here needs

    if at is not None and at > app.clock():
        local = at.astimezone(zone(app.settings.shop.time_zone))
        raise UsageError(f"--at: {local:%Y-%m-%d %H:%M} lies ahead, and nobody knows yet")
    with app.store.read() as connection:
        one = one_customer(connection, words)
        known = told_by.known_at(app, connection, one, at)
        rows = [dict(row) for row in decisions.of_customer(connection, one.id, rule)]
        rules = told_by.wanted(app, rule, rows)
        said = [row for row in rows if row["decided_at"] <= known.now]
        steps = outbox_actions.of_journeys(connection, [row["journey_id"] for row in said if row["journey_id"]])
    for row in said:
        row["actions"] = [told(step) for step in steps if step.journey_id == row["journey_id"]]
    worth = known.worth
    return {
        "customer": one.facts.ref,
        "name": one.facts.name,
        "at": at,
        "score": _score(one, worth.facts, worth.scored_at) if worth else None,
        "permissions": _permissions(known.standing),
        "decisions": said,
        "why": "" if said else _silence(known),
        "rules": [
            told_by.answer(app, known, each, [row for row in rows if row["rule_id"] == each.id]) for each in rules
        ],
    }


def _silence(known: Known) -> str:
    if not known.happened:
        return "nothing has happened to them that a rule waits for"
    if waiting := sum(one.id in known.new for one in known.happened):
        return f"{waiting} events wait for premura decide"
    return f"their {len(known.happened)} events lie before the shop's start, or no rule waits for their kinds"


def ledger(app: App, words: str) -> dict[str, Any]:
    """A customer's ledger entries and balances."""
    with app.store.read() as connection:
        known = one_customer(connection, words)
        ref = known.facts.ref
        return {
            "customer": ref,
            "name": known.facts.name,
            "entries": [dict(entry) for entry in book.of_customer(connection, ref)],
            "balance": book.balances(connection, f"customer:{ref}"),
        }


def customer(app: App, words: str, instant: datetime | None = None) -> dict[str, Any]:
    """A customer's facts, permissions and purchases, and the score: that of now, or as it was known at an instant."""
    with app.store.read() as connection:
        known = one_customer(connection, words)
        facts = asdict(known.facts)
        address = facts.pop("address")
        return {
            "facts": {**facts, **address},
            "score": _score_then(connection, known, instant),
            "permissions": _permissions(
                permissions.standings(connection, {known.id: known.facts}, app.key)[known.id]
            ),
            "purchases": [
                (row.occurred_at.date().isoformat(), f"{to_major(row.amount_minor, row.currency)} {row.currency}",
                 f"reverses {row.reverses}" if row.reverses else row.ext_key)
                for row in transactions.of_customer(connection, known.id)
            ],
        }  # fmt: skip


def _score_then(connection: Connection, known: customers.Known, instant: datetime | None) -> dict[str, Any] | None:
    if instant is None:
        now = scores.load(connection, [known.id]).get(known.id)
        return _score(known, now.facts, now.scored_at) if now else None
    then = score_history.as_of(connection, known.id, instant)
    return _score(known, then.facts, then.scored_at) if then else None


def _score(known: customers.Known, facts: Score, scored_at: datetime) -> dict[str, Any]:
    return asdict(facts) | {"customer": known.facts.ref, "scored_at": scored_at}


def actions(app: App, state: str) -> list[dict[str, Any]]:
    """Actions, of one state or of all."""
    if state and state not in [known.value for known in State]:
        raise UsageError(f"--state: '{state}' is none of {', '.join(State)}")
    with app.store.read() as connection:
        rows = outbox_actions.listing(connection, State(state) if state else None)
        doubts = doubtful.known(app, connection, [row for row in rows if row["state"] == State.UNKNOWN])
    return [
        {
            "id": row["public_id"],
            "rule": row["rule_id"],
            "step": row["step"],
            "channel": row["channel"],
            "customer": row["ref"],
            "name": " ".join(part for part in (row["given_name"], row["family_name"]) if part) or row["company"],
            "state": row["state"],
            "reason": row["reason"],
            "due_at": row["due_at"],
            "valid_until": row["valid_until"],
            "provider_ref": row["provider_ref"],
            **({"doubt": doubts[row["id"]]} if row["id"] in doubts else {}),
        }
        for row in rows
    ]


def action(app: App, public_id: str) -> dict[str, Any]:
    """One action whole: content, state and attempts."""
    with app.store.read() as connection:
        found = action_by_id(connection, public_id)
        known = customers.load(connection, [found.customer_id])[found.customer_id]
        attempts = [dict(row) for row in outbox.attempts_of(connection, found.id)]
    return {
        **told(found),
        "rule": found.rule_id,
        "version": found.rule_hash[:8],
        "customer": known.facts.ref,
        "adapter": found.adapter,
        "valid_until": found.valid_until,
        "unit_cost": micro_text(found.unit_cost_micro, app.settings.shop.currency),
        "payload": found.payload,
        "attempts": attempts,
    }


def one_customer(connection: Connection, words: str) -> customers.Known:
    """The one customer that is meant. Raises UsageError when there is none, or more than one."""
    found = customers.find(connection, words)
    if not found:
        raise UsageError(f"no customer has the reference, e-mail or name '{words}'")
    if len(found) > 1:
        some = ", ".join(f"{known.facts.ref} {known.facts.name}".strip() for known in found[:5])
        raise UsageError(f"'{words}' may be {some}{' and more' if len(found) > 5 else ''}: say the reference")
    return found[0]


def _permissions(standing: Standing) -> list[str]:
    lines = [f"suppressed on {found.channel}: {found.reason}" for found in standing.suppressions]
    if standing.open_complaint:
        lines.append("a complaint is open")
    lines += [
        f"{record.at.date().isoformat()}: {'yes' if record.given else 'no'} to {record.purpose} by {record.channel}"
        + (f" ({record.source})" if record.source else "")
        for record in standing.consents
    ]
    return lines or ["has given no consent"]


def action_by_id(connection: Connection, public_id: str) -> outbox_actions.Action:
    """The one action whose id ends so. Raises UsageError when there is none, or more than one."""
    found = outbox_actions.find(connection, public_id)
    if len(found) != 1:
        raise UsageError(f"{'several actions have' if found else 'no action has'} an id that ends in '{public_id}'")
    return found[0]


def told(found: outbox_actions.Action) -> dict[str, Any]:
    """An action as people are shown it."""
    return {
        "id": found.public_id,
        "step": found.step,
        "channel": found.channel,
        "state": found.state.value,
        "reason": found.reason,
        "due_at": found.due_at,
        "provider_ref": found.provider_ref,
    }
