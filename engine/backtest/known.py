"""What a backtest reads of the store: everybody's past, as it happened. Nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from engine.backtest.period import Period
from engine.core.actions import PURCHASE
from engine.core.calendar import at_local, local_date
from engine.core.facts import Event
from engine.core.lookback import ABOUT_EVENTS, Lookback, lookbacks
from engine.decide.answered import Day, Happened
from engine.decide.dates import MOVING
from engine.decide.past import NOTHING, Life
from engine.decide.past_history import History, summed
from engine.decide.past_scores import Saved
from engine.decide.purchases import in_words
from engine.decide.replay_waits import kinds as waited_for
from engine.decide.rule import Rule
from engine.store import as_of, complaints, customers
from engine.store.permissions import address_hash

_EVER = datetime.min.replace(tzinfo=UTC)
_BOUGHT = frozenset(MOVING)
_NONE: Mapping[str, Sequence[tuple[int, Event]]] = {}


def histories(
    connection: Connection, asked: Sequence[Lookback], period: Period, currency: str
) -> dict[int, History]:  # fmt: skip
    """What these questions are about, by customer; nothing where none is asked."""
    kinds = {one.kind for one in asked if one.function in ABOUT_EVENTS}
    events: dict[int, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    for kind, customer, at in as_of.instants(connection, kinds, period.ends) if kinds else ():
        events[customer][kind].append(at)
    bought: dict[int, list[as_of.Bought]] = defaultdict(list)
    for one in as_of.bought(connection, period.ends) if any(one.function not in ABOUT_EVENTS for one in asked) else ():
        bought[one.customer].append(one)
    return {customer: _history(events[customer], bought[customer], currency) for customer in {*events, *bought}}


def _history(events: Mapping[str, list[datetime]], bought: Sequence[as_of.Bought], currency: str) -> History:
    paid = [one for one in bought if one.currency == currency]
    return History(
        events=events,
        sales=[one.at for one in bought if one.kind == "sale"],
        paid=[one.at for one in paid],
        sums=summed([one.amount_minor for one in paid]),
    )


def _sale(one: as_of.Bought) -> Event:
    paid = {"amount_minor": one.amount_minor, "currency": one.currency}
    return Event(customer="", kind=PURCHASE, ext_key="", occurred_at=one.at, payload=paid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a rule reads of everybody's past beside consents and complaints, by customer."""

    histories: Mapping[int, History]
    sales: Mapping[int, Sequence[tuple[datetime, int]]]
    events: Mapping[int, Mapping[str, Sequence[tuple[int, Event]]]]


def past(connection: Connection, rule: Rule, reads: Sequence[str], period: Period, currency: str) -> Past:
    """What a rule reads. reads: the names in its conditions."""
    on = rule.trigger.date
    waited = waited_for(rule)
    kinds = {*waited, *((on.kind,) if on is not None and on.kind else ())} - {PURCHASE}
    bought: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for customer, at, day in as_of.sales(connection, period.ends) if _BOUGHT & {*reads, on.reads if on else ""} else ():
        bought[customer].append((at, day))
    events: dict[int, dict[str, list[tuple[int, Event]]]] = defaultdict(lambda: defaultdict(list))
    for one in as_of.happened(connection, kinds, _EVER, period.ends) if kinds else ():
        events[one.customer_id][one.facts.kind].append((one.id, one.facts))
    for sale in as_of.bought(connection, period.ends) if PURCHASE in waited else ():
        if sale.amount_minor >= 0:
            events[sale.customer][PURCHASE].append((0, in_words(_sale(sale), currency)))
    return Past(histories=histories(connection, lookbacks(reads), period, currency), sales=bought, events=events)


def lives(connection: Connection, period: Period, key: str, past: Past) -> list[Life]:
    """Everybody, in the order of their keys. key: the workspace's, under which addresses are hashed."""
    first, heard_of = as_of.first_purchases(connection), as_of.first_heard_of(connection)
    said, suppressed = as_of.consents(connection), as_of.suppressions(connection)
    open_from = complaints.turns(connection, period.ends)
    found = []
    for known in customers.load(connection).values():
        facts, since, consents = known.facts, first.get(known.id), said.get(known.id, ())
        contact = facts.first_contact_on
        earliest = [heard_of[known.id], since, consents[0].at if consents else None]
        earliest.append(at_local(contact, time(0), period.time_zone) if contact else None)
        hashed = address_hash(key, facts.email) if suppressed and facts.email else ""
        found.append(
            Life(
                id=known.id,
                facts=facts,
                time_zone=facts.time_zone or period.time_zone,
                since=since,
                known_from=min(at for at in earliest if at is not None),
                consents=tuple(consents),
                suppressions=tuple(suppressed.get(hashed, ())),
                complaints=tuple(open_from.get(known.id, ())),
                history=past.histories.get(known.id, NOTHING),
                sales=tuple(past.sales.get(known.id, ())),
                events=past.events.get(known.id, _NONE),
            )
        )
    return found


def saved(connection: Connection, saves: Sequence[as_of.Save], *, first: bool) -> Iterator[Saved]:
    """The scores of these saves, read when asked for. first: whether the first of them is the store's first."""
    for number, save in enumerate(saves):
        yield Saved(at=save.at, run=save.run, columns=as_of.saved(connection, save), first=first and number == 0)


def happened(
    connection: Connection, kind: str, period: Period, places: dict[int, int], day: Callable[[date], None]
) -> Iterator[Happened]:
    """The events of a kind, as they occurred. day: told of each day before its first event."""
    last = None
    for one in as_of.happened(connection, [kind], period.begins, period.ends):
        today = local_date(one.facts.occurred_at, period.time_zone)
        if today != last:
            day(today)
            last = today
        yield Happened(place=places[one.customer_id], id=one.id, source=one.source, event=one.facts)


def stops(connection: Connection, kinds: Sequence[str], period: Period) -> dict[int, list[Event]]:
    """The events that may end a journey, by customer; purchases too, as if they were events."""
    found: dict[int, list[Event]] = defaultdict(list)
    for one in as_of.happened(connection, kinds, period.begins, period.ends) if kinds else ():
        found[one.customer_id].append(one.facts)
    for customer, at, _ in as_of.sales(connection, period.ends) if PURCHASE in kinds else ():
        found[customer].append(Event(customer="", kind=PURCHASE, ext_key="", occurred_at=at))
    return found


def days(connection: Connection, period: Period, score_hour: int) -> list[Day]:
    """Each day with the instant at which dates and everybody were looked at: when everybody had been scored.

    score_hour: when that is on days without a scoring.
    """
    scored: dict[date, datetime] = {}
    for at in as_of.scorings(connection, period.begins, period.ends):
        scored.setdefault(local_date(at, period.time_zone), at)
    number = (period.until - period.since).days + 1
    each = (period.since + timedelta(days=ahead) for ahead in range(number))
    return [Day(day=day, at=scored.get(day) or at_local(day, time(score_hour), period.time_zone)) for day in each]
