"""Finding parameters, for every model alike: compressed rows, several starts, known slopes, and no silent nonsense.

Maximum likelihood where the log can carry it. Where it cannot (see `FLAGS`), the same likelihood with a weak prior,
a normal on the logarithms of the parameters, whose centre and width stand in the model's file. A log of many customers
is fitted on a sample first and then, from there, on the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import numpy as np

from engine.errors import ScoreError
from engine.score.arrays import FloatArray
from engine.score.history import History
from engine.score.models.model import Model, Prior, Space
from engine.score.models.rows import rows_of
from engine.score.models.search import NOWHERE, Downhill, Optimum, curvature, lowest, refine, spread
from engine.score.units import DAYS_PER_UNIT

P = TypeVar("P")
Objective = Callable[[FloatArray], tuple[float, FloatArray]]

ENOUGH_CUSTOMERS = 50
ENOUGH_REPEATERS = 10
SAMPLE = 10_000
"""Customers of a big log that are fitted first; a log up to twice as long is fitted whole at once."""

FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "no_repeaters": "nobody came back yet",
        "few_repeaters": f"fewer than {ENOUGH_REPEATERS} customers came back",
        "few_customers": f"fewer than {ENOUGH_CUSTOMERS} customers",
        "boundary": "the likelihood alone runs to the edge of the possible parameters",
        "pooled_prior": "a weak prior over shops was added to the likelihood",
        "no_spend": "nobody who came back has paid anything",
        "no_spread": "everybody who came back spends the same on average",
        "infinite_mean": "the spend is so uneven that its model has no mean",
        "pooled_mean": "the spend model is replaced by the mean of all, with a customary weight for one's own",
        "not_judged": "the log is too short to judge a model by its last part",
        "not_converged": "the search stopped before its end; the numbers are its best",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit(Generic[P]):
    """Parameters, and how far to trust them.

    log_likelihood: without any prior. flags: from `FLAGS`. covariance: of the logarithms of the parameters, in the
    order of the record's fields.
    """

    params: P
    log_likelihood: float
    converged: bool
    flags: tuple[str, ...]
    n_customers: int
    n_repeat: int
    covariance: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))


def fit(model: Model, history: History, prior: Prior | None = None) -> Fit[Any]:
    """Maximum likelihood, or what `flags` say; with a prior, whatever the log carries, where that is given.

    prior: on the parameters with times in units of the mean age (`prior_around` makes one from parameters). Raises
    ScoreError for an empty history or an impossible likelihood.
    """
    scarce, scale = scarcity(history), time_scale(model, history)
    rate = max(float(history.frequency.sum()) / len(history), 0.01)  # repeat purchases in a mean age
    objective = _objective(model, history, scale)
    found = settle(
        objective,
        model.starts(rate),
        space=model.SPACE,
        size=len(history),
        prior=prior or model.prior(scale * DAYS_PER_UNIT[history.time_unit]),
        scarce=scarce if prior is None else ("prior",),
        sample=_sample(model, history, scale),
    )
    flags = found.flags if prior is None else tuple(flag for flag in found.flags if flag == "not_converged")
    point = found.optimum.point * model.SPACE.scales(scale)
    named = dict(zip(model.SPACE.names, point.tolist(), strict=True))
    params = model.RECORD(**named, time_unit=history.time_unit)
    value = objective(found.optimum.point)[0] - _density(model, history, scale)
    refuse_impossible(value, _ceiling(model, history))
    return Fit(
        params=params,
        log_likelihood=value,
        converged=found.optimum.converged,
        flags=flags,
        n_customers=len(history),
        n_repeat=int((history.frequency > 0).sum()),
        covariance=found.covariance,
    )


def log_likelihood(model: Model, params: Any, history: History) -> tuple[float, FloatArray]:
    """The log-likelihood of all customers, and its gradient by the parameters in the order of the record.

    Raises ScoreError when parameters and history differ in their time unit.
    """
    if params.time_unit != history.time_unit:
        raise ScoreError(f"the parameters count {params.time_unit}s, the history {history.time_unit}s")
    point = np.array([getattr(params, name) for name in model.SPACE.names])
    return model.log_likelihood(point, rows_of(history))


def prior_around(model: Model, params: Any, history: History, deviation: float) -> Prior:
    """A prior for `fit` on this history whose centre are these parameters, equally wide for all of them."""
    point = np.array([getattr(params, name) for name in model.SPACE.names])
    centre = point / model.SPACE.scales(time_scale(model, history))
    return Prior(centre=tuple(centre.tolist()), deviation=(deviation,) * len(centre))


def time_scale(model: Model, history: History) -> float:
    """The mean age in the history's unit; a fit divides times by it, so that no parameter is far from 1."""
    mean = float(history.T.mean()) if len(history) and not model.OPPORTUNITIES else 1.0
    return mean if mean > 0 else 1.0


