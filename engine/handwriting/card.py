"""Writes the card: the paragraphs of a note and the signature, as large as the paper allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import HandwritingError
from engine.handwriting.jitter import Wobble, generator
from engine.handwriting.layout import (
    EMPTY,
    LEADING,
    Line,
    Piece,
    ink_box,
    refuse_missing,
    set_line,
    stack,
    wrap,
    write_pieces,
)
from engine.handwriting.paper import A6_CARD, Page, Paper
from engine.handwriting.signs import spell

SIZES = tuple(10.6 * 0.965**step for step in range(13))  # mm to the em: letters without ascender 3.0 mm down to 2.0 mm
_INDENT, _STRAY = 5.0, 0.9  # mm from the margin to the left edge of the text, and how far a line strays from it
_RAISED = 0.4  # part of the spare height that goes above the text

_Row = tuple[str, list[Piece]]
"""One line: whether it is ``text`` or ``signature``, and its words; an empty list is an empty line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """The words of a card before it is known how they break; an empty paragraph is an empty line."""

    paragraphs: tuple[tuple[Piece, ...], ...]
    signature: tuple[tuple[Piece, ...], ...]
    seed: str
    paper: Paper

    def room(self, em: float) -> float:
        """The width of a line in font units."""
        return (self.paper.inside.width - _INDENT - _STRAY) * 1000 / em


def write_card(text: str, signature: str, seed: str, paper: Paper = A6_CARD) -> Page:
    """A card in the hand that `seed` gives.

    Newlines in `text` separate paragraphs, an empty line makes some room. Raises HandwritingError naming the signs that
    cannot be drawn, or by how much the text is too long.
    """
    refuse_missing(text, "text of the card")
    refuse_missing(signature, "signature")
    draft = _Draft(
        paragraphs=_paragraphs(text, seed, "text"),
        signature=_paragraphs(signature, seed, "signature") if spell(signature).strip() else (),
        seed=seed,
        paper=paper,
    )
    if not any(draft.paragraphs):
        raise HandwritingError("the card has no text")
    for em in SIZES:
        rows = _rows(draft, em)
        lines = None if rows is None else _composed(draft, rows, em)
        if lines is not None:
            return Page(paper=paper, strokes=tuple(stroke for line in lines for stroke in line.strokes), seed=seed)
    raise HandwritingError(_overflow(draft))


def _paragraphs(text: str, seed: str, part: str) -> tuple[tuple[Piece, ...], ...]:
    lines = enumerate(spell(text).strip().split("\n"))
    return tuple(write_pieces(line, generator(seed, f"{part} {number}"), Wobble()) for number, line in lines)


def _composed(draft: _Draft, rows: Sequence[_Row], em: float) -> list[Line] | None:
    """The rows as a finished card at a size of `em` mm, or None if they do not fit."""
    inside = draft.paper.inside
    if _least_height(rows, em) > inside.height:
        return None
    placed = stack(_lines(draft, rows, em), em)
    ink = ink_box(np.concatenate([line.ink for line in placed]))
    spare = inside.height - ink.height
    if spare < 0 or ink.left < 0 or ink.right > inside.width:
        return None
    return [line.moved(inside.left, inside.top + spare * _RAISED - ink.top) for line in placed]


def _rows(draft: _Draft, em: float) -> list[_Row] | None:
    """What stands on each line; None if a word is too wide."""
    rows: list[_Row] = []
    signed = (("signature", paragraph) for paragraph in ((), *draft.signature) if draft.signature)
    for part, paragraph in (*(("text", paragraph) for paragraph in draft.paragraphs), *signed):
        wrapped = wrap(paragraph, draft.room(em))
        if wrapped is None:
            return None
        rows.extend((part, row) for row in wrapped or [[]])
    return rows


def _least_height(rows: Sequence[_Row], em: float) -> float:
    """What the lines take at least; saves setting them at a size that is far too large."""
    return (sum(1.0 if row else EMPTY for _, row in rows) - 1) * LEADING * em


def _lines(draft: _Draft, rows: Sequence[_Row], em: float) -> list[Line | None]:
    """The rows set as lines, each at its place across the card: text on the left, the signature towards the right."""
    lines: list[Line | None] = []
    rng = generator(draft.seed, "lines")
    for _, row in rows:
        stray = float(np.clip(rng.normal(0, 0.5), -_STRAY, _STRAY))
        lines.append(set_line(row, em, rng).moved(_INDENT + stray) if row else None)
    signed = [number for number, (part, row) in enumerate(rows) if part == "signature" and row]
    if signed:
        width = draft.paper.inside.width
        spare = width - max(line.box.right for number in signed if (line := lines[number]))
        shift = max(0.0, spare - rng.uniform(1.0, 0.14 * width))
        for number in signed:
            line = lines[number]
            lines[number] = line and line.moved(shift)
    return lines


def _overflow(draft: _Draft) -> str:
    """Says by how much a card is too long, in the smallest hand."""
    em = SIZES[-1]
    for piece in (piece for paragraph in (*draft.paragraphs, *draft.signature) for piece in paragraph):
        if wrap([piece], draft.room(em)) is None:
            return f"'{piece.text}' is wider than the {draft.paper.name}, even in the smallest hand; shorten it"
    rows = _rows(draft, em) or []
    needed, surplus = sum(1 for _, row in rows if row), 0
    while len(rows) > 1 and _composed(draft, rows, em) is None:
        last_text = max((number for number, (part, _) in enumerate(rows) if part == "text"), default=len(rows) - 1)
        surplus += sum(len(piece.text) + 1 for piece in rows.pop(last_text)[1])
    return (
        f"{needed} lines do not fit on the {draft.paper.name}, which holds {sum(1 for _, row in rows if row)}; "
        f"shorten the text by about {max(10, round(surplus, -1))} characters"
    )
