"""Which journeys a purchase ends, which steps waited for it, and who bought since an instant, on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.store import bought, customers, decisions, transactions, waits
from engine.store.bought import Stopped
from tests.shop import THANKS, Shop

pytestmark = pytest.mark.any_store
DONE = "service_call.completed"
BEGAN = datetime(2026, 3, 2, 8, tzinfo=UTC)
STOPS = '[journey]\nstop_on = ["complaint.opened", "purchase"]\n'


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[Shop]:
    """Two customers, each in a rule that stops on a purchase and in one that does not, since nine in the morning."""
    opened = Shop(tmp_path / "shop", rules={"goes_on": THANKS.replace('"thanks"', '"goes_on"')}, database=database)
    opened.rule("thanks", THANKS.replace("[[step]]", f"{STOPS}[[step]]"))
    for ref in ("C1", "C2"):
        opened.customer(ref)
        opened.event(DONE, "2026-03-02T09:00:00+01:00", ref)
    opened.app.decide()
    yield opened
    opened.close()


def sale(shop: Shop, at: datetime, amount: str = "5.00", ref: str = "C1") -> None:
    shop.sale(at.isoformat(), amount, ref, id=f"{ref}{at}{amount}")


def stopped(shop: Shop, after: int = 0) -> list[tuple[str, str, int]]:
    """Customer, rule and day of each."""
    with shop.app.store.read() as connection:
        found = bought.stopped(connection, after, transactions.newest(connection))
        people = {one.id: one.facts.ref for one in customers.load(connection).values()}
        rules = {one.id: "thanks" for one in decisions.pending(connection, "thanks")}
    return sorted((people[one.customer], rules.get(one.journey, "?"), one.day) for one in found)


def test_a_sale_after_the_beginning_ends_what_stops_on_it(shop: Shop) -> None:
    day = BEGAN.date().toordinal()
    for days in (5, 1):
        sale(shop, BEGAN + timedelta(days=days))
    assert stopped(shop) == [("C1", "thanks", day + 1)]
    sale(shop, BEGAN + timedelta(hours=15, minutes=30), ref="C2")
    assert stopped(shop) == [("C1", "thanks", day + 1), ("C2", "thanks", day + 1)], "it is past midnight in the shop"


@pytest.mark.parametrize(("hours", "amount"), [(0, "5.00"), (-1, "5.00"), (2, "-5.00")])
def test_what_came_before_or_is_no_sale_ends_nothing(shop: Shop, hours: int, amount: str) -> None:
    sale(shop, BEGAN + timedelta(hours=hours), amount)
    assert stopped(shop) == []


def test_only_what_is_new_and_what_is_under_way_counts(shop: Shop) -> None:
    sale(shop, BEGAN + timedelta(days=1))
    with shop.app.store.write() as connection:
        newest = transactions.newest(connection)
        assert bought.stopped(connection, newest, newest + 9) == []
        (found,) = bought.stopped(connection, 0, newest)
        assert isinstance(found, Stopped)
        decisions.stop_journeys(connection, [found.journey], "by somebody", BEGAN)
        assert bought.stopped(connection, 0, newest) == []


def test_who_bought_since_an_instant(shop: Shop) -> None:
    for hours, amount, ref in ((3, "5.00", "C1"), (1, "5.00", "C1"), (0, "0.00", "C2"), (-1, "5.00", "C2"),
                               (4, "-1.00", "C2")):  # fmt: skip
        sale(shop, BEGAN + timedelta(hours=hours), amount, ref)
    with shop.app.store.read() as connection:
        one, two = customers.ids_of(connection, ["C1", "C2"]).values()
        assert bought.since(connection, [one, two], BEGAN) == {
            one: [BEGAN + timedelta(hours=1), BEGAN + timedelta(hours=3)], two: [BEGAN],
        }  # fmt: skip
        assert bought.since(connection, [two], BEGAN + timedelta(hours=1)) == {}


WAITS = """[[step]]
id = "later"
channel = "email"
template = "email/service_thank_you"
await = "purchase"
within = "P14D"
"""


@pytest.fixture
def waiting(shop: Shop) -> Shop:
    """C3 is in a rule whose second step waits for a purchase; C1 and C2 wait for nothing."""
    shop.rule("waits", THANKS.replace('"thanks"', '"waits"').replace(DONE, "delivery.completed") + WAITS)
    shop.customer("C3")
    shop.event("delivery.completed", "2026-03-02T09:00:00+01:00", "C3")
    shop.app.decide()
    return shop


def test_who_waits_for_what_was_bought(waiting: Shop) -> None:
    for ref in ("C1", "C3"):
        sale(waiting, BEGAN + timedelta(days=1), ref=ref)
    sale(waiting, BEGAN + timedelta(days=1), "-5.00", ref="C3")
    with waiting.app.store.read() as connection:
        third, newest = customers.ids_of(connection, ["C3"])["C3"], transactions.newest(connection)
        assert bought.awaiting(connection, 0, newest) == {third}
        assert bought.awaiting(connection, newest - 1, newest) == set(), "a refund is none"
        assert waits.come(connection, [third], BEGAN) == []
        (found,) = waits.come(connection, [third], BEGAN + timedelta(days=2))
    assert (found.customer, found.event.kind) == (third, "purchase")
    assert (found.event.occurred_at, found.wait.kind) == (BEGAN + timedelta(days=1), "purchase")
    assert found.event.payload == {"amount_minor": 500, "currency": "EUR"}


@pytest.mark.parametrize(
    ("hours", "comes"), [(-1, False), (0, False), (1, True), (14 * 24, True), (14 * 24 + 1, False)]
)
def test_it_must_come_in_time(waiting: Shop, hours: int, comes: bool) -> None:
    sale(waiting, BEGAN + timedelta(hours=hours), ref="C3")
    with waiting.app.store.read() as connection:
        third = customers.ids_of(connection, ["C3"])["C3"]
        whom = bought.awaiting(connection, 0, transactions.newest(connection))
        assert whom == ({third} if comes else set()), "what was sold before or after concerns nobody who waits"
        assert bool(waits.come(connection, [third], BEGAN + timedelta(days=20))) is comes
        assert bool(waits.come_late(connection, BEGAN + timedelta(days=20))) is comes
