"""The restore guard: notices that the store is an old copy, and keeps what may have gone out already from going again.

The store and a file beside it count its generations together: whenever dispatch begins, and each minute while it works,
the store first, then the file. A store that is behind the file, that says of itself that it is a copy, or that has lost
its file, was restored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from engine import highwater
from engine.core.actions import State
from engine.core.gaps import Gap
from engine.dispatch.port import Adapter, Idempotency, Searching
from engine.dispatch.restored import About, state_of
from engine.highwater import HighWater
from engine.store import generation
from engine.store.generation import Standing
from engine.store.session import Store

EVERY = timedelta(minutes=1)
"""However often it looks, it counts on once in so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Watches one workspace's store. adapters: by name."""

    folder: Path
    store: Store
    clock: Callable[[], datetime]
    adapters: Mapping[str, Adapter]

    def look(self) -> tuple[Gap, ...]:
        """Notice a restore, count on if it is time to, and say of what the store knows nothing.

        Raises StoreError when the file cannot be read or written: then nothing may be sent.
        """
        now, seen = self.clock(), highwater.read(self.folder)
        with self.store.read() as connection:
            known, gaps = generation.standing(connection), generation.gaps(connection)
        if seen is None and known.generation == 0:  # else whoever is killed before the first file would look restored
            highwater.write(self.folder, HighWater(generation=0, at=now))
        if self._is_time(seen, now) or was_restored(known, seen, alone=self.store.is_sqlite):
            gaps = self._count_on(seen, now)
        return gaps

    def forget(self, gaps: tuple[Gap, ...]) -> None:
        """Hold what was to go again under a key that its provider may have forgotten meanwhile."""
        forgetful = {name for name, one in self.adapters.items() if _forgets(one)}
        if gaps and forgetful:
            with self.store.write() as connection:
                self._doubt(connection, gaps, self.clock(), forgetful)

    def tick(self) -> None:
        """Count on; to be called each minute while things go out."""
        self._count_on(highwater.read(self.folder), self.clock())

    def _is_time(self, seen: HighWater | None, now: datetime) -> bool:
        return seen is None or abs(now - seen.at) >= EVERY  # also when the clock was put back

    def _count_on(self, seen: HighWater | None, now: datetime) -> tuple[Gap, ...]:
        with self.store.write() as connection:
            known = generation.settle(connection, now)
            restored = was_restored(known, seen, alone=self.store.is_sqlite)
            if restored:
                since = known.copied_at or known.at
                generation.add_gap(connection, Gap(since=since, until=max(since, now)))
            # By the clock, so that it is ahead of what other machines have counted meanwhile.
            grown = max(known.generation, seen.generation if seen else 0, int(now.timestamp() * 1000)) + 1
            generation.advance(connection, grown, now)
            gaps = generation.gaps(connection)
            if restored:
                self._doubt(connection, gaps, now)
        highwater.write(self.folder, HighWater(generation=grown, at=now))
        return gaps

    def _doubt(
        self, connection: Connection, gaps: tuple[Gap, ...], now: datetime, only: set[str] | None = None
    ) -> None:
        """Set aside what may have gone out. only: by these adapters, and what no person has let go."""
        last, until = 0, max(gap.until for gap in gaps)
        while page := generation.frozen(connection, until, last):
            last = page[-1]["id"]
            found: dict[State, list[int]] = {}
            for row in page:
                if only is None or (row["adapter"] in only and not row["approved_by"]):
                    about = About(**{name: row[name] for name in About.__slots__})
                    state = state_of(about, gaps, self.adapters.get(row["adapter"]), now)
                    found.setdefault(state, []).append(row["id"])
            generation.hold(connection, found.get(State.HELD, ()))
            generation.ask(connection, found.get(State.UNKNOWN, ()), gaps)


def _forgets(adapter: Adapter) -> bool:
    """Whether it knows a key for a while, and cannot be asked later."""
    can = adapter.capability
    return can.idempotency is Idempotency.KEY and can.window is not None and not isinstance(adapter, Searching)


def was_restored(known: Standing, seen: HighWater | None, *, alone: bool) -> bool:
    """Whether a store is an older copy of the one that the file remembers.

    alone: the store is a file that belongs to this workspace only, so that it had its file beside it wherever it sent.
    """
    if known.copied_at is not None or known.moved:
        return True
    if seen is None:
        return alone and known.generation > 0
    return known.generation < seen.generation
