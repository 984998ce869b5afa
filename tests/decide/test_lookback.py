"""Rules that ask about a customer's history: what they may ask, and what decide and explain answer, from files in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine import inquiry
from engine.core.condition import And, Compare, Name, Not, Type
from engine.core.lookback import ANSWERS
from engine.decide.condition import compile_condition
from engine.decide.lookback import problems
from engine.decide.problems import ConditionError
from engine.decide.vocabulary import Scope, vocabulary
from tests.shop import Shop
from tests.test_explain import DONE, care

WORDS = vocabulary(events={"boiler.inspected": {"pressure": "double"}})


def refused(source: str, scope: Scope = WORDS.plain) -> list[tuple[int, str, str]]:
    with pytest.raises(ConditionError) as caught:
        compile_condition(source, scope)
    return [(one.offset, one.code, one.hint) for one in caught.value.problems]


def test_a_question_is_a_name_of_the_tree_however_it_is_written() -> None:
    source = """!has_event("boiler.inspected" ,'P1Y') && count_purchases(  ) > 2"""

    condition = compile_condition(source, WORDS.plain)

    assert isinstance(condition.tree, And)
    first, second = condition.tree.parts
    assert first == Not(part=Name(name="has_event('boiler.inspected', 'P1Y')", type=Type.BOOL, offset=1), offset=0)
    assert isinstance(second, Compare)
    assert second.left == Name(name="count_purchases()", type=Type.INT, offset=41)
    assert condition.names == ("has_event('boiler.inspected', 'P1Y')", "count_purchases()")


@pytest.mark.parametrize(
    "source",
    [
        "has_event('quote.sent')",
        "has_event('quote.sent', 'P1Y6M') == false",
        "count_events('quote.sent', 'PT12H') in [0, 1]",
        "double(count_purchases('P1Y')) * 2.5 > sum_purchases('P2W')",
        "count_purchases('P30D') > count_purchases('P60D') - count_purchases('P30D')",
        "sum_purchases() / score.clv > 0.5",
    ],
)
def test_accepted_wherever_conditions_are(source: str) -> None:
    for scope in (WORDS.plain, WORDS.events["quote.sent"]):
        assert compile_condition(source, scope).source == source


@pytest.mark.parametrize(
    ("source", "offset", "code", "hint"),
    [
        ("has_event('quote.snet')", 10, "R037", "did you mean 'quote.sent'?"),
        ("count_events('weather.sunny') > 1", 13, "R037", "docs/rules.md lists what there is"),
        ("has_event('P90D')", 10, "R037", "docs/rules.md lists what there is"),
        ("has_event(quote.sent)", 10, "R031", "a text stands in quotes: 'quote.sent'"),
        ("has_event('quote.sent', 'p90d')", 24, "R036", "write 'P90D'"),
        ("has_event('quote.sent', '4h')", 24, "R036", "write 'PT4H'"),
        ("has_event('quote.sent', 'a while')", 24, "R036", "write 'P90D'"),
        ("count_purchases('P0M') > 1", 16, "R036", "write 'P90D'"),
        ("sum_purchases('P101Y') > 1.0", 14, "R036", "write 'P90D'"),
        ("has_event(customer.city)", 10, "R034", "write has_event('review.received', 'P90D')"),
        ("count_purchases(customer.city) > 1", 16, "R034", "write count_purchases('P90D')"),
        ("known(has_event('quote.sent'))", 5, "R034", "known(score.tier)"),
        ("has_event('quote.sent') == (now.month < 3)", 38, "R034", "join them with && and ||"),
        ("has_event()", 0, "R033", "write has_event('review.received', 'P90D')"),
        ("has_event(3)", 0, "R033", "write has_event('review.received', 'P90D')"),
        ("true && has_event('quote.sent', 'P1D', 'P2D')", 8, "R033", "write has_event('review.received', 'P90D')"),
        ("count_events('quote.sent', duration('72h')) > 1", 0, "R033",
         "write count_events('service_call.completed', 'P1Y')"),
        ("count_purchases(90) > 1", 0, "R033", "write count_purchases('P90D')"),
        ("sum_purchases('P1Y') > 500", 21, "R033", "write 500.0"),
        ("count_purchase('P1Y') > 5", 0, "R032", "did you mean 'count_purchases'?"),
        ("count_purchases('P1Y')", 0, "R035", "compare it with something"),
    ],
)  # fmt: skip
def test_refused_where_and_with_what_hint(source: str, offset: int, code: str, hint: str) -> None:
    assert refused(source)[0] == (offset, code, hint)


def test_all_that_is_wrong_with_a_question_comes_at_once() -> None:
    assert [one[:2] for one in refused("has_event('a.b', 'c') && count_events('d.e', 'P0D') > 0")] == [
        (10, "R037"),
        (17, "R036"),
        (38, "R037"),
        (45, "R036"),
    ]


def test_a_line_on_the_score_asks_nothing_of_the_past() -> None:
    hint = "a change is watched in p_alive, clv, percentile, tier; put the rest under when"

    assert refused("p_alive < 0.3 && sum_purchases() > 1.0", WORDS.crossing) == [(17, "R034", hint)]
    assert [one.text for one in problems("has_event", [(None, 3)], 0, WORDS.crossing)] == [
        "has_event() cannot be asked here"
    ]


def test_the_documentation_has_every_question_with_its_type() -> None:
    said = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)\(([^`]*)\)` \| (\w+) \|", said.partition("### What happened before")[2], re.MULTILINE
    )

    assert {name: kind for name, _, kind in rows} == ANSWERS
    for name, arguments, kind in rows:
        test = {"bool": "{}", "int": "{} > 1", "double": "{} > 1.0"}[kind]
        assert compile_condition(test.format(f"{name}({arguments})"), WORDS.plain)


AGAIN = f"count_events('{DONE}', 'P1Y') >= 2"
QUIET = "count_purchases() > 0 && !has_event('review.received', 'P1M')"
RULES = {
    "again": care("again", f'event = "{DONE}"\nwhen = "{AGAIN}"'),
    "quiet": care(
        "quiet", "sweep = \"daily\"\nwhen = \"count_purchases() > 0 && !has_event('review.received', 'P1M')\""
    ),
    "year": care("year", 'date = "customer.first_purchase"\nwhen = "sum_purchases(\'P1Y\') > 60.0"'),
    "gold": care("gold", "score = \"tier == 'gold'\"\nwhen = \"count_purchases('P1Y') >= 3\""),
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path / "shop", rules=RULES)
    yield made
    made.close()


class TestDecide:
    def test_the_event_that_starts_a_rule_counts_itself(self, house: Shop) -> None:
        house.customer()
        house.event(DONE, "2025-03-02T12:00:00+01:00")  # a year before, to the second
        house.event(DONE, "2026-03-02T12:00:00+01:00")
        house.app.decide()
        assert house.outcomes(rule="again")[-1] == "no"

        house.at("2026-03-09T11:00").event(DONE, "2026-03-05T12:00:00+01:00")
        house.app.decide()

        (clause, _) = house.decisions(rule="again")[-1]["reasons"]
        assert (clause["holds"], clause["values"]) == (True, {AGAIN.removesuffix(" >= 2"): 2})
        assert house.outcomes(rule="again")[-1] == "act"

    def test_a_sweep_means_who_did_or_did_not(self, house: Shop) -> None:
        for ref, zone in (("C1", ""), ("C2", "Pacific/Auckland"), ("C3", "America/New_York"), ("C4", "")):
            house.customer(ref, time_zone=zone)
            if ref != "C4":
                house.sale("2025-06-01", "50.00", ref)
            house.event("review.received", "2026-02-02T08:00:00+01:00", ref, rating=5)
        house.event("review.received", "2026-02-04T08:00:00+01:00", "C3", rating=4)

        house.app.decide()  # on 2 March
        assert {ref: house.outcomes(ref, "quiet") for ref in ("C1", "C2", "C3", "C4")} == {
            "C1": ["act"], "C2": ["act"], "C3": [], "C4": [],
        }  # fmt: skip
        house.at("2026-03-05T11:00").app.decide()
        assert house.outcomes("C3", "quiet") == ["act"]

    def test_under_a_date_and_a_score(self, house: Shop) -> None:
        for number in range(1, 12):
            house.customer(f"C{number}")
            house.sale("2025-03-03", "40.00", f"C{number}")
            house.sale("2025-09-01", f"{60 + number}.00", f"C{number}")
        house.sale("2025-12-01", "-45.00", "C1", id="back")
        house.app.score()
        house.app.decide()
        house.at("2026-03-03T11:00")
        for key in ("new", "newer"):
            house.sale("2026-03-02", "900.00", "C2", id=key)
        house.app.score()
        house.app.decide()

        assert house.outcomes("C1", "year") == ["no"]  # 61 - 45: the first was at midnight, more than a year ago
        assert house.outcomes("C3", "year") == ["act"]
        assert house.outcomes("C2", "gold") == ["act"]

    def test_the_same_day_twice_or_a_restart_changes_nothing(self, house: Shop) -> None:
        house.customer()
        house.sale("2025-06-01", "50.00")
        house.app.decide()
        house.close()
        house.event("review.received", "2026-03-02T11:30:00+01:00", rating=5)
        house.app.decide()

        assert house.outcomes(rule="quiet") == ["act"]
        assert len(house.actions()) == 1

    def test_a_step_may_ask_too(self, house: Shop) -> None:
        also = f"""
