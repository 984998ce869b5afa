"""Whether purchases come with a yearly pattern, found in three steps.

1. What would be without a season. Repeat purchases on a day are Poisson with mean sum over the customers known by then
   of h(age) g(day): h a smooth function of the time since the first purchase, g a trend that may bend once a year.
   New customers, decay with age, and growth or decline are therefore no season. Both functions are log-linear and
   found in turns, each on its own margin (repeat purchases by age, by fortnight), which climbs the joint likelihood.
2. How far the years agree. Every stretch of 1, 2, 4, 7 or 13 fortnights (Easter, December, summer, a half-year) is
   compared with step 1 by its signed root deviance, in the sum of all years and in each alone. The noise is what the
   years disagree by, never less than Poisson, and the largest of what fortnights, and stretches of 2 and 4, show: so
   bursts and slow waves count as noise. A stretch counts when each year (of four and more, all but one in four)
   deviates the same way by 2 standard deviations.
3. p: the best stretch against Student's t, times the number of stretches that fit into a year side by side (51,
   Bonferroni; overlapping ones are not independent, and step 2 only lowers p).

A season that is sure is then estimated once more with ages and exposure by its own clock, because who buys three times
as often in December also leaves three times as fast. A single campaign is no season; two that happen to lie in the same
weeks of the only two years cannot be told from one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import stdtr, xlogy  # type: ignore[import-untyped]  # scipy ships no types

from engine.errors import ScoreError
from engine.score.arrays import BoolArray, FloatArray, IntArray, pieces
from engine.score.purchase_days import runs
from engine.score.season import DAYS_PER_YEAR, IDENTITY, NEW_YEAR, Season

LEVEL = 0.001
"""A pattern is flagged when p is below this and `AMPLITUDE` is reached."""
AMPLITUDE = 1.25
FEWEST_REPEATS = 100

FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "yearly_pattern": f"the best month has at least {AMPLITUDE} times the worst one's purchases, year after year",
        "short_log": "less than two whole years, so a season cannot be told from chance",
        "few_repeats": f"fewer than {FEWEST_REPEATS} repeat purchases, too few to see a season",
    }
)

_FORTNIGHTS = 26
_STRETCHES = (1, 2, 4, 7, 13)
_TWO_YEARS = 730
_MOST_ROUNDS = 20
_CHUNK = 1 << 15
_LOWEST = 0.05  # of the index: by a clock that stands still, two purchases could fall on one instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What the log says about its seasons.

    season: the index of 26 fortnights, drawn to 1 by its sampling error, whether strong or not. amplitude: the best
    month over the worst by that index. p_value: of no season at all. dispersion: the noise over that of a Poisson
    process, at least 1. flags: from `FLAGS`; without "yearly_pattern" a model should keep to `IDENTITY`, see `used`.
    """

    season: Season = IDENTITY
    amplitude: float = 1.0
    p_value: float = 1.0
    dispersion: float = 1.0
    flags: tuple[str, ...] = ()

    @property
    def used(self) -> Season:
        """The season to score by."""
        return self.season if "yearly_pattern" in self.flags else IDENTITY


