"""Codes that customers hand on: what a newcomer's first purchase is worth, and what undoes it, by `premura ingest`."""

from __future__ import annotations

from typing import Any

import pytest

from engine.store import referrals
from tests.ingest.desk import Desk

HEADER = "id,customer,date,amount,reverses,referral_code\n"
NEWCOMER = "1,N1,2026-02-01,80.00,,7KQ2M9XA\n"
CONVERTED, JOINED, REVERSED = "referral.converted", "referral.joined", "referral.reversed"


def told(shop: Desk, *customers: str) -> list[tuple[str, str, str]]:
    """Who was told what of a referral, and as of which day."""
    found = shop.contents()
    return sorted(
        (customer, kind, at.date().isoformat())
        for customer in customers
        for source, _, kind, at, _ in found[customer]["events"]
        if source == "premura"
    )


def states(shop: Desk) -> dict[Any, str]:
    """The state of each newcomer's coming."""
    return {newcomer: state for _, _, newcomer, state in shop.contents()[""]["referrals"] if newcomer}


def test_a_newcomers_first_purchase_converts(inviting_desk: Desk) -> None:
    done = inviting_desk.ingest("sales.csv", HEADER + NEWCOMER)

    assert (done["new"], done["notes"]) == (1, [])
    assert states(inviting_desk) == {"N1": "converted"}
    assert told(inviting_desk, "C1", "N1") == [("C1", CONVERTED, "2026-02-01"), ("N1", JOINED, "2026-02-01")]

    before = inviting_desk.contents()
    again = inviting_desk.ingest("sales.csv")
    assert (again["new"], again["notes"], inviting_desk.contents()) == (0, [], before)


@pytest.mark.parametrize("typed", ["7kq2m9xa", " 7KQ2 M9XA ", "7kq2-m9xa"])
def test_a_code_may_be_typed_in_any_way(inviting_desk: Desk, typed: str) -> None:
    inviting_desk.ingest("sales.csv", HEADER + NEWCOMER.replace("7KQ2M9XA", typed))

    assert states(inviting_desk) == {"N1": "converted"}
    assert inviting_desk.contents()["N1"]["transactions"][0][-1] == "7KQ2M9XA"


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ("1,N1,2026-02-01,80.00,,WRONGCODE\n", "N1: nobody was given the code WRONGCODE"),
        ("1,C1,2026-02-01,80.00,,7KQ2M9XA\n", "C1: a customer's own code does not count"),
        (
            "1,N1,2026-01-31,5.00,,\n2,N1,2026-02-01,80.00,,7KQ2M9XA\n",
            "N1: the customer had bought here before",
        ),
        (
            "2,N1,2026-02-01,80.00,,7KQ2M9XA\n1,N1,2026-01-31,5.00,,\n",
            "N1: the customer had bought here before",
        ),
        (
            "1,N1,2026-01-31,0.00,,\n2,N1,2026-02-01,80.00,,7KQ2M9XA\n",
            "N1: the customer had bought here before",
        ),
    ],
)
def test_a_code_that_does_not_count_is_said_and_the_sale_goes_in(inviting_desk: Desk, rows: str, note: str) -> None:
    done = inviting_desk.ingest("sales.csv", HEADER + rows)

    assert (done["new"], done["rejected"], done["notes"]) == (rows.count("\n"), 0, [note])
    assert states(inviting_desk) == {}
    assert told(inviting_desk, *(who for who in inviting_desk.contents() if who)) == []


def test_people_see_why_a_code_did_not_count(inviting_desk: Desk) -> None:
    path = inviting_desk.put("sales.csv", HEADER + NEWCOMER.replace("7KQ2M9XA", "oops"))

    assert "\n  N1: nobody was given the code OOPS\n" in inviting_desk.premura("ingest", str(path)).out


def test_a_free_first_purchase_converts_nothing(inviting_desk: Desk) -> None:
    inviting_desk.ingest("sales.csv", HEADER + "1,N1,2026-02-01,0.00,,7KQ2M9XA\n")

    assert states(inviting_desk) == {}


def test_one_code_brings_several_newcomers_each_once(inviting_desk: Desk) -> None:
    inviting_desk.hand_out("ABCDEFGH", "C2")
    rows = (
        NEWCOMER + "2,N2,2026-02-02,20.00,,7KQ2M9XA\n3,N1,2026-02-03,20.00,,7KQ2M9XA\n4,N2,2026-02-04,9.00,,ABCDEFGH\n"
    )

    done = inviting_desk.ingest("sales.csv", HEADER + rows)

    assert done["notes"] == ["N1: the customer had bought here before", "N2: the customer had bought here before"]
    assert states(inviting_desk) == {"N1": "converted", "N2": "converted"}
    assert told(inviting_desk, "C1", "C2") == [("C1", CONVERTED, "2026-02-01"), ("C1", CONVERTED, "2026-02-02")]


