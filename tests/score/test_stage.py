"""The stage on a store: what is scored, what is flagged, and what a later day or a refund changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest

from engine.cli import run
from engine.core.calendar import at_local
from engine.core.facts import Score, Transaction
from engine.errors import ScoreError
from engine.score.models.fit import FLAGS
from engine.score.policy import Policy
from engine.score.stage import Summary, rescore, score
from engine.store import customers, score_history, scores, transactions
from engine.store.session import Store, create, open_store
from tests.shop import Shop

ROME = "Europe/Rome"
START = date(2025, 1, 1)
POLICY = Policy(
    model="bg_nbd",
    time_unit="week",
    horizon="P365D",
    discount_rate=0.10,
    margin=1.0,
    tiers={"best": 0.9, "good": 0.5, "rest": 0.0},
    currency="EUR",
    time_zone=ROME,
)
Sale = tuple[str, int, int]
"""Customer, days after the start, cents."""


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty store."""
    path = tmp_path_factory.mktemp("blank") / "premura.db"
    create(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def store(blank: Path, tmp_path: Path) -> Iterator[Store]:
    copyfile(blank, tmp_path / "premura.db")
    opened = open_store(f"sqlite:///{tmp_path}/premura.db")
    yield opened
    opened.close()


def noon(day: int) -> datetime:
    return at_local(START + timedelta(days=day), time(12), ROME)


def book(store: Store, *sales: Sale, currency: str = "EUR", back: str | None = None, source: str = "till") -> None:
    """Store sales, each under the key customer/day; below zero they are refunds, of the sale `back` if it is given."""
    with store.write() as connection:
        customers.add_unknown(connection, {who for who, _, _ in sales}, noon(0))
        known = customers.ids_of(connection, {who for who, _, _ in sales})
        facts = [
            Transaction(
                customer=who,
                ext_key=f"{who}/{day}" if cents >= 0 else f"{who}/{day}/back",
                occurred_at=noon(day),
                amount_minor=cents,
                currency=currency,
                reverses=back,
            )
            for who, day, cents in sales
        ]
        new = transactions.add(connection, source, [(known[fact.customer], fact) for fact in facts], noon(0), ROME)
        assert new == len(sales)


def given_back(store: Store, who: str) -> None:
    """A sale, and the day after its money back."""
    book(store, (who, 3, 1000))
    book(store, (who, 4, -1000), back=f"{who}/3")


def shop_of(number: int, *, days: int = 300, seed: int = 7) -> list[Sale]:
    """Customers who come at their own pace, spend about their own sum, and some of whom stay away one day."""
    chance = np.random.default_rng(seed)
    sales: list[Sale] = []
    for index in range(number):
        day, pace, spend = int(chance.integers(0, days // 2)), chance.gamma(2, 20), chance.gamma(4, 2000)
        while day < days:
            sales.append((f"C{index:03}", day, int(spend * chance.uniform(0.5, 1.5)) + 1))
            if chance.random() < 0.2:
                break
            day += 1 + int(chance.exponential(pace))
    return sales


def rate(store: Store, day: int = 300, policy: Policy = POLICY) -> Summary:
    """Score at noon of a day."""
    return score(store, policy, now=noon(day))


def kept(store: Store) -> dict[str, scores.Stored]:
    with store.read() as connection:
        refs = {key: known.facts.ref for key, known in customers.load(connection).items()}
        return {refs[key]: found for key, found in scores.load(connection).items()}


def facts(store: Store) -> dict[str, Score]:
    return {ref: found.facts for ref, found in kept(store).items()}


def waiting(store: Store) -> set[str]:
    """Whose scores decide has not looked at."""
    with store.read() as connection:
        refs = {key: known.facts.ref for key, known in customers.load(connection).items()}
        return {refs[found.customer_id] for found in scores.undecided(connection, 10_000)}


def look(store: Store) -> None:
    """As decide does."""
    with store.write() as connection:
        newest = scores.newest(connection)
        if newest is not None:
            scores.mark_decided(connection, newest, noon(0))


def test_everybody_who_bought_has_a_score_and_nobody_else(store: Store) -> None:
    book(store, *shop_of(60))
    with store.write() as connection:
        customers.add_unknown(connection, ["NOBODY"], noon(0))

    done = rate(store)

    found = facts(store)
    assert (done.customers, len(found)) == (60, 60)
    assert "NOBODY" not in found
    assert {one.scored_at for one in kept(store).values()} == {noon(300)}
    assert done.transactions == sum(one.frequency + 1 for one in found.values())
    assert done.repeaters == sum(one.frequency > 0 for one in found.values())
    assert done.total_clv_minor == sum(one.clv_minor or 0 for one in found.values())
    assert all(0 <= (one.p_alive or 0) <= 1 and 0 <= one.recency <= one.T for one in found.values())
    assert all((one.monetary_minor is None) is (one.frequency == 0) for one in found.values())


def test_the_run_is_kept_with_what_was_fitted(store: Store) -> None:
    book(store, *shop_of(60))

    done = rate(store)

    with store.read() as connection:
        run = scores.last_run(connection)
    assert run is not None
    assert (run["model"], run["params"], run["spend_params"]) == ("bg_nbd", done.params, done.spend_params)
    assert (run["as_of"], run["fitted_at"], run["flags"]) == (noon(300), noon(300), list(done.flags))
    assert (run["customers"], run["repeaters"], run["validation"]["customers"]) == (60, done.repeaters, 60)


def test_tiers_have_the_names_and_bounds_of_the_configuration(store: Store) -> None:
    book(store, *shop_of(60))

    done = rate(store)

    found = facts(store).values()
    assert list(done.tiers) == ["best", "good", "rest"]
    assert done.tiers == {name: sum(one.tier == name for one in found) for name in POLICY.tiers}
    for one in found:
        assert one.percentile is not None
        assert one.tier == ("best" if one.percentile >= 0.9 else "good" if one.percentile >= 0.5 else "rest")
    worst_of_best = min(one.clv_minor or 0 for one in found if one.tier == "best")
    assert all((one.clv_minor or 0) <= worst_of_best for one in found if one.tier != "best")


def test_two_tiers_cannot_begin_at_the_same_place(store: Store) -> None:
    book(store, *shop_of(60))

    with pytest.raises(ScoreError, match="two tiers start at the same bound"):
        rate(store, policy=replace(POLICY, tiers={"a": 0.0, "b": 0.0}))
    assert kept(store) == {}


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda _store: None, "there is no purchase to score (hint: premura ingest transactions.csv)"),
        (
            lambda store: book(store, ("C1", 0, 1000), ("C2", 1, 1000), currency="USD"),
            "there is no purchase to score; 2 transactions are not in EUR and were left out (hint: premura ingest",
        ),
        (lambda store: book(store, ("C1", 301, 1000)), "there is no purchase to score (hint"),
        (lambda store: book(store, ("C1", 3, -1000)), "there is no purchase to score (hint"),
        (lambda store: given_back(store, "C1"), "there is no purchase to score (hint"),
    ],
)
def test_without_a_purchase_one_line_says_why(store: Store, prepare: Callable[[Store], None], said: str) -> None:
    prepare(store)

    with pytest.raises(ScoreError) as caught:
        rate(store)

    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    with store.read() as connection:
        assert scores.last_run(connection) is None
        assert scores.dirty(connection) == 0


