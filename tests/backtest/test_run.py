"""A backtest says what really happened, wherever the same rule was in force; and it changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import orders
from engine.backtest import request
from engine.backtest.result import Result
from engine.backtest.run import backtest
from engine.store import as_of
from tests.backtest.forty_days import BEGIN, DAYS, REFS, RULES, care, lived
from tests.shop import THANKS, WHO, YES, Shop

FIRST, LAST = f"{BEGIN:%Y-%m-%d}", f"{BEGIN + timedelta(days=DAYS - 1):%Y-%m-%d}"
BECAME = {"delivered": "sent", "cancelled": "stopped", "suppressed": "permission", "planned": "coming"}


@pytest.fixture(scope="module")
def lived_through(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop after forty days, a week later."""
    shop = lived(tmp_path_factory.mktemp("forty") / "shop")
    yield shop.at("2026-03-20T11:00")
    shop.close()


def replayed(shop: Shop, rule: str, since: str = FIRST, until: str = LAST) -> Result:
    """What a backtest says of a rule."""
    return backtest(shop.app, request.rule_of(shop.app, rule), request.period(shop.app, since, until))


def decided(shop: Shop, rule: str) -> list[dict[str, Any]]:
    """What the rule really decided, with the customer's reference."""
    return [dict(row) | {"ref": ref} for ref in REFS for row in shop.decisions(ref, rule)]


def really(shop: Shop, rule: str) -> Counter[tuple[str, str, str, datetime, str]]:
    """What really became of the steps: customer, occurrence, step, when due, and how it ended."""
    return Counter(
        (one["ref"], one["occurrence"], step["step"], step["due_at"], BECAME[step["state"]])
        for one in decided(shop, rule)
        for step in one["actions"]
    )


def said(found: Result) -> Counter[tuple[str, str, str, datetime, str]]:
    """The same of a backtest."""
    return Counter(
        (row.customer, row.occurrence, row.step, row.at, str(row.outcome))
        for row in found.rows
        if row.step and not (row.outcome == "permission" and row.at == row.decided_at)
    )


@pytest.mark.parametrize("rule", RULES)
def test_what_it_says_is_what_happened(lived_through: Shop, rule: str) -> None:
    found, happened = replayed(lived_through, rule), really(lived_through, rule)

    assert said(found) == happened
    assert sum(happened.values()) >= 3


def test_answers_are_counted_as_they_were_given(lived_through: Shop) -> None:
    found, answers = replayed(lived_through, "done"), Counter(row["outcome"] for row in decided(lived_through, "done"))
    codes = Counter(row["reasons"][-1]["code"] for row in decided(lived_through, "done") if row["outcome"] == "refused")

    assert (found.asked, found.false) == (answers.total(), answers["no"])
    assert (found.ends["holdout"], found.ends["again_after"]) == (answers["holdout"], codes["again_after"])
    assert found.customers == len(REFS)


def test_a_sweep_leaves_alone_whom_it_left_alone_and_tells_it_once(lived_through: Shop) -> None:
    found, happened = replayed(lived_through, "asleep"), decided(lived_through, "asleep")

    for end, outcome in (("holdout", "holdout"), ("permission", "refused")):
        told = [row.customer for row in found.rows if row.outcome == end and not row.deferred]
        assert set(told) <= {row["ref"] for row in happened if row["outcome"] == outcome}
    first = {row["ref"]: row["occurrence"] for row in reversed(happened) if row["outcome"] == "holdout"}
    assert {row.customer for row in found.rows if row.outcome == "holdout"} == first.keys()
    assert first.items() <= {(row.customer, row.occurrence) for row in found.rows if row.outcome == "holdout"}


def test_it_begins_afresh_on_its_first_day(lived_through: Shop) -> None:
    half = replayed(lived_through, "done", since="2026-02-20")
    earlier = {row.occurrence for row in replayed(lived_through, "done").rows if f"{row.decided_at:%m-%d}" < "02-20"}

    assert {row.occurrence for row in half.rows}.isdisjoint(earlier)
    assert sum(sum(by.values()) for by in half.months.values()) == half.ends["sent"]


