"""Who was drawn, and what they paid, on both stores: a shop with holdouts of its rule and of the whole workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.calendar import Duration
from engine.report.lift import ALL
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

    def told(day: str) -> dict[str, tuple[int, int, int]]:
        now = shop.at(f"{day}T11:00").app.clock()
        found = report_lift(shop.app.store, within=Duration(days=10), currency="EUR", now=now)
        return {one.rule: (one.holdout, one.comparison, one.coming) for one in found if one.says == "too few"} | {
            f"{one.rule}/paid": (one.holdout_mean_minor, one.comparison_mean_minor, one.difference_minor)
            for one in found
        }

    early, late = told("2026-03-10"), told("2026-03-11")
    assert early["thanks/paid"] == (0, 0, 0), "ten days are not over"
    assert late["thanks/paid"] == late[f"{ALL}/paid"] == (2000, 2000, 0)
    for rule in (ALL, "thanks"):
        assert early[rule] == (0, 0, sum(late[rule][:2]))
        assert late[rule][2] == 0
        assert min(late[rule][:2]) >= 3
