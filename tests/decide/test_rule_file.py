"""Where faults are put, and what a misplaced or misspelled key is told."""

from __future__ import annotations

import pytest

from engine.decide.rule_file import RuleFile, read_toml
from engine.decide.shape import PARTS, Head, Known, Step
from engine.decide.vocabulary import vocabulary

WORDS = vocabulary()
KNOWN = Known(vocabulary=WORDS, templates=())
TEXT = """id = "small"

[on]
event = "quote.sent"
when = \"\"\"
true &&
  now.day > 1.0\"\"\"

[[step]]
id = "mail"
window = { days = "mon", to = "12:00" }
"""


def _file(text: str = TEXT) -> RuleFile:
    return read_toml("rules/small.toml", text)


@pytest.mark.parametrize(
    ("path", "key", "line", "column"),
    [
        (("id",), False, 1, 6),
        (("id",), True, 1, 1),
        (("on",), False, 3, 1),
        (("on", "event"), False, 4, 9),
        (("on", "nothing"), False, 3, 1),
        (("step", 0), False, 9, 1),
        (("step", 0, "channel"), False, 9, 1),
        (("step", 0, "window", "to"), False, 11, 31),
        (("step", 0, "window", "to"), True, 11, 26),
        (("step", 0, "window", "from"), False, 11, 1),
        (("nothing", "at", "all"), False, 1, 1),
    ],
)
def test_a_fault_is_at_the_value_at_the_key_or_at_the_table(
    path: tuple[str | int, ...], key: bool, line: int, column: int
) -> None:
    file = _file()

    file.fault(path, "R004", "it is wrong", "write it right", key=key)

    (fault,) = file.faults
    assert (fault.file, fault.line, fault.column) == ("rules/small.toml", line, column)


@pytest.mark.parametrize(("within", "line", "column"), [(0, 6, 1), (5, 6, 6), (8, 7, 1), (18, 7, 11)])
def test_a_fault_within_a_string_is_at_its_character(within: int, line: int, column: int) -> None:
    file = _file()

    file.fault(("on", "when"), "R030", "it is wrong", "write it right", within=within)

    assert (file.faults[0].line, file.faults[0].column) == (line, column)


def test_a_condition_that_is_wrong_leaves_its_faults() -> None:
    file = _file()

    assert file.condition(("on", "when"), file.data["on"]["when"], WORDS.plain) is None
    assert [str(fault) for fault in file.faults] == [
        "rules/small.toml:7:11: R033 '>' does not go between an int and a double (hint: write 1)"
    ]


@pytest.mark.parametrize("source", [None, 3, True, ["true"]])
def test_what_is_no_text_is_no_condition_and_no_fault_of_it(source: object) -> None:
    file = _file()

    assert file.condition(("on", "when"), source, WORDS.plain) is None
    assert file.faults == []


def test_what_a_fault_cites_stays_on_one_line() -> None:
    file = _file('id = "a\\nb"')

    assert file.part(Head, {"id": "a\nb", "title": "x", "purpose": "marketing"}, (), KNOWN) is None
    assert [fault.text for fault in file.faults] == ["'a b' cannot be an id"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("tittle", "did you mean 'title'?"),
        ("steps", "did you mean 'step'?"),
        ("On", "did you mean 'on'?"),
        ("jurney", "did you mean 'journey'?"),
        ("when", "it belongs under [on] or in a [[step]]"),
        ("event", "it belongs under [on]"),
        ("stop_on", "it belongs under [journey]"),
        ("again_after", "it belongs under [journey]"),
        ("template", "it belongs in a [[step]]"),
        ("approve", "it belongs in a [[step]]"),
        ("days", "it belongs in window = { … }"),
        ("colour", "there is id, title, purpose, holdout, worth"),
    ],
)
def test_an_unknown_key_at_the_top_is_told_where_it_belongs(key: str, hint: str) -> None:
    file = _file(f'{key} = "x"')

    file.part(Head, {"id": "small", "title": "x", "purpose": "marketing", key: "x"}, (), KNOWN)

    assert [(fault.code, fault.column, fault.hint) for fault in file.faults] == [("R002", 1, hint)]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("templat", "did you mean 'template'?"),
        ("valid", "did you mean 'valid_for'?"),
        ("title", "it belongs to the top"),
        ("purpose", "it belongs to the top"),
        ("stop_on", "it belongs under [journey]"),
        ("sweep", "it belongs under [on]"),
    ],
)
def test_an_unknown_key_in_a_step_is_told_where_it_belongs(key: str, hint: str) -> None:
    file = _file()

    file.part(Step, {"id": "mail", "channel": "email", key: "x"}, ("step", 0), KNOWN)

    assert [(fault.code, fault.hint) for fault in file.faults] == [("R002", hint)]


def test_a_key_of_two_parts_is_told_both() -> None:
    file = _file()

    file.part(PARTS["journey"], {"after": "P1D"}, ("journey",), KNOWN)

    assert [fault.hint for fault in file.faults] == ["it belongs under [on] or in a [[step]]"]


def test_every_key_has_a_part_that_it_belongs_to() -> None:
    keys = [info.alias or name for part in PARTS.values() for name, info in part.model_fields.items()]

    assert sorted({key for key in keys if keys.count(key) > 1}) == ["after", "id", "when"]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("id = ", 1, 6, "Invalid value"),
        ('id = "a"\nid = "b"', 2, 9, "Cannot overwrite a value"),
        ("id = gold", 1, 6, "Invalid value"),
        ('id = "a', 1, 8, "Unterminated string"),
        ("[on\n", 1, 4, "Expected ']' at the end of a table declaration"),
        ("id 3", 1, 4, "Expected '=' after a key in a key/value pair"),
    ],
)
def test_what_is_not_toml_has_its_place(text: str, line: int, column: int, message: str) -> None:
    file = _file(text)

    (fault,) = file.faults
    assert (fault.code, fault.line, fault.column) == ("R001", line, column)
    assert fault.text == f"this is not TOML: {message}"
    assert file.data == {}


def test_the_file_is_read_as_any_editor_saves_it() -> None:
    assert _file("\ufeff" + TEXT.replace("\n", "\r\n")) == _file()


@pytest.mark.parametrize("name", ["small.toml", "rules/small.toml", "/shop/rules/small.toml"])
def test_the_stem_is_the_name_without_folder_and_ending(name: str) -> None:
    assert read_toml(name, TEXT).stem == "small"
