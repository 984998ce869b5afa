"""Why a customer got nothing: for each kind of trigger, now and as it was known at an instant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import inquiry, orders
from engine.cli import run
from engine.cli.people import _instant
from engine.errors import UsageError
from tests.shop import Shop

DONE = "service_call.completed"


def care(name: str, on: str, *, more: str = "") -> str:
    """A rule that writes a mail."""
    return f"""
id = "{name}"
title = "Care"
purpose = "relationship"
holdout = 0.0
[on]
{on}
{more}
[[step]]
id = "mail"
channel = "email"
template = "email/service_thank_you"
"""


RULES = {
    "big": care("big", f'event = "{DONE}"\nwhen = "event.amount > 50.0 && score.tier == \'gold\'"'),
    "birthday": care("birthday", 'date = "customer.birthday"\nwhen = "customer.age >= 18"'),
    "gold": care("gold", "score = \"tier == 'gold'\""),
    "asleep": care(
        "asleep",
        'sweep = "daily"\nwhen = "score.days_since_purchase > 100"',
        more='[journey]\nagain_after = "P30D"',
    ),
}


@pytest.fixture
def house(tmp_path: Path, database: str) -> Iterator[Shop]:
    """A workspace with a rule of each kind."""
    made = Shop(tmp_path / "shop", rules=RULES, database=database)
    yield made
    made.close()


def told(shop: Shop, rule: str, at: str = "", customer: str = "C1") -> dict[str, Any]:
    """What one rule has to say; at: an instant, in UTC."""
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC) if at else None
    (answer,) = inquiry.explain(shop.app, customer, rule, instant)["rules"]
    return dict(answer)


def texts(answer: dict[str, Any]) -> list[str]:
    return [reason["text"] for reason in answer["reasons"] if "text" in reason]


def false(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The false clauses and what they read."""
    return {
        reason["clause"]: reason["values"] for reason in answer["reasons"] if "clause" in reason and not reason["holds"]
    }


def several(shop: Shop) -> None:
    """Twenty-five customers with a history, of whom C1 is an ordinary one; scored once, in March."""
    for number in range(1, 26):
        shop.customer(f"C{number}")
        shop.sale(f"2025-{1 + number % 6:02}-10", "80.00", f"C{number}")
        if number % 2:
            shop.sale(f"2025-{7 + number % 5:02}-12", "95.00", f"C{number}")
    shop.app.score()
    shop.app.decide()


def gilded(shop: Shop) -> None:
    """C1 buys much and is scored again the day after."""
    for day in ("2026-02-10", "2026-02-20", "2026-03-01"):
        shop.sale(day, "900.00", "C1")
    shop.at("2026-03-03T11:00").app.score()


@pytest.mark.any_store
def test_a_customer_with_nothing_at_all_hears_from_every_rule_why(house: Shop) -> None:
    house.customer()
    found = inquiry.explain(house.app, "C1", None)

    assert [(answer["rule"], answer["asked"], answer["outcome"]) for answer in found["rules"]] == [
        ("asleep", False, "no"),
        ("big", False, "waits"),
        ("birthday", False, "waits"),
        ("gold", False, "waits"),
    ]
    assert [answer["text"] for answer in found["rules"]] == [
        "looks at everybody daily; asked now, it would say no",
        f"no {DONE} has happened to them",
        "customer.birthday is not known",
        "they have no score yet: it begins with the first purchase",
    ]
    assert [answer["waits_for"] for answer in found["rules"]] == ["daily", DONE, "customer.birthday", "tier == 'gold'"]
    assert found["decisions"] == []


