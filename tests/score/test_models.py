"""The list of buying models, and what it costs to look at the rest of the engine."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from engine.score.models import BUYING
from engine.score.models.fit import fit, log_likelihood
from tests.score.shops import simulated


@pytest.mark.parametrize("name", BUYING)
def test_every_buying_model_fits_and_predicts_through_the_same_four_functions(name: str) -> None:
    model, shop = BUYING[name], simulated(1, 400, r=0.6, alpha=6.0, a=0.9, b=2.5)
    found = fit(model, shop)
    assert found.params.time_unit == shop.time_unit
    value, gradient = log_likelihood(model, found.params, shop)
    assert value == found.log_likelihood
    assert gradient == pytest.approx(np.zeros(4), abs=0.05)
    past = (shop.frequency, shop.recency, shop.T)
    alive, expected = model.p_alive(found.params, *past), model.expected_purchases(found.params, *past, 52.0)
    assert alive.shape == expected.shape == (400,)
    assert ((alive > 0) & (alive <= 1) & (expected >= 0)).all()


def test_nothing_outside_the_score_room_pulls_in_scipy() -> None:
    code = "import engine.errors, engine.core.facts, engine.score, sys; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
