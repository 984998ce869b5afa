"""Everything that is wrong with a workspace, found at once and before anything runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine import assemble, config, workspace
from engine.core.calendar import add, parse_duration
from engine.core.facts import Address
from engine.core.money import to_minor
from engine.core.quiet import QuietPolicy, next_permitted
from engine.core.toml_places import excerpt
from engine.decide.rule import Rule, load
from engine.decide.shape import hint_at
from engine.decide.vocabulary import Vocabulary, vocabulary
from engine.dispatch import render
from engine.dispatch.port import Adapter
from engine.dispatch.proof import sample_context
from engine.errors import ConfigError, Fault, RuleError
from engine.ingest.columns import impossible
from engine.ingest.values import tells_dates

_EXAMPLES: dict[str, Any] = {"string": "…", "int": 3, "double": 2.5, "bool": True, "timestamp": "2026-03-14T10:00:00Z"}
_ANY_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def check(folder: Path) -> tuple[Fault, ...]:
    """Every fault of a workspace's configuration, rules and templates; nothing is opened and nothing is changed."""
    faults: list[Fault] = []
    try:
        settings = config.load(folder)
    except ConfigError as error:
        if not (folder / config.FILE).is_file():
            return error.faults
        faults += error.faults
        settings = config.salvage((folder / config.FILE).read_text(encoding="utf-8", errors="replace"))
    sound = not faults
    adapters: dict[str, Adapter] = {}
    words = vocabulary()
    try:
        words = assemble.vocabulary(settings)
        adapters = assemble.adapters(settings, folder, sys.stdout) if sound else {}
        settings.key.read(folder)
    except ConfigError as error:
        faults += error.faults
    except ValueError as error:
        faults.append(Fault(file=config.FILE, code="P104", text=f"key: {error}", hint="premura init makes one"))
    faults += unreadable(settings, words, folder)
    texts, templates = (_read(read, folder, faults) for read in (workspace.read_rules, workspace.read_templates))
    if texts is not None and templates is not None:  # else nobody knows what a rule says of a template
        rules, found = check_texts(texts, templates, settings, words)
        faults += found
        if sound:
            faults += idle(rules, settings, adapters, folder)
    faults += unkept(settings)
    faults += workspace.unread(folder)
    return tuple(sorted(set(faults)))


def read_well(folder: Path) -> str:
    """What a workspace without a fault has, in words: a file that is not read is missed in the numbers."""
    rules, templates = len(workspace.read_rules(folder)), len(render.names(workspace.read_templates(folder)))
    some = [
        f"{number} {what}{'s' if number != 1 else ''}" for number, what in ((rules, "rule"), (templates, "template"))
    ]
    return ", ".join(["configuration", *some[:1]]) + f" and {some[1]}"


def shown(faults: Iterable[Fault], folder: Path) -> str:
    """The faults, each with the line that it is in and a caret under its place, where that is known."""
    lines: list[str] = []
    for fault in faults:
        lines.append(str(fault))
        text = workspace.read_text(folder, fault.file) if fault.column else ""
        if isinstance(text, str) and fault.line <= text.count("\n") + 1 and text:
            lines.append(excerpt(text.removeprefix("\ufeff"), fault.line, fault.column))
    return "\n".join(lines)


def _read(read: Callable[[Path], dict[str, str]], folder: Path, faults: list[Fault]) -> dict[str, str] | None:
    try:
        return read(folder)
    except RuleError as error:
        faults += error.faults
        return None


def check_texts(
    rules: Mapping[str, str], templates: Mapping[str, str], settings: config.Settings, words: Vocabulary
) -> tuple[tuple[Rule, ...], tuple[Fault, ...]]:
    """The rules of these files, none if one of them is wrong, and every fault of the rules and of the templates.

    rules, templates: text by name, as `engine.workspace` reads them.
    """
    locale, own = settings.shop.locale, examples(words)
    faults = render.check(templates, locale=locale, folder=workspace.TEMPLATES, own=own)
    try:
        found = load(rules, vocabulary=words, templates=render.names(templates))
    except RuleError as error:
        return (), faults + error.faults
    if not faults:
        faults = tuple(
            unsaid(found, render.Templates(templates, locale=locale, folder=workspace.TEMPLATES), settings, words)
        )
    return found, faults


def examples(words: Vocabulary) -> dict[str, Any]:
    """A value for each field of an event that the workspace declared."""
    own = words.declared.get("events", {}).values()
    return {name: _EXAMPLES[kind] for fields in own for name, kind in fields.items()}


def unsaid(
    rules: tuple[Rule, ...], templates: render.Templates, settings: config.Settings, words: Vocabulary
) -> Iterator[Fault]:
    """Steps whose words speak of what their event never says: they would be rejected, each time."""
    sample = {**examples(words), **sample_context()["event"]}
    seen: dict[tuple[str, str], tuple[Fault, ...]] = {}
    for rule in rules:
        on = rule.trigger
        started = on.date.kind if on.date else on.what if on.kind == "event" else ""
        for step in rule.steps:
            kind, name = step.awaits or started, step.plan.template
            if name and (name, kind) not in seen:
                fields = [one.removeprefix("event.") for one in words.events[kind].fields] if kind else []
                event = {one: sample[one] for one in (*fields, "occurred_on") if one in sample and kind}
                event |= {"currency": settings.shop.currency} if "amount" in event else {}
                seen[name, kind] = tuple(render.unwritten(templates, name, templates.tags(name), event))
            for fault in seen.get((name, kind), ())[:1]:
                what = f"after {kind}" if kind else "where no event starts a rule"
                text = f"step '{step.id}' cannot be written {what}: {fault.file}:{fault.line}: {fault.text}"
                yield Fault(file=rule.file, code="P117", text=text, hint=fault.hint)


