"""What the interval promises, kept on simulated shops: four times out of five what comes lies inside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from engine.score import interval
from engine.score.arrays import FloatArray
from engine.score.clv import Values, values
from engine.score.history import History
from engine.score.models import BUYING, gamma_gamma
from engine.score.models.fit import Fit, fit
from engine.score.models.gamma_gamma import GammaGamma
from engine.score.purchases import Log
from engine.score.terms import Terms
from engine.score.window import split
from tests.score.shops import histories, known

YEAR = Terms(horizon_days=365, annual_rate=0.0)
SHOPS = {"lively": (0.8, 32, 0.9, 3.5), "faithful": (1.5, 60, 0.5, 4.0), "slow": (0.5, 100, 0.8, 2.4)}
"""r, days between purchases on average, a, b."""


def shop(seed: int, n: int, r: float, pace: float, a: float, b: float) -> Log:
    """First purchases over two years, and what follows up to the end of the third."""
    chance = np.random.default_rng(seed)
    now, alive = chance.uniform(0, 730, n), np.full(n, fill_value=True)
    rate, leaves, price = chance.gamma(r, 1 / (pace * r), n), chance.beta(a, b, n), 1500 / chance.gamma(4.0, size=n)
    pieces = []
    while alive.any():
        who = np.flatnonzero(alive)
        spent = np.rint(100 * price[who] * chance.gamma(6.0, size=len(who)) / 6).astype(np.int64) + 1
        pieces.append(np.stack((who, now[who].astype(np.int64) + 1, spent)))
        now = now + chance.exponential(1, n) / np.maximum(rate, 1e-12)
        alive = alive & ((chance.random(n) > leaves) | (len(pieces) == 1)) & (now < 1095)
    customer, day, amount_minor = np.concatenate(pieces, axis=1)
    return Log(customer=customer, day=day, amount_minor=amount_minor)


def foretold(log: Log) -> tuple[Values, FloatArray]:
    """The scores after two years, and what the third brought, in minor units."""
    history, window = split(log, calibration_end_day=730, window_end_day=1095)
    model = BUYING["bg_nbd"]
    return values(model, fit(model, history), gamma_gamma.fit(history), history, YEAR), window.spend * 100


def inside(scores: Values, brought: FloatArray) -> FloatArray:
    return ((brought >= scores.clv_low_minor - 1) & (brought <= scores.clv_high_minor + 1)).astype(float)


@pytest.mark.parametrize("draws", [2, 3, 960])
def test_quantiles_are_those_of_numpy(draws: int) -> None:
    drawn = np.random.default_rng(7).gamma(0.5, size=(5, draws)).round(1)  # with ties
    assert np.array_equal(interval._quantiles(drawn), np.quantile(drawn, np.linspace(0, 1, 201), axis=1).T)


@pytest.mark.parametrize("name", SHOPS)
def test_four_in_five_lie_inside(name: str) -> None:
    scores, brought = foretold(shop(3, 4000, *SHOPS[name]))
    hit, something = inside(scores, brought), scores.clv_high_minor > 0
    assert 0.75 < hit[something].mean() < 0.85
    assert 0.7 < hit[scores.clv_low_minor > 0].mean() < 0.9  # those of whom something is promised
    # of whom nothing is expected, nothing comes: four times out of five at least
    assert hit[~something].mean() > 0.8


def test_over_all_customers_of_several_shops_it_is_four_in_five_too() -> None:
    covered = [inside(*foretold(shop(seed, 1500, *SHOPS[name]))).mean() for name in SHOPS for seed in (1, 2)]
    assert 0.75 < np.mean(covered) < 0.85


def test_small_shops_are_less_sure_and_still_right() -> None:
    hits, wide, narrow = [], [], []
    for seed in range(16):
        scores, brought = foretold(shop(seed, 120, *SHOPS["lively"]))
        hits.append(inside(scores, brought)[scores.clv_high_minor > 0])
        wide.append((scores.clv_high_minor - scores.clv_low_minor).sum() / scores.clv_minor.sum())
    for seed in range(2):
        scores, _ = foretold(shop(seed, 4000, *SHOPS["lively"]))
        narrow.append((scores.clv_high_minor - scores.clv_low_minor).sum() / scores.clv_minor.sum())
    assert 0.75 < np.concatenate(hits).mean() < 0.85
    assert np.median(wide) > np.median(narrow)


@pytest.mark.parametrize("name", [name for name in BUYING if not BUYING[name].OPPORTUNITIES])
@settings(max_examples=15)
@given(history=histories(most=12))
def test_every_history_gets_an_interval_in_order(name: str, history: History) -> None:
    model = BUYING[name]
    found = values(model, fit(model, history), gamma_gamma.fit(history), history, YEAR)
    assert (found.clv_low_minor >= 0).all()
    assert (found.clv_high_minor >= found.clv_low_minor).all()


def test_the_same_history_gives_the_same_interval() -> None:
    log = shop(5, 300, *SHOPS["slow"])
    (one, _), (two, _) = foretold(log), foretold(log)
    assert one.clv_high_minor.tolist() == two.clv_high_minor.tolist()


def test_without_doubt_about_the_parameters_the_spread_is_that_of_chance_alone() -> None:
    history, _ = split(shop(6, 60, *SHOPS["lively"]), calibration_end_day=730, window_end_day=1095)
    model = BUYING["bg_nbd"]
    buying, spending = fit(model, history), gamma_gamma.fit(history)

    def width(bought: Fit[object], spent: Fit[GammaGamma]) -> int:
        found = values(model, bought, spent, history, YEAR)
        return int((found.clv_high_minor - found.clv_low_minor).sum())

    assert width(known(buying.params), known(spending.params)) < width(buying, spending)