class TestEvents:
    def test_fired(self, shop: Shop) -> None:
        shop.customer()
        shop.event(DONE, "2026-03-02T09:00:00+01:00")
        shop.app.decide()

        answer = told(shop, "thanks")
        assert (answer["asked"], answer["outcome"], answer["text"]) == (True, "act", "answered on 2026-03-02")
        assert answer["reasons"] == shop.decisions()[0]["reasons"]

    def test_waiting_with_the_false_clause_and_its_values_and_then_answered(self, house: Shop) -> None:
        house.customer()
        house.event(DONE, "2026-03-02T09:00:00+01:00", amount=80.0)

        waiting = told(house, "big")
        assert waiting["text"] == f"{DONE} of 2026-03-02 waits for premura decide; it would say no"
        assert (waiting["asked"], false(waiting)) == (False, {"score.tier == 'gold'": {"score.tier": None}})

        house.app.decide()
        answer = told(house, "big")
        assert (answer["asked"], answer["outcome"], answer["reasons"]) == (True, "no", waiting["reasons"])

    def test_refused(self, shop: Shop) -> None:
        shop.customer(consent=False)
        shop.event(DONE, "2026-03-02T09:00:00+01:00")

        answer = told(shop, "thanks")
        assert (answer["outcome"], texts(answer)) == ("refused", ["no consent for relationship by email"])
        assert answer["text"].endswith("it would not be permitted")

    def test_from_before_the_start(self, shop: Shop) -> None:
        shop.configure('# start = "2026-09-01"', 'start = "2026-03-01"')
        shop.customer()
        shop.event(DONE, "2026-02-28T23:30:00+01:00")
        for _ in range(2):
            assert told(shop, "thanks")["text"] == (
                f"{DONE} of 2026-02-28 is history, from before the shop's start on 2026-03-01; it would say yes"
            )
            shop.app.decide()

    def test_from_before_the_rule(self, shop: Shop) -> None:
        shop.customer()
        shop.event("delivery.completed", "2026-03-02T09:00:00+01:00")
        shop.app.decide()
        shop.rule("checkin", care("checkin", 'event = "delivery.completed"'))

        assert "came before this rule did; it would say yes" in told(shop, "checkin")["text"]

    def test_a_second_one_waits_though_the_first_is_answered(self, shop: Shop) -> None:
        shop.customer()
        shop.event(DONE, "2026-03-02T09:00:00+01:00")
        shop.app.decide()
        shop.event(DONE, "2026-03-04T09:00:00+01:00")
        assert told(shop, "thanks")["asked"] is True  # it lies ahead

        shop.at("2026-03-04T11:00")
        assert (told(shop, "thanks")["asked"], told(shop, "thanks")["outcome"]) == (False, "act")


