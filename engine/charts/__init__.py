"""Pictures, as Altair specifications and as SVG and PNG files; importing it raises UsageError without its extra."""

from __future__ import annotations

from importlib.util import find_spec

from engine.errors import UsageError

for _package in ("altair", "vl_convert"):
    if find_spec(_package) is None:
        raise UsageError(f"pictures need the package {_package} (hint: pip install 'premura[charts]')")
