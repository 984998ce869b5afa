"""What the store answers about customers' history, against the same asked by hand of the rows that were taken in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event

from engine.core.condition import Test, Type, names_in
from engine.core.facts import Transaction
from engine.core.lookback import Lookback, lookbacks
from engine.decide.closure import closure
from engine.decide.condition import compile_condition
from engine.decide.frame import expression
from engine.decide.frame_terms import column
from engine.decide.vocabulary import vocabulary
from engine.ingest.rows import Shop
from engine.ingest.stage import Intake, ingest
from engine.store import customers, history, sweeps, transactions
from engine.store.session import Store, open_store
from tests.databases import STORES
from tests.decide.oracles import VALUES
from tests.store.conftest import Blank
from tests.store.seed import ROME, customer

NOW = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)  # in Rome it is April and summer already
SECOND = timedelta(seconds=1)
ZONES = {"C1": "", "C2": "America/New_York", "C3": "Pacific/Auckland", "C4": "", "C5": "Asia/Kolkata"}
WORDS = vocabulary()
ASKED = lookbacks(
    [
        "has_event('quote.sent')",
        "has_event('quote.sent', 'P1M')",
        "count_events('review.received', 'P90D')",
        "count_events('review.received')",
        "count_purchases()",
        "count_purchases('P1M')",
        "sum_purchases()",
        "sum_purchases('P1M')",
        "sum_purchases('PT36H')",
    ]
)
Row = tuple[str, datetime, str]
"""Customer, instant, and the kind of an event or the amount of a transaction."""


def meant(connection: Connection, condition: Test, past: history.Past | None = None) -> list[int]:
    return [key for key, _ in sweeps.matching(connection, [condition], exponent=2, past=past)]


def back(zone: str, months: int = 0, days: int = 0) -> datetime:
    """When a period that ends now began on a customer's clock; what it is asked of has the days."""
    local = NOW.astimezone(ZoneInfo(zone or ROME)).replace(tzinfo=None)
    month, day = (local.month - months, min(local.day, 28 if local.month - months == 2 else 31))
    wall = local.replace(month=month, day=day) - timedelta(days=days)
    return wall.replace(tzinfo=ZoneInfo(zone or ROME)).astimezone(UTC)


def happened() -> list[Row]:
    """Each period's edges for everybody but C4: at its beginning, a second later, now, and a second from now."""
    return [
        (ref, instant, kind)
        for ref, zone in ZONES.items()
        if ref != "C4"
        for kind in ("quote.sent", "review.received")
        for edge in (back(zone, months=1), back(zone, days=90), NOW)
        for instant in (edge, edge + SECOND)
        if not (ref == "C2" and kind == "quote.sent" and instant > back(zone, months=1))
    ]


def sold() -> list[Row]:
    old = datetime(2024, 5, 1, 12, tzinfo=UTC)
    rows = [("C1", old, "1000.10"), ("C1", old, "-0.20"), ("C2", old, "20.00"), ("C5", old, "-7.77")]
    for ref in ("C1", "C3", "C5"):
        edges = (back(ZONES[ref], months=1), NOW - timedelta(hours=36), NOW)
        rows += [(ref, edge, "33.33") for edge in edges]
        rows += [(ref, edge + SECOND, "0.07") for edge in edges]
        rows += [(ref, edge + 2 * SECOND, "-5.05") for edge in edges]
    return rows


EVENTS, SALES = happened(), sold()
DOLLARS = ("C2", datetime(2026, 3, 30, 12, tzinfo=UTC), "99.00")


def by_hand(one: Lookback, ref: str) -> Any:
    begins = {
        "": datetime.min.replace(tzinfo=UTC),
        "P1M": back(ZONES[ref], months=1),
        "P90D": back(ZONES[ref], days=90),
        "PT36H": NOW - timedelta(hours=36),
    }
    inside = [what for who, at, what in EVENTS if who == ref and begins[one.period] < at <= NOW]
    amounts = [round(float(what) * 100) for who, at, what in SALES if who == ref and begins[one.period] < at <= NOW]
    match one.function:
        case "has_event":
            return one.kind in inside
        case "count_events":
            return inside.count(one.kind)
        case "count_purchases":
            return sum(amount >= 0 for amount in amounts) + (ref == DOLLARS[0] and begins[one.period] < DOLLARS[1])
        case "sum_purchases":
            return sum(amounts) / 100


