"""Models of who buys how often, each a frozen parameter record and the same four functions, and one of what they spend.

`BUYING` is the list that configuration and command line choose from.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from numpy.typing import ArrayLike

from engine.score.history import FloatArray, History
from engine.score.models import bg_nbd, gamma_gamma
from engine.score.models.fit import Fit

__all__ = ["BUYING", "Model", "bg_nbd", "gamma_gamma"]


class Model(Protocol):
    """What a module must offer to be a buying model; `params` is its own record, which carries a `time_unit`."""

    def log_likelihood(self, params: Any, history: History) -> tuple[float, FloatArray]: ...

    def fit(self, history: History) -> Fit[Any]: ...

    def p_alive(self, params: Any, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray: ...  # noqa: N803 - papers

    def expected_purchases(
        self,
        params: Any,
        x: ArrayLike,
        t_x: ArrayLike,
        T: ArrayLike,  # noqa: N803 - the papers' name
        t: ArrayLike,
    ) -> FloatArray: ...


BUYING: Mapping[str, Model] = MappingProxyType({"bg_nbd": bg_nbd})