def test_it_says_of_which_scores_it_knows_less(lived_through: Shop) -> None:
    thinned = "of scores before 2026-02-06 the first of each month is kept; changes in between are late or not seen"

    assert thinned in replayed(lived_through, "gold").notes
    assert thinned not in replayed(lived_through, "gold", since="2026-02-07").notes
    assert thinned not in replayed(lived_through, "born").notes


@pytest.mark.parametrize("rule", RULES)
def test_the_store_stays_as_it_was(lived_through: Shop, rule: str) -> None:
    lived_through.close()
    files = {path: path.read_bytes() for path in lived_through.folder.rglob("*") if path.is_file()}

    replayed(lived_through, rule)
    lived_through.close()

    assert {path: path.read_bytes() for path in lived_through.folder.rglob("*") if path.is_file()} == files


def test_progress_comes_to_its_end(lived_through: Shop) -> None:
    for rule in RULES:
        days: list[int] = []
        asked = request.rule_of(lived_through.app, rule)
        backtest(lived_through.app, asked, request.period(lived_through.app, FIRST, LAST), progress=days.append)
        assert sum(days) == DAYS - 1
        assert all(day > 0 for day in days)


class TestOneCustomer:
    """What single facts do, without a score."""

    def thanked(self, shop: Shop, *days: str) -> Shop:
        shop.customer()
        for day in days:
            shop.event("service_call.completed", f"{day}T09:00:00+01:00")
        return shop.at("2026-05-02T11:00")

    def ends(self, shop: Shop, rule: str = "thanks") -> list[tuple[str, str]]:
        found = replayed(shop, rule, "2026-03-01", "2026-03-31")
        return [(f"{row.at:%m-%d}", str(row.outcome)) for row in found.rows]

    def test_what_happened_before_the_start_and_what_was_decided_are_asked_again(self, shop: Shop) -> None:
        shop.configure('# start = "2026-09-01"', 'start = "2026-03-10"')
        self.thanked(shop, "2026-03-02", "2026-03-20")
        shop.app.decide()

        assert self.ends(shop) == [("03-03", "sent"), ("03-21", "sent")]

    def test_the_cap_counts_what_other_rules_sent(self, shop: Shop) -> None:
        self.thanked(shop, "2026-03-02", "2026-03-03", "2026-03-04")
        assert self.ends(shop) == [("03-03", "sent"), ("03-04", "sent"), ("03-10", "sent")]

        other = THANKS.replace('"thanks"', '"other"').replace("service_call", "delivery")
        shop.rule("other", other)
        shop.event("delivery.completed", "2026-03-01T08:00:00+01:00")
        shop.at("2026-03-02T11:00").round()
        shop.at("2026-05-02T11:00")

        assert self.ends(shop) == [("03-03", "sent"), ("03-09", "sent"), ("03-10", "sent")]
        assert replayed(shop, "thanks", "2026-03-01", "2026-03-31").deferred == 2

    def test_permission_is_that_of_the_day_it_would_have_gone_out(self, shop: Shop) -> None:
        self.thanked(shop, "2026-03-02", "2026-03-05", "2026-03-20")
        word = {"customer": "C1", "purpose": "any", "channel": "any"}
        shop.ingest("consents", [{**word, "given": "no", "date": "2026-03-02T20:00:00+01:00"},
                                 {**word, "given": "yes", "date": "2026-03-10T20:00:00+01:00"}])  # fmt: skip

        assert self.ends(shop) == [("03-03", "permission"), ("03-05", "permission"), ("03-21", "sent")]

    def test_who_asked_never_to_be_written_to_again_is_not_from_then_on(self, shop: Shop) -> None:
        self.thanked(shop, "2026-03-02", "2026-03-20")
        orders.suppress(shop.at("2026-03-10T11:00").app, "C1", "asked for it")

        assert self.ends(shop.at("2026-05-02T11:00")) == [("03-03", "sent"), ("03-20", "permission")]

    def test_an_event_stops_what_has_not_gone_out(self, shop: Shop) -> None:
        shop.rule("thanks", THANKS.replace("[[step]]", '[journey]\nstop_on = ["complaint.opened"]\n[[step]]'))
        self.thanked(shop, "2026-03-02", "2026-03-20")
        shop.event("complaint.opened", "2026-03-02T20:00:00+01:00")
        shop.event("complaint.resolved", "2026-03-04T20:00:00+01:00")

        assert self.ends(shop) == [("03-03", "stopped"), ("03-21", "sent")]
        assert replayed(shop, "thanks", "2026-03-01", "2026-03-31").rows[0].reason == "complaint.opened on 2026-03-02"

    def test_a_step_stays_back_when_something_came(self, shop: Shop) -> None:
        shop.rule("thanks", THANKS + 'unless = "review.received"\n')
        self.thanked(shop, "2026-03-02", "2026-03-20")
        shop.event("review.received", "2026-03-02T20:00:00+01:00")
        assert self.ends(shop) == [("03-03", "stopped"), ("03-21", "sent")]

    @pytest.mark.parametrize("on", ['event = "service_call.completed"', 'sweep = "daily"'])
    def test_the_history_is_that_of_the_day(self, shop: Shop, on: str) -> None:
        when = "when = \"has_event('quote.sent', 'P10D') && sum_purchases() < 50.0\""
        shop.rule("asked", care("asked", f"{on}\n{when}", more='[journey]\nagain_after = "P2D"', holdout=0.0))
        self.thanked(shop, "2026-03-02", "2026-03-20", "2026-03-28")
        shop.event("quote.sent", "2026-03-19T09:00:00+01:00")
        shop.sale("2026-03-25", "60.00")

        found = replayed(shop, "asked", "2026-03-01", "2026-03-31")
        days = sorted(f"{row.decided_at:%m-%d}" for row in found.rows if row.step == "first")
        assert days == (["03-20"] if "event" in on else ["03-20", "03-22", "03-24"])

    def test_what_is_due_after_the_last_day_is_still_to_come(self, shop: Shop) -> None:
        self.thanked(shop, "2026-03-31")
        assert self.ends(shop) == [("04-01", "coming")]

    def test_paper_is_asked_for_early(self, shop: Shop) -> None:
        card = care("born", 'date = "customer.birthday"').replace('"email"', '"note"').replace("email/", "note/")
        shop.rule("born", card)
        shop.customer(birthday="1980-03-10")
        found = replayed(shop.at("2026-05-02T11:00"), "born", "2026-03-01", "2026-03-31")

        assert [f"{row.decided_at:%m-%d}" for row in found.rows if row.step == "first"] == ["03-07"]

    def test_nobody_is_looked_at_before_the_shop_heard_of_them(self, shop: Shop) -> None:
        shop.rule("all", care("all", 'sweep = "daily"', holdout=0.0))
        shop.customer("C1", consent=False)
        shop.customer("C2", consent=False)
        shop.sale("2026-01-05", "10.00", "C1")
        word = {"purpose": "any", "channel": "any", "given": "yes", "date": "2026-03-20"}
        shop.ingest("consents", [{"customer": ref, **word} for ref in ("C1", "C2")])
        shop.at("2026-05-02T11:00")

        found = replayed(shop, "all", "2026-02-01", "2026-03-31")
        assert [(row.customer, str(row.outcome), f"{row.at:%m-%d}") for row in found.rows if row.step == "first"] == [
            ("C1", "permission", "02-01"), ("C2", "permission", "03-03"),
            ("C1", "sent", "03-21"), ("C2", "sent", "03-21"),
        ]  # fmt: skip