def test_today_counts_to_its_end_and_tomorrow_not_at_all(store: Store) -> None:
    book(store, *shop_of(60), ("TODAY", 300, 1000), ("TOMORROW", 301, 1000))

    score(store, POLICY, now=at_local(START + timedelta(days=300), time(0, 1), ROME))

    found = facts(store)
    assert "TODAY" in found
    assert "TOMORROW" not in found
    assert (found["TODAY"].T, found["TODAY"].days_since_purchase) == (0, 0)


def test_a_purchase_late_in_the_evening_falls_on_the_day_that_the_shop_had_when_it_was_taken_in(store: Store) -> None:
    book(store, *shop_of(60), ("C999", 10, 1000))
    late = at_local(START + timedelta(days=10), time(23, 30), "America/New_York")  # the next day in Rome
    with store.write() as connection:
        known = customers.ids_of(connection, ["C999"])["C999"]
        fact = Transaction(customer="C999", ext_key="late", occurred_at=late, amount_minor=1000, currency="EUR")
        transactions.add(connection, "till", [(known, fact)], noon(0), ROME)

    rate(store)
    assert facts(store)["C999"].frequency == 1
    assert facts(store)["C999"].recency == pytest.approx(1 / 7)

    rate(store, policy=replace(POLICY, time_zone="America/New_York"))
    assert facts(store)["C999"].frequency == 1


