"""Lines by the measure of their ink: where they break, what stays together, how they give way to each other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import HandwritingError
from engine.handwriting.jitter import Wobble, generator
from engine.handwriting.layout import (
    LEADING,
    Line,
    Piece,
    extent,
    ink_box,
    refuse_missing,
    set_line,
    stack,
    wrap,
    write_pieces,
)
from engine.handwriting.signs import spell
from tests.handwriting.samples import THANKS, few, lines

EM = 10.0


def pieces(text: str, seed: str = "") -> tuple[Piece, ...]:
    return write_pieces(text, generator(seed), Wobble())


def line(text: str, seed: str = "") -> Line:
    return set_line(pieces(text, seed), EM, generator(seed, "line"))


@pytest.mark.parametrize(
    ("text", "together"),
    [
        ("un buono da 15 € per te", ["un", "buono", "da", "15 €", "per", "te"]),
        ("solo € 15", ["solo", "€ 15"]),
        ("il 22 % in meno", ["il", "22 %", "in", "meno"]),
        ("1 000 000 € in tutto", ["1 000 000 €", "in", "tutto"]),
        ("sì\u00a0o\u00a0no", ["sì o no"]),
        ("« oui » !", ["« oui » !"]),
        ("nel 2026 il tuo", ["nel", "2026", "il", "tuo"]),
        ("  a   b ", ["a", "b"]),
        ("20 °C", ["20 °C"]),
        ("", []),
    ],
)
def test_what_belongs_together_is_one_piece(text: str, together: list[str]) -> None:
    assert [piece.text for piece in pieces(text)] == together


@few
@given(lines)
def test_no_word_is_lost(text: str) -> None:
    said = " ".join(piece.text for piece in pieces(text))
    assert said.replace(" ", "") == spell(text).replace(" ", "").replace("\u00a0", "")


@few
@given(lines, st.floats(2000, 14000))
def test_wrapped_lines_hold_all_words_in_order_and_fit(text: str, width: float) -> None:
    paragraph = pieces(text)
    wrapped = wrap(paragraph, width)
    if wrapped is None:
        assert max(extent([piece]) for piece in paragraph) > width
        return
    assert [piece for row in wrapped for piece in row] == list(paragraph)
    assert all(extent(row) <= width for row in wrapped)


@few
@given(lines, st.floats(5000, 14000))
def test_lines_are_as_full_as_they_can_be(text: str, width: float) -> None:
    wrapped = wrap(pieces(text), width)
    for row, following in zip(wrapped or [], (wrapped or [])[1:], strict=False):
        last_pair = following is (wrapped or [])[-1] and len(following) == 2
        assert last_pair or extent([*row, following[0]]) > width


@few
@given(st.integers(0, 10000), st.integers(3000, 12000))
def test_no_line_begins_with_the_sign_of_a_currency(amount: int, width: int) -> None:
    wrapped = wrap(pieces(f"Ti aspetta un buono da {amount} € per il prossimo acquisto"), float(width))
    assert wrapped is None or not any(row[0].text.startswith("€") for row in wrapped)


def test_a_short_word_is_not_left_alone_on_the_last_line() -> None:
    paragraph = pieces("per il tuo prossimo acquisto da noi")
    width = extent(paragraph) - 1
    wrapped = wrap(paragraph, width)
    assert wrapped is not None
    assert [len(row) for row in wrapped] == [5, 2]


def test_a_word_that_is_wider_than_the_line_is_not_broken() -> None:
    assert wrap(pieces("una parola lunghissima"), 1500.0) is None
    assert wrap((), 100.0) == []


def test_there_is_more_room_after_a_sentence() -> None:
    first, second = (write_pieces(text, generator(""), Wobble().calmer(0)) for text in ("Ciao. Io", "Ciao Io"))
    assert first[1].gap > second[1].gap + 50


@pytest.mark.parametrize("text", ["A presto", "15 pezzi", "dì papà", "Qui c'è", "la pipa", "To fly"])
def test_words_stand_apart(text: str) -> None:
    row = write_pieces(text, generator(""), Wobble().calmer(0))
    first, _ = row
    drawn = set_line(row, EM, generator(""), 0.0)
    before, after = drawn.ink[: len(first.word.ink)], drawn.ink[len(first.word.ink) :]
    apart = np.hypot(before[:, None, 0] - after[None, :, 0], before[:, None, 1] - after[None, :, 1]).min()
    assert 1.0 < apart < 4.0  # mm, in a hand of 10 mm to the em


@given(lines)
@few
def test_a_set_line_has_all_the_ink_at_its_size(text: str) -> None:
    row = pieces(text)
    drawn = set_line(row, EM, generator("x"))
    assert sum(drawn.sizes) == len(drawn.ink) == sum(len(piece.word.ink) for piece in row)
    assert [len(stroke) for stroke in drawn.strokes] == list(drawn.sizes)
    assert ink_box(drawn.ink).right == pytest.approx(extent(row) * EM / 1000, abs=0.01)


def test_a_line_stands_on_its_baseline_and_rises_a_little() -> None:
    rises = []
    for seed in "abcdefghijkl":
        drawn = line("nnnnnnnn nnnnnnnn nnnnnnnn", seed)
        x, y = drawn.ink.T
        rises.append(np.polyfit(x, y, 1)[0])
        assert ink_box(drawn.ink).bottom < 1.5
        assert ink_box(drawn.ink).top > -6
    assert -0.02 < np.mean(rises) < 0  # y is downwards


def test_a_calm_line_is_straight() -> None:
    row = write_pieces("nnn nnn nnn", generator(""), Wobble().calmer(0))
    ink = set_line(row, EM, generator(""), 0.0).ink
    assert ink[:, 1].max() == pytest.approx(0.0, abs=0.15)


def test_moving_a_line_moves_all_of_it() -> None:
    drawn = line("Ciao")
    moved = drawn.moved(3.0, -2.0)
    assert moved.ink == pytest.approx(drawn.ink + np.array((3.0, -2.0)))
    assert (moved.text, moved.sizes) == (drawn.text, drawn.sizes)
    box, old = ink_box(moved.ink), ink_box(drawn.ink)
    assert (box.left - old.left, box.top - old.top) == pytest.approx((3.0, -2.0))
    assert (box.width, box.height) == pytest.approx((old.width, old.height))


def baselines(*texts: str | None) -> list[float]:
    drawn = [None if text is None else line(text) for text in texts]
    placed = stack(drawn, EM)
    return [there.ink[0, 1] - here.ink[0, 1] for here, there in zip(filter(None, drawn), placed, strict=True)]


def test_lines_follow_each_other_at_an_even_distance() -> None:
    assert baselines("nessuno", "nessuno", "nessuno") == pytest.approx([0, EM * LEADING, 2 * EM * LEADING])


def test_a_line_gives_way_to_what_hangs_down_but_not_far() -> None:
    first, second = baselines("gggggg", "llllll")
    assert EM * LEADING < second - first < EM * (LEADING + 0.13)


def test_what_hangs_down_elsewhere_does_not_matter() -> None:
    first, second = baselines("gggg nnnnnnnnnnnnnn", "nnnnnnnnnnnnnn")
    assert second - first == pytest.approx(EM * LEADING)


def test_an_empty_line_is_about_half_a_line() -> None:
    first, second = baselines("nnn", None, "nnn")
    assert 1.4 * EM * LEADING < second - first < 1.7 * EM * LEADING


def test_lines_of_a_real_note_hardly_ever_touch() -> None:
    text = THANKS.replace("\n", " ")
    drawn = [line(text[start : start + 42], str(start)) for start in range(0, len(text) - 42, 42)]
    placed = stack(drawn, EM)
    for above, below in pairwise(placed):
        assert ink_box(below.ink).top > ink_box(above.ink).top
        low, high = above.ink[above.ink[:, 1].argsort()[-800::2]], below.ink[below.ink[:, 1].argsort()[:800:2]]
        near = np.hypot(low[:, None, 0] - high[None, :, 0], low[:, None, 1] - high[None, :, 1]).min()
        assert near > 0.05


def test_unknown_signs_are_refused_with_their_number_and_place() -> None:
    with pytest.raises(HandwritingError, match=r"cannot draw '😀' \(U\+1F600\), 'Ω' \(U\+03A9\) in the signature"):
        refuse_missing("Ciao 😀 Ω 😀", "signature")
    refuse_missing("Ciao, già!", "signature")
