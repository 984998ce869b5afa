"""Dates that come near start rules; what began for a date that has moved since is stopped."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, time

from sqlalchemy import Connection

from engine.core.calendar import at_local
from engine.decide import dates, triggers
from engine.decide.dates import DateTrigger
from engine.decide.moment import Occasion
from engine.decide.rule import Rule
from engine.decide.situation import Situation
from engine.decide.stage.asking import Asking
from engine.decide.stage.look import Look
from engine.decide.stage.policy import BATCH
from engine.store import customers, decisions, latest, rule_versions
from engine.store import dates as store_dates
from engine.store.dates import Sought
from engine.store.session import in_pieces

MANY = 20_000  # from so many customers that changed on, it is quicker to look at all


def ask_dates(stage: Asking, rule: Rule, on: DateTrigger, look: Look) -> None:
    """What began for a date that has moved since is stopped; the rule is asked about whose date is near now."""
    keys: Collection[int] | None = None
    with stage.store.read() as connection:
        if look.again:
            keys = latest.touched(connection, look.at, look.beyond, kind=on.kind, limit=MANY)
            keys = None if len(keys) == MANY else keys
        if keys is not None and not keys:
            return
        pending = decisions.pending(connection, rule.id, keys)
    _stop_moved(stage, pending, look.today)
    first, last = dates.sought(on, look.since, triggers.reach(rule, look.today, stage.policy.lead_days))
    sought = Sought(first=first, last=last, yearly=on.yearly)
    with stage.store.read() as connection:
        found = _candidates(stage, connection, on, sought, look.today, keys)
    for some in in_pieces(found, BATCH):
        with stage.store.read() as connection:
            questions = _near(stage, connection, rule, on, some, look)
        if questions:
            with stage.store.write() as connection:
                stage.ask(connection, stage.round(connection, {key for _, key, _ in questions}, [rule]), questions)


def _candidates(
    stage: Asking, connection: Connection, on: DateTrigger, sought: Sought, today: date, keys: Collection[int] | None
) -> list[int]:
    if on.kind:
        field = on.reads.removeprefix("event.")
        return store_dates.of_events(connection, on.kind, field, sought, now=stage.now, keys=keys)
    name = on.reads.removeprefix("customer.")
    return store_dates.of_customers(connection, name, sought, today=today, keys=keys)


def _near(
    stage: Asking, connection: Connection, rule: Rule, on: DateTrigger, some: Collection[int], look: Look
) -> list[tuple[Rule, int, Occasion]]:
    """The questions about some customers that are due now and have no answer yet."""
    travels, questions = stage.policy.lead_days, []
    for key, (it, event_id) in _situations(stage, connection, on, some).items():
        day = dates.origin(on, it, stage.policy.words)
        if day is None:
            continue
        for one, years in triggers.due(rule, on, day, since=look.since, today=look.today, travels=travels):
            anchor = at_local(one, time(0), it.time_zone)
            why = Occasion(occurrence=one.isoformat(), anchor=anchor, event=it.event, event_id=event_id, years=years)
            questions.append((rule, key, why))
    decided = decisions.decided(connection, {(key, why.occurrence) for _, key, why in questions})
    return [one for one in questions if (rule.id, one[1], one[2].occurrence) not in decided]


def _situations(
    stage: Asking, connection: Connection, on: DateTrigger, some: Collection[int]
) -> dict[int, tuple[Situation, int | None]]:
    """What a date is read from, of some customers, with the key of the event that it comes from."""
    events_ = latest.last_events(connection, on.kind, some, stage.now) if on.kind else {}
    bought = stage.purchases(connection, some, {on.reads})
    found: dict[int, tuple[Situation, int | None]] = {}
    for key, known in customers.load(connection, some).items():
        event = events_.get(key)
        situation = Situation(
            customer=known.facts,
            now=stage.now,
            time_zone=known.facts.time_zone or stage.policy.time_zone,
            currency=stage.policy.currency,
            event=event.facts if event else None,
            first_purchase_at=bought.first.get(key),
            last_purchase_at=bought.last.get(key),
            purchase_days=bought.days.get(key, ()),
        )
        found[key] = situation, event.id if event else None
    return found


def _stop_moved(stage: Asking, pending: Sequence[decisions.Pending], today: date) -> None:
    """End journeys whose date is another by now, each by the rule as it was when the journey began."""
    for digest in dict.fromkeys(one.rule_hash for one in pending):
        with stage.store.read() as connection:
            text = rule_versions.text(connection, digest)
        on = dates.read(tomllib.loads(text).get("on", {}), stage.policy.words)
        if on is None:  # it did not wait for a date then, or for one that nobody declares any more
            continue
        for some in in_pieces([one for one in pending if one.rule_hash == digest], BATCH):
            with stage.store.write() as connection:
                customers.hold(connection, {one.customer_id for one in some})
                for reason, moved in _moved(stage, connection, on, some, today).items():
                    decisions.stop_journeys(connection, moved, reason, stage.now)
                    stage.summary.stopped += len(moved)


def _moved(
    stage: Asking, connection: Connection, on: DateTrigger, some: Sequence[decisions.Pending], today: date
) -> dict[str, list[int]]:
    """The journeys of these that have become pointless, by the reason."""
    situations = _situations(stage, connection, on, {one.customer_id for one in some})
    found: dict[str, list[int]] = defaultdict(list)
    for one in some:
        it, _ = situations[one.customer_id]
        day = date.fromisoformat(one.occurrence)
        reason = dates.has_moved(on, dates.origin(on, it, stage.policy.words), day, today)
        if reason:
            found[reason].append(one.id)
    return found
