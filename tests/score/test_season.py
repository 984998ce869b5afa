"""The shop's year: a clock that keeps years, and a detector that finds Christmas and no ghosts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.clv import purchases_within
from engine.score.history import History, summarise
from engine.score.models import bg_nbd
from engine.score.models.fit import fit
from engine.score.purchases import Log, net_refunds
from engine.score.season import DAYS_PER_YEAR, IDENTITY, Season
from engine.score.window import split
from engine.score.yearly import AMPLITUDE, FLAGS, LEVEL, Detection, detect

FLAT = (1.0,) * 12
DECEMBER = (*(1.0,) * 11, 3.0)
SUMMER = (1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 1.0, 1.0, 1.0, 1.0)
CLOSED_IN_AUGUST = (*(1.0,) * 7, 0.0, *(1.0,) * 4)
NEW_YEAR_2024 = date(2024, 1, 1).toordinal()
END = date(2024, 9, 30).toordinal()

FirstDays = Callable[[np.random.Generator, int, int], FloatArray]
SEASONS = st.lists(st.floats(0.05, 20), min_size=1, max_size=26).map(
    lambda raw: Season(index=tuple((np.array(raw) / np.mean(raw)).tolist()))
)


def evenly(chance: np.random.Generator, n: int, days: int) -> FloatArray:
    return chance.uniform(0, days, n)


def ever_more(chance: np.random.Generator, n: int, days: int) -> FloatArray:
    return days * np.sqrt(chance.random(n))


def ever_fewer(chance: np.random.Generator, n: int, days: int) -> FloatArray:
    return days * (1 - np.sqrt(chance.random(n)))


def all_at_once(chance: np.random.Generator, n: int, days: int) -> FloatArray:
    return chance.uniform(0, min(days, 60), n)


def mostly_in_december(chance: np.random.Generator, n: int, days: int) -> FloatArray:
    first = chance.uniform(0, days, 4 * n)
    kept = first[chance.random(4 * n) < months_of(END - days + first, DECEMBER) / 3]
    return kept[:n]


def months_of(days: FloatArray, monthly: tuple[float, ...]) -> FloatArray:
    """What each day's calendar month has, read from a calendar."""
    months = (np.floor(days).astype(np.int64) - date(1970, 1, 1).toordinal()).astype("datetime64[D]")
    return np.array(monthly)[months.astype("datetime64[M]").astype(np.int64) % 12]


def seasonal_log(
    seed: int,
    n: int,
    days: int,
    monthly: tuple[float, ...] = FLAT,
    *,
    first_days: FirstDays = evenly,
    growth: float = 0.0,
    echoes: float = 0.0,
    campaigns: int = 0,
    end: int = END,
) -> Log:
    """A BG/NBD shop up to `end` whose customers buy by the month: candidates at the busiest pace, most then dropped.

    growth: of everybody's pace, in a year, as a logarithm. echoes: further purchases within three weeks of each.
    campaigns: so many stretches of a week or two, anywhere, with three times the purchases.
    """
    chance = np.random.default_rng(seed)
    now = np.resize(first_days(chance, n, days), n)
    pace, leaves = chance.gamma(0.8, 1 / 40, n), chance.beta(0.9, 3.5, n)
    starts = chance.uniform(0, days, campaigns)
    lengths = chance.uniform(5, 20, campaigns)

    def busy(at: FloatArray) -> FloatArray:
        special = ((at[:, None] >= starts) & (at[:, None] < starts + lengths)).any(axis=1)
        year = months_of(end - days + at, monthly) / np.mean(monthly)
        return year * np.exp(growth * at / 365.25) * np.where(special, 3.0, 1.0)

    most = float(busy(np.arange(0.0, days)).max())
    who, when, active = [np.arange(n)], [now.copy()], np.arange(n)
    while len(active):
        now[active] += chance.exponential(1, len(active)) / np.maximum(pace[active] * most, 1e-9)
        active = active[now[active] < days]
        bought = active[chance.random(len(active)) < busy(now[active]) / most]
        again = np.repeat(bought, chance.poisson(echoes, len(bought)))
        who += [bought, again]
        when += [now[bought], now[again] + chance.uniform(0, 20, len(again))]
        active = np.setdiff1d(active, bought[chance.random(len(bought)) < leaves[bought]])
    customer, at = np.concatenate(who), np.concatenate(when)
    inside = at < days
    day = np.floor(end - days + 1 + at[inside]).astype(np.int64)
    return Log(customer=customer[inside], day=day, amount_minor=np.full(len(day), 1000))


