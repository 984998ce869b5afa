"""Cards: whatever fits is wholly inside the margins, whatever does not is refused by name."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import HandwritingError
from engine.handwriting.card import SIZES, write_card
from engine.handwriting.layout import ink_box
from engine.handwriting.paper import A6_CARD, Box, Page, Paper
from engine.handwriting.pdf import write_pdf
from tests.handwriting.samples import SIGNATURE, TEXT, THANKS, few, ink_length, seeds, texts

POSTCARD = Paper(name="small card", width=90, height=60, margin=6)


def box(page: Page) -> Box:
    return ink_box(np.concatenate(page.strokes))


def inside(page: Page) -> bool:
    found, paper = box(page), page.paper.inside
    return (
        found.left >= paper.left - 1e-6
        and found.top >= paper.top - 1e-6
        and found.right <= paper.right + 1e-6
        and found.bottom <= paper.bottom + 1e-6
    )


@few
@given(texts, texts, seeds, st.sampled_from([A6_CARD, POSTCARD]))
def test_a_text_fits_inside_the_margins_or_is_refused(text: str, signature: str, seed: str, paper: Paper) -> None:
    try:
        page = write_card(text, signature, seed, paper)
    except HandwritingError as refused:
        assert re.search(r"lines do not fit on the|is wider than the", str(refused))  # noqa: PT017 - both ends are right
    else:
        assert inside(page)
        assert all(np.isfinite(stroke).all() for stroke in page.strokes)


@pytest.mark.parametrize("text", [TEXT, THANKS], ids=["anniversary", "thanks"])
@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_real_notes_fit(text: str, seed: str) -> None:
    page = write_card(text, SIGNATURE, seed)
    assert inside(page)
    assert (page.paper, page.seed) == (A6_CARD, seed)


@settings(max_examples=8, deadline=None)
@given(seeds)
def test_the_same_seed_writes_the_same_bytes(seed: str) -> None:
    assert write_pdf([write_card(TEXT, SIGNATURE, seed)]) == write_pdf([write_card(TEXT, SIGNATURE, seed)])


def test_another_seed_is_another_hand_that_one_can_see() -> None:
    first, second = write_card("nnn nnn nnn", "", "a"), write_card("nnn nnn nnn", "", "b")
    ends = [np.array([stroke[0] for stroke in page.strokes[:3]]) for page in (first, second)]
    assert np.abs(ends[0] - ends[1]).max() > 0.3  # mm


def test_the_same_word_is_not_written_twice_the_same() -> None:
    page = write_card("uuu\nuuu", "", "a")
    first, second = (stroke - stroke[0] for stroke in page.strokes[:2])
    assert first.shape != second.shape or np.abs(first - second).max() > 0.1


def test_a_longer_text_has_more_ink_and_smaller_letters() -> None:
    heights = []
    for length in (150, 400, 600):
        page = write_card(" ".join([THANKS.replace("\n", " ")] * 2)[:length], "", "a")
        assert inside(page)
        heights.append(np.median([np.ptp(stroke[:, 1]) for stroke in page.strokes if np.ptp(stroke[:, 0]) > 3]))
    assert heights[0] >= heights[1] > heights[2]


def test_letters_never_get_smaller_than_two_millimetres() -> None:
    assert min(SIZES) * 0.284 > 1.9
    assert max(SIZES) * 0.284 < 3.2


def test_text_is_on_the_left_and_the_signature_below_on_the_right() -> None:
    text, signed = write_card(TEXT, "", "a"), write_card(TEXT, "Elena", "a")
    name = np.concatenate(signed.strokes[len(text.strokes) :])
    above = np.concatenate(signed.strokes[: len(text.strokes)])
    assert len(signed.strokes) > len(text.strokes)
    assert name[:, 1].mean() > above[:, 1].max()
    assert name[:, 0].min() > A6_CARD.width / 2
    assert above[:, 0].min() < A6_CARD.margin + 7


def test_a_signature_of_two_lines_keeps_them_under_each_other() -> None:
    page, text = write_card("Grazie!", "Nnnnn\nNnn", "a"), write_card("Grazie!", "", "a")
    signed = page.strokes[len(text.strokes) :]
    middle = np.concatenate(signed)[:, 1].mean()
    upper = [stroke for stroke in signed if stroke[:, 1].mean() < middle]
    lower = [stroke for stroke in signed if stroke[:, 1].mean() >= middle]
    assert inside(page)
    assert len(upper) == len(lower)
    assert min(stroke[:, 0].min() for stroke in upper) == pytest.approx(
        min(stroke[:, 0].min() for stroke in lower), abs=2.5
    )


def test_an_empty_line_makes_room() -> None:
    tight, airy = box(write_card("Ciao\nbella", "", "a")), box(write_card("Ciao\n\nbella", "", "a"))
    assert airy.height > tight.height + 3


def test_a_short_text_stands_in_the_upper_middle() -> None:
    found = box(write_card("Grazie di cuore!", "", "a"))
    assert 0.2 * A6_CARD.height < found.top < found.bottom < 0.65 * A6_CARD.height


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\u00ad\u200b", "\u00a0"])
def test_a_card_without_text_is_refused(text: str) -> None:
    with pytest.raises(HandwritingError, match="the card has no text"):
        write_card(text, "Elena", "a")


def test_a_card_without_signature_is_fine() -> None:
    assert inside(write_card("Grazie!", "\u00a0\n", "a"))


@pytest.mark.parametrize(
    ("text", "signature", "refused"),
    [
        ("Bravo 👍 e ancora 😀", "Elena", r"'👍' \(U\+1F44D\), '😀' \(U\+1F600\) in the text of the card"),
        ("Grazie", "Ελένη", r"'Ε' \(U\+0395\), 'λ'.* in the signature"),
        ("Ciao\x07", "", r"'\x07' \(U\+0007\)"),
    ],
)
def test_signs_that_the_hand_does_not_know_are_named(text: str, signature: str, refused: str) -> None:
    with pytest.raises(HandwritingError, match=refused):
        write_card(text, signature, "a")


def test_too_long_a_text_is_refused_with_what_to_cut() -> None:
    text = " ".join([THANKS.replace("\n", " ")] * 5)
    with pytest.raises(HandwritingError) as refused:
        write_card(text, SIGNATURE, "a")
    found = re.fullmatch(
        r"(\d+) lines do not fit on the A6 card, which holds (\d+); shorten the text by about (\d+) characters",
        str(refused.value),
    )
    assert found
    needed, holds, cut = (int(number) for number in found.groups())
    assert 10 < holds < needed
    assert write_card(text[: len(text) - int(cut * 1.25)], SIGNATURE, "a")  # about: a quarter more is surely enough


@pytest.mark.parametrize("lines", [17, 25, 60])
def test_too_many_short_lines_are_refused_too(lines: int) -> None:
    with pytest.raises(HandwritingError, match=rf"{lines} lines do not fit on the A6 card, which holds 1\d;"):
        write_card("\n".join(["Ciao"] * lines), "", "a")


def test_a_word_that_is_wider_than_the_card_is_named() -> None:
    word = "precipitevolissimevolmente" * 4
    with pytest.raises(HandwritingError, match=f"'{word}' is wider than the A6 card, even in the smallest hand"):
        write_card(f"Ciao {word}", "", "a")


def test_every_sign_of_a_text_leaves_its_ink() -> None:
    bare = sum(ink_length(write_card("perche", "", seed).strokes) for seed in "abcdefgh")
    accented = sum(ink_length(write_card("perché", "", seed).strokes) for seed in "abcdefgh")
    assert accented > bare + 8 * 0.3  # mm: eight accents


def test_line_ends_of_other_systems_are_line_ends() -> None:
    assert write_pdf([write_card("Ciao\r\nbella", "", "a")]) == write_pdf([write_card("Ciao\nbella", "", "a")])
