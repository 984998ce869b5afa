"""The pictures of a file's scores: ten files, or as many as there is something to draw."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from engine.clv.draw import draw
from engine.errors import UsageError
from tests.clv.logs import Row, at, visits
from tests.clv.test_run import cdnow, of

NAMES = {"tracking", "p_alive", "concentration", "calibration", "deciles"}


def texts(path: Path) -> str:
    """All words of an SVG."""
    return " ".join(ET.parse(path).getroot().itertext())  # noqa: S314 - our own file


def test_five_pictures_are_drawn_each_twice(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pictures"
    paths = draw(cdnow("pareto_nbd"), folder)
    assert {path.name for path in paths} == {f"{name}.{kind}" for name in NAMES for kind in ("svg", "png")}
    assert sorted(paths) == sorted(folder.iterdir())
    for path in paths:
        if path.suffix == ".svg":
            assert ET.parse(path).getroot().tag.endswith("svg")  # noqa: S314 - our own file
            assert texts(path)
        else:
            with Image.open(path) as picture:
                picture.load()
                assert min(picture.size) > 300


def test_a_model_is_tracked_to_what_it_has_not_seen_in_ones_own_language(tmp_path: Path) -> None:
    draw(cdnow("bg_nbd"), tmp_path, "it_IT")
    assert "periodo non visto" in texts(tmp_path / "tracking.svg")


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([("a", at(0), 500)], {"tracking", "concentration"}),
        ([(f"c{n}", at(30 * k), 2000) for n in range(60) for k in range(4)], {"tracking", "p_alive", "concentration"}),
        ([(who, day, 0) for who, day, _ in visits(80, (37, 80, 41))], NAMES - {"concentration"}),
    ],
    ids=["today", "young", "free"],
)
def test_what_has_nothing_to_show_is_left_out(tmp_path: Path, rows: list[Row], names: set[str]) -> None:
    folder = tmp_path / "pictures"
    assert {path.stem for path in draw(of(rows, tmp_path, model="bg_nbd"), folder)} == names


def test_opportunities_are_drawn_too(tmp_path: Path) -> None:
    rows = visits(60, (31, 30, 61, 30))
    found = draw(of(rows, tmp_path, model="bg_bb", time_unit="month"), tmp_path / "pictures")
    assert {path.stem for path in found} == NAMES


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError, match=r"the pictures cannot be written to .*taken"):
        draw(cdnow("bg_nbd"), tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "a file"


@pytest.mark.parametrize("package", ["altair", "vl_convert"])
def test_without_the_extra_there_is_a_hint(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for name in [name for name in sys.modules if name.startswith("engine.charts") or name == "engine.clv.draw"]:
        monkeypatch.delitem(sys.modules, name)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == package else found(name, *more)
    )
    with pytest.raises(UsageError, match=rf"need the package {package} \(hint: pip install 'premura\[charts\]'\)"):
        importlib.import_module("engine.clv.draw")
