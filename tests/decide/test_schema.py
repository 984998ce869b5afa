"""The JSON Schema of a rule file: it lets pass what the check lets pass, and sees nearly all that the check sees."""

from __future__ import annotations

import json
import tomllib
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator as Validator  # type: ignore[import-untyped]  # it ships no types
from pydantic import BaseModel, ValidationError

from engine.core.calendar import DAYS
from engine.decide import shape
from engine.decide.rule import load
from engine.decide.schema import DRAFT, rule_schema
from engine.decide.vocabulary import vocabulary
from engine.errors import Fault, RuleError
from tests.decide.test_shipped_rules import FILES as SHIPPED
from tests.decide.test_shipped_rules import TEMPLATES as SHIPPED_TEMPLATES

ROOT = Path(__file__).parents[2]
BROKEN = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "rules_broken").glob("*.toml")}
WORDS = vocabulary()
TEMPLATES = ("email/hello", "note/hello")
KNOWN = shape.Known(vocabulary=WORDS, templates=TEMPLATES)
SCHEMA = rule_schema(WORDS, TEMPLATES)
VALID = Validator(SCHEMA)

UNSEEN = {
    "id_is_not_the_file": "a schema sees what is in the file, and not what it is called",
    "step_twice": "elements of a list differ as wholes or not at all: a schema cannot compare one key of them",
    "awaited_event_stops": "a schema compares no two values",
    "awaited_event_keeps_back": "a schema compares no two values",
    "window_across_midnight": "a schema compares no two values",
    "not_toml": "what is not TOML never comes to a schema; the editor's TOML says so",
    "not_toml_cut_short": "what is not TOML never comes to a schema; the editor's TOML says so",
}
"""Broken files that a schema lets pass, with the reason."""
TABLES = {
    "": SCHEMA,
    "on": SCHEMA["properties"]["on"],
    "journey": SCHEMA["properties"]["journey"],
    "step": SCHEMA["properties"]["step"]["items"],
    "window": SCHEMA["properties"]["step"]["items"]["properties"]["window"],
}
SMALL: dict[str, Any] = {
    "id": "small",
    "title": "Say hello",
    "purpose": "relationship",
    "on": {"event": "quote.sent"},
    "step": [{"id": "mail", "channel": "email", "template": "email/hello"}],
}


def _code(text: str) -> str:
    """The code that the first line of a broken file promises."""
    return text.partition("\n")[0].split(": ", 1)[1].split()[0]


def _is_condition(text: str) -> bool:
    return _code(text).startswith("R03")


def _key(table: str, key: str) -> Any:
    """A validator of one key's values."""
    return Validator(TABLES[table]["properties"][key])


def test_it_is_a_schema_of_that_draft_and_json() -> None:
    Validator.check_schema(SCHEMA)

    assert SCHEMA["$schema"] == DRAFT == Validator.META_SCHEMA["$id"]
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert "$ref" not in json.dumps(SCHEMA)  # not every editor follows one


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_rule_passes(name: str) -> None:
    data = tomllib.loads(SHIPPED[name])

    assert list(Validator(rule_schema(WORDS, SHIPPED_TEMPLATES)).iter_errors(data)) == []
    assert list(Validator(rule_schema(WORDS)).iter_errors(data)) == []


def test_the_rules_in_the_documentation_pass() -> None:
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in text.split("```toml\n")[1:]]
    rules = [tomllib.loads(block) for block in blocks if "\nid = " in f"\n{block}"]

    assert len(rules) >= 2
    for rule in rules:
        assert list(Validator(rule_schema(WORDS)).iter_errors(rule)) == []


@pytest.mark.parametrize("name", sorted(name for name, text in BROKEN.items() if not _is_condition(text)))
def test_a_broken_file_is_refused_or_a_schema_cannot_see_why(name: str) -> None:
    try:
        data = tomllib.loads(BROKEN[name])
    except tomllib.TOMLDecodeError:
        assert _code(BROKEN[name]) == "R001"
        assert name in UNSEEN
    else:
        assert VALID.is_valid(data) is (name in UNSEEN)


@pytest.mark.parametrize("name", sorted(name for name, text in BROKEN.items() if _is_condition(text)))
def test_of_conditions_only_an_empty_one_is_seen(name: str) -> None:
    assert VALID.is_valid(tomllib.loads(BROKEN[name])) is (name != "empty_condition")


def test_no_excuse_outlives_its_file() -> None:
    assert BROKEN.keys() >= UNSEEN.keys()


