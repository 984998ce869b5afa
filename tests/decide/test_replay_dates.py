"""A date is asked about as it stood on each day: when it was near, once, and by what was known by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from engine.core.facts import Customer, Event
from engine.decide.answered import Answered, Day
from engine.decide.past import Life
from engine.decide.past_scores import PastScores
from engine.decide.replay import Replay
from engine.decide.replay_dates import dates
from engine.decide.rule import load
from engine.decide.vocabulary import vocabulary
from tests.backtest.a_year import rule

WORDS = vocabulary()
FIRST = date(2026, 3, 1)
NIGHT = datetime(2026, 3, 1, 3, tzinfo=UTC)
DAYS = [Day(day=FIRST + timedelta(days=number), at=NIGHT + timedelta(days=number)) for number in range(31)]
ENDS = 'date = "contract.signed.ends_on"'
BOUGHT = 'date = "customer.last_purchase"\nafter = "P5D"'
BORN = Customer(ref="C1", birthday=date(1980, 3, 20))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def signed(when: str, ends: str) -> tuple[datetime, str]:
    return at(when), f"2026-{ends}"


def replayed(
    on: str,
    *steps: str,
    contracts: Sequence[tuple[datetime, str]] = (),
    sales: Sequence[datetime] = (),
    since: datetime | None = None,
    known: datetime = NIGHT,
) -> tuple[Replay, list[Answered]]:
    """What a rule says of one customer in March."""
    text = rule("some", on, *(steps or ("",)))
    (asked,) = load({"rules/some.toml": text}, vocabulary=WORDS, templates=["email/service_thank_you"])
    events = [
        (number, Event(customer="", kind="contract.signed", ext_key=str(number), occurred_at=when,
                       payload={"ends_on": ends}))
        for number, (when, ends) in enumerate(contracts)
    ]  # fmt: skip
    life = Life(
        id=1, facts=BORN, time_zone="UTC", since=since, known_from=known, events={"contract.signed": events},
        sales=tuple((when, when.toordinal()) for when in sales),
    )  # fmt: skip
    found = Replay(rule=asked, words=WORDS, currency="EUR", key="k", lives=[life], scores=PastScores(np.array([1]), []))
    return found, list(dates(found, DAYS, {}))


def said(answers: Sequence[Answered]) -> list[tuple[str, str]]:
    """When the rule was asked, and about which day."""
    return [(f"{one.at:%m-%dT%H:%M}", one.why.occurrence[5:]) for one in answers]


def test_it_is_asked_when_its_first_step_is_near() -> None:
    _, found = replayed('date = "customer.birthday"', 'before = "P8D"', "")
    assert said(found) == [("03-12T03:00", "03-20")]


@pytest.mark.parametrize(
    ("known", "expected"),
    [("03-19T03:00", "03-19T03:00"), ("03-19T10:00", "03-19T10:00"), ("03-21T02:00", "03-21T03:00")],
)
def test_who_comes_late_is_asked_about_when_the_shop_hears_of_them(known: str, expected: str) -> None:
    _, found = replayed('date = "customer.birthday"', 'before = "P8D"', known=at(known))
    assert said(found) == [(expected, "03-20")]


@pytest.mark.parametrize("known", ["03-21T03:01", "03-22T03:00", "05-01T00:00"])
def test_what_had_passed_by_then_is_left_alone(known: str) -> None:
    assert replayed('date = "customer.birthday"', known=at(known))[1] == []


def test_the_last_event_before_each_look_says_the_date() -> None:
    contracts = [signed("01-05T10:00", "03-25"), signed("03-10T15:00", "03-13"), signed("03-11T02:00", "04-20"),
                 signed("03-28T15:00", "04-02")]  # fmt: skip
    replay, found = replayed(ENDS, 'before = "P7D"', contracts=contracts)

    assert said(found) == [("03-10T15:00", "03-13"), ("03-28T15:00", "04-02")]
    assert [one.why.event_id for one in found] == [1, 3]
    assert [(f"{one.at:%m-%dT%H}", one.origin) for one in replay.stands[0]] == [
        ("03-10T15", date(2026, 3, 13)), ("03-11T03", date(2026, 4, 20)), ("03-28T15", date(2026, 4, 2)),
    ]  # fmt: skip


def test_two_changes_before_one_look_are_one() -> None:
    replay, found = replayed(ENDS, contracts=[signed("03-10T04:00", "03-20"), signed("03-11T01:00", "03-22"),
                                              signed("03-11T02:00", "03-23")])  # fmt: skip
    assert said(found) == [("03-23T03:00", "03-23")]
    assert len(replay.stands[0]) == 2


def test_a_date_is_asked_about_once_even_if_it_is_said_again() -> None:
    contracts = [signed("03-02T10:00", "03-12"), signed("03-09T10:00", "04-30"), signed("03-10T10:00", "03-12")]
    assert said(replayed(ENDS, 'before = "P7D"', contracts=contracts)[1]) == [("03-05T03:00", "03-12")]


def test_an_event_without_a_date_takes_it_away() -> None:
    replay, found = replayed(ENDS, contracts=[signed("02-02T10:00", "03-12"), (at("03-05T10:00"), "")])
    assert (found, [one.origin for one in replay.stands[0]]) == ([], [None])


def test_every_purchase_moves_it() -> None:
    sales = [at("02-24T12:00"), at("03-04T12:00"), at("03-09T01:00"), at("03-20T12:00")]
    _, found = replayed(BOUGHT, 'before = "P1D"', "", sales=sales)
    assert said(found) == [("03-01T03:00", "03-01"), ("03-08T03:00", "03-09"), ("03-13T03:00", "03-14"),
                           ("03-24T03:00", "03-25")]  # fmt: skip


def test_the_first_purchase_is_known_from_then_on() -> None:
    on = 'date = "customer.first_purchase"\nrepeat = "once"'
    assert said(replayed(on, since=at("03-04T12:00"))[1]) == [("03-04T12:00", "03-04")]
    assert said(replayed(on, since=at("02-04T12:00"))[1]) == []
