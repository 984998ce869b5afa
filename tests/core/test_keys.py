"""Keys that are the same every time, and different for different things."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.keys import action_id, canonical_json, dedupe_key, fraction, keyed_hash, sha256, short_code

NAMES = st.text("ab:%3A", max_size=4)
PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


class TestDedupeKey:
    def test_it_can_be_read(self) -> None:
        assert dedupe_key("thanks", "C1", "event/7", "mail") == "thanks:C1:event/7:mail"
        assert dedupe_key("thanks", "C1", "premura/joined:ABC:C2", "mail") == "thanks:C1:premura/joined:ABC:C2:mail"

    @given(st.tuples(NAMES, NAMES, NAMES, NAMES), st.tuples(NAMES, NAMES, NAMES, NAMES))
    def test_two_actions_never_share_one(
        self, one: tuple[str, str, str, str], other: tuple[str, str, str, str]
    ) -> None:
        assert (dedupe_key(*one) == dedupe_key(*other)) == (one == other)

    def test_a_colon_in_a_reference_is_no_border(self) -> None:
        assert dedupe_key("r", "1:2", "x", "s") != dedupe_key("r", "1", "2:x", "s")
        assert dedupe_key("r", "1:2", "x", "s") != dedupe_key("r", "1%3A2", "x", "s")


class TestJson:
    def test_the_bytes_are_those_of_the_values(self) -> None:
        assert canonical_json({"b": 1, "a": "è"}) == '{"a":"è","b":1}'

    @given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
    def test_equal_values_are_equal_bytes(self, value: dict[str, Any]) -> None:
        turned = dict(reversed(value.items()))
        assert canonical_json(turned) == canonical_json(value)
        assert json.loads(canonical_json(value)) == value
        assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)

    def test_sha256_is_that_of_the_utf_8_bytes(self) -> None:
        # FIPS 180-4's example "abc"
        assert sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert sha256("è") == hashlib.sha256(b"\xc3\xa8").hexdigest()


def hmac_by_hand(key: bytes, message: bytes) -> str:
    """RFC 2104, section 2, for a key of at most 64 bytes."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).hexdigest()


class TestKeyedHash:
    def test_the_hand_made_one_is_right(self) -> None:
        # RFC 4231, test case 2
        expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        assert hmac_by_hand(b"Jefe", b"what do ya want for nothing?") == expected

    @given(st.text(max_size=16), PARTS)
    def test_it_is_hmac_sha256_over_parts_with_their_lengths(self, secret: str, parts: list[str]) -> None:
        if len(secret.encode(errors="replace")) > 64 or not secret.isprintable():
            return
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        assert keyed_hash(secret, *parts) == hmac_by_hand(secret.encode(), message)

    @given(PARTS, PARTS)
    def test_parts_do_not_run_together(self, one: list[str], other: list[str]) -> None:
        assert (keyed_hash("key", *one) == keyed_hash("key", *other)) == (one == other)

    def test_another_secret_is_another_hash(self) -> None:
        assert keyed_hash("key", "a") != keyed_hash("other", "a")


class TestFraction:
    @given(st.text(max_size=5), PARTS)
    def test_it_lies_between_0_and_1_and_stays(self, secret: str, parts: list[str]) -> None:
        if not secret.isprintable():
            return
        drawn = fraction(secret, *parts)
        assert 0 <= drawn < 1
        assert drawn == fraction(secret, *parts)

    @pytest.mark.parametrize("secret", ["one", "two", "three"])
    def test_lots_are_even(self, secret: str) -> None:
        bins, draws = 20, 10_000
        found = [0] * bins
        for number in range(draws):
            found[int(fraction(secret, "holdout", f"C{number:05}") * bins)] += 1
        expected = draws / bins
        assert sum((count - expected) ** 2 / expected for count in found) < 43.8  # chi-square, 19 degrees, p = 0.001

    def test_two_rules_draw_their_lots_apart(self) -> None:
        first = [fraction("key", "a", str(number)) < 0.5 for number in range(4000)]
        second = [fraction("key", "b", str(number)) < 0.5 for number in range(4000)]
        both = sum(one and other for one, other in zip(first, second, strict=True))
        assert abs(both - 1000) < 4 * (4000 * 0.25 * 0.75) ** 0.5


class TestShortCode:
    @given(st.text("abc", max_size=3), st.integers(1, 20))
    def test_it_can_be_read_aloud(self, part: str, length: int) -> None:
        code = short_code("key", part, length=length)
        assert len(code) == length
        assert not set(code) - set("23456789ABCDEFGHJKMNPQRSTUVWXYZ")
        assert code == short_code("key", part, length=length)
        assert short_code("key", part, length=length + 1).startswith(code)

    def test_thousands_of_customers_have_their_own(self) -> None:
        assert len({short_code("key", f"C{number}") for number in range(20_000)}) == 20_000

    def test_all_signs_come_up(self) -> None:
        seen = "".join(short_code("key", str(number)) for number in range(200))
        assert len(set(seen)) == 31


def test_an_action_that_is_decided_again_has_the_same_name() -> None:
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    named = UUID(action_id("thanks:C1:shop/E1:mail", at))
    assert (named.version, named.variant) == (7, RFC_4122)
    assert named.int >> 80 == int(at.timestamp() * 1000)
    assert str(named) == action_id("thanks:C1:shop/E1:mail", at)
    assert len({action_id(f"thanks:C{number}:shop/E1:mail", at) for number in range(2000)}) == 2000
    assert action_id("a", at) < action_id("a", at + timedelta(milliseconds=1))
    assert UUID(action_id("a", datetime(1960, 1, 1, tzinfo=UTC))).version == 7