class TestDates:
    def test_it_says_when_the_date_comes_round(self, house: Shop) -> None:
        house.customer(birthday="1980-03-10")
        assert told(house, "birthday")["text"] == "customer.birthday comes round on 2026-03-10"

    def test_fired_refused_and_false(self, house: Shop) -> None:
        house.customer("C1", birthday="1980-03-02")
        house.customer("C2", birthday="1980-03-02", consent=False)
        house.customer("C3", birthday="2015-03-02")
        expected = {"C1": "act", "C2": "refused", "C3": "no"}

        before = {ref: told(house, "birthday", customer=ref) for ref in expected}
        house.app.decide()
        after = {ref: told(house, "birthday", customer=ref) for ref in expected}

        assert {ref: answer["outcome"] for ref, answer in before.items()} == expected
        assert "comes round on 2026-03-02 and waits for premura decide" in before["C1"]["text"]
        assert {ref: (answer["asked"], answer["outcome"]) for ref, answer in after.items()} == {
            ref: (True, outcome) for ref, outcome in expected.items()
        }
        assert false(before["C3"]) == false(after["C3"]) == {"customer.age >= 18": {"customer.age": 11}}

    def test_paper_is_asked_ahead(self, tmp_path: Path) -> None:
        card = RULES["birthday"].replace('"email"', '"note"').replace("email/", "note/")
        shop = Shop(tmp_path / "shop", rules={"birthday": card}, now="2026-03-01T11:00")
        shop.customer(birthday="1980-03-10")

        assert told(shop, "birthday")["text"] == (
            "customer.birthday comes round on 2026-03-10; the rule is asked 3 days before"
        )

    def test_an_answer_and_the_next_time(self, house: Shop) -> None:
        house.customer(birthday="1980-03-02")
        house.app.decide()

        assert told(house, "birthday")["text"] == "answered on 2026-03-02"
        later = told(house.at("2026-03-03T11:00"), "birthday")
        assert later["asked"] is True
        assert later["text"] == "answered on 2026-03-02; customer.birthday comes round on 2027-03-02"
        near = told(house.at("2027-03-02T11:00"), "birthday")
        assert (near["asked"], near["outcome"]) == (False, "act")

    def test_the_event_that_a_date_comes_from(self, tmp_path: Path) -> None:
        ends = care("ends", 'date = "contract.signed.ends_on"\nwhen = "event.amount > 50.0"')
        due = care("due", f'date = "{DONE}"\nafter = "P11M"')
        shop = Shop(tmp_path / "shop", rules={"ends": ends + 'before = "P1M"\n', "due": due})
        shop.customer()
        assert told(shop, "ends")["text"] == "no contract.signed has happened to them"

        shop.event(DONE, "2025-06-30T09:00:00+02:00")
        shop.event("contract.signed", "2025-09-01T09:00:00+02:00", id="open")
        assert told(shop, "ends")["text"] == "contract.signed.ends_on of 2025-09-01 is not known"
        assert told(shop, "due")["text"] == f"{DONE} of 2025-06-30 plus P11M is on 2026-05-30"

        shop.event("contract.signed", "2026-01-10T09:00:00+01:00", ends_on="2026-05-31", amount=20.0)
        assert told(shop, "ends")["text"] == (
            "contract.signed.ends_on of 2026-01-10 is on 2026-05-31; the rule is asked 31 days before"
        )
        assert "of 2025-09-01" in told(shop, "ends", "2026-01-09T11:00")["text"]
        near = told(shop.at("2026-04-30T11:00"), "ends")
        assert (near["asked"], near["outcome"]) == (False, "no")
        assert false(near) == {"event.amount > 50.0": {"event.amount": 20.0}}
        shop.app.decide()
        assert told(shop, "ends")["text"] == "answered on 2026-04-30"
        assert told(shop.at("2026-06-01T11:00"), "ends")["text"] == (
            "answered on 2026-04-30; contract.signed.ends_on of 2026-01-10 was on 2026-05-31"
        )
        assert told(shop, "ends", "2026-03-01T11:00")["asked"] is False

    def test_the_next_order_as_it_was_expected_then(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"soon": care("soon", 'date = "customer.next_purchase"')})
        shop.customer()
        for day in ("2025-12-01", "2026-01-10", "2026-02-10", "2026-03-01"):
            shop.sale(day, "50.00")

        assert told(shop, "soon")["text"] == "customer.next_purchase is on 2026-04-01"
        assert told(shop, "soon", "2026-02-11T11:00")["text"] == "customer.next_purchase is on 2026-03-18"
        assert told(shop, "soon", "2026-02-01T11:00")["text"] == "customer.next_purchase is not known"


class TestScores:
    def test_the_line_was_not_crossed(self, house: Shop) -> None:
        several(house)

        answer = told(house, "gold")
        assert (answer["outcome"], answer["text"]) == ("waits", "waits for tier == 'gold' to become true")
        (reason,) = answer["reasons"]
        assert (reason["values"], reason["before"]) == ({"score.tier": "bronze"}, {"score.tier": None})

    def test_the_first_scoring_is_no_change(self, house: Shop) -> None:
        house.rule("alive", care("alive", 'score = "p_alive > 0.0"'))
        several(house)

        answer = told(house, "alive")
        assert (answer["outcome"], answer["reasons"][0]["holds"]) == ("waits", True)
        assert answer["text"] == (
            "p_alive > 0.0 was true of their first score, and what a first scoring finds is no change"
        )

    @pytest.mark.any_store
    def test_crossed_waiting_and_answered(self, house: Shop) -> None:
        several(house)
        gilded(house)
        waiting = told(house, "gold")
        assert waiting["text"] == "tier == 'gold' has become true and waits for premura decide; it would say yes"

        house.app.decide()
        assert (told(house, "gold")["asked"], told(house, "gold")["outcome"]) == (True, "act")

    def test_crossed_before_the_rule_was_there(self, house: Shop) -> None:
        several(house)
        gilded(house)
        house.app.decide()
        house.rule("best", care("best", "score = \"tier == 'gold'\""))

        assert told(house, "best")["text"] == "tier == 'gold' became true before this rule was there"


