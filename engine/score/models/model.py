"""What a buying model is: a frozen record of parameters, where to look for them, and four functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import ScoreError
from engine.score.arrays import FloatArray, IntArray
from engine.score.models.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The parameters that are looked at, with times in units of the mean age; `times` names those that are times.

    A result within a factor ten of the bounds has run to the edge.
    """

    names: tuple[str, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    times: tuple[str, ...] = ()

    def reached(self, point: FloatArray) -> bool:
        """Whether any parameter ran to the edge."""
        return bool(np.any((point < 10 * np.array(self.lowest)) | (point > np.array(self.highest) / 10)))

    def scales(self, scale: float) -> FloatArray:
        """What each parameter is multiplied by when times are."""
        return np.array([scale if name in self.times else 1.0 for name in self.names])


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """A normal on the logarithm of each parameter: its centre (given as a parameter) and its standard deviation."""

    centre: tuple[float, ...]
    deviation: tuple[float, ...]


def refuse_unless_positive(title: str, record: Any) -> None:
    """Raise ScoreError unless all parameters of a record are positive and finite; its `time_unit` is none of them."""
    named = {each.name: getattr(record, each.name) for each in fields(record) if each.name != "time_unit"}
    if not all(np.isfinite(value) and value > 0 for value in named.values()):
        values = tuple(named.values())
        raise ScoreError(f"{title} parameters must be positive numbers, not {', '.join(named)} = {values}")


class Model(Protocol):
    """What a module must offer to be a buying model: a frozen record of its parameters, where to look for them, and
    four functions. The record carries a `time_unit`; names are the papers': x repeat purchases, t_x and T age at the
    last one and now, t a horizon."""

    @property
    def RECORD(self) -> Callable[..., Any]: ...  # noqa: N802 - a module's constant

    @property
    def SPACE(self) -> Space: ...  # noqa: N802 - a module's constant

    @property
    def OPPORTUNITIES(self) -> bool: ...  # noqa: N802 - a module's constant: its history counts whole periods

    def starts(self, rate: float) -> Sequence[Sequence[float]]: ...

    def prior(self, scale_days: float) -> Prior: ...

    def log_likelihood(self, point: FloatArray, rows: Rows) -> tuple[float, FloatArray]: ...

    def p_alive(self, params: Any, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> FloatArray: ...  # noqa: N803 - papers

    def expected_purchases(
        self,
        params: Any,
        x: ArrayLike,
        t_x: ArrayLike,
        T: ArrayLike,  # noqa: N803 - the papers' name
        t: ArrayLike,
    ) -> FloatArray: ...

    def draw(
        self,
        params: Any,
        x: ArrayLike,
        T: ArrayLike,  # noqa: N803 - the papers' name
        t: float,
        chance: np.random.Generator,
    ) -> IntArray: ...
