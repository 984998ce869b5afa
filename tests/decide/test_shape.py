"""The values that each key of a rule file takes, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from engine.core.calendar import DAYS, parse_days, parse_duration
from engine.decide.shape import CHANNELS, PARTS, WRITTEN, Head, Journey, Known, On, Step, Window, hint_at
from engine.decide.vocabulary import vocabulary

KNOWN = Known(vocabulary=vocabulary(attributes={"until": "timestamp"}), templates=("email/hello", "note/hello"))
HEAD = {"id": "small", "title": "Say hello", "purpose": "relationship"}
STEP = {"id": "mail", "channel": "email"}


def _fault(model: type[BaseModel], raw: dict[str, Any]) -> tuple[str, str, str]:
    """Code, text and hint of the only fault."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(raw, context=KNOWN)
    (fault,) = caught.value.errors()
    return fault["type"], fault["msg"], fault.get("ctx", {}).get("hint", "")


@pytest.mark.parametrize("word", ["a", "small", "quote_followup_2", "x9"])
def test_ids(word: str) -> None:
    assert Head.model_validate(HEAD | {"id": word}, context=KNOWN).id == word


@pytest.mark.parametrize("word", ["", "Small", "2small", "_small", "small-one", "small one", "già", "small\n"])
def test_ids_of_other_signs_are_refused(word: str) -> None:
    assert _fault(Head, HEAD | {"id": word})[0] == "R006"


@pytest.mark.parametrize("share", [0, 0.0, 0.1, 0.5, 0.999])
def test_holdouts(share: float) -> None:
    assert Head.model_validate(HEAD | {"holdout": share}, context=KNOWN).holdout == share


@pytest.mark.parametrize("share", [1, 1.0, 10, -0.1, float("nan"), float("inf")])
def test_holdouts_that_are_no_share_are_refused(share: float) -> None:
    assert _fault(Head, HEAD | {"holdout": share})[0] == "R016"


@pytest.mark.parametrize("share", [True, "0.1", [0.1]])
def test_holdouts_are_numbers(share: object) -> None:
    assert _fault(Head, HEAD | {"holdout": share})[0] == "float_type"


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("event", "quote.sended", "did you mean 'quote.sent'?"),
        (
            "event",
            "birthday",
            'docs/rules.md lists what there is; your own are declared in premura.toml: [events."birthday"]',
        ),
        ("date", "customer.birthdy", "did you mean 'customer.birthday'?"),
        ("date", "contract.signed.end_on", "did you mean 'contract.signed.ends_on'?"),
        ("date", "xmas", "docs/rules.md lists what there is"),
        ("repeat", "year", "did you mean 'yearly'?"),
        ("repeat", "P1Y", "there is yearly, once"),
        ("leap_day", "1 March", "there is feb28, mar1"),
        ("sweep", "dialy", "did you mean 'daily'?"),
        ("sweep", "P1D", "there is daily"),
    ],
)
def test_what_starts_a_rule_is_one_of_what_there_is(key: str, value: str, hint: str) -> None:
    assert _fault(On, {key: value})[2] == hint


def test_an_attribute_that_is_a_date_starts_a_rule() -> None:
    assert On.model_validate({"date": "customer.attributes.until"}, context=KNOWN).date == "customer.attributes.until"


@pytest.mark.parametrize("name", ["contract.signed.ends_on", "service_call.completed", "customer.next_purchase"])
def test_what_happened_has_dates_too(name: str) -> None:
    assert On.model_validate({"date": name, "repeat": "once", "after": "P11M"}, context=KNOWN).date == name


@pytest.mark.parametrize(
    ("text", "why"),
    [("PT4H", "'PT4H' has hours, and a date has none"), ("P0D", "'P0D' is no time at all")],
)
def test_a_date_moves_by_whole_days(text: str, why: str) -> None:
    assert _fault(On, {"after": text})[:2] == ("R014", why)


@pytest.mark.parametrize("text", ["P1D", "P2W", "P1Y6M", "PT4H", "P1DT12H", "P0D", "PT90M"])
def test_durations(text: str) -> None:
    assert Step.model_validate(STEP | {"after": text}, context=KNOWN).after == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1D", "write P1D"),
        ("p1d", "write P1D"),
        ("4H", "write PT4H"),
        ("P4H", "write PT4H"),
        ("2 days", "P1DT2H is a day and two hours"),
        ("", "P1DT2H is a day and two hours"),
        ("-P1D", "P1DT2H is a day and two hours"),
        ("P1.5D", "P1DT2H is a day and two hours"),
    ],
)
def test_durations_that_are_none_are_refused_with_what_was_meant(text: str, hint: str) -> None:
    code, _, found = _fault(Step, STEP | {"after": text})

    assert (code, found) == ("R014", hint)


