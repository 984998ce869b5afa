"""A shop that goes through trouble, and a sink, a process of its own, that writes down what it got of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from functools import cached_property
from pathlib import Path
from typing import Self

from bench.chaos import journal, life, shop, verdict
from bench.chaos import run as sinks
from engine import daemon
from engine.app import App, open_app
from engine.core.actions import State
from engine.dispatch.port import Adapter, Message, Receipt

PROMISES = {"email": "none", "reward": "store"}
SETTLED = (State.ACCEPTED, State.DELIVERED, State.UNKNOWN)


@dataclass(kw_only=True)
class Sink:
    """Where all shops of a file of tests send to; each has its own door."""

    ports: dict[str, int]
    path: Path
    numbers: Iterator[int] = field(default_factory=count)

    def tell(self, **words: Sequence[str]) -> None:
        """What to do with the next requests: ``http`` and ``mail`` (bench/chaos/faults.py has the words)."""
        sinks.tell(self.ports, {side: list(some) for side, some in words.items()})


@contextmanager
def sinking(folder: Path) -> Iterator[Sink]:
    """A sink that takes everything until it is told otherwise."""
    path = folder / "sink.journal"
    with sinks.sink(path) as ports:
        yield Sink(ports=ports, path=path)


class Ordeal:
    """A shop whose customers are owed a mail (NONE), a task (KEY or NONE, by the door) and points (the store alone)."""

    def __init__(self, folder: Path, sink: Sink, *, door: str = "key", customers: int = 2, database: str = "") -> None:
        self.folder, self.sink, self.customers = folder, sink, customers
        self.door = f"{door}/{next(sink.numbers)}"
        self.now = datetime.now(UTC)  # noqa: TID251 - files and processes live now
        ports = sink.ports
        shop.make(folder, customers=customers, door=self.door, ports=ports, now=self.now, store=database)
        self.promises = {**PROMISES, "task": door}
        self.seen = journal.Reader(sink.path)
        self.seen.news()

    @cached_property
    def app(self) -> App:
        """The open workspace, by the ordeal's clock."""
        return open_app(self.folder, lambda: self.now)

    def close(self) -> None:
        """Close the workspace, if it was opened."""
        if "app" in vars(self):
            self.app.close()
            del self.app

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_about: object) -> None:
        self.close()

    def killed(self, *, at: life.Death | None = None, until: Callable[[list[journal.Line]], bool] | None = None) -> int:
        """A process that runs all stages once, and its exit code; it is killed when the sink got what `until` says."""
        clock, log = life.CONTEXT.Value("d", 0.0), self.folder.with_suffix(".log")
        process = life.start(["run", "--once", "-w", str(self.folder)], clock=clock, log=log, death=at)
        seen: list[journal.Line] = []
        while until is not None and process.is_alive() and not until(seen):
            seen += self.seen.news()
        if until is not None:
            process.kill()
        process.join()
        return int(process.exitcode or 0)

    def round(self, later: timedelta = timedelta(0)) -> None:
        """All stages once, in this process."""
        self.now += later
        daemon.once(self.app)

    def settle(self) -> None:
        """Rounds, hours apart, until each action has come to its end."""
        for _ in range(8):
            self.round(timedelta(hours=2))
            if self.told().actions and not self.open():
                return
        raise AssertionError(self.states())

    def open(self) -> list[str]:
        """What is not at its end: a doubt is one only where nobody can be asked."""
        ends = {channel: SETTLED if promise == "none" else SETTLED[:-1] for channel, promise in self.promises.items()}
        return [row["public_id"] for row in self.told().actions if row["state"] not in ends[row["channel"]]]

    def told(self) -> verdict.Told:
        """What the store says."""
        return verdict.told(self.app.store)

    def states(self) -> Counter[tuple[str, str]]:
        """How many actions stand where, by channel."""
        return Counter((row["channel"], row["state"]) for row in self.told().actions)

    def got(self) -> list[journal.Line]:
        """What the sink got of this shop."""
        own = {row["public_id"] for row in self.told().actions}
        return [line for line in journal.lines(self.sink.path) if line.door == self.door or line.action in own]

    def taken(self) -> Counter[str]:
        """How often the sink took each action."""
        return Counter(line.action for line in self.got() if line.took)

    def kept(self) -> list[verdict.Count]:
        """The counts, when every promise was kept by what the sink got."""
        told, got = self.told(), self.got()
        counts = verdict.count(told, got, self.promises)
        assert verdict.broken(told, got, counts, 3 * self.customers) == []
        return counts

    def doubts(self, channel: str) -> tuple[int, int]:
        """How many doubts of that channel are left: what the sink has, what it has not."""
        (found,) = (one for one in self.kept() if one.adapter.startswith(channel))
        return found.unknown_delivered, found.unknown_not_delivered


@dataclass(slots=True, kw_only=True)
class Meddled:
    """An adapter around which something happens: `before` it sends, or `after` it has sent."""

    inner: Adapter
    before: Callable[[Message], None] = lambda _message: None
    after: Callable[[Message], None] = lambda _message: None

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    async def send(self, message: Message) -> Receipt:
        """Send it, and whatever else happens."""
        self.before(message)
        receipt = await self.inner.send(message)
        self.after(message)
        return receipt
