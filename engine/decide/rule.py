"""Rules: TOML text in, frozen records out. Files come as text, so nothing here reads or watches a folder.

Whatever is wrong in any file is told at once, each fault under a stable code of `engine.decide.rule_file.CODES`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Literal, cast, get_args

from engine.core.actions import RESEND, Plan
from engine.core.calendar import Duration, Window, parse_days, parse_duration
from engine.core.keys import sha256
from engine.core.reasons import Clause
from engine.core.toml_places import Path
from engine.core.wording import COMMON, Worded, said_in
from engine.decide import dates, shape
from engine.decide.condition import Condition
from engine.decide.dates import DateTrigger
from engine.decide.rule_file import RuleFile, read_toml
from engine.decide.vocabulary import Scope, Vocabulary
from engine.decide.wait_keys import check_wait, wait_of
from engine.errors import Fault, RuleError

TriggerKind = Literal["event", "date", "score", "sweep"]
_STARTS: tuple[TriggerKind, ...] = get_args(TriggerKind)
DEFAULT_HOLDOUT = 0.10
"""For rules that say nothing; transactional ones hold nobody out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What starts a rule: an event of kind `what`, the day of the date `what`, `condition` (its text is `what`)
    becoming true of the score, or the period `what`."""

    kind: TriggerKind
    what: str
    condition: Condition | None = None  # of a score trigger only
    date: DateTrigger | None = None  # of a date trigger only


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a rule does. `after` counts from what started the rule, and is below zero before a date; `plan` is
    pinned to the action, as `planned` has it in JSON.

    What a step that waits for an event asks, and how long after it, is in its plan: `after` and `when` say nothing.
    """

    id: str
    channel: str
    after: Duration
    when: Condition | None
    plan: Plan
    planned: Mapping[str, Any]

    @property
    def awaits(self) -> str:
        """The event kind that it waits for, or empty."""
        return self.plan.wait.kind if self.plan.wait else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as it was written. title: also by language. `hash` is the sha256 of `text`; decisions and rewards name it.
    clauses: those of its conditions, in the order in which they are asked; reads: the names in them; asks_further:
    whether steps ask something; channels: of its steps; waits: steps that wait, and for what."""

    id: str
    title: Worded
    purpose: str
    holdout: float
    worth_micro: int | None  # what one message brings, in millionths of a unit of the currency; None: not said
    trigger: Trigger
    when: Condition | None
    stop_on: tuple[str, ...]
    again_after: Duration | None
    steps: tuple[Step, ...]
    clauses: tuple[Clause, ...]
    reads: tuple[str, ...]
    asks_further: bool
    channels: tuple[str, ...]
    waits: Mapping[str, str]
    file: str
    text: str
    hash: str

    @property
    def name(self) -> str:
        """The title in English, as reports have it, or what there is."""
        return said_in(self.title, COMMON)


def load(files: Mapping[str, str], *, vocabulary: Vocabulary, templates: Collection[str]) -> tuple[Rule, ...]:
    """The rules of these files (name -> TOML text), in the order of their ids.

    templates: the names that a step may use, such as ``email/anniversary``.
    Raises RuleError with every fault of every file; then none of the rules is to be used.
    """
    known = shape.Known(vocabulary=vocabulary, templates=templates)
    rules: list[Rule] = []
    faults: list[Fault] = []
    for name, text in files.items():
        file = read_toml(name, text)
        rule = None if file.faults else _read(file, known)
        if rule is not None:
            _once(file, rule, rules)
        faults += file.faults
        if rule is not None and not file.faults:
            rules.append(rule)
    if faults:
        raise RuleError(faults)
    return tuple(sorted(rules, key=lambda rule: rule.id))


def _once(file: RuleFile, rule: Rule, others: Iterable[Rule]) -> None:
    """Folders in rules/ are read too, so a copy that was put aside there would be in force beside the rule."""
    for one in others:
        if one.id == rule.id:
            text, hint = f"{one.file} has the id '{one.id}' already", "move one of them out of rules/, or rename it"
            file.fault(("id",), "R007", text, hint)


def _read(file: RuleFile, known: shape.Known) -> Rule | None:
    top = {key: value for key, value in file.data.items() if key not in ("on", "journey", "step")}
    head = file.part(shape.Head, top, (), known)
    if head is not None and head.id != file.stem:
        file.fault(("id",), "R005", f"the id '{head.id}' is not the file's name", f"write '{file.stem}', or rename it")
    scope = _scope(file.data.get("on"), known.vocabulary)
    trigger, when = _on(file, known, scope)
    journey = file.part(shape.Journey, file.data.get("journey", {}), ("journey",), known)
    steps = _steps(file, known, scope)
    if any(fault.code in ("R011", "R012") for fault in file.faults):  # nobody knows which fields the event has
        file.faults[:] = [fault for fault in file.faults if not fault.text.startswith("unknown name 'event.")]
    if head is None or trigger is None or journey is None:
        return None
    clauses = tuple(_clauses(when, steps))
    usual = 0.0 if head.purpose == "transactional" else DEFAULT_HOLDOUT
    return Rule(
        id=head.id,
        title=cast("Worded", head.title),
        purpose=head.purpose,
        holdout=usual if head.holdout is None else head.holdout,
        worth_micro=None if head.worth is None else round(head.worth * 10**6),
        trigger=trigger,
        when=when,
        stop_on=tuple(journey.stop_on),
        again_after=parse_duration(journey.again_after) if journey.again_after else None,
        steps=steps,
        clauses=clauses,
        reads=tuple(dict.fromkeys(name for clause in clauses for name in clause.names)),
        asks_further=any(step.when is not None for step in steps),
        channels=tuple(step.channel for step in steps),
        waits={step.id: str(step.plan.wait) for step in steps if step.plan.wait},
        file=file.file,
        text=file.text,
        hash=sha256(file.text),
    )


def _clauses(when: Condition | None, steps: Iterable[Step]) -> Iterator[Clause]:
    for code, condition in (("when", when), *((f"step {step.id}", step.when) for step in steps)):
        for part in condition.parts if condition else ():
            yield Clause(code=code, source=part.source, names=part.names)


def _scope(on: Any, vocabulary: Vocabulary) -> Scope:
    """The names that the conditions of a rule may use."""
    if not isinstance(on, dict):
        return vocabulary.plain
    kind, _ = vocabulary.dates.get(str(on.get("date")), (on.get("event"), ""))
    return vocabulary.events.get(str(kind), vocabulary.plain)


def _on(file: RuleFile, known: shape.Known, scope: Scope) -> tuple[Trigger | None, Condition | None]:
    raw = file.data.get("on")
    if not isinstance(raw, dict):
        hint = "write [on], in single brackets" if raw else 'write [on] and below it event = "quote.sent"'
        file.fault(("on",), "R010", "nothing starts this rule", hint)
        return None, None
    on = file.part(shape.On, raw, ("on",), known)
    starts = [kind for key in raw for kind in _STARTS if kind == key]
    if not starts:
        file.fault(("on",), "R010", "nothing starts this rule", f"name one of {', '.join(_STARTS)}")
    for second in starts[1:]:
        file.fault(("on", second), "R010", f"'{starts[0]}' starts this rule already", "make it two rules", key=True)
    _check_date(file, raw)
    line = file.condition(("on", "score"), raw.get("score"), known.vocabulary.crossing)
    when = file.condition(("on", "when"), raw.get("when"), scope)
    if on is None or not starts:
        return None, when
    day = dates.read(raw, known.vocabulary) if starts[0] == "date" else None
    if day is not None and not day.yearly and "leap_day" in raw:
        hint = "leave it out"
        file.fault(("on", "leap_day"), "R026", "'leap_day' is for dates that come round", hint, key=True)
    return Trigger(kind=starts[0], what=raw[starts[0]], condition=line, date=day), when


def _check_date(file: RuleFile, on: Mapping[str, Any]) -> None:
    """What is said of a date needs one."""
    for key in ("repeat", "after", "leap_day"):
        if key in on and "date" not in on:
            hint = "wait in the steps" if key == "after" else 'write date = "customer.birthday", or leave it out'
            file.fault(("on", key), "R026", f"'{key}' is said of a date, and this rule has none", hint, key=True)


def _steps(file: RuleFile, known: shape.Known, scope: Scope) -> tuple[Step, ...]:
    raw = file.data.get("step", [])
    if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
        file.fault(("step",), "R004", "'step' must be a table of its own", "write [[step]] above each step")
        return ()
    if not raw:
        file.fault(("step",), "R003", "the rule has no step", "write [[step]] and below it what to do")
    steps: list[Step] = []
    seen: set[object] = set()
    for index, one in enumerate(raw):
        path = ("step", index)
        found = file.part(shape.Step, one, path, known)
        _check_channel(file, path, one, known)
        check_wait(file, path, one)
        _check_before(file, path, one)
        asked = _scope({"event": one["await"]}, known.vocabulary) if "await" in one else scope
        when = file.condition((*path, "when"), one.get("when"), asked)
        if found is None:
            continue
        if found.id in seen:
            file.fault((*path, "id"), "R020", f"there is a step '{found.id}' already", "each has an id of its own")
        seen.add(found.id)
        steps.append(_step(found, when))
    return tuple(steps)


def _check_before(file: RuleFile, path: Path, raw: Mapping[str, Any]) -> None:
    """Only of a date does one know what comes before it."""
    on = file.data.get("on")
    if "before" not in raw:
        return
    if "after" in raw:
        file.fault((*path, "before"), "R025", "a step is before the date or after it", "keep one of them", key=True)
    elif "await" in raw:
        hint = "let it wait, or go out before the date"
        file.fault((*path, "before"), "R025", "a step that waits for an event comes after it", hint, key=True)
    elif isinstance(on, dict) and "date" not in on:
        hint = "write after, or let a date start the rule"
        file.fault((*path, "before"), "R025", "nothing is known to come that this could be before", hint, key=True)


def _step(found: shape.Step, when: Condition | None) -> Step:
    opens = found.window
    window = Window(
        days=parse_days(opens.days),
        start=time.fromisoformat(opens.start),
        end=time.fromisoformat(opens.end) if opens.end else Window().end,
    )
    options = {"points": found.points, "amount": found.amount}
    wait = wait_of(found, when)
    plan = Plan(
        template=found.template or "",
        window=window,
        valid_for=parse_duration(found.valid_for),
        approve=found.approve,
        options={name: value for name, value in options.items() if value is not None},
        unless=found.unless or "",
        wait=wait,
        if_unknown=found.if_unknown,
    )
    after = parse_duration(found.before or found.after)
    if found.before:
        after = Duration(months=-after.months, days=-after.days, seconds=-after.seconds)
    after, when = (Duration(), None) if wait else (after, when)
    return Step(id=found.id, channel=found.channel, after=after, when=when, plan=plan, planned=plan.to_json())


def _check_channel(file: RuleFile, path: Path, raw: Mapping[str, Any], known: shape.Known) -> None:
    """What a step needs, and what it cannot use, depends on its channel."""
    channel, template = raw.get("channel"), raw.get("template")
    if channel not in shape.CHANNELS:
        return
    if channel in shape.WRITTEN and template is None:
        hint = f'write template = "{channel}/{file.stem}", or the name of another'
        file.fault((*path, "template"), "R021", f"a step of channel {channel} needs a template", hint)
    elif channel not in shape.WRITTEN and template is not None:
        hint = "let a step of channel email tell of it"
        file.fault((*path, "template"), "R021", f"a step of channel {channel} writes nothing", hint, key=True)
    elif channel in ("email", "note") and template in known.templates and not str(template).startswith(f"{channel}/"):
        hint = f"its templates are those in {channel}/"
        file.fault((*path, "template"), "R021", f"'{template}' is no template for a step of channel {channel}", hint)
    rewards = [key for key in ("points", "amount") if key in raw]
    if channel == "reward" and len(rewards) != 1:
        file.fault((*path, "points"), "R022", "a reward is either points or an amount", "write points = 50")
    for key in rewards if channel != "reward" else ():
        hint = "give it in a step of its own"
        file.fault((*path, key), "R022", f"'{key}' is for steps of channel reward", hint, key=True)
    if channel == "reward" and raw.get("if_unknown") == RESEND:
        hint = "let a person say whether it was given"
        file.fault((*path, "if_unknown"), "R029", "a reward must not be given twice", hint, key=True)