def seen(log: Log, end: int = END) -> Detection:
    purchases = net_refunds(log, as_of_day=end)
    return detect(purchases.customer, purchases.day, end)


# The clock


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_without_a_season_the_clock_shows_days(days: list[float]) -> None:
    assert IDENTITY.clock(days).tolist() == days


@given(SEASONS, st.floats(600_000, 800_000), st.integers(1, 30))
def test_years_by_the_clock_are_years(season: Season, day: float, years: int) -> None:
    length = season.clock(day + years * DAYS_PER_YEAR) - season.clock(day)
    assert float(length) == pytest.approx(years * DAYS_PER_YEAR, abs=1e-6)


@given(SEASONS, st.floats(600_000, 800_000), st.floats(0.001, 2000))
def test_the_clock_goes_forward_between_its_slowest_and_fastest(season: Season, day: float, ahead: float) -> None:
    gained = float(season.clock(day + ahead) - season.clock(day))
    assert min(season.index) * ahead - 1e-6 <= gained <= max(season.index) * ahead + 1e-6


@given(SEASONS, st.integers(600_000, 800_000), st.sampled_from((365, 366)))
def test_a_calendar_year_differs_by_part_of_a_day_of_the_season(season: Season, day: int, length: int) -> None:
    found = float(season.clock(day + length) - season.clock(day))
    assert abs(found - DAYS_PER_YEAR) <= max(season.index) * abs(length - DAYS_PER_YEAR) + 1e-6


def test_the_clock_runs_by_the_months_of_the_calendar() -> None:
    season = Season(index=tuple(np.array(DECEMBER) / np.mean(DECEMBER)))
    starts = [date(2023, 1, 1), date(2023, 7, 1), date(2023, 12, 1), date(2024, 1, 1)]
    clocked = np.diff(season.clock([day.toordinal() for day in starts]))
    share = np.array([181, 153, 31 * 3]) * 12 / 14
    assert clocked == pytest.approx(share, abs=3)
    assert season.months() == pytest.approx(season.index)


def test_inside_a_part_the_clock_is_straight() -> None:
    season = Season(index=(0.5, 1.5))
    days = NEW_YEAR_2024 + np.array([10.0, 10.5, 11.0, 200.0, 201.0])
    assert np.diff(season.clock(days))[[0, 1, 3]] == pytest.approx([0.25, 0.25, 1.5])


def test_a_season_survives_json() -> None:
    season = Season(index=tuple(np.array(SUMMER) / np.mean(SUMMER)))
    assert Season(index=tuple(json.loads(json.dumps(season.index)))) == season


@pytest.mark.parametrize("index", [(), (0.0, 2.0), (-1.0, 3.0), (1.0, 1.1), (np.nan, 1.0), (np.inf,)])
def test_what_is_no_season_is_refused(index: tuple[float, ...]) -> None:
    with pytest.raises(ScoreError, match="positive numbers with mean 1"):
        Season(index=index)


def test_a_history_by_the_clock_by_hand() -> None:
    season = Season(index=(0.5, 1.5))
    as_of_day = NEW_YEAR_2024 + 30
    log = Log(
        customer=np.array([1, 1, 2]),
        day=np.array([as_of_day - 25, as_of_day - 11, as_of_day - 8]),
        amount_minor=np.array([100, 100, 100]),
    )
    history = summarise(net_refunds(log, as_of_day=as_of_day), time_unit="week", clock=season.clock)
    assert (7 * history.T).tolist() == pytest.approx([12.5, 4])
    assert (7 * history.recency).tolist() == pytest.approx([7.0, 0])
    assert (7 * history.ahead(np.array([10.0, 365.25]))).tolist() == pytest.approx([5.0, 365.25])


