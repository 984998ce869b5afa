"""The columns of a replay hold, for everybody at once, what each name reads of one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from engine.core.facts import Address, Customer
from engine.core.permission import Standing
from engine.decide.past import Life
from engine.decide.past_scores import PastScores
from engine.decide.replay import Replay
from engine.decide.replay_columns import Columns, ages, is_now, is_still, knows
from engine.decide.rule import load
from engine.decide.vocabulary import context, vocabulary
from tests.backtest.forty_days import care
from tests.decide.test_past_scores import DAY, NOON, saved

WORDS = vocabulary(attributes={"floor": "int", "until": "timestamp"})
(RULE,) = load(
    {"rules/some.toml": care("some", 'sweep = "daily"')}, vocabulary=WORDS, templates=["email/service_thank_you"]
)
AT = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
LIVES = [
    Life(
        id=number,
        facts=Customer(ref=f"C{number}", email=email, birthday=birthday, attributes=attributes,
                       address=Address(street="Via Verdi 1", city=city)),
        time_zone=tz,
        since=NOON,
        known_from=NOON,
    )
    for number, email, birthday, city, attributes, tz in (
        (3, "a@b.example", None, "", {}, "Europe/Rome"),
        (5, "", date(1980, 2, 29), "Forlì", {"floor": "2", "until": "2027-01-01"}, "Pacific/Auckland"),
        (8, "", date(1999, 12, 31), "Roma", {"floor": "x"}, "America/New_York"),
        (13, "", None, "Roma", {"floor": 7}, "Europe/Rome"),
    )
]  # fmt: skip
NAMES = sorted(name for name in WORDS.plain.fields if knows(name))


def replay() -> Replay:
    first, second = {3: (0.1, "gold"), 5: (0.3, ""), 8: (0.7, "silver")}, {3: (0.9, "silver"), 5: (0.2, "gold")}
    scores = PastScores(np.array([life.id for life in LIVES]), [saved(0, 1, first), saved(1, 1, second)])
    assert len(list(scores.until(NOON + DAY))) == 2
    return Replay(rule=RULE, words=WORDS, currency="EUR", key="k", lives=LIVES, scores=scores)


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_what_the_name_reads(name: str) -> None:
    past = replay()
    columns = Columns(LIVES, past.scores, "EUR")
    places = np.array([3, 0, 1, 2])

    _, values = columns.of([WORDS.plain.fields[name]], places, AT)[name]
    plain = [None if value is None or value != value else value for value in values.tolist()]
    if values.dtype == np.float32:
        plain = [None if np.isnan(value) else float(str(value)) for value in values]

    expected = [context(past.situation(place, None, AT, Standing()), WORDS, [name])[name] for place in places.tolist()]
    assert plain == expected


def test_before_is_what_the_score_was() -> None:
    past = replay()
    fields = [WORDS.crossing.fields[name] for name in ("score.tier", "score.clv")]
    found = Columns(LIVES, past.scores, "EUR").before(fields, np.array([0, 2, 3]))

    assert found["score.tier"][1].tolist() == ["gold", None, None]
    assert np.nan_to_num(found["score.clv"][1], nan=-1).tolist() == [1.0, -1.0, -1.0]


def test_every_name_is_still_or_ages_or_turns() -> None:
    kept = [name for name in WORDS.plain.fields if not ages(name)]
    turning = {
        f"customer.{name}" for name in ("has_open_complaint", "first_purchase", "last_purchase", "next_purchase")
    }

    assert {name for name in kept if not is_still(name) and not name.startswith("score.")} == turning
    assert ages("has_event('review.received')")
    for name in kept:
        if not name.startswith("score.") and name not in turning:
            read = WORDS.plain.fields[name].read
            later = [replace(replay().situation(1, None, at, Standing()), now=at) for at in (AT, AT + 400 * DAY)]
            assert read(later[0], AT) == read(later[1], AT + 400 * DAY)
    assert all(ages(name) for name in WORDS.plain.fields if is_now(name))
