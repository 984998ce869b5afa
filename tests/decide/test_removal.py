"""A rule whose file was deleted: what it began ends, and is told; what is there again begins afresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.store import removals
from tests.shop import THANKS, Shop

DONE = "service_call.completed"
WAITS = 'await = "review.received"\nwithin = "P9D"\n'
STEP = '[[step]]\nid = "{}"\nchannel = "email"\ntemplate = "email/service_thank_you"\n'
LONG = THANKS + STEP.format("waits") + WAITS + STEP.format("seen") + 'after = "P1D"\napprove = true\n'
OTHER = THANKS.replace('"thanks"', '"other"').replace(DONE, "delivery.completed")


@pytest.fixture
def long(tmp_path: Path, database: str) -> Iterator[Shop]:
    """A customer in a rule with three steps: dated, waiting, and held for approval; and in another rule."""
    shop = Shop(tmp_path / "long", rules={"thanks": LONG, "other": OTHER}, database=database)
    shop.configure("messages = 2", "messages = 5")
    shop.customer()
    for kind in (DONE, "delivery.completed"):
        shop.event(kind, "2026-03-02T09:00:00+01:00")
    shop.round()
    assert steps(shop) == {"mail": "planned", "waits": "waiting", "seen": "held"}
    yield shop
    shop.close()


def taken_away(shop: Shop) -> Shop:
    (shop.folder / "rules" / "thanks.toml").unlink()
    shop.close()
    return shop


def steps(shop: Shop) -> dict[str, str]:
    return {row["step"]: row["state"] for row in shop.actions() if row["rule"] == "thanks"}


@pytest.mark.any_store
def test_all_that_is_pending_is_cancelled_and_nothing_goes_out(long: Shop) -> None:
    summary = taken_away(long).at("2026-03-04T11:00").app.decide()
    long.event("review.received", "2026-03-04T09:00:00+01:00")
    long.round()

    assert (summary.removed, long.app.decide().removed) == (1, 0)
    assert set(steps(long).values()) == {"cancelled"}
    (decision,) = long.decisions(rule="thanks")
    assert (decision["journey"], decision["exit_reason"]) == ("stopped", "the rule was removed")
    assert {step["reason"] for step in decision["actions"]} == {"the rule was removed"}
    assert len(long.mails()) == 1, "that of the other rule"


def test_other_rules_and_what_went_out_stay(long: Shop) -> None:
    long.at("2026-03-03T11:00").round()
    before = steps(long)["mail"]
    taken_away(long).app.decide()

    assert (before, steps(long)) == ("delivered", {"mail": "delivered", "waits": "cancelled", "seen": "cancelled"})
    assert long.states()["other.mail"] == "delivered"
    (decision,) = long.decisions(rule="other")
    assert decision["exit_reason"] != "the rule was removed"


def test_a_file_that_is_put_back_begins_afresh(long: Shop) -> None:
    taken_away(long).app.decide()
    long.rule("thanks", LONG)
    long.at("2026-03-03T11:00").round()
    assert set(steps(long).values()) == {"cancelled"}, "that occasion has its answer"

    long.event(DONE, "2026-03-03T11:30:00+01:00")
    long.round()
    assert [row["state"] for row in long.actions() if row["rule"] == "thanks"].count("planned") == 1


def test_a_rule_that_goes_on_to_nobody_lets_what_it_began_come_to_its_end(long: Shop) -> None:
    long.rule("thanks", LONG.replace("[on]", '[on]\nwhen = "false"'))
    assert long.at("2026-03-03T11:00").app.decide().removed == 0
    long.event(DONE, "2026-03-03T11:30:00+01:00")
    long.round()
    assert steps(long)["mail"] == "delivered"
    assert [row["outcome"] for row in long.decisions(rule="thanks")] == ["act", "no"]


def test_another_id_is_another_rule(long: Shop) -> None:
    taken_away(long).rule("thanked", LONG.replace('"thanks"', '"thanked"'))
    assert long.app.decide().removed == 1
    assert long.outcomes(rule="thanked") == []


@pytest.mark.any_store
def test_a_run_that_breaks_off_is_made_good_by_the_next(long: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.decide.stage.on_removal.BATCH", 1)
    long.customer("C2")
    long.event(DONE, "2026-03-02T10:00:00+01:00", "C2")
    long.app.decide()
    whole, calls = removals.end, []

    def once(*given: Any, **more: Any) -> removals.Ended:
        calls.append(given)
        if len(calls) == 2:
            raise BrokenPipeError
        return whole(*given, **more)

    monkeypatch.setattr(removals, "end", once)
    taken_away(long)
    with pytest.raises(BrokenPipeError):
        long.app.decide()
    assert [long.app.decide().removed, long.app.decide().removed] == [1, 0]
    assert {row["state"] for row in long.actions() if row["rule"] == "thanks"} == {"cancelled"}