@given(st.text(st.sampled_from("PTYMWDHS0123456789"), max_size=8))
def test_a_duration_is_taken_when_the_calendar_can_read_it(text: str) -> None:
    try:
        parse_duration(text)
    except ValueError:
        assert _fault(Step, STEP | {"after": text})[0] == "R014"
    else:
        assert Step.model_validate(STEP | {"after": text}, context=KNOWN).after == text


@pytest.mark.parametrize(("model", "key"), [(Step, "valid_for"), (Step, "before"), (Journey, "again_after")])
@pytest.mark.parametrize("text", ["P0D", "PT0S", "P0Y0M0DT0H"])
def test_some_durations_must_last(model: type[BaseModel], key: str, text: str) -> None:
    raw = STEP if model is Step else {}

    assert _fault(model, {**raw, key: text}) == ("R014", f"'{text}' is no time at all", "P5D is five days")


@given(st.lists(st.sampled_from(DAYS), min_size=1, max_size=3), st.sampled_from([",", "-"]))
def test_days(days: list[str], sign: str) -> None:
    text = sign.join(days[:2]) if sign == "-" else ",".join(days)

    assert parse_days(Window.model_validate({"days": text}, context=KNOWN).days)


@pytest.mark.parametrize("text", ["", "Mon", "monday", "mon - fri", "lun", "mon;tue", "1-5", "mon-tue-wed"])
def test_days_that_are_none_are_refused(text: str) -> None:
    assert _fault(Window, {"days": text})[0] == "R015"


@pytest.mark.parametrize("text", ["00:00", "09:30", "23:59"])
def test_clock_times(text: str) -> None:
    assert Window.model_validate({"from": text}, context=KNOWN).start == text


@pytest.mark.parametrize("text", ["9:30", "24:00", "12:60", "12", "12:00:00", "12.00", "noon", "0٩:30"])
def test_clock_times_that_are_none_are_refused(text: str) -> None:
    assert _fault(Window, {"from": text})[0] == "R015"


@pytest.mark.parametrize(("opens", "closes"), [("10:00", "10:00"), ("16:00", "10:00"), ("00:00", "00:00")])
def test_a_window_opens_before_it_closes(opens: str, closes: str) -> None:
    code, text, _ = _fault(Window, {"from": opens, "to": closes})

    assert (code, text) == ("R015", f"a window from {opens} to {closes} is never open")


def test_a_window_that_only_closes_opens_at_midnight() -> None:
    assert Window.model_validate({"to": "12:00"}, context=KNOWN).start == "00:00"


@pytest.mark.parametrize("text", ["15", "15.0", "15.00", "0.5", "1000000.123"])
def test_amounts(text: str) -> None:
    assert Step.model_validate(STEP | {"amount": text}, context=KNOWN).amount == text


@pytest.mark.parametrize("text", ["", "0", "0.00", "-15", "15,00", "15 EUR", "€15", "1e3", "15.", ".5", "١٥"])
def test_amounts_that_are_none_are_refused(text: str) -> None:
    assert _fault(Step, STEP | {"amount": text})[0] == "R022"


@pytest.mark.parametrize("points", [0, -1])
def test_points_are_above_zero(points: int) -> None:
    assert _fault(Step, STEP | {"points": points})[0] == "R022"


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("points", 1.5, "int_type"),
        ("points", True, "int_type"),
        ("points", "50", "int_type"),
        ("amount", 15.0, "string_type"),
        ("approve", 1, "bool_type"),
        ("approve", "true", "bool_type"),
        ("after", 1, "string_type"),
        ("when", True, "string_type"),
        ("window", "mon-fri", "model_type"),
        ("template", ["email/hello"], "string_type"),
    ],
)
def test_nothing_is_taken_for_something_else(key: str, value: object, kind: str) -> None:
    assert _fault(Step, {**STEP, key: value})[0] == kind


def test_only_templates_that_there_are_can_be_named() -> None:
    assert _fault(Step, STEP | {"template": "email/helo"}) == (
        "R021",
        "unknown template 'email/helo'",
        "did you mean 'email/hello'?",
    )


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_is_taken(channel: str) -> None:
    assert Step.model_validate(STEP | {"channel": channel}, context=KNOWN).channel == channel


def test_channels_that_write_are_channels() -> None:
    assert set(WRITTEN) < set(CHANNELS)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("emial", "did you mean 'email'?"),
        ("fax", ""),
        ("", ""),
        ("NOTE", "did you mean 'note'?"),
        ("notes", "did you mean 'note'?"),
    ],
)
def test_hints_are_given_for_slips_only(word: str, hint: str) -> None:
    assert hint_at(word, CHANNELS) == hint


@pytest.mark.parametrize("name", PARTS)
def test_every_part_describes_itself_to_an_editor(name: str) -> None:
    described = PARTS[name].model_json_schema(by_alias=True)

    assert described["additionalProperties"] is False
    assert described["properties"]