def test_a_later_day_changes_who_only_waits(store: Store) -> None:
    book(store, *shop_of(80))
    rate(store, 300)
    before = facts(store)

    rate(store, 400)

    after = facts(store)
    assert after.keys() == before.keys()
    for ref, one in after.items():
        was = before[ref]
        assert (one.frequency, one.recency, one.monetary_minor) == (was.frequency, was.recency, was.monetary_minor)
        assert pytest.approx(was.T + 100 / 7) == one.T
        assert one.days_since_purchase == was.days_since_purchase + 100
    came_back = [ref for ref, one in after.items() if one.frequency > 0]
    assert all((after[ref].p_alive or 0) < (before[ref].p_alive or 0) for ref in came_back)


def test_a_refund_takes_the_purchase_back(store: Store) -> None:
    book(store, *shop_of(60), ("C999", 10, 5000), ("C999", 40, 3000), ("C999", 80, 2000))
    rate(store)
    assert facts(store)["C999"].frequency == 2

    book(store, ("C999", 90, -3000), back="C999/40")
    rate(store)
    one = facts(store)["C999"]
    assert (one.frequency, one.recency, one.monetary_minor) == (1, 10, 2000)

    book(store, ("C999", 91, -500))
    rate(store)
    assert facts(store)["C999"].monetary_minor == 1500


def test_a_refund_names_a_sale_of_its_own_customer(store: Store) -> None:
    """Two sources may use the same number for sales to two customers."""
    book(store, *shop_of(60), ("A", 10, 5000), ("A", 40, 3000), ("A", 70, 2000), ("B", 10, 700))
    with store.write() as connection:
        known = customers.ids_of(connection, ["A", "B"])

        def more(source: str, who: str, key: str, day: int, cents: int, back: str | None = None) -> None:
            fact = Transaction(
                customer=who, ext_key=key, occurred_at=noon(day), amount_minor=cents, currency="EUR", reverses=back
            )
            transactions.add(connection, source, [(known[who], fact)], noon(0), ROME)

        more("web", "A", "17", 60, 900)
        more("phone", "B", "17", 80, 600)
        more("web", "A", "19", 90, -900, "17")

    rate(store)

    one = facts(store)["A"]
    assert (one.frequency, one.monetary_minor) == (2, 2500)
    assert facts(store)["B"].frequency == 1


def test_who_gave_everything_back_loses_the_score(store: Store) -> None:
    book(store, *shop_of(60), ("C999", 10, 5000))
    rate(store)
    assert "C999" in facts(store)

    book(store, ("C999", 20, -5000), back="C999/10")
    done = rate(store)

    assert done.customers == 60
    assert "C999" not in facts(store)


def test_when_the_last_purchase_is_given_back_nobody_has_a_score(store: Store) -> None:
    book(store, ("C1", 10, 5000))
    rate(store)
    book(store, ("C1", 20, -5000), back="C1/10")

    with pytest.raises(ScoreError, match="no purchase"):
        rate(store, 301)

    assert kept(store) == {}


def test_a_look_at_a_day_before_all_purchases_forgets_nothing(store: Store) -> None:
    book(store, *shop_of(60))
    rate(store)
    before = kept(store)

    with pytest.raises(ScoreError, match="no purchase"):
        rate(store, -400)

    assert kept(store) == before


def test_what_is_in_another_currency_or_has_no_purchase_is_said(store: Store) -> None:
    book(store, *shop_of(60))
    book(store, ("C001", 299, 9999), ("USA", 10, 100), currency="USD")
    book(store, ("STRANGER", 50, -1234))

    done = rate(store)

    assert done.flags[:2] == (
        "2 transactions are not in EUR and were left out",
        "12.34 EUR were given back for purchases that are not here",
    )
    assert not {"USA", "STRANGER"} & facts(store).keys()


