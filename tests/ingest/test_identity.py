from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ingest.identity import RowKeys, email, reference, referral_code

SAID = st.fixed_dictionaries({"of": st.sampled_from(("C1", "C2")), "amount": st.integers(1, 3)})


@pytest.mark.parametrize(
    ("text", "plain"),
    [(" Ada@Mail.Example ", "ada@mail.example"), ("a.b+c@x.y.example", "a.b+c@x.y.example"), ("", "")],
)
def test_an_address_in_its_normal_form(text: str, plain: str) -> None:
    assert email(text) == plain


@pytest.mark.parametrize(
    "text", ["ada", "ada@", "@mail.example", "a b@mail.example", "a@b", "Ada <a@b.example>", "a@b.example, c@d.example"]
)
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        email(text)


@pytest.mark.parametrize(("value", "text"), [(12, "12"), ("12", "12"), (12.0, "12"), (" 0012 ", "0012"), (1.5, "1.5")])
def test_a_reference_is_the_same_as_number_and_as_text(value: object, text: str) -> None:
    assert reference(value) == text


@pytest.mark.parametrize("value", ["", "  ", None, True, [1], {"id": 1}])
def test_no_reference(value: object) -> None:
    with pytest.raises(ValueError, match=r"is empty|is not a reference"):
        reference(value)


@pytest.mark.parametrize("typed", ["7KQ2M9XA", "7kq2m9xa", " 7KQ2 M9XA ", "7kq2-m9xa", "7KQ2\u00a0M9\u2011XA"])
def test_a_code_however_it_was_typed(typed: str) -> None:
    assert referral_code(typed) == "7KQ2M9XA"


def test_a_code_of_digits_may_come_as_a_number() -> None:
    assert referral_code(23456789) == "23456789"


@given(st.lists(SAID))
def test_equal_rows_stay_apart_and_get_the_same_keys_again(rows: list[dict[str, Any]]) -> None:
    keys = RowKeys()
    found = [keys.key(row) for row in rows]

    assert len(set(found)) == len(found)
    again = RowKeys()
    assert [again.key(dict(reversed(row.items()))) for row in rows] == found


@given(st.lists(SAID).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_order_of_rows_does_not_matter(both: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
    one, other = RowKeys(), RowKeys()

    assert {one.key(row) for row in both[0]} == {other.key(row) for row in both[1]}


@given(st.lists(SAID, min_size=1))
def test_a_longer_export_of_the_same_days_only_adds(rows: list[dict[str, Any]]) -> None:
    part, whole = RowKeys(), RowKeys()
    known = {part.key(row) for row in rows[:-1]}

    assert len({whole.key(row) for row in rows} - known) == 1


def test_the_key_tells_how_often_a_row_came() -> None:
    keys = RowKeys()
    found = Counter(keys.key({"a": 1}).rpartition(":")[0] for _ in range(3))

    assert list(found.values()) == [3]
    assert keys.key({"a": 1}).endswith(":4")