@settings(max_examples=60, deadline=None)
@given(SEASONS, st.lists(st.tuples(st.integers(1, 3), st.integers(0, 40)), min_size=1, max_size=12))
def test_every_log_is_a_legal_history_by_every_clock(season: Season, visits: list[tuple[int, int]]) -> None:
    """Also purchases on neighbouring days in the slowest season; `History` refuses what no log can give."""
    customer, day = (np.array(column, dtype=np.int64) for column in zip(*sorted(set(visits)), strict=True))
    log = Log(customer=customer, day=NEW_YEAR_2024 - 20 + day, amount_minor=np.full(len(day), 100))
    purchases = net_refunds(log, as_of_day=NEW_YEAR_2024 + 20)
    found, plain = summarise(purchases, time_unit="day", clock=season.clock), summarise(purchases, time_unit="day")
    assert found.frequency.tolist() == plain.frequency.tolist()
    assert (min(season.index) * plain.T - 1e-6 <= found.T).all()
    assert (max(season.index) * plain.T + 1e-6 >= found.T).all()


# The detector


@pytest.mark.parametrize("monthly", [DECEMBER, SUMMER])
@pytest.mark.parametrize(
    ("n", "years", "first_days"),
    [(220, 2.1, all_at_once), (500, 2.1, evenly), (1000, 2.3, ever_more), (400, 3.1, evenly)],
)
def test_a_strong_season_is_found(monthly: tuple[float, ...], n: int, years: float, first_days: FirstDays) -> None:
    """At about 300 repeat purchases in the quieter of the last two years."""
    for seed in range(4):
        found = seen(seasonal_log(seed, n, int(365.25 * years), monthly, first_days=first_days))
        assert found.flags == ("yearly_pattern",)
        assert found.p_value < LEVEL
        assert found.amplitude > 1.6
        assert found.used == found.season
        best = int(found.season.months().argmax())
        assert monthly[best] == 3


@pytest.mark.parametrize("days", [731, 1096, 1500])
@pytest.mark.parametrize(
    ("first_days", "growth", "echoes", "campaigns"),
    [
        (evenly, 0.0, 0.0, 0),
        (ever_more, 0.7, 0.0, 0),
        (ever_fewer, -0.7, 0.0, 0),
        (all_at_once, 0.0, 0.0, 0),
        (mostly_in_december, 0.0, 0.0, 0),
        (evenly, 0.0, 1.0, 0),
        (evenly, 0.0, 0.0, 3),
    ],
)
def test_no_season_is_seen_where_there_is_none(
    days: int, first_days: FirstDays, growth: float, echoes: float, campaigns: int
) -> None:
    for seed in range(2):
        log = seasonal_log(
            seed, 300, days, first_days=first_days, growth=growth, echoes=echoes, campaigns=campaigns * days // 1000
        )
        found = seen(log)
        assert "yearly_pattern" not in found.flags
        assert found.used == IDENTITY


def test_the_index_of_a_big_shop_is_the_truth() -> None:
    found = seen(seasonal_log(1, 12_000, 1096, DECEMBER, first_days=ever_more, growth=0.3))
    truth = np.array(DECEMBER) / np.mean(DECEMBER)
    assert found.season.months() == pytest.approx(truth, abs=0.3)
    assert found.amplitude == pytest.approx(3, rel=0.15)


def test_a_small_shop_is_drawn_to_no_season() -> None:
    small, big = (seen(seasonal_log(2, n, 800, SUMMER)) for n in (120, 6000))
    assert np.std(small.season.index) < np.std(big.season.index)
    nothing = seen(seasonal_log(2, 300, 800))
    assert np.abs(np.array(nothing.season.index) - 1).max() < 0.2


def test_a_weak_season_of_a_big_shop_is_sure_but_not_strong() -> None:
    found = seen(seasonal_log(3, 12_000, 1096, (*(1.0,) * 10, 1.12, 1.12)))
    assert found.p_value < LEVEL
    assert 1 < found.amplitude < AMPLITUDE
    assert (found.flags, found.used) == ((), IDENTITY)


def test_a_month_without_purchases_is_a_season_too() -> None:
    found = seen(seasonal_log(4, 2000, 1096, CLOSED_IN_AUGUST))
    assert found.flags == ("yearly_pattern",)
    assert int(found.season.months().argmin()) == 7
    assert min(found.season.index) > 0.01


def test_bursts_are_noise_and_raise_the_bar() -> None:
    calm, bursting = (seen(seasonal_log(5, 2000, 1096, DECEMBER, echoes=echoes)) for echoes in (0.0, 2.0))
    assert calm.dispersion < 1.5 < bursting.dispersion
    assert calm.flags == bursting.flags == ("yearly_pattern",)


