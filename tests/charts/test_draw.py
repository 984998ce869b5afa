"""Files: both kinds, whole, the same bytes for the same chart, and one clear line when they cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from engine.charts.draw import save, svg
from engine.charts.look import WIDTH
from engine.errors import UsageError
from tests.charts.numbers import NAMES, drawn, picture

ROOT = Path(__file__).parent.parent.parent
NAMESPACE = "{http://www.w3.org/2000/svg}"


def test_svg_and_png_are_written_side_by_side(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pictures"

    written = save(picture("deciles", "en"), folder, "deciles")

    assert written == [folder / "deciles.svg", folder / "deciles.png"]
    assert sorted(folder.iterdir()) == sorted(written)
    root = ET.fromstring(written[0].read_text(encoding="utf-8"))  # noqa: S314 - our own file
    assert root.tag == f"{NAMESPACE}svg"
    with Image.open(written[1]) as image:
        assert image.size == (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"]))
        assert image.info["dpi"] == pytest.approx((144, 144), abs=0.1)
        assert len(image.convert("RGB").getcolors(maxcolors=2**20) or ()) > 10  # something is on it


@pytest.mark.parametrize("name", NAMES)
def test_the_same_chart_is_the_same_svg(name: str) -> None:
    assert svg(picture(name, "it")) == drawn(name, "it")


def test_writing_again_changes_no_byte(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in save(picture("alive", "it"), tmp_path, "alive")]
    second = [path.read_bytes() for path in save(picture("alive", "it"), tmp_path, "alive")]

    assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alive.png", "alive.svg"]


def test_neither_process_nor_time_zone_changes_a_byte() -> None:
    program = """
import sys
from tests.charts.numbers import drawn
sys.stdout.buffer.write(drawn("tracking", "en").encode())
"""

    told = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "TZ": "America/New_York"},
    )

    assert told.stdout.decode() == drawn("tracking", "en")


def test_what_a_crash_left_behind_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".deciles.png.part").write_bytes(b"half a pic")

    save(picture("deciles", "en"), tmp_path, "deciles")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["deciles.png", "deciles.svg"]


def test_a_picture_that_asks_for_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="not allowed"):
        svg({"data": {"url": "http://127.0.0.1:9/customers.csv"}, "mark": "bar", "encoding": {}})


@pytest.mark.parametrize("locale", ["en", "it"])
@pytest.mark.parametrize("name", NAMES)
def test_no_word_is_longer_than_its_picture(name: str, locale: str) -> None:
    """A title that ran over would widen the sheet; beside the plot there is room for axis, padding and a legend."""
    root = ET.fromstring(drawn(name, locale))  # noqa: S314 - our own picture

    assert float(root.attrib["width"]) <= WIDTH + (190 if name == "alive" else 125)


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(UsageError, match=r"the pictures cannot be written to .*file: "):
        save(picture("deciles", "en"), tmp_path / "file", "deciles")


def test_a_picture_that_fails_leaves_the_old_one_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / "deciles.svg").mkdir()

    with pytest.raises(UsageError, match="cannot be written"):
        save(picture("deciles", "en"), tmp_path, "deciles")

    assert [path.name for path in tmp_path.iterdir()] == ["deciles.svg"]


@pytest.mark.parametrize("package", ["altair", "vl_convert"])
def test_without_the_extra_one_line_says_what_to_install(package: str) -> None:
    program = f"""
import sys
sys.modules[{package!r}] = None
from engine.errors import UsageError
try:
    import engine.charts.clv
except UsageError as error:
    print(error)
"""

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert told.stdout == f"pictures need the package {package} (hint: pip install 'premura[charts]')\n"
