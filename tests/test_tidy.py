"""The outbox is tidied: what was finished long ago moves, nothing is done twice, and every answer stays as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import count
from signal import SIGKILL
from typing import Any

import pytest

from engine import inquiry, tidy
from engine.cli import run
from engine.errors import ConfigError
from engine.report.stage import report_channels
from engine.store import actions, leases
from tests.shop import Shop

BIRTHDAY = """
id = "birthday"
title = "Congratulate"
purpose = "relationship"
holdout = 0.0

[on]
date = "customer.birthday"

[[step]]
id = "mail"
channel = "email"
template = "email/service_thank_you"
"""
SWEEP = """
id = "near"
title = "Greet those in Forlì"
purpose = "relationship"
holdout = 0.0

[on]
sweep = "daily"
when = "customer.city == 'Forlì'"

[journey]
again_after = "P365D"

[[step]]
id = "mail"
channel = "email"
template = "email/service_thank_you"
"""
KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from engine import tidy
from engine.app import open_app
from engine.store import retention

folder, now, where, left = sys.argv[1:]
app = open_app(Path(folder), lambda: datetime.fromisoformat(now))
move, tidy.BATCH, left = retention.move, 1, int(left)

def die(_done=0):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), 9)

def half(*arguments):
    moved = move(*arguments)
    die()
    return moved

if where == "inside":
    retention.move = half
tidy.tidy(app, progress=die if where == "between" else lambda _done: None)
"""


def thanked(shop: Shop, number: int = 1) -> None:
    """Customers who were thanked in March."""
    for one in range(1, number + 1):
        shop.customer(f"C{one}")
        shop.event("service_call.completed", "2026-03-02T09:00:00+01:00", f"C{one}", amount=80.0)
    shop.round()
    shop.at("2026-03-03T11:00").round()
    shop.app.schedule()  # which ends the journeys
    assert len(shop.mails()) == number


def said(shop: Shop) -> list[Any]:
    """All that people are told."""
    shown = shop.actions()
    return [
        shown,
        shop.decisions(),
        [inquiry.action(shop.app, row["id"][-9:]) for row in shown],
        report_channels(shop.app.store),
    ]


def in_outbox(shop: Shop) -> int:
    with shop.app.store.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM action").scalar() or 0)


@pytest.mark.any_store
def test_what_is_old_moves_and_is_told_as_before(shop: Shop) -> None:
    thanked(shop, 2)
    before = said(shop)
    assert tidy.tidy(shop.at("2026-05-30").app).moved == 0
    shop.at("2026-07-01")
    assert tidy.tidy(shop.app) == tidy.Summary(moved=2, emptied=0, whole=True)
    assert tidy.tidy(shop.app) == tidy.Summary(moved=0, emptied=0, whole=True)
    assert in_outbox(shop) == 0
    assert said(shop) == before


@pytest.mark.any_store
def test_the_same_event_and_the_same_day_bring_nothing_back(shop: Shop) -> None:
    shop.rule("birthday", BIRTHDAY)
    thanked(shop)
    shop.ingest("customers", [{"customer": "C1", "birthday": "1980-03-20"}])
    shop.at("2026-03-20T06:00").round()
    shop.at("2026-03-20T12:00").round()
    shop.app.schedule()
    assert len(shop.mails()) == 2
    assert tidy.tidy(shop.at("2026-09-01T12:00").app).moved == 2
    with shop.app.store.write() as connection:
        # as if nobody had seen them
        connection.exec_driver_sql("INSERT INTO event_new SELECT id, customer_id, occurred_at FROM event")
    shop.round()
    shop.at("2026-09-02T12:00").round()
    assert len(shop.mails()) == 2
    shop.at("2027-03-20T06:00").round()
    shop.at("2027-03-20T12:00").round()
    assert len(shop.mails()) == 3


def test_a_sweep_goes_on_as_if_nothing_had_moved(shop: Shop) -> None:
    shop.rule("near", SWEEP)
    shop.customer()
    shop.round()
    shop.at("2026-03-02T12:00").round()
    shop.app.schedule()
    assert len(shop.mails()) == 1
    assert tidy.tidy(shop.at("2026-08-01T12:00").app).moved == 1
    for day in ("2026-08-02", "2026-08-03"):
        shop.at(f"{day}T12:00").round()
    assert len(shop.mails()) == 1
    shop.at("2027-03-05T11:00").round()
    assert len(shop.mails()) == 2


