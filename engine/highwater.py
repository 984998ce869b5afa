"""The file beside the store that remembers which generation the store had last; a copy of the store is behind it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.errors import StoreError
from engine.store.backup import sync

FILE = "premura.generation"


@dataclass(frozen=True, slots=True, kw_only=True)
class HighWater:
    """The newest generation that went out from this workspace, and when that was written."""

    generation: int
    at: datetime


def read(folder: Path) -> HighWater | None:
    """What the file says; None when there is none. Raises StoreError when it cannot be read or says something else."""
    path = folder / FILE
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        found = HighWater(generation=int(said["generation"]), at=datetime.fromisoformat(said["at"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror}); nothing was sent (hint: who may read it?)"
        ) from None
    except (ValueError, KeyError, TypeError):
        hint = "take it away: the store then counts as a restored copy until premura db confirm-restore"
        raise StoreError(f"{path} is damaged; nothing was sent (hint: {hint})") from None
    if found.at.tzinfo is None:
        raise StoreError(f"{path} is damaged: its instant has no zone; nothing was sent (hint: take it away)")
    return found


def write(folder: Path, mark: HighWater) -> None:
    """Replace the file, at once and for good. Raises StoreError: without it nobody would notice a restored copy."""
    path = folder / FILE
    draft = folder / f".{FILE}.{os.getpid()}"
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"generation": mark.generation, "at": mark.at.isoformat()}, file)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync(folder)
    except OSError as error:
        draft.unlink(missing_ok=True)
        why = f"{path} cannot be written ({error.strerror}); nothing was sent"
        raise StoreError(f"{why} (hint: without it a restored copy would not be noticed)") from None
