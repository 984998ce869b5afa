"""One adapter's way through the outbox: as many calls under way as it can take, and what they bring written together.

What has ended is written, and others are begun, in one transaction, while the calls go on. How far ahead of the calls
attempts are begun is found by trying: about what the adapter sends in a second. Where only a person can tell what
became of an attempt it is far less (`sparing`): what keeps the adapter from waiting for the store.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.dispatch.port import Adapter, Capability, Idempotency
from engine.dispatch.stage.attempt import Answer, attempts, ended, handed_back
from engine.dispatch.stage.parcel import Ended, Parcel
from engine.errors import DeliveryError, StoreError

if TYPE_CHECKING:
    from engine.dispatch.stage.send import Begun, Sending

MOST_AHEAD = 2000
"""So many attempts are begun in one transaction at most."""
MOST_DEAR = 16
"""So many are begun and not written at most where only a person can clear a doubt, unless the adapter itself takes more
at once: a worker that is killed leaves as many in doubt. Three times as many would be no quicker."""
FASTER = 4
"""So many times as far ahead the next time, where half of what was begun came to its end within a second."""
STALE = timedelta(seconds=10)
"""What was begun so long ago without being sent is asked about again first."""
GATHER = 0.05
"""Seconds that a receipt waits for others at most."""
SOON = timedelta(seconds=10)
"""So long a run waits for its rate."""
HEED = 0.5
"""Seconds after which a waiting lane sees that it is to stop."""
LATE = "it was begun and not sent: its turn came too late"
STOPPED = "it was begun and not sent: the dispatcher was to stop"


def sparing(can: Capability, *, lasts: float, writing: float) -> int:
    """So many messages may be begun and not written where each of them is a doubt when the worker is killed.

    As many as the adapter has in its hands, and as many as it takes while the store writes twice: what ends during one
    writing is written by the next, and nobody should wait for that. Behind an adapter that takes one after the other
    nothing is begun: a call may last, and another worker can send it meanwhile. lasts, writing: seconds of a call, of
    the store.
    """
    width = max(1, can.concurrency)
    meanwhile = min(MOST_DEAR, int(2 * width * writing / max(lasts, 1e-9))) if width > 1 else 0
    return max(width * can.batch, min(MOST_DEAR, (width + meanwhile) * can.batch))


@dataclass(slots=True, kw_only=True)
class Lane:
    """The calls of one adapter in one run."""

    name: str
    adapter: Adapter
    sending: Sending
    drained: bool = False
    under_way: int = 0  # begun, and not yet written how it ended
    ahead: int = field(init=False)
    refilled: float = 0.0
    callers: list[asyncio.Future[None]] = field(default_factory=list)
    calls: deque[Parcel] = field(default_factory=deque)
    more: asyncio.Event = field(default_factory=asyncio.Event)  # there are calls, or there will be none
    closed: bool = False
    ended: list[Ended] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    again_at: float | None = None  # when there may be more tokens
    lasts: float = math.inf  # seconds of a call, as they lately were
    writing: float = 0.0  # seconds that the store took the last time
    fails: bool = False  # what was last called did not take it, or did not say so

    def __post_init__(self) -> None:
        self.ahead = self._at_once

    @property
    def _at_once(self) -> int:
        """So many messages can be under way at the adapter."""
        return self._width * self.adapter.capability.batch

    @property
    def _is_doubt_dear(self) -> bool:
        """Whether only a person can clear a doubt."""
        return self.adapter.capability.idempotency is Idempotency.NONE

    @property
    def _width(self) -> int:
        return max(1, self.adapter.capability.concurrency)

    async def run(self) -> None:
        """Until nothing is due any more, or the run is to stop; then what is under way comes to its end."""
        self.callers = [asyncio.ensure_future(self._call()) for _ in range(self._width)]
        try:
            while await self._round():
                await self._news()
                for caller in self.callers:
                    if caller.done():
                        caller.result()  # raises what only ends a process
        except StoreError:
            await self._last_calls()
            if self.ended:
                await self.sending.write(self.ended)  # the store may take them yet, and nothing else tells of them
            raise
        finally:
            await self._last_calls()

    async def _last_calls(self) -> None:
        self.closed = True
        self.more.set()
        await asyncio.gather(*self.callers, return_exceptions=True)

    async def _news(self) -> None:
        """Wait for the end of a call; where a doubt costs nothing, a moment longer, so that more is written at once.

        Or until there may be more tokens, or somebody may want it to stop.
        """
        loop = asyncio.get_running_loop()
        until = None if self.again_at is None else min(self.again_at, loop.time() + HEED)
        while self._waits() and not any(caller.done() for caller in self.callers):
            if self.ended and self._is_doubt_dear:
                return
            if self.ended:
                until = min(until or math.inf, loop.time() + GATHER)
            self.news.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self.news.wait()
            except TimeoutError:
                return

    def _waits(self) -> bool:
        """Whether it is too early to write, or there is nothing to write."""
        return len(self.ended) * 2 < self.under_way or (not self.ended and self.again_at is not None)

    async def _call(self) -> None:
        """One call after the other, until there are to be no more."""
        try:
            while self.calls or not self.closed:
                await attempts(self.adapter, self._in_time(), self._over)
                if not self.closed:
                    self.more.clear()
                    await self.more.wait()
        finally:
            self.news.set()

    def _in_time(self) -> Iterator[Parcel]:
        """What was begun and is still to be called; what comes too late for that is handed back."""
        loop = asyncio.get_running_loop()
        while self.calls:
            parcel = self.calls.popleft()
            why = STOPPED if self.sending.stopping() else LATE if self.sending.clock() - parcel.begun_at > STALE else ""
            if not why:
                start = loop.time()
                yield parcel
                self._lasted(loop.time() - start)
            else:
                self.ended += handed_back(parcel, why)
                self.news.set()

    def _lasted(self, seconds: float) -> None:
        """A call took so long."""
        self.lasts = seconds if self.lasts == math.inf else self.lasts + (seconds - self.lasts) / 8

    def _over(self, parcel: Parcel, answers: Sequence[Answer]) -> None:
        self.ended += ended(self.adapter, parcel, answers, self.sending.clock())
        self.fails = any(isinstance(one, DeliveryError) and not one.permanent for one in answers)
        self.news.set()

    async def _round(self) -> bool:
        """Write what has ended and begin what there is room for; False when all is done."""
        loop = asyncio.get_running_loop()
        while True:
            written = self.ended[:]  # more may come meanwhile; what cannot be written now stays, for the last try
            room, start = self._room(self.under_way - len(written)), loop.time()
            if not written and not room:
                break
            begun = await self.sending.go_on(self.name, written, room)
            self.writing = loop.time() - start
            del self.ended[: len(written)]
            self.under_way -= len(written)
            if not room:
                break
            self._rest(begun)
            for parcel in begun.parcels:
                self.under_way += len(parcel.messages)
                self.calls.append(parcel)
                self.more.set()
            if begun.parcels or begun.pause is not None:
                break
        return self.under_way > 0 or self.again_at is not None

    def _rest(self, begun: Begun) -> None:
        """Where its rate is used up it goes on in a moment: in this run, if that is soon and was not in vain before."""
        idle = self.again_at is not None and not self.under_way
        self.drained = not begun.anything
        self.again_at = None
        if begun.pause is not None:
            self.drained = begun.pause > SOON or idle
            if not self.drained:
                self.again_at = asyncio.get_running_loop().time() + begun.pause.total_seconds()

    def _room(self, under_way: int) -> int:
        """How many more may be begun, where so many are under way.

        Where a doubt costs nothing, none before half of what was begun has come to its end.
        """
        now = asyncio.get_running_loop().time()
        if self.drained or self.sending.stopping():
            self.again_at = None if self.sending.stopping() else self.again_at
            return 0
        if self.again_at is not None and now < self.again_at:
            return 0
        if self._is_doubt_dear:
            self.ahead = sparing(self.adapter.capability, lasts=self.lasts, writing=0 if self.fails else self.writing)
        elif under_way > self.ahead // 2:
            return 0
        else:
            quick = now - self.refilled < 1
            self.ahead = min(MOST_AHEAD, FASTER * self.ahead) if quick else max(self._at_once, self.ahead // 2)
            self.refilled = now
        return max(0, self.ahead - under_way)