def test_amounts_of_a_currency_without_cents(store: Store) -> None:
    book(store, *shop_of(60), currency="JPY")
    book(store, ("C000", 301, 5))

    done = rate(store, policy=replace(POLICY, currency="JPY"))

    spends = [one.monetary_minor for one in facts(store).values() if one.monetary_minor is not None]
    assert 1000 < sum(spends) / len(spends) < 20_000
    assert done.total_clv_minor > 0


def test_a_small_shop_says_so_once(store: Store) -> None:
    book(store, *shop_of(6))

    done = rate(store)

    assert "pooled_prior" in done.flags
    assert len(done.flags) == len(set(done.flags))


def test_the_first_scores_make_nobody_become_anything_later_ones_do(store: Store) -> None:
    book(store, *shop_of(60))
    rate(store, 300)
    assert waiting(store) == set()
    assert all(found.previous == scores.Previous() for found in kept(store).values())

    first = facts(store)
    book(store, ("NEW", 305, 5000))
    rate(store, 310)

    assert waiting(store) == set(kept(store))
    found = kept(store)
    assert found["NEW"].previous == scores.Previous()
    for ref, was in first.items():
        before = found[ref].previous
        assert (before.p_alive, before.clv_minor, before.percentile, before.tier) == (
            was.p_alive,
            was.clv_minor,
            was.percentile,
            was.tier,
        )


def test_what_decide_has_not_seen_is_no_value_before(store: Store) -> None:
    book(store, *shop_of(60))
    rate(store, 300)
    seen = facts(store)
    rate(store, 310)
    rate(store, 320)

    assert {ref: found.previous.p_alive for ref, found in kept(store).items()} == {
        ref: one.p_alive for ref, one in seen.items()
    }

    look(store)
    latest = facts(store)
    rate(store, 330)
    assert {ref: found.previous.p_alive for ref, found in kept(store).items()} == {
        ref: one.p_alive for ref, one in latest.items()
    }


def test_scores_of_the_same_day_again_change_nothing(store: Store) -> None:
    book(store, *shop_of(60))
    rate(store)
    before = facts(store)

    rate(store)

    assert facts(store) == before


def test_scoring_cleans_whose_history_changed(store: Store) -> None:
    book(store, *shop_of(60))
    with store.read() as connection:
        assert scores.dirty(connection) == 60

    rate(store)

    with store.read() as connection:
        assert scores.dirty(connection) == 0


def test_the_models_are_judged_when_the_log_spans_half_a_year(store: Store) -> None:
    book(store, *shop_of(80, days=181))
    first = min(day for _, day, _ in shop_of(80, days=181))

    assert rate(store, first + 181).validation == {}
    judged = rate(store, first + 182).validation

    assert judged["calibration_end"] == (START + timedelta(days=first + 122)).isoformat()
    assert judged["length"] == pytest.approx(60 / 7)
    assert judged["time_unit"] == "week"
    figures = {"mae", "rmse", "bias_pct", "norm_gini", "top_decile_share", "deciles"}
    assert set(judged["baselines"]) == {"rate", "frequency"}
    assert set(judged["candidates"]) == {"bg_nbd"}
    assert figures <= set(judged)
    assert all(figures <= set(one) for one in judged["baselines"].values())


def test_auto_takes_the_model_that_did_best_and_keeps_it_for_a_week(store: Store) -> None:
    book(store, *shop_of(150))
    auto = replace(POLICY, model="auto")

    done = rate(store, 300, auto)

    losses = {name: figures["loss"] for name, figures in done.validation["candidates"].items()}
    assert set(losses) == {"bg_nbd", "mbg_nbd", "pareto_nbd"}
    assert done.model == min(losses, key=lambda name: losses[name])
    assert rate(store, 306, auto).validation["judged_on"] == done.validation["judged_on"]
    assert rate(store, 307, auto).validation["judged_on"] > done.validation["judged_on"]


