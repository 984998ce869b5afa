"""Pictures of PDF pages, for a screen."""

from __future__ import annotations

import io
from threading import Lock

import pypdfium2  # type: ignore[import-untyped]  # it has no type hints

_PDFIUM = Lock()  # PDFium may only be used by one thread at a time


def write_png(pdf: bytes, page: int = 0, dpi: int = 150) -> bytes:
    """One page (from 0) of a PDF as a PNG."""
    with _PDFIUM:
        document = pypdfium2.PdfDocument(pdf)
        try:
            picture = document[page].render(scale=dpi / 72).to_pil()
        finally:
            document.close()
    out = io.BytesIO()
    picture.save(out, format="PNG", dpi=(dpi, dpi), compress_level=1)  # a sixth of the time for the same size
    return out.getvalue()
