"""Many events are read and asked by a second process, and the same is decided as by this one alone."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from sqlalchemy import Connection, text

from engine.app import App, open_app
from engine.decide.stage import Summary, ahead
from engine.store import new_events
from tests.ingest.test_portions import children, linux
from tests.shop import THANKS, WHO, YES, Shop

SORRY = """
id = "sorry"
title = "Say sorry for a delay"
purpose = "relationship"
holdout = 0.2
[on]
event = "delivery.delayed"
when = "customer.attributes.tags > 3.0 || event.days > 3"
[journey]
stop_on = ["nothing.much"]
again_after = "P1D"
[[step]]
id = "mail"
channel = "email"
template = "email/service_thank_you"
after = "P1D"
"""
PEOPLE, EVENTS = 3391, 8400
NOW = datetime(2026, 3, 2, 11, tzinfo=UTC)
KINDS = ("service_call.completed", "delivery.delayed", "delivery.delayed", "complaint.opened", "nothing.much")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a shop with much to decide on."""
    shop = Shop(tmp_path_factory.mktemp("ahead") / "shop", rules={"thanks": THANKS, "sorry": SORRY})
    shop.configure("\n[attributes]", '\n[attributes]\ntags = "double"')
    shop.configure("\n[shop]", '\n[events."delivery.delayed"]\ndays = "int"\n[events."nothing.much"]\n[shop]')
    refs = [f"K{number}" for number in range(PEOPLE)]
    people = [{**WHO, "customer": ref, "email": f"{ref}@mail.example", "tags": len(ref)} for ref in refs]
    shop.ingest("customers", people)
    shop.ingest("consents", [{**YES, "customer": ref} for ref in refs[::3]])
    shop.ingest("events", [happened(number) for number in range(EVENTS)])
    shop.close()
    return shop.folder


@pytest.fixture
def shops(whole: Path, tmp_path: Path) -> Iterator[tuple[App, App]]:
    """Two that have the same to decide on."""
    both = [open_app(Path(copytree(whole, tmp_path / name)), lambda: NOW) for name in ("one", "other")]
    yield both[0], both[1]
    for app in both:
        app.close()


def happened(number: int) -> dict[str, Any]:
    """Those of a customer lie far from each other, and some near."""
    who = (number if number % 7 else number // 50) % PEOPLE
    at = f"2026-03-0{1 + number // 4400}T0{number % 9}:00:00Z"
    return {"id": f"E{number}", "customer": f"K{who}", "kind": KINDS[number % 5], "date": at, "days": number % 6}


def decided(shop: App) -> dict[str, list[tuple[Any, ...]]]:
    """All that was written, but for the order in which it was."""
    questions = {
        "decision": "SELECT rule_id, customer_id, occurrence, event_id, answers FROM decision",
        "journey": "SELECT rule_id, rule_hash, customer_id, occurrence, state, anchor_at, exit_reason FROM journey",
        "action": "SELECT dedupe_key, j.occurrence, plan, facts, a.state, reason, not_before FROM action a"
        " JOIN journey j ON j.id = journey_id AND j.customer_id = a.customer_id",
        "event_new": "SELECT * FROM event_new",
        "tally": "SELECT * FROM tally",
        "rule_version": "SELECT hash, clauses FROM rule_version",
    }
    with shop.store.read() as connection:
        return {name: sorted(map(tuple, connection.execute(text(asked)))) for name, asked in questions.items()}


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A second process begins where there are more than a thousand events, and has all but the first batch. For each
    batch of its whether it counted."""
    monkeypatch.setattr(ahead, "MANY", 1000)
    monkeypatch.setattr(ahead, "PATIENCE", 60.0)
    found: list[bool] = []
    holds = ahead.Ahead.holds

    def told(self: ahead.Ahead, connection: Connection) -> bool:
        found.append(holds(self, connection))
        return found[-1]

    monkeypatch.setattr(ahead.Ahead, "holds", told)
    return found


def alone(shop: App) -> Summary:
    """Decided by this process alone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ahead, "MANY", EVENTS)
        return shop.decide()


def test_the_same_is_decided(shops: tuple[App, App], held: list[bool]) -> None:
    one, other = shops
    ours = alone(one)
    assert not held
    assert other.decide() == ours
    assert held == [True] * 4
    assert decided(other) == decided(one)
    assert {"act", "holdout", "no", "refused"} <= ours.outcomes.keys()
    assert ours.stopped


def test_what_others_write_meanwhile_is_seen(shops: tuple[App, App], held: list[bool], tmp_path: Path) -> None:
    """After the second batch nobody has an address any more: nobody of a later one is written to."""
    shop, _ = shops
    table = tmp_path / "customers.csv"
    table.write_text("customer,email\n" + "".join(f"K{number},\n" for number in range(PEOPLE)), encoding="utf-8")
    begun = []

    def between(_done: int) -> None:
        begun.append(len(decided(shop)["action"]))
        if len(begun) == 2:
            shop.ingest(table, kind="customers")

    shop.decide(progress=between)
    assert held == [True, False, True, True]
    assert 0 < begun[0] < begun[1] == begun[-1]


def test_what_is_decided_already_is_not_decided_again(shops: tuple[App, App], held: list[bool]) -> None:
    shop, _ = shops
    shop.decide()
    before = decided(shop)
    with shop.store.write() as connection:
        connection.execute(text("INSERT INTO event_new SELECT id, customer_id, occurred_at FROM event"))
    shop.decide()
    assert held == [True] * 8
    assert decided(shop) == before


@linux
@pytest.mark.parametrize("when", ["it is at work", "it is told to stop"])
def test_when_it_is_killed_all_is_decided_here(
    shops: tuple[App, App], held: list[bool], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    one, other = shops
    alone(one)
    there = children()
    killed: list[int] = []
    holds = ahead.Ahead.holds

    def kill() -> None:
        if not killed:
            killed.extend(children() - there)
            for one in killed:
                os.kill(one, signal.SIGKILL)
                os.waitid(os.P_PID, one, os.WEXITED | os.WNOWAIT)

    def killing(self: ahead.Ahead, connection: Connection) -> bool:
        if len(held) == 3:
            kill()
        return holds(self, connection)

    if when == "it is told to stop":
        monkeypatch.setattr(ahead.Ahead, "holds", killing)
        other.decide()
    else:
        other.decide(progress=lambda _done: kill() if held else None)
    assert len(killed) == 1
    assert decided(other) == decided(one)
    assert not children() - there


@pytest.mark.usefixtures("held")
def test_where_no_process_can_be_started_all_is_decided_here(
    shops: tuple[App, App], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert shops[0].decide().events == EVENTS


def test_only_what_is_to_be_decided_now_counts(shops: tuple[App, App]) -> None:
    shop, _ = shops
    with shop.store.read() as connection:
        assert new_events.are_more(connection, NOW, EVENTS - 1)
        assert not new_events.are_more(connection, NOW, EVENTS)
        assert not new_events.are_more(connection, datetime(2026, 3, 1, tzinfo=UTC), 500)
    alone(shop)
    with shop.store.read() as connection:
        assert not new_events.are_more(connection, NOW, 0)
