"""What is written in other signs than it was typed, and the signs that the hand draws itself."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.handwriting.signs import ACCENTS, BARS, DRAWN, HOOKS, SHARP_S, Points, spell
from tests.handwriting.samples import ALPHABET, few


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("e\u0300", "è"),
        ("perche\u0301", "perché"),
        ("…", "..."),
        ("cœur", "coeur"),
        ("Œuvre", "Oeuvre"),
        ("ﬁne", "fine"),
        ("Ægir", "Aegir"),
        ("l′estate", "l'estate"),
        ("a\tb", "a b"),
        ("15\u202f€", "15\u00a0€"),
        ("1\u2009000", "1\u00a0000"),
        ("e‑mail", "e-mail"),
        ("−5", "–5"),
        ("Don\u00adna", "Donna"),
        ("\ufeffCiao\u200b", "Ciao"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("l’amico “vero”", "l’amico “vero”"),
    ],
)
def test_odd_signs_become_those_of_a_pen(typed: str, written: str) -> None:
    assert spell(typed) == written


@few
@given(st.text())
def test_spelling_twice_changes_nothing(text: str) -> None:
    assert spell(spell(text)) == spell(text)


@few
@given(st.text())
def test_only_signs_without_ink_are_left_out(text: str) -> None:
    visible = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    kept = [sign for sign in visible if sign not in "\u00ad\u200b\ufeff"]
    assert len(spell(text)) >= len(kept)


@few
@given(st.text(ALPHABET))
def test_decomposed_text_is_the_same_text(text: str) -> None:
    assert spell(unicodedata.normalize("NFD", text)) == spell(text)


def shape(points: Points) -> tuple[float, float, float, float]:
    (left, low), (right, high) = np.array(points).min(axis=0), np.array(points).max(axis=0)
    return left, low, right, high


@pytest.mark.parametrize("mark", sorted(ACCENTS), ids=unicodedata.name)
def test_accents_are_small_and_around_their_middle(mark: str) -> None:
    assert unicodedata.combining(mark)
    for stroke in ACCENTS[mark]:
        left, low, right, high = shape(stroke)
        assert -100 <= left < right <= 100
        assert -60 <= low < high <= 80


@pytest.mark.parametrize("mark", sorted(HOOKS), ids=unicodedata.name)
def test_hooks_hang_below_the_letter(mark: str) -> None:
    assert unicodedata.combining(mark)
    assert min(shape(stroke)[1] for stroke in HOOKS[mark]) < -60
    assert max(shape(stroke)[3] for stroke in HOOKS[mark]) < 20


def test_grave_falls_and_acute_rises() -> None:
    (grave,), (acute,) = ACCENTS["\u0300"], ACCENTS["\u0301"]
    for accent, falls in ((grave, True), (acute, False)):
        points = sorted(accent)
        assert (points[0][1] > points[-1][1]) is falls


@pytest.mark.parametrize("sign", sorted(DRAWN))
def test_drawn_signs_stand_in_their_own_space(sign: str) -> None:
    advance, strokes = DRAWN[sign]
    assert advance > 0
    for stroke in strokes:
        left, low, right, high = shape(stroke)
        assert len(stroke) >= 2
        assert left >= -10
        assert right <= advance * 1.25  # it may lean over the next sign
        assert -130 <= low < high <= 610


@pytest.mark.parametrize("sign", [".", ":", ";", "!", "?"])
def test_dots_are_dots_and_no_blots(sign: str) -> None:
    smallest = min(np.hypot(*np.ptp(np.array(stroke), axis=0)) for stroke in DRAWN[sign][1])
    assert smallest < 25  # a fortieth of an em: the width of the pen does the rest


def test_a_bar_goes_through_a_letter_that_is_there() -> None:
    for sign, (base, bar) in BARS.items():
        assert base.isascii()
        assert base.isupper() == sign.isupper()
        assert len(bar) == 2


def test_sharp_s_goes_below_the_line_and_up_to_the_ascenders() -> None:
    _, low, _, high = shape(SHARP_S[1])
    assert low < 0
    assert high > 560
