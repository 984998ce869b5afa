"""A shop that goes through trouble, and a sink, a process of its own, that writes down what it got of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, Self

from bench.chaos import journal, life, shop, verdict
from bench.chaos import run as sinks
from engine.app import App, open_app
from engine.config import FILE
from engine.core.actions import State
from engine.daemon.inbox import take_inbox
from engine.daemon.once import once
from engine.dispatch.port import Adapter, Capability, Message, Receipt
from tests.dispatch.shop import empty_store

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
    """A shop whose customers are owed a mail (NONE), a task (KEY, SEARCH or NONE: the door) and points (the store).

    timeout: seconds that it waits for an answer to a task: long, since a slow machine is no silence.
    """

    def __init__(
        self,
        folder: Path,
        sink: Sink,
        *,
        door: str = "key",
        customers: int = 2,
        database: str = "",
        now: datetime | None = None,
        window: tuple[str, str] | None = None,
        timeout: float = 30.0,
    ) -> None:
        self.folder, self.sink, self.customers = folder, sink, customers
        self.door = f"{door}/{next(sink.numbers)}"
        self.now = now or datetime.now(UTC)  # noqa: TID251 - files and processes live now
        ports = sink.ports
        shop.make(folder, customers=customers, door=self.door, ports=ports, now=self.now, store=database)
        if not database:
            (folder / "premura.db").write_bytes(empty_store())
        settings = folder / FILE
        said = settings.read_text(encoding="utf-8")
        settings.write_text(said.replace("timeout = 1.0", f"timeout = {timeout}"), encoding="utf-8")
        if window is not None:
            rule = folder / "rules" / "thanks.toml"
            hours = 'window = {{ from = "{}", to = "{}" }}\nvalid_for'.format(*window)
            rule.write_text(rule.read_text(encoding="utf-8").replace("valid_for", hours), encoding="utf-8")
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

    def killed(
        self,
        word: str = "run",
        *,
        at: life.Death | None = None,
        until: Callable[[list[journal.Line]], bool] | None = None,
    ) -> int:
        """A process of its own that runs all stages once, or dispatch alone, and its exit code.

        at: the commit at which it dies. until: what the sink has got when it is killed.
        """
        clock, log = life.CONTEXT.Value("d", 0.0), self.folder.with_suffix(".log")
        words = [word, *(["--once"] if word == "run" else []), "-w", str(self.folder)]
        process = life.start(words, clock=clock, log=log, death=at)
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
        once(self.app)

    def meddle(self, channel: str, *, after: Callable[[], None]) -> None:
        """Let something happen once, when that channel's first message has been taken and is not written down yet."""
        done: list[str] = []

        def once(message: Message) -> None:
            if not done:
                done.append(message.action)
                after()

        name = self.app.settings.channels[channel]
        self.app.adapters = {**self.app.adapters, name: Meddled(inner=self.app.adapters[name], after=once)}

    def decide(self) -> None:
        """All stages but dispatch."""
        take_inbox(self.app)
        self.app.decide()
        self.app.schedule()

    def settle(self, hours: int = 2) -> None:
        """Rounds, so many hours apart, until each action has come to its end."""
        for _ in range(8):
            self.round(timedelta(hours=hours))
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

    def tasks(self) -> list[Mapping[str, Any]]:
        """The tasks, as the store has them."""
        return [row for row in self.told().actions if row["channel"] == "task"]

    def states(self) -> Counter[tuple[str, str]]:
        """How many actions stand where, by channel."""
        return Counter((row["channel"], row["state"]) for row in self.told().actions)

    def got(self) -> list[journal.Line]:
        """What the sink got of this shop."""
        own = {row["public_id"] for row in self.told().actions}
        return [line for line in self._lines() if line.door == self.door or line.action in own]

    def _lines(self) -> Iterator[journal.Line]:
        return journal.lines(self.sink.path, self.folder / shop.DELIVERIES)

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
    """An adapter after whose sends something happens."""

    inner: Adapter
    after: Callable[[Message], None]

    @property
    def capability(self) -> Capability:
        """The inner one's."""
        return self.inner.capability

    def check(self, message: Message) -> None:
        """As the inner one."""
        self.inner.check(message)

    async def close(self) -> None:
        """As the inner one."""
        await self.inner.close()

    async def send(self, message: Message) -> Receipt:
        """Send it, and whatever else happens."""
        receipt = await self.inner.send(message)
        self.after(message)
        return receipt