def taken(store: Store, folder: Path) -> None:
    """All that was taken in, from files."""
    event_kinds: Mapping[str, Mapping[str, str]] = {"quote.sent": {}, "review.received": {}}
    intake = Intake(shop=Shop(currency="EUR", time_zone=ROME), readings={}, event_kinds=event_kinds)
    rows = [f"{who},{at.isoformat()},{what},EUR" for who, at, what in SALES]
    rows.append(f"{DOLLARS[0]},{DOLLARS[1].isoformat()},{DOLLARS[2]},USD")
    files = {
        "customers": ["customer,time_zone", *(f"{ref},{zone}" for ref, zone in ZONES.items())],
        "transactions": ["customer,date,amount,currency", *rows],
        "events": ["customer,date,kind", *(f"{who},{at.isoformat()},{what}" for who, at, what in EVENTS)],
    }
    for kind, lines in files.items():
        path = folder / f"{kind}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        summary = ingest(store, path, intake, kind=kind, rejects=folder, now=NOW + timedelta(days=1))  # type: ignore[arg-type] # a kind
        assert summary.new == len(lines) - 1


@pytest.fixture(scope="module", params=STORES)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    blank: Blank = request.getfixturevalue(f"blank_{request.param}")
    store = open_store(blank())
    taken(store, tmp_path_factory.mktemp("files"))
    yield store
    store.close()


def past(connection: Connection) -> history.Past:
    return history.Past(now=NOW, currency="EUR", time_zone=ROME, zones=history.zones(connection))


def answered(connection: Connection) -> dict[str, dict[str, Any]]:
    """What the store answers, by reference and name."""
    known = customers.load(connection)
    zones = {key: one.facts.time_zone for key, one in known.items()}
    found = history.answers(connection, ASKED, zones, history.Past(now=NOW, currency="EUR", time_zone=ROME))
    return {known[key].facts.ref: answers for key, answers in found.items()}


def test_every_question_is_answered_for_everybody_as_by_hand(kept: Store) -> None:
    with kept.read() as connection:
        found = answered(connection)

    assert found == {ref: {one.name: by_hand(one, ref) for one in ASKED} for ref in ZONES}
    assert {name: type(value) for name, value in found["C4"].items()} == {
        one.name: {"has_event": bool, "sum_purchases": float}.get(one.function, int) for one in ASKED
    }
    assert found["C4"]["sum_purchases()"] == 0.0
    assert found["C2"]["sum_purchases()"] == 20.0


def _terms(kind: Type) -> st.SearchStrategy[str]:
    names = st.sampled_from([one.name for one in ASKED if one.type is kind])
    return names | st.sampled_from([repr(value) for value in VALUES[kind]])


def _compared(kind: Type, signs: str) -> st.SearchStrategy[str]:
    parts = st.tuples(_terms(kind), st.sampled_from(signs.split()), _terms(kind))
    reckoned = parts.map(" ".join) | _terms(kind)
    return st.tuples(reckoned, st.sampled_from(("==", "!=", "<", ">=")), reckoned).map(" ".join)