class TestSweeps:
    def test_false_with_values_then_fired_then_too_soon(self, house: Shop) -> None:
        house.customer()
        house.sale("2025-12-01", "50.00")
        house.app.score()
        house.app.decide()
        answer = told(house, "asleep")
        assert (answer["asked"], answer["outcome"]) == (False, "no")
        assert false(answer) == {"score.days_since_purchase > 100": {"score.days_since_purchase": 91}}

        house.at("2026-03-20T11:00").app.score()
        assert (told(house, "asleep")["asked"], told(house, "asleep")["outcome"]) == (False, "act")
        house.app.decide()
        assert (told(house, "asleep")["asked"], told(house, "asleep")["outcome"]) == (True, "act")

        tomorrow = told(house.at("2026-03-21T11:00"), "asleep")
        assert (tomorrow["asked"], tomorrow["outcome"]) == (False, "refused")
        assert texts(tomorrow) == ["entered this rule on 2026-03-20; again after P30D"]


def test_what_it_would_say_is_what_decide_says(house: Shop) -> None:
    several(house)
    house.rule("half", care("half", f'event = "{DONE}"').replace("holdout = 0.0", "holdout = 0.5"))
    refs = [f"C{number}" for number in range(1, 26)]
    house.at("2026-03-20T11:00")
    for number, ref in enumerate(refs):
        house.customer(ref, consent=False, birthday=f"{2000 + number}-03-20")
        house.event(DONE, "2026-03-19T09:00:00+01:00", ref, amount=20.0 * number)
        if number % 3 == 0:
            house.event("complaint.opened", "2026-03-19T10:00:00+01:00", ref)
    gilded(house)
    house.at("2026-03-20T11:00")
    would = {(ref, rule["rule"]): rule for ref in refs for rule in inquiry.explain(house.app, ref, None)["rules"]}

    house.app.decide()

    compared = set()
    for (ref, rule), before in would.items():
        after = told(house, rule, customer=ref)
        if before["outcome"] != "waits" and not (rule == "asleep" and before["outcome"] == "no"):
            assert (after["asked"], after["outcome"], after["reasons"]) == (
                True,
                before["outcome"],
                before["reasons"],
            ), (ref, rule)
            compared.add((rule, after["outcome"]))
        else:
            assert after["asked"] is before["asked"] is False
    assert {"act", "no", "refused", "holdout"} == {outcome for _, outcome in compared}
    assert {"big", "half", "birthday", "gold"} <= {rule for rule, _ in compared}