def test_two_codes_on_the_first_day_count_once(inviting_desk: Desk) -> None:
    inviting_desk.hand_out("ABCDEFGH", "C2")

    inviting_desk.ingest("sales.csv", HEADER + NEWCOMER + "2,N1,2026-02-01,20.00,,ABCDEFGH\n")

    assert told(inviting_desk, "C1", "C2", "N1") == [("C1", CONVERTED, "2026-02-01"), ("N1", JOINED, "2026-02-01")]


@pytest.mark.parametrize("apart", [False, True])
def test_a_refund_of_the_whole_first_purchase_undoes_it(inviting_desk: Desk, apart: bool) -> None:
    refund = "2,N1,2026-02-09,-80.00,1,\n"
    if apart:
        inviting_desk.ingest("sales.csv", HEADER + NEWCOMER)
        inviting_desk.ingest("orders.csv", HEADER + refund)
    else:
        inviting_desk.ingest("sales.csv", HEADER + refund + NEWCOMER)

    assert states(inviting_desk) == {"N1": "reversed"}
    assert told(inviting_desk, "C1", "N1") == [
        ("C1", CONVERTED, "2026-02-01"),
        ("C1", REVERSED, "2026-02-09"),
        ("N1", JOINED, "2026-02-01"),
        ("N1", REVERSED, "2026-02-09"),
    ]


def test_a_refund_in_part_changes_nothing_until_the_rest_follows(inviting_desk: Desk) -> None:
    inviting_desk.ingest("sales.csv", HEADER + NEWCOMER + "2,N1,2026-02-09,-30.00,1,\n")
    assert states(inviting_desk) == {"N1": "converted"}

    inviting_desk.ingest("orders.csv", HEADER + "3,N1,2026-02-20,-50.00,1,\n4,N1,2026-02-21,10.00,,7KQ2M9XA\n")

    assert states(inviting_desk) == {"N1": "reversed"}
    assert told(inviting_desk, "C1") == [("C1", CONVERTED, "2026-02-01"), ("C1", REVERSED, "2026-02-20")]


def test_a_refund_that_names_no_sale_counts_when_nothing_is_left(inviting_desk: Desk) -> None:
    inviting_desk.ingest("sales.csv", HEADER + NEWCOMER + "2,N1,2026-02-03,20.00,,\n3,N1,2026-02-09,-80.00,,\n")
    assert states(inviting_desk) == {"N1": "converted"}

    inviting_desk.ingest("orders.csv", HEADER + "4,N1,2026-02-10,-20.00,,\n")

    assert states(inviting_desk) == {"N1": "reversed"}
    assert told(inviting_desk, "N1") == [("N1", JOINED, "2026-02-01"), ("N1", REVERSED, "2026-02-10")]


def test_an_older_purchase_that_arrives_later_undoes_it_on_that_day(inviting_desk: Desk) -> None:
    inviting_desk.ingest("sales.csv", HEADER + NEWCOMER, as_of="2026-02-02")
    assert states(inviting_desk) == {"N1": "converted"}

    inviting_desk.ingest("archive-orders.csv", HEADER + "a7,N1,2025-11-03,15.00,,\n", as_of="2026-02-10")

    assert states(inviting_desk) == {"N1": "reversed"}
    assert told(inviting_desk, "C1", "N1") == [
        ("C1", CONVERTED, "2026-02-01"),
        ("C1", REVERSED, "2026-02-10"),
        ("N1", JOINED, "2026-02-01"),
        ("N1", REVERSED, "2026-02-10"),
    ]
    before = inviting_desk.contents()
    inviting_desk.ingest("sales.csv", as_of="2026-02-11")
    assert inviting_desk.contents() == before


def test_a_first_purchase_with_a_code_that_arrives_after_a_later_one_counts(inviting_desk: Desk) -> None:
    inviting_desk.ingest("sales.csv", HEADER + "2,N1,2026-02-05,15.00,,\n")

    inviting_desk.ingest("archive-orders.csv", HEADER + NEWCOMER)

    assert states(inviting_desk) == {"N1": "converted"}


def test_a_code_that_is_handed_out_after_the_first_reading_counts_in_the_next(desk: Desk) -> None:
    assert desk.ingest("sales.csv", HEADER + NEWCOMER)["notes"] == ["N1: nobody was given the code 7KQ2M9XA"]

    desk.hand_out("7KQ2M9XA", "C1")
    desk.ingest("sales.csv")

    assert states(desk) == {"N1": "converted"}


def test_conversions_of_others_are_left_alone(inviting_desk: Desk) -> None:
    inviting_desk.ingest("sales.csv", HEADER + NEWCOMER + "2,N2,2026-02-02,20.00,,7KQ2M9XA\n")

    inviting_desk.ingest("orders.csv", HEADER + "3,N2,2026-02-09,-20.00,2,\n")

    assert states(inviting_desk) == {"N1": "converted", "N2": "reversed"}
    with inviting_desk.store.read() as connection:
        assert [row["state"] for row in referrals.listing(connection)].count("invited") == 1