@pytest.mark.parametrize("table", TABLES)
def test_it_has_the_keys_of_the_shapes_each_with_a_word_about_it(table: str) -> None:
    model = shape.PARTS[table]
    keys = {info.alias or name for name, info in model.model_fields.items()}
    needed = {info.alias or name for name, info in model.model_fields.items() if info.is_required()}
    below = {"on", "journey", "step"} if table == "" else set()
    found = TABLES[table]

    assert found["properties"].keys() == keys | below
    assert set(found.get("required", [])) == needed | (below - {"journey"})
    assert found["additionalProperties"] is False
    assert found["description"].endswith(".")
    for key in keys:
        assert found["properties"][key]["description"].endswith("."), f"say in engine/decide/schema.py what {key} is"


def test_every_text_is_bounded_by_words_or_a_pattern() -> None:
    for table, found in TABLES.items():
        for key, one in found["properties"].items():
            if one.get("type") == "string":
                assert one.keys() & {"enum", "pattern", "allOf"}, f"{table}.{key}"


def test_defaults_are_those_of_the_shapes() -> None:
    found = {f"{table}.{key}": one["default"] for table in TABLES for key, one in TABLES[table]["properties"].items()
             if "default" in one}  # fmt: skip

    assert found == {
        "step.after": "P0D",
        "step.valid_for": "P7D",
        "step.approve": False,
        "step.if_unknown": "ask",
        "window.days": "mon-sun",
        "window.from": "00:00",
    }


