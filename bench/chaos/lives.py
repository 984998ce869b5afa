"""One shop's run: `premura` is started, killed, and started again, until everything is settled."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

from bench.chaos import life, shop
from bench.chaos.journal import Line, Reader
from engine.core.actions import OPEN, State
from engine.store import tables
from engine.store.session import Store

_ACTION = tables.table(tables.Action)
PATIENCE = 2.0
"""Seconds without any news from the sink after which a life is killed; twice as many after each that brought none."""
UNDER_WAY = OPEN | {State.SUBMITTING}
STEP = 90.0
"""Seconds by which the clock is put forward when a life has ended, so that what waits for its time comes soon."""
LONG_STEP = 3600.0
ROUNDS = 200
COMMITS, MOMENT = 10, 0.4
"""About how many commits, or seconds, a life lasts that is to end by them: well below its share of the work."""
LOST = 255
"""What multiprocessing says of a life whose server went: nobody knows how it ended, so it is killed like any other."""
SCARCE, LAST, FEW_COMMITS = 20, 2, 3
"""With less than this share of the work for each life, and the last two times, all die within three commits, so that
each kill that was asked for finds work left."""


@dataclass(kw_only=True)
class Shop:
    """A workspace under way. promises: by channel, what its adapter can do about a doubt.

    kills: those that were asked for, by how. crashes: those that its fake provider added.
    """

    folder: Path
    store: Store
    journal: Path
    tell: Callable[[dict[str, list[str]]], None]
    promises: dict[str, str]
    expected: int
    chance: np.random.Generator
    # without a lock: a life that is killed while it reads the clock would never let go of it
    clock: Any = field(default_factory=lambda: life.CONTEXT.RawValue("d", 0.0))
    kills: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    patience: float = PATIENCE

    @property
    def deliveries(self) -> Path:
        """What a provider that can be asked has taken, if there is one."""
        return self.folder / shop.DELIVERIES

    def live(self, kills: int) -> None:
        """Kill it so often, then let it come to its end. Raises RuntimeError when it does not."""
        reader, rounds = Reader(self.journal, self.deliveries), 0
        while left := self._left():
            missing = kills - self.kills.total()
            rounds = 0 if missing > 0 else rounds + 1
            if rounds > ROUNDS:
                raise RuntimeError(f"{left} actions of {self.folder.name} come to no end")
            self._one(reader, left, max(missing, 0))
            self.clock.value += STEP if missing > 0 else LONG_STEP

    def _left(self) -> int:
        """How many actions are not settled yet, those included that are not decided."""
        with self.store.read() as connection:
            columns = (_ACTION.c.channel, _ACTION.c.state)
            found = connection.execute(select(*columns, func.count()).group_by(*columns)).all()
        settled = sum(
            int(number)
            for channel, state, number in found
            if state not in UNDER_WAY and (state != State.UNKNOWN or self.promises[channel] == "none")
        )
        return self.expected - settled

    def _one(self, reader: Reader, left: int, kills_left: int) -> None:
        """One life; how it is to end is drawn. left: actions."""
        kill, share = kills_left > 0, left // (2 * max(kills_left, 1))
        scarce = share < SCARCE or kills_left <= LAST
        ways = ["commit"] if scarce else ["requests", "held", "commit", "moment"]
        how = str(self.chance.choice(ways)) if kill else ""
        words = ["run"] if kill and self.chance.random() < 0.5 else ["run", "--once"]
        death = None
        if how == "commit":
            number = 1 + int(self.chance.integers(FEW_COMMITS) if scarce else self.chance.exponential(COMMITS))
            death = life.Death(commit=number, before=bool(self.chance.random() < 0.5))
        word = "silent" if self.chance.random() < 0.5 else "silent_taken"
        sides = ["mail"] if self.promises["task"] == "search" else ["http", "mail"]
        self.tell({str(self.chance.choice(sides)): [word]} if how == "held" else {})
        reader.news()
        process = life.start([*words, "-w", str(self.folder)], clock=self.clock, log=self._log, death=death)
        until = self._when(how, share)
        if not kill:
            process.join()
            itself = True
        else:
            heard = _wait(process, reader, until, self.patience)
            self.patience = PATIENCE if heard else 2 * self.patience
            itself = not process.is_alive() and how != "commit"
            process.kill()
            process.join()
        if process.exitcode == -9 and itself:
            self.crashes += 1
        elif process.exitcode == -9:
            self.kills[how] += 1
        elif process.exitcode == LOST and process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            self.crashes += 1
        elif process.exitcode:
            raise RuntimeError(f"exit code {process.exitcode}: {self._log.read_text(encoding='utf-8')[-500:]}")

    @property
    def _log(self) -> Path:
        return self.folder.with_suffix(".log")

    def _when(self, how: str, share: int) -> Callable[[list[Line], float], bool]:
        """Whether the hour has come, by the requests since the life began and its age in seconds."""
        delay = float(self.chance.exponential(0.02))
        if how == "moment":
            age = float(self.chance.exponential(MOMENT))
            return lambda _lines, lived: lived > age
        if how == "held":
            return lambda lines, _lived: any(line.did.startswith("silent") for line in lines)
        number, reached = 1 + int(self.chance.exponential(share)), list[float]()

        def enough(lines: list[Line], lived: float) -> bool:
            if len(lines) >= number and not reached:
                reached.append(lived)
            return bool(reached) and lived > reached[0] + delay

        return enough if how == "requests" else lambda _lines, _lived: False


def _wait(
    process: ForkServerProcess, reader: Reader, until: Callable[[list[Line], float], bool], patience: float
) -> int:
    """Until the process has ended, its hour has come, or nothing happens any more; says how many requests came."""
    began = heard = time.monotonic()
    lines: list[Line] = []
    while process.is_alive():
        now = time.monotonic()
        if news := reader.news():
            lines, heard = lines + news, now
        if until(lines, now - began) or now - heard > patience:
            break
        time.sleep(0.002)
    return len(lines)
