"""Written pages as a PDF of strokes only (ISO 32000-1 §8.5): no fonts, no pictures, the same bytes for the same pages.

The pen is pressed harder on the way down than up, so each stroke is cut into runs of one of five pen widths.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.handwriting.jitter import drift, generator
from engine.handwriting.paper import Page

INK = (0.09, 0.13, 0.36)  # blue-black, RGB
PEN_MM = 0.40
WIDTHS = tuple(round(PEN_MM * 100 * factor) for factor in (0.70, 0.85, 1.00, 1.15, 1.30))  # hundredths of a millimetre
_POINTS_PER_MM = 72 / 25.4
_TAPER_MM, _DOT_MM, _BREATH_MM = 0.6, 0.7, 5.0  # light ends; shorter strokes are dots, pressed evenly; slow changes
_OFF_MM, _THINNINGS = 0.006, 3  # points nearer to a straight line are left out, in so many passes


def write_pdf(pages: Sequence[Page], title: str = "") -> bytes:
    """The file; one sheet a page at its true size."""
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode()]
    for number, page in enumerate(pages):
        width, height = page.paper.width * _POINTS_PER_MM, page.paper.height * _POINTS_PER_MM
        content = zlib.compress(_content(page), 4)
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width:.3f} {height:.3f}]/Resources<<>>"
            f"/Contents {4 + 2 * number} 0 R>>".encode()
        )
        objects.append(b"<</Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (len(content), content))
    objects.append(f"<</Producer(Premura)/Title<FEFF{title.encode('utf-16-be').hex()}>>>".encode())
    return _file(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    """Numbers the objects from 1 (the catalogue; the last is the document information) and adds the cross-reference."""
    parts = [b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"]
    offsets, length = [], len(parts[0])
    for number, body in enumerate(objects, 1):
        offsets.append(length)
        parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, body))
        length += len(parts[-1])
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    parts.extend(b"%010d 00000 n \n" % offset for offset in offsets)
    parts.append(b"trailer\n<</Size %d/Root 1 0 R/Info %d 0 R>>\n" % (len(objects) + 1, len(objects)))
    parts.append(b"startxref\n%d\n%%%%EOF\n" % length)
    return b"".join(parts)


def _content(page: Page) -> bytes:
    """The drawing operators; coordinates are whole hundredths of a millimetre with y downwards."""
    unit, top = _POINTS_PER_MM / 100, page.paper.height * _POINTS_PER_MM
    red, green, blue = INK
    lines = [f"{unit:.8f} 0 0 {-unit:.8f} 0 {top:.3f} cm 1 J 1 j {red} {green} {blue} RG"]
    sizes = np.array([len(stroke) for stroke in page.strokes])
    ink = np.concatenate(page.strokes)
    width = pressure(ink, sizes, generator(page.seed, "pressure", page.paper.name))
    last = np.zeros(len(ink), bool)  # where the pen is lifted
    last[np.cumsum(sizes) - 1] = True
    kept = _thinned(ink, width, last)
    ink, width, last = ink[kept], width[kept], last[kept]
    text = [f"{x} {y}" for x, y in np.rint(ink * 100).astype(int).tolist()]
    begins = np.append(True, last[:-1])
    starts = np.flatnonzero(begins | ((np.diff(width, prepend=width[0]) != 0) & ~last))
    stops = np.append(starts[1:], len(ink))
    stops -= last[stops - 1]  # a run ends where the next begins, or where the pen was lifted before it
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        path = " l ".join(text[start + 1 : stop + 1])
        lines.append(f"{WIDTHS[width[start]]} w {text[start]} m {path} l S")
    return "\n".join(lines).encode()


def _thinned(ink: NDArray[np.float64], width: NDArray[np.int_], last: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Indices of the points to draw: without those from which the line through their neighbours cannot be told."""
    fixed = last | np.append(True, last[:-1]) | (np.diff(width, prepend=width[0]) != 0)
    kept = np.arange(len(ink))
    for _ in range(_THINNINGS):
        before, here, after = ink[kept[:-2]], ink[kept[1:-1]], ink[kept[2:]]
        chord, leg = after - before, here - before
        off = np.abs(chord[:, 0] * leg[:, 1] - chord[:, 1] * leg[:, 0]) / np.maximum(np.hypot(*chord.T), 0.01)
        drop = np.zeros(len(kept), bool)
        drop[1:-1] = (off < _OFF_MM) & ~fixed[kept[1:-1]]
        drop[::2] = False  # never two neighbours at once
        kept = kept[~drop]
    return kept


def pressure(ink: NDArray[np.float64], sizes: NDArray[np.int_], rng: np.random.Generator) -> NDArray[np.int_]:
    """Index into WIDTHS for the piece that begins at each point: down is heavier than up, ends are light, it breathes.

    `ink` (n, 2) in mm, y downwards: strokes one after the other, of `sizes` points each.
    """
    steps = np.diff(ink, axis=0, append=ink[-1:])
    length = np.hypot(*steps.T)
    ends = np.cumsum(sizes) - 1
    length[ends] = 0.0
    way = np.cumsum(length) - length
    begin, end = np.repeat(way[ends - sizes + 1], sizes), np.repeat(way[ends], sizes)
    down = steps[:, 1] / np.maximum(length, 0.01)
    down[ends] = 0.0
    light = np.clip(1 - np.minimum(way - begin, end - way) / _TAPER_MM, 0, 1)
    level = 1.9 + 1.0 * down + 0.5 * drift(rng, way, _BREATH_MM)[:, 0] - 0.9 * light
    level[end - begin < _DOT_MM] = 3.0
    smooth = np.convolve(np.pad(level, 3, mode="edge"), np.full(7, 1 / 7), "valid")
    return np.clip(np.rint(smooth), 0, len(WIDTHS) - 1).astype(int)
