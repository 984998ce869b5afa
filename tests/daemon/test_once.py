"""`premura run --once`: every stage in its turn, and what is left to others."""

from __future__ import annotations

import pytest

from engine.app import App, open_app
from engine.daemon.once import once
from engine.errors import LeaseError, RuleError
from tests.daemon.living import inbox, leader_of, leading, on_postgresql
from tests.workspaces import THANKS, drop_all


@pytest.mark.any_store
def test_once_runs_every_stage_and_a_second_time_adds_nothing(app: App) -> None:
    drop_all(app.folder, 2)

    first = once(app)
    assert [taken["new"] for taken in first["ingest"]] == [2, 2, 2]
    assert first["score"] is None, "nobody bought anything"
    assert (first["decide"]["actions"], first["schedule"]["scheduled"]) == (2, 2)
    assert first["dispatch"]["states"] == {"delivered": 2}

    again = once(app)
    assert (again["ingest"], again["decide"]["events"], again["dispatch"]["states"]) == ([], 0, {})


def test_once_does_nothing_with_a_broken_rule(app: App) -> None:
    drop_all(app.folder, 1)
    (app.folder / "rules" / "thanks.toml").write_text(THANKS.replace("[on]", "[when]"), encoding="utf-8")

    with pytest.raises(RuleError, match="R010"):
        once(app)
    assert len(inbox(app)) == 3


def test_once_is_told_when_somebody_else_dispatches(app: App) -> None:
    other = open_app(app.folder)
    drop_all(app.folder, 1)
    with other.dispatching(), pytest.raises(LeaseError):
        once(app)
    other.close()
    assert len(inbox(app)) == 3


@on_postgresql
def test_once_leaves_to_the_leader_what_one_does_for_all(app: App) -> None:
    drop_all(app.folder, 1)
    leader = leading(app)
    done = once(app)
    assert [taken["new"] for taken in done["ingest"]] == [1, 1, 1]
    assert done["decide"] == done["schedule"] == done["score"]
    assert ", process " in done["decide"]["led_by"]
    leader.right.give_back()
    leader.close()

    assert once(app)["dispatch"]["states"] == {"delivered": 1}
    assert leader_of(app) is None, "the lead is given back"