class TestThen:
    def test_before_and_after_a_consent(self, shop: Shop) -> None:
        shop.customer(consent=False)
        shop.event(DONE, "2026-03-02T09:00:00+01:00")
        word = {"customer": "C1", "purpose": "any", "channel": "any"}
        shop.ingest(
            "consents",
            [{**word, "given": "yes", "date": "2026-03-02T12:00:00+01:00"},
             {**word, "given": "no", "date": "2026-03-02T14:00:00+01:00"}],
        )  # fmt: skip
        shop.at("2026-03-02T18:00")

        outcomes = [told(shop, "thanks", f"2026-03-02T{hour}:30")["outcome"] for hour in ("10", "11", "13")]
        assert outcomes == ["refused", "act", "refused"]
        found = inquiry.explain(shop.app, "C1", None, datetime(2026, 3, 2, 11, 30, tzinfo=UTC))
        assert found["permissions"] == ["2026-03-02: yes to any by any"]
        assert texts(told(shop, "thanks")) == ["consent for relationship by email was withdrawn on 2026-03-02"]

    def test_before_and_after_an_event_and_its_decision(self, shop: Shop) -> None:
        shop.customer()
        shop.event(DONE, "2026-03-02T09:00:00+01:00")
        shop.app.decide()
        shop.at("2026-03-05T11:00")

        assert told(shop, "thanks", "2026-03-02T07:59")["text"] == f"no {DONE} has happened to them"
        waiting = told(shop, "thanks", "2026-03-02T08:00")
        assert waiting["text"] == f"{DONE} of 2026-03-02 waits for premura decide; it would say yes"
        assert told(shop, "thanks", "2026-03-02T11:00")["asked"] is True
        then = inquiry.explain(shop.app, "C1", None, datetime(2026, 3, 2, 8, tzinfo=UTC))
        assert (then["decisions"], then["why"]) == ([], "1 events wait for premura decide")

    def test_before_and_after_a_complaint_and_a_suppression(self, shop: Shop) -> None:
        shop.customer()
        shop.event(DONE, "2026-03-02T09:00:00+01:00")
        shop.event("complaint.opened", "2026-03-02T11:00:00+01:00")
        shop.event("complaint.resolved", "2026-03-02T15:00:00+01:00")
        orders.suppress(shop.at("2026-03-02T20:00").app, "C1", "asked by phone")
        shop.at("2026-03-03T11:00")

        assert [
            texts(told(shop, "thanks", f"2026-03-02T{hour}"))[0] for hour in ("09:30", "10:30", "14:30", "20:00")
        ] == [
            "goes ahead",
            "a complaint is open",
            "goes ahead",
            "the address is suppressed (asked by phone)",
        ]

    def test_before_and_after_a_score(self, house: Shop) -> None:
        several(house)
        gilded(house)
        house.at("2026-03-03T12:00").app.decide()
        house.at("2026-03-05T11:00")

        first = told(house, "gold", "2026-03-02T10:59")
        assert first["text"].startswith("they have no score yet")
        ordinary = told(house, "gold", "2026-03-03T10:59")
        assert ordinary["reasons"][0]["values"] == {"score.tier": "bronze"}
        waiting = told(house, "gold", "2026-03-03T11:00")
        assert waiting["text"] == "tier == 'gold' has become true and waits for premura decide; it would say yes"
        assert told(house, "gold", "2026-03-03T12:00")["asked"] is True
        score = inquiry.explain(house.app, "C1", None, datetime(2026, 3, 3, 10, 59, tzinfo=UTC))["score"]
        assert (score["tier"], score["scored_at"]) == ("bronze", datetime(2026, 3, 2, 11, tzinfo=UTC))

    def test_before_and_after_the_first_purchase(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path / "shop", rules={"year": care("year", 'date = "customer.first_purchase"')})
        shop.customer()
        shop.sale("2026-02-01", "10.00")

        assert told(shop, "year", "2026-01-31T12:00")["text"] == "customer.first_purchase is not known"
        assert told(shop, "year", "2026-02-02T12:00")["text"] == "customer.first_purchase comes round on 2027-02-01"

    @pytest.mark.any_store
    def test_a_sweep_of_then(self, house: Shop) -> None:
        house.customer()
        house.sale("2025-10-01", "50.00")
        house.app.score()
        house.app.decide()
        house.at("2026-04-20T11:00")

        assert told(house, "asleep", "2026-03-02T10:59")["outcome"] == "no"  # without a score
        assert told(house, "asleep", "2026-03-02T11:00")["asked"] is True
        assert texts(told(house, "asleep", "2026-03-20T11:00")) == ["entered this rule on 2026-03-02; again after P30D"]
        assert told(house, "asleep")["outcome"] == "act"

    def test_nobody_knows_what_lies_ahead(self, shop: Shop) -> None:
        shop.customer()
        now = datetime(2026, 3, 2, 11, tzinfo=UTC)

        assert inquiry.explain(shop.app, "C1", None, now)["at"] == now
        with pytest.raises(UsageError, match=r"^--at: 2026-03-02 12:01 lies ahead"):  # on the clocks of Rome
            inquiry.explain(shop.app, "C1", None, now + timedelta(minutes=1))


def test_a_rule_that_is_not_there_may_be_another(house: Shop) -> None:
    house.customer()

    with pytest.raises(UsageError, match=r"there is no rule 'birtday' \(hint: did you mean 'birthday'\?\)$"):
        inquiry.explain(house.app, "C1", "birtday")
    with pytest.raises(UsageError, match=r"there is no rule 'xyz' \(hint: premura rules list shows what there is\)$"):
        inquiry.explain(house.app, "C1", "xyz")


def test_a_rule_that_is_gone_still_has_its_answers(shop: Shop) -> None:
    shop.customer()
    shop.event(DONE, "2026-03-02T09:00:00+01:00")
    shop.app.decide()
    (shop.folder / "rules" / "thanks.toml").unlink()
    shop.rule("other", care("other", f'event = "{DONE}"'))

    found = inquiry.explain(shop.app, "C1", "thanks")
    assert ([row["rule_id"] for row in found["decisions"]], found["rules"]) == (["thanks"], [])


def test_explain_asks_for_no_secret_of_an_adapter(shop: Shop) -> None:
    shop.configure('kind = "email_file"', 'kind = "email_smtp"\nhost = "mail.example"\npassword = {env = "NOT_SET"}')
    shop.rule("birthday", RULES["birthday"])
    shop.customer(birthday="1980-03-10")

    assert told(shop, "birthday")["text"] == "customer.birthday comes round on 2026-03-10"