def detect(customer: IntArray, day: IntArray, as_of_day: int) -> Detection:
    """Look for a yearly pattern in purchase days, one row per customer and day, sorted by both.

    Raises ScoreError for a purchase after the as-of day.
    """
    if not len(day) or as_of_day - int(day.min()) + 1 < _TWO_YEARS:
        return Detection(flags=("short_log",))
    if int(day.max()) > as_of_day:
        raise ScoreError("a season cannot be read from purchases after the as-of day")
    margins = _margins(customer, day, as_of_day)
    if margins.by_day.sum() < FEWEST_REPEATS:
        return Detection(flags=("few_repeats",))
    plain, full = _expectation(margins, seasonal=False), _expectation(margins, seasonal=True)
    dispersion = _dispersion(plain, full)
    p_value, index = _p_value(plain, dispersion), full.index
    if p_value < LEVEL:
        by_clock = _margins(customer, day, as_of_day, _season(index))
        index = index * _expectation(by_clock, seasonal=True).index
    season = _shrunk(index, plain, dispersion)
    months = season.months()
    amplitude = float(months.max() / months.min())
    return Detection(
        season=season,
        amplitude=amplitude,
        p_value=p_value,
        dispersion=dispersion,
        flags=("yearly_pattern",) if p_value < LEVEL and amplitude >= AMPLITUDE else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Margins:
    """All that detection reads: per day new customers and repeat purchases, and repeat purchases per age in days.

    calendar: the date, as an ordinal, of each of these days, which are those of a season's clock.
    """

    calendar: FloatArray
    new: FloatArray
    by_day: FloatArray
    by_age: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """Repeat purchases of each fortnight of the last whole years, (years, 26): found, and by a model of them.

    part: which fortnight of the calendar year each column is. index: what the model says of each part; trends: how many
    numbers it spent on the trend.
    """

    found: FloatArray
    mean: FloatArray
    part: IntArray
    index: FloatArray
    trends: int


def _margins(customer: IntArray, day: IntArray, as_of_day: int, season: Season = IDENTITY) -> _Margins:
    """Counted in whole days of the season's clock."""
    days = np.arange(int(day.min()), as_of_day + 1)
    clocked = season.clock(days)
    place = np.rint(clocked - clocked[0]).astype(np.int64)
    length = int(place[-1]) + 1
    starts, counts = runs(customer)
    first = place[day[starts] - days[0]]
    new = np.bincount(first, minlength=length)
    by_day, by_age = np.zeros(length), np.zeros(length)
    ends = starts + counts
    for some in pieces(len(starts), _CHUNK):
        at = place[day[starts[some][0] : ends[some][-1]] - days[0]]
        by_day += np.bincount(at, minlength=length)
        by_age += np.bincount(at - np.repeat(first[some], counts[some]), minlength=length)
    by_age[0] = 0  # the first purchases
    return _Margins(
        calendar=np.interp(np.arange(length), clocked - clocked[0], days),
        new=new.astype(np.float64),
        by_day=by_day - new,
        by_age=by_age,
    )


def _expectation(margins: _Margins, *, seasonal: bool) -> _Expected:
    """Step 1 of the module, with or without a factor for each fortnight of the year."""
    length = len(margins.new)
    slot = np.floor((margins.calendar - NEW_YEAR) * (_FORTNIGHTS / DAYS_PER_YEAR)).astype(np.int64)
    part, slot = np.arange(slot[0], slot[-1] + 1) % _FORTNIGHTS, slot - slot[0]
    trend = _trend(len(part))
    basis = np.hstack((np.eye(_FORTNIGHTS)[part], trend)) if seasonal else trend
    found = _per(slot, margins.by_day)
    ages = _age_basis(length)
    level = np.floor(4 * ages[:, 1]).astype(np.int64)  # ages in steps of a fifth
    by_level = _per(level, margins.by_age)
    at_level = np.stack([_per(level, column) for column in ages.T], axis=1) / np.bincount(level)[:, None]
    factor, change, rounds = np.ones(length), 1.0, 0
    while change > 1e-3 and rounds < _MOST_ROUNDS:
        exposed = _sum_over_customers(margins.new, factor, known_at=False)
        exposed[0] = 0
        rate = np.exp(ages @ _log_linear(at_level, by_level, _per(level, exposed)))
        rate[0] = 0
        expected = _per(slot, _sum_over_customers(margins.new, rate, known_at=True))
        weights = _log_linear(basis, found, expected)
        factors = np.exp(basis @ weights)
        change, rounds = float(np.abs(factors[slot] - factor).max()), rounds + 1
        factor = factors[slot]
    whole = len(part) // _FORTNIGHTS
    last = slice(len(part) - whole * _FORTNIGHTS, None)
    index = np.exp(weights[:_FORTNIGHTS]) if seasonal else np.ones(_FORTNIGHTS)
    return _Expected(
        found=found[last].reshape(whole, -1),
        mean=(expected * factors)[last].reshape(whole, -1),
        part=part[last][:_FORTNIGHTS],
        index=index / index.mean(),
        trends=trend.shape[1],
    )


def _per(group: IntArray, values: FloatArray) -> FloatArray:
    """The sum of the values of each group."""
    return np.bincount(group, weights=values).astype(np.float64)


def _trend(fortnights: int) -> FloatArray:
    """Time in years, and what of it lies after each bend; bends are whole years before the end."""
    time = np.arange(1 - fortnights, 1) / _FORTNIGHTS
    bends = -np.arange(1, fortnights // _FORTNIGHTS)
    return np.hstack((time[:, None], np.maximum(time[:, None] - bends, 0)))


def _age_basis(length: int) -> FloatArray:
    """For each age in days a constant, its logarithm, and what of that lies after a fortnight, and each doubling."""
    log_age = np.log2(1 + np.arange(length) / 14)[:, None]
    bends = np.arange(1, int(log_age[-1, 0]) + 1)
    return np.hstack((np.ones_like(log_age), log_age, np.maximum(log_age - bends, 0)))


def _sum_over_customers(new: FloatArray, values: FloatArray, *, known_at: bool) -> FloatArray:
    """For each day the sum of values[age] of the customers known by then; or for each age that of values[day at it]."""
    size = 1 << (2 * len(new) - 1).bit_length()
    first = np.fft.rfft(new, size)
    product = (first if known_at else np.conj(first)) * np.fft.rfft(values, size)
    total: FloatArray = np.maximum(np.fft.irfft(product, size)[: len(new)], 0)
    return total


def _log_linear(basis: FloatArray, found: FloatArray, exposure: FloatArray) -> FloatArray:
    """Poisson regression by iterated least squares: weights w with E[found] = exposure exp(basis w).

    A normal prior with deviation 10 on each weight, felt only where nothing was found.
    """
    seen = exposure > 1e-9 * exposure.max()
    basis, found, offset = basis[seen], found[seen], np.log(exposure[seen])
    ridge = 0.01 * np.eye(basis.shape[1])
    weights = np.zeros(basis.shape[1])
    log_mean = np.log(found + 0.5)
    for _ in range(30):
        mean = np.exp(log_mean)
        aim = log_mean - offset + found / mean - 1
        before = weights
        weights = np.linalg.solve((basis * mean[:, None]).T @ basis + ridge, basis.T @ (mean * aim))
        log_mean = np.clip(basis @ weights + offset, -30, 30)
        if np.abs(weights - before).max() < 1e-9:
            break
    return weights


def _stretches(values: FloatArray, width: int) -> FloatArray:
    """Sums of so many neighbours, beginning at each column; the year is a circle."""
    around = np.cumsum(np.hstack((np.zeros((len(values), 1)), values, values)), axis=1)
    sums: FloatArray = around[:, width : width + _FORTNIGHTS] - around[:, :_FORTNIGHTS]
    return sums


def _dispersion(plain: _Expected, full: _Expected) -> float:
    """What the years still disagree by when the season is known, over what a Poisson process would."""
    free = full.found.size - _FORTNIGHTS - full.trends
    noise = [
        (_stretches(full.found - full.mean, width) ** 2).sum() / _stretches(plain.mean, width).sum()
        for width in _STRETCHES[:3]
    ]
    return max(1.0, float(max(noise)) * full.found.size / free)


def _p_value(plain: _Expected, dispersion: float) -> float:
    """Steps 2 and 3 of the module."""
    years = len(plain.found)
    best = 0.0
    for width in _STRETCHES:
        found, expected = _stretches(plain.found, width), _stretches(plain.mean, width)
        all_found, all_expected = found.sum(axis=0), expected.sum(axis=0)
        rest = 1 - all_expected / plain.mean.sum()  # the total is fitted, so a long stretch varies less than Poisson
        scale = np.sqrt(dispersion * np.maximum(rest, 0.1))
        total = _root_deviance(all_found, all_expected) / scale
        each = np.sign(total) * _root_deviance(found, expected) / scale
        best = max(best, float(np.abs(total[_agree(each)]).max(initial=0.0)))
    side_by_side = int(sum(_FORTNIGHTS / width for width in _STRETCHES))
    return min(1.0, side_by_side * 2 * float(stdtr(_FORTNIGHTS * (years - 1) / 2, -best)))


def _agree(each: FloatArray) -> BoolArray:
    """Whether every year (of four and more, all but one in four) deviates by two standard deviations."""
    agreed: BoolArray = np.sort(each, axis=0)[len(each) // 4] >= 2
    return agreed


def _root_deviance(found: FloatArray, expected: FloatArray) -> FloatArray:
    """Near normal with deviation 1 even for a handful of purchases (McCullagh & Nelder 1989, 2.4.3); 0 below 5."""
    expected = np.maximum(expected, 1e-9)
    deviance = 2 * (xlogy(found, found / expected) - (found - expected))
    root: FloatArray = np.where(expected < 5, 0.0, np.sign(found - expected) * np.sqrt(np.maximum(deviance, 0)))
    return root


def _shrunk(index: FloatArray, plain: _Expected, dispersion: float) -> Season:
    """The index drawn to 1, each part by its share of noise in what the parts differ by."""
    noise = np.empty(_FORTNIGHTS)
    noise[plain.part] = dispersion / np.maximum(plain.mean.sum(axis=0), 0.1)
    away = index / index.mean() - 1
    seen = noise < 1  # parts with less than an expected purchase say nothing of how much parts differ
    differ = max(0.0, float((away**2 - noise)[seen].mean())) if seen.any() else 0.0
    return _season(1 + away * differ / (differ + noise))


def _season(index: FloatArray) -> Season:
    """The nearest season whose clock never stands still."""
    index = np.maximum(index / index.mean(), _LOWEST)
    return Season(index=tuple((index / index.mean()).tolist()))
