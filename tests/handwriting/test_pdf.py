"""The PDF: strokes only, true size, the same bytes; a pen that is pressed harder on the way down."""

from __future__ import annotations

import re
import zlib
from itertools import pairwise

import numpy as np
import pypdfium2  # type: ignore[import-untyped]  # it has no type hints
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.handwriting.card import write_card
from engine.handwriting.fonts import Stroke
from engine.handwriting.jitter import generator
from engine.handwriting.paper import A6_CARD, C6_ENVELOPE, Page, Paper
from engine.handwriting.pdf import WIDTHS, _thinned, pressure, write_pdf
from tests.handwriting.samples import SIGNATURE, TEXT, few

LINE = np.column_stack((np.linspace(20, 60, 100), np.full(100, 50.0)))


def page(*strokes: Stroke, paper: Paper = A6_CARD, seed: str = "a") -> Page:
    return Page(paper=paper, strokes=strokes, seed=seed)


def content(pdf: bytes, number: int = 0) -> str:
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return zlib.decompress(streams[number]).decode()


def paths(pdf: bytes) -> list[tuple[int, Stroke]]:
    """Width and points of each path, in hundredths of a millimetre."""
    found = re.findall(r"^(\d+) w ([-\d ]+) m ([-\d l]+) l S$", content(pdf), re.MULTILINE)
    return [
        (int(width), np.array([pair.split() for pair in (start, *rest.split(" l "))], float))
        for width, start, rest in found
    ]


def test_pages_have_the_size_of_the_paper() -> None:
    document = pypdfium2.PdfDocument(write_pdf([page(LINE), page(LINE, paper=C6_ENVELOPE)]))
    sizes = [tuple(side / 72 * 25.4 for side in document[number].get_size()) for number in range(len(document))]
    document.close()
    assert sizes == [pytest.approx((148, 105), abs=0.01), pytest.approx((162, 114), abs=0.01)]


def test_there_is_nothing_but_strokes() -> None:
    pdf = write_pdf([write_card(TEXT, SIGNATURE, "a")])
    for word in (b"/Font", b"/XObject", b"/Image", b"/JavaScript", b"/CreationDate", b"Helvetica"):
        assert word not in pdf
    assert set(re.findall(r"[A-Za-z]+", content(pdf))) == {"cm", "J", "j", "RG", "w", "m", "l", "S"}


def test_every_object_is_where_the_cross_reference_says() -> None:
    pdf = write_pdf([page(LINE), page(LINE)])
    offsets = re.findall(rb"^(\d{10}) 00000 n ", pdf, re.MULTILINE)
    for number, offset in enumerate(offsets, 1):
        assert pdf[int(offset) :].startswith(b"%d 0 obj\n" % number)
    start = int(re.findall(rb"startxref\n(\d+)", pdf)[0])
    assert pdf[start:].startswith(b"xref\n0 %d\n" % (len(offsets) + 1))
    assert pdf.endswith(b"%%EOF\n")
    for declared, body in re.findall(rb"/Length (\d+)>>\nstream\n(.*?)\nendstream", pdf, re.DOTALL):
        assert int(declared) == len(body)


@pytest.mark.parametrize("title", ["", "letizia-card", "Niccolò è già qui", "漢字 (x) \\ <y>"])
def test_the_title_is_kept_in_any_script(title: str) -> None:
    document = pypdfium2.PdfDocument(write_pdf([page(LINE)], title))
    assert document.get_metadata_value("Title") == title
    document.close()


def test_equal_pages_are_equal_bytes() -> None:
    assert write_pdf([page(LINE)], "t") == write_pdf([page(LINE.copy())], "t")
    assert write_pdf([page(LINE, seed="a")]) != write_pdf([page(LINE, seed="c")])  # the pressure is another one


def test_there_are_five_widths_around_four_tenths_of_a_millimetre() -> None:
    assert WIDTHS == (28, 34, 40, 46, 52)
    used = {width for width, _ in paths(write_pdf([write_card(TEXT, SIGNATURE, "a")]))}
    assert used == set(WIDTHS)


