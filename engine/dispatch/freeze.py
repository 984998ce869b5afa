"""What an action says, once and for all: facts of the moment and templates become the frozen content of a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from engine.core.actions import Plan
from engine.core.calendar import local_date
from engine.core.facts import Address, Customer
from engine.core.keys import keyed_hash, short_code
from engine.core.messages import Email, Invite, Note, Plain, Reward, Task
from engine.core.money import exponent, to_minor
from engine.core.permission import INTERNAL_CHANNELS
from engine.core.wording import said_in
from engine.dispatch.mime import ascii_address
from engine.dispatch.render import Templates

Body = Email | Note | Reward | Invite | Task | Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The shop, as its mails and cards show it."""

    name: str
    email: str
    phone: str = ""
    website: str = ""
    signature: str = ""
    privacy: str = ""
    address: Address = field(default_factory=Address)
    locale: str
    currency: str
    time_zone: str
    referral_link: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is known when the content is written."""

    public_id: str
    dedupe_key: str
    purpose: str
    channel: str
    plan: Plan
    facts: Mapping[str, Any]  # what triggered it: title, event, years, day
    customer: Customer
    tier: str
    since: date | None  # the customer's first purchase
    now: datetime
    until: datetime | None = None  # after that it no longer makes sense


def referral_code(key: str, customer: str) -> str:
    """The customer's own code: the same every time, and not to be guessed from another's."""
    return short_code(key, "referral", customer)


def unsubscribe_token(key: str, customer: str) -> str:
    """What a customer's wish to hear no more is known by; it never expires."""
    return keyed_hash(key, "unsubscribe", customer)[:20]


def body(moment: Moment, sender: Sender, templates: Templates) -> Body:
    """The content of an action. Raises RuleError when its template cannot be filled, ValueError for a reward of no
    whole minor units."""
    customer, plan = moment.customer, moment.plan
    ours = moment.channel in INTERNAL_CHANNELS  # our own people read the shop's language, whatever the customer reads
    locale = sender.locale if ours else customer.locale or sender.locale
    if moment.channel == "reward":
        return _reward(moment, sender)
    if moment.channel == "referral":
        code = referral_code(sender.key, customer.ref)
        return Invite(code=code, link=sender.referral_link.format(code=code))
    values = context(moment, sender)
    if moment.channel == "email":
        return _email(moment, sender, templates, locale, values)
    if moment.channel == "task":
        return _task(moment, sender, templates, values)
    text = templates.text(plan.template, locale, values)
    if moment.channel == "note":
        return Note(
            text=text,
            signature=sender.signature or sender.name,
            seed=moment.dedupe_key,
            recipient=customer.name,
            address=customer.address,
            sender=sender.name,
            sender_address=sender.address,
            locale=locale,
        )
    return Plain(title=_title(moment, locale), text=text)


def _email(moment: Moment, sender: Sender, templates: Templates, locale: str, values: Mapping[str, Any]) -> Email:
    mail = templates.email(moment.plan.template, locale, values)
    address, headers = ascii_address(sender.email), {}
    if moment.purpose != "transactional":
        headers["List-Unsubscribe"] = f"<{_unsubscribe(address, moment, sender)}>"  # RFC 2369, 3.2
    return Email(
        sender_name=sender.name,
        sender_address=sender.email,
        to_name=moment.customer.name,
        to_address=moment.customer.email,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        message_id=_message_id(moment, sender),
        date=format_datetime(moment.now),
        headers=headers,
    )


def _task(moment: Moment, sender: Sender, templates: Templates, values: Mapping[str, Any]) -> Task:
    why = _title(moment, sender.locale)
    title, text = templates.titled(moment.plan.template, sender.locale, values)
    return Task(
        title=title or why,
        text=text,
        customer=moment.customer.name,
        reference=moment.customer.ref,
        why=why,
        until=moment.until.isoformat() if moment.until else "",
        sender_name=sender.name,
        sender_address=sender.email,
        message_id=_message_id(moment, sender),
        date=format_datetime(moment.now),
    )


def _message_id(moment: Moment, sender: Sender) -> str:
    return f"<{moment.public_id}@{ascii_address(sender.email).rpartition('@')[2]}>"


def _title(moment: Moment, locale: str) -> str:
    """What the rule does, in the reader's words."""
    return said_in(moment.facts.get("title", ""), locale)


def _reward(moment: Moment, sender: Sender) -> Reward:
    options = moment.plan.options
    reason = _title(moment, moment.customer.locale or sender.locale)
    if "points" in options:
        return Reward(amount=int(options["points"]), unit="points", reason=reason)
    amount = to_minor(Decimal(str(options["amount"])), sender.currency)
    return Reward(amount=amount, unit=sender.currency, reason=reason)


def context(moment: Moment, sender: Sender) -> dict[str, Any]:
    """What a template may say, as plain values; docs/templates.md lists the names."""
    customer, place = moment.customer, sender.address
    code = referral_code(sender.key, customer.ref)
    points = moment.facts.get("points")
    return {
        "shop": {
            "name": sender.name,
            "email": sender.email,
            "phone": sender.phone,
            "website": sender.website,
            "signature": sender.signature or sender.name,
            "street": place.street,
            "postcode": place.postcode,
            "city": place.city,
            "region": place.region,
            "privacy": sender.privacy,
        },
        "customer": {
            "ref": customer.ref,
            "name": customer.name,
            "given_name": customer.given_name,
            "family_name": customer.family_name,
            "company": customer.company,
            "email": customer.email,
            "phone": customer.phone,
            "city": customer.address.city,
            "since": moment.since,
        },
        "event": _event(moment.facts.get("event") or {}, sender),
        "score": {"tier": moment.tier},
        "task": _work(moment, sender),
        "reward": {"points": points} if points else None,
        "referral": {"code": code, "link": sender.referral_link.format(code=code)},
        "today": local_date(moment.now, customer.time_zone or sender.time_zone),
        "years": moment.facts.get("years"),
        "day": moment.facts.get("day"),
        "unsubscribe": {"mailto": _unsubscribe(sender.email, moment, sender)},
    }


def _work(moment: Moment, sender: Sender) -> dict[str, Any] | None:
    """Why somebody is to do something, and until which day on the shop's clocks."""
    if moment.channel not in INTERNAL_CHANNELS:
        return None
    until = local_date(moment.until, sender.time_zone) if moment.until else None
    return {"why": _title(moment, sender.locale), "until": until}


def _unsubscribe(address: str, moment: Moment, sender: Sender) -> str:
    return f"mailto:{address}?subject={quote('STOP ' + unsubscribe_token(sender.key, moment.customer.ref))}"


def _event(payload: Mapping[str, Any], sender: Sender) -> dict[str, Any]:
    """The triggering event's payload: amounts in minor units, the day as a date."""
    values = dict(payload)
    if type(values.get("amount")) in (int, float):  # a shop may have declared a text of that name
        values["amount"] = round(Decimal(str(values["amount"])).scaleb(exponent(sender.currency)))
        values["currency"] = sender.currency
    if "occurred_on" in values:
        values["occurred_on"] = date.fromisoformat(values["occurred_on"])
    return values
