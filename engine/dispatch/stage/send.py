"""One run through the outbox: what an ended run left is taken up, then every adapter has a lane of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from engine.core.actions import State
from engine.dispatch.office import Office, Summary
from engine.dispatch.port import Adapter
from engine.dispatch.stage.admit import admit, used
from engine.dispatch.stage.ask import ask
from engine.dispatch.stage.attempt import handed_back
from engine.dispatch.stage.finish import Written, close, count, finish
from engine.dispatch.stage.lane import Lane
from engine.dispatch.stage.parcel import Ended, Parcel
from engine.dispatch.stage.recover import LIFE, leave, recover, show_life
from engine.dispatch.stage.take import Taking, take
from engine.errors import StoreError
from engine.store.outbox import NOT_SENT, Result
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

    async def go_on(self, adapter: str, ended: Sequence[Ended], room: int) -> Begun:
        """Write what came of attempts and begin at most so many others, in one transaction: one wait for the disk.

        What cannot be done together is done apart: nothing that is begun costs a receipt, and then none is begun.
        Raises StoreError: the attempts stay open, and the next run doubts them.
        """
        parcels: list[Parcel] = []
        if ended and room > 0 and all(one.result.outcome != NOT_SENT for one in ended):  # those may be next again
            try:
                return await self._turned(adapter, ended, room, parcels)
            except Exception:  # noqa: BLE001 - each by itself will say what is wrong
                await self.write([*ended, *_unsent(parcels)])
                return Begun(anything=True)
        if ended:
            await self.write(ended)
            return Begun(anything=True)
        try:
            return await self._turned(adapter, (), room, parcels)
        except StoreError:
            if unsent := _unsent(parcels):
                with suppress(StoreError):  # then they are in doubt, if they were begun
                    await self.write(unsent)
            raise

    async def _turned(self, adapter: str, ended: Sequence[Ended], room: int, parcels: list[Parcel]) -> Begun:
        written, begun = await self.stored(self._turn, adapter, ended, room, parcels)
        self._tell(written)
        return begun

    def _turn(
        self, adapter: str, ended: Sequence[Ended], room: int, parcels: list[Parcel]
    ) -> tuple[list[Written], Begun]:  # fmt: skip
        now, summary = self.clock(), Summary()  # of its own: what is not committed has not happened
        with self.store.write() as connection:
            written = close(connection, ended, self.owner, now) if ended else []
            begun = self._begin(connection, adapter, room, now, summary)
            parcels += begun.parcels
        count(written, self.summary)
        for state, number in summary.states.items():
            self.summary.count(State(state), number)
        return written, begun

    def _begin(self, connection: Connection, adapter: str, room: int, now: datetime, summary: Summary) -> Begun:
        """As rate and breaker allow. What falls due later is for another run."""
        can = self.office.adapters[adapter].capability
        taking = Taking(office=self.office, adapter=adapter, owner=self.owner, summary=summary, now=now)
        leave = admit(connection, adapter, can, room, now)
        if not leave.room:
            return Begun(pause=leave.pause)
        parcels, anything = take(connection, taking, self.began, leave.room)
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
                self._tell(written)
                return

    def _tell(self, written: Sequence[Written]) -> None:
        self.progress(len(written))
        for result, is_ours in written:
            self.told(result, is_ours)

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


def _unsent(parcels: Sequence[Parcel]) -> list[Ended]:
    """Perhaps they were begun, and only the answer to the COMMIT was lost; surely none of them goes out."""
    return [one for parcel in parcels for one in handed_back(parcel, UNHEARD)]


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
