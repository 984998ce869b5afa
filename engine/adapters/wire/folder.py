"""Files that appear whole or not at all, also after a loss of power."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put these files in a folder, which is made when it is not there; nobody sees half of one. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {name: folder / f".{name}.part" for name in files}
    try:
        for name, part in parts.items():
            with part.open("wb") as out:
                out.write(files[name])
                out.flush()
                os.fsync(out.fileno())
        for name, part in parts.items():
            part.replace(folder / name)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
