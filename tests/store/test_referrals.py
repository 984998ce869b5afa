"""Referrals: an invite for each code, one conversion for each newcomer."""

from __future__ import annotations

from sqlalchemy import Connection

from engine.core.records import ReferralInvite
from engine.store import referrals
from engine.store.session import Store
from tests.store.seed import DAY, NOON, customer, ready, sale


def invite(connection: Connection, ref: str = "C1", code: str = "ABC") -> bool:
    action = ready(connection, ref, occurrence=f"invite {code}")
    invitation = ReferralInvite(code=code, link=f"https://shop.example/{code}")
    return referrals.invite(connection, invitation, referrer=action.customer_id, action=action.id, now=NOON)


def convert(connection: Connection, newcomer: str, code: str = "ABC", referrer: str = "C1") -> bool:
    return referrals.convert(
        connection,
        code=code,
        referrer=customer(connection, referrer),
        newcomer=customer(connection, newcomer),
        txn=sale(connection, newcomer),
        now=NOON + DAY,
    )


def test_a_code_is_handed_out_once_as_far_as_the_store_is_concerned(store: Store) -> None:
    with store.write() as connection:
        assert invite(connection)
        assert not referrals.invite(
            connection, ReferralInvite(code="ABC", link=""), referrer=customer(connection), action=1, now=NOON
        )
        assert referrals.owners(connection, ["ABC", "XYZ"]) == {"ABC": customer(connection)}
        assert referrals.owners(connection, []) == {}


def test_a_code_may_bring_many_but_each_newcomer_comes_once(store: Store) -> None:
    with store.write() as connection:
        invite(connection)
        invite(connection, "C9", "XYZ")
        assert convert(connection, "N1")
        assert convert(connection, "N2")
        assert not convert(connection, "N1")
        assert not convert(connection, "N1", "XYZ", "C9")  # nor by another code
        assert referrals.owners(connection, ["ABC"]) == {"ABC": customer(connection)}
        told = [(row["referrer"], row["newcomer"], row["state"]) for row in referrals.listing(connection)]
    assert told == [
        ("C1", None, "invited"),
        ("C9", None, "invited"),
        ("C1", "N1", "converted"),
        ("C1", "N2", "converted"),
    ]


def test_a_conversion_that_was_undone_is_none_any_more(store: Store) -> None:
    with store.write() as connection:
        invite(connection)
        convert(connection, "N1")
        (found,) = [row for row in referrals.listing(connection) if row["state"] == "converted"]
        assert (found["code"], found["txn_id"]) == ("ABC", sale(connection, "N1"))
        referrals.reverse(connection, found["id"])
        assert [row["state"] for row in referrals.listing(connection)] == ["invited", "reversed"]
        assert not convert(connection, "N1")  # once a newcomer, never again
