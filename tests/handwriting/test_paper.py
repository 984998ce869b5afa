"""Sheets and the room that their margins leave."""

from __future__ import annotations

import dataclasses

import pytest

from engine.handwriting.card import write_card
from engine.handwriting.paper import A6_CARD, C6_ENVELOPE, Box, Paper


def test_the_card_fits_into_the_envelope() -> None:
    assert (A6_CARD.width, A6_CARD.height) == (148, 105)  # ISO 216 A6, lying
    assert (C6_ENVELOPE.width, C6_ENVELOPE.height) == (162, 114)  # ISO 269 C6
    assert A6_CARD.width + 10 < C6_ENVELOPE.width
    assert A6_CARD.height + 5 < C6_ENVELOPE.height


@pytest.mark.parametrize("paper", [A6_CARD, C6_ENVELOPE, Paper(name="strip", width=50, height=20, margin=4)])
def test_margins_are_equal_on_all_sides(paper: Paper) -> None:
    inside = paper.inside
    assert (inside.left, inside.top) == (paper.margin, paper.margin)
    assert inside.width == paper.width - 2 * paper.margin
    assert inside.height == paper.height - 2 * paper.margin


def test_a_box_knows_its_size() -> None:
    box = Box(left=10, top=20, right=35, bottom=22.5)
    assert (box.width, box.height) == (25, 2.5)


def test_sheets_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        A6_CARD.width = 200  # type: ignore[misc]  # that it cannot be set is what is tested


@pytest.mark.parametrize(
    "paper",
    [
        Paper(name="A5 card", width=210, height=148, margin=12),
        Paper(name="postcard", width=105, height=148, margin=8),
        Paper(name="note", width=90, height=90, margin=6),
    ],
)
def test_a_card_may_be_of_any_size(paper: Paper) -> None:
    page = write_card("Cara Letizia,\nè già un anno che sei con noi: grazie di cuore!", "Niccolò", "a", paper)
    assert page.paper is paper
    for stroke in page.strokes:
        assert stroke[:, 0].min() >= paper.margin - 1e-6
        assert stroke[:, 0].max() <= paper.width - paper.margin + 1e-6
        assert stroke[:, 1].max() <= paper.height - paper.margin + 1e-6
