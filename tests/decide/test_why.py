"""Why a rule has said nothing, as a table for each kind of trigger; and what it would say is what it does say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.calendar import anniversary
from engine.core.facts import Customer, Event, Score
from engine.core.permission import Consent, Standing
from engine.decide.guards import Case, judge
from engine.decide.rule import Rule, load
from engine.decide.situation import Situation
from engine.decide.vocabulary import context, vocabulary
from engine.decide.why import Circumstances, Happened, Why, why

WORDS = vocabulary()
NOW = datetime(2026, 3, 2, 11, tzinfo=UTC)
DAY = timedelta(days=1)
WHO = Customer(ref="C1", given_name="Letizia", email="l@mail.example")
YES = Standing(consents=(Consent(purpose="any", channel="any", given=True, at=NOW - 90 * DAY),))
QUOTE = 'event = "quote.sent"\nwhen = "event.amount > 50.0 && score.tier == \'gold\'"'
GOLD = "score = \"tier == 'gold'\""
SLEEPS = 'sweep = "daily"\nwhen = "score.days_since_purchase > 100"'
BIRTHDAY = 'date = "customer.birthday"'


def rule(on: str = QUOTE, journey: str = "", holdout: float = 0.0) -> Rule:
    text = f"""
id = "care"
title = "Care"
purpose = "relationship"
holdout = {holdout}
[on]
{on}
{journey}
[[step]]
id = "mail"
channel = "email"
template = "email/care"
"""
    return load({"rules/care.toml": text}, vocabulary=WORDS, templates=["email/care"])[0]


def score(tier: str, days: int = 10) -> Score:
    return Score(
        customer="C1",
        frequency=1,
        recency=1.0,
        T=2.0,
        monetary_minor=None,
        p_alive=0.5,
        expected_purchases=1.0,
        expected_spend_minor=100,
        clv_minor=1000,
        percentile=0.5,
        tier=tier,
        days_since_purchase=days,
    )


def sent(days: float = -1, amount: float | None = 100.0, *, processed: bool = True, history: bool = False) -> Happened:
    event = Event(
        customer="C1",
        kind="quote.sent",
        ext_key=str(days),
        occurred_at=NOW + days * DAY,
        payload={} if amount is None else {"amount": amount},
    )
    return Happened(event=event, processed=processed, history=history)


def situation(**facts: Any) -> Situation:
    return replace(Situation(customer=WHO, now=NOW, time_zone="Europe/Rome", currency="EUR"), **facts)


def ask(asked: Rule, it: Situation | None = None, *, standing: Standing = YES, **more: Any) -> Why:
    it = situation(score=score("gold")) if it is None else it
    return why(asked, Circumstances(situation=it, standing=standing, words=WORDS, key="key", **more))


class TestEvent:
    def test_nothing_of_its_kind_has_happened(self) -> None:
        other = Happened(event=replace(sent().event, kind="quote.accepted"), processed=True)

        for happened in ((), (other,)):
            assert ask(rule(), happened=happened) == Why(
                waits_for="quote.sent", text="no quote.sent has happened to them", outcome="waits", reasons=()
            )

    def test_it_lies_ahead(self) -> None:
        told = ask(rule(), happened=(sent(3),))

        assert (told.outcome, told.text) == ("waits", "quote.sent is dated 2026-03-05, which is still to come")

    @pytest.mark.parametrize(
        ("happened", "text"),
        [
            (sent(processed=False), "quote.sent of 2026-03-01 waits for premura decide; it would say yes"),
            (sent(), "quote.sent of 2026-03-01 came before this rule did; it would say yes"),
            (
                sent(history=True),
                "quote.sent of 2026-03-01 is history, from before the shop's start on 2026-03-02; it would say yes",
            ),
        ],
    )
    def test_it_happened_and_nothing_came(self, happened: Happened, text: str) -> None:
        told = ask(rule(), happened=(happened,), start=date(2026, 3, 2))

        assert (told.outcome, told.text) == ("act", text)

    def test_each_clause_tells_what_it_read(self) -> None:
        told = ask(rule(), situation(score=score("silver")), happened=(sent(),))

        assert told.outcome == "no"
        assert told.reasons == (
            {"code": "when", "clause": "event.amount > 50.0", "holds": True, "values": {"event.amount": 100.0}},
            {"code": "when", "clause": "score.tier == 'gold'", "holds": False, "values": {"score.tier": "silver"}},
        )

    def test_what_is_missing_is_told_as_missing(self) -> None:
        told = ask(rule(), situation(), happened=(sent(amount=None),))

        assert [reason["values"] for reason in told.reasons] == [{"event.amount": None}, {"score.tier": None}]

    def test_the_newest_that_has_come_is_asked_about(self) -> None:
        told = ask(rule(), happened=(sent(-5, 60.0), sent(-1, 10.0), sent(2, 70.0)))

        assert told.reasons[0]["values"] == {"event.amount": 10.0}

    def test_the_guard_that_refuses(self) -> None:
        mute = replace(YES, open_complaint=True)
        nowhere = situation(score=score("gold"), customer=replace(WHO, email=""))

        def text(told: Why) -> tuple[str, str]:
            return told.outcome, told.reasons[-1]["text"]

        assert text(ask(rule(), standing=Standing(), happened=(sent(),))) == (
            "refused",
            "no consent for relationship by email",
        )
        assert text(ask(rule(), standing=mute, happened=(sent(),))) == ("refused", "a complaint is open")
        assert text(ask(rule(), nowhere, happened=(sent(),))) == ("refused", "no e-mail address")
        patient = rule(journey='[journey]\nagain_after = "P30D"')
        soon = ask(patient, happened=(sent(),), last_started=NOW - 3 * DAY)
        assert text(soon) == ("refused", "entered this rule on 2026-02-27; again after P30D")

    def test_the_holdout_of_the_workspace(self) -> None:
        told = ask(rule(), happened=(sent(),), workspace_holdout=1.0)

        assert told.outcome == "holdout"
        assert told.reasons[-1]["code"] == "workspace_holdout"

    def test_the_holdout(self) -> None:
        told = ask(rule(holdout=0.99), happened=(sent(),))

        assert told.outcome == "holdout"
        assert told.text.endswith("it would leave them alone on purpose (holdout)")


class TestDate:
    def test_it_is_not_known(self) -> None:
        assert ask(rule(BIRTHDAY)) == Why(waits_for="customer.birthday", text="customer.birthday is not known")

    @pytest.mark.parametrize(
        ("birthday", "text"),
        [
            (date(1980, 12, 24), "customer.birthday comes round on 2026-12-24; the rule is asked 4 days before"),
            (date(1980, 3, 1), "customer.birthday comes round on 2027-03-01; the rule is asked 4 days before"),
            (date(1992, 2, 29), "customer.birthday comes round on 2027-02-28; the rule is asked 4 days before"),
            (date(2026, 3, 2), "customer.birthday comes round on 2027-03-02; the rule is asked 4 days before"),
            (date(2030, 3, 2), "customer.birthday comes round on 2031-03-02; the rule is asked 4 days before"),
            (date(9999, 3, 2), "customer.birthday (9999-03-02) does not come round any more"),
        ],
    )
    def test_when_it_next_comes_round(self, birthday: date, text: str) -> None:
        told = ask(rule(BIRTHDAY), situation(customer=replace(WHO, birthday=birthday)), travels={"email": 4})

        assert (told.outcome, told.text, told.reasons) == ("waits", text, ())

    @pytest.mark.parametrize("days", [0, 1, 4])
    def test_it_is_here_and_nobody_has_asked_yet(self, days: int) -> None:
        born = (NOW + days * DAY).date().replace(year=1980)
        told = ask(
            rule(BIRTHDAY), situation(customer=replace(WHO, birthday=born)), travels={"email": 4}, standing=Standing()
        )

        assert told.outcome == "refused"
        assert told.text.startswith(f"customer.birthday comes round on 2026-03-0{2 + days} and waits for")

    def test_one_since_the_start_that_nobody_was_asked_about(self) -> None:
        it = situation(customer=replace(WHO, birthday=date(1980, 2, 10)))

        assert "on 2026-02-10 the rule was not there" in ask(rule(BIRTHDAY), it, start=date(2026, 1, 1)).text
        assert "not there" not in ask(rule(BIRTHDAY), it, start=date(2026, 2, 11)).text
        assert "not there" not in ask(rule(BIRTHDAY), it).text

    @given(st.dates(date(1900, 1, 1), date(2030, 1, 1)), st.dates(date(1990, 1, 1), date(2030, 1, 1)))
    def test_no_day_before_the_one_that_is_told_is_an_anniversary(self, born: date, today: date) -> None:
        now = datetime(today.year, today.month, today.day, 11, tzinfo=UTC)
        told = ask(rule(BIRTHDAY), situation(customer=replace(WHO, birthday=born), now=now))

        first = max(today, born + DAY)
        days = (first + n * DAY for n in range(800))
        coming = next(day for day in days if day.year > born.year and anniversary(born, day.year) == day)
        assert f"comes round on {coming}" in told.text
        assert ("waits for premura decide" in told.text) == (coming == today)


class TestScore:
    def test_without_a_score(self) -> None:
        told = ask(rule(GOLD), situation())

        assert (told.waits_for, told.outcome) == ("tier == 'gold'", "waits")
        assert told.text == "they have no score yet: it begins with the first purchase"

    @pytest.mark.parametrize(("before", "end"), [("silver", "true"), ("gold", "true again")])
    def test_the_line_was_not_crossed(self, before: str, end: str) -> None:
        told = ask(rule(GOLD), situation(score=score("bronze"), previous=score(before)))

        assert (told.outcome, told.text) == ("waits", f"waits for tier == 'gold' to become {end}")
        assert told.reasons == (
            {
                "code": "on",
                "clause": "tier == 'gold'",
                "holds": False,
                "values": {"score.tier": "bronze"},
                "before": {"score.tier": before},
            },
        )

    def test_the_line_was_crossed_long_ago(self) -> None:
        told = ask(rule(GOLD), situation(score=score("gold"), previous=score("gold")), score_waits=True)

        assert told.text == "tier == 'gold' was true before already; the rule starts when it becomes true"

    def test_the_first_scoring_is_no_change(self) -> None:
        told = ask(rule(GOLD), situation(score=score("gold")))

        assert told.text == "tier == 'gold' was true of their first score, and what a first scoring finds is no change"

    def test_crossed_and_waiting(self) -> None:
        crossed = situation(score=score("gold"), previous=score("silver"))

        assert ask(rule(GOLD), crossed).text == "tier == 'gold' became true before this rule was there"
        told = ask(rule(GOLD), crossed, score_waits=True, standing=Standing())
        assert told.outcome == "refused"
        assert told.text == ("tier == 'gold' has become true and waits for premura decide; it would not be permitted")


class TestSweep:
    def test_who_does_not_fit(self) -> None:
        told = ask(rule(SLEEPS))

        assert (told.waits_for, told.outcome) == ("daily", "no")
        assert told.text == "looks at everybody daily; asked now, it would say no"
        assert told.reasons[0]["values"] == {"score.days_since_purchase": 10}

    def test_who_fits(self) -> None:
        assert ask(rule(SLEEPS), situation(score=score("bronze", 101))).outcome == "act"

    def test_once_is_enough(self) -> None:
        told = ask(rule(SLEEPS), situation(score=score("bronze", 101)), last_started=NOW - 400 * DAY)

        assert told.outcome == "refused"
        assert "once is enough" in told.reasons[-1]["text"]


@given(
    amount=st.none() | st.sampled_from([10.0, 50.0, 50.01]),
    tier=st.sampled_from(["gold", "silver", ""]),
    consent=st.booleans(),
    complaint=st.booleans(),
    last=st.none() | st.integers(0, 60),
    holdout=st.sampled_from([0.0, 0.5, 0.99]),
)
def test_what_it_would_say_is_what_it_does_say(
    amount: float | None, tier: str, consent: bool, complaint: bool, last: int | None, holdout: float
) -> None:
    asked = rule(journey='[journey]\nagain_after = "P30D"', holdout=holdout)
    standing = replace(YES if consent else Standing(), open_complaint=complaint)
    it = situation(score=score(tier) if tier else None, has_open_complaint=complaint)
    entered = None if last is None else NOW - last * DAY
    happened = sent(amount=amount)

    told = ask(asked, it, standing=standing, happened=(happened,), last_started=entered)

    case = Case(
        customer=WHO,
        values=context(replace(it, event=happened.event), WORDS),
        standing=standing,
        time_zone="Europe/Rome",
        now=NOW,
        key="key",
    )
    verdict = judge(asked, case, entered)
    assert (told.outcome, told.reasons) == (verdict.outcome, verdict.reasons)
    assert (told.outcome == "no") == (amount is None or amount <= 50.0 or tier != "gold")
