"""Ids to codes and back, whatever they are."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.clv import codes

WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9)
WRITTEN = st.text(max_size=6) | st.sampled_from(
    ["7", "07", "+7", "-0", "0", "-7", " 7", "7.0", "1e3", "9" * 19, "9" * 20]
)


def decoded(parts: list[pl.Series]) -> list[object]:
    names, code = codes.encode(parts)
    assert len(set(names)) == len(names)
    assert set(code.tolist()) <= set(range(len(names)))
    assert len(set(code.tolist())) > len(names) * 0.9
    return [names[one] for one in code.tolist()]


@given(st.lists(st.lists(WHOLE, min_size=1), min_size=1, max_size=4))
@example([[-(2**63), 2**63 - 1]])
@example([[5, 5], [3], [5]])
def test_every_whole_number_gets_its_code(parts: list[list[int]]) -> None:
    ids = [pl.Series(part, dtype=pl.Int64) for part in parts]
    assert decoded(ids) == [one for part in parts for one in part]


@given(st.lists(st.lists(st.text(max_size=3), min_size=1), min_size=1, max_size=3))
def test_every_text_gets_its_code(parts: list[list[str]]) -> None:
    ids = [pl.Series(part, dtype=pl.String) for part in parts]
    assert decoded(ids) == [one for part in parts for one in part]


def test_whole_numbers_beside_texts_are_texts() -> None:
    assert decoded([pl.Series([7, -3]), pl.Series(["C1", "7"])]) == ["7", "-3", "C1", "7"]


def test_close_whole_numbers_are_coded_in_their_order() -> None:
    names, code = codes.encode([pl.Series([30, 10]), pl.Series([20, 10])])
    assert np.asarray(names).tolist() == [10, 20, 30]
    assert code.tolist() == [2, 0, 1, 0]


@pytest.mark.parametrize("spread", [1, 10**12])
def test_many_numbers_close_together_and_far_apart(spread: int) -> None:
    ids = np.random.default_rng(5).integers(0, 3000, 20_000) * spread
    names, code = codes.encode([pl.Series(ids[:9]), pl.Series(ids[9:])])
    assert (np.asarray(names)[code] == ids).all()
    assert len(np.unique(ids)) <= len(names) < len(np.unique(ids)) / 0.9


def test_keys_that_differ_in_their_lowest_bits_alone_stay_apart() -> None:
    keys = (np.arange(64, dtype=np.uint64) // np.uint64(2)) | np.uint64(1 << 63)
    first, code = codes._group(np.tile(keys, 3))
    assert (np.tile(keys, 3)[first][code] == np.tile(keys, 3)).all()
    assert len(first) == 32


def test_texts_with_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    one_hash = lambda keys: (np.array([0]), np.zeros(len(keys), dtype=np.int64))  # noqa: E731 - what a collision gives
    monkeypatch.setattr(codes, "_group", one_hash)
    assert decoded([pl.Series(["a", "b", "a", "c"])]) == ["a", "b", "a", "c"]


@settings(max_examples=150)
@given(st.lists(WRITTEN | WHOLE.map(str), max_size=5))
@example(["7"] * 100 + ["007"])
@example(["10", "7"])
def test_ids_are_whole_numbers_only_when_they_would_be_written_so_again(ids: list[str]) -> None:
    found = codes.plain(pl.Series(ids, dtype=pl.String))
    whole = all(one.removeprefix("-").isdecimal() and str(int(one)) == one for one in ids if one.isascii())
    whole = whole and all(one.isascii() and one and -(2**63) <= int(one) < 2**63 for one in ids)

    assert (found.dtype == pl.Int64) == whole
    assert [str(one) for one in found] == ids
    assert codes.plain(found).equals(found)


def test_a_missing_id_makes_texts_of_all() -> None:
    assert codes.plain(pl.Series(["7", None, "8"])).to_list() == ["7", "", "8"]
