"""Words: letters joined where a pen goes on, clear of each other where it does not, never twice the same."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.errors import HandwritingError
from engine.handwriting.fonts import Stroke
from engine.handwriting.hand import X_HEIGHT
from engine.handwriting.jitter import Wobble, generator
from engine.handwriting.word import Word, _printed, measured, write_words
from tests.handwriting.samples import ALPHABET, few, ink_length, words

STILL = Wobble().calmer(0.0)


def written(word: str, seed: str = "", wobble: Wobble = STILL) -> Word:
    (found,) = write_words([word], generator(seed), wobble)
    return found


def split(word: Word) -> tuple[Stroke, ...]:
    return tuple(np.split(word.ink, np.cumsum(word.sizes)[:-1]))


def length(word: Word) -> float:
    return ink_length(split(word))


@pytest.mark.parametrize("word", ["nun", "summer", "sunny", "verve", "where", "knell", "ly", "suffers"])
def test_a_word_without_bowls_dots_and_bars_is_one_stroke(word: str) -> None:
    assert len(written(word).sizes) == 1


def test_a_bowl_is_reached_over_its_top_or_touched() -> None:
    counts = {len(written("nanana", seed).sizes) for seed in "abcdefghijklmnopqrstuvwxyz"}
    assert min(counts) == 1
    assert max(counts) > 1


def test_a_touched_bowl_is_not_left_apart() -> None:
    for seed in "abcdefgh":
        strokes = split(written("na", seed))
        for before, after in pairwise(strokes):
            gaps = np.hypot(after[:, 0] - before[-1, 0], after[:, 1] - before[-1, 1])
            assert gaps.min() < 20


def test_dots_and_bars_come_after_the_word() -> None:
    strokes = split(written("tini"))
    assert len(strokes) == 4
    assert strokes[0][0, 0] < strokes[0][-1, 0]
    for dot in strokes[2:]:
        assert dot[:, 1].min() > X_HEIGHT


def test_the_pen_is_lifted_now_and_then() -> None:
    lively = Wobble(lift=0.5)
    counts = {len(written("mmmmmm", seed, lively).sizes) for seed in "abcdef"}
    assert len(counts) > 1
    assert len(written("mmmmmm").sizes) == 1


def test_a_lifted_pen_leaves_no_gap_to_speak_of() -> None:
    joined, lifted = written("nnnn"), written("nnnn", wobble=Wobble(lift=20.0).calmer(0.05))
    assert len(lifted.sizes) == 4
    assert lifted.right == pytest.approx(joined.right, abs=25)


@few
@given(words, st.text(max_size=4))
def test_the_same_seed_writes_the_same_word(word: str, seed: str) -> None:
    first, second = written(word, seed, Wobble()), written(word, seed, Wobble())
    assert np.array_equal(first.ink, second.ink)
    assert first.sizes == second.sizes


def test_another_seed_writes_it_otherwise() -> None:
    first, second = written("buono", "a", Wobble()), written("buono", "b", Wobble())
    assert first.ink.shape != second.ink.shape or np.abs(first.ink - second.ink).max() > 5


def test_no_letter_is_the_same_twice_in_a_word() -> None:
    word = written("IIII", wobble=Wobble())
    lengths = [ink_length((stroke,)) for stroke in split(word)]
    assert len(set(np.round(lengths, 1))) == 4


@few
@given(words, st.sampled_from(ALPHABET))
def test_a_further_sign_is_further_ink(word: str, sign: str) -> None:
    assume(not word[-1].isupper())  # it is printed beside another capital
    assert length(written(word + sign)) > length(written(word)) + 5


@few
@given(st.lists(words, min_size=1, max_size=6))
def test_words_are_written_in_their_order_and_complete(several: list[str]) -> None:
    found = write_words(several, generator("order"), STILL)
    assert len(found) == len(several)
    for word, text in zip(found, several, strict=True):
        alone = written(text)
        assert sum(word.sizes) == len(word.ink)
        # chance only decides how a bowl is reached, which is less than half a letter in a short word
        assert length(word) == pytest.approx(length(alone), rel=0.1, abs=400)


def test_no_words_are_no_ink() -> None:
    assert write_words([], generator(""), STILL) == []


@pytest.mark.parametrize("word", ["ciao😀", "Ωmega", "漢"])
def test_an_unknown_sign_is_never_left_out(word: str) -> None:
    with pytest.raises(HandwritingError, match="cannot draw"):
        written(word)


@pytest.mark.parametrize(
    ("word", "printed"),
    [
        ("IVA", "111"),
        ("Iva", "000"),
        ("FORLÌ", "11111"),
        ("SW1H", "1101"),
        ("7/B", "001"),
        ("B2", "10"),
        ("McDonald", "00000000"),
        ("S.r.l.", "000000"),
        ("È", "0"),
        ("dell’IVA", "00000111"),
        ("1a", "00"),
    ],
)
def test_capitals_in_a_row_and_beside_numbers_are_printed(word: str, printed: str) -> None:
    assert _printed(word) == [flag == "1" for flag in printed]


@pytest.mark.parametrize("pair", ["AV", "11", "17", "To", "l'", "P.", "e,", "0)", "(T", "“t", "o”", "7/", "/B", "4%"])
def test_signs_that_are_not_joined_stand_clear_of_each_other(pair: str) -> None:
    strokes = split(written(pair))
    count = len(written(pair[0]).sizes)
    before, after = np.concatenate(strokes[:count]), np.concatenate(strokes[count:])
    apart = np.hypot(before[:, None, 0] - after[None, :, 0], before[:, None, 1] - after[None, :, 1]).min()
    assert 18 < apart < 260


def test_ones_are_as_close_as_other_digits() -> None:
    assert written("1111").right < written("2222").right
    assert written("1111").right > 0.3 * written("2222").right


def test_an_apostrophe_stands_above_between_the_letters() -> None:
    strokes = split(written("l'a"))
    apostrophe = strokes[1]
    assert apostrophe[:, 1].min() > X_HEIGHT + 60
    assert strokes[0][:, 0].max() < strokes[2][:, 0].max()
    assert apostrophe[:, 0].mean() < strokes[2][:, 0].mean()


def test_an_accent_does_not_touch_the_apostrophe_before_it() -> None:
    *_, apostrophe, _, accent = split(written("c'è"))
    apart = np.hypot(apostrophe[:, None, 0] - accent[None, :, 0], apostrophe[:, None, 1] - accent[None, :, 1])
    assert apart.min() > 40


@pytest.mark.parametrize("sign", ["p", "j", "f", "y"])
def test_what_hangs_to_the_left_does_not_count_for_spacing(sign: str) -> None:
    word = written(sign + "n")
    assert word.start > word.ink[:, 0].min() + 5


@pytest.mark.parametrize("sign", ["d", "t", "l"])
def test_what_leans_to_the_right_counts_little(sign: str) -> None:
    word = written("n" + sign)
    assert word.end <= word.right
    assert word.right - word.end <= 50


@few
@given(words)
def test_the_measures_are_those_of_the_ink(word: str) -> None:
    found = written(word, wobble=Wobble())
    assert found.right == pytest.approx(found.ink[:, 0].max())
    assert found.ink[:, 0].min() - 1e-9 <= found.start <= found.right
    assert found.end <= found.right + 1e-9
    again = measured(found.ink, found.sizes)
    assert (again.start, again.end, again.right, again.sizes) == (found.start, found.end, found.right, found.sizes)


def test_a_word_of_low_or_high_signs_only_has_measures_too() -> None:
    for sign in ("'", "”", ",", ".", "°"):
        found = written(sign)
        assert np.isfinite([found.start, found.end, found.right]).all()
        assert found.start <= found.end


@pytest.mark.parametrize("sign", "àèéìòùäëïöüñçčšžÀÈÉÌÒÙ")
def test_an_accent_survives_in_a_word(sign: str) -> None:
    base = {"ì": "ı", "ï": "ı"}.get(sign, unicodedata.normalize("NFD", sign)[0])
    assert length(written(f"{sign}n")) > length(written(f"{base}n")) + 15
