"""The history of scores: what goes in comes out, at any instant, in a layout that outlives the code that wrote it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isclose

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from engine.core.facts import Score
from engine.errors import StoreError
from engine.store import score_history
from engine.store.score_history import find, pack
from engine.store.scores import COLUMNS, Columns
from engine.store.session import Store
from tests.store.seed import DAY, NOON, begun, columns, score

MONEY = st.none() | st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-200, 200)
SHORT = st.floats(0, 1e9, width=32).map(lambda number: float(str(np.float32(number))))
"""Numbers of seven digits."""
NUMBER = st.none() | SHORT
SCORES = st.builds(
    Score,
    customer=st.just(""),
    frequency=st.integers(0, 2**31 - 1),
    recency=SHORT,
    T=SHORT,
    monetary_minor=MONEY,
    p_alive=NUMBER,
    expected_purchases=NUMBER,
    expected_spend_minor=MONEY,
    clv_minor=MONEY,
    clv_low_minor=MONEY,
    clv_high_minor=MONEY,
    percentile=NUMBER,
    tier=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
    days_since_purchase=st.integers(-1, 2**31 - 1),
)
BARE = replace(score(), monetary_minor=None, p_alive=None, percentile=None)


def packed(facts: Mapping[int, Score]) -> bytes:
    return content_of(columns(facts))


def content_of(found: Columns) -> bytes:
    [(_, _, content)] = pack(found)
    return content


def keep(connection: Connection, facts: Mapping[int, Score], at: datetime = NOON, run: int | None = None) -> int:
    """The scores of a save; returns its run."""
    run = begun(connection, at) if run is None else run
    score_history.append(connection, run, score_history.pack(columns(facts)), at)
    return run


def alive(connection: Connection, customer: int, at: datetime) -> float | None:
    """P(alive) as it was known at an instant; None without a score."""
    found = score_history.as_of(connection, customer, at)
    return found.facts.p_alive if found else None


class TestABlock:
    @given(st.dictionaries(st.integers(1, 2**63 - 1), SCORES, min_size=1, max_size=6))
    @example({5: BARE, 7: score()})
    def test_gives_back_what_went_in(self, facts: dict[int, Score]) -> None:
        content = packed(facts)

        assert {customer: find(content, customer) for customer in facts} == facts
        assert {find(content, other) for other in (0, min(facts) - 1, max(facts) + 1)} <= {None, *facts.values()}
        assert find(content, min(facts) - 1) is None

    @given(st.floats(0, 1e6))
    @example(524288.34375)  # its seven digits are 524288.4
    def test_keeps_seven_digits_of_other_numbers(self, number: float) -> None:
        found = find(packed({1: replace(score(), T=number, p_alive=number)}), 1)

        assert found is not None
        assert found.p_alive is not None
        assert isclose(found.T, number, rel_tol=5e-7, abs_tol=1e-37)
        assert isclose(found.p_alive, number, rel_tol=5e-7, abs_tol=1e-37)

    def test_has_the_layout_that_is_written_down(self) -> None:
        first = replace(score(0.5, "gold", clv=-300, percentile=0.25), expected_spend_minor=2**40)
        second = replace(score(0.75, "âge", clv=40_000, percentile=1.0), expected_spend_minor=None, frequency=200)
        header = {
            "rows": 2,
            "first": 1000,
            "tiers": ["gold", "âge"],
            "columns": [
                ["customer_id", "|i1"],
                ["frequency", "<i2"],
                ["recency", "<f4"],
                ["T", "<f4"],
                ["monetary_minor", "<i2"],
                ["p_alive", "<f4"],
                ["expected_purchases", "<f4"],
                ["expected_spend_minor", "<i8"],
                ["clv_minor", "<i4"],
                ["clv_low_minor", "|i1"],
                ["clv_high_minor", "|i1"],
                ["percentile", "<f4"],
                ["tier", "|i1"],
                ["days_since_purchase", "|i1"],
            ],
        }
        said = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        shape = struct.Struct("<bhffhffqibbfbb")  # little endian on every machine, without gaps
        rows = shape.pack(0, 3, 10.5, 20.5, 5000, 0.5, 1.5, 2**40, -300, -128, -128, 0.25, 0, 70)
        rows += shape.pack(7, 200, 10.5, 20.5, 5000, 0.75, 1.5, -(2**63), 40_000, -128, -128, 1.0, 1, 70)

        content = packed({1000: first, 1007: second})

        assert content == b"\x01" + struct.pack("<I", len(said)) + said + rows
        assert find(content, 1007) == second

    def test_is_the_same_whatever_the_order_of_bytes_in_memory(self) -> None:
        usual = columns({1000: score(), 1007: BARE})
        other = [one.astype(one.dtype.newbyteorder(">")) for one in usual]

        assert content_of(other) == content_of(usual)
        assert find(content_of(other), 1007) == BARE

    def test_of_a_later_version_is_not_guessed_at(self) -> None:
        with pytest.raises(StoreError, match=r"version 2 \(hint: upgrade"):
            find(b"\x02" + packed({1: score()})[1:], 1)

    def test_is_far_smaller_than_rows(self) -> None:
        usual = {
            number: replace(score(), clv_minor=100 * number, clv_low_minor=number, clv_high_minor=200 * number)
            for number in range(1, score_history.BLOCK + 1)
        }

        assert len(packed(usual)) < 45 * len(usual)


def test_every_column_of_a_score_is_kept() -> None:
    assert {"customer", *COLUMNS[1:]} == set(Score.__slots__)


def test_what_was_known_at_an_instant(store: Store) -> None:
    with store.write() as connection:
        keep(connection, {1: score(0.875), 2: score(0.75)})
        run = keep(connection, {1: score(0.625), 2: score(0.5)}, NOON + 2 * DAY)
        keep(connection, {2: score(0.25)}, NOON + 3 * DAY, run)

        assert [alive(connection, 1, NOON + days * DAY) for days in (-1, 0, 1, 2, 3)] == [
            None,
            0.875,
            0.875,
            0.625,
            0.625,
        ]
        assert alive(connection, 2, NOON + 3 * DAY) == 0.25
        assert alive(connection, 2, NOON + 3 * DAY - timedelta(microseconds=1)) == 0.5
        assert alive(connection, 3, NOON + 9 * DAY) is None
        found = score_history.as_of(connection, 1, NOON + 5 * DAY)
        assert found == score_history.Past(facts=score(0.625), run_id=run, scored_at=NOON + 2 * DAY)


def test_a_customer_between_two_who_were_scored_was_not(store: Store) -> None:
    with store.write() as connection:
        run = keep(connection, {number: score(0.875) for number in (1, 5, 9)})
        keep(connection, {1: score(0.375), 9: score(0.25)}, NOON + DAY, run)

        assert alive(connection, 5, NOON + DAY) == 0.875
        assert alive(connection, 4, NOON + DAY) is None


def test_of_two_saves_at_one_instant_the_later_counts(store: Store) -> None:
    with store.write() as connection:
        keep(connection, {1: score(0.875)})
        keep(connection, {1: score(0.75)})

        assert alive(connection, 1, NOON) == 0.75
        assert [past.facts.p_alive for past in score_history.of_customer(connection, 1)] == [0.875, 0.75]


def test_the_story_of_a_customer_is_told_from_the_beginning(store: Store) -> None:
    with store.write() as connection:
        for days in (2, 0, 1):
            keep(connection, {1: score(days / 4), 2: BARE}, NOON + days * DAY)

        story = score_history.of_customer(connection, 1)
        assert [(past.scored_at, past.facts.p_alive) for past in story] == [
            (NOON, 0.0),
            (NOON + DAY, 0.25),
            (NOON + 2 * DAY, 0.5),
        ]
        assert [past.facts for past in score_history.of_customer(connection, 2)] == [BARE] * 3
        assert score_history.of_customer(connection, 3) == []


def test_a_save_is_cut_into_blocks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_history, "BLOCK", 3)
    everybody = {number: score(number / 128) for number in range(1, 9)}
    with store.write() as connection:
        keep(connection, everybody)
        keep(connection, {})

        spans = connection.execute(text("SELECT first_customer, last_customer FROM score_history ORDER BY id")).all()
        assert spans == [(1, 3), (4, 6), (7, 8)]
        assert {number: alive(connection, number, NOON) for number in everybody} == {
            number: one.p_alive for number, one in everybody.items()
        }


class TestThinning:
    def days(self, connection: Connection) -> list[datetime]:
        return [past.scored_at for past in score_history.of_customer(connection, 1)]

    def test_keeps_the_last_35_days_and_the_first_run_of_each_month_before(self, store: Store) -> None:
        now = datetime(2026, 7, 1, 3, tzinfo=UTC)
        with store.write() as connection:
            nights = [now - days * DAY for days in range(100, -1, -1)]  # from 23 March on
            for night in nights:
                keep(connection, {1: score()}, night)

            gone = score_history.thin(connection, now)

            kept = self.days(connection)
            recent = [night for night in nights if night >= now - 35 * DAY]
            assert kept == [
                *(night for night in nights if (night.month, night.day) in ((3, 23), (4, 1), (5, 1))),
                *recent,
            ]
            assert len(recent) == 36
            assert gone == len(nights) - len(kept)
            assert score_history.thin(connection, now) == 0
            assert self.days(connection) == kept

    def test_keeps_whole_runs(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(score_history, "BLOCK", 1)
        with store.write() as connection:
            first = keep(connection, {1: score(), 2: score()}, NOON)
            keep(connection, {1: score()}, NOON + timedelta(hours=5), first)  # bought in the afternoon
            second = keep(connection, {1: score(), 2: score()}, NOON + DAY)
            keep(connection, {1: score()}, NOON + DAY + timedelta(hours=5), second)

            assert score_history.thin(connection, NOON + 99 * DAY) == 3
            assert self.days(connection) == [NOON, NOON + timedelta(hours=5)]
            assert len(score_history.of_customer(connection, 2)) == 1

    def test_of_nothing_is_nothing(self, store: Store) -> None:
        with store.write() as connection:
            assert score_history.thin(connection, NOON) == 0


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.dictionaries(st.integers(1, 6), st.sampled_from([0.25, 0.5, 0.75]))),
        max_size=8,
    )
)
def test_at_every_instant_the_last_word_before_it_stands(
    sandbox: Store, saves: list[tuple[int, dict[int, float]]]
) -> None:
    saves.sort(key=lambda save: save[0])
    with sandbox.read() as connection:
        run = begun(connection)
        for hours, found in saves:
            facts = {number: score(p_alive) for number, p_alive in sorted(found.items())}
            keep(connection, facts, NOON + timedelta(hours=hours), run)
        for number in range(1, 7):
            for at in range(-1, 6):
                said = [found[number] for hours, found in saves if hours <= at and number in found]
                assert alive(connection, number, NOON + timedelta(hours=at)) == (said[-1] if said else None)


def test_a_save_of_more_than_one_block_has_blocks_of_neighbours() -> None:
    facts = {number: replace(score(), clv_minor=number * number) for number in range(5, score_history.BLOCK + 8)}

    (first, last, whole), (behind, end, rest) = pack(columns(facts))

    assert (first, last, behind, end) == (5, score_history.BLOCK + 4, score_history.BLOCK + 5, score_history.BLOCK + 7)
    for number, content in ((5, whole), (score_history.BLOCK + 4, whole), (score_history.BLOCK + 7, rest)):
        assert find(content, number) == facts[number]
    assert find(rest, 5) is None
