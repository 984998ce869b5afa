"""Dates through the front door: contracts that end, services that fall due, orders to expect; and when they move."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from engine.core.calendar import at_local, local_date
from engine.core.facts import Event
from engine.decide import dates, triggers
from engine.decide.rule import Rule, load
from engine.decide.situation import Situation
from engine.decide.stage import Policy, decide
from engine.decide.vocabulary import vocabulary
from engine.store import customers, decisions, events, latest, transactions
from engine.store.session import Store, open_store
from tests.decide.dated import dated
from tests.dispatch.shop import empty_store
from tests.shop import Shop
from tests.store.seed import customer, sale

SIGNED, DONE = "contract.signed", "service_call.completed"
ENDS = 'date = "contract.signed.ends_on"'
RENEWAL = dated("renewal", ENDS, 'before = "P60D"', 'before = "P14D"', 'after = "P1D"')
"""Steps s0, s1, s2."""


@pytest.fixture
def house(tmp_path: Path, database: str) -> Iterator[Shop]:
    """A shop that speaks of contracts before they end, with a contract of C1 that ends on 1 June."""
    made = Shop(tmp_path / "shop", rules={"renewal": RENEWAL}, database=database)
    made.customer()
    made.event(SIGNED, "2025-06-01T09:00:00+02:00", ends_on="2026-06-01", amount=120.0, what="manutenzione")
    yield made
    made.close()


def shop_of(folder: Path, rule: str, now: str = "2026-03-02T11:00") -> Shop:
    made = Shop(folder / "shop", rules={"care": rule}, now=now)
    made.customer()
    return made


def occurrences(shop: Shop) -> list[str]:
    return [str(decision["occurrence"]) for decision in shop.decisions()]


def test_the_end_of_a_contract_is_spoken_of_before_it_comes(house: Shop) -> None:
    assert house.at("2026-04-01T11:00").app.decide().outcomes == {}
    house.at("2026-04-02T11:00").round()
    assert house.states() == {"renewal.s0": "delivered", "renewal.s1": "planned", "renewal.s2": "planned"}

    house.at("2026-05-18T11:00").round()
    house.at("2026-06-02T11:00").round()
    assert set(house.states().values()) == {"delivered"}
    assert occurrences(house) == ["2026-06-01"]
    assert house.decisions()[0]["event_id"] is not None


@pytest.mark.any_store
def test_a_renewed_contract_stops_what_is_pending_and_has_a_date_of_its_own(house: Shop) -> None:
    house.at("2026-04-02T11:00").round()
    house.event(SIGNED, "2026-04-20T09:00:00+02:00", ends_on="2027-06-01")
    summary = house.at("2026-04-20T11:00").app.decide()

    assert summary.stopped == 1
    assert house.states() == {"renewal.s0": "delivered", "renewal.s1": "cancelled", "renewal.s2": "cancelled"}
    assert house.decisions()[0]["exit_reason"] == "the date has moved to 2027-06-01"
    house.at("2026-06-10T11:00").round()
    house.at("2027-04-02T11:00").round()
    assert occurrences(house) == ["2026-06-01", "2027-06-01"]


def test_a_contract_without_an_end_takes_the_date_away(house: Shop) -> None:
    house.at("2026-04-02T11:00").app.decide()
    house.event(SIGNED, "2026-04-20T09:00:00+02:00")
    house.at("2026-04-20T11:00").app.decide()

    assert house.decisions()[0]["exit_reason"] == "contract.signed.ends_on is not known any more"


def test_another_contract_with_the_same_end_changes_nothing(house: Shop) -> None:
    house.at("2026-04-02T11:00").app.decide()
    house.event(SIGNED, "2026-04-20T09:00:00+02:00", ends_on="2026-06-01")
    assert house.at("2026-04-20T11:00").app.decide().stopped == 0
    assert occurrences(house) == ["2026-06-01"]


def test_of_a_contract_that_is_known_late_only_what_makes_sense_goes_out(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", rules={"renewal": RENEWAL}, now="2026-05-22T11:00")
    shop.app.decide()
    shop.customer()
    shop.event(SIGNED, "2026-05-22T09:00:00+02:00", ends_on="2026-06-01")
    shop.round()

    assert shop.states() == {"renewal.s0": "expired", "renewal.s1": "delivered", "renewal.s2": "planned"}


def test_a_contract_that_had_ended_before_the_rule_was_there_is_left_alone(house: Shop) -> None:
    assert house.at("2026-06-02T11:00").app.decide().outcomes == {}


def test_a_rule_that_is_changed_leaves_what_it_began_to_the_old_dates(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, dated("care", f'date = "{DONE}"\nafter = "P11M"', 'before = "P1D"', 'after = "P14D"'))
    shop.event(DONE, "2025-04-10T09:00:00+02:00")
    shop.at("2026-03-09T11:00").app.decide()
    shop.rule("care", dated("care", f'date = "{DONE}"\nafter = "P12M"', "", 'after = "P14D"'))

    assert shop.app.decide().stopped == 0
    shop.event(DONE, "2026-03-10T09:00:00+01:00")
    assert shop.at("2026-03-10T11:00").app.decide().stopped == 1


def test_the_next_service_falls_due_on_a_day_of_the_calendar(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, dated("care", f'date = "{DONE}"\nafter = "P11M"\nwhen = "event.amount > 50.0"', ""))
    shop.event(DONE, "2025-03-31T23:30:00+02:00", amount=90.0)
    shop.event(DONE, "2025-03-30T23:30:00+02:00", amount=10.0, id="earlier")
    shop.at("2026-02-20T11:00").app.decide()
    for day in ("2026-02-27", "2026-02-28", "2026-03-01", "2026-03-31"):
        shop.at(f"{day}T11:00").app.decide()

    assert occurrences(shop) == ["2026-02-28"]
    assert shop.outcomes() == ["act"]


def test_an_order_is_expected_after_the_usual_gap_and_a_purchase_moves_it(tmp_path: Path) -> None:
    rule = dated("care", 'date = "customer.next_purchase"', 'before = "P3D"', 'after = "P7D"')
    shop = shop_of(tmp_path, rule, now="2026-03-01T11:00")
    for day in ("2025-12-01", "2026-01-10", "2026-02-10"):  # 40 and 31 days: 36 are usual
        shop.sale(day, "50.00")
    shop.app.decide()
    assert shop.at("2026-03-14T11:00").app.decide().outcomes == {}
    assert shop.at("2026-03-15T08:00").app.decide().outcomes == {"act": 1}
    assert occurrences(shop) == ["2026-03-18"]

    shop.sale("2026-03-15", "50.00")
    shop.at("2026-03-15T11:00").app.decide()
    assert shop.decisions()[0]["exit_reason"] == "the date has moved to 2026-04-17"


def test_purchases_are_names_of_conditions_too(tmp_path: Path) -> None:
    late = "now.instant > customer.next_purchase && known(customer.last_purchase)"
    shop = shop_of(tmp_path, dated("care", f'sweep = "daily"\nwhen = "{late}"', ""))
    for day in ("2026-01-01", "2026-01-11", "2026-01-21"):
        shop.sale(day, "50.00")
    shop.customer("C2")
    shop.sale("2026-01-21", "50.00", "C2")
    shop.at("2026-01-31T11:00").app.decide()

    assert shop.outcomes("C1") == ["act"]
    assert shop.outcomes("C2") == []


def test_a_warranty_ends_once(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, dated("care", 'date = "customer.attributes.until"\nrepeat = "once"', ""))
    shop.configure("\n[attributes]", '\n[attributes]\nuntil = "timestamp"')
    shop.customer(until="2026-03-02")
    shop.app.decide()
    shop.at("2027-03-02T11:00").app.decide()

    assert occurrences(shop) == ["2026-03-02"]


def test_29_february_is_kept_on_1_march_if_the_rule_says_so(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, dated("care", 'date = "customer.birthday"\nleap_day = "mar1"', ""), "2026-02-27T11:00")
    shop.customer(birthday="1992-02-29")
    for day in ("2026-02-28", "2026-03-01", "2026-03-02"):
        shop.at(f"{day}T11:00").app.decide()

    assert occurrences(shop) == ["2026-03-01"]


def test_what_stops_a_journey_may_come_before_its_date(tmp_path: Path) -> None:
    stop = '[journey]\nstop_on = ["complaint.opened"]'
    shop = shop_of(tmp_path, dated("care", ENDS, 'before = "P60D"', 'before = "P14D"', journey=stop))
    shop.event(SIGNED, "2025-06-01T09:00:00+02:00", ends_on="2026-06-01")
    shop.event("complaint.opened", "2026-03-20T09:00:00+01:00")
    shop.event("complaint.resolved", "2026-03-21T09:00:00+01:00")
    shop.at("2026-04-02T11:00").round()
    assert shop.states() == {"care.s0": "delivered", "care.s1": "planned"}

    shop.event("complaint.opened", "2026-04-20T09:00:00+02:00")
    shop.at("2026-04-20T11:00").app.decide()
    assert shop.states() == {"care.s0": "delivered", "care.s1": "cancelled"}


@pytest.mark.any_store
def test_a_crash_between_the_answers_and_the_mark_changes_nothing(house: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    house.at("2026-04-02T11:00")
    with monkeypatch.context() as patched:
        patched.setattr("engine.store.leases.set_mark", crash)
        with pytest.raises(KeyboardInterrupt):
            house.app.decide()
    house.close()  # as after a restart
    house.app.decide()
    house.app.decide()

    assert occurrences(house) == ["2026-06-01"]
    assert len(house.actions()) == 3


def test_many_who_changed_are_looked_at_all_together(house: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.decide.stage.on_dates.MANY", 2)
    house.at("2026-04-02T10:00").app.decide()
    for ref in ("C2", "C3", "C4"):
        house.at("2026-04-02T11:00").customer(ref)
        house.event(SIGNED, "2026-04-02T09:00:00+02:00", ref, ends_on="2026-05-20")

    assert house.app.decide().outcomes == {"act": 3}


WORDS = vocabulary(attributes={"until": "timestamp"})
STARTS = (
    "customer.birthday",
    "customer.first_contact",
    "customer.first_purchase",
    "customer.last_purchase",
    "customer.next_purchase",
    "customer.attributes.until",
    DONE,
    "contract.signed.ends_on",
)
DAYS = st.dates(date(2023, 12, 1), date(2026, 6, 30))
STEPS = st.sampled_from(["", 'before = "P3D"', 'before = "P1M"', 'after = "P2D"', 'before = "PT30H"'])
TEXTS = DAYS.map(str) | DAYS.map(lambda day: f"{day}T23:30:00+01:00") | DAYS.map(lambda day: f"{day:%Y%m%d}")
PERSON = st.fixed_dictionaries(
    {
        "time_zone": st.sampled_from(["", "Pacific/Auckland", "America/Lima", "Europe/Rome"]),
        "birthday": st.none() | DAYS | st.just(date(1992, 2, 29)),
        "first_contact_on": st.none() | DAYS,
        "attributes": st.fixed_dictionaries({}, optional={"until": TEXTS | st.just("x")}),
    }
)
THINGS = st.tuples(st.sampled_from(["sale", DONE, SIGNED]), st.sampled_from(["C1", "C2"]), DAYS, TEXTS)
LOOKS = st.lists(st.tuples(st.integers(0, 12), st.lists(THINGS, max_size=2)), min_size=2, max_size=7)


@st.composite
def starts(draw: st.DrawFn) -> str:
    on = f'date = "{draw(st.sampled_from(STARTS))}"'
    for more in ('after = "P1M"', 'after = "P13M2D"', 'repeat = "yearly"', 'repeat = "once"'):
        if more.split()[0] not in on and draw(st.booleans()):
            on += f"\n{more}"
    return on


def put(connection: Connection, kind: str, ref: str, day: date, ends_on: str, number: int, now: datetime) -> None:
    """Something that happened on a day and is learned now."""
    at = datetime.combine(day, time(22, 30), UTC)
    if kind == "sale":
        sale(connection, ref, at=at, key=str(number))
        return
    fact = Event(customer=ref, kind=kind, ext_key=str(number), occurred_at=at, payload={"ends_on": ends_on})
    events.add(connection, "shop", [(customer(connection, ref), fact)], now)


def everybody(connection: Connection, rule: Rule, since: date, now: datetime) -> set[tuple[int, str]]:
    """Who is meant by the definition, asked about one by one."""
    on, found, today = rule.trigger.date, set(), local_date(now, "Europe/Rome")
    assert on is not None
    for key, known in customers.load(connection).items():
        tz = known.facts.time_zone or "Europe/Rome"
        happened = [one.facts for one in events.of_customer(connection, key)]
        situation = Situation(
            customer=known.facts,
            now=now,
            time_zone=tz,
            currency="EUR",
            event=dates.last_of(on.kind, happened, now),
            first_purchase_at=transactions.first_of(connection, [key]).get(key),
            last_purchase_at=latest.last_purchases(connection, [key], today).get(key),
            purchase_days=latest.purchase_days(connection, [key], today).get(key, ()),
        )
        origin = dates.origin(on, situation, WORDS)
        if origin is not None:
            due = triggers.due(rule, on, origin, since=since, today=today, travels={"email": 2})
            found |= {(key, day.isoformat()) for day, _ in due}
    return found


@settings(deadline=None, max_examples=12)
@given(starts(), STEPS, STEPS, st.tuples(PERSON, PERSON), st.lists(THINGS, max_size=6), DAYS, LOOKS)
def test_each_date_of_everybody_is_asked_about_exactly_once(
    tmp_path_factory: pytest.TempPathFactory,
    on: str,
    first: str,
    second: str,
    people: tuple[dict[str, Any], ...],
    past: list[tuple[str, str, date, str]],
    begin: date,
    looks: list[tuple[int, list[tuple[str, str, date, str]]]],
) -> None:
    (rule,) = load(
        {"rules/care.toml": dated("care", on, first, second)}, vocabulary=WORDS, templates=["email/service_thank_you"]
    )
    policy = Policy(
        rules=(rule,), words=WORDS, time_zone="Europe/Rome", currency="EUR", key="k", start=None, lead_days={"email": 2}
    )
    file = tmp_path_factory.mktemp("dates") / "shop.db"
    file.write_bytes(empty_store())
    store, wanted, today = open_store(f"sqlite:///{file}"), set[tuple[int, str]](), begin
    now = at_local(today, time(6), "Europe/Rome")
    with store.write() as connection:
        for ref, facts in zip(("C1", "C2"), people, strict=True):
            customer(connection, ref, **facts)
        for number, thing in enumerate(past):
            put(connection, *thing, number, now)
    since: date | None = None
    for number, (days, things) in enumerate(looks):
        today += timedelta(days=days)
        now = at_local(today, time(7 + number), "Europe/Rome")
        with store.write() as connection:
            for more, thing in enumerate(things):
                put(connection, *thing, 100 + 10 * number + more, now)
        decide(store, policy, now=now)
        with store.read() as connection:
            wanted |= everybody(connection, rule, max(since or today, today - triggers.CATCH_UP), now)
        since = today
    assert asked(store) == sorted(wanted)
    store.close()


def asked(store: Store) -> list[tuple[int, str]]:
    with store.read() as connection:
        keys = customers.load(connection)
        return sorted((key, row["occurrence"]) for key in keys for row in decisions.of_customer(connection, key))
