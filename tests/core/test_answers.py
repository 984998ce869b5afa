"""The record of an occasion's answers holds all that was put into it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from engine.core.answers import Answer, answers, record, short
from engine.core.keys import sha256
from engine.core.reasons import Clause, told

VERSIONS = st.text().map(lambda text: short(sha256(text)))
SIGNS = st.text("01", max_size=6)
VALUES = st.dictionaries(
    st.text(max_size=4), st.none() | st.booleans() | st.integers() | st.text(max_size=4), max_size=3
)
BESIDES = st.fixed_dictionaries(
    {},
    optional={
        "steps": st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
        "guard": st.tuples(st.text(max_size=4), st.text(max_size=4)).map(list),
    },
)


@given(VALUES, st.dictionaries(VERSIONS, SIGNS), st.lists(st.tuples(VERSIONS, st.text(), st.text(), SIGNS, BESIDES)))
def test_each_answer_comes_out_as_it_went_in(
    values: dict[str, object], no: dict[str, str], said: list[tuple[str, str, str, str, dict[str, object]]]
) -> None:
    kept = json.loads(record(json.dumps(values), json.dumps(no), map(json.dumps, said)))

    assert list(answers(kept)) == [
        *(
            Answer(version=version, outcome="no", arm="none", kept={"held": held, "values": values})
            for version, held in no.items()
        ),
        *(
            Answer(version=version, outcome=outcome, arm=arm, kept={"held": held, "values": values, **besides})
            for version, outcome, arm, held, besides in said
        ),
    ]


def test_the_values_are_kept_once_and_each_rule_tells_its_own() -> None:
    dear = Clause(code="when", source="event.amount > 50.0", names=("event.amount",))
    gold = Clause(code="when", source="score.tier == 'gold'", names=("score.tier",))
    values = '{"event.amount":80.0,"score.tier":null}'
    kept = json.loads(record(values, '{"b":"0"}', ['["a","act","treated","1",{}]']))
    one, other = answers(kept)

    assert list(told([gold], one.kept)) == [
        {"code": "when", "clause": "score.tier == 'gold'", "holds": False, "values": {"score.tier": None}}
    ]
    assert list(told([dear], other.kept)) == [
        {"code": "when", "clause": "event.amount > 50.0", "holds": True, "values": {"event.amount": 80.0}}
    ]
