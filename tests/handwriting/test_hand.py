"""Which signs the hand knows, where accents go, which letters join."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.handwriting.fonts import Stroke
from engine.handwriting.hand import X_HEIGHT, Letter, letter, missing
from tests.handwriting.samples import ACCENTED, ALPHABET, LETTERS, TYPED, few, ink_length


def drawn(sign: str, *, printed: bool = False) -> Letter:
    found = letter(sign, printed=printed)
    assert found is not None, sign
    return found


def strokes(found: Letter) -> tuple[Stroke, ...]:
    return (*found.before, *(() if found.body is None else (found.body,)), *found.after)


def ink(found: Letter) -> Stroke:
    return np.concatenate(strokes(found))


def test_the_whole_alphabet_is_known() -> None:
    assert missing(TYPED) == ()


@pytest.mark.parametrize("sign", ALPHABET)
@pytest.mark.parametrize("printed", [False, True])
def test_every_sign_has_ink_and_moves_on(sign: str, printed: bool) -> None:
    found = drawn(sign, printed=printed)
    assert found.advance > 0
    assert ink_length(strokes(found)) > 10
    for stroke in strokes(found):
        assert stroke.shape[1] == 2
        assert len(stroke) >= 2
        assert np.isfinite(stroke).all()


def test_what_is_missing_is_named_once_in_the_order_of_the_text() -> None:
    assert missing("Ω ciao 😀 Ω 漢字\n") == ("Ω", "😀", "漢", "字")
    assert missing("Ciao, già!\nA presto\u00a0") == ()


@pytest.mark.parametrize("sign", ["😀", "Ω", "漢", "ش", "\x00", "№", "™", "§", "≠", "ở", "한"])
def test_what_the_hand_does_not_know_is_not_drawn_as_something_else(sign: str) -> None:
    assert letter(sign) is None
    assert missing(f"a{sign}b") == (sign,)


@few
@given(st.text())
def test_missing_and_drawn_are_opposites(text: str) -> None:
    unknown = missing(text)
    for sign in unknown:
        assert letter(sign) is None
    assert (
        missing("".join(sign for sign in text if sign not in unknown and unicodedata.is_normalized("NFC", sign))) == ()
    )


@pytest.mark.parametrize("sign", ACCENTED.replace("ı", ""))
@pytest.mark.parametrize("printed", [False, True])
def test_an_accented_letter_has_more_ink_than_the_bare_one(sign: str, printed: bool) -> None:
    bare = {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D"}.get(sign, unicodedata.normalize("NFD", sign)[0])
    found, plain = drawn(sign, printed=printed), drawn(bare, printed=printed)
    body, bare_body = (letter.before + (() if letter.body is None else (letter.body,)) for letter in (found, plain))
    assert ink_length(body) == pytest.approx(ink_length(bare_body))
    own = plain.after if bare not in "ij" else ()  # an accent takes the place of a dot
    assert ink_length(found.after) > ink_length(own) + 15


@pytest.mark.parametrize("sign", "àèéìòùáíóúâêîôûäëïöüãñõčřšžćńśźżůűőăğ")
def test_accents_stand_clear_above_their_letter(sign: str) -> None:
    found = drawn(sign)
    assert found.body is not None
    top = found.body[:, 1].max()
    accent = np.concatenate(found.after)
    assert top + 20 < accent[:, 1].min()
    assert accent[:, 1].max() < top + 200
    upper = found.body[found.body[:, 1] > top * 0.7, 0]
    assert upper.min() - 90 < accent[:, 0].mean() < upper.max() + 90


@pytest.mark.parametrize("sign", "ÀÈÉÌÒÙÁÓÚÄÖÜÑČŠŽ")
def test_accents_of_capitals_are_above_them_too(sign: str) -> None:
    found = drawn(sign)
    base = np.concatenate((*found.before, *(() if found.body is None else (found.body,))))
    assert np.concatenate(found.after)[:, 1].min() > base[:, 1].max()


@pytest.mark.parametrize("sign", "çşąęÇŞĄĘ")
def test_hooks_hang_from_the_foot(sign: str) -> None:
    assert np.concatenate(drawn(sign).after)[:, 1].min() < -80


def test_two_accents_are_drawn_above_each_other() -> None:
    single, double = drawn("ê"), drawn("ế")
    assert len(double.after) == len(single.after) + 1
    assert ink(double)[:, 1].max() > ink(single)[:, 1].max() + 50


def test_an_accent_takes_the_place_of_the_dot() -> None:
    assert len(drawn("i").after) == 1
    assert len(drawn("ì").after) == 1
    assert drawn("ı").after == ()
    assert len(drawn("ï").after) == 2


def test_a_caron_beside_an_ascender_is_a_tick_at_its_right() -> None:
    for sign in "ďťľ":
        found = drawn(sign)
        assert found.body is not None
        tick = found.after[-1]
        assert tick[:, 1].max() < found.body[:, 1].max()
        assert tick[:, 0].mean() > found.body[found.body[:, 1].argmax(), 0]


@pytest.mark.parametrize("sign", "aceimnorsuvwx")
def test_small_letters_are_as_high_as_each_other(sign: str) -> None:
    body = drawn(sign).body
    assert body is not None
    assert X_HEIGHT - 5 < body[:, 1].max() < X_HEIGHT + 40
    assert -5 < body[:, 1].min() < 160


@pytest.mark.parametrize("sign", "bdfhklt")
def test_ascenders_and_capitals_are_of_one_height(sign: str) -> None:
    assert 560 < ink(drawn(sign))[:, 1].max() < 640


@pytest.mark.parametrize("sign", LETTERS[:26])
def test_every_small_letter_is_one_stroke_that_goes_on_into_the_next(sign: str) -> None:
    found = drawn(sign)
    assert found.before == ()
    assert found.body is not None
    assert found.leaves
    assert found.entry
    end, following = found.body[-1], drawn("n").body
    assert following is not None
    assert end == pytest.approx(following[0] + (found.advance, 0.0), abs=8)


@pytest.mark.parametrize(("sign", "joins"), [(c, c in "CEHJKLMNRUY") for c in LETTERS[26:]])
def test_capitals_join_where_they_end_in_a_rise_to_the_right(sign: str, joins: bool) -> None:
    found = drawn(sign)
    assert found.entry == ""
    if found.leaves:
        assert joins
        assert found.body is not None
        assert found.body[-1, 0] > found.body[-2, 0]
    else:
        assert found.body is None
        foot = ink(found)[ink(found)[:, 1] < 60]
        assert found.advance > 0.7 * foot[:, 0].max()


@pytest.mark.parametrize("sign", "AFGIJQTZ")
def test_capitals_that_cannot_be_read_in_script_are_printed(sign: str) -> None:
    assert ink(drawn(sign)) == pytest.approx(ink(drawn(sign, printed=True)))


@pytest.mark.parametrize("sign", "BCDEHKLMNOPRSUVWXY")
def test_other_capitals_have_two_forms(sign: str) -> None:
    assert ink_length(strokes(drawn(sign))) != pytest.approx(ink_length(strokes(drawn(sign, printed=True))), rel=0.02)


def test_digits_are_lower_than_capitals_and_higher_than_small_letters() -> None:
    for sign in "0123456789":
        assert X_HEIGHT + 100 < ink(drawn(sign))[:, 1].max() < 520