def test_a_model_that_does_not_exist_is_refused(store: Store) -> None:
    book(store, *shop_of(10))
    with pytest.raises(ScoreError, match="there is no model 'arima'"):
        rate(store, policy=replace(POLICY, model="arima"))


def test_tiers_may_begin_at_amounts(store: Store) -> None:
    book(store, *shop_of(60))
    by_amount = replace(POLICY, tiers={"big": 100.0, "small": 0.0}, tiers_by="amount")

    done = rate(store, policy=by_amount)

    found = facts(store)
    assert all((one.tier == "big") == ((one.clv_minor or 0) >= 10_000) for one in found.values())
    assert done.tiers == {"big": sum(one.tier == "big" for one in found.values()), "small": 60 - done.tiers["big"]}
    assert 0 < done.tiers["big"] < 60


def test_every_score_has_an_interval_around_it(store: Store) -> None:
    book(store, *shop_of(60))
    rate(store)
    for one in facts(store).values():
        assert one.clv_low_minor is not None
        assert one.clv_high_minor is not None
        assert 0 <= one.clv_low_minor <= one.clv_high_minor


def test_a_known_cost_makes_the_worth_that_of_what_is_kept(store: Store) -> None:
    sales = shop_of(60)
    with store.write() as connection:
        customers.add_unknown(connection, {who for who, _, _ in sales}, noon(0))
        known = customers.ids_of(connection, {who for who, _, _ in sales})
        for who, day, cents in sales:
            fact = Transaction(
                customer=who,
                ext_key=f"{who}/{day}",
                occurred_at=noon(day),
                amount_minor=cents,
                currency="EUR",
                cost_minor=cents * 3 // 4,
            )
            transactions.add(connection, "till", [(known[who], fact)], noon(0), ROME)
    costly = rate(store, policy=replace(POLICY, margin=1.0))
    plain = costly.total_clv_minor
    assert plain == pytest.approx(sum(one.clv_minor or 0 for one in facts(store).values()))
    spend = sum((one.expected_purchases or 0) * (one.expected_spend_minor or 0) for one in facts(store).values())
    assert plain == pytest.approx(spend / 4, rel=0.06)  # a quarter is kept, and a year's interest is taken off


def test_a_log_whose_first_two_thirds_were_given_back_is_not_judged(store: Store) -> None:
    book(store, ("C1", 0, 1000))
    book(store, ("C1", 1, -1000), back="C1/0")
    book(store, ("C2", 290, 1000))

    assert rate(store).validation == {}


def test_margin_horizon_and_rate_are_those_of_the_shop(store: Store) -> None:
    book(store, *shop_of(60))
    whole = rate(store)
    half = rate(store, policy=replace(POLICY, margin=0.5))
    dear = rate(store, policy=replace(POLICY, discount_rate=0.5))
    short = rate(store, policy=replace(POLICY, horizon="P6M"))

    assert half.total_clv_minor == pytest.approx(whole.total_clv_minor / 2, rel=1e-3)
    assert dear.total_clv_minor < whole.total_clv_minor
    assert whole.total_clv_minor / 2 < short.total_clv_minor < whole.total_clv_minor * 0.8
    assert half.params == whole.params


def test_a_horizon_of_months_is_that_of_its_days(store: Store) -> None:
    book(store, *shop_of(60))

    year = rate(store, policy=replace(POLICY, horizon="P12M")).total_clv_minor

    assert year == rate(store, policy=replace(POLICY, horizon="P1Y")).total_clv_minor
    assert year == pytest.approx(rate(store, policy=replace(POLICY, horizon="PT8766H")).total_clv_minor, rel=1e-9)


@pytest.mark.parametrize("unit", ["day", "month"])
def test_the_time_unit_changes_the_numbers_and_not_the_worth(store: Store, unit: str) -> None:
    book(store, *shop_of(80))
    weeks = rate(store)
    in_weeks = facts(store)

    other = rate(store, policy=replace(POLICY, time_unit=unit))  # type: ignore[arg-type]  # a parameter of pytest

    assert other.time_unit == unit
    assert other.total_clv_minor == pytest.approx(weeks.total_clv_minor, rel=1e-3)
    for ref, one in facts(store).items():
        assert one.p_alive == pytest.approx(in_weeks[ref].p_alive, abs=1e-3)
        assert one.T != in_weeks[ref].T