def test_a_day_means_its_end_and_today_means_now() -> None:
    now = datetime(2026, 3, 2, 11, tzinfo=UTC)

    def read(text: str, tz: str = "Europe/Rome") -> datetime:
        return _instant(text, tz, now)

    assert read("2026-03-01") == datetime(2026, 3, 1, 22, 59, 59, 999999, tzinfo=UTC)
    assert read("2026-03-02") == now
    assert read("2026-03-03") > now
    assert read("2026-03-01T10:00") == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert read("2026-03-01T10:00+05:00") == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert read("2025-03-29", "Asia/Beirut") == datetime(2025, 3, 29, 21, 59, 59, 999999, tzinfo=UTC)
    for text in ("yesterday", "2026-02-30", "9999-12-31", "2026-03"):
        with pytest.raises(UsageError, match=f"^--at: '{text}' is not a day such as"):
            read(text)


def test_people_and_programs_are_told(house: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    several(house)
    house.customer("C30", consent=False)
    house.event(DONE, "2026-03-02T09:00:00+01:00", "C30", amount=80.0)
    house.close()

    def said(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(["explain", *words, "-w", str(house.folder)]) == code
        out, err = capsys.readouterr()
        return out or err

    lines = said("C30").splitlines()
    start = lines.index("Why nothing came:")
    assert lines[start + 1 :] == [
        "  asleep: looks at everybody daily; asked now, it would say no",
        "      score.days_since_purchase > 100 is false: score.days_since_purchase is unknown",
        f"  big: {DONE} of 2026-03-02 waits for premura decide; it would say no",
        "      score.tier == 'gold' is false: score.tier is unknown",
        "  birthday: customer.birthday is not known",
        "  gold: they have no score yet: it begins with the first purchase",
    ]
    assert "✓ event.amount > 50.0  [event.amount = 80]" in said("C30", "--rule", "big")
    assert "tier == 'gold' is false: score.tier is 'bronze' (before: unknown)" in said("C1")
    assert "As it was known at 2026-01-31 23:59; names" in said("C1", "--at", "2026-01-31")
    found = json.loads(said("C30", "--rule", "big", "--json"))
    assert found["rules"][0].keys() == {"rule", "asked", "waits_for", "outcome", "reasons", "text"}
    assert json.loads(said("C1", "--at", "2026-01-31T10:00", "--json"))["at"] == "2026-01-31T09:00:00+00:00"
    for words in (("--rule", "bog"), ("--at", "9000-01-01"), ("--at", "soon")):
        assert said("C1", *words, code=2).count("\n") == 1


class TestWholeWorkspace:
    def test_whom_no_rule_reaches_hears_nothing_with_the_whole_household_and_is_told_why(self, shop: Shop) -> None:
        shop.configure("share = 0.0", "share = 0.3")
        homes = {f"C{number}": f"H{number // 2}" for number in range(1, 21)}
        for ref, home in homes.items():
            shop.customer(ref, household=home)
            shop.event(DONE, "2026-03-02T09:00:00+01:00", ref)
        before = {ref: rule_of(shop, ref) for ref in homes}
        shop.app.decide()

        arms: dict[str, set[str]] = {}
        for ref, home in homes.items():
            (said,) = shop.decisions(ref)
            assert said["outcome"] == before[ref]["outcome"]
            assert said["outcome"] == ("holdout" if said["arm"] == "workspace_holdout" else "act")
            arms.setdefault(home, set()).add(said["arm"])
            if said["outcome"] == "holdout":
                assert said["reasons"][-1]["text"].endswith("what all of them bring, with the whole household")
                assert said["actions"] == []
        assert {len(drawn) for drawn in arms.values()} == {1}
        assert set().union(*arms.values()) == {"treated", "treated+workspace_comparison", "workspace_holdout"}
        shop.app.decide()
        assert all(len(shop.decisions(ref)) == 1 for ref in homes)


def rule_of(shop: Shop, ref: str) -> dict[str, Any]:
    """What explain says of the one rule."""
    (answer,) = inquiry.explain(shop.app, ref, None)["rules"]
    return dict(answer)