@pytest.mark.parametrize(
    ("table", "key", "model", "rest"),
    [
        ("", "purpose", shape.Head, {"id": "small", "title": "Say hello"}),
        ("on", "sweep", shape.On, {}),
        ("step", "channel", shape.Step, {"id": "mail"}),
        ("step", "template", shape.Step, {"id": "mail", "channel": "email"}),
        ("on", "repeat", shape.On, {}),
        ("on", "leap_day", shape.On, {}),
    ],
)
def test_short_lists_of_words_are_those_of_the_shape(
    table: str, key: str, model: type[BaseModel], rest: dict[str, str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(rest | {key: "zzzzzz"}, context=KNOWN)
    hint = caught.value.errors()[0]["ctx"]["hint"]

    assert sorted(hint.removeprefix("there is ").split(", ")) == TABLES[table]["properties"][key]["enum"]


def test_event_kinds_come_with_their_meanings() -> None:
    event, stop = TABLES["on"]["properties"]["event"], TABLES["journey"]["properties"]["stop_on"]["items"]
    meanings = dict(zip(event["enum"], event["x-taplo"]["docs"]["enumValues"], strict=True))

    assert meanings == {kind.name: kind.meaning for kind in WORDS.kinds.values()}
    assert event["enum"] == sorted(WORDS.kinds)
    assert stop["enum"] == sorted([*WORDS.kinds, "purchase"])
    assert TABLES["step"]["properties"]["unless"]["enum"] == stop["enum"]
    assert TABLES["step"]["properties"]["await"]["enum"] == stop["enum"]


def test_the_words_of_a_workspace_are_in_its_schema() -> None:
    own = vocabulary(attributes={"until": "timestamp", "boiler": "string"}, events={"boiler.inspected": {"bar": "int"}})
    made = Validator(rule_schema(own, ["email/boiler"]))
    step = {"id": "mail", "channel": "email", "template": "email/boiler"}
    rule = SMALL | {"on": {"event": "boiler.inspected"}, "step": [step]}

    assert made.is_valid(rule)
    assert made.is_valid(rule | {"journey": {"stop_on": ["boiler.inspected", "complaint.opened"]}})
    assert made.is_valid(rule | {"on": {"date": "customer.attributes.until"}})
    assert not made.is_valid(rule | {"on": {"date": "customer.attributes.boiler"}})
    assert not made.is_valid(rule | {"step": [step | {"template": "email/hello"}]})
    assert not VALID.is_valid(rule)


def test_without_templates_any_name_will_do_that_the_channel_can_use() -> None:
    made = Validator(rule_schema(WORDS))
    step = SMALL["step"][0]

    assert made.is_valid(SMALL | {"step": [step | {"template": "email/of my own"}]})
    assert not made.is_valid(SMALL | {"step": [step | {"template": "note/hello"}]})


@given(st.sampled_from(list(TABLES)), st.text(min_size=1), st.sampled_from(["email/hello", True, 3, []]))
def test_a_key_that_there_is_not_is_refused_in_every_table(table: str, key: str, value: object) -> None:
    window: dict[str, Any] = {"from": "10:00"}
    step: dict[str, Any] = {**SMALL["step"][0], "window": window}
    journey: dict[str, Any] = {"stop_on": []}
    rule = {**SMALL, "on": {**SMALL["on"]}, "journey": journey, "step": [step]}
    assert VALID.is_valid(rule)
    place = {"": rule, "on": rule["on"], "journey": journey, "step": step, "window": window}[table]
    if key in TABLES[table]["properties"]:
        key = f"{key}s"  # no key is the plural of another

    place[key] = value

    assert not VALID.is_valid(rule)


KEYS: list[tuple[str, str, type[BaseModel], dict[str, str], st.SearchStrategy[Any]]] = [
    ("", "id", shape.Head, {"title": "x", "purpose": "marketing"}, st.text("ab_09A- é", max_size=4)),
    ("", "title", shape.Head, {"id": "a", "purpose": "marketing"}, st.text(" \t\na\u2003", max_size=3)),
    ("", "holdout", shape.Head, {"id": "a", "title": "x", "purpose": "marketing"},
     st.floats(-0.5, 1.5) | st.integers(-1, 2) | st.booleans() | st.text(max_size=1)),
    ("journey", "again_after", shape.Journey, {}, st.text("P01T0YMWDHS", max_size=6)),
    ("step", "after", shape.Step, {"id": "a", "channel": "task"}, st.text("P12T0YMWDHS", max_size=6)),
    ("step", "points", shape.Step, {"id": "a", "channel": "reward"}, st.integers() | st.booleans() | st.just("5")),
    ("step", "amount", shape.Step, {"id": "a", "channel": "reward"}, st.text("01.,-٣", max_size=5)),
    ("window", "days", shape.Window, {},
     st.lists(st.sampled_from([*DAYS, "-", ",", " ", "lun"]), max_size=5).map("".join)),
    ("window", "from", shape.Window, {}, st.text("0123459:", max_size=5) | st.times().map(lambda at: f"{at:%H:%M}")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "key", "model", "rest", "values"), KEYS, ids=[".".join(key[:2]).removeprefix(".") for key in KEYS]
)
@given(data=st.data())
def test_a_key_takes_the_values_that_its_shape_takes(
    table: str,
    key: str,
    model: type[BaseModel],
    rest: dict[str, str],
    values: st.SearchStrategy[Any],
    data: st.DataObject,
) -> None:
    value = data.draw(values)
    try:
        model.model_validate(rest | {key: value}, context=KNOWN)
    except ValidationError:
        assert not _key(table, key).is_valid(value)
    else:
        assert _key(table, key).is_valid(value)


@given(
    st.tuples(*(st.sampled_from(["", f"1{unit}", f"0{unit}", f"12{unit}"]) for unit in "YMWD")).map("".join),
    st.tuples(*(st.sampled_from(["", f"3{unit}", f"0{unit}"]) for unit in "HMS")).map("".join),
    st.sampled_from(["", "T"]),
)
def test_durations_in_every_order_of_units(days: str, times: str, sign: str) -> None:
    text = f"P{days}{sign}{times}"
    for table, key, model in (("step", "after", shape.Step), ("step", "valid_for", shape.Step)):
        try:
            model.model_validate({"id": "a", "channel": "task", key: text}, context=KNOWN)
        except ValidationError:
            assert not _key(table, key).is_valid(text)
        else:
            assert _key(table, key).is_valid(text)


def test_these_values_only_the_check_refuses() -> None:
    """A schema has no arithmetic, and for JSON 5.0 is a whole number."""
    for table, key, value in (("step", "after", "P101Y"), ("step", "points", 5.0), ("", "holdout", float("nan"))):
        assert _key(table, key).is_valid(value)


def _some(**values: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={key: st.sampled_from(found) for key, found in values.items()})


CONDITIONS = ["customer.has_email", "now.month == 12"]
WINDOW = _some(**{"days": ["mon-sat", "sat-mon, wed"], "from": ["10:00", "00:00"], "to": ["16:00", "23:59"]})
STEP_END = _some(after=["P1D", "PT4H", "P0D"], valid_for=["P5D", "P1Y6M"], when=CONDITIONS, approve=[True, False])
STEP_HEADS: list[dict[str, Any]] = [
    {"channel": "email", "template": "email/hello"},
    {"channel": "note", "template": "note/hello"},
    {"channel": "task", "template": "email/hello"},
    {"channel": "reward", "points": 50},
    {"channel": "reward", "amount": "15.00"},
    {"channel": "referral"},
]
STEP = st.builds(
    lambda head, end, window: head | end | window,
    st.sampled_from(STEP_HEADS),
    STEP_END,
    st.fixed_dictionaries({}, optional={"window": WINDOW}),
)
START = st.sampled_from(
    [
        {"event": "quote.sent"},
        {"date": "customer.birthday"},
        {"date": "customer.birthday", "leap_day": "mar1", "repeat": "yearly"},
        {"date": "contract.signed.ends_on"},
        {"date": "service_call.completed", "after": "P11M", "repeat": "once"},
        {"sweep": "daily"},
        {"score": "clv > 9.0"},
    ]
)
GOOD = st.fixed_dictionaries(
    {
        "id": st.just("small"),
        "title": st.sampled_from(["Say hello", {"en": "Say hello", "it_CH": "Salutare"}]),
        "purpose": st.sampled_from(["marketing", "relationship", "transactional"]),
        "on": st.builds(lambda start, when: start | when, START, _some(when=CONDITIONS)),
        "step": st.lists(STEP, min_size=1, max_size=3).map(
            lambda steps: [{"id": "abc"[number]} | step for number, step in enumerate(steps)]
        ),
    },
    optional={
        "holdout": st.sampled_from([0, 0.1, 0.999]),
        "worth": st.sampled_from([0, 2.5, 10**9]),
        "journey": _some(stop_on=[[], ["quote.accepted", "purchase"]], again_after=["P90D"]),
    },
)
GONE = object()
"""In a slip: the key is left out."""
SLIPS: dict[tuple[str | int, ...], list[Any]] = {
    ("id",): ["Small", "other", GONE],
    ("title",): [" ", 3, GONE, {}, {"en": " "}, {"english": "Say hello"}, {"en": 3}, ["Say hello"]],
    ("purpose",): ["love", GONE],
    ("holdout",): [1, -0.1, "10 %", True],
    ("worth",): [-0.1, 2 * 10**9, "25 EUR", True],
    ("on",): [GONE, {}, [], "quote.sent"],
    ("on", "event"): ["quote.snet", "quote.sent", 3],
    ("on", "date"): ["customer.city", "customer.birthday"],
    ("on", "score"): ["p_alive <", "", True],
    ("on", "sweep"): ["hourly", "daily"],
    ("on", "repeat"): ["monthly", "once", "yearly", 3],
    ("on", "after"): ["P0D", "PT4H", "P1M", 3],
    ("on", "leap_day"): ["mar2", "mar1", "feb28", True],
    ("on", "when"): ["customer.age > 50.0", "score.teir == 'gold'", " ", 3],
    ("journey",): [3, [], GONE],
    ("journey", "stop_on"): [["quote.acepted"], [3], "quote.accepted"],
    ("journey", "again_after"): ["P0D", "90D"],
    ("step",): [GONE, [], {}, 3, [3]],
    ("step", 0, "id"): ["b", "B", GONE],
    ("step", 0, "channel"): [*shape.CHANNELS, "fax", GONE],
    ("step", 0, "template"): ["email/hello", "note/hello", "email/helo", 3, GONE],
    ("step", 0, "after"): ["1D", "P", "P1DT", date(2026, 3, 2)],
    ("step", 0, "before"): ["P30D", "P0D", 30],
    ("step", 0, "valid_for"): ["P0D", "PT0S"],
    ("step", 0, "when"): ["event.amuont > 1.0", ""],
    ("step", 0, "approve"): ["yes", 1],
    ("step", 0, "points"): [50, 0, "50"],
    ("step", 0, "amount"): ["15.00", "0.00", "15,00", 15],
    ("step", 0, "window"): [3, "10:00", GONE],
    ("step", 0, "window", "days"): ["lun", "mon-", ""],
    ("step", 0, "window", "from"): ["9:00", "23:59"],
    ("step", 0, "window", "to"): ["00:00", "24:00"],
    **{(*path, "x"): ["y"] for path in ((), ("on",), ("journey",), ("step", 0), ("step", 0, "window"))},
}


def _spoil(rule: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Write something at a place; where there is no such place, nothing."""
    for part in path[:-1]:
        rule = rule[part] if (part in rule if isinstance(rule, dict) else rule and isinstance(rule, list)) else None
    if isinstance(rule, dict) and value is GONE:
        rule.pop(path[-1], None)
    elif isinstance(rule, dict):
        rule[path[-1]] = value


def _faults(rule: dict[str, Any]) -> tuple[Fault, ...]:
    try:
        load({"rules/small.toml": tomlkit.dumps(rule)}, vocabulary=WORDS, templates=TEMPLATES)
    except RuleError as error:
        return error.faults
    return ()


def _seen(fault: Fault) -> bool:
    """Whether a schema can see it."""
    if fault.code.startswith("R03"):
        return "the condition is empty" in fault.text
    return fault.code not in ("R005", "R020") and "is never open" not in fault.text


@given(GOOD)
def test_it_lets_pass_what_the_check_lets_pass(rule: dict[str, Any]) -> None:
    assert _faults(rule) == ()
    assert list(VALID.iter_errors(rule)) == []


@settings(max_examples=100)
@given(
    GOOD, st.lists(st.sampled_from([(path, value) for path in SLIPS for value in SLIPS[path]]), min_size=1, max_size=2)
)
def test_it_refuses_a_file_exactly_when_the_check_finds_a_fault_that_it_can_see(
    good: dict[str, Any], slips: list[tuple[tuple[str | int, ...], Any]]
) -> None:
    rule = deepcopy(good)
    for path, value in slips:
        _spoil(rule, path, value)

    assert VALID.is_valid(rule) is not any(_seen(fault) for fault in _faults(rule))
