"""Lift: the first draw counts, once its time is over; a difference is told as surely as it can be known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from engine.core.arms import Arm
from engine.core.calendar import Duration
from engine.report.lift import ALL, Entry, Group, LiftLine, entries, lines

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
H, C = Arm.HOLDOUT, Arm.COMPARISON


def test_the_first_draw_counts_and_only_the_two_groups() -> None:
    found = entries(
        [("a", 1, NOON + DAY, "holdout"), ("a", 1, NOON, "holdout"), ("a", 2, NOON, "comparison"),
         ("a", 3, NOON, "treated"), ("b", 1, NOON, "comparison")]
    )  # fmt: skip
    assert found == {
        ("a", 1): Entry(at=NOON, arm=H), ("a", 2): Entry(at=NOON, arm=C), ("b", 1): Entry(at=NOON, arm=C),
    }  # fmt: skip


def test_all_together_are_drawn_by_the_workspace() -> None:
    found = entries(
        [("a", 1, NOON, "workspace_holdout"), ("a", 2, NOON + DAY, "treated+workspace_comparison"),
         ("b", 2, NOON, "holdout+workspace_comparison"), ("b", 3, NOON, "holdout")]
    )  # fmt: skip
    assert found == {
        (ALL, 1): Entry(at=NOON, arm=H), (ALL, 2): Entry(at=NOON, arm=C), ("b", 2): Entry(at=NOON, arm=H),
        ("b", 3): Entry(at=NOON, arm=H),
    }  # fmt: skip


def test_the_time_after_the_draw() -> None:
    assert Entry(at=NOON, arm=H).ends(Duration(days=90)) == NOON + 90 * DAY


def test_a_group_knows_its_mean_and_how_sure_it_is() -> None:
    group = Group()
    assert (group.mean, group.error) == (0.0, 0.0)
    paid = [0, 500, -300, 1000]
    for amount in paid:
        group.count(amount)
    assert group.mean == np.mean(paid)
    assert group.error == pytest.approx(np.var(paid, ddof=1) / 4)


def told(holdout: list[int], comparison: list[int], coming: int = 0) -> LiftLine:
    groups = [(H, amount) for amount in holdout] + [(C, amount) for amount in comparison]
    entered = {("a", number): Entry(at=NOON, arm=arm) for number, (arm, _) in enumerate(groups)}
    paid = {("a", number): amount for number, (_, amount) in enumerate(groups)}
    later = {("a", -number): Entry(at=NOON, arm=H) for number in range(1, coming + 1)}
    (line,) = lines(paid, {**entered, **later}, later)
    return line


@pytest.mark.parametrize(
    ("holdout", "comparison", "says"),
    [
        ([0, 1000] * 50, [500, 1500] * 50, "more"),
        ([500, 1500] * 50, [0, 1000] * 50, "less"),
        ([0, 1000] * 50, [0, 1001] * 50, "nothing sure"),
        ([0, 1000] * 49, [500, 1500] * 500, "too few"),
        ([], [], "too few"),
    ],
)
def test_what_it_says(holdout: list[int], comparison: list[int], says: str) -> None:
    assert told(holdout, comparison, coming=1).says == says


def test_a_line_has_all_that_it_was_read_from() -> None:
    assert told([0, 1000] * 50, [500, 1500] * 100, coming=3) == LiftLine(
        rule="a", holdout=100, holdout_mean_minor=500, comparison=200, comparison_mean_minor=1000,
        difference_minor=500, low_minor=379, high_minor=621, coming=3, says="more",
    )  # fmt: skip


def test_the_range_holds_the_truth_nineteen_times_out_of_twenty() -> None:
    chance = np.random.default_rng(7)
    hits = 0
    for _ in range(400):
        sums = chance.gamma(0.4, 5000, size=(2, 200)) * (chance.random((2, 200)) < 0.5)
        line = told(sums[0].astype(int).tolist(), (sums[1] + 300).astype(int).tolist())
        hits += line.low_minor <= 300 <= line.high_minor
    assert 365 <= hits <= 394


def test_lines_come_by_name_with_all_together_first() -> None:
    entered = {(rule, 1): Entry(at=NOON, arm=H) for rule in ("b", ALL, "a")}
    assert [(line.rule, line.coming) for line in lines({}, entered, entered)] == [(ALL, 1), ("a", 1), ("b", 1)]
