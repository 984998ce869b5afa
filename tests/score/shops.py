"""Shops for the tests of the score room: a real one, simulated ones, and ones written down by hand."""

from __future__ import annotations

import csv
import json
from datetime import date
from functools import lru_cache
from math import lgamma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from engine.score.arrays import FloatArray
from engine.score.history import History
from engine.score.models.fit import Fit, log_likelihood
from engine.score.models.model import Model
from engine.score.purchases import Log
from engine.score.units import DAYS_PER_UNIT, TimeUnit

CDNOW = Path(__file__).parent.parent / "data" / "cdnow"
CALIBRATION_END = date(1997, 9, 30).toordinal()
WINDOW_END = date(1998, 6, 30).toordinal()


@lru_cache(maxsize=1)
def cdnow_log() -> Log:
    """The CDNOW sample; see tests/data/cdnow/README.md."""
    with (CDNOW / "cdnow_sample_transactions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return Log(
        customer=np.array([int(row["customer_id"]) for row in rows]),
        day=np.array([date.fromisoformat(row["date"]).toordinal() for row in rows]),
        amount_minor=np.array([round(100 * float(row["amount"])) for row in rows]),
    )


@lru_cache(maxsize=1)
def cdnow_reference() -> dict[str, Any]:
    """What other implementations say about it."""
    reference: dict[str, Any] = json.loads((CDNOW / "reference_cdnow.json").read_text())
    return reference


def known(params: Any) -> Fit[Any]:
    """Parameters that nobody needs to doubt."""
    return Fit(params=params, log_likelihood=0.0, converged=True, flags=(), n_customers=1, n_repeat=1)


def check_slope(model: Model, point: FloatArray, history: History) -> None:
    """The gradient of a model's likelihood is the slope that central differences find, up to their noise."""

    def at(values: FloatArray) -> tuple[float, FloatArray]:
        named = dict(zip(model.SPACE.names, values.tolist(), strict=True))
        return log_likelihood(model, model.RECORD(**named, time_unit=history.time_unit), history)

    value, gradient = at(point)
    for i in range(len(point)):
        step = np.zeros(len(point))
        step[i] = 1e-5 * point[i]
        slope = (at(point + step)[0] - at(point - step)[0]) / (2 * step[i])
        noise = 1e-9 * max(1.0, abs(value)) / point[i]
        assert gradient[i] == pytest.approx(slope, rel=2e-4, abs=max(noise, 1e-8))  # differences of sums near nothing


def log_of(*rows: tuple[int, int, int] | tuple[int, int, int, int]) -> Log:
    """A log from (customer, day, amount) or (customer, day, amount, reversed row)."""
    full = [row if len(row) == 4 else (*row, -1) for row in rows]
    customer, day, amount, reverses = (np.array([row[i] for row in full], dtype=np.int64) for i in range(4))
    named = [
        day[row] if 0 <= row < len(full) and customer[row] == who and amount[row] >= 0 else 0
        for row, who in zip(reverses.tolist(), customer.tolist(), strict=True)
    ]
    return Log(customer=customer, day=day, amount_minor=amount, sale_day=np.array(named, dtype=np.int64))


def gamma_by_log(value: FloatArray, shape: float, rate: FloatArray | float) -> FloatArray:
    """The gamma density of a value times the value: what one sums over an even grid of logarithms."""
    return np.exp(shape * np.log(rate * value) - rate * value - lgamma(shape))


def beta_by_logit(logit: FloatArray, a: float, b: float) -> FloatArray:
    """The beta density of p times p (1 - p): what one sums over an even grid of logits of p."""
    return np.exp(-a * np.logaddexp(0, -logit) - b * np.logaddexp(0, logit) - lgamma(a) - lgamma(b) + lgamma(a + b))