def test_the_pen_is_round_and_blue_black() -> None:
    first = content(write_pdf([page(LINE)])).splitlines()[0]
    assert " 1 J 1 j " in first
    red, green, blue = (float(value) for value in re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) RG", first)[0])
    assert max(red, green) < 0.2 < blue < 0.5


def test_a_straight_line_needs_few_points_and_is_whole() -> None:
    found = paths(write_pdf([page(LINE)]))
    assert sum(len(points) for _, points in found) < 40
    assert found[0][1][0].tolist() == [2000, 5000]
    assert found[-1][1][-1].tolist() == [6000, 5000]
    for (_, before), (_, after) in pairwise(found):
        assert before[-1].tolist() == after[0].tolist()


def test_separate_strokes_are_not_connected() -> None:
    far = LINE + np.array((0.0, 40.0))
    for _, points in paths(write_pdf([page(LINE, far)])):
        assert np.ptp(points[:, 1]) == 0


@few
@given(st.lists(st.integers(2, 60), min_size=1, max_size=12), st.integers(0, 2**32))
def test_all_ink_is_in_the_file(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    strokes = [np.cumsum(rng.normal(0, 0.3, (size, 2)), axis=0) + rng.uniform(20, 80, 2) for size in sizes]
    found = paths(write_pdf([page(*strokes, seed=str(seed))]))
    drawn = sum(np.hypot(*np.diff(points, axis=0).T).sum() for _, points in found) / 100
    meant = sum(np.hypot(*np.diff(stroke, axis=0).T).sum() for stroke in strokes)
    assert drawn == pytest.approx(meant, rel=0.03, abs=0.03)
    starts = {tuple(points[0]) for _, points in found}
    for stroke in strokes:
        assert tuple(np.rint(stroke[0] * 100)) in starts


def test_thinning_stays_within_a_hundredth_of_a_millimetre() -> None:
    turn = np.linspace(0, 2 * np.pi, 400)
    circle = np.column_stack((np.cos(turn), np.sin(turn))) * 3
    last = np.zeros(400, bool)
    last[-1] = True
    kept = _thinned(circle, np.zeros(400, int), last)
    assert kept[0] == 0
    assert kept[-1] == 399
    assert len(kept) < 200
    middles = (circle[kept[1:]] + circle[kept[:-1]]) / 2
    assert np.hypot(*middles.T).min() > 3 - 0.03


def lone(stroke: Stroke, seed: str = "a") -> np.ndarray[tuple[int], np.dtype[np.int_]]:
    return np.asarray(pressure(stroke, np.array([len(stroke)]), generator(seed)))


def test_down_is_heavier_than_up() -> None:
    down = np.column_stack((np.full(200, 10.0), np.linspace(10, 40, 200)))
    heavy, light = (np.mean([lone(stroke, seed).mean() for seed in "abcdefgh"]) for stroke in (down, down[::-1]))
    assert heavy > light + 1


def test_a_stroke_begins_and_ends_lightly() -> None:
    levels = np.mean([lone(LINE, seed) for seed in "abcdefghijklmnop"], axis=0)
    assert levels[0] < levels[20:80].mean() - 0.3
    assert levels[-1] < levels[20:80].mean() - 0.3


def test_dots_are_pressed_evenly_so_that_they_are_seen() -> None:
    dot = np.array(((10.0, 10.0), (10.05, 10.15)))
    assert lone(dot).tolist() == [3, 3]


def test_pressure_changes_slowly() -> None:
    rng = np.random.default_rng(1)
    scribble = np.cumsum(rng.normal(0, 0.1, (2000, 2)), axis=0)
    levels = lone(scribble)
    assert np.abs(np.diff(levels)).max() <= 1
    assert set(levels.tolist()) <= set(range(len(WIDTHS)))


def test_there_is_one_level_for_each_point() -> None:
    ink, sizes = np.concatenate((LINE, LINE[:7])), np.array([100, 7])
    assert pressure(ink, sizes, generator("")).shape == (107,)
