"""The place of everything in a TOML text: what stands there must read as the value that tomllib finds."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from engine.core.toml_places import Path, excerpt, inside, places, position

KEYS = st.text(st.sampled_from("abcXYZ-_09 .à\"'#=[]"), min_size=1, max_size=6)
SCALARS = (
    st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
    | st.datetimes()
    | st.dates()
)
LISTS = st.lists(SCALARS, max_size=3) | st.lists(st.lists(SCALARS, max_size=2), max_size=2)
TABLES = st.recursive(
    st.dictionaries(KEYS, SCALARS | LISTS, max_size=4),
    lambda inner: st.dictionaries(KEYS, SCALARS | inner | st.lists(inner, min_size=1, max_size=2), max_size=3),
    max_leaves=8,
)


def walk(value: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """Every value with its path."""
    found: list[tuple[Path, Any]] = [(path, value)] if path else []
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += walk(inner, (*path, key))
    return found


@given(TABLES)
def test_every_value_is_found_where_it_stands(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data).replace("\r\n", "\n")
    found = places(text)
    for path, value in walk(tomllib.loads(text)):
        if path not in found:  # tables that only exist because of a longer header
            assert isinstance(value, dict | list)
            continue
        if found[path] == found.get((*path, 0)):  # a list of tables is where its first one is
            continue
        written = text[found[path].start : found[path].end]
        if not written.startswith("[") or isinstance(value, list):
            assert tomllib.loads(f"value = {written}")["value"] == value


TEXT = '''# a comment with [brackets] and = signs
id = "one"   # trailing
"a key".'b' = 1

[on]
event = 'x' # comment
when = """
score.tier == 'gold' && \\
    event.amount > 8
"""
[ journey ]
stop_on = [
    "a.b",  # first ]
    "c.d",
]
[[step]]
id = "mail"
window = { days = "mon-sat", from = "10:00" }
after.nested = "P1D"
[[ step ]]
id = "note"
[step.window]
days = "mon"
'''


@pytest.mark.parametrize(
    ("path", "line", "column", "written"),
    [
        (("id",), 2, 6, '"one"'),
        (("a key",), 3, 15, "1"),
        (("a key", "b"), 3, 15, "1"),
        (("on",), 5, 1, "[on]"),
        (("on", "event"), 6, 9, "'x'"),
        (("journey",), 11, 1, "[ journey ]"),
        (("journey", "stop_on", 1), 14, 5, '"c.d"'),
        (("step", 0), 16, 1, "[[step]]"),
        (("step", 0, "window", "from"), 18, 37, '"10:00"'),
        (("step", 0, "after", "nested"), 19, 16, '"P1D"'),
        (("step", 1), 20, 1, "[[ step ]]"),
        (("step", 1, "id"), 21, 6, '"note"'),
        (("step", 1, "window", "days"), 23, 8, '"mon"'),
    ],
)
def test_line_and_column(path: Path, line: int, column: int, written: str) -> None:
    place = places(TEXT)[path]

    assert position(TEXT, place.start) == (line, column)
    assert TEXT[place.start : place.end] == written


def test_the_place_of_a_key_is_its_own() -> None:
    assert position(TEXT, places(TEXT)["step", 0, "window", "from"].key) == (18, 30)


def test_inside_a_multi_line_string_the_lines_are_those_of_the_file() -> None:
    place = places(TEXT)["on", "when"]
    value = tomllib.loads(TEXT)["on"]["when"]

    offset = place.start + inside(TEXT[place.start : place.end], value.index("event.amount"))

    assert position(TEXT, offset) == (9, 5)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1, max_size=20), st.data())
def test_inside_counts_as_the_reader_does(value: str, data: st.DataObject) -> None:
    """Cutting the written string where `inside` points cuts the value at that character."""
    multiline = data.draw(st.booleans())
    raw = tomlkit.string(value, multiline=multiline).as_string()
    offset = data.draw(st.integers(0, len(value)))
    quotes = '"""' if multiline else '"'

    cut = raw[: inside(raw, offset)] + quotes

    assert tomllib.loads(f"value = {cut}")["value"] == value[:offset]


@pytest.mark.parametrize("raw", ["'it'", "'''it's'''", "'''\nit's'''", r"'\t'"])
def test_inside_a_literal_string_nothing_is_an_escape(raw: str) -> None:
    assert raw[inside(raw, 1)] == "t"


def test_the_excerpt_points_at_the_column() -> None:
    assert excerpt("a = 1\n\tb = oops", 2, 6) == "     b = oops\n         ^"


def test_of_a_long_line_the_excerpt_shows_what_is_around_the_column() -> None:
    line, caret = excerpt("x" * 500 + "!" + "y" * 500, 1, 501).splitlines()

    assert line[caret.index("^")] == "!"
    assert len(line) < 120
