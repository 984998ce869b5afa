"""Of two rows with one key, whether they say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.facts import Transaction
from engine.ingest import sayings
from engine.ingest.happened import Happened
from tests.store.seed import NOON

EVENT: dict[str, Any] = {
    "customers": "C1",
    "kinds": "quote.sent",
    "dates": NOON,
    "payloads": {"amount": 5.0, "what": "a"},
}
OTHER_EVENTS: list[dict[str, Any]] = [
    {"customers": "C2"},
    {"kinds": "quote.accepted"},
    {"dates": NOON + timedelta(minutes=1)},
    {"payloads": {"amount": 6.0, "what": "a"}},
    {"payloads": {"amount": 5.0, "why": "a"}},
    {"payloads": {"amount": 5.0, "what": ["a"]}},
]
SALE = Transaction(customer="C1", ext_key="S1", occurred_at=NOON, amount_minor=500, currency="EUR")
OTHER_SALES: list[dict[str, Any]] = [
    {"customer": "C2"},
    {"occurred_at": NOON + timedelta(minutes=1)},
    {"amount_minor": 501},
    {"currency": "USD"},
    {"cost_minor": 1},
    {"reverses": "S0"},
    {"referral_code": "AAAA"},
    {"lines": ({"what": "a"},)},
]


def digests_of(*said: dict[str, Any]) -> Sequence[int]:
    columns: dict[str, Any] = {name: [one[name] for one in said] for name in EVENT}
    return Happened(numbers=range(len(said)), keys=["E1"] * len(said), **columns).digested().digests


@pytest.mark.parametrize("change", OTHER_EVENTS)
def test_whatever_differs_in_an_event_is_seen(change: dict[str, Any]) -> None:
    first, other, again, last = digests_of(EVENT, EVENT | change, dict(EVENT), EVENT | change)

    assert first == again != other == last


@pytest.mark.parametrize("nested", [False, True])
def test_an_event_says_the_same_however_its_block_is_told(nested: bool) -> None:
    other = {"amount": 5.0, "what": ["b"] if nested else "b"}
    said: dict[str, Any] = {name: [EVENT[name]] * 2 for name in EVENT if name != "payloads"}
    columns = {name: [EVENT["payloads"][name], other[name]] for name in other}
    alike = Happened(numbers=range(2), keys=["E1", "E2"], **said, payloads=columns)

    assert alike.digested().digests == digests_of(EVENT, EVENT | {"payloads": other})
    assert alike.digested().digests[:1] == digests_of(EVENT)
    assert [dict(alike.without([0]).payload(0)), dict(alike.payload(0))] == [other, EVENT["payloads"]]


@pytest.mark.parametrize("change", OTHER_SALES)
def test_whatever_differs_in_a_sale_is_seen(change: dict[str, Any]) -> None:
    assert sayings.of_sale(SALE) == sayings.of_sale(replace(SALE))
    assert sayings.of_sale(replace(SALE, **change)) == sayings.of_sale(replace(SALE, **change))
    assert sayings.of_sale(replace(SALE, **change)) != sayings.of_sale(SALE)


def test_a_customer_may_be_told_of_in_parts() -> None:
    city = sayings.of_customer("C1", {"city": "Roma"})

    assert city[0] != sayings.of_customer("C1", {"given_name": "Ada"})[0]
    assert city == sayings.of_customer("C1", {"city": "Roma"}) != sayings.of_customer("C1", {"city": "Forlì"})


@given(
    st.lists(st.tuples(st.sampled_from(("a", "b", "c", "row:1")), st.integers(0, 2)), max_size=12), st.integers(1, 4)
)
def test_however_a_file_is_cut_the_first_row_with_a_key_counts(rows: list[tuple[str, int]], size: int) -> None:
    first: dict[str, tuple[int, int]] = {}
    for number, (key, said) in enumerate(rows):
        first.setdefault(key, (number, said))
    wrong = {number: first[key][0] for number, (key, said) in enumerate(rows) if first[key][1] != said}
    wrong = {number: earlier for number, earlier in wrong.items() if not rows[number][0].startswith("row:")}

    known, found = sayings.Sayings(), dict[int, int]()
    for start in range(0, len(rows), size):
        keys, digests = zip(*rows[start : start + size], strict=True)
        numbers = range(start, start + len(keys))
        found |= {start + place: earlier for place, earlier in known.contradicted(numbers, keys, digests).items()}
    assert found == wrong


def test_packed_events_are_the_same_ones() -> None:
    columns: dict[str, Any] = {name: [EVENT[name]] * 3 for name in EVENT}
    told = Happened(numbers=range(3), keys=["E1", "E2", "E3"], **columns)
    same = replace(told, payloads={name: [value] * 3 for name, value in EVENT["payloads"].items()})
    for packed in (told.packed(), same.packed()):
        assert [packed.fact(place) for place in range(3)] == [told.fact(place) for place in range(3)]
        left = packed.without({1})
        assert [left.fact(place) for place in range(2)] == [told.fact(0), told.fact(2)]
