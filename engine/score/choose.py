"""Which model foretells this shop best, by what its own customers did in the last part of the log.

Each candidate is fitted on the log as it was known at the start of the window, and judged on what came then. No single
figure tells a good model from a bad one (`validate` says why), so a model's loss adds four that are all nought for a
perfect one and of one size: RMSE over that of the best baseline, bias, RMS error of the deciles' means over the mean
(squared, because the best deciles hold the money), and what is missing to a perfect ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from engine.score.arrays import FloatArray, pieces
from engine.score.clv import purchases_within
from engine.score.history import History, summed_up
from engine.score.models import BUYING
from engine.score.models.fit import fit
from engine.score.purchases import Log, Purchases, net_refunds
from engine.score.units import Clock, TimeUnit, calendar
from engine.score.validate import Figures, Validation, validate
from engine.score.window import ValidationWindow, window_of

CANDIDATES = ("bg_nbd", "mbg_nbd", "pareto_nbd")
"""What "auto" chooses from: models of customers without a contract, in the order in which a tie is decided."""
SHORTEST_LOG = 182
"""Days that a log must span before its last part is used to judge a model fitted on the first."""
LONGEST_WINDOW = 365
_CHUNK = 1 << 18
MOST_CUSTOMERS = 100_000
"""Of more, every so manieth is judged: figures of so many are as sure as they need to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the window said: the best model with its validation, and every candidate's figures and loss.

    history, window, predicted: what the best one was judged on; params: its own, from before the window; later: the
    purchases up to the window's end; calibration_end_day: the last day that it knew.
    """

    model: str
    validation: Validation
    candidates: Mapping[str, Figures]
    losses: Mapping[str, float]
    calibration_end_day: int
    history: History
    window: ValidationWindow
    predicted: FloatArray
    params: Any
    later: Purchases


def judge(
    log: Log,
    names: Sequence[str],
    *,
    window_end_day: int,
    calibration_end_day: int | None = None,
    time_unit: TimeUnit = "week",
    exponent: int = 2,
    clock_of: Callable[[Purchases], Clock] = lambda _purchases: calendar,
) -> Verdict | None:
    """Judge models (names of `BUYING`, all of opportunities or none) on the log's last part.

    The window is the last third of the log, a year at most, unless the day before it is given. clock_of: how to count
    days, found in what was known before the window. None when the log is too short or nobody was there before it.
    """
    first_day = int(log.day.min()) if len(log.day) else window_end_day
    span = window_end_day - first_day
    if calibration_end_day is None:
        if span < SHORTEST_LOG:
            return None
        calibration_end_day = window_end_day - min(span // 3, LONGEST_WINDOW)
    some = _some_customers(log)
    known = net_refunds(some, as_of_day=calibration_end_day)
    later = net_refunds(some, as_of_day=window_end_day)
    if not len(known.customer):
        return None
    periods = BUYING[names[0]].OPPORTUNITIES
    clock = calendar if periods else clock_of(known)
    history = summed_up(known, periods=periods, time_unit=time_unit, exponent=exponent, clock=clock)
    window = window_of(later, history, calibration_end_day, periods=periods)
    return _best(names, history, window, later, calibration_end_day)


def _some_customers(log: Log) -> Log:
    if len(log.customer) <= MOST_CUSTOMERS:
        return log
    every = int(log.customer.max() - log.customer.min() + 1) // MOST_CUSTOMERS  # their numbers leave few gaps
    if every < 2:
        return log
    chosen = np.zeros(len(log.customer), dtype=np.bool_)
    for some in pieces(len(chosen), _CHUNK):
        chosen[some] = log.customer[some] % every == 0
    return log.take(chosen)


def _best(
    names: Sequence[str], history: History, window: ValidationWindow, later: Purchases, calibration_end_day: int
) -> Verdict:
    params = {name: fit(BUYING[name], history).params for name in names}
    predictions = {name: purchases_within(BUYING[name], params[name], history, window.length) for name in names}
    validations = {name: validate(predicted, history, window) for name, predicted in predictions.items()}
    losses = {name: loss(validation) for name, validation in validations.items()}
    best = min(losses, key=lambda name: losses[name])
    return Verdict(
        model=best,
        validation=validations[best],
        candidates={name: validation.model for name, validation in validations.items()},
        losses=losses,
        calibration_end_day=calibration_end_day,
        history=history,
        window=window,
        predicted=predictions[best],
        params=params[best],
        later=later,
    )


def loss(validation: Validation) -> float:
    """The sum of four shortcomings, 0 for a perfect forecast; see the top of this module."""
    own = validation.model
    rmse = min(figures.rmse for figures in validation.baselines.values())
    mean = sum(actual for _, actual in own.deciles) / len(own.deciles)
    deciles = sqrt(sum((predicted - actual) ** 2 for predicted, actual in own.deciles) / len(own.deciles))
    return (
        (own.rmse / rmse if rmse else float(own.rmse > 0))
        + (abs(own.bias_pct) / 100 if own.bias_pct is not None else 0.0)
        + (deciles / mean if mean else deciles)
        + (1 - own.norm_gini if own.norm_gini is not None else 0.0)
    )
