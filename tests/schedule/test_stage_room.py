"""When there is not room for all: households, budgets, and who goes first; twice, after a crash, and side by side."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from engine.core.quiet import QuietPolicy
from engine.schedule import stage
from tests.dispatch.shop import Killed
from tests.shop import THANKS, WHO, YES, Shop

DONE = "service_call.completed"
LONG = THANKS + 'valid_for = "P60D"\n'
CARD = LONG.replace('"thanks"', '"card"').replace('channel = "email"', 'channel = "note"').replace("email/", "note/")
OTHER = LONG.replace('"thanks"', '"other"').replace("Thank for", "Ask about")


def due(shop: Shop, state: str = "planned") -> dict[str, str]:
    """The dates of actions by customer and rule, on the clocks of UTC."""
    return {
        f"{row['customer']}.{row['rule']}": f"{datetime.fromisoformat(str(row['due_at'])):%m-%d %H:%M}"
        for row in shop.actions()
        if row["state"] == state
    }


def crowd(shop: Shop, number: int, *, amounts: bool = False, **facts: str) -> list[str]:
    """So many customers; with amounts, each brings more than the one before."""
    refs = [f"C{one:02}" for one in range(1, number + 1)]
    shop.ingest("customers", [{**WHO, "customer": ref, "email": f"{ref}@mail.example", **facts} for ref in refs])
    shop.ingest("consents", [{**YES, "customer": ref} for ref in refs])
    if amounts:
        sales = [
            {"id": f"{ref}/{day}", "customer": ref, "date": f"2025-{day}", "amount": f"{10 + 40 * place}.00"}
            for place, ref in enumerate(refs)
            for day in ("03-01", "06-01", "09-01", "12-01")
        ]
        shop.ingest("transactions", sales)
        shop.app.score()
    return refs


def visits(shop: Shop, refs: list[str], day: str = "2026-03-02", hour: int = 6) -> None:
    """All of them get a visit, the first one first."""
    rows = [
        {"id": f"{ref}/{day}/{hour}", "customer": ref, "kind": DONE, "date": f"{day}T{hour:02}:{place:02}:00+00:00"}
        for place, ref in enumerate(refs)
    ]
    shop.ingest("events", rows)


def dated(shop: Shop) -> stage.Summary:
    """Decide and schedule."""
    shop.app.decide()
    return shop.app.schedule()


class TestHousehold:
    def home(self, tmp_path: Path, **facts: str) -> Shop:
        shop = Shop(tmp_path / "shop", rules={"thanks": LONG})
        shop.configure("# household = 3", "household = 2")
        crowd(shop, 4, amounts=False, **facts)
        return shop

    def test_those_who_live_together_hear_no_more_than_a_household_may(self, tmp_path: Path) -> None:
        shop = self.home(tmp_path, household="H1")
        visits(shop, ["C01", "C02", "C03", "C04"])
        summary = dated(shop)

        assert (summary.scheduled, summary.deferred, summary.causes) == (4, 2, {"household": 2})
        assert due(shop) == {
            "C01.thanks": "03-03 06:00",
            "C02.thanks": "03-03 06:01",
            "C03.thanks": "03-10 06:00",
            "C04.thanks": "03-10 06:01",
        }
        (later,) = [row for row in shop.actions() if row["customer"] == "C04"]
        why = "later than planned: the household would hear from us more than 2 times within P7D"
        assert later["reason"] == why
        assert shop.decisions("C04")[0]["actions"][0]["reason"] == why

    def test_those_who_live_alone_are_nobodys_household(self, tmp_path: Path) -> None:
        shop = self.home(tmp_path)
        visits(shop, ["C01", "C02", "C03", "C04"])

        assert dated(shop).deferred == 0

    def test_what_one_of_them_heard_before_counts_for_the_others(self, tmp_path: Path) -> None:
        shop = self.home(tmp_path, household="H1")
        visits(shop, ["C01", "C02"])
        shop.at("2026-03-03T09:00").round()
        assert len(shop.mails()) == 2
        visits(shop, ["C03"], "2026-03-03")

        assert dated(shop).causes == {"household": 1}
        assert due(shop) == {"C03.thanks": "03-10 09:00"}

    def test_what_comes_due_at_once_after_a_standstill_waits_again_before_it_goes(self, tmp_path: Path) -> None:
        shop = self.home(tmp_path, household="H1")
        visits(shop, ["C01", "C02", "C03", "C04"])
        dated(shop)
        shop.at("2026-03-11T09:00").app.dispatch()
        assert len(shop.mails()) == 2
        shop.at("2026-03-18T08:59").app.dispatch()
        assert len(shop.mails()) == 2
        shop.at("2026-03-18T09:00").app.dispatch()
        assert len(shop.mails()) == 4

    def test_both_caps_hold(self, tmp_path: Path) -> None:
        shop = self.home(tmp_path, household="H1")
        shop.configure("messages = 2", "messages = 1")
        visits(shop, ["C01"])
        visits(shop, ["C01", "C02", "C03"], hour=7)
        summary = dated(shop)

        assert due(shop) == {"C01.thanks": "03-10 06:00", "C02.thanks": "03-03 07:01", "C03.thanks": "03-10 07:01"}
        assert summary.causes == {"customer": 1, "household": 1}


def budget(shop: Shop, *lines: str, costs: str = "email = 0.40") -> None:
    """What a mail costs, and what a month may."""
    shop.configure("# email = 0.001", costs)
    for line in lines:
        name = line.split(" = ")[0]
        old = {"email": "# email = 20.00", "note": "# note = 200.00"}.get(name, "# rules = { win_back = 50.00 }")
        shop.configure(old, line)


class TestBudget:
    def test_what_a_month_cannot_bear_waits_for_the_next(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"thanks": LONG})
        budget(shop, "email = 1.00")
        visits(shop, crowd(shop, 5))
        summary = dated(shop)

        assert (summary.scheduled, summary.deferred, summary.causes) == (5, 3, {"budget": 3})
        begins = "03-31 22:00"  # April, in Rome
        assert list(due(shop).values()) == ["03-03 06:00", "03-03 06:01", begins, begins, "04-30 22:00"]
        last = shop.actions()[-1]
        assert last["reason"] == (
            "later than planned: the budget of 1.00 EUR for email in 2026-03 has no room for 0.40 EUR more; "
            "the budget of 1.00 EUR for email in 2026-04 has no room for 0.40 EUR more"
        )

    def test_the_next_month_begins_in_the_window_and_not_at_night(self, tmp_path: Path) -> None:
        early = LONG.replace(
            'after = "P1D"', 'after = "P1D"\nwindow = { days = "mon-fri", from = "10:00", to = "12:00" }'
        )
        shop = Shop(tmp_path / "shop", rules={"thanks": early}, now="2026-07-14T11:00")
        budget(shop, "email = 0.50")
        visits(shop, crowd(shop, 2), "2026-07-14")
        dated(shop)

        assert due(shop) == {"C01.thanks": "07-15 08:00", "C02.thanks": "08-03 08:00"}  # the 1st is a Saturday

    def test_what_is_no_longer_worth_it_next_month_is_dropped(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"thanks": THANKS})
        budget(shop, "email = 0.50")
        visits(shop, crowd(shop, 2))
        summary = dated(shop)

        assert (summary.scheduled, summary.dropped, summary.causes) == (1, 1, {"budget": 1})
        (dropped,) = [row for row in shop.actions() if row["state"] == "cancelled"]
        assert dropped["reason"] == "the budget of 0.50 EUR for email in 2026-03 has no room for 0.40 EUR more"
        assert summary.finished_journeys == 1

    def test_a_rule_has_a_budget_of_its_own_over_all_its_channels(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"thanks": THANKS, "other": OTHER})
        budget(shop, "rules = { thanks = 0.50 }")
        visits(shop, crowd(shop, 2))
        summary = dated(shop)

        assert (summary.scheduled, summary.dropped) == (3, 1)
        assert due(shop, "cancelled").keys() == {"C02.thanks"}

    def test_what_was_sent_this_month_is_spent_and_what_was_not_is_free_again(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"thanks": THANKS})
        budget(shop, "email = 1.00")
        refs = crowd(shop, 5)
        visits(shop, refs[:2])
        shop.at("2026-03-03T09:00").round()
        assert len(shop.mails()) == 2
        visits(shop, refs[2:4], "2026-03-04")
        assert shop.at("2026-03-04T09:00").app.decide().actions == 2
        assert shop.app.schedule().dropped == 2  # 0.80 of 1.00 is gone

        fresh = Shop(tmp_path / "fresh", rules={"thanks": THANKS})
        budget(fresh, "email = 1.00")
        refs = crowd(fresh, 5)
        visits(fresh, refs[:2])
        dated(fresh)
        fresh.ingest("consents", [{**YES, "customer": refs[0], "given": "no", "date": "2026-03-02"}])
        fresh.at("2026-03-03T09:00").round()
        assert sorted(fresh.states().values()) == ["delivered"]  # one rule and step: the last of both
        assert len(fresh.mails()) == 1
        visits(fresh, refs[2:4], "2026-03-04")
        assert dated(fresh.at("2026-03-04T09:00")).dropped == 1

    def test_what_a_customer_is_owed_counts_and_goes_all_the_same(self, tmp_path: Path) -> None:
        owed = OTHER.replace('"relationship"', '"transactional"')
        shop = Shop(tmp_path / "shop", rules={"thanks": THANKS, "other": owed})
        budget(shop, "email = 1.00")
        visits(shop, crowd(shop, 3))
        summary = dated(shop)

        assert (summary.scheduled, summary.dropped) == (3, 3)
        assert due(shop).keys() == {"C01.other", "C02.other", "C03.other"}

    def test_the_cost_of_a_card_is_what_its_adapter_says_unless_the_shop_does(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"card": CARD})
        budget(shop, "note = 4.00")
        refs = crowd(shop, 3)
        visits(shop, refs)
        assert dated(shop).deferred == 1  # two at 1.90
        (shown,) = {row["id"] for row in shop.actions() if row["customer"] == "C01"}
        assert costs(shop, shown) == "1.90 EUR"

        dear = Shop(tmp_path / "dear", rules={"card": CARD})
        budget(dear, "note = 4.00", costs="note = 2.40")
        refs = crowd(dear, 3)
        visits(dear, refs)
        assert dated(dear).deferred == 2

    def test_what_is_due_next_month_leaves_this_month_alone(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"thanks": THANKS}, now="2026-03-31T11:00")
        budget(shop, "email = 0.50")
        refs = crowd(shop, 2)
        visits(shop, refs[:1], "2026-03-31", hour=20)  # due on the first of April
        visits(shop, refs[1:], "2026-03-30", hour=12)

        assert dated(shop).causes == {}


def costs(shop: Shop, action: str) -> str:
    """What an action costs, as people are told."""
    from engine import inquiry

    return str(inquiry.action(shop.app, action)["unit_cost"])


class TestWhoGoesFirst:
    def test_of_two_rules_that_which_is_worth_more(self, tmp_path: Path) -> None:
        worth = OTHER.replace("holdout = 0.0", "holdout = 0.0\nworth = 25.0")
        shop = Shop(tmp_path / "shop", rules={"thanks": LONG, "other": worth})
        shop.configure("messages = 2", "messages = 1")
        refs = crowd(shop, 1)
        visits(shop, refs)
        dated(shop)

        assert due(shop) == {"C01.other": "03-03 06:00", "C01.thanks": "03-10 06:00"}

    def test_a_worth_that_the_message_eats_up_goes_last(self, tmp_path: Path) -> None:
        dear = CARD.replace("holdout = 0.0", "holdout = 0.0\nworth = 1.0").replace('after = "P1D"', 'after = "P5D"')
        shop = Shop(tmp_path / "shop", rules={"card": dear, "thanks": LONG.replace('after = "P1D"', 'after = "P5D"')})
        shop.configure("messages = 2", "messages = 1")
        refs = crowd(shop, 1)
        visits(shop, refs)
        dated(shop)

        assert due(shop)["C01.thanks"] == "03-07 06:00"

    def test_of_customers_whoever_will_bring_more(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"thanks": THANKS})
        budget(shop, "email = 1.20")
        visits(shop, crowd(shop, 8, amounts=True))
        summary = dated(shop)

        assert (summary.scheduled, summary.dropped) == (3, 5)
        assert due(shop).keys() == {"C06.thanks", "C07.thanks", "C08.thanks"}

    def test_more_than_one_batch_is_one_contest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stage, "BATCH", 2)
        shop = Shop(tmp_path / "shop", rules={"thanks": THANKS})
        budget(shop, "email = 1.20")
        visits(shop, crowd(shop, 8, amounts=True))
        dated(shop)

        assert due(shop).keys() == {"C06.thanks", "C07.thanks", "C08.thanks"}

    def test_what_is_dated_keeps_its_date_whoever_comes_later(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"thanks": LONG})
        budget(shop, "email = 1.20")
        refs = crowd(shop, 8, amounts=True)
        visits(shop, refs[:4])
        dated(shop)
        before = due(shop)
        assert list(before.values()).count("03-31 22:00") == 1
        visits(shop, refs[4:], hour=5)
        summary = dated(shop)

        assert before.items() <= due(shop).items()
        assert summary.deferred == 4
        once = shop.actions()
        assert shop.app.schedule() == stage.Summary()
        assert shop.actions() == once


def left(shop: Shop) -> list[dict[str, Any]]:
    """All actions without what is random about them."""
    rows = [{name: row[name] for name in ("customer", "rule", "state", "reason", "due_at")} for row in shop.actions()]
    return sorted(rows, key=str)


class TestInterrupted:
    def full(self, folder: Path, database: str = "") -> Shop:
        shop = Shop(folder, database=database, rules={"thanks": LONG, "other": THANKS.replace('"thanks"', '"other"')})
        shop.configure("# household = 3", "household = 3")
        budget(shop, "email = 2.40", "rules = { other = 1.00 }")
        refs = crowd(shop, 9, amounts=True, household="H1")
        visits(shop, refs)
        shop.app.decide()
        return shop

    def test_a_crash_in_the_middle_changes_nothing_of_what_comes_of_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stage, "BATCH", 3)
        whole, broken = self.full(tmp_path / "whole"), self.full(tmp_path / "broken")
        whole.app.schedule()

        def dies_after(number: int) -> QuietPolicy:
            lives: Iterator[bool] = chain(repeat(True, number), repeat(False))

            def holidays(_country: str, _region: str, _year: int) -> frozenset[date]:
                if not next(lives):
                    raise Killed
                return frozenset()

            return replace(broken.app.quiet, holidays=holidays)

        for number in (1, 20, 40):
            policy = replace(broken.app.schedule_policy(), quiet=dies_after(number))
            with pytest.raises(Killed):
                stage.schedule(broken.app.store, policy, now=broken.app.clock())
        broken.close()
        broken.app.schedule()

        assert left(broken) == left(whole)
        assert {row["state"] for row in left(whole)} == {"planned", "cancelled"}

    @pytest.mark.any_store
    def test_two_at_once_date_everything_once_and_within_the_budget(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str
    ) -> None:
        monkeypatch.setattr(stage, "BATCH", 2)
        shop, alone = self.full(tmp_path / "shop", database), self.full(tmp_path / "alone")
        policy, now = shop.app.schedule_policy(), shop.app.clock()
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(stage.schedule, shop.app.store, policy, now=now) for _ in range(2)]
            found = [one.result() for one in both]
        alone.app.schedule()

        assert sum(one.scheduled for one in found) + sum(one.dropped for one in found) == 18
        assert len(shop.actions()) == 18
        assert [row["state"] for row in left(shop)].count("planned") == [row["state"] for row in left(alone)].count(
            "planned"
        )
        shop.close()
