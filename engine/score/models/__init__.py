"""Models of who buys how often, each a frozen parameter record and the same four functions, and one of what they spend.

`BUYING` is the list that configuration and command line choose from.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine.score.models import bg_bb, bg_nbd, gamma_gamma, mbg_nbd, pareto_nbd, sbg
from engine.score.models.model import Model

__all__ = ["BUYING", "Model", "bg_nbd", "gamma_gamma"]

BUYING: Mapping[str, Model] = MappingProxyType(
    {"bg_nbd": bg_nbd, "mbg_nbd": mbg_nbd, "pareto_nbd": pareto_nbd, "bg_bb": bg_bb, "sbg": sbg}
)
