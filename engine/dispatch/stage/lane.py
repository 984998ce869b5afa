"""One adapter's way through the outbox: as many calls under way as it can take, and what they bring written together.

How far ahead of the calls attempts are begun is found by trying: about what the adapter sends in a second. Where only a
person can tell what became of an attempt, none is begun before it can be sent at once.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.dispatch.port import Adapter, Idempotency
from engine.dispatch.stage.attempt import Answer, attempts, ended, handed_back
from engine.dispatch.stage.parcel import Ended, Parcel
from engine.errors import StoreError

if TYPE_CHECKING:
    from engine.dispatch.stage.send import Begun, Sending

MOST_AHEAD = 2000
"""So many attempts are begun in one transaction at most."""
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
        while self.calls:
            parcel = self.calls.popleft()
            why = STOPPED if self.sending.stopping() else LATE if self.sending.clock() - parcel.begun_at > STALE else ""
            if not why:
                yield parcel
            else:
                self.ended += handed_back(parcel, why)
                self.news.set()

    def _over(self, parcel: Parcel, answers: Sequence[Answer]) -> None:
        self.ended += ended(self.adapter, parcel, answers, self.sending.clock())
        self.news.set()

    async def _round(self) -> bool:
        """Write what has ended and begin what there is room for; False when all is done."""
        if self.ended:
            written = self.ended[:]  # more may come meanwhile; what cannot be written now stays, for the last try
            await self.sending.write(written)
            del self.ended[: len(written)]
            self.under_way -= len(written)
        while (room := self._room()) > 0:
            begun = await self.sending.begin(self.name, room)
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

    def _room(self) -> int:
        """How many more may be begun; none before half of what was begun has come to its end."""
        if self.drained or self.sending.stopping() or self.under_way > self.ahead // 2:
            self.again_at = None if self.sending.stopping() else self.again_at
            return 0
        if self.again_at is not None and asyncio.get_running_loop().time() < self.again_at:
            return 0
        if not self._is_doubt_dear:
            now = asyncio.get_running_loop().time()
            quick = now - self.refilled < 1
            self.ahead = min(MOST_AHEAD, FASTER * self.ahead) if quick else max(self._at_once, self.ahead // 2)
            self.refilled = now
        return self.ahead - self.under_way