def history_of(
    x: ArrayLike,
    t_x: ArrayLike,
    T: ArrayLike,  # noqa: N803 - the papers' name
    spend: ArrayLike = 10.0,
    *,
    time_unit: TimeUnit = "day",
) -> History:
    """A history as given; first purchases cost what the repeat ones do on average."""
    frequency = np.asarray(x, dtype=np.int64)
    t_x, T, spend = (  # noqa: N806 - the papers' name
        np.broadcast_to(np.asarray(values, dtype=np.float64), frequency.shape) for values in (t_x, T, spend)
    )
    return History(
        customer=np.arange(len(frequency)),
        frequency=frequency,
        recency=t_x,
        T=T,
        monetary=np.where(frequency > 0, spend, 0.0),
        first_spend=spend,
        days_since_purchase=np.rint((T - t_x) * DAYS_PER_UNIT[time_unit]).astype(np.int64),
        first_day=-np.rint(T * DAYS_PER_UNIT[time_unit]).astype(np.int64),
        time_unit=time_unit,
        exponent=2,
    )


def simulated(
    seed: int,
    n: int,
    *,
    r: float,
    alpha: float,
    a: float,
    b: float,
    spend: tuple[float, float, float] = (6.0, 4.0, 15.0),
    time_unit: TimeUnit = "week",
    oldest: float = 80.0,
) -> History:
    """A shop whose customers do exactly what BG/NBD and Gamma-Gamma say, first seen over `oldest` time units."""
    chance = np.random.default_rng(seed)
    age = chance.uniform(oldest / 8, oldest, n)
    rate, leaves = chance.gamma(r, 1 / alpha, n), chance.beta(a, b, n)
    x, t_x, now, alive = np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n), np.full(n, fill_value=True)
    while alive.any():
        now = now + chance.exponential(1, n) / np.maximum(rate, 1e-12)
        bought = alive & (now <= age)
        x[bought] += 1
        t_x[bought] = now[bought]
        alive = bought & (chance.random(n) > leaves)
    p, q, v = spend
    mean = chance.gamma(p * np.maximum(x, 1)) / (chance.gamma(q, 1 / v, n) * np.maximum(x, 1))
    return history_of(x, t_x, age, mean, time_unit=time_unit)


def simulated_log(seed: int, n: int, days: int) -> Log:
    """The purchases of such a shop, day by day: first ones in the first half, 7 a year on average while they stay."""
    chance = np.random.default_rng(seed)
    now, alive = chance.uniform(0, days / 2, n), np.full(n, fill_value=True)
    pace, leaves, price = chance.gamma(0.8, 1 / 40, n), chance.beta(0.9, 3.5, n), 1500 / chance.gamma(4.0, size=n)
    pieces = []
    while alive.any():
        who = np.flatnonzero(alive)
        spent = np.rint(100 * price[who] * chance.gamma(6.0, size=len(who)) / 6).astype(np.int64)
        pieces.append(np.stack((who, now[who].astype(np.int64), spent)))
        now = now + chance.exponential(1, n) / np.maximum(pace, 1e-12)
        stays = (chance.random(n) > leaves) if len(pieces) > 1 else alive
        alive = alive & stays & (now < days)
    customer, day, amount_minor = np.concatenate(pieces, axis=1)
    return Log(customer=customer, day=day, amount_minor=amount_minor)


@st.composite
def histories(draw: st.DrawFn, *, most: int = 8) -> History:
    """Any history that days can give, up to a hundred years and a purchase every day of the first fourteen."""
    n = draw(st.integers(1, most))
    unit: TimeUnit = draw(st.sampled_from(("day", "week", "month")))
    x, t_x, age, spend = [], [], [], []
    for _ in range(n):
        x.append(draw(st.one_of(st.just(0), st.integers(1, 5), st.integers(1, 5000))))
        t_x.append(draw(st.integers(x[-1], max(x[-1], 20_000))) if x[-1] else 0)
        age.append(t_x[-1] + draw(st.one_of(st.just(0), st.integers(0, 16_500))))
        spend.append(draw(st.one_of(st.just(0.0), st.floats(0.01, 1e9))))
    days = DAYS_PER_UNIT[unit]
    return history_of(x, np.array(t_x) / days, np.array(age) / days, spend, time_unit=unit)