[[step]]
id = "again"
channel = "email"
template = "email/service_thank_you"
when = "{AGAIN}"
"""
        house.rule("again", care("again", f'event = "{DONE}"') + also)
        house.customer()
        for day in ("01", "02"):
            house.event(DONE, f"2026-03-{day}T10:00:00+01:00")
            house.at(f"2026-03-{day}T11:00").app.decide()

        assert [row["step"] for row in house.actions() if row["rule"] == "again"] == ["mail", "mail", "again"]


def said(shop: Shop, rule: str, at: str = "") -> dict[str, Any]:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC) if at else None
    (answer,) = inquiry.explain(shop.app, "C1", rule, instant)["rules"]
    return dict(answer)


class TestExplain:
    def test_it_shows_what_the_history_answered(self, house: Shop) -> None:
        house.customer()
        house.sale("2025-06-01", "50.00")
        house.event("review.received", "2026-02-20T08:00:00+01:00", rating=5)

        assert [(one["clause"], one["values"]) for one in said(house, "quiet")["reasons"]] == [
            ("count_purchases() > 0", {"count_purchases()": 1}),
            ("!has_event('review.received', 'P1M')", {"has_event('review.received', 'P1M')": True}),
        ]

    def test_then_only_what_had_happened_counts(self, house: Shop) -> None:
        house.customer()
        house.sale("2025-06-01", "50.00")
        house.event("review.received", "2026-02-20T08:00:00+01:00", rating=5)
        instants = ("2025-05-30T12:00", "2026-02-20T06:59", "2026-02-20T07:00", "2026-03-02T11:00")

        assert [said(house, "quiet", at)["outcome"] for at in instants] == ["no", "act", "no", "no"]
        assert [said(house, "quiet", at)["reasons"][0]["holds"] for at in instants] == [False, True, True, True]
