from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.facts import ConsentRecord, Event, Transaction
from engine.decide.kinds import KINDS
from engine.ingest import events, rows, transactions
from engine.ingest.columns import KNOWN, Reading
from engine.ingest.formats import Reject, Row
from engine.ingest.identity import RowKeys
from engine.ingest.rows import Shop

SHOP = Shop(currency="EUR", time_zone="Europe/Rome", attributes={"boiler": "string", "size": "double"})
USUAL = Reading()
TYPES = {kind.name: {name: str(one) for name, one in kind.payload.items()} for kind in KINDS}
NOON = datetime(2026, 1, 5, 11, tzinfo=UTC)
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=12),
    st.sampled_from(("C1", "2026-01-05", "10.00", "EUR", "quote.sent", "any", "email", "yes", "it_IT", "IT")),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


def row(**values: Any) -> Row:
    return Row(number=7, values=values)


def own(row: Row) -> dict[str, str]:
    """Columns that have our own names."""
    return {name: name for name in row.values}


def sale(**values: Any) -> Transaction | list[Reject]:
    one = row(customer="C1", date="2026-01-05", amount="10.00") if not values else row(**values)
    return transactions.Transactions(own(one), USUAL, SHOP, RowKeys()).row(one)


def happened(one: Row, columns: dict[str, str] | None = None, reading: Reading = USUAL) -> Event | list[Reject]:
    names = {name: name for name in ("customer", "date", "kind", "id") if name in one.values}
    return events.Events(names | (columns or {}), reading, SHOP, RowKeys(), TYPES).row(one)


@given(st.fixed_dictionaries(dict.fromkeys(KNOWN["transactions"], ANYTHING)))
def test_any_row_is_a_transaction_or_rejects(values: dict[str, Any]) -> None:
    found = sale(**values)

    if isinstance(found, list):
        assert found
        assert all(reject.row == 7 and reject.column in values and reject.reason for reject in found)
    else:
        assert (found.amount_minor < 0) is (found.kind == "refund")
        assert found.customer == found.customer.strip() != ""


@given(st.dictionaries(st.sampled_from(("customer", "date", "kind", "id", "amount", "what", "x", "payload")), ANYTHING))
def test_any_row_is_an_event_or_rejects(values: dict[str, Any]) -> None:
    found = happened(Row(number=7, values=values))

    if isinstance(found, list):
        assert found
        assert {reject.row for reject in found} == {7}
    else:
        assert None not in found.payload.values()


@given(st.dictionaries(st.sampled_from(tuple(KNOWN["customers"])), ANYTHING))
def test_any_row_is_a_customer_or_rejects(values: dict[str, Any]) -> None:
    one = Row(number=7, values=values)
    found = rows.customers(own(one), USUAL, SHOP)(one)

    if isinstance(found, tuple):
        ref, kept = found
        assert ref == ref.strip() != ""
        assert len(kept) == len(values) - 1
    else:
        assert {reject.column for reject in found} <= {"customer", *values}


@given(st.dictionaries(st.sampled_from(tuple(KNOWN["consents"])), ANYTHING))
def test_any_row_is_a_consent_or_rejects(values: dict[str, Any]) -> None:
    one = Row(number=7, values=values)
    found = rows.consents(own(one), USUAL, SHOP)(one)

    assert isinstance(found, ConsentRecord) or {reject.column for reject in found} <= set(KNOWN["consents"])


def test_a_sale_with_everything() -> None:
    found = sale(
        id=17, customer="C1", date="2026-01-05", amount="-10,50", currency="usd", cost="4", reverses=16,
        referral_code=" 7kq2 m9xa", what="Caldaia",
    )  # fmt: skip

    assert found == Transaction(
        customer="C1",
        ext_key="17",
        occurred_at=NOON,
        amount_minor=-1050,
        currency="USD",
        cost_minor=400,
        reverses="16",
        referral_code="7KQ2M9XA",
        lines=({"what": "Caldaia"},),
    )


def test_a_sale_with_nothing_more_than_it_needs() -> None:
    found = sale()

    assert isinstance(found, Transaction)
    assert (found.currency, found.cost_minor, found.reverses, found.referral_code, found.lines) == (
        "EUR",
        None,
        None,
        "",
        (),
    )
    assert found.ext_key.startswith("row:")


