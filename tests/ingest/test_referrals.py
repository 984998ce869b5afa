from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.ingest.referrals import Claim, Purchase, converted, judge, reversed_, undone_at

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = NOON + 30 * DAY


def claim(customer: int = 2, code: str = "ABC", at: datetime = NOON, txn: int = 1) -> Claim:
    return Claim(txn=txn, customer=customer, code=code, occurred_at=at)


def bought(amount: int, day: int = 0, *, txn: int = 0, reverses: str | None = None) -> Purchase:
    """The purchase that brought the newcomer is 1, of day 0."""
    key = str(txn or 100 + day)
    return Purchase(txn=txn, key=key, reverses=reverses, occurred_at=NOON + day * DAY, amount_minor=amount)


FIRST = bought(5000, txn=1)


def verdict(one: Claim, first: datetime | None = None) -> tuple[int | None, str]:
    (ruling,) = judge([one], {"ABC": 7}, {one.customer: first or one.occurred_at})
    return ruling.referrer, ruling.reason


def test_a_newcomers_first_purchase_with_a_code_counts() -> None:
    assert verdict(claim()) == (7, "")


def test_what_does_not_count_and_why() -> None:
    assert verdict(claim(code="XYZ")) == (None, "nobody was given the code XYZ")
    assert verdict(claim(customer=7)) == (None, "a customer's own code does not count")
    assert verdict(claim(), NOON - DAY) == (None, "the customer had bought here before")


def test_one_code_brings_many_but_each_of_them_once() -> None:
    claims = [claim(3), claim(2, txn=4), claim(2, "DEF", txn=5), claim(2, at=NOON + DAY, txn=6)]

    rulings = judge(claims, {"ABC": 7, "DEF": 8}, {2: NOON, 3: NOON})

    assert [(one.claim.txn, one.referrer) for one in rulings] == [(1, 7), (4, 7), (5, None), (6, None)]


CLAIMS = st.lists(
    st.builds(claim, st.integers(1, 4), st.sampled_from(("ABC", "DEF", "NO")), st.just(NOON), st.integers()),
    unique_by=lambda one: one.txn,
)


@given(CLAIMS.flatmap(lambda claims: st.tuples(st.just(claims), st.permutations(claims))))
def test_rulings_do_not_depend_on_the_order_of_the_file(both: tuple[list[Claim], list[Claim]]) -> None:
    claims, shuffled = both
    first = {one.customer: NOON for one in claims}
    owners = {"ABC": 1, "DEF": 2}

    assert judge(claims, owners, first) == judge(shuffled, owners, first)
    counted = [one.claim.customer for one in judge(claims, owners, first) if one.referrer is not None]
    assert len(counted) == len(set(counted))


def test_a_conversion_stands() -> None:
    assert undone_at(1, [FIRST], LATER) is None
    assert undone_at(1, [FIRST, bought(2000, 3), bought(-2000, 4)], LATER) is None
    assert undone_at(1, [FIRST, bought(-4999, 2, reverses="1")], LATER) is None
    assert undone_at(1, [FIRST, bought(3000, 1), bought(-3000, 2, reverses="101"), bought(-1, 3)], LATER) is None


def test_it_falls_when_its_purchase_is_given_back_whole() -> None:
    assert undone_at(1, [FIRST, bought(-5000, 2, reverses="1")], LATER) == NOON + 2 * DAY
    parts = [bought(-2000, 2, reverses="1"), bought(-3000, 5, reverses="1")]
    assert undone_at(1, [FIRST, *parts, bought(900, 9)], LATER) == NOON + 5 * DAY


def test_it_falls_when_everything_is_given_back_without_a_name() -> None:
    assert undone_at(1, [FIRST, bought(1000, 1), bought(-6000, 3)], LATER) == NOON + 3 * DAY


def test_a_refund_that_is_dated_before_its_purchase_undoes_it_at_the_purchase() -> None:
    assert undone_at(1, [FIRST, bought(-5000, -1, reverses="1")], LATER) == NOON


def test_it_falls_when_an_older_purchase_comes_to_light() -> None:
    assert undone_at(1, [bought(100, -9), FIRST], LATER) == LATER
    assert undone_at(1, [bought(0, -9), FIRST], LATER) == LATER
    assert undone_at(1, [bought(100, -9), FIRST], NOON - 60 * DAY) == NOON
    assert undone_at(1, [bought(-100, -9), FIRST], LATER) is None


def test_both_sides_are_told_once() -> None:
    came = converted("ABC", 7, 2, "C2", NOON)
    went = reversed_("ABC", 7, 2, "C2", LATER)

    assert [(who, event.kind, event.occurred_at) for who, event in (*came, *went)] == [
        (7, "referral.converted", NOON),
        (2, "referral.joined", NOON),
        (7, "referral.reversed", LATER),
        (2, "referral.reversed", LATER),
    ]
    assert all(event.payload == {"code": "ABC"} for _, event in (*came, *went))
    keys = [event.ext_key for _, event in (*came, *went, *converted("ABC", 7, 3, "C3", NOON))]
    assert len(set(keys)) == 6
