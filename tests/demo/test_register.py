from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core.calendar import zone
from engine.core.money import parse_amount, to_minor
from engine.core.permission import PURPOSES, Consent, Standing, refusal
from engine.demo.chance import seeded
from engine.demo.lives import COMPANY, LANDLORD, ONCE, REGULAR, Kind
from engine.demo.log import CONSENT_COLUMNS, CUSTOMER_COLUMNS
from engine.demo.register import REFERRAL, consents, register
from tests.demo.telling import firm

SEEDS = st.integers(0, 10**6)
KINDS = st.sampled_from((ONCE, REGULAR, LANDLORD, COMPANY))
CAME, TODAY = date(2025, 3, 4), date(2026, 10, 30)


@given(seed=SEEDS, kind=KINDS)
def test_a_row_has_every_column_as_text(seed: int, kind: Kind) -> None:
    row = register(seeded(seed), "C00001", kind, CAME, set())
    assert tuple(row) == CUSTOMER_COLUMNS
    assert all(isinstance(value, str) and value == value.strip() for value in row.values())
    assert row["customer"] == "C00001"
    assert row["first_contact_on"] == "2025-03-04"
    assert zone(row["time_zone"])
    assert row["given_name"] or row["company"]


@given(seed=SEEDS)
def test_birthdays_are_those_of_grown_people(seed: int) -> None:
    row = register(seeded(seed), "C00001", REGULAR, CAME, set())
    if row["birthday"]:
        assert 18 * 365 < (CAME - date.fromisoformat(row["birthday"])).days < 95 * 365


@given(seed=SEEDS)
def test_a_firm_has_a_name_and_no_birthday(seed: int) -> None:
    row = register(seeded(seed), "C00001", COMPANY, CAME, set())
    assert row["company"]
    assert row["birthday"] == ""
    assert row["country"] in ("IT", "SM")


@given(seed=SEEDS, kind=KINDS)
def test_the_reachable_live_here_and_read_mail(seed: int, kind: Kind) -> None:
    row = register(seeded(seed), "C00001", kind, CAME, set(), reachable=True)
    assert row["email"]
    assert row["time_zone"] == "Europe/Rome"


@given(seed=SEEDS)
def test_winning_a_customer_costs_what_its_source_costs(seed: int) -> None:
    row = register(seeded(seed), "C00001", REGULAR, CAME, set())
    cents = to_minor(parse_amount(row["acquisition_cost"], "."), "EUR")
    assert (cents == 0) == (row["source"] in ("word_of_mouth", REFERRAL))
    assert cents <= 12000


def test_the_firm_has_customers_of_every_sort() -> None:
    rows = firm().customers
    sources = Counter(row["source"] for row in rows)
    assert set(sources) == {"word_of_mouth", "google", "flyer", "trade_fair", REFERRAL}
    locales = Counter(row["locale"] for row in rows)
    assert locales["it_IT"] > 560
    assert locales["en_GB"] >= 3
    assert locales["de_DE"] >= 2
    assert {row["time_zone"] for row in rows} == {"Europe/Rome", "Europe/Berlin", "Europe/London"}
    assert 40 < sum(bool(row["company"]) for row in rows) < 90
    assert 200 < sum(bool(row["birthday"]) for row in rows) < 350
    assert 400 < sum(bool(row["boiler"]) for row in rows) < 520
    assert any("'" in row["family_name"] for row in rows)
    assert any("ò" in row["given_name"] for row in rows)


@given(seed=SEEDS, days=st.integers(0, 900))
def test_consents_stand_between_the_first_contact_and_today(seed: int, days: int) -> None:
    today = CAME + timedelta(days=days)
    for row in consents(seeded(seed), "C00001", CAME, today):
        assert tuple(row) == CONSENT_COLUMNS
        assert CAME <= date.fromisoformat(row["date"]) <= today
        assert row["purpose"] in (*PURPOSES, "any")
        assert row["channel"] in ("email", "note", "any")
        assert row["given"] in ("yes", "no")
        assert row["source"] in ("form", "web", "phone")


@given(seed=SEEDS)
def test_the_willing_may_be_written_to_about_anything(seed: int) -> None:
    records = tuple(map(_consent, consents(seeded(seed), "C00001", CAME, TODAY, willing=True)))
    for purpose in PURPOSES:
        for channel in ("email", "note", "reward", "referral"):
            assert refusal(Standing(consents=records), purpose=purpose, channel=channel) is None


def test_the_wording_is_the_one_of_its_day() -> None:
    words = {(row["date"] >= "2025-05-01", row["wording"]) for row in firm().consents}
    assert words == {(False, "privacy-2023-09"), (True, "privacy-2025-05")}


def test_most_agreed_fewer_to_marketing_and_some_to_nothing() -> None:
    log = firm()
    records: dict[str, list[Consent]] = {row["customer"]: [] for row in log.customers}
    first: dict[str, list[Consent]] = {row["customer"]: [] for row in log.customers}
    came = {row["customer"]: row["first_contact_on"] for row in log.customers}
    for row in log.consents:
        records[row["customer"]].append(_consent(row))
        if row["date"] == came[row["customer"]]:
            first[row["customer"]].append(_consent(row))

    def permitted(purpose: str, found: dict[str, list[Consent]]) -> float:
        asked = (
            all(
                refusal(Standing(consents=tuple(each)), purpose=purpose, channel=channel)
                for channel in ("email", "note")
            )
            for each in found.values()
        )
        return 1 - sum(asked) / len(found)

    assert 0.76 < permitted("relationship", first) < 0.86
    assert 0.40 < permitted("marketing", first) < 0.60
    assert permitted("marketing", records) < permitted("marketing", first)
    assert 0.05 < sum(not each for each in records.values()) / len(records) < 0.11


def _consent(row: dict[str, str]) -> Consent:
    return Consent(
        purpose=row["purpose"],
        channel=row["channel"],
        given=row["given"] == "yes",
        at=datetime.fromisoformat(row["date"]).replace(tzinfo=UTC),
        source=row["source"],
    )
