"""Every flag of a shop's score in words, whoever raises it: a fit, the season or the cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine.score import cohorts, yearly
from engine.score.models import fit

FLAGS: Mapping[str, str] = MappingProxyType({**fit.FLAGS, **yearly.FLAGS, **cohorts.FLAGS})
"""A sentence for each; what is not in it says itself (an amount left out, a currency that is not the shop's)."""
