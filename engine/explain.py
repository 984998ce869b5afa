"""What each rule has answered about a customer, or why it has not; now, or as it was known at an instant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from engine.core.calendar import at_local, local_date
from engine.core.condition import Value
from engine.core.facts import Score
from engine.core.lookback import lookbacks
from engine.core.permission import Standing
from engine.decide.rule import Rule
from engine.decide.shape import hint_at
from engine.decide.situation import Earlier, Situation
from engine.decide.why import Circumstances, Happened, why
from engine.errors import ConfigError, UsageError
from engine.store import (
    customers,
    events,
    history,
    latest,
    new_events,
    permissions,
    score_history,
    scores,
    transactions,
)

if TYPE_CHECKING:
    from engine.app import App

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """A score with the one before it; `waits`: decide has yet to look at it, which is not kept of past scores."""

    facts: Score
    previous: Earlier | None
    scored_at: datetime
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A customer as known at `now`. Names, addresses and attributes are not dated: they are always the last ones."""

    situation: Situation
    standing: Standing
    worth: Worth | None
    happened: Sequence[events.Stored]
    new: Collection[int]  # the keys of those that nobody had decided on

    @property
    def now(self) -> datetime:
        """The instant."""
        return self.situation.now


def known_at(app: App, connection: Connection, customer: customers.Known, at: datetime | None) -> Known:
    """What is known of a customer now, or was known at an instant."""
    key, shop = customer.id, app.settings.shop
    standing = permissions.standings(connection, {key: customer.facts}, app.key, at)[key]
    worth = _worth_now(connection, key) if at is None else _worth_then(connection, key, at)
    now = at or app.clock()
    today = local_date(now, shop.time_zone)
    first = transactions.first_of(connection, [key]).get(key)
    situation = Situation(
        customer=customer.facts,
        now=now,
        time_zone=customer.facts.time_zone or shop.time_zone,
        currency=shop.currency,
        score=worth.facts if worth else None,
        previous=worth.previous if worth else None,
        first_purchase_at=None if first is None or (at and first > at) else first,
        last_purchase_at=latest.last_purchases(connection, [key], today).get(key),
        purchase_days=latest.purchase_days(connection, [key], today).get(key, ()),
        has_open_complaint=standing.open_complaint,
        history=_answers(app, connection, customer, now),
    )
    happened = events.of_customer(connection, key, at)
    new = new_events.of_customer(connection, key, at)
    return Known(situation=situation, standing=standing, worth=worth, happened=happened, new=new)


def _answers(app: App, connection: Connection, customer: customers.Known, now: datetime) -> Mapping[str, Value]:
    """To all that the rules ask about the customer's history, by what had happened by then."""
    asked = lookbacks(name for rule in app.rules for name in rule.reads)
    shop = app.settings.shop
    past = history.Past(now=now, currency=shop.currency, time_zone=shop.time_zone)
    return history.answers(connection, asked, {customer.id: customer.facts.time_zone}, past)[customer.id]


def _worth_now(connection: Connection, customer: int) -> Worth | None:
    now = scores.load(connection, [customer]).get(customer)
    if now is None:
        return None
    waits = scores.is_undecided(connection, customer)
    return Worth(facts=now.facts, previous=now.previous, scored_at=now.scored_at, waits=waits)


def _worth_then(connection: Connection, customer: int, instant: datetime) -> Worth | None:
    story = [one for one in score_history.of_customer(connection, customer) if one.scored_at <= instant]
    if not story:
        return None
    previous = story[-2].facts if len(story) > 1 else None
    return Worth(facts=story[-1].facts, previous=previous, scored_at=story[-1].scored_at)


def wanted(app: App, rule: str | None, decided: Sequence[Row]) -> tuple[Rule, ...]:
    """The rules that are asked about, all or one; none if it is gone but has answered. Raises UsageError otherwise."""
    ids = [one.id for one in app.rules]
    if rule and rule not in ids and not decided:
        hint = hint_at(rule, ids) or "premura rules list shows what there is"
        raise UsageError(f"--rule: there is no rule '{rule}' (hint: {hint})")
    return tuple(one for one in app.rules if rule in (None, one.id))


def answer(app: App, known: Known, rule: Rule, decided: Sequence[Row]) -> dict[str, Any]:
    """The rule's last answer; or what it waits for, why nothing came, and what it would say.

    decided: all its decisions about the customer, later ones too.
    """
    before = [row for row in decided if row["decided_at"] <= known.now]
    told = why(rule, _circumstances(app, known, rule, decided))
    near = told.occurrence and told.occurrence not in [row["occurrence"] for row in before]
    if _is_settled(app, known, rule, before) and not near:
        text = f"answered on {local_date(before[-1]['decided_at'], app.settings.shop.time_zone)}"
        if rule.trigger.date is not None and not told.occurrence:
            text += f"; {told.text}"
        said = {"outcome": before[-1]["outcome"], "reasons": before[-1]["reasons"], "text": text}
        return {"rule": rule.id, "asked": True, "waits_for": rule.trigger.what, **said}
    said = {"outcome": told.outcome, "reasons": list(told.reasons), "text": told.text}
    return {"rule": rule.id, "asked": False, "waits_for": told.waits_for, **said}


def _is_settled(app: App, known: Known, rule: Rule, decided: Sequence[Row]) -> bool:
    """Whether the rule has answered about what is newest: the last event of its kind, or today."""
    if not decided:
        return False
    if rule.trigger.kind == "event":
        came = [one for one in known.happened if one.facts.kind == rule.trigger.what]
        newest = [one.id for one in came if one.facts.occurred_at <= known.now][-1:]
        return not newest or newest[0] in [row["event_id"] for row in decided]
    if rule.trigger.kind == "sweep":
        tz = app.settings.shop.time_zone
        return local_date(decided[-1]["decided_at"], tz) == local_date(known.now, tz)
    return True


def _circumstances(app: App, known: Known, rule: Rule, decided: Sequence[Row]) -> Circumstances:
    shop, worth, now = app.settings.shop, known.worth, known.now
    start = date.fromisoformat(shop.start) if shop.start else None
    begin = at_local(start, time(0), shop.time_zone) if start else None
    entered = [row["decided_at"] for row in decided if row["outcome"] == "act" and row["decided_at"] <= now]
    scored = f"score/{local_date(worth.scored_at, known.situation.time_zone)}" if worth else ""
    later = [row["occurrence"] for row in decided if row["decided_at"] > now]
    new = {*known.new, *(row["event_id"] for row in decided if row["decided_at"] > now)}
    return Circumstances(
        situation=known.situation,
        standing=known.standing,
        words=app.words,
        key=app.key,
        happened=tuple(
            Happened(
                event=one.facts,
                processed=one.id not in new,
                history=begin is not None and one.facts.occurred_at < begin,
            )
            for one in known.happened
        ),
        last_started=max(entered, default=None),
        score_waits=worth is not None and (worth.waits or scored in later),
        start=None if rule.trigger.date and len(later) < len(decided) else start,
        travels=_travels(app) if rule.trigger.date else {},
        workspace_holdout=app.settings.holdout.share,
    )


def _travels(app: App) -> Mapping[str, int]:
    """How many days the paper of each channel travels."""
    with suppress(ConfigError):  # an adapter's secret may not be at hand here, and explain writes to nobody
        return app.lead_days
    return {}
