"""Journeys of rules that are gone: found, and ended as far as nothing of them is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from engine.core.actions import State
from engine.store import decisions, removals, tables
from engine.store.session import Store
from tests.shop import THANKS, Shop

WHY = "it is gone"
ACTION, JOURNEY = tables.table(tables.Action), tables.table(tables.Journey)


pytestmark = pytest.mark.any_store


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[Shop]:
    """A shop on the store that is asked for."""
    opened = Shop(tmp_path / "shop", database=database)
    yield opened
    opened.close()


@pytest.fixture
def begun(shop: Shop) -> Shop:
    """Three customers in three rules each, of one of which their journeys have ended."""
    for name in ("later", "again"):
        shop.rule(name, THANKS.replace('"thanks"', f'"{name}"'))
    for ref in ("C1", "C2", "C3"):
        shop.customer(ref)
        shop.event("service_call.completed", "2026-03-02T09:00:00+01:00", ref)
    shop.app.decide()
    with shop.app.store.write() as connection:
        ended = [one.id for one in decisions.pending(connection, "again")]
        decisions.stop_journeys(connection, ended, "by somebody", shop.app.clock())
    return shop


def journeys(store: Store, rule: str) -> list[tuple[str, str]]:
    """State and exit reason of each."""
    with store.read() as connection:
        query = select(JOURNEY.c.state, JOURNEY.c.exit_reason).where(JOURNEY.c.rule_id == rule)
        return [(state, why) for state, why in connection.execute(query.order_by(JOURNEY.c.id))]


def end(shop: Shop, rule: str, **more: Any) -> removals.Ended:
    with shop.app.store.write() as connection:
        return removals.end(connection, rule, WHY, shop.app.clock(), **{"after": 0, "limit": 10, **more})


def test_the_rules_that_have_a_journey_under_way_are_found_each_once(begun: Shop) -> None:
    with begun.app.store.read() as connection:
        assert removals.under_way(connection) == ["later", "thanks"]


def test_nothing_is_found_where_nothing_is(shop: Shop) -> None:
    with shop.app.store.read() as connection:
        assert removals.under_way(connection) == []


def test_they_end_page_by_page_and_others_do_not(begun: Shop) -> None:
    first = end(begun, "thanks", limit=2)
    assert (first.journeys, first.actions) == (2, 2)
    second = end(begun, "thanks", after=first.last, limit=2)
    assert (second.journeys, second.actions) == (1, 1)
    assert end(begun, "thanks", after=second.last).last is None
    assert journeys(begun.app.store, "thanks") == [("stopped", WHY)] * 3
    assert journeys(begun.app.store, "later") == [("active", "")] * 3
    assert journeys(begun.app.store, "again") == [("stopped", "by somebody")] * 3
    assert end(begun, "thanks") == removals.Ended(journeys=0, actions=0, last=None), "twice changes nothing"


@pytest.mark.parametrize("state", [State.SUBMITTING, State.UNKNOWN])
def test_what_is_on_its_way_keeps_its_journey_until_it_is_known(begun: Shop, state: State) -> None:
    def be(now: State) -> None:
        with begun.app.store.write() as connection:
            mine = select(JOURNEY.c.id).where(JOURNEY.c.rule_id == "thanks").order_by(JOURNEY.c.id).limit(1)
            one = update(ACTION).where(ACTION.c.journey_id == mine.scalar_subquery())
            connection.execute(one.values(state=now))

    be(state)
    found = end(begun, "thanks")
    assert (found.journeys, found.actions) == (2, 2)
    assert journeys(begun.app.store, "thanks")[0] == ("active", "")

    be(State.RETRY_AT)
    found = end(begun, "thanks")
    assert (found.journeys, found.actions) == (1, 1), "it surely has not gone out, and does not go any more"
    assert journeys(begun.app.store, "thanks")[0] == ("stopped", WHY)
