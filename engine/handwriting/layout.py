"""Sets words into lines and lines below each other; always measured by the finished ink."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.errors import HandwritingError
from engine.handwriting.fonts import Stroke
from engine.handwriting.hand import missing
from engine.handwriting.jitter import Wobble
from engine.handwriting.paper import Box
from engine.handwriting.signs import spell
from engine.handwriting.word import Word, measured, write_words

GAP = 272.0  # between words, in font units
_MORE_AFTER = dict.fromkeys(".!?:", 70.0) | dict.fromkeys(",;", 30.0)
LEADING = 0.80  # from baseline to baseline, in ems
EMPTY = 0.55  # height of an empty line, in lines
_CLEAR_MM, _PUSH = 0.35, 0.12  # least air between two lines' ink, and how many ems a line gives way for it
_LONELY = 0.2  # a last line shorter than this part of the width is not left to one word
_COLUMN, _COLUMNS = 0.6, 400  # mm; grid on which the ink of two lines is compared
_TIED = re.compile(r"(?<=\d) (?=[€$£¥%°])|(?<=[€$£¥]) (?=\d)|(?<=\d) (?=\d{3}\b)|(?<=[«(]) | (?=[»!?:;)])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is never broken over two lines: one word, or words tied by a space that does not break."""

    text: str
    word: Word
    gap: float  # to the piece before it, in font units


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One written line in millimetres, y downwards: what it says, the points of all strokes, the length of each."""

    text: str
    ink: Stroke
    sizes: tuple[int, ...]

    @property
    def box(self) -> Box:
        """The ink's extent."""
        return ink_box(self.ink)

    @property
    def strokes(self) -> tuple[Stroke, ...]:
        """The ink, stroke by stroke."""
        return tuple(np.split(self.ink, np.cumsum(self.sizes)[:-1]))

    def moved(self, x: float, y: float = 0.0) -> Line:
        """The line further right and down."""
        return Line(text=self.text, ink=self.ink + np.array((x, y)), sizes=self.sizes)


def ink_box(ink: Stroke) -> Box:
    """The smallest box around all points."""
    (left, top), (right, bottom) = ink.min(axis=0).tolist(), ink.max(axis=0).tolist()
    return Box(left=left, top=top, right=right, bottom=bottom)


def refuse_missing(text: str, where: str) -> None:
    """Raises HandwritingError that names every sign of the text that the hand cannot draw."""
    if signs := missing(text):
        named = ", ".join(f"'{sign}' (U+{ord(sign):04X})" for sign in signs)
        raise HandwritingError(f"the hand cannot draw {named} in the {where}; write it another way")


def write_pieces(text: str, rng: np.random.Generator, wobble: Wobble) -> tuple[Piece, ...]:
    """The written words of one paragraph."""
    parts = _TIED.sub("\u00a0", spell(text)).split(" ")
    groups = [words for part in parts if (words := [word for word in part.split("\u00a0") if word])]
    written = iter(write_words([word for words in groups for word in words], rng, wobble))
    found: list[Piece] = []
    for words in groups:
        more = _MORE_AFTER.get(found[-1].text[-1], 0.0) if found else 0.0
        word = _tie([next(written) for _ in words])
        found.append(Piece(text=" ".join(words), word=word, gap=GAP + more + rng.normal(0, wobble.gap)))
    return tuple(found)


def _tie(words: Sequence[Word]) -> Word:
    """One or more words as one, side by side."""
    tied = words[0]
    for word in words[1:]:
        x = tied.end + GAP * 0.85 - word.start
        tied = measured(np.concatenate((tied.ink, word.ink + np.array((x, 0.0)))), (*tied.sizes, *word.sizes))
    return tied


def wrap(paragraph: Sequence[Piece], width: float) -> list[list[Piece]] | None:
    """Greedy lines of at most `width` font units; None if a piece alone is wider.

    A short word is not left alone on the last line if the line above can spare one.
    """
    lines: list[list[Piece]] = []
    for piece in paragraph:
        if lines and extent([*lines[-1], piece]) <= width:
            lines[-1].append(piece)
        elif extent([piece]) <= width:
            lines.append([piece])
        else:
            return None
    if len(lines) > 1 and len(lines[-1]) == 1 and len(lines[-2]) > 2 and extent(lines[-1]) < _LONELY * width:
        tail = [lines[-2][-1], *lines[-1]]
        if extent(tail) <= width:
            lines[-2:] = [lines[-2][:-1], tail]
    return lines


def _places(line: Sequence[Piece]) -> list[float]:
    """Where each piece's origin goes, so that the line starts at 0."""
    places = [-line[0].word.start]
    for before, piece in pairwise(line):
        places.append(places[-1] + before.word.end + piece.gap - piece.word.start)
    return places


def extent(line: Sequence[Piece]) -> float:
    """The right edge of a line's ink in font units."""
    return max(place + piece.word.right for place, piece in zip(_places(line), line, strict=True))


def set_line(line: Sequence[Piece], em: float, rng: np.random.Generator, calm: float = 1.0) -> Line:
    """Pieces side by side at a size of `em` mm, baseline at y = 0: the line starts at x = 0, rises and sways a little.

    `calm` is the part that is left of rise and sway.
    """
    ink = np.concatenate([piece.word.ink + np.array((x, 0.0)) for x, piece in zip(_places(line), line, strict=True)])
    ink *= (em / 1000, -em / 1000)
    rise = rng.normal(0.006, 0.004) * calm
    sway, length, phase = rng.normal(0, 0.022) * em * calm, rng.uniform(40, 80), rng.uniform(0, 2 * np.pi)
    ink[:, 1] += sway * np.sin(phase + ink[:, 0] * (2 * np.pi / length)) - rise * ink[:, 0]
    sizes = tuple(size for piece in line for size in piece.word.sizes)
    return Line(text=" ".join(piece.text for piece in line), ink=ink, sizes=sizes)


def stack(lines: Sequence[Line | None], em: float, leading: float = LEADING) -> list[Line]:
    """The lines below each other, the first one's baseline at 0; None is an empty line.

    A line gives way a little where its ink would touch the line above.
    """
    placed: list[Line] = []
    y, above = 0.0, None
    for line in lines:
        if line is None:
            y += EMPTY * leading * em
            continue
        if above is not None:
            step = leading * em
            y += step + min(max(0.0, _touch(above, line) + _CLEAR_MM - step), _PUSH * em)
        placed.append(line.moved(0.0, y))
        above = line
    return placed


def _touch(above: Line, below: Line) -> float:
    """The distance of baselines at which the ink of two lines would touch."""
    low, high = np.full(_COLUMNS, -np.inf), np.full(_COLUMNS, np.inf)
    for line, grid, most in ((above, low, np.maximum), (below, high, np.minimum)):
        column = np.clip((line.ink[:, 0] / _COLUMN).astype(int), 0, _COLUMNS - 1)
        most.at(grid, column, line.ink[:, 1])
    near = np.max((low[:-2], low[1:-1], low[2:]), axis=0)
    return float((near - high[1:-1]).max())
