"""Reading single-line SVG fonts, and the two that the hand is made of."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import HandwritingError
from engine.handwriting.fonts import HERSHEY_ACKNOWLEDGEMENT, hershey, parse_path, read_font
from tests.handwriting.samples import few

FONT = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg"><defs><font horiz-adv-x="400">
<font-face units-per-em="1000"/><missing-glyph horiz-adv-x="10"/>
{glyphs}
</font></defs></svg>"""


def font(folder: Path, glyphs: str) -> Path:
    path = folder / "hand.svg"
    path.write_text(FONT.format(glyphs=glyphs), encoding="utf-8")
    return path


def test_lines_become_points() -> None:
    (stroke,) = parse_path("M 1 2 L 3 4 L 5.5 -6")
    assert stroke.tolist() == [[1, 2], [3, 4], [5.5, -6]]


def test_each_move_begins_a_stroke() -> None:
    first, second = parse_path("M 0 0 L 1 1 M 5 5 L 6 6")
    assert first.tolist() == [[0, 0], [1, 1]]
    assert second.tolist() == [[5, 5], [6, 6]]


def test_pairs_after_a_command_go_on_as_lines() -> None:
    (stroke,) = parse_path("M 0 0 1 1 L 2 2 3 3")
    assert stroke.tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]


def test_closing_goes_back_to_the_start() -> None:
    (stroke,) = parse_path("M 0 0 L 10 0 L 10 10 Z")
    assert stroke[-1].tolist() == [0, 0]


def test_signs_may_stand_for_spaces_and_numbers_have_exponents() -> None:
    (stroke,) = parse_path("M10-5L1.42109e-14,3E2")
    assert stroke[0].tolist() == [10, -5]
    assert stroke[1].tolist() == pytest.approx([1.42109e-14, 300])


def test_a_curve_becomes_eight_pieces_that_end_where_it_ends() -> None:
    (stroke,) = parse_path("M 0 0 C 0 100 100 100 100 0")
    assert len(stroke) == 9
    assert stroke[-1].tolist() == [100, 0]
    assert stroke[4].tolist() == pytest.approx([50, 75])  # the middle of a cubic Bézier: (p0 + 3 p1 + 3 p2 + p3) / 8


def test_a_row_of_curves_goes_on_from_each_end() -> None:
    (stroke,) = parse_path("M 0 0 C 0 0 10 0 10 0 10 0 10 10 10 10")
    assert len(stroke) == 17
    assert stroke[8].tolist() == [10, 0]
    assert stroke[16].tolist() == [10, 10]


def test_a_single_point_is_no_stroke() -> None:
    assert parse_path("M 3 3 M 0 0 L 1 1")[0].tolist() == [[0, 0], [1, 1]]
    assert parse_path("M 3 3") == ()
    assert parse_path("") == ()


@pytest.mark.parametrize("command", ["H 5", "V 5", "Q 1 1 2 2", "A 1 1 0 0 0 2 2", "l 5 5", "c 1 1 2 2 3 3", "z"])
def test_other_commands_are_refused_by_name(command: str) -> None:
    with pytest.raises(ValueError, match=f"'{command[0]}'|reshape"):
        parse_path(f"M 0 0 {command}")


@few
@given(st.lists(st.tuples(st.integers(-2000, 2000), st.floats(-2000, 2000).map(lambda y: round(y, 3))), min_size=2))
def test_what_is_written_as_a_path_is_read_back(points: list[tuple[int, float]]) -> None:
    (stroke,) = parse_path("M " + " L ".join(f"{x} {y!r}" for x, y in points))
    assert stroke == pytest.approx(np.array(points, float))


def test_a_font_file_gives_glyphs_with_their_advance(tmp_path: Path) -> None:
    path = font(
        tmp_path,
        '<glyph unicode="a" horiz-adv-x="250.5" d="M 0 0 L 1 1"/><glyph unicode="&#xe8;" d="M 0 0 L 2 2"/>'
        '<glyph unicode=" "/><glyph unicode="ff" d="M 0 0 L 3 3"/><glyph d="M 0 0 L 4 4"/>',
    )
    glyphs = read_font(path)
    assert sorted(glyphs) == [" ", "a", "è"]  # no ligature, nothing without a sign
    assert glyphs["a"].advance == 250.5
    assert glyphs["è"].advance == 400  # the font's own
    assert glyphs[" "].strokes == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<svg", "not a readable SVG font"),
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', "no <font>"),
        (FONT.format(glyphs='<glyph unicode="x" d="M 0 0 q 1 1 2 2"/>'), "glyph 'x'.*'q'"),
        (FONT.format(glyphs='<glyph unicode="x" d="L 1 1"/>'), "glyph 'x'"),
        (FONT.format(glyphs='<glyph unicode="x" d="M 0 0 L 1"/>'), "glyph 'x'"),
    ],
)
def test_a_file_that_is_no_such_font_is_refused_with_its_name(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "broken.svg"
    path.write_text(content)
    with pytest.raises(HandwritingError, match=rf"broken\.svg: .*{reason}"):
        read_font(path)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(HandwritingError, match=r"nowhere\.svg"):
        read_font(tmp_path / "nowhere.svg")


@pytest.mark.parametrize("name", ["HersheyScript1", "HersheySans1"])
def test_the_fonts_of_the_hand_are_there(name: str) -> None:
    glyphs = hershey(name)
    assert len(glyphs) > 200
    for sign in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789":
        assert glyphs[sign].strokes, sign
        assert glyphs[sign].advance > 0
    for glyph in glyphs.values():
        for stroke in glyph.strokes:
            assert stroke.ndim == 2
            assert np.isfinite(stroke).all()
            assert len(stroke) >= 2


def test_a_font_is_read_once() -> None:
    assert hershey("HersheyScript1") is hershey("HersheyScript1")


def test_an_unknown_font_is_refused() -> None:
    with pytest.raises(HandwritingError, match="HersheyCrayon"):
        hershey("HersheyCrayon")


def test_the_acknowledgement_is_the_one_of_the_font_data() -> None:
    spec = find_spec("svgfont")
    assert spec is not None
    assert spec.origin is not None
    licence = (Path(spec.origin).parent / "hershey" / "HersheyScript1.svg").read_text()
    told = set(re.findall(r"[A-Za-z]+", HERSHEY_ACKNOWLEDGEMENT))
    assert told <= set(re.findall(r"[A-Za-z]+", licence))
    for name in ("Hershey", "National Bureau of Standards", "James Hurt", "Cognition"):
        assert name in HERSHEY_ACKNOWLEDGEMENT


def test_the_package_with_the_fonts_is_not_imported() -> None:
    program = (
        "import sys; from engine.handwriting.fonts import hershey; hershey('HersheyScript1');"
        "print(sorted({'svgfont', 'svgpathtools', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
