"""What this process knows of itself: what its ticks did and when, so that others can see whether it lives.

The daemon writes it; the web server, the log and systemd's watchdog read it. Times are seconds of a clock that only
goes forward. Each record is replaced whole, so that another thread never reads half of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One recurring piece of work: how often it is due, and how its runs went."""

    line: str  # the thread that it shares with others
    every: float
    since: float  # when it was first expected
    begun: float | None = None  # its run at work
    ended: float | None = None  # its last run that came to an end
    seconds: float = 0.0  # what that one took
    runs: int = 0
    failures: int = 0

    def lag(self, now: float) -> float:
        """Seconds since it last came to an end; since it was first expected when it never did."""
        return now - (self.since if self.ended is None else self.ended)


@dataclass(slots=True, kw_only=True)
class Status:
    """The state of a process.

    patience: after so many seconds without a sign of life from a thread, its work counts as stuck.
    """

    patience: float
    ticks: dict[str, Tick] = field(default_factory=dict)
    signs: dict[str, float] = field(default_factory=dict)  # thread -> its last sign of life
    refused: bool = False  # the rule files have faults, so that the rules before them are in force
    stands_still: bool = False  # something is not sent before a person said that it may
    stopping: bool = False

    def expect(self, name: str, *, line: str, every: float, now: float) -> None:
        """From now on that tick is to run, so many seconds apart, on that thread."""
        self.ticks[name] = Tick(line=line, every=every, since=now)
        self.signs[line] = now

    def begin(self, name: str, now: float) -> None:
        """A run of that tick begins."""
        self.ticks[name] = replace(self.ticks[name], begun=now)
        self.go_on(name, now)

    def go_on(self, name: str, now: float) -> None:
        """A run that is under way has come a step further."""
        self.signs[self.ticks[name].line] = now

    def end(self, name: str, now: float, *, failed: bool = False) -> None:
        """The run came to its end."""
        tick = self.ticks[name]
        seconds = now - (now if tick.begun is None else tick.begun)
        self.ticks[name] = replace(
            tick, begun=None, ended=now, seconds=seconds, runs=tick.runs + 1, failures=tick.failures + failed
        )
        self.go_on(name, now)

    def stuck(self, now: float) -> tuple[str, ...]:
        """What does not go on any more, in words; nothing while the process lives."""
        return tuple(words for line in list(self.signs) if (words := self._silence(line, now)))

    def _silence(self, line: str, now: float) -> str:
        ticks = {name: tick for name, tick in self.ticks.items() if tick.line == line}
        limit = self.patience + min(tick.every for tick in ticks.values())  # it may have nothing to do for so long
        silent = now - self.signs[line]
        if silent <= limit:
            return ""
        at_work = [name for name, tick in ticks.items() if tick.begun is not None]
        return f"no sign of life from {' and '.join(at_work or sorted(ticks))} for {silent:.0f} seconds"
