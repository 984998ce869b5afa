"""From a specification to files: SVG for pages and print, PNG for all else. Offline, with fonts of its own."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import vl_convert
from PIL import Image

from engine.errors import UsageError

_SCALE = 2.0
# The renderer counts on from picture to picture; here each begins anew.
_MADE_ID = re.compile(r"""(?P<before>id="|url\(#)(?P<made>(?P<kind>gradient_|clip)\d+)""")
_SCHEMA = re.compile(r"/vega-lite/v(\d+)")


def save(chart: Mapping[str, Any], folder: Path, name: str) -> list[Path]:
    """Write `folder`/`name`.svg and .png (at twice the size), each whole or not at all; the same chart, the same bytes.

    chart: a Vega-Lite specification with its data. Makes the folder. Raises UsageError when it cannot be written to.
    """
    drawn = svg(chart)
    contents = {f"{name}.svg": drawn.encode(), f"{name}.png": _png(drawn)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / file, content) for file, content in contents.items()]
    except OSError as error:
        raise UsageError(f"the pictures cannot be written to {folder}: {error.strerror or error}") from error


def svg(chart: Mapping[str, Any]) -> str:
    """The picture as SVG text. Nothing is fetched: a specification that asks for an address is refused."""
    drawn = vl_convert.vegalite_to_svg(dict(chart), vl_version=_version(chart), allowed_base_urls=[])
    places: dict[str, int] = {}
    return _MADE_ID.sub(lambda id_: f"{id_['before']}{id_['kind']}{places.setdefault(id_['made'], len(places))}", drawn)


def _png(drawn: str) -> bytes:
    """The renderer packs for speed; packed again it is a quarter as large."""
    packed = io.BytesIO()
    with Image.open(io.BytesIO(vl_convert.svg_to_png(drawn, scale=_SCALE))) as picture:
        picture.save(packed, format="PNG", compress_level=6, dpi=(72 * _SCALE, 72 * _SCALE))
    return packed.getvalue()


def _version(chart: Mapping[str, Any]) -> str | None:
    """The newest Vega-Lite that the renderer has of the specification's major version; None: of all."""
    named = _SCHEMA.search(str(chart.get("$schema", "")))
    versions = vl_convert.get_vegalite_versions()
    fitting = [version for version in versions if named and version.partition(".")[0] == named[1]]
    return fitting[-1] if fitting else None


def _write(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