def unreadable(settings: config.Settings, words: Vocabulary, folder: Path) -> Iterator[Fault]:
    """What [ingest] says of files and fits none: fields that there are not, names and date formats that cannot be."""
    intake, at = assemble.intake(settings, words), config.place_in(folder)
    for kind, reading in intake.readings.items():
        for ours, code, text, hint in impossible(kind, reading.columns, intake.more(kind)):
            place = ("ingest", kind, "columns", ours)
            yield at(place, Fault(file=config.FILE, code=code, text=f"{'.'.join(place)}: {text}", hint=hint))
        if reading.date_format and not tells_dates(reading.date_format):
            text, hint = f"ingest.{kind}.date_format: '{reading.date_format}' tells no date", 'such as "%m/%d/%Y"'
            fault = Fault(file=config.FILE, code="P115", text=text, hint=hint)
            yield at(("ingest", kind, "date_format"), fault)


def idle(
    rules: tuple[Rule, ...], settings: config.Settings, adapters: Mapping[str, Adapter], folder: Path
) -> Iterator[Fault]:
    """What rules that are sound and the settings say of each other to no effect. adapters: none if they are unknown."""
    yield from unserved(rules, settings, adapters)
    yield from unpayable(rules, settings)
    yield from unheard(rules, settings)
    if rules:  # none at all: one of them is not sound, and its id not known
        yield from unspent(rules, settings, adapters, folder)


def unserved(rules: tuple[Rule, ...], settings: config.Settings, adapters: Mapping[str, Adapter]) -> Iterator[Fault]:
    """Steps whose channel no adapter serves."""
    for rule in rules:
        for step in rule.steps:
            name = settings.channels.get(step.channel)
            if name is None or (adapters and name not in adapters):
                text = f"step '{step.id}' uses the channel {step.channel}, which no adapter serves"
                hint = f'[channels] {step.channel} = "…" in {config.FILE}'
                yield Fault(file=rule.file, code="P106", text=text, hint=hint)


def unpayable(rules: tuple[Rule, ...], settings: config.Settings) -> Iterator[Fault]:
    """Rewards in parts of a cent."""
    for rule in rules:
        for step in rule.steps:
            try:
                to_minor(Decimal(step.plan.options.get("amount", "0")), settings.shop.currency)
            except ValueError as error:
                text, hint = f"step '{step.id}' cannot be given: {error}", "round the amount"
                yield Fault(file=rule.file, code="P118", text=text, hint=hint)


def unspent(
    rules: tuple[Rule, ...], settings: config.Settings, adapters: Mapping[str, Adapter], folder: Path
) -> Iterator[Fault]:
    """Budgets that bound nothing: of a rule that is not there (any more), or of a channel whose messages are free."""
    ids, at = [rule.id for rule in rules], config.place_in(folder)
    for rule in settings.budgets.rules:
        if rule not in ids:
            out = f"take its budget out and start premura run again, or put {workspace.RULES}/{rule}.toml back"
            hint = f"{near} Else {out}" if (near := hint_at(rule, ids)) else out
            text = f"budgets.rules: there is no rule '{rule}'"
            yield at(("budgets", "rules", rule), Fault(file=config.FILE, code="P110", text=text, hint=hint))
    costs = assemble.costs(settings, adapters)
    for channel in assemble.budgets(settings).channels:
        if not costs.get(channel):
            text = f"budgets.{channel}: bounds nothing, because a message costs nothing"
            hint = f"say what one costs: [costs] {channel} = 0.01"
            yield at(("budgets", channel), Fault(file=config.FILE, code="P111", text=text, hint=hint))


def unkept(settings: config.Settings) -> Iterator[Fault]:
    """Actions that would leave the outbox while caps and budgets count them, or lose their content before that."""
    said = settings.retention
    lengths = {"caps.within": settings.caps.within, "a month, over which budgets count": "P31D"}
    for name, length in lengths.items():
        if _shorter(said.actions, length):
            text = f"retention.actions: {said.actions} is shorter than {name}"
            yield Fault(file=config.FILE, code="P116", text=text, hint='[retention] actions = "P90D" is a good length')
    if said.contents and _shorter(said.contents, said.actions):
        text = f"retention.contents: {said.contents} is shorter than retention.actions, {said.actions}"
        yield Fault(file=config.FILE, code="P116", text=text, hint="contents are emptied in the history only")


def _shorter(one: str, other: str) -> bool:
    return add(_ANY_DAY, parse_duration(one), "UTC") < add(_ANY_DAY, parse_duration(other), "UTC")


def unheard(rules: tuple[Rule, ...], settings: config.Settings) -> Iterator[Fault]:
    """Steps that would never go out, because their window lies wholly in the quiet hours."""
    start, end = settings.quiet.hours
    policy = QuietPolicy(start=start, end=end)
    for rule in rules:
        for step in rule.steps:
            quiet = policy.around(channel=step.channel, purpose=rule.purpose, address=Address())
            if next_permitted(step.plan.window, quiet, _ANY_DAY, "UTC") is None:
                hours = f"the quiet hours, {start:%H:%M} to {end:%H:%M}"
                text = f"step '{step.id}' would never go out: its window lies in {hours}"
                hint = f"widen its window, or [quiet] in {config.FILE}"
                yield Fault(file=rule.file, code="P109", text=text, hint=hint)
