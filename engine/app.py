"""The composition root: the one place that knows the configuration, the store, the adapters and the clock."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from engine import assemble, config, workspace
from engine.core.quiet import QuietPolicy
from engine.errors import ConfigError, Fault, LeaseError
from engine.rights import Proof, Right
from engine.store.session import Store, create, new_id, open_store

if TYPE_CHECKING:  # each stage is imported when it is first used, so that `premura --help` is quick
    from engine.decide.rule import Rule
    from engine.decide.stage import Policy as DecidePolicy
    from engine.decide.stage import Summary as Decided
    from engine.decide.vocabulary import Vocabulary
    from engine.dispatch.office import Office
    from engine.dispatch.office import Summary as Dispatched
    from engine.dispatch.port import Adapter
    from engine.dispatch.render import Templates
    from engine.guard import Guard
    from engine.ingest.columns import Kind
    from engine.ingest.stage import Summary as Ingested
    from engine.schedule.dating import Policy as SchedulePolicy
    from engine.schedule.stage import Summary as Scheduled
    from engine.score.stage import Summary as Scored
    from engine.store.outbox import Result

Clock = Callable[[], datetime]
Progress = Callable[[int], None]
DISPATCHER, LEADER = "dispatcher", "leader"
_SQLITE = "sqlite:///"
COUNT_ON = timedelta(minutes=1)
"""How often the restore guard counts on while things go out: a copy that is not older than that is not noticed."""


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one clock of the program


def _silent(_done: int) -> None:
    """Nobody watches."""


@dataclass
class App:
    """An open workspace. Every method is one verb of the command line."""

    folder: Path
    settings: config.Settings
    store: Store
    clock: Clock = system_clock
    owner: str = field(default_factory=new_id)
    screen: TextIO = field(default_factory=lambda: sys.stdout)

    @cached_property
    def key(self) -> str:
        """The workspace's secret key."""
        try:
            key, why = self.settings.key.read(self.folder).get_secret_value(), "the file is empty"
        except ValueError as error:
            key, why = "", str(error)
        if not key:
            hint = "premura init makes one"
            raise ConfigError([Fault(file=config.FILE, code="P104", text=f"key: {why}", hint=hint)])
        return key

    @cached_property
    def words(self) -> Vocabulary:
        """The names and event kinds that this workspace's rules may speak of."""
        return assemble.vocabulary(self.settings)

    @cached_property
    def templates(self) -> Templates:
        """The workspace's templates, compiled."""
        from engine.dispatch.render import Templates

        return Templates(workspace.read_templates(self.folder), locale=self.settings.shop.locale)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The workspace's rules, checked. Raises RuleError with every fault."""
        from engine.decide.rule import load

        return load(workspace.read_rules(self.folder), vocabulary=self.words, templates=self.templates.names)

    @cached_property
    def adapters(self) -> dict[str, Adapter]:
        """The configured adapters by name. Raises ConfigError with every fault."""
        return assemble.adapters(self.settings, self.folder, self.screen)

    @cached_property
    def lead_days(self) -> dict[str, int]:
        """How many days each channel's messages travel."""
        channels = self.settings.channels.items()
        return {
            channel: self.adapters[name].capability.lead_days for channel, name in channels if name in self.adapters
        }

    def use(self, rules: tuple[Rule, ...], templates: Templates) -> None:
        """Put other rules and templates in force. Not while a stage is at work: each begins and ends with the same."""
        self.rules, self.templates, self.office = rules, templates, replace(self.office, templates=templates)

    def ready(self) -> None:
        """Read rules, templates and adapters now. Raises ConfigError with what is wrong, before anything was done."""
        _ = self.rules, self.office

    def ingest(self, path: Path, *, kind: Kind | None = None, progress: Progress = _silent) -> Ingested:
        """Stage 1 for one file."""
        from engine.ingest.stage import ingest

        rejects = self.folder / workspace.REJECTS
        intake = assemble.intake(self.settings, self.words)
        return ingest(self.store, path, intake, kind=kind, rejects=rejects, now=self.clock(), progress=progress)

    def score(self, *, progress: Progress = _silent) -> Scored:
        """Stage 2 for everybody."""
        from engine.score.stage import score

        return score(self.store, assemble.scoring(self.settings), now=self.clock(), progress=progress)

    def rescore(self) -> int | None:
        """Stage 2 for those whose history changed, by the last fit; None when everybody must be scored."""
        from engine.score.stage import rescore

        return rescore(self.store, assemble.scoring(self.settings), now=self.clock())

    def decide(self, *, progress: Progress = _silent) -> Decided:
        """Stage 3 up to now."""
        from engine.decide.stage import decide

        return decide(self.store, self.decide_policy(), now=self.clock(), progress=progress)

    def decide_policy(self) -> DecidePolicy:
        """What decide works with."""
        from engine.decide.stage import Policy

        shop = self.settings.shop
        return Policy(
            rules=self.rules,
            words=self.words,
            time_zone=shop.time_zone,
            currency=shop.currency,
            key=self.key,
            start=date.fromisoformat(shop.start) if shop.start else None,
            lead_days=self.lead_days,
            workspace_holdout=self.settings.holdout.share,
        )

    @cached_property
    def quiet(self) -> QuietPolicy:
        """When customers are left in peace."""
        start, end = self.settings.quiet.hours
        if not self.settings.quiet.holidays:
            return QuietPolicy(start=start, end=end)
        from engine.schedule.closed import public_holidays

        country = self.settings.shop.address.country
        return QuietPolicy(start=start, end=end, holidays=public_holidays, country=country)

    def schedule(self) -> Scheduled:
        """Stage 4 for what was decided."""
        from engine.schedule.stage import schedule

        return schedule(self.store, self.schedule_policy(), now=self.clock())

    def schedule_policy(self) -> SchedulePolicy:
        """What schedule works with."""
        from engine.schedule.dating import Policy

        return Policy(
            messages=self.settings.caps.messages,
            within=self.settings.cap_within,
            time_zone=self.settings.shop.time_zone,
            lead_days=self.lead_days,
            quiet=self.quiet,
            household=self.settings.caps.household,
            costs=assemble.costs(self.settings, self.adapters),
            budgets=assemble.budgets(self.settings),
        )

    def dispatch(
        self,
        *,
        stopping: Callable[[], bool] = lambda: False,
        progress: Progress = _silent,
        told: Callable[[Result, bool], None] = lambda _result, _is_ours: None,
    ) -> Dispatched:
        """Stage 5 for what is due. Raises LeaseError when another process dispatches on this store.

        told: hears of each attempt what came of it, and whether it was still ours to write.
        """
        from engine.dispatch.office import Summary
        from engine.dispatch.restored import sentence, stands_still
        from engine.dispatch.stage import prepare, send

        summary = Summary()
        with self.dispatching():
            gaps = self.guard.look()
            office = replace(self.office, gaps=gaps)
            prepare(self.store, office, summary, now=self.clock(), stopping=stopping)
            self.guard.forget(gaps)
            summary.refused = sentence(gaps, self.guard.adapters, self.settings.shop.time_zone)
            sending = send(
                self.store,
                office.without(stands_still(gaps, self.guard.adapters)),
                summary,
                owner=new_id(),
                clock=self.clock,
                stopping=stopping,
                progress=self._counting(progress),
                life=timedelta(seconds=2 * self.settings.daemon.lease),
                told=told,
            )
            asyncio.run(sending)
        return summary

    @cached_property
    def guard(self) -> Guard:
        """What notices that the store is an old copy."""
        from engine.guard import Guard

        return Guard(folder=self.folder, store=self.store, clock=lambda: self.clock(), adapters=self.adapters)

    def _counting(self, progress: Progress) -> Progress:
        """The same, and each minute the guard counts on."""
        last = self.clock()

        def count(done: int) -> None:
            nonlocal last
            if abs(self.clock() - last) >= COUNT_ON:
                self.guard.tick()
                last = self.clock()
            progress(done)

        return count

    @cached_property
    def office(self) -> Office:
        """What dispatch works with."""
        from engine.dispatch.office import Office
        from engine.dispatch.waiting import Cap

        return Office(
            sender=assemble.sender(self.settings, self.key),
            templates=self.templates,
            adapters=self.adapters,
            channels=self.settings.channels,
            cap=Cap(
                messages=self.settings.caps.messages,
                within=self.settings.cap_within,
                household=self.settings.caps.household,
            ),
            quiet=self.quiet,
        )

    @cached_property
    def right(self) -> Right:
        """What one process has at a time: on SQLite to work on the store at all, on a server to lead the others."""
        alone = self.store.is_sqlite
        file = store_url(self.folder, self.settings).removeprefix(_SQLITE)
        return Right(
            store=self.store,
            name=DISPATCHER if alone else LEADER,
            owner=self.owner,
            lasts=timedelta(seconds=self.settings.daemon.lease),
            clock=lambda: self.clock(),
            proof=Proof(path=Path(f"{file}.lock")) if alone else None,
        )

    def leads(self) -> bool:
        """Whether this process may do what one must do for all; on SQLite there is nobody else."""
        return self.store.is_sqlite or self.right.is_ours()

    @contextmanager
    def dispatching(self) -> Iterator[None]:
        """Hold the right to dispatch on this store: one process has it at a time on SQLite, any number on a server."""
        held = self.store.is_sqlite and self.take_dispatch_right()
        try:
            yield
        finally:
            if held:
                self.right.give_back()

    def take_dispatch_right(self) -> bool:
        """Take or renew it; True when it was not ours before. Raises LeaseError when somebody else has it."""
        mine = self.right.until is not None
        other = self.right.take()
        if other is not None:
            wait = f"{self.settings.daemon.lease:.0f} seconds"
            raise LeaseError(
                f"another premura dispatches on this store ({other}), so this one does not "
                f"(hint: stop that one; if it was killed on another machine, its right ends within {wait})"
            )
        return not mine

    def close(self) -> None:
        """Close the store."""
        self.right.let_go()
        self.store.close()


def open_app(folder: Path, clock: Clock = system_clock, screen: TextIO | None = None) -> App:
    """Open a workspace. Raises ConfigError or StoreError."""
    settings = config.load(folder)
    store = open_store(store_url(folder, settings))
    return App(folder=folder, settings=settings, store=store, clock=clock, screen=screen or sys.stdout)


def store_url(folder: Path, settings: config.Settings) -> str:
    """The store's address; a relative SQLite path is relative to the workspace."""
    if settings.store.startswith(_SQLITE) and not settings.store.startswith(_SQLITE + "/"):
        return _SQLITE + str((folder / settings.store.removeprefix(_SQLITE)).absolute())
    return settings.store


def upgrade(folder: Path) -> None:
    """Bring the workspace's store to this version's shape, making it where there is none."""
    create(store_url(folder, config.load(folder))).close()
