"""Who was drawn, who lives together, and what they paid, on both stores: holdouts of a rule and of the workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.calendar import Duration
from engine.report.group import Compared
from engine.report.lift import ALL, LiftLine
from engine.report.stage import report_lift
from engine.store import customers, lift
from tests.shop import THANKS, WHO, YES, Shop

pytestmark = pytest.mark.any_store
REFS = [f"C{number}" for number in range(40)]


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[Shop]:
    """Forty customers, each served twice; half are drawn by the rule, a quarter by the workspace."""
    opened = Shop(tmp_path / "shop", rules={"thanks": THANKS.replace("0.0", "0.25")}, database=database)
    opened.configure("share = 0.0 ", "share = 0.25 ")
    opened.ingest("customers", [{**WHO, "customer": ref, "email": f"{ref}@mail.example"} for ref in REFS])
    opened.ingest("consents", [{**YES, "customer": ref} for ref in REFS])
    for day in ("2026-03-01", "2026-03-02"):
        rows = [{"id": f"{ref}{day}", "customer": ref, "kind": "service_call.completed", "date": f"{day}T09:00:00Z"}
                for ref in REFS]  # fmt: skip
        opened.ingest("events", rows)
        opened.at(f"{day}T11:00").app.decide()
    yield opened
    opened.close()


def test_every_answer_in_a_group_is_found(shop: Shop) -> None:
    with shop.app.store.read() as connection:
        found = list(lift.drawn(connection))
        people = {one.id: one.facts.ref for one in customers.load(connection).values()}
    said = Counter((ref, row["arm"]) for ref in REFS for row in shop.decisions(ref))

    assert Counter((people[one.customer], one.arm) for one in found) == Counter(
        {place: number for place, number in said.items() if place[1] not in ("none", "treated")}
    )
    assert {one.rule for one in found} == {"thanks"}
    assert len({one.arm for one in found}) >= 5


def test_only_what_was_paid_in_its_time_counts(shop: Shop) -> None:
    for ref in REFS:
        shop.ingest("transactions", [
            {"id": f"{ref}{day}{amount}", "customer": ref, "date": f"2026-{day}T12:00:00Z", "amount": amount}
            for day, amount in (("02-01", "1000.00"), ("03-03", "30.00"), ("03-05", "-10.00"), ("03-20", "500.00"))
        ])  # fmt: skip
    shop.sale("2026-03-03T12:00:00Z", "99.00", REFS[0], currency="CHF")

    def told(day: str) -> dict[str, LiftLine]:
        now = shop.at(f"{day}T11:00").app.clock()
        found = report_lift(shop.app.store, within=Duration(days=10), currency="EUR", margin=0.5, now=now)
        return {one.rule: one for one in found}

    early, late = told("2026-03-10"), told("2026-03-11")
    for rule in (ALL, "thanks"):
        assert (early[rule].holdout, early[rule].comparison) == (0, 0), "ten days are not over"
        assert early[rule].coming == late[rule].holdout + late[rule].comparison
        assert late[rule].coming == 0
        assert min(late[rule].holdout, late[rule].comparison) >= 3
        assert late[rule].revenue == Compared(
            holdout_mean_minor=2000, comparison_mean_minor=2000, difference_minor=0, low_minor=0, high_minor=0,
            says="too few",
        )  # fmt: skip
        assert late[rule].margin.holdout_mean_minor == late[rule].margin.comparison_mean_minor == 1000


def test_who_lives_together_and_what_a_sale_cost_are_known(shop: Shop) -> None:
    homes = {ref: f"H{number // 6}" for number, ref in enumerate(REFS) if number < 30}
    shop.ingest("customers", [{"customer": ref, "household": home} for ref, home in homes.items()])
    sold = [{"id": f"S{ref}", "customer": ref, "date": "2026-03-03T12:00:00Z", "amount": "30.00", "cost": "10.00"}
            for ref in REFS]  # fmt: skip
    back = [{"id": f"R{ref}", "customer": ref, "date": "2026-03-04T12:00:00Z", "amount": "-15.00",
             "reverses": f"S{ref}"} for ref in REFS]  # fmt: skip
    shop.ingest("transactions", [*sold, *back])

    with shop.app.store.read() as connection:
        people = {one.id: one.facts.ref for one in customers.load(connection).values()}
        lives = lift.households(connection, people)
        paid = [one for one in lift.paid(connection, people, "EUR") if people[one.customer] == "C7"]
    assert {people[key]: home for key, home in lives.items()} == homes
    assert [(one.amount_minor, one.cost_minor, one.ext_key, one.reverses) for one in paid] == [
        (3000, 1000, "SC7", None), (-1500, None, "RC7", "SC7"),
    ]  # fmt: skip

    now = shop.at("2026-04-01T11:00").app.clock()
    for one in report_lift(shop.app.store, within=Duration(days=10), currency="EUR", margin=0.9, now=now):
        assert one.holdout_households < one.holdout or one.comparison_households < one.comparison
        assert one.revenue.holdout_mean_minor == one.revenue.comparison_mean_minor == 1500
        assert one.margin.holdout_mean_minor == one.margin.comparison_mean_minor == 1000
