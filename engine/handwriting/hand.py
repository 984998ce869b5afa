"""The hand: how each sign is drawn, in what shape, and where a pen goes from one letter to the next.

Lower-case letters and most single capitals come from the Hershey script, digits, runs of capitals and the capitals that
the script makes illegible from the Hershey sans in a leaning print. All shapes are in font units after the hand's own
proportions (narrower, shorter ascenders and descenders, a little more slant).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from engine.handwriting.fonts import Glyph, Stroke, hershey
from engine.handwriting.signs import ACCENTS, APOSTROPHE, BARS, CARON, DOT, DRAWN, HOOKS, SHARP_S, Points, spell

X_HEIGHT = 284.0
WIDTH = 0.83
ASCENT, DESCENT = 0.84, 0.80  # what is left of the font's ascenders above, descenders below
LEAN = 0.12  # slant added to the script's own
PRINT_LEAN = 0.31
PRINT_SIZE, DIGIT_SIZE = 0.84, 0.70

_PRINTED_CAPITALS = frozenset("AFGIJQTZ")
_BOWLS = frozenset("acdgoq")
_SECOND_MARK = np.array((20.0, 100.0))  # from one accent to another above it
_RISE = (80.0, 170.0)  # heights at which a capital's end may lead into the next letter
_BOWL_LEAD = np.array(((62.0, 196.0), (128.0, 262.0), (205.0, 280.0), (282.0, 246.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One sign as the hand draws it.

    before: strokes of its own. body: the stroke that takes part in joining, or None. after: dots, bars and accents,
    written when the word is done. lead: points that a joining pen passes before the body. leaves: whether the next
    letter may go on from its end. entry: how the body may be reached: ``rise`` (it starts where the letter before
    ends), ``bowl`` (over the top of the bowl), ``low`` (from the foot line), ``top``, ``side`` (touched, not joined),
    or nothing (the pen is lifted and the letter stands clear).
    """

    advance: float
    before: tuple[Stroke, ...] = ()
    body: Stroke | None = None
    after: tuple[Stroke, ...] = ()
    lead: Stroke | None = None
    entry: str = ""
    leaves: bool = False


def missing(text: str) -> tuple[str, ...]:
    """The signs of a text that this hand cannot draw, each once, in the order of the text."""
    signs = dict.fromkeys(sign for sign in spell(text) if sign not in " \u00a0\n")
    return tuple(sign for sign in signs if letter(sign) is None)


@cache
def letter(sign: str, *, printed: bool = False) -> Letter | None:
    """How a sign is drawn, `printed` inside a run of capitals; None if the hand does not know it."""
    if sign in DRAWN:
        advance, strokes = DRAWN[sign]
        return Letter(advance=advance, before=tuple(np.array(points, float) for points in strokes))
    if sign in BARS:
        base, points = BARS[sign]
        return _add(letter(base, printed=printed), _script(np.array(points, float)))
    base, *marks = list(unicodedata.normalize("NFD", sign))
    if marks:
        return _with_marks(base, marks, printed=printed)
    if sign == "ı":
        return replace(_script_letter("i"), after=())
    if sign == "ß":
        return Letter(advance=SHARP_S[0], body=np.array(SHARP_S[1], float), entry="side")
    if sign.isalpha() and sign.isascii() and not printed and sign not in _PRINTED_CAPITALS:
        return _script_letter(sign)
    return _print(sign)


def _script(points: Stroke) -> Stroke:
    """From the script's proportions to the hand's."""
    x, y = points[:, 0], points[:, 1]
    height = np.where(y > X_HEIGHT, X_HEIGHT + (y - X_HEIGHT) * ASCENT, np.where(y < 0, y * DESCENT, y))
    return np.column_stack((x * WIDTH + height * LEAN, height))


def _script_letter(sign: str) -> Letter:
    glyph = hershey("HersheyScript1")[sign]
    strokes = tuple(_script(stroke) for stroke in glyph.strokes)
    if sign.isupper():
        return _capital(strokes, glyph.advance * WIDTH)
    after: tuple[Stroke, ...] = ()
    if sign in "ij":
        strokes, after = strokes[1:], _place(ACCENTS[DOT], _above(strokes[1]))
    elif sign in "tx":
        strokes, after = strokes[:-1], strokes[-1:]
    return Letter(
        advance=glyph.advance * WIDTH,
        body=np.concatenate(strokes),  # a pen that goes on from a stroke's end to the next start retraces the stem
        after=after,
        lead=_script(_BOWL_LEAD) if sign in _BOWLS else None,
        entry="bowl" if sign in _BOWLS else {"e": "low", "w": "top"}.get(sign, "rise"),
        leaves=True,
    )


def _capital(strokes: tuple[Stroke, ...], advance: float) -> Letter:
    """A script capital: its last stroke goes on into the next letter if it ends in a rise."""
    last = strokes[-1]
    onwards = last[-1] - last[-2]
    if last[-1, 0] > advance / 2 and onwards.min() > 0 and _RISE[0] <= last[-1, 1] <= _RISE[1]:
        return Letter(advance=float(last[-1, 0]) - 31.5 * WIDTH, before=strokes[:-1], body=last, leaves=True)
    return Letter(advance=advance, before=strokes)


def _print(sign: str) -> Letter | None:
    glyph: Glyph | None = hershey("HersheySans1").get(sign)
    if glyph is None or not glyph.strokes:
        return None
    size = PRINT_SIZE if sign.isalpha() else DIGIT_SIZE
    lean = np.array(((WIDTH, 0.0), (PRINT_LEAN, 1.0))) * size
    return Letter(advance=glyph.advance * size * WIDTH, before=tuple(stroke @ lean for stroke in glyph.strokes))


def _with_marks(base: str, marks: list[str], *, printed: bool) -> Letter | None:
    drawn = letter(base, printed=printed)
    if drawn is None or not base.isalpha():
        return None
    if base in "ij":
        drawn = replace(drawn, after=())
    ink = np.concatenate([*drawn.before, *(() if drawn.body is None else (drawn.body,))])
    above = _above(ink)
    for mark in marks:
        if mark in HOOKS:
            drawn = _add(drawn, *_place(HOOKS[mark], np.array(((ink[:, 0].min() + ink[:, 0].max()) / 2, 0.0))))
        elif mark == CARON and base in "dltL":
            drawn = _add(drawn, *_place((APOSTROPHE,), ink[ink[:, 1].argmax()] + np.array((90.0, -60.0))))
        elif mark in ACCENTS:
            drawn = _add(drawn, *_place(ACCENTS[mark], above))
            above = above + _SECOND_MARK
        else:
            return None
    return drawn


def _add(drawn: Letter | None, *strokes: Stroke) -> Letter | None:
    return None if drawn is None else replace(drawn, after=(*drawn.after, *strokes))


def _above(ink: Stroke) -> Stroke:
    """Where the middle of an accent goes: over the middle of the letter's upper part, leaning with it."""
    top = ink[:, 1].max()
    upper = ink[ink[:, 1] > top * 0.7, 0]
    return np.array(((upper.min() + upper.max()) / 2 + 26.0, top + (96.0 if top < 400 else 70.0)))


def _place(strokes: Iterable[Points], at: Stroke) -> tuple[Stroke, ...]:
    return tuple(np.array(points, float) + at for points in strokes)