def test_a_look_into_the_past_says_what_was_known_and_changes_nothing(store: Store) -> None:
    book(store, *shop_of(60))
    rate(store, 300)
    before = kept(store)

    past = rate(store, 200)

    assert (past.stored, past.as_of) == (False, noon(200))
    assert past.transactions < len(shop_of(60))
    assert kept(store) == before
    with store.read() as connection:
        last = scores.last_run(connection)
    assert last is not None
    assert last["as_of"] == noon(300)


def test_who_buys_is_scored_at_once_by_the_last_fit_and_nobody_else(store: Store) -> None:
    book(store, *shop_of(80))
    rate(store)
    before = facts(store)
    who = next(ref for ref, one in sorted(before.items()) if one.frequency and one.days_since_purchase > 60)
    book(store, (who, 301, 5000), ("NEW", 301, 7000))

    assert rescore(store, POLICY, now=noon(301)) == 2

    after = facts(store)
    assert after[who].frequency == before[who].frequency + 1
    assert (after[who].p_alive or 0) > (before[who].p_alive or 0)
    assert after["NEW"].frequency == 0
    assert {ref: one for ref, one in after.items() if ref not in (who, "NEW")} == {
        ref: one for ref, one in before.items() if ref != who
    }
    with store.read() as connection:
        assert scores.dirty(connection) == 0


def test_of_many_who_bought_each_half_is_read_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    book(store, *shop_of(80))
    rate(store)
    before, few = facts(store), ("C003", "C007", "C011")
    book(store, *((ref, 301, 5000) for ref in few))
    monkeypatch.setattr("engine.score.stage._HALF", 1)

    assert rescore(store, POLICY, now=noon(301)) == 3

    after = facts(store)
    assert {ref for ref in after if after[ref] != before[ref]} == set(few)
    assert all(after[ref].frequency == before[ref].frequency + 1 for ref in few)


def test_a_score_of_one_by_the_last_fit_is_what_everybodys_would_be_on_that_day(store: Store) -> None:
    book(store, *shop_of(80))
    rate(store)
    book(store, ("C007", 300, 4321))
    assert rescore(store, POLICY, now=noon(300)) == 1
    alone = facts(store)["C007"]

    rate(store)

    together = facts(store)["C007"]
    assert (alone.frequency, alone.recency, alone.T) == (together.frequency, together.recency, together.T)
    assert alone.p_alive == pytest.approx(together.p_alive, rel=0.05)  # one purchase moves the parameters a little
    assert alone.clv_minor == pytest.approx(together.clv_minor, rel=0.1)
    assert alone.percentile == pytest.approx(together.percentile, abs=0.05)


def test_whose_costs_are_not_known_is_drawn_to_the_shops_margin_alone_as_among_all(store: Store) -> None:
    book(store, *shop_of(80))
    with store.write() as connection:  # others' costs are known: a quarter of what they pay is kept
        customers.add_unknown(connection, ["COSTLY"], noon(0))
        key = customers.ids_of(connection, ["COSTLY"])["COSTLY"]
        for day in range(0, 280, 7):
            fact = Transaction(
                customer="COSTLY",
                ext_key=f"COSTLY/{day}",
                occurred_at=noon(day),
                amount_minor=50_000,
                currency="EUR",
                cost_minor=37_500,
            )
            transactions.add(connection, "till", [(key, fact)], noon(0), ROME)
    book(store, ("C007", 300, 4321))
    rate(store, 300)
    together = facts(store)["C007"]
    with store.write() as connection:  # the same again, for this one alone
        key = customers.ids_of(connection, ["C007"])["C007"]
        free = Transaction(customer="C007", ext_key="free", occurred_at=noon(300), amount_minor=0, currency="EUR")
        transactions.add(connection, "till", [(key, free)], noon(0), ROME)
    assert rescore(store, POLICY, now=noon(300)) == 1
    assert facts(store)["C007"].clv_minor == pytest.approx(together.clv_minor, rel=1e-3)