def _objective(model: Model, history: History, scale: float) -> Objective:
    rows = rows_of(history, scale)
    return lambda point: model.log_likelihood(point, rows)


def _density(model: Model, history: History, scale: float) -> float:
    """A likelihood is a density of the instants of purchase: each one counts once more when its unit is changed."""
    return 0.0 if model.OPPORTUNITIES else float(history.frequency.sum()) * np.log(scale)


def _sample(model: Model, history: History, scale: float) -> tuple[Objective, int] | None:
    """The likelihood of every so manieth customer of a big log; they are sorted by key, which says nothing of them."""
    every = len(history) // SAMPLE
    if every < 2:
        return None
    some = history.take(np.arange(0, len(history), every))
    return _objective(model, some, scale), len(some)


def _ceiling(model: Model, history: History) -> float:
    """No parameters can do better than each customer's own best rate, x / t_x, up to his last purchase."""
    if model.OPPORTUNITIES:
        return 0.0
    again = history.frequency > 0
    x, t_x = history.frequency[again], history.recency[again]
    return float((x * np.log(x / t_x) - x).sum())


def scarcity(history: History) -> tuple[str, ...]:
    """What the log is too small for. Raises ScoreError for an empty one."""
    if not len(history):
        raise ScoreError("nobody has bought anything yet, so there is nothing to score")
    n_repeat = int((history.frequency > 0).sum())
    if not n_repeat:
        return ("no_repeaters",)
    if n_repeat < ENOUGH_REPEATERS:
        return ("few_repeaters",)
    return ("few_customers",) if len(history) < ENOUGH_CUSTOMERS else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Where a search ended, what had to be done for it, and how sure its end is."""

    optimum: Optimum
    flags: tuple[str, ...]
    covariance: FloatArray


def settle(
    objective: Objective,
    starts: Sequence[Sequence[float]],
    *,
    space: Space,
    size: int,
    prior: Prior,
    scarce: tuple[str, ...] = (),
    sample: tuple[Objective, int] | None = None,
) -> Settled:
    """Maximum likelihood; with the prior when the log is scarce or the likelihood runs to an edge. Says which.

    objective: log-likelihood and gradient by the parameters; size: of how many observations. sample: the same of some
    of them, for a log so big that the whole is looked at only near the end.
    """
    search = _Search(objective=objective, starts=starts, space=space, size=size, sample=sample)
    flags = scarce
    found = None if scarce else search.run()
    if found is None or space.reached(found[0].point):
        found = replace(search, prior=prior).run()
        flags = (*(scarce or ("boundary",)), "pooled_prior")
    optimum, covariance = found
    return Settled(
        optimum=optimum, flags=flags if optimum.converged else (*flags, "not_converged"), covariance=covariance
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    objective: Objective
    starts: Sequence[Sequence[float]]
    space: Space
    size: int
    sample: tuple[Objective, int] | None
    prior: Prior | None = None

    def run(self) -> tuple[Optimum, FloatArray]:
        """The optimum, and the covariance of the logarithms there."""
        low, high = np.log(self.space.lowest), np.log(self.space.highest)
        starts = [np.log(start) for start in self.starts]
        whole = downhill(self.objective, self.size, self.prior)
        if self.sample is not None:
            some = downhill(*self.sample, self.prior)
            near = lowest(some, starts, low, high)
            curved = curvature(some, near.logs)
            if near.converged and not self.space.reached(near.point) and np.linalg.eigvalsh(curved)[0] > 0:
                best = refine(whole, near.logs, curved, low, high)
                if best.converged:
                    return best, spread(curved, self.size)
            starts = [near.logs]
        best = lowest(whole, starts, low, high)
        return best, spread(curvature(whole, best.logs), self.size)


def downhill(objective: Objective, size: float, prior: Prior | None = None) -> Downhill:
    """What the search lowers: minus the objective (plus the logarithm of the prior) by logarithms, per observation."""

    def value_and_slope(logs: FloatArray) -> tuple[float, FloatArray]:
        point = np.exp(logs)
        value, gradient = objective(point)
        slope = gradient * point
        if prior is not None:
            away = (logs - np.log(prior.centre)) / prior.deviation
            value, slope = value - 0.5 * float(away @ away), slope - away / prior.deviation
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return NOWHERE, np.zeros_like(slope)
        return -value / size, -slope / size

    return value_and_slope


def refuse_impossible(log_likelihood: float, ceiling: float = np.inf) -> None:
    """Raise ScoreError unless the value is finite and not above what any parameters can reach."""
    if not np.isfinite(log_likelihood) or log_likelihood > ceiling + 1e-6 * (1 + abs(ceiling)):
        raise ScoreError(
            f"the fit ended at an impossible likelihood ({log_likelihood:.6g}); no score is better than a wrong one "
            "(hint: look for dates or amounts that are far off)"
        )