def test_the_key_of_a_sale_without_one_is_what_every_export_says_of_it() -> None:
    plain = sale()
    more = sale(customer=" C1", date="05/01/2026", amount="10,00", currency="EUR", what="Filtro", cost="3")
    other = sale(customer="C1", date="2026-01-05", amount="10.01")

    assert isinstance(plain, Transaction)
    assert isinstance(more, Transaction)
    assert isinstance(other, Transaction)
    assert plain.ext_key == more.ext_key != other.ext_key


def test_a_row_that_is_rejected_takes_no_number_among_equal_ones() -> None:
    keys = RowKeys()
    wrong = row(customer="C1", date="2026-01-05", amount="10.00", cost="x")
    good = row(customer="C1", date="2026-01-05", amount="10.00", cost="1")

    assert isinstance(transactions.Transactions(own(wrong), USUAL, SHOP, keys).row(wrong), list)
    found = transactions.Transactions(own(good), USUAL, SHOP, keys).row(good)

    assert isinstance(found, Transaction)
    assert found.ext_key.endswith(":1")


def test_an_event_carries_what_else_the_row_says() -> None:
    one = row(customer="C1", date="2026-01-05", kind="quote.sent", Importo="1.234", Note="blu", empty="")

    found = happened(one, {"amount": "Importo"}, Reading(decimal=","))

    assert isinstance(found, Event)
    assert (found.kind, found.occurred_at, found.payload) == ("quote.sent", NOON, {"amount": 1234.0, "Note": "blu"})


def test_a_column_that_is_not_ours_by_mapping_stays_in_the_payload() -> None:
    one = row(Nr="9", id="intern", customer="C1", date="2026-01-05", kind="quote.sent")

    found = events.Events(
        {"id": "Nr", "customer": "customer", "date": "date", "kind": "kind"}, USUAL, SHOP, RowKeys(), TYPES
    ).row(one)

    assert isinstance(found, Event)
    assert (found.ext_key, found.payload) == ("9", {"id": "intern"})


def test_a_field_that_the_kind_does_not_know_is_kept_as_it_is() -> None:
    found = happened(row(customer="C1", date="2026-01-05", kind="complaint.opened", amount="twelve"))

    assert isinstance(found, Event)
    assert found.payload == {"amount": "twelve"}


def test_events_differ_by_what_they_say() -> None:
    keys = RowKeys()
    one, other = (row(customer="C1", date="2026-01-05", kind="quote.sent", what=what) for what in ("a", "b"))
    names = {"customer": "customer", "date": "date", "kind": "kind", "what": "what"}
    found = [events.Events(names, USUAL, SHOP, keys, TYPES).row(each) for each in (one, other, one)]

    assert len({each.ext_key for each in found if isinstance(each, Event)}) == 3


def test_a_consent() -> None:
    one = row(customer="C1", purpose="Marketing", channel="EMAIL", given="sì", date="2026-01-05", source="modulo")

    assert rows.consents(own(one), USUAL, SHOP)(one) == ConsentRecord(
        customer="C1", purpose="marketing", channel="email", given=True, at=NOON, source="modulo"
    )


def test_a_customer_says_only_what_the_row_names() -> None:
    one = row(customer=12, email=" ADA@mail.example", birthday="29/02/1980", phone="", boiler="gas", size="")

    found = rows.customers(own(one) | {"city": "city", "acquisition_cost": "cac"}, USUAL, SHOP)(one)

    assert found == (
        "12",
        {
            "email": "ada@mail.example",
            "birthday": date(1980, 2, 29),
            "phone": "",
            "attributes": {"boiler": "gas", "size": None},
        },
    )


def test_faults_carry_the_name_that_the_file_has() -> None:
    one = row(Cliente="", Data="ieri", Importo="x")

    found = transactions.Transactions(
        {"customer": "Cliente", "date": "Data", "amount": "Importo"}, USUAL, SHOP, RowKeys()
    ).row(one)

    assert isinstance(found, list)
    assert [(reject.column, reject.value) for reject in found] == [("Cliente", ""), ("Data", "ieri"), ("Importo", "x")]


@pytest.mark.parametrize("channel", ["email", "note", "phone", "sms", "task", "any"])
def test_channels_that_one_can_agree_to(channel: str) -> None:
    one = row(customer="C1", purpose="any", channel=channel, given="no", date="2026-01-05")
    found = rows.consents(own(one), USUAL, SHOP)(one)

    assert isinstance(found, ConsentRecord)
    assert (found.channel, found.given) == (channel, False)
