"""Writes words: letters side by side, joined where a pen would go on, rounded and bent as a hand does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.errors import HandwritingError
from engine.handwriting.fonts import Stroke
from engine.handwriting.hand import X_HEIGHT, Letter, letter
from engine.handwriting.jitter import Wobble, warp
from engine.handwriting.smooth import resampled, rounded

_BANDS = np.arange(-400.0, 800.0, 50.0)  # heights at which two letters are compared
_CORE = (-60.0, X_HEIGHT + 30)  # heights between which words are compared
_OVERHANG = 30.0  # how much of an ascender's lean does not count
_OVER_THE_TOP = 0.6  # how often a pen reaches a bowl over its top instead of stopping at its side
_CLEAR = 74.0  # space between two letters that are not joined
_SLIPS = dict.fromkeys(".,:;", (15.0, -15.0)) | dict.fromkeys("'’‘\"“”", (105.0, 45.0))
"""How far a sign below or above the small letters slips under or over the one before and the one after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A finished word in font units, baseline at y = 0.

    ink: the points of all strokes one after the other; sizes: how many points each stroke has. right: the ink's right
    edge. start, end: the extent without what hangs to the left below the line and leans to the right above the small
    letters; words are spaced and lines are aligned by it.
    """

    ink: Stroke
    sizes: tuple[int, ...]
    right: float
    start: float
    end: float


@dataclass(slots=True, kw_only=True)
class _Pen:
    """Where the pen is in a word: the strokes so far, the joined stroke in hand, and what is written at the end."""

    x: float = 0.0
    y: float = 0.0
    strokes: list[Stroke] = field(default_factory=list)
    running: list[Stroke] = field(default_factory=list)
    after: list[Stroke] = field(default_factory=list)

    def lift(self) -> None:
        """Finishes the joined stroke."""
        if self.running:
            self.strokes.append(np.concatenate(self.running))
            self.running = []


def write_words(words: Sequence[str], rng: np.random.Generator, wobble: Wobble) -> list[Word]:
    """The strokes of words (no spaces in them). Raises HandwritingError for a sign that the hand does not know."""
    rough = [_write(word, rng, wobble) for word in words]
    if not rough:
        return []
    ink, sizes = rounded([stroke for strokes in rough for stroke in strokes])
    counts = np.cumsum([len(strokes) for strokes in rough])[:-1]
    ink = warp(rng, ink, wobble.warp, wobble.warp_length)
    found = []
    for part in np.split(sizes, counts):
        points, ink = ink[: part.sum()], ink[part.sum() :]
        scale = 1 + rng.normal(0, wobble.word_scale)
        matrix = np.array(((scale, rng.normal(0, wobble.word_slope)), (rng.normal(0, wobble.word_slant), scale)))
        found.append(measured(points @ matrix + (0.0, rng.normal(0, wobble.word_baseline)), part.tolist()))
    return found


def _write(word: str, rng: np.random.Generator, wobble: Wobble) -> list[Stroke]:
    """A word with its corners: joined strokes first, then dots, bars and accents."""
    pen = _Pen()
    leaves, edge = False, np.full(len(_BANDS), -np.inf)
    for sign, printed in zip(word, _printed(word), strict=True):
        drawn = letter(sign, printed=printed)
        if drawn is None:
            raise HandwritingError(f"the hand cannot draw '{sign}'")
        left, right = _edges(sign, printed)
        joined = leaves and bool(drawn.entry) and rng.random() >= wobble.lift
        if not joined:
            pen.lift()
            if not (leaves and drawn.entry):  # else the two strokes meet all the same
                pen.x += _kern(left + pen.x - edge)
        _put(pen, drawn, rng, wobble, joined=joined)
        leaves, edge = drawn.leaves, np.maximum(edge, right + pen.x)
        pen.x += drawn.advance + rng.normal(0, wobble.advance)
    pen.lift()
    return [*pen.strokes, *pen.after]


def measured(ink: Stroke, sizes: Sequence[int]) -> Word:
    """A word of this ink."""
    x, y = ink.T
    above, core = x[y > _CORE[0]], x[(y > _CORE[0]) & (y < _CORE[1])]
    left, right = float(x.min()), float(x.max())
    start, end = float(above.min(initial=right)), float(core.max(initial=left))
    return Word(ink=ink, sizes=tuple(sizes), right=right, start=start, end=max(end, right - _OVERHANG))


def _printed(word: str) -> list[bool]:
    """Which capitals stand beside another one or a number: those of the script could not be read there."""
    block = [sign.isupper() or sign.isdigit() or sign == "/" for sign in word]
    return [
        sign.isupper() and (before or after)
        for sign, before, after in zip(word, [False, *block[:-1]], [*block[1:], False], strict=True)
    ]


def _put(pen: _Pen, drawn: Letter, rng: np.random.Generator, wobble: Wobble, *, joined: bool) -> None:
    """Writes one letter at the pen, a little off its shape, its size and its line."""
    shift, width, height, slope, slant = rng.standard_normal(5)
    pen.y = 0.7 * pen.y + shift * wobble.shift
    matrix = np.array(
        ((1 + width * wobble.size, slope * wobble.turn / 3), (slant * wobble.turn, 1 + height * wobble.size))
    )
    at = np.array((pen.x, pen.y))
    pen.strokes.extend(stroke @ matrix + at for stroke in drawn.before)
    pen.after.extend(stroke @ matrix + at + rng.normal(0, wobble.mark, 2) for stroke in drawn.after)
    if drawn.body is None:
        return
    body = drawn.body @ matrix + at
    if joined:
        lead = None if drawn.lead is None else drawn.lead @ matrix + at
        body = _entered(pen, body, lead, drawn.entry, rng)
    pen.running.append(body)


def _entered(pen: _Pen, body: Stroke, lead: Stroke | None, entry: str, rng: np.random.Generator) -> Stroke:
    """The body of a letter as a pen that comes from the letter before draws it."""
    if entry == "side" or (entry == "bowl" and rng.random() > _OVER_THE_TOP):
        pen.lift()  # the stroke before ends on the letter's left side
        return body
    end = pen.running[-1][-1]
    pen.running[-1] = pen.running[-1][:-1]
    if entry == "rise":
        body[0] = (body[0] + end) / 2
    elif entry == "top":
        body = np.concatenate((end[None], body))
    elif lead is not None:
        body = np.concatenate((lead, body))
    return body


def _kern(gaps: NDArray[np.float64]) -> float:
    """How far to move a letter that is not joined, so that it stands as clear of the ones before as its shape asks.

    `gaps`: its distance from them in each band of height, infinite where one of them has no ink.
    """
    gap = float(gaps.min())
    return 0.0 if np.isinf(gap) else _CLEAR - gap


@cache
def _edges(sign: str, printed: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ink's leftmost and rightmost x in each band of height and its neighbours, infinite where there is none."""
    drawn = letter(sign, printed=printed)
    if drawn is None:
        raise HandwritingError(f"the hand cannot draw '{sign}'")
    body = () if drawn.body is None else (drawn.body,)
    ink = np.concatenate([resampled(stroke, 20.0) for stroke in (*drawn.before, *body, *drawn.after)])
    band = np.clip(np.searchsorted(_BANDS, ink[:, 1]), 1, len(_BANDS) - 2)
    left, right = np.full(len(_BANDS), np.inf), np.full(len(_BANDS), -np.inf)
    for neighbour in (-1, 0, 1):
        np.minimum.at(left, band + neighbour, ink[:, 0])
        np.maximum.at(right, band + neighbour, ink[:, 0])
    if sign in _SLIPS:
        small = (_BANDS > 0) & (_BANDS < X_HEIGHT)
        left[small], right[small] = ink[:, 0].min() + _SLIPS[sign][0], ink[:, 0].max() - _SLIPS[sign][1]
    return left, right
