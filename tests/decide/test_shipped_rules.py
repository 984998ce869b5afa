"""The rules that ship, asked about people: for whom each goes ahead, and for whom not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.facts import Customer, Event, Score
from engine.decide.rule import Rule, load
from engine.decide.situation import Situation
from engine.decide.vocabulary import before, context, vocabulary

ROOT = Path(__file__).parents[2]
WORDS = vocabulary()
TEMPLATES = sorted(
    {
        f"{path.parent.name}/{path.name.partition('.')[0]}"
        for path in (ROOT / "templates").rglob("*.j2")
        if not path.name.startswith("_")
    }
)
FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "rules").glob("*.toml"))}
RULES = {rule.id: rule for rule in load(FILES, vocabulary=WORDS, templates=TEMPLATES)}
NOW = datetime(2026, 3, 14, 9, tzinfo=UTC)
SOMEBODY = Situation(customer=Customer(ref="C-1"), now=NOW, time_zone="Europe/Rome", currency="EUR")
SCORED = Score(
    customer="C-1",
    frequency=5,
    recency=30.0,
    T=52.0,
    monetary_minor=12500,
    p_alive=0.8,
    expected_purchases=2.5,
    expected_spend_minor=9900,
    clv_minor=24750,
    percentile=0.95,
    tier="gold",
    days_since_purchase=12,
)


def _with_event(rule: Rule, **payload: Any) -> Situation:
    event = Event(customer="C-1", kind=rule.trigger.what, ext_key="E-1", occurred_at=NOW, payload=payload)
    return replace(SOMEBODY, event=event)


def _steps(rule: Rule, situation: Situation) -> list[str]:
    known = context(situation, WORDS)
    nothing = {question: 0 for question in rule.reads if question not in known}  # has_event, count_events: none
    values = {**nothing, **situation.history, **known}
    if rule.when is not None and not rule.when.holds(values):
        return []
    return [step.id for step in rule.steps if step.when is None or step.when.holds(values)]


@pytest.mark.parametrize("rating", [4, 5, "5"])
def test_a_good_review_is_asked_for_friends(rating: object) -> None:
    assert _steps(RULES["referral_ask"], _with_event(RULES["referral_ask"], rating=rating)) == ["code", "mail"]


@pytest.mark.parametrize("payload", [{"rating": 3}, {"rating": 1}, {"rating": None}, {"rating": "very good"}, {}])
def test_other_reviews_are_not(payload: dict[str, Any]) -> None:
    assert _steps(RULES["referral_ask"], _with_event(RULES["referral_ask"], **payload)) == []


@pytest.mark.parametrize(
    ("tier", "payload", "steps"),
    [
        ("gold", {"amount": 90.0}, ["mail", "note"]),
        ("gold", {}, ["mail", "note"]),
        ("silver", {"amount": 800.0}, ["mail"]),
        ("silver", {"amount": 800.5}, ["mail", "note"]),
        ("silver", {}, ["mail"]),
        ("", {"amount": 1200}, ["mail", "note"]),
        ("", {"amount": None}, ["mail"]),
    ],
)
def test_a_card_for_the_best_and_for_large_jobs(tier: str, payload: dict[str, Any], steps: list[str]) -> None:
    rule = RULES["service_thank_you"]
    situation = replace(_with_event(rule, **payload), score=replace(SCORED, tier=tier) if tier else None)

    assert _steps(rule, situation) == steps


@pytest.mark.parametrize(("payload", "called"), [({"amount": 2000.0}, False), ({"amount": 2000.5}, True), ({}, False)])
def test_somebody_calls_about_a_large_quote(payload: dict[str, Any], called: bool) -> None:
    rule = RULES["quote_followup"]

    assert _steps(rule, _with_event(rule, **payload)) == ["first", "second", *["call"][: int(called)], "last"]


def test_nobody_who_complains_is_thanked() -> None:
    rule = RULES["service_thank_you"]
    situation = replace(_with_event(rule, amount=900.0), score=SCORED, has_open_complaint=True)

    assert _steps(rule, situation) == []


@pytest.mark.parametrize(("tier", "steps"), [("gold", ["note", "gift", "mail"]), ("bronze", ["gift", "mail"])])
def test_everybody_has_an_anniversary_and_the_best_a_card(tier: str, steps: list[str]) -> None:
    assert _steps(RULES["anniversary"], replace(SOMEBODY, score=replace(SCORED, tier=tier))) == steps


@pytest.mark.parametrize(("tier", "steps"), [("gold", ["mail", "note"]), ("silver", ["mail"])])
def test_whoever_gets_money_back_hears_of_it_and_the_best_get_a_card(tier: str, steps: list[str]) -> None:
    rule = RULES["refund_apology"]
    assert _steps(rule, replace(_with_event(rule, amount=40.0), score=replace(SCORED, tier=tier))) == steps


@pytest.mark.parametrize(
    ("rating", "tier", "steps"),
    [(5, "gold", ["answer", "note"]), (4, "bronze", ["answer"]), (3, "gold", []), (None, "gold", [])],
)
def test_good_reviews_are_answered_by_a_person(rating: int | None, tier: str, steps: list[str]) -> None:
    rule = RULES["positive_feedback_thanks"]
    assert _steps(rule, replace(_with_event(rule, rating=rating), score=replace(SCORED, tier=tier))) == steps


@pytest.mark.parametrize(
    ("born", "p_alive", "steps"),
    [
        (date(1980, 3, 14), 0.8, ["note", "mail"]),
        (date(1980, 3, 14), None, ["mail"]),
        (date(1980, 3, 14), 0.05, []),
        (date(1900, 1, 1), 0.8, []),
        (None, 0.8, []),
    ],
)
def test_a_birthday_is_one_that_can_be(born: date | None, p_alive: float | None, steps: list[str]) -> None:
    person = Customer(ref="C-1", birthday=born)
    score = None if p_alive is None else replace(SCORED, p_alive=p_alive)
    assert _steps(RULES["birthday"], replace(SOMEBODY, customer=person, score=score)) == steps


@pytest.mark.parametrize(("p_alive", "steps"), [(0.1, ["note", "gift", "mail"]), (0.09, [])])
def test_whoever_was_told_goodbye_is_left_in_peace(p_alive: float, steps: list[str]) -> None:
    assert _steps(RULES["anniversary"], replace(SOMEBODY, score=replace(SCORED, p_alive=p_alive))) == steps


@pytest.mark.parametrize(
    ("rule", "change", "steps"),
    [
        ("win_back", {}, ["mail", "note"]),
        ("win_back", {"clv_minor": 4000}, ["mail"]),
        ("win_back", {"frequency": 0}, []),
        ("win_back", {"days_since_purchase": 30}, []),
        ("sunset", {"days_since_purchase": 91}, ["mail"]),
        ("sunset", {"days_since_purchase": 90}, []),
        ("vip_care", {"days_since_purchase": 22}, ["call"]),
        ("vip_care", {"days_since_purchase": 21}, []),
    ],
)
def test_who_falls_silent(rule: str, change: dict[str, Any], steps: list[str]) -> None:
    score = replace(SCORED, **{"days_since_purchase": 200, "clv_minor": 24750, **change})
    assert _steps(RULES[rule], replace(SOMEBODY, score=score, previous=SCORED)) == steps


@pytest.mark.parametrize("question", ["has_event('quote.sent', 'P30D')", "has_event('refund.completed', 'P2W')"])
def test_nobody_is_asked_back_in_the_middle_of_something(question: str) -> None:
    score = replace(SCORED, days_since_purchase=200)
    situation = replace(SOMEBODY, score=score, previous=SCORED, history={question: True})
    assert _steps(RULES["win_back"], situation) == []


def test_a_card_for_a_job_is_not_followed_by_one_for_its_review() -> None:
    rule, asked = RULES["positive_feedback_thanks"], {"has_event('service_call.completed', 'P30D')": True}
    situation = replace(_with_event(rule, rating=5), score=SCORED, history=asked)
    assert _steps(rule, situation) == ["answer"]


@pytest.mark.parametrize(("number", "begun"), [(1, ["review_request"]), (2, ["cross_sell"]), (5, ["cross_sell"])])
def test_a_delivery_brings_a_request_or_an_offer_and_never_both(number: int, begun: list[str]) -> None:
    asked = {"count_events('delivery.completed', 'P1Y')": number}
    rules = [RULES["review_request"], RULES["cross_sell"]]
    assert [rule.id for rule in rules if _steps(rule, replace(_with_event(rule), history=asked))] == begun


@pytest.mark.parametrize("rule", ["win_back", "vip_care"])
def test_who_comes_back_from_far_below_is_not_asked_where_they_were(rule: str) -> None:
    score = replace(SCORED, days_since_purchase=200, p_alive=0.2)
    below = replace(SCORED, p_alive=0.05)
    assert _steps(RULES[rule], replace(SOMEBODY, score=score, previous=below)) == []


@pytest.mark.parametrize(
    ("before_it", "now", "begun"),
    [
        (0.9, 0.65, []),
        (0.9, 0.55, ["vip_care"]),
        (0.55, 0.4, []),
        (0.4, 0.25, ["win_back"]),
        (0.25, 0.2, []),
        (0.25, 0.05, ["sunset"]),
        (0.9, 0.05, ["vip_care", "sunset"]),
        (0.9, 0.2, ["vip_care", "win_back"]),
        (0.05, 0.9, []),
    ],
)
def test_each_line_is_crossed_once_and_nobody_is_asked_back_and_told_goodbye(
    before_it: float, now: float, begun: list[str]
) -> None:
    situation = replace(SOMEBODY, score=replace(SCORED, p_alive=now), previous=replace(SCORED, p_alive=before_it))
    values = context(situation, WORDS)
    lines = {name: RULES[name].trigger.condition for name in ("vip_care", "win_back", "sunset")}
    crossed = [one for one, line in lines.items() if line and line.holds(values) and not line.holds(before(values))]
    assert crossed == begun


@pytest.mark.parametrize(
    ("earlier", "tier", "welcome"),
    [("silver", "gold", True), (None, "gold", True), ("gold", "gold", False), ("gold", "silver", False)],
)
def test_who_has_become_gold_is_welcomed(earlier: str | None, tier: str, welcome: bool) -> None:
    line = RULES["welcome_vip"].trigger.condition
    previous = replace(SCORED, tier=earlier) if earlier else None
    values = context(replace(SOMEBODY, score=replace(SCORED, tier=tier), previous=previous), WORDS)

    assert line is not None
    assert (line.holds(values) and not line.holds(before(values))) is welcome


@pytest.mark.parametrize(
    "rule",
    [
        "complaint_recovery",
        "csat_ask",
        "delivery_checkin",
        "easy_return",
        "referral_reward",
        "referral_welcome",
    ],
)
def test_the_others_ask_nothing_of_the_customer(rule: str) -> None:
    assert _steps(RULES[rule], _with_event(RULES[rule])) == [step.id for step in RULES[rule].steps]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: str(rule.id))
def test_a_reward_or_a_code_comes_before_the_mail_that_tells_of_it(rule: Rule) -> None:
    def hours(index: int) -> timedelta:
        after, window = rule.steps[index].after, rule.steps[index].plan.window
        return timedelta(days=after.days, seconds=after.seconds, hours=window.start.hour)

    silent = [index for index, step in enumerate(rule.steps) if step.channel in ("reward", "referral")]
    mails = [index for index, step in enumerate(rule.steps) if step.channel == "email"]

    assert all(hours(one) < hours(mail) for one in silent for mail in mails)
    assert mails or not silent


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: str(rule.id))
def test_no_mail_wakes_anybody(rule: Rule) -> None:
    for step in rule.steps:
        if step.channel == "email":
            assert step.plan.window.start.hour >= 9
            assert step.plan.window.end.hour <= 19


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: str(rule.id))
def test_each_file_begins_with_words_for_the_shopkeeper(rule: Rule) -> None:
    assert rule.text.startswith("# ")