class TestTogether:
    """What customers share: a roof, and the shop's money."""

    def four(self, shop: Shop, **money: str) -> Result:
        """Four customers who were served one day after the other; the first two live together."""
        shop.configure("# household = 3 ", "household = 1 ")
        for key, (old, new) in {"cost": ("# email = 0.001", "email = 0.5"), **_BUDGETS}.items():
            if key in money:
                shop.configure(old, new.format(money[key]))
        for ref, home in (("C1", "H1"), ("C2", "H1"), ("C3", ""), ("C4", "")):
            shop.customer(ref, household=home)
            shop.event("service_call.completed", f"2026-03-2{ref[1]}T09:00:00+01:00", ref)
        return replayed(shop.at("2026-05-02T11:00"), "thanks", "2026-03-01", "2026-03-31")

    def ends(self, found: Result) -> list[tuple[str, str, str]]:
        return [(row.customer, f"{row.at:%m-%d}", str(row.outcome)) for row in found.rows]

    def test_a_household_has_a_cap_of_its_own(self, shop: Shop) -> None:
        found = self.four(shop)

        assert self.ends(found) == [
            ("C1", "03-22", "sent"), ("C3", "03-24", "sent"), ("C4", "03-25", "sent"), ("C2", "03-29", "sent"),
        ]  # fmt: skip
        assert (found.deferred, found.cost_micro) == (1, 0)

    def test_a_budget_has_room_for_so_many(self, shop: Shop) -> None:
        found = self.four(shop, cost="0.5", rule="1.20")

        assert self.ends(found) == [
            ("C1", "03-22", "sent"), ("C3", "03-24", "budget"), ("C2", "03-29", "sent"), ("C4", "03-31", "coming"),
        ]  # fmt: skip
        assert found.cost_micro == 1_000_000
        assert "the budget of 1.20 EUR for thanks in 2026-03 has no room" in found.rows[1].reason

    def test_what_was_really_spent_on_other_rules_counts_and_on_this_one_not(self, shop: Shop) -> None:
        shop.configure("# email = 0.001", "email = 0.5")
        shop.rule("other", THANKS.replace('"thanks"', '"other"').replace("service_call", "delivery"))
        shop.customer("C9")
        for kind in ("delivery.completed", "service_call.completed"):
            shop.event(kind, "2026-03-02T08:00:00+01:00", "C9")
        for day in ("02", "04"):
            shop.at(f"2026-03-{day}T11:00").round()

        found = self.four(shop, channel="1.70")
        assert found.ends == {"sent": 2, "cap": 1, "budget": 1, "coming": 1}  # in the way of one are both
        assert found.cost_micro == 1_000_000


