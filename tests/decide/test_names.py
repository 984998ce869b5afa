"""The names that a condition may use: their values in a situation, their types, and that the documentation has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.condition import Type
from engine.core.facts import Address, Customer, Event, Score
from engine.decide.condition import compile_condition
from engine.decide.kinds import KINDS
from engine.decide.names import CUSTOMER, EVENT, NOW, SCORE, Field
from engine.decide.situation import Situation, Situations, convert, converted, full_years
from engine.decide.vocabulary import before, columns, context, vocabulary

DOCS = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
PYTHON = {Type.DOUBLE: float, Type.INT: int, Type.STRING: str, Type.BOOL: bool, Type.TIMESTAMP: datetime}
WORDS = vocabulary(attributes={"boiler": "string", "warranty_until": "timestamp", "visits": "int"})
NOW_UTC = datetime(2026, 3, 14, 23, 30, tzinfo=UTC)  # half past midnight of Sunday the 15th in Rome

ANNA = Customer(
    ref="C-1",
    given_name="Anna",
    family_name="Conti",
    company="Conti srl",
    email="anna@example.it",
    household="H-1",
    address=Address(street="Via Roma 1", postcode="00100", city="Roma", region="RM", country="IT"),
    locale="it_IT",
    birthday=date(1980, 3, 15),
    first_contact_on=date(2020, 3, 14),
    source="passaparola",
    attributes={"boiler": "gas", "warranty_until": "2027-01-31", "visits": "4"},
)
SCORED = Score(
    customer="C-1",
    frequency=5,
    recency=30.0,
    T=52.5,
    monetary_minor=12550,
    p_alive=0.8,
    expected_purchases=2.5,
    expected_spend_minor=9900,
    clv_minor=24750,
    percentile=0.95,
    tier="gold",
    days_since_purchase=12,
)
SENT = Event(
    customer="C-1",
    kind="quote.sent",
    ext_key="E-1",
    occurred_at=datetime(2026, 3, 13, 9, tzinfo=UTC),
    payload={"amount": 812.5, "what": "caldaia", "reference": 17},
)
FULL = Situation(
    customer=ANNA,
    now=NOW_UTC,
    time_zone="Europe/Rome",
    currency="EUR",
    score=SCORED,
    previous=replace(SCORED, p_alive=0.9, clv_minor=1000, percentile=0.5, tier="silver"),
    event=SENT,
    first_purchase_at=datetime(2020, 3, 14, 23, 15, tzinfo=UTC),  # the 15th in Rome
    last_purchase_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
    purchase_days=[date(2026, month, 1).toordinal() for month in (1, 2, 3)],
    has_open_complaint=True,
)
EMPTY = Situation(customer=Customer(ref="C-2"), now=NOW_UTC, time_zone="Europe/Rome", currency="EUR")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("customer.ref", "C-1"),
        ("customer.given_name", "Anna"),
        ("customer.family_name", "Conti"),
        ("customer.company", "Conti srl"),
        ("customer.email", "anna@example.it"),
        ("customer.locale", "it_IT"),
        ("customer.source", "passaparola"),
        ("customer.household", "H-1"),
        ("customer.city", "Roma"),
        ("customer.region", "RM"),
        ("customer.country", "IT"),
        ("customer.has_email", True),
        ("customer.has_address", True),
        ("customer.has_open_complaint", True),
        ("customer.birthday", datetime(1980, 3, 14, 23, tzinfo=UTC)),
        ("customer.age", 46),
        ("customer.first_contact", datetime(2020, 3, 13, 23, tzinfo=UTC)),
        ("customer.days_since_first_contact", 2192),
        ("customer.first_purchase", datetime(2020, 3, 14, 23, 15, tzinfo=UTC)),
        ("customer.years_since_first_purchase", 6),
        ("customer.last_purchase", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("customer.next_purchase", datetime(2026, 3, 30, 22, tzinfo=UTC)),
        ("customer.attributes.boiler", "gas"),
        ("customer.attributes.warranty_until", datetime(2027, 1, 30, 23, tzinfo=UTC)),
        ("customer.attributes.visits", 4),
        ("score.p_alive", 0.8),
        ("score.clv", 247.5),
        ("score.percentile", 0.95),
        ("score.tier", "gold"),
        ("score.expected_purchases", 2.5),
        ("score.expected_spend", 99.0),
        ("score.monetary", 125.5),
        ("score.frequency", 5),
        ("score.recency", 30.0),
        ("score.T", 52.5),
        ("score.days_since_purchase", 12),
        ("score.prev_p_alive", 0.9),
        ("score.prev_clv", 10.0),
        ("score.prev_percentile", 0.5),
        ("score.prev_tier", "silver"),
        ("event.kind", "quote.sent"),
        ("event.occurred_at", datetime(2026, 3, 13, 9, tzinfo=UTC)),
        ("event.amount", 812.5),
        ("event.what", "caldaia"),
        ("event.reference", "17"),
        ("now.month", 3),
        ("now.day", 15),
        ("now.weekday", "sun"),
        ("now.hour", 0),
        ("now.local", "2026-03-15 00:30"),
        ("now.instant", NOW_UTC),
    ],
)
def test_every_name_has_its_value(name: str, value: Any) -> None:
    assert context(FULL, WORDS)[name] == value


def test_the_test_above_knows_every_name() -> None:
    marks = test_every_name_has_its_value.pytestmark

    assert {name for name, _ in marks[0].args[1]} == set(WORDS.events["quote.sent"].fields)


@pytest.mark.parametrize("situation", [FULL, EMPTY])
def test_a_value_has_the_declared_type_or_is_missing(situation: Situation) -> None:
    fields = WORDS.events["quote.sent"].fields
    values = context(situation, WORDS)

    assert [
        name for name, value in values.items() if value is not None and type(value) is not PYTHON[fields[name].type]
    ] == []


def test_of_somebody_unknown_only_the_yes_and_no_and_the_time_are_known() -> None:
    known = {name for name, value in context(EMPTY, WORDS).items() if value is not None}

    yes_or_no = {"customer.has_email", "customer.has_address", "customer.has_open_complaint"}
    assert known == {"customer.ref", *yes_or_no, *(one.name for one in NOW)}


def test_a_context_can_be_of_some_names_only() -> None:
    assert context(FULL, WORDS, ("score.tier", "event.amount")) == {"score.tier": "gold", "event.amount": 812.5}


def test_an_event_of_an_undeclared_kind_says_nothing() -> None:
    odd = replace(FULL, event=replace(SENT, kind="moon.landed"))

    assert context(odd, WORDS).keys() == WORDS.plain.fields.keys()


@pytest.mark.parametrize(("currency", "clv"), [("EUR", 247.5), ("JPY", 24750.0), ("KWD", 24.75)])
def test_money_is_in_whole_units_of_the_currency(currency: str, clv: float) -> None:
    assert context(replace(FULL, currency=currency), WORDS)["score.clv"] == clv


def test_before_is_the_context_with_the_score_of_then() -> None:
    then = before(context(FULL, WORDS))

    assert (then["score.tier"], then["score.p_alive"], then["score.clv"]) == ("silver", 0.9, 10.0)
    assert then["customer.city"] == "Roma"
    line = compile_condition("tier == 'gold'", WORDS.crossing)
    assert line.holds(context(FULL, WORDS))
    assert not line.holds(then)


def test_before_a_first_score_nothing_held() -> None:
    values = context(replace(FULL, previous=None), WORDS)

    assert not compile_condition("tier != 'gold'", WORDS.crossing).holds(before(values))


@pytest.mark.parametrize(
    ("value", "kind", "read"),
    [
        (3, Type.DOUBLE, 3.0),
        ("812.50", Type.DOUBLE, 812.5),
        ("1.234,50", Type.DOUBLE, None),
        (True, Type.DOUBLE, None),
        (float("nan"), Type.DOUBLE, None),
        ("inf", Type.DOUBLE, None),
        (3.0, Type.INT, 3),
        ("3", Type.INT, 3),
        (3.5, Type.INT, None),
        ("3.5", Type.INT, None),
        (2**63, Type.INT, None),
        (False, Type.INT, None),
        (17, Type.STRING, "17"),
        (True, Type.STRING, "true"),
        ("", Type.STRING, None),
        ("True", Type.BOOL, True),
        (False, Type.BOOL, False),
        ("yes", Type.BOOL, None),
        ("2026-07-01", Type.TIMESTAMP, datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-07-01T10:00:00", Type.TIMESTAMP, datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("2026-07-01T10:00:00Z", Type.TIMESTAMP, datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("tomorrow", Type.TIMESTAMP, None),
        (20260701.5, Type.TIMESTAMP, None),
        (None, Type.STRING, None),
        ([1], Type.STRING, None),
        ({"a": 1}, Type.DOUBLE, None),
    ],
)
def test_what_does_not_fit_its_type_is_missing(value: Any, kind: Type, read: Any) -> None:
    found = convert(value, kind, "Europe/Rome")

    assert found == read
    assert type(found) is type(read)


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=1)


@given(JSON, st.sampled_from(sorted(PYTHON)))
def test_whatever_an_event_carries_is_read_or_missing(value: Any, kind: Type) -> None:
    found = convert(value, kind, "Europe/Rome")

    assert found is None or type(found) is PYTHON[kind]


@pytest.mark.parametrize(
    ("since", "today", "years"),
    [
        (date(2020, 3, 15), date(2026, 3, 14), 5),
        (date(2020, 3, 15), date(2026, 3, 15), 6),
        (date(2020, 2, 29), date(2026, 2, 28), 6),
        (date(2020, 2, 29), date(2024, 2, 28), 3),
        (date(2026, 3, 15), date(2026, 3, 15), 0),
        (None, date(2026, 3, 15), None),
    ],
)
def test_full_years(since: date | None, today: date, years: int | None) -> None:
    assert full_years(since, today) == years


def test_the_configuration_adds_kinds_and_fields() -> None:
    words = vocabulary(events={"boiler.inspected": {"pressure": "double"}, "quote.sent": {"salesman": "string"}})

    assert "event.pressure" in words.events["boiler.inspected"].fields
    assert {"event.amount", "event.salesman"} < words.events["quote.sent"].fields.keys()
    assert "event.salesman" not in words.events["quote.accepted"].fields


@pytest.mark.parametrize(
    ("attributes", "events", "text"),
    [
        ({"boiler type": "string"}, {}, "'boiler type' cannot be the name of a field"),
        ({"in": "string"}, {}, "'in' cannot be the name of a field"),
        ({"boiler": "text"}, {}, "'text' is not a type: double, int, string, bool, timestamp"),
        ({"boiler": "duration"}, {}, "'duration' is not a type"),
        ({}, {"inspected": {}}, "'inspected' is not an event kind such as boiler.inspected"),
        ({}, {"boiler.inspected": {"kind": "string"}}, "'kind' cannot be the name of a field"),
        ({}, {"quote.sent": {"amount": "int"}}, "'amount' of quote.sent is built in as double and cannot be int"),
    ],
)
def test_names_that_no_condition_could_say_are_refused(
    attributes: dict[str, str], events: dict[str, dict[str, str]], text: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        vocabulary(attributes=attributes, events=events)


@pytest.mark.parametrize("word", ["package", "else", "size", "int", "as", "void", "known", "T1"])
def test_names_that_may_look_odd_are_usable(word: str) -> None:
    words = vocabulary(attributes={word: "int"}, events={"a.b": {word: "int"}})

    assert compile_condition(f"event.{word} > 1 && customer.attributes.{word} > 1", words.events["a.b"])


def test_dates_that_a_rule_may_watch() -> None:
    own = [name for name, (kind, reads) in WORDS.dates.items() if not kind and reads == name]
    assert own == [
        "customer.birthday",
        "customer.first_contact",
        "customer.first_purchase",
        "customer.last_purchase",
        "customer.next_purchase",
        "customer.attributes.warranty_until",
    ]
    assert WORDS.dates["contract.signed.ends_on"] == ("contract.signed", "event.ends_on")
    assert WORDS.dates["service_call.completed"] == ("service_call.completed", "event.occurred_at")
    assert "quote.sent.amount" not in WORDS.dates


def test_a_customers_own_date_goes_before_an_event_kind_of_that_name() -> None:
    words = vocabulary(events={"customer.birthday": {"on": "timestamp"}})

    assert words.dates["customer.birthday"] == ("", "customer.birthday")
    assert words.dates["customer.birthday.on"] == ("customer.birthday", "event.on")


@pytest.mark.parametrize("one", [*CUSTOMER, *SCORE, *EVENT, *NOW], ids=lambda one: str(one.name))
def test_the_documentation_has_every_name(one: Field) -> None:
    assert f"| `{one.name}` | {one.type} | {one.meaning} |" in DOCS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_the_documentation_has_every_event_kind(kind: Any) -> None:
    fields = ", ".join(f"`{name}` {one}" for name, one in kind.payload.items())

    assert f"| `{kind.name}` | {kind.meaning} | {fields} |" in DOCS


def test_the_documentation_names_nothing_that_there_is_not() -> None:
    said = set(re.findall(r"\b(?:customer|score|now)\.[a-zA-Z_]+", DOCS)) - {"customer.attributes"}

    assert said <= {one.name for one in (*CUSTOMER, *SCORE, *NOW)}


def test_many_situations_are_read_name_by_name_as_each_alone() -> None:
    words = vocabulary(attributes={"size": "int"}, events={"boat.sold": {"amount": "double"}})
    names = tuple(words.events["boat.sold"].fields)
    situations = [
        Situation(
            customer=Customer(ref=ref, email=ref, birthday=date(1980, 3, 3), attributes={"size": size}),
            now=NOW_UTC,
            time_zone=tz,
            currency="EUR",
            event=Event(customer="", kind="boat.sold", ext_key="1", occurred_at=NOW_UTC, payload={"amount": size}),
        )
        for ref, size, tz in (("a", 3, "Europe/Rome"), ("b", None, "Pacific/Auckland"), ("c", "7", "Europe/Rome"))
    ]

    alone = [context(it, words, names) for it in situations]
    them = Situations(
        now=NOW_UTC,
        zones=[it.time_zone for it in situations],
        known={},
        events=[it.event for it in situations if it.event],
        alone=situations.__getitem__,
    )

    def read(**known: Sequence[Any]) -> list[dict[str, Any]]:
        them.known = {name.replace("_", "."): values for name, values in known.items()}
        return [dict(zip(names, row, strict=True)) for row in zip(*columns(them, words, names), strict=True)]

    assert read() == alone
    assert read(customer_ref="xyz", elsewhere=(1, 1, 1)) == [
        one | {"customer.ref": ref} for one, ref in zip(alone, "xyz", strict=True)
    ]
    assert columns(them, words, ()) == []


@settings(max_examples=60)
@given(st.lists(JSON | st.sampled_from(["7", "1e400"]), max_size=5), st.sampled_from(list(Type)[:-1]))
def test_a_column_is_converted_as_each_of_its_values_alone(values: list[Any], kind: Type) -> None:
    found = converted(values, kind, ["Europe/Rome"] * len(values))

    alone = [convert(value, kind, "Europe/Rome") for value in values]
    assert [(type(one), one) for one in found] == [(type(one), one) for one in alone]
