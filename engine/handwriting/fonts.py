"""Reads single-line fonts: SVG 1.1 fonts whose glyphs are open pen paths (https://www.w3.org/TR/SVG11/fonts.html).

The default hand is drawn from the Hershey fonts, which the package `svgfont` ships as data files. Their licence asks
for the acknowledgement in `HERSHEY_ACKNOWLEDGEMENT`; show it wherever the font is listed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from engine.errors import HandwritingError

Stroke = NDArray[np.float64]
"""Points of one pen stroke, shape (n, 2), n >= 2: x to the right, y upwards, in font units unless said otherwise."""

HERSHEY_ACKNOWLEDGEMENT = (
    "The Hershey Fonts were originally created by Dr. A. V. Hershey while working at the U. S. National Bureau of "
    "Standards. The format of the Font data in this distribution was originally created by James Hurt, Cognition, "
    "Inc., 900 Technology Park Drive, Billerica, MA 01821 (mit-eddie!ci-dandelion!hurt)"
)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_CURVE_STEPS = np.linspace(0, 1, 9)[1:, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyph:
    """One sign of a font, in font units (1000 to the em): how far the pen moves on, and its strokes in their order."""

    advance: float
    strokes: tuple[Stroke, ...]


def read_font(path: Path) -> dict[str, Glyph]:
    """The glyph of each sign.

    Raises HandwritingError when the file is not an SVG font or a glyph has a path command other than M L C Z.
    """
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - only fonts that the shop itself installed are read
    except (OSError, ET.ParseError) as error:
        raise HandwritingError(f"{path}: not a readable SVG font ({error})") from error
    font = root.find(".//{*}font")
    if font is None:
        raise HandwritingError(f"{path}: there is no <font> in it")
    usual = font.get("horiz-adv-x", "500")
    glyphs = {}
    for element in font.iterfind("{*}glyph"):
        sign = element.get("unicode", "")
        if len(sign) != 1:  # ligatures: letters are joined by the hand
            continue
        try:
            strokes = parse_path(element.get("d", ""))
        except (ValueError, IndexError) as error:
            raise HandwritingError(f"{path}: glyph '{sign}': {error}") from error
        glyphs[sign] = Glyph(advance=float(element.get("horiz-adv-x", usual)), strokes=strokes)
    return glyphs


@cache
def hershey(name: str) -> dict[str, Glyph]:
    """A font of the package `svgfont` by its file name without the ending, e.g. ``HersheyScript1``."""
    spec = find_spec("svgfont")  # finds the data without importing the package, which would import scipy
    if spec is None or spec.origin is None:
        raise HandwritingError("the package 'svgfont' that carries the letters is not installed")
    return read_font(Path(spec.origin).parent / "hershey" / f"{name}.svg")


def parse_path(text: str) -> tuple[Stroke, ...]:
    """The strokes of an SVG path made of absolute M, L, C and Z; curves become eight straight pieces.

    Strokes of a single point are left out. Raises ValueError for any other command, IndexError for a path without M.
    """
    strokes: list[list[tuple[float, float]]] = []
    for command, arguments in re.findall(r"([A-DF-Za-df-z])([^A-DF-Za-df-z]*)", text):
        numbers = np.array([float(number) for number in _NUMBER.findall(arguments)]).reshape(-1, 2)
        if command == "M":
            strokes.append([])
        elif command == "Z":
            numbers = np.array(strokes[-1][:1])
        elif command == "C":
            numbers = _flatten(np.array(strokes[-1][-1]), numbers)
        elif command != "L":
            raise ValueError(f"path command '{command}' is not one of M, L, C, Z")
        strokes[-1].extend((float(x), float(y)) for x, y in numbers)
    return tuple(np.array(stroke) for stroke in strokes if len(stroke) > 1)


def _flatten(start: Stroke, controls: Stroke) -> Stroke:
    pieces = []
    for first, second, end in controls.reshape(-1, 3, 2):
        t = _CURVE_STEPS
        pieces.append((1 - t) ** 3 * start + 3 * t * (1 - t) ** 2 * first + 3 * t**2 * (1 - t) * second + t**3 * end)
        start = end
    return np.concatenate(pieces)