_BUDGETS = {
    "rule": ("# rules = { win_back = 50.00 }", "rules = {{ thanks = {} }}"),
    "channel": ("# email = 20.00", "email = {}"),
}


def sold_to(folder: Path) -> Shop:
    """A shop that took in half a year of sales, of some who go on buying and of some who stopped."""
    shop = Shop(folder, rules={**RULES, "fallen": care("fallen", 'score = "p_alive < 0.9"', holdout=0.0)})
    shop.ingest("customers", [{**WHO, "customer": ref, "email": f"{ref}@mail.example"} for ref in MANY])
    shop.ingest("consents", [{**YES, "customer": ref} for ref in MANY])
    sales = [
        {"id": f"{ref}/{day}", "customer": ref, "date": str((BEGIN + timedelta(days=day - 150)).date()), "amount": "30"}
        for number, ref in enumerate(MANY)
        for day in range(number % 9, 185 if number % 3 else 140, 6 + number % 11)
    ]
    shop.ingest("transactions", sales)
    return shop


MANY = [f"C{number}" for number in range(1, 41)]
UNTIL = f"{BEGIN + timedelta(days=27):%Y-%m-%d}"


def test_before_any_scores_were_kept_they_are_reckoned_and_nothing_is_written(tmp_path: Path) -> None:
    asked = ("fallen", "gold", "asleep")
    scored, new = sold_to(tmp_path / "scored"), sold_to(tmp_path / "new")
    for week in range(-1, 4):
        scored.at((BEGIN + timedelta(weeks=week, hours=2)).isoformat()[:16]).app.score()
    for shop in (scored, new):
        shop.at("2026-03-20T11:00")
    new.app.score()

    kept = {rule: replayed(scored, rule, until=UNTIL) for rule in asked}
    found = {rule: replayed(new, rule, until=UNTIL) for rule in asked}

    assert {rule: said(one) for rule, one in found.items()} == {rule: said(one) for rule, one in kept.items()}
    assert all(one.rows for one in found.values())
    assert any("reckoned now, for each week" in note for note in found["fallen"].notes)
    with new.app.store.read() as connection:
        assert len(as_of.saves(connection, datetime.max.replace(tzinfo=UTC))) == 1
    scored.close()
    new.close()
