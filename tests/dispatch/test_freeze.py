"""The content of actions: the same facts give the same bytes, for every channel and language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.actions import Plan
from engine.core.facts import Address, Customer
from engine.core.messages import Email, Invite, Note, Plain, Reward, Task
from engine.dispatch.freeze import Moment, body, context, referral_code, unsubscribe_token
from engine.dispatch.mime import to_bytes
from engine.dispatch.proof import sample_context
from engine.dispatch.render import Templates
from engine.errors import RuleError
from tests.dispatch.shop import KEY, SENDER, TEMPLATES
from tests.dispatch.words import shipped

NOW = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)  # in Rome it is the 11th already
GIULIA = Customer(
    ref="C-1",
    given_name="Giulia",
    family_name="D'Amico",
    email="giulia@mail.example",
    address=Address(street="Via Verdi 1", postcode="47032", city="Bertinoro", region="FC", country="IT"),
)
WORK = {"amount": 812.5, "what": "Caldaia nuova", "occurred_on": "2026-03-09"}
SPOKEN = Templates(TEMPLATES, locale="it_IT")


def moment(channel: str = "email", template: str = "", **change: Any) -> Moment:
    default = {"email": "email/hello", "note": "note/hello", "task": "task/call", "console": "task/call"}
    options = change.pop("options", {})
    plan = Plan(template=template or default.get(channel, ""), options=options)
    made = Moment(
        public_id="0199-a1",
        dedupe_key="care:C-1:2026:mail",
        purpose="relationship",
        channel=channel,
        plan=plan,
        facts={"title": "Grazie"},
        customer=GIULIA,
        tier="gold",
        since=date(2016, 3, 14),
        now=NOW,
    )
    return replace(made, **change)


def email(**change: Any) -> Email:
    found = body(moment(**change), SENDER, SPOKEN)
    assert isinstance(found, Email)
    return found


# Each channel


def test_a_mail() -> None:
    found = email()
    assert (found.sender_name, found.sender_address) == ("Bottega del Clima", "ciao@bottega.example")
    assert (found.to_name, found.to_address) == ("Giulia D'Amico", "giulia@mail.example")
    assert found.subject == "Ciao Giulia D'Amico"
    assert found.text == "Oggi è 11 marzo 2026.\n"
    assert "<p>Ciao Giulia D'Amico</p>" in found.html
    assert found.message_id == "<0199-a1@bottega.example>"
    assert parsedate_to_datetime(found.date) == NOW
    assert to_bytes(found)


def test_a_card_is_seeded_by_its_action() -> None:
    found = body(moment("note"), SENDER, SPOKEN)
    assert found == Note(
        text="Gentile Giulia D'Amico,\ngrazie.",
        signature="Marta e la squadra",
        seed="care:C-1:2026:mail",
        recipient="Giulia D'Amico",
        address=GIULIA.address,
        sender="Bottega del Clima",
        sender_address=SENDER.address,
        locale="it_IT",
    )


def test_a_card_of_a_shop_without_signature_or_address_is_signed_by_its_name() -> None:
    found = body(moment("note"), replace(SENDER, signature="", address=Address()), SPOKEN)
    assert isinstance(found, Note)
    assert (found.signature, found.sender_address) == ("Bottega del Clima", Address())


@pytest.mark.parametrize(
    ("currency", "options", "expected"),
    [
        ("EUR", {"points": 50}, (50, "points")),
        ("EUR", {"amount": "15.00"}, (1500, "EUR")),
        ("EUR", {"amount": "0.01"}, (1, "EUR")),
        ("JPY", {"amount": "1500"}, (1500, "JPY")),
        ("KWD", {"amount": "1.5"}, (1500, "KWD")),
    ],
)
def test_a_reward_is_points_or_minor_units(currency: str, options: dict[str, Any], expected: tuple[int, str]) -> None:
    found = body(moment("reward", options=options), replace(SENDER, currency=currency), SPOKEN)
    assert found == Reward(amount=expected[0], unit=expected[1], reason="Grazie")


@pytest.mark.parametrize(("currency", "amount"), [("EUR", "15.005"), ("JPY", "0.5")])
def test_a_reward_of_half_a_minor_unit_is_refused_and_not_cut_off(currency: str, amount: str) -> None:
    with pytest.raises(ValueError, match="more decimals"):
        body(moment("reward", options={"amount": amount}), replace(SENDER, currency=currency), SPOKEN)


def test_an_invite_carries_the_customers_own_code_in_its_link() -> None:
    found = body(moment("referral"), SENDER, SPOKEN)
    code = referral_code(KEY, "C-1")
    assert found == Invite(code=code, link=f"https://bottega.example/amici?invito={code}")


def test_words_for_a_screen() -> None:
    assert body(moment("console"), SENDER, SPOKEN) == Plain(title="Grazie", text="Chiamare Giulia D'Amico.")


def test_a_task_says_what_for_whom_why_and_until_when() -> None:
    found = body(moment("task", until=NOW + timedelta(days=2)), SENDER, SPOKEN)
    assert found == Task(
        title="Grazie",
        text="Chiamare Giulia D'Amico.",
        customer="Giulia D'Amico",
        reference="C-1",
        why="Grazie",
        until="2026-03-12T23:30:00+00:00",
        sender_name="Bottega del Clima",
        sender_address="ciao@bottega.example",
        message_id="<0199-a1@bottega.example>",
        date="Tue, 10 Mar 2026 23:30:00 +0000",
    )


LEAVING = {
    "task/leaving.it.txt.j2": "Subject: Chiamare {{ customer.name }}\n\n{{ customer.ref }} {{ task.why }}"
    " {{ task.until | date }}",
    "task/leaving.en.txt.j2": "Subject: Call\n\nCall.",
}


def test_a_task_may_have_a_subject_of_its_own_and_is_in_the_shops_language() -> None:
    asked = moment("task", "task/leaving", customer=replace(GIULIA, locale="en_GB"), until=NOW + timedelta(days=2))
    found = body(asked, SENDER, Templates(LEAVING, locale="it_IT"))
    assert isinstance(found, Task)
    assert (found.title, found.text) == ("Chiamare Giulia D'Amico", "C-1 Grazie 13 marzo 2026")


def test_a_title_is_in_the_language_of_who_reads_it() -> None:
    title = {"en": "Thank", "it": "Ringraziare"}
    english = replace(GIULIA, locale="en_GB")

    def made(channel: str, **more: Any) -> Any:
        asked = moment(channel, customer=english, options={"points": 5}, **more)
        return body(replace(asked, facts={**asked.facts, "title": title}), SENDER, SPOKEN)

    assert (made("task").title, made("task").why) == ("Ringraziare", "Ringraziare"), "our own people's"
    assert made("console").title == "Ringraziare"
    assert made("reward").reason == "Thank", "the customer's"


def test_the_date_that_a_rule_is_about_is_written_as_the_reader_does() -> None:
    words = {
        f"task/day.{language}.txt.j2": "{{ day | date('weekday') }}{% if not years %}!{% endif %}"
        for language in ("it", "en")
    }
    asked = moment("task", "task/day")
    asked = replace(asked, facts={"title": "Grazie", "day": "2026-03-05"})

    def text(locale: str) -> str:
        found = body(asked, replace(SENDER, locale=locale), Templates(words, locale=locale))
        assert isinstance(found, Task)
        return found.text

    assert (text("it_IT"), text("en_US")) == ("giovedì 5 marzo!", "Thursday, March 5!")


def test_a_moment_without_what_its_template_needs_is_refused_by_name() -> None:
    with pytest.raises(RuleError, match="T002"):
        email(template="email/work")


# The same every time


@pytest.mark.parametrize("channel", ["email", "note", "reward", "referral", "task"])
def test_the_same_moment_is_the_same_content(channel: str) -> None:
    asked = moment(channel, options={"points": 5})
    again = Templates(dict(reversed(TEMPLATES.items())), locale="it_IT")
    assert body(asked, SENDER, SPOKEN) == body(asked, SENDER, again)


def test_codes_and_tokens_that_customers_hold_already_stay_good() -> None:
    assert referral_code("demo", "C-1") == "3PJEZDVS"
    assert unsubscribe_token("demo", "C-1") == "ce8d301a70b54d396b2a"


@given(st.text(min_size=1), st.text(min_size=1))
def test_codes_are_customers_own_and_shops_own(one: str, other: str) -> None:
    same = one == other
    assert (referral_code(KEY, one) == referral_code(KEY, other)) == same
    assert (referral_code(one, "C-1") == referral_code(other, "C-1")) == same
    assert (unsubscribe_token(KEY, one) == unsubscribe_token(KEY, other)) == same


# Language and place


@pytest.mark.parametrize(
    ("locale", "subject"),
    [
        ("it_IT", "Ciao Giulia D'Amico"),
        ("it_CH", "Ciao Giulia D'Amico"),
        ("en_GB", "Hello Giulia D'Amico"),
        ("", "Ciao Giulia D'Amico"),
        ("de_DE", "Ciao Giulia D'Amico"),
        ("nonsense", "Ciao Giulia D'Amico"),
    ],
)
def test_the_customers_language_else_the_shops(locale: str, subject: str) -> None:
    assert email(customer=replace(GIULIA, locale=locale)).subject == subject


def test_where_neither_is_spoken_it_is_english() -> None:
    english = {name: text for name, text in TEMPLATES.items() if ".en." in name}
    found = body(moment(), SENDER, Templates(english, locale="it_IT"))
    assert isinstance(found, Email)
    assert found.subject == "Hello Giulia D'Amico"


@pytest.mark.parametrize(("zone", "today"), [("", 11), ("Europe/London", 10), ("Asia/Tokyo", 11)])
def test_today_is_the_customers_day(zone: str, today: int) -> None:
    asked = moment(customer=replace(GIULIA, time_zone=zone))
    assert context(asked, SENDER)["today"] == date(2026, 3, today)


# Headers


@pytest.mark.parametrize(("purpose", "there"), [("relationship", True), ("marketing", True), ("transactional", False)])
def test_one_may_leave_what_is_not_transactional(purpose: str, there: bool) -> None:
    headers = email(purpose=purpose).headers
    assert ("List-Unsubscribe" in headers) is there
    if there:
        token = unsubscribe_token(KEY, "C-1")
        assert unquote(headers["List-Unsubscribe"]) == f"<mailto:ciao@bottega.example?subject=STOP {token}>"


def test_a_shop_with_an_address_beyond_ascii_can_write_mails() -> None:
    found = body(moment(), replace(SENDER, email="ciao@forlì.example"), SPOKEN)
    assert isinstance(found, Email)
    assert found.message_id == "<0199-a1@xn--forl-tpa.example>"
    assert b"<mailto:ciao@xn--forl-tpa.example?subject=STOP%20" in to_bytes(found)


# What templates may say


def test_the_context_has_the_names_of_the_documented_one_and_no_more() -> None:
    asked = moment(facts={"title": "Grazie", "points": 150, "years": 10, "event": WORK})
    found, documented = context(asked, SENDER), sample_context()
    assert found.keys() == documented.keys()
    assert found["task"] is None, "no customer reads why our people do something"
    found |= context(replace(asked, channel="task"), SENDER)
    for name, value in documented.items():
        if isinstance(value, dict) and name != "event":
            assert found[name].keys() == value.keys(), name


def test_amounts_are_minor_units_with_their_currency_and_days_are_dates() -> None:
    event = context(moment(facts={"event": WORK}), SENDER)["event"]
    assert event == {
        "amount": 81250,
        "currency": "EUR",
        "what": "Caldaia nuova",
        "occurred_on": date(2026, 3, 9),
    }


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [
        ("EUR", 812.5, 81250),
        ("EUR", 0.1 + 0.2, 30),
        ("EUR", 1160, 116000),
        ("EUR", 1e7 + 0.07, 1000000007),
        ("JPY", 1500, 1500),
        ("KWD", 1.2345, 1234),
    ],
)
def test_amounts_come_out_to_the_cent(currency: str, amount: float, minor: int) -> None:
    event = context(moment(facts={"event": {"amount": amount}}), replace(SENDER, currency=currency))["event"]
    assert (event["amount"], event["currency"]) == (minor, currency)


@pytest.mark.parametrize("amount", ["dodici", None, True])
def test_what_a_shop_calls_amount_and_is_none_stays_as_it_is(amount: object) -> None:
    assert context(moment(facts={"event": {"amount": amount}}), SENDER)["event"] == {"amount": amount}


def test_an_amount_reads_as_the_language_writes_it() -> None:
    found = email(template="email/work", facts={"event": WORK})
    assert (found.subject, found.text) == ("Caldaia nuova", "812,50 €\n")


@pytest.mark.parametrize("facts", [{}, {"event": None, "points": 0, "years": None}])
def test_a_moment_without_event_reward_and_years_has_a_context_all_the_same(facts: dict[str, Any]) -> None:
    found = context(moment(facts=facts, since=None, tier=""), SENDER)
    assert (found["event"], found["reward"], found["years"]) == ({}, None, None)
    assert (found["customer"]["since"], found["score"]) == (None, {"tier": ""})


def test_the_context_is_plain_values_so_that_templates_reach_nothing_else() -> None:
    def plain(value: object) -> bool:
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(each) for key, each in value.items())
        return value is None or type(value) in (str, int, float, bool, date)

    found = context(moment(facts={"event": WORK, "points": 3, "years": 2}), SENDER)
    assert plain(found)
    assert KEY not in str(found)


@pytest.mark.parametrize("locale", ["it_IT", "en_GB", "de_DE"])
def test_every_shipped_template_can_be_filled_for_a_customer_of_whom_little_is_known(locale: str) -> None:
    templates = Templates(shipped(), locale="it_IT")
    event = {**WORK, "reference": "P-1", "technician": "Luca", "ends_on": "2027-03-09", "code": "7KQ2M9XA"}
    bare = Customer(ref="C-9", email="nobody@mail.example", locale=locale)
    for name in templates.names:
        facts = {"title": "x", "years": 1, "points": 5, "event": event}
        asked = moment(name.partition("/")[0], name, facts=facts, customer=bare, since=None, tier="")
        assert body(asked, replace(SENDER, address=Address(), phone="", website="", signature=""), templates)
