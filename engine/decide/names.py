"""The names that a condition may use: declared once, with type, meaning and where the value comes from.

`docs/rules.md` shows the same table, and a test compares the two. Money is in whole units of the shop's currency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from engine.core import calendar, money
from engine.core.condition import Type, Value
from engine.decide.purchases import next_purchase
from engine.decide.situation import Situation, Situations, begins, convert, converted, full_years

Read = Callable[[Situation, datetime], Value | None]
"""From a situation and its `now` on the customer's clock."""
ReadAll = Callable[[Situations], Sequence[Value | None]]
"""The same of many situations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One name. `meaning` is a line of the documentation; `read_all`: from many at once, where that is quicker."""

    name: str
    type: Type
    meaning: str
    read: Read = field(repr=False)
    read_all: ReadAll | None = field(default=None, repr=False)


def payload(name: str, kind: Type) -> Field:
    """The name of a field that the event carries."""

    def read(it: Situation, _: datetime) -> Value | None:
        return convert(it.event.payload.get(name), kind, it.time_zone) if it.event else None

    def read_all(them: Situations) -> list[Value | None]:
        return converted([event.payload.get(name) for event in them.events], kind, them.zones)

    return Field(name=f"event.{name}", type=kind, meaning="a field of the event", read=read, read_all=read_all)


def attribute(name: str, kind: Type) -> Field:
    """The name of an attribute that the shop keeps of its customers."""

    def read(it: Situation, _: datetime) -> Value | None:
        return convert(it.customer.attributes.get(name), kind, it.time_zone)

    return Field(name=f"customer.attributes.{name}", type=kind, meaning="an attribute of the customer", read=read)


def _field(name: str, kind: Type, meaning: str, read: Read) -> Field:
    return Field(name=name, type=kind, meaning=meaning, read=read)


def _text(name: str, meaning: str) -> Field:
    return _field(f"customer.{name}", Type.STRING, meaning, lambda it, _: getattr(it.customer, name) or None)


def _place(name: str, meaning: str) -> Field:
    return _field(f"customer.{name}", Type.STRING, meaning, lambda it, _: getattr(it.customer.address, name) or None)


def _of_score(which: Callable[[Situation], Any], name: str) -> Read:
    """A value of a score; None for a customer without one."""

    def plain(it: Situation, _: datetime) -> Any:
        score = which(it)
        return None if score is None else getattr(score, name)

    def said(it: Situation, now: datetime) -> Any:
        return plain(it, now) or None

    def money_of(it: Situation, now: datetime) -> Any:
        value = plain(it, now)
        return None if value is None else value / 10 ** money.exponent(it.currency)

    return money_of if name.endswith("_minor") else said if name == "tier" else plain


def _score(name: str, kind: Type, meaning: str, source: str = "") -> Field:
    source = source or name
    return _field(f"score.{name}", kind, meaning, _of_score(attrgetter("score"), source))


def _previous(name: str, kind: Type, source: str = "") -> Field:
    source, meaning = source or name, f"`score.{name}` before its last change"
    return _field(f"score.prev_{name}", kind, meaning, _of_score(attrgetter("previous"), source))


def _event(name: str, kind: Type, meaning: str) -> Field:
    said = attrgetter(name)
    return Field(
        name=f"event.{name}",
        type=kind,
        meaning=meaning,
        read=lambda it, _: getattr(it.event, name, None),
        read_all=lambda them: list(map(said, them.events)),
    )


def _now(name: str, kind: Type, meaning: str, read: Callable[[datetime], Value]) -> Field:
    def read_all(them: Situations) -> list[Value | None]:
        said = {tz: read(clock) for tz, clock in them.clocks.items()}
        return [said[tz] for tz in them.zones]

    return Field(name=f"now.{name}", type=kind, meaning=meaning, read=lambda _, now: read(now), read_all=read_all)


def _first_day(it: Situation) -> date | None:
    return None if it.first_purchase_at is None else calendar.local_date(it.first_purchase_at, it.time_zone)


def _days(since: date | None, now: datetime) -> int | None:
    return None if since is None else (now.date() - since).days


def _has_address(it: Situation, _: datetime) -> bool:
    return bool(it.customer.address.street and it.customer.address.city)


