"""What a rule answers, as a table: the condition, the interval, the address, the permission, the lot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.core.facts import Address, Customer, Event
from engine.core.permission import Consent, Standing
from engine.decide import guards
from engine.decide.guards import Case, Verdict
from engine.decide.rule import Rule, load
from engine.decide.rulings import Rulings
from engine.decide.situation import Situation
from engine.decide.vocabulary import context, vocabulary

WORDS = vocabulary()
NOW = datetime(2026, 3, 2, 11, tzinfo=UTC)
TEMPLATES = ["email/service_thank_you", "note/service_thank_you"]
HERE = Address(street="Via Verdi 1", postcode="47121", city="Forlì", region="FC", country="IT")
WHO = Customer(ref="C1", given_name="Letizia", email="l@mail.example", address=HERE)
YES = Standing(consents=(Consent(purpose="any", channel="any", given=True, at=NOW - timedelta(days=90)),))
RULE = """
id = "thanks"
title = "Thank"
purpose = "relationship"
holdout = 0.0
[on]
event = "service_call.completed"
when = "event.amount > 50.0"
[[step]]
id = "mail"
channel = "email"
template = "email/service_thank_you"
[[step]]
id = "card"
channel = "note"
template = "note/service_thank_you"
when = "event.amount > 800.0"
[[step]]
id = "gift"
channel = "reward"
points = 20
"""


def rule(text: str = RULE) -> Rule:
    return load({"rules/thanks.toml": text}, vocabulary=WORDS, templates=TEMPLATES)[0]


def case(
    amount: float | None = 100.0,
    *,
    who: Customer = WHO,
    standing: Standing = YES,
    last: datetime | None = None,
    share: float = 0.0,
) -> tuple[Case, datetime | None]:
    payload = {} if amount is None else {"amount": amount}
    event = Event(customer="C1", kind="service_call.completed", ext_key="E1", occurred_at=NOW, payload=payload)
    situation = Situation(customer=who, now=NOW, time_zone="Europe/Rome", currency="EUR", event=event)
    values = context(situation, WORDS)
    asked = Case(
        customer=who,
        values=values,
        standing=standing,
        time_zone="Europe/Rome",
        now=NOW,
        key="key",
        workspace_holdout=share,
    )
    return asked, last


def judge(of: Rule, asked: tuple[Case, datetime | None]) -> Verdict:
    return guards.judge(of, *asked)


def steps(verdict: Verdict) -> list[str]:
    return [step.id for step in verdict.steps]


def texts(verdict: Verdict) -> list[str]:
    return [reason["text"] for reason in verdict.reasons if "text" in reason]


def test_yes_with_the_steps_whose_conditions_hold() -> None:
    verdict = judge(rule(), case(100.0))

    assert (verdict.outcome, verdict.arm, steps(verdict)) == ("act", "treated", ["mail", "gift"])
    assert steps(judge(rule(), case(900.0))) == ["mail", "card", "gift"]


@pytest.mark.parametrize("amount", [20.0, None])
def test_no_when_the_condition_is_false_or_reads_what_is_missing(amount: float | None) -> None:
    verdict = judge(rule(), case(amount))

    assert (verdict.outcome, verdict.arm) == ("no", "none")
    assert verdict.reasons == (
        {"code": "when", "clause": "event.amount > 50.0", "holds": False, "values": {"event.amount": amount}},
    )


def test_without_consent_everything_is_refused_the_gift_too() -> None:
    verdict = judge(rule(), case(standing=Standing()))

    assert (verdict.outcome, steps(verdict)) == ("refused", [])
    assert "no consent for relationship by email" in texts(verdict)


def test_one_memory_of_rulings_says_of_each_what_is_said_of_them_alone() -> None:
    drawn, rulings = rule(RULE.replace("holdout = 0.0", "holdout = 0.3")), Rulings(0.2)
    nowhere, complains = replace(WHO, email="", address=Address()), replace(YES, open_complaint=True)
    homes = [replace(WHO, household=home, ref=f"C{one}") for one, home in enumerate(["", "H1", "H2", ""] * 5)]
    for who in (WHO, nowhere, replace(WHO, email=""), *homes):
        for standing in (YES, Standing(), complains):
            for amount in (900.0, 100.0):
                asked, _ = case(amount, who=who, standing=standing, share=0.2)
                alone = guards.judge(drawn, asked, None)
                together = guards.judge_further(drawn, asked, "1", None, rulings)
                assert (together.outcome, together.arm, together.held) == (alone.outcome, alone.arm, alone.held)
                assert (together.besides, together.steps) == (alone.besides, alone.steps)


def test_an_open_complaint_refuses() -> None:
    verdict = judge(rule(), case(standing=replace(YES, open_complaint=True)))

    assert verdict.outcome == "refused"
    assert "a complaint is open" in texts(verdict)


def test_a_transactional_rule_needs_no_consent_and_heeds_no_complaint() -> None:
    plain = rule(RULE.replace('"relationship"', '"transactional"'))

    assert steps(judge(plain, case(standing=Standing(open_complaint=True)))) == ["mail", "gift"]


def test_without_an_address_a_step_cannot_go_and_the_others_do() -> None:
    verdict = judge(rule(), case(900.0, who=replace(WHO, email="")))

    assert steps(verdict) == ["card", "gift"]
    assert "no e-mail address" in texts(verdict)
    assert steps(judge(rule(), case(900.0, who=replace(WHO, address=Address())))) == ["mail", "gift"]


def test_a_gift_goes_with_a_message_or_not_at_all() -> None:
    nowhere = replace(WHO, email="", address=Address())

    assert steps(judge(rule(), case(900.0, who=nowhere))) == []


def test_a_rule_of_nothing_but_gifts_gives_them() -> None:
    silent = RULE[: RULE.index("[[step]]")] + RULE[RULE.rindex("[[step]]") :]

    assert steps(judge(rule(silent), case())) == ["gift"]


def test_again_only_after_the_interval() -> None:
    patient = rule(RULE.replace("[[step]]", '[journey]\nagain_after = "P30D"\n[[step]]', 1))

    assert judge(patient, case(last=NOW - timedelta(days=10))).outcome == "refused"
    assert judge(patient, case(last=NOW - timedelta(days=31))).outcome == "act"
    assert judge(rule(), case(last=NOW - timedelta(days=1))).outcome == "act"


def test_the_holdout_comes_last_and_hides_no_refusal() -> None:
    drawn = rule(RULE.replace("holdout = 0.0", "holdout = 0.99"))

    verdict = judge(drawn, case())
    assert (verdict.outcome, verdict.arm, steps(verdict)) == ("holdout", "holdout", [])
    assert judge(drawn, case(standing=Standing())).outcome == "refused"
    assert judge(drawn, case(10.0)).outcome == "no"


def people(number: int = 300, household: str = "") -> list[Customer]:
    return [replace(WHO, ref=f"C{one}", household=household) for one in range(number)]


def test_whom_no_rule_reaches_is_told_apart_from_whom_this_rule_leaves_alone() -> None:
    drawn = rule(RULE.replace("holdout = 0.0", "holdout = 0.3"))
    said = {one.ref: judge(drawn, case(who=one, share=0.2)) for one in people()}

    assert {(verdict.outcome, verdict.arm) for verdict in said.values()} == {
        ("holdout", "workspace_holdout"),
        ("holdout", "holdout"),
        ("holdout", "holdout+workspace_comparison"),
        ("act", "comparison"),
        ("act", "comparison+workspace_comparison"),
        ("act", "treated"),
        ("act", "treated+workspace_comparison"),
    }
    for verdict in said.values():
        assert bool(verdict.steps) is (verdict.outcome == "act")
        if verdict.arm == "workspace_holdout":
            assert verdict.reasons[-1] == {
                "code": "workspace_holdout",
                "text": "in the 20% of customers whom no rule reaches, to measure what all of them bring",
            }


def test_the_holdout_of_the_workspace_changes_no_arm_of_the_others() -> None:
    drawn = rule(RULE.replace("holdout = 0.0", "holdout = 0.3"))
    for one in people(100):
        alone, both = judge(drawn, case(who=one)), judge(drawn, case(who=one, share=0.2))
        assert both.arm == "workspace_holdout" or both.arm.removesuffix("+workspace_comparison") == alone.arm


def test_what_a_customer_is_owed_reaches_whom_no_rule_reaches() -> None:
    owed = rule(RULE.replace('"relationship"', '"transactional"'))

    assert {judge(owed, case(who=one, share=0.5)).arm for one in people(30)} == {"treated"}


def test_a_household_is_left_alone_as_a_whole_and_the_reason_says_so() -> None:
    drawn = rule(RULE.replace("holdout = 0.0", "holdout = 0.5"))
    told = set()
    for home in range(8):
        (verdict,) = {judge(drawn, case(who=one)).reasons[-1]["text"] for one in people(20, household=f"H{home}")}
        told.add(verdict)

    assert (
        "in the 50% of customers that this rule leaves alone, to measure what it brings, with the whole household"
        in told
    )
    assert len(told) == 2


def test_reasons_are_plain_json() -> None:
    import json

    timed = rule(RULE.replace("event.amount > 50.0", "event.occurred_at < now.instant || event.amount > 1.0"))
    verdict = judge(timed, case())

    told: Any = json.loads(json.dumps(list(verdict.reasons)))
    assert told == list(verdict.reasons)


SILENT = '[[step]]\nid = "{id}"\nchannel = "reward"\npoints = 5\n'
MAIL = '[[step]]\nid = "{id}"\nchannel = "email"\ntemplate = "email/service_thank_you"\n'
LATER = 'await = "review.received"\nwithin = "P14D"\n'


@pytest.mark.parametrize(
    ("written", "going"),
    [
        ([SILENT, MAIL], "01"),
        ([SILENT + LATER, MAIL], "01"),
        ([SILENT + LATER, MAIL + LATER], "01"),
        ([SILENT, MAIL + LATER], "1"),  # the mail may never come, and nobody would know of the points
        ([SILENT + LATER, MAIL + 'when = "event.amount > 9000.0"\n'], ""),
        ([SILENT + LATER], "0"),  # a rule that never writes
    ],
)
def test_what_a_customer_gets_is_told_by_a_message_that_goes_out_for_sure(written: list[str], going: str) -> None:
    head = RULE.partition("[[step]]")[0]
    text = head + "".join(part.replace("{id}", f"s{number}") for number, part in enumerate(written))

    assert "".join(step.removeprefix("s") for step in steps(judge(rule(text), case()))) == going


def test_a_waiting_step_is_not_asked_now_but_must_be_permitted_now() -> None:
    text = RULE.partition("[[step]]")[0] + MAIL.replace("{id}", "mail") + LATER + 'when = "event.rating >= 4"\n'
    verdict = judge(rule(text), case())

    assert (verdict.outcome, steps(verdict), verdict.awaits) == ("act", ["mail"], {"review.received"})
    assert "waits for review.received within P14D" in texts(verdict)
    assert judge(rule(text), case(standing=Standing())).outcome == "refused"
