"""Lift: the first draw counts, once its time is over; who lives together counts as one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from engine.core.arms import Arm
from engine.core.calendar import Duration
from engine.report.lift import ALL, Brought, Entry, LiftLine, entries, lines

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


Homes = Sequence[Sequence[tuple[int, int]]]


def told(holdout: Homes, comparison: Homes, coming: int = 0) -> LiftLine:
    """The line of a rule, by the revenue and margin of each member of each household."""
    entered: dict[tuple[str, int], Entry] = {}
    brought: dict[tuple[str, int], Brought] = {}
    for arm, homes in ((H, holdout), (C, comparison)):
        for number, home in enumerate(homes):
            for revenue, margin in home:
                place = ("a", len(entered))
                entered[place] = Entry(at=NOON, arm=arm)
                name = f"{arm}{number}" if len(home) > 1 else ""
                brought[place] = Brought(household=name, revenue_minor=revenue, margin_minor=margin)
    later = {("a", -number): Entry(at=NOON, arm=H) for number in range(1, coming + 1)}
    (line,) = lines(brought, {**entered, **later}, later)
    return line


def test_a_line_has_all_that_it_was_read_from() -> None:
    alone: Homes = [[(0, 0)], [(1000, 400)]] * 50
    found = told(alone, [[(500, 300)], [(1500, 500)], [(1000, 0), (1000, 0)]] * 100, coming=3)

    assert (found.rule, found.coming) == ("a", 3)
    assert (found.holdout, found.holdout_households) == (100, 100)
    assert (found.comparison, found.comparison_households) == (400, 300)
    assert (found.revenue.holdout_mean_minor, found.revenue.comparison_mean_minor) == (500, 1000)
    assert (found.margin.holdout_mean_minor, found.margin.comparison_mean_minor) == (200, 200)
    assert (found.revenue.says, found.margin.says) == ("more", "nothing sure")


def test_a_household_in_two_groups_is_one_in_each() -> None:
    """A customer who moved in with another after the draw."""
    entered = {("a", 1): Entry(at=NOON, arm=H), ("a", 2): Entry(at=NOON, arm=C), ("a", 3): Entry(at=NOON, arm=C)}
    brought = {place: Brought(household="villa", revenue_minor=100 * place[1]) for place in entered}
    (line,) = lines(brought, entered, ())
    assert (line.holdout, line.holdout_households, line.comparison, line.comparison_households) == (1, 1, 2, 1)
    assert (line.revenue.holdout_mean_minor, line.revenue.comparison_mean_minor) == (100, 250)


def test_lines_come_by_name_with_all_together_first() -> None:
    entered = {(rule, 1): Entry(at=NOON, arm=H) for rule in ("b", ALL, "a")}
    assert [(line.rule, line.coming) for line in lines({}, entered, entered)] == [(ALL, 1), ("a", 1), ("b", 1)]
