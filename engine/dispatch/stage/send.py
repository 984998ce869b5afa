"""One run through the outbox: what an ended run left is taken up, then every adapter has a lane of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from engine.dispatch.office import Office, Summary
from engine.dispatch.port import Adapter
from engine.dispatch.stage.admit import admit, used
from engine.dispatch.stage.ask import ask
from engine.dispatch.stage.attempt import handed_back
from engine.dispatch.stage.finish import Written, finish
from engine.dispatch.stage.lane import Lane
from engine.dispatch.stage.parcel import Ended, Parcel
from engine.dispatch.stage.recover import LIFE, leave, recover, show_life
from engine.dispatch.stage.take import Taking, take
from engine.errors import StoreError
from engine.store.outbox import Result
from engine.store.session import Store

CLOSE_LIMIT = timedelta(seconds=10)
PULSES = 6
"""So many times within its life a worker shows that it lives."""
PATIENCE = (0.2, 1.0, 3.0, 10.0)
"""Seconds between tries to write receipts that the store does not take: they are all that tells what went out."""
UNHEARD = "it was begun and not sent: the store did not say whether it had written that"
T = TypeVar("T")
Told = Callable[[Result, bool], None]
"""Hears what came of an attempt that was written, and whether it was still ours to write."""


async def send(
    store: Store,
    office: Office,
    summary: Summary,
    *,
    owner: str,
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda _sent: None,
    life: timedelta = LIFE,
    told: Told = lambda _result, _is_ours: None,
) -> None:
    """Send what is due now. When `stopping` says so, or the task is cancelled, the actions in hand are finished and the
    rest handed back.

    owner: a random id of this run, under which it holds its leases; on SQLite all other leases count as lost.
    life: without a sign of life for so long, the run counts as gone.
    progress: also told of 0 now and then, as long as the run lives. told: hears what came of each attempt.
    """
    sending = Sending(
        store=store,
        office=office,
        summary=summary,
        owner=owner,
        clock=clock,
        stopping=stopping,
        progress=progress,
        life=life,
        told=told,
    )
    work = asyncio.ensure_future(sending.run())
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        sending.stopping = lambda: True
        await work
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Attempts that were begun. anything: whether anything was due; pause: after that there may be more tokens."""

    parcels: Sequence[Parcel] = ()
    anything: bool = False
    pause: timedelta | None = None


@dataclass(slots=True, kw_only=True)
class Sending:
    """What the lanes of a run share. The store is asked by one thread at a time, never inside a send."""

    store: Store
    office: Office
    summary: Summary
    owner: str
    clock: Callable[[], datetime]
    stopping: Callable[[], bool]
    progress: Callable[[int], None]
    life: timedelta
    told: Told
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    began: datetime = field(init=False)

    async def run(self) -> None:
        """Take up what was left, then work in one lane for each adapter, so that a slow one holds up nobody else."""
        self.began = self.clock()
        pulse = asyncio.ensure_future(self._show_life())
        try:
            await self.stored(recover, self.store, self.office, self.summary, self.owner, self.began, self.life)
            adapters = self.office.adapters.items()
            lanes = (Lane(name=name, adapter=adapter, sending=self).run() for name, adapter in adapters)
            await _all([*lanes, *(ask(name, adapter, self) for name, adapter in adapters)])
        finally:
            pulse.cancel()
            await _all(_close(adapter) for adapter in self.office.adapters.values())
            with suppress(StoreError):  # then its lease ends by itself
                await self.stored(leave, self.store, self.owner)

    async def begin(self, adapter: str, room: int) -> Begun:
        """Begin at most so many attempts, as rate and breaker allow. What falls due later is for another run."""
        parcels: list[Parcel] = []
        try:
            return await self.stored(self._begin, adapter, room, parcels)
        except StoreError:
            await self._give_back(parcels)
            raise

    async def _give_back(self, parcels: Sequence[Parcel]) -> None:
        """Perhaps they were begun, and only the answer to the COMMIT was lost; surely none of them goes out."""
        if unsent := [one for parcel in parcels for one in handed_back(parcel, UNHEARD)]:
            with suppress(StoreError):  # then they are in doubt, if they were begun
                await self.write(unsent)

    def _begin(self, adapter: str, room: int, parcels: list[Parcel]) -> Begun:
        now, can = self.clock(), self.office.adapters[adapter].capability
        taking = Taking(office=self.office, adapter=adapter, owner=self.owner, summary=self.summary, now=now)
        with self.store.write() as connection:
            leave = admit(connection, adapter, can, room, now)
            if not leave.room:
                return Begun(pause=leave.pause)
            some, anything = take(connection, taking, self.began, leave.room)
            parcels += some
            used(connection, adapter, can, leave, sum(len(parcel.messages) for parcel in parcels), now)
        return Begun(parcels=parcels, anything=anything)

    async def write(self, ended: Sequence[Ended]) -> None:
        """Write what came of attempts, with patience.

        Raises StoreError: they stay open, and the next run doubts them.
        """
        for wait in (*PATIENCE, None):
            try:
                written = await self.stored(self._finish, ended)
            except StoreError:
                if wait is None:
                    raise
                await asyncio.sleep(wait)
            else:
                self.progress(len(ended))
                for result, is_ours in written:
                    self.told(result, is_ours)
                return

    def _finish(self, ended: Sequence[Ended]) -> list[Written]:
        return finish(self.store, ended, self.summary, owner=self.owner, now=self.clock())

    async def _show_life(self) -> None:
        while True:
            await asyncio.sleep(self.life.total_seconds() / PULSES)
            self.progress(0)
            with suppress(StoreError):  # the lanes will say so
                await self.stored(show_life, self.store, self.owner, self.clock(), self.life)

    async def stored(self, work: Callable[..., T], *arguments: Any) -> T:
        """Ask or write the store, in a thread, one after the other."""
        async with self.turn:
            return await asyncio.to_thread(work, *arguments)


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do these at the same time; what fails is raised when all have come to their end."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _close(adapter: Adapter) -> None:
    """Let it go; one that cannot say goodbye has done its work all the same."""
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_LIMIT.total_seconds()):
            await adapter.close()