def test_a_season_of_one_year_only_is_none() -> None:
    log = seasonal_log(6, 3000, 760, DECEMBER)
    plain = seasonal_log(6, 3000, 760)
    turn = END - 380
    once = Log(
        customer=np.concatenate((log.customer[log.day < turn], plain.customer[plain.day >= turn])),
        day=np.concatenate((log.day[log.day < turn], plain.day[plain.day >= turn])),
        amount_minor=np.full(int((log.day < turn).sum() + (plain.day >= turn).sum()), 1000),
    )
    assert seen(once).flags == ()


@pytest.mark.parametrize(("days", "flags"), [(729, ("short_log",)), (731, ("yearly_pattern",))])
def test_two_whole_years_are_needed(days: int, flags: tuple[str, ...]) -> None:
    log = seasonal_log(7, 3000, days, SUMMER, first_days=all_at_once)
    assert int(log.day.min()) == END - days + 1
    assert seen(log).flags == flags
    assert set(flags) <= set(FLAGS)


def test_a_handful_of_purchases_says_nothing() -> None:
    found = seen(seasonal_log(8, 8, 900, DECEMBER, first_days=all_at_once))
    assert found.flags == ("few_repeats",)
    assert (found.used, found.p_value) == (IDENTITY, 1.0)


def test_an_empty_log_is_a_short_one() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert detect(nothing, nothing, END).flags == ("short_log",)


def test_purchases_from_the_future_are_refused() -> None:
    with pytest.raises(ScoreError, match="after the as-of day"):
        detect(np.array([1, 1]), np.array([END - 1000, END + 1]), END)


def test_the_same_log_gives_the_same_answer_whoever_the_customers_are() -> None:
    log = seasonal_log(9, 400, 900, DECEMBER)
    renamed = Log(customer=5000 - log.customer, day=log.day, amount_minor=log.amount_minor)
    one, other = seen(log), seen(renamed)
    assert one == seen(log)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-6)
    assert other.season.index == pytest.approx(one.season.index)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from((0, 1, 13, 400, 729, 3000)), st.integers(1, 60)),
        min_size=1,
        max_size=30,
    )
)
def test_any_log_gets_an_answer(visits: list[tuple[int, int, int]]) -> None:
    """Visits on consecutive days, so that anything from silence to a purchase a day occurs."""
    pairs = {(who, END - 3060 + begin + i) for who, begin, length in visits for i in range(length)} | {(0, END - 3060)}
    customer, day = (np.array(column, dtype=np.int64) for column in zip(*sorted(pairs), strict=True))
    found = detect(customer, day, END)
    assert 0 <= found.p_value <= 1
    assert found.dispersion >= 1
    assert np.isfinite(found.amplitude)
    assert np.mean(found.season.index) == pytest.approx(1)


# What it is good for


def forecast(history: History, days: int) -> float:
    ahead = float(history.ahead(np.array([days]))[0])
    return float(purchases_within(bg_nbd, fit(bg_nbd, history).params, history, ahead).sum())


@pytest.mark.parametrize(
    ("monthly", "end"),
    [(DECEMBER, date(2024, 9, 30)), (DECEMBER, date(2024, 12, 31)), (SUMMER, date(2024, 5, 31))],
)
def test_the_clock_takes_the_season_out_of_the_forecast(monthly: tuple[float, ...], end: date) -> None:
    """Two years known, the next quarter foretold; with the season in it, and right after it."""
    as_of_day, days = end.toordinal(), 91
    log = seasonal_log(11, 3000, 760 + days, monthly, first_days=all_at_once, end=as_of_day + days)
    history, window = split(log, calibration_end_day=as_of_day, window_end_day=as_of_day + days, time_unit="day")
    purchases = net_refunds(log, as_of_day=as_of_day)
    season = detect(purchases.customer, purchases.day, as_of_day).used
    without = forecast(history, days) / window.purchases.sum() - 1
    by_clock = forecast(summarise(purchases, time_unit="day", clock=season.clock), days) / window.purchases.sum() - 1
    assert abs(without) > 0.15
    assert abs(by_clock) < 0.4 * abs(without)


def test_months_of_reads_the_calendar() -> None:
    days: IntArray = np.array([date(2024, 2, 29).toordinal(), date(2023, 12, 31).toordinal(), NEW_YEAR_2024])
    assert months_of(days.astype(np.float64), tuple(float(i) for i in range(1, 13))).tolist() == [2, 12, 1]
