"""Pictures of the pages, as a browser shows them."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.handwriting.card import write_card
from engine.handwriting.paper import A6_CARD, C6_ENVELOPE, Page
from engine.handwriting.pdf import write_pdf
from engine.handwriting.png import write_png
from tests.handwriting.samples import SIGNATURE, TEXT


def picture(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(("dpi", "size"), [(200, (827, 1166)), (72, (298, 420)), (400, (1654, 2331))])
def test_a_picture_has_the_size_of_the_paper(dpi: int, size: tuple[int, int]) -> None:
    found = picture(write_png(write_pdf([write_card("Ciao", "", "a")]), dpi=dpi))
    assert found.shape[:2] == pytest.approx(size, abs=1)


def test_ink_is_blue_on_white_and_keeps_the_margin() -> None:
    found = picture(write_png(write_pdf([write_card(TEXT, SIGNATURE, "a")]), dpi=200))
    dark = np.asarray((found < 128).all(axis=2))
    assert (found[0] == 255).all()
    assert 0.01 < dark.mean() < 0.1
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    edge = (A6_CARD.margin - 0.5) / 25.4 * 200
    height, width = dark.shape
    assert rows[0] > edge
    assert columns[0] > edge
    assert rows[-1] < height - edge
    assert columns[-1] < width - edge
    assert found[dark][:, 2].mean() > found[dark][:, 0].mean() + 30


def test_ink_is_where_the_page_has_it() -> None:
    stroke = np.column_stack((np.linspace(100, 120, 50), np.full(50, 20.0)))
    found = picture(write_png(write_pdf([Page(paper=A6_CARD, strokes=(stroke,), seed="a")]), dpi=254))
    rows, columns = np.nonzero((found < 128).all(axis=2))
    assert rows.mean() == pytest.approx(200, abs=2)  # 20 mm from the top, ten pixels to the millimetre
    assert columns.min() == pytest.approx(1000, abs=5)
    assert columns.max() == pytest.approx(1200, abs=5)


def test_any_page_may_be_pictured() -> None:
    card = write_card("Ciao", "", "a")
    pdf = write_pdf([card, Page(paper=C6_ENVELOPE, strokes=card.strokes, seed="a")])
    assert picture(write_png(pdf, 1)).shape[1] > picture(write_png(pdf, 0)).shape[1]


def test_pictures_may_be_made_in_several_threads() -> None:
    pdfs = [write_pdf([write_card(text, "", "a")]) for text in ("uno", "due", "tre", "quattro")]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write_png, pdfs)) == [write_png(pdf) for pdf in pdfs]
