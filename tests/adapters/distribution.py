"""Somebody else's package with adapters in it, laid out as an installer would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.adapters.registry import GROUP

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "adding-an-adapter.md"


def install(site: Path, modules: Mapping[str, str], points: Mapping[str, str], *, name: str = "my_package") -> None:
    """Put a package with these modules into a folder, with these entry points (kind -> ``module:function``)."""
    package = site / name
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for module, text in modules.items():
        (package / f"{module}.py").write_text(text, encoding="utf-8")
    about = site / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"{kind} = {value}" for kind, value in points.items()]
    (about / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]), encoding="utf-8")


def documented(language: str, number: int = 0) -> str:
    """A piece of code as docs/adding-an-adapter.md shows it."""
    blocks = DOCUMENTATION.read_text(encoding="utf-8").split(f"```{language}\n")[1:]
    return blocks[number].partition("```")[0]