CONDITIONS = st.recursive(
    st.sampled_from([one.name for one in ASKED if one.type is Type.BOOL])
    | _compared(Type.INT, "+ - * / %")
    | _compared(Type.DOUBLE, "+ - *")
    | st.sampled_from(("customer.ref > 'C2'", "known(customer.city)", "score.clv > 1.0")),
    lambda inner: (
        st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(lambda parts: f"({' '.join(parts)})")
        | inner.map(lambda one: f"!({one})")
    ),
    max_leaves=5,
)
NOTHING = {"customer.city": None, "score.clv": None}


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONDITIONS)
def test_all_three_back_ends_say_the_same_of_a_store_that_was_filled_from_files(kept: Store, source: str) -> None:
    tree = compile_condition(source, WORDS.plain).tree
    names = names_in(tree)
    with kept.read() as connection:
        rows = [NOTHING | {"customer.ref": ref} | found for ref, found in answered(connection).items()]
        keys = list(customers.load(connection))
        found = meant(connection, tree, past(connection))

    types = {name: one.type for name, one in WORDS.plain.fields.items()} | {one.name: one.type for one in ASKED}
    frame = pl.DataFrame({name: column([row[name] for row in rows], types[name]) for name in names} | {"key": keys})
    one = closure(tree)
    assert found == [key for key, row in zip(keys, rows, strict=True) if one(row)]
    assert found == frame.filter(expression(tree))["key"].to_list()


def test_without_an_instant_a_sweep_leaves_the_questions_open(kept: Store) -> None:
    tree = compile_condition("has_event('quote.sent', 'P1M') && customer.ref > 'C2'", WORDS.plain).tree
    with kept.read() as connection:
        everybody = sorted(customers.load(connection))
        assert meant(connection, tree) == everybody[2:]
        assert meant(connection, tree, past(connection)) == [everybody[2], everybody[4]]


@pytest.fixture
def told(narrow: Connection) -> Iterator[tuple[Connection, list[str]]]:
    """A store with a customer in every time zone, and the statements that are made."""
    for zone in sorted(available_timezones()):
        customer(narrow, zone, time_zone=zone)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(narrow, "before_cursor_execute", note)
    yield narrow, statements
    event.remove(narrow, "before_cursor_execute", note)


def test_a_question_is_one_statement_however_many_customers_and_zones(told: tuple[Connection, list[str]]) -> None:
    connection, statements = told
    zones = {key: one.facts.time_zone for key, one in customers.load(connection).items()} | dict.fromkeys(
        range(10_000, 13_000), ""
    )
    everywhere = past(connection)
    condition = compile_condition(" || ".join(f"({one.name} == {one.name})" for one in ASKED), WORDS.plain)
    statements.clear()

    found = history.answers(connection, ASKED, zones, everywhere)
    assert (len(statements), sorted(found)) == (len(ASKED), sorted(zones))
    assert len(meant(connection, condition.tree, everywhere)) == len(everywhere.zones)
    assert len(statements) == len(ASKED) + 1


def test_nobody_and_nothing_cost_no_statement(told: tuple[Connection, list[str]]) -> None:
    connection, statements = told
    now = history.Past(now=NOW, currency="EUR", time_zone=ROME)
    statements.clear()

    assert history.answers(connection, (), {1: "", 2: ""}, now) == {1: {}, 2: {}}
    assert history.answers(connection, ASKED, {}, now) == {}
    assert statements == []


def test_a_sum_beyond_64_bits_is_no_error(kept: Store) -> None:
    with kept.read() as connection:
        key = customer(connection, "C1")
        facts = [
            Transaction(customer="", ext_key=f"huge{n}", occurred_at=NOW, amount_minor=2**62, currency="EUR")
            for n in range(3)
        ]
        transactions.add(connection, "till", [(key, one) for one in facts], NOW, ROME)
        assert answered(connection)["C1"]["sum_purchases()"] == pytest.approx(3 * 2**62 / 100)


@pytest.mark.parametrize(("currency", "total"), [("EUR", 0.25), ("JPY", 25.0), ("KWD", 0.025)])
def test_sums_are_in_whole_units_of_the_shops_currency(narrow: Connection, currency: str, total: float) -> None:
    key = customer(narrow, "C1")
    fact = Transaction(customer="", ext_key="1", occurred_at=NOW, amount_minor=25, currency=currency)
    transactions.add(narrow, "till", [(key, fact)], NOW, ROME)

    asked = lookbacks(["sum_purchases()"])
    now = history.Past(now=NOW, currency=currency, time_zone=ROME)
    assert history.answers(narrow, asked, {key: ""}, now) == {key: {"sum_purchases()": total}}