def test_who_gives_everything_back_loses_the_score_at_once(store: Store) -> None:
    book(store, *shop_of(80), ("BACK", 290, 1000))
    rate(store)
    book(store, ("BACK", 301, -1000), back="BACK/290")
    assert rescore(store, POLICY, now=noon(301)) == 1
    assert "BACK" not in facts(store)


def test_a_new_fit_is_wanted_when_there_is_none_or_many_bought_or_the_policy_changed(store: Store) -> None:
    book(store, *shop_of(80))
    assert rescore(store, POLICY, now=noon(300)) is None
    rate(store)
    assert rescore(store, replace(POLICY, model="pareto_nbd"), now=noon(300)) is None
    assert rescore(store, replace(POLICY, horizon="P2Y"), now=noon(300)) is None
    assert rescore(store, replace(POLICY, margin=0.5), now=noon(300)) is None
    assert rescore(store, replace(POLICY, tiers={"all": 0.0}), now=noon(300)) is None
    assert rescore(store, POLICY, now=noon(299)) is None
    book(store, *[(f"N{index}", 300, 1000) for index in range(20)])
    assert rescore(store, POLICY, now=noon(300)) is None


def test_what_was_known_of_a_customer_at_any_time_is_kept(store: Store) -> None:
    book(store, *shop_of(80))
    rate(store, 300)
    early = facts(store)["C007"]
    rate(store, 320)
    late = facts(store)["C007"]
    with store.read() as connection:
        key = customers.ids_of(connection, ["C007"])["C007"]
        then, now = (score_history.as_of(connection, key, noon(day)) for day in (310, 330))
        assert score_history.as_of(connection, key, noon(299)) is None
    assert then is not None
    assert now is not None
    assert then.facts.p_alive == pytest.approx(early.p_alive, rel=1e-6)
    assert (then.facts.clv_minor, now.facts.clv_minor) == (early.clv_minor, late.clv_minor)


def test_a_shop_with_a_december_is_seen_to_have_one(store: Store) -> None:
    chance = np.random.default_rng(3)
    sales = {
        (f"C{index:03}", int(day))
        for index in range(250)
        for day in np.cumsum(np.append(chance.integers(0, 300), chance.exponential(45, 40)))
        if day < 1095 and ((day + 0) % 365 >= 340 or chance.random() < 0.35)
    }
    book(store, *[(who, day, 2000) for who, day in sorted(sales)])

    done = rate(store, 1095)

    assert "yearly_pattern" in done.flags
    assert max(done.season["season"][23:]) > 1.5
    with store.read() as connection:
        last = scores.last_run(connection)
    assert last is not None
    assert last["season"]["season"] == done.season["season"]
    book(store, ("C001", 1096, 2000))
    assert rescore(store, POLICY, now=noon(1096)) == 1
    assert "yearly_pattern" not in rate(store, 1097, replace(POLICY, seasonal=False)).flags


def test_progress_tells_how_many_were_scored(store: Store) -> None:
    book(store, *shop_of(60))
    told: list[int] = []

    score(store, POLICY, now=noon(300), progress=told.append)

    assert told == [60]


def test_people_read_the_flags_in_words(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.sale("2025-12-01", "100.00", "C1")
    shop.sale("2026-01-10", "50.00", "C2")
    shop.sale("2026-01-11", "50.00", "C2", currency="USD")
    capsys.readouterr()

    assert run(["score", "--workspace", str(shop.folder), "--as-of", "2026-03-02"]) == 0

    said = capsys.readouterr().out
    assert "note: 1 transactions are not in EUR and were left out\n" in said
    assert f"note: {FLAGS['no_repeaters']}\n" in said
    assert f"note: {FLAGS['pooled_prior']}\n" in said
    assert said.count(FLAGS["no_repeaters"]) == 1
    assert "tiers: " in said


def test_people_read_one_line_when_there_is_nothing_to_score(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", "--workspace", str(shop.folder)]) == 1

    said = capsys.readouterr()
    assert said.err == "there is no purchase to score (hint: premura ingest transactions.csv)\n"
    assert said.out == ""