CUSTOMER: tuple[Field, ...] = (
    _text("ref", "the shop's own number of the customer"),
    _text("given_name", "first name"),
    _text("family_name", "last name"),
    _text("company", "company"),
    _text("email", "e-mail address"),
    _text("locale", "language and country, such as 'it_IT'"),
    _text("source", "how the customer came to the shop"),
    _text("household", "key of all who live together; see [households](#households)"),
    _place("city", "town of the postal address"),
    _place("region", "province or state code of the postal address"),
    _place("country", "country code of the postal address, such as 'IT'"),
    _field("customer.has_email", Type.BOOL, "there is an e-mail address", lambda it, _: bool(it.customer.email)),
    _field("customer.has_address", Type.BOOL, "there is a street and a town to send a card to", _has_address),
    _field(
        "customer.has_open_complaint", Type.BOOL, "a complaint is not settled yet", lambda it, _: it.has_open_complaint
    ),
    _field(
        "customer.birthday",
        Type.TIMESTAMP,
        "day of birth, at midnight",
        lambda it, _: begins(it.customer.birthday, it.time_zone),
    ),
    _field(
        "customer.age", Type.INT, "full years of life", lambda it, now: full_years(it.customer.birthday, now.date())
    ),
    _field(
        "customer.first_contact",
        Type.TIMESTAMP,
        "day of the first contact, at midnight",
        lambda it, _: begins(it.customer.first_contact_on, it.time_zone),
    ),
    _field(
        "customer.days_since_first_contact",
        Type.INT,
        "days since the first contact",
        lambda it, now: _days(it.customer.first_contact_on, now),
    ),
    _field("customer.first_purchase", Type.TIMESTAMP, "the first purchase", lambda it, _: it.first_purchase_at),
    _field(
        "customer.years_since_first_purchase",
        Type.INT,
        "full years since the first purchase",
        lambda it, now: full_years(_first_day(it), now.date()),
    ),
    _field("customer.last_purchase", Type.TIMESTAMP, "the last purchase", lambda it, _: it.last_purchase_at),
    _field(
        "customer.next_purchase",
        Type.TIMESTAMP,
        "day on which the next order is to be expected, at midnight; see [dates](#dates)",
        lambda it, _: begins(next_purchase(it.purchase_days), it.time_zone),
    ),
)
SCORE: tuple[Field, ...] = (
    _score("p_alive", Type.DOUBLE, "probability, 0 to 1, that the customer will ever buy again"),
    _score("clv", Type.DOUBLE, "what the customer is expected to bring over the horizon, in money", "clv_minor"),
    _score("percentile", Type.DOUBLE, "place by value among all customers, 0 to 1; 1 is the best"),
    _score("tier", Type.STRING, "name of the value band, such as 'gold'"),
    _score("expected_purchases", Type.DOUBLE, "purchases to expect over the horizon"),
    _score("expected_spend", Type.DOUBLE, "money to expect from one purchase", "expected_spend_minor"),
    _score("monetary", Type.DOUBLE, "mean spend on a day with a repeat purchase", "monetary_minor"),
    _score("frequency", Type.INT, "days with a repeat purchase"),
    _score("recency", Type.DOUBLE, "age at the last purchase, in time units (weeks, unless configured otherwise)"),
    _score("T", Type.DOUBLE, "age now, since the first purchase, in the same units"),
    _score("days_since_purchase", Type.INT, "days since the last purchase"),
    _previous("p_alive", Type.DOUBLE),
    _previous("clv", Type.DOUBLE, "clv_minor"),
    _previous("percentile", Type.DOUBLE),
    _previous("tier", Type.STRING),
)
EVENT: tuple[Field, ...] = (
    _event("kind", Type.STRING, "what happened, such as 'quote.sent'"),
    _event("occurred_at", Type.TIMESTAMP, "when it happened"),
)
NOW: tuple[Field, ...] = (
    _now("month", Type.INT, "1 to 12", lambda now: now.month),
    _now("day", Type.INT, "day of the month, 1 to 31", lambda now: now.day),
    _now(
        "weekday",
        Type.STRING,
        "'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun'",
        lambda now: calendar.DAYS[now.weekday()],
    ),
    _now("hour", Type.INT, "0 to 23", lambda now: now.hour),
    _now("local", Type.STRING, "date and time such as '2026-11-21 09:30'", lambda now: str(now)[:16]),
    _field("now.instant", Type.TIMESTAMP, "this instant, to compare with other timestamps", lambda it, _: it.now),
)