def test_it_stops_when_it_is_asked_to_and_goes_on_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    thanked(shop, 3)
    monkeypatch.setattr(tidy, "BATCH", 1)
    shop.at("2026-07-01")
    steps: list[int] = []
    asked = count(1)
    done = tidy.tidy(shop.app, stopping=lambda: next(asked) >= 2, progress=steps.append)
    assert (done, steps) == (tidy.Summary(moved=2, emptied=0, whole=False), [1, 1])
    with shop.app.store.read() as connection:
        assert leases.mark(connection, tidy.TIDIED) is None
    assert tidy.tidy(shop.app) == tidy.Summary(moved=1, emptied=0, whole=True)


@pytest.mark.parametrize(("where", "left", "moved"), [("inside", 1, 1), ("between", 1, 2)])
def test_killed_at_any_point_it_loses_and_doubles_nothing(shop: Shop, where: str, left: int, moved: int) -> None:
    thanked(shop, 3)
    shop.at("2026-07-01")
    before = said(shop)
    shop.close()
    words = (str(shop.folder), "2026-07-01T12:00:00+00:00", where, str(left))
    ended = subprocess.run([sys.executable, "-c", KILLED, *words], check=False)
    assert ended.returncode == -SIGKILL
    assert in_outbox(shop) == 3 - moved
    assert said(shop) == before
    assert tidy.tidy(shop.app).moved == 3 - moved
    assert said(shop) == before


def test_contents_are_emptied_when_they_are_old_enough(shop: Shop) -> None:
    thanked(shop)
    shop.configure('# contents = "P2Y"', 'contents = "P200D"')
    (row,) = shop.actions()
    before = inquiry.action(shop.app, row["id"])
    assert tidy.tidy(shop.at("2026-07-01").app) == tidy.Summary(moved=1, emptied=0, whole=True)
    assert inquiry.action(shop.app, row["id"]) == before
    assert tidy.tidy(shop.at("2026-12-01").app) == tidy.Summary(moved=0, emptied=1, whole=True)
    assert tidy.tidy(shop.app).emptied == 0
    assert inquiry.action(shop.app, row["id"]) == before | {"payload": None}
    with shop.app.store.read() as connection:
        (found,) = actions.find(connection, row["id"])
    assert len(found.payload_sha256) == 64


def test_the_daemon_does_it_once_a_night(shop: Shop) -> None:
    thanked(shop)
    shop.at("2026-07-01T00:30")  # half past two in Italy
    assert tidy.tidy_if_due(shop.app) is None
    shop.at("2026-07-01T01:30")
    assert tidy.tidy_if_due(shop.app) == {"moved": 1, "emptied": 0}
    assert tidy.tidy_if_due(shop.app) is None
    assert tidy.tidy_if_due(shop.at("2026-07-01T21:00").app) is None
    assert tidy.tidy_if_due(shop.at("2026-07-02T02:00").app) == {"moved": 0, "emptied": 0}


def test_what_was_not_whole_is_gone_on_with_the_same_night(shop: Shop) -> None:
    thanked(shop)
    shop.at("2026-07-01T01:30")
    assert tidy.tidy_if_due(shop.app, stopping=lambda: True) == {"moved": 1, "emptied": 0}
    assert tidy.tidy_if_due(shop.app) == {"moved": 0, "emptied": 0}
    assert tidy.tidy_if_due(shop.app) is None


def test_the_command_says_what_it_did(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    thanked(shop)
    shop.close()
    words = ["db", "tidy", "-w", str(shop.folder), "--as-of", "2026-07-01"]
    capsys.readouterr()
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"moved": 1, "emptied": 0, "whole": True}
    shop.configure('# contents = "P2Y"', 'contents = "P2Y"')
    assert run(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "0 actions that were finished more than P90D ago were moved to the history.",
        "The content of 0 that were finished more than P2Y ago was emptied.",
    ]


def test_what_caps_and_budgets_count_does_not_move(shop: Shop) -> None:
    thanked(shop)
    shop.configure('actions = "P90D"', 'actions = "P3D"')
    with pytest.raises(ConfigError, match=r"P116 retention\.actions: P3D is shorter than caps\.within"):
        tidy.tidy(shop.at("2026-07-01").app)
    assert in_outbox(shop) == 1
