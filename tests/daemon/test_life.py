"""How long a stage may go on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.daemon import life as lives
from engine.daemon.life import Life


def test_dispatch_gives_way_when_its_turn_is_over_or_all_is(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not life.turn_of_a_stage()()
    monkeypatch.setattr(lives, "TURN", timedelta(0))
    assert life.turn_of_a_stage()()
    monkeypatch.undo()
    stopping = life.turn_of_a_stage()
    life.stop.set()
    assert stopping()
