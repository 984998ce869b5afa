"""What a store that was restored from a copy does not know: the stretch of time between the copy and the restore."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when, where nobody knows: the store is new, or never sent anything."""
MAYBE = "may have gone out before the restore"
"""Why an action waits for a person, or is asked about, after a restore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """From when the copy was taken until the restore was noticed; what happened in it only the world knows.

    confirmed: a person has said that what cannot be asked for may go on.
    """

    since: datetime
    until: datetime
    confirmed: bool = False
