"""What is asked of a whole batch: each action gets the answer that it would get alone, however alike the others are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import time, timedelta
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import update

from engine.core.actions import State
from engine.core.calendar import Duration, Window
from engine.dispatch.office import Summary
from engine.dispatch.recheck import Refusal
from engine.dispatch.stage import prepare
from engine.dispatch.stage.known import Known
from engine.dispatch.waiting import Cap
from engine.store import outbox, tables
from tests.dispatch.shop import Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVENING = timedelta(hours=9)
"""After that the day is over in Rome, and not in New York."""
BY_DAY = Window(start=time(9), end=time(17))
ZONES, PURPOSES, SAYINGS = ("", "America/New_York"), ("transactional", "relationship"), (None, True, False)
TROUBLES = ("", "suppressed", "complained", "late", "watched")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(folder=tmp_path, cap=Cap(messages=1, within=Duration(days=7)))
    yield made
    made.close()


def crowd(shop: Shop) -> None:
    """Two of every kind, and each is written to."""
    kinds = product(ZONES, PURPOSES, SAYINGS, TROUBLES, range(2))
    for number, (zone, purpose, saying, trouble, _) in enumerate(kinds):
        email = f"c{number}@mail.example"
        shop.customer = shop.welcome(f"K-{number}", email=email, time_zone=zone)
        shop.decide(purpose=purpose, lasts=HOUR if trouble == "late" else 7 * DAY, window=BY_DAY)
        if saying is not None:
            shop.say("any", "email", given=saying, at=shop.now)
        if trouble == "suppressed":
            shop.suppress(email)
        if trouble == "complained":
            shop.happen("complaint.opened")
        if trouble == "watched":
            shop.happen("order.shipped")
    for now in (shop.now, shop.now + EVENING):  # it is early in New York: what is late there ends here
        prepare(shop.store, shop.office, Summary(), now=now)


def asked(shop: Shop) -> tuple[list[Refusal | None], list[Refusal | None]]:
    """The answers of the whole batch, and those that each would get alone."""
    office, now = shop.office, shop.now + EVENING
    with shop.store.write() as connection:
        found = outbox.due(connection, "post", now, 1000)
        known = Known.of(connection, office, found, now)
        alone = [Known.of(connection, office, [one], now).refusal(one) for one in found]
        return [known.refusal(one) for one in found], alone


def test_each_of_a_crowd_is_answered_as_if_it_were_alone(shop: Shop) -> None:
    crowd(shop)
    together, alone = asked(shop)
    assert together == alone
    said = Counter("goes" if one is None else one.state or "waits" for one in together)
    assert said == {State.EXPIRED: 12, State.CANCELLED: 24, State.SUPPRESSED: 32, "goes": 20, "waits": 20}


def test_what_goes_counts_for_the_next_word_to_the_same_customer_alone(shop: Shop) -> None:
    first, second = shop.decide(), shop.decide()
    shop.customer = shop.welcome("C-2", email="other@mail.example")
    third = shop.decide()
    prepare(shop.store, shop.office, Summary(), now=shop.now)
    with shop.store.write() as connection:
        found = {one.public_id: one for one in outbox.due(connection, "post", shop.now, 9)}
        known = Known.of(connection, shop.office, list(found.values()), shop.now)
        assert known.refusal(found[first]) is None
        known.goes(found[first])
        later = known.refusal(found[second])
        assert later is not None
        assert later.until == shop.now + 7 * DAY
        assert known.refusal(found[third]) is None


def test_one_household_is_asked_together(shop: Shop) -> None:
    shop.cap = Cap(messages=5, within=Duration(days=7), household=1)
    customers = [shop.customer, shop.welcome("C-2", email="other@mail.example")]
    with shop.store.write() as connection:
        table = tables.table(tables.Customer)
        connection.execute(update(table).where(table.c.id.in_(customers)).values(household="H-1"))
    first, second = (shop.decide(customer=one) for one in customers)
    prepare(shop.store, shop.office, Summary(), now=shop.now)
    with shop.store.write() as connection:
        found = {one.public_id: one for one in outbox.due(connection, "post", shop.now, 9)}
        known = Known.of(connection, shop.office, list(found.values()), shop.now)
        assert known.refusal(found[first]) is None
        known.goes(found[first])
        assert known.refusal(found[second]) == Refusal(until=shop.now + 7 * DAY)
