"""Why a rule has said nothing to a customer: what it waits for, and what it would say if it were asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from engine.core.calendar import local_date
from engine.core.facts import Event
from engine.core.permission import Standing
from engine.decide import dates, triggers
from engine.decide.condition import Condition
from engine.decide.dates import DateTrigger
from engine.decide.guards import case_of, judge
from engine.decide.rule import Rule
from engine.decide.situation import Situation
from engine.decide.vocabulary import Vocabulary, before, context, line_names

_WOULD = {
    "act": "it would say yes",
    "no": "it would say no",
    "refused": "it would not be permitted",
    "holdout": "it would leave them alone on purpose (holdout)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event of the customer: whether decide has gone through it, and whether it lies before the shop's start."""

    event: Event
    processed: bool
    history: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What was known of a customer at `situation.now`, when a rule had no answer; the situation has no event.

    happened: oldest first. last_started: when the customer last entered the rule. score_waits: decide has yet to look
    at the score. start: the shop's first day with Premura. travels: channel -> days that its paper travels.
    workspace_holdout: the share of customers whom no rule reaches.
    """

    situation: Situation
    standing: Standing
    words: Vocabulary
    key: str
    happened: tuple[Happened, ...] = ()
    last_started: datetime | None = None
    score_waits: bool = False
    start: date | None = None
    travels: Mapping[str, int] = field(default_factory=dict)
    workspace_holdout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why nothing came. `outcome` is what the rule would answer, or ``waits`` when there is nothing to ask it about.

    occurrence: of a date that is near, what it would be asked about.
    """

    waits_for: str
    text: str
    outcome: str = "waits"
    reasons: tuple[dict[str, Any], ...] = ()
    occurrence: str = ""


def why(rule: Rule, it: Circumstances) -> Why:
    """Why this rule has not answered."""
    match rule.trigger.kind:
        case "event":
            return _event(rule, it)
        case "date":
            return _date(rule, it)
        case "score":
            return _score(rule, it)
        case "sweep":
            return _would(rule, it, f"looks at everybody {rule.trigger.what}; asked now,")


def _event(rule: Rule, it: Circumstances) -> Why:
    kind, now, tz = rule.trigger.what, it.situation.now, it.situation.time_zone
    of_kind = [one for one in it.happened if one.event.kind == kind]
    came = [one for one in of_kind if one.event.occurred_at <= now]
    if not came:
        text = f"no {kind} has happened to them"
        if of_kind:
            text = f"{kind} is dated {local_date(of_kind[0].event.occurred_at, tz)}, which is still to come"
        return Why(waits_for=kind, text=text)
    newest = came[-1]
    day = local_date(newest.event.occurred_at, tz)
    if newest.history:
        text = f"{kind} of {day} is history, from before the shop's start on {it.start};"
    elif newest.processed:
        text = f"{kind} of {day} came before this rule did;"
    else:
        text = f"{kind} of {day} waits for premura decide;"
    return _would(rule, it, text, newest.event)


def _date(rule: Rule, it: Circumstances) -> Why:
    on, tz = rule.trigger.date, it.situation.time_zone
    if on is None:
        raise TypeError(f"{rule.id} waits for no date")
    event = dates.last_of(on.kind, [one.event for one in it.happened], it.situation.now)
    if on.kind and event is None:
        return Why(waits_for=on.name, text=f"no {on.kind} has happened to them")
    origin, name = dates.origin(on, replace(it.situation, event=event), it.words), _called(on, event, tz)
    if origin is None:
        return Why(waits_for=on.name, text=f"{name} is not known")
    today = local_date(it.situation.now, tz)
    last, coming = dates.around(on, origin, today)
    if coming is None:
        ended = f"({origin}) does not come round any more" if on.yearly else f"was on {origin}"
        return Why(waits_for=on.name, text=f"{name} {ended}{_not_there(last, it)}")
    text = f"{name} {'comes round' if on.yearly else 'is'} on {coming}"
    asked = triggers.asked_on(rule, coming, it.travels)
    if asked <= today:
        told = _would(rule, it, f"{text} and waits for premura decide;", event)
        return replace(told, occurrence=coming.isoformat())
    if asked < coming:
        text += f"; the rule is asked {(coming - asked).days} days before"
    return Why(waits_for=on.name, text=text + _not_there(last, it))


def _called(on: DateTrigger, event: Event | None, tz: str) -> str:
    """A date in words: what it is, which event it comes from, and how much later it is meant."""
    name = on.name
    if event is not None:
        name += f" of {local_date(event.occurred_at, tz)}"
    return f"{name} plus {on.shift}" if on.shift != dates.NO_SHIFT else name


def _not_there(last: date | None, it: Circumstances) -> str:
    """The last time that the date came, if nobody was asked although the shop had begun."""
    return f"; on {last} the rule was not there" if last is not None and it.start and last >= it.start else ""


def _score(rule: Rule, it: Circumstances) -> Why:
    line = rule.trigger.condition
    if line is None:
        raise TypeError(f"{rule.id} watches no score")
    now = context(it.situation, it.words, line_names(line.names))
    then = before(now)
    waits_for, reasons = line.source, _line(line, now, then)
    if it.situation.score is None:
        return Why(waits_for=waits_for, text="they have no score yet: it begins with the first purchase")
    if not line.holds(now):
        again = " again" if line.holds(then) else ""
        return Why(waits_for=waits_for, text=f"waits for {waits_for} to become true{again}", reasons=reasons)
    if it.score_waits and triggers.crosses(line, now):
        return _would(rule, it, f"{waits_for} has become true and waits for premura decide;")
    if all(then[name] is None for name in line.names):
        text = f"{waits_for} was true of their first score, and what a first scoring finds is no change"
    elif line.holds(then):
        text = f"{waits_for} was true before already; the rule starts when it becomes true"
    else:
        text = f"{waits_for} became true before this rule was there"
    return Why(waits_for=waits_for, text=text, reasons=reasons)


def _line(line: Condition, now: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "code": "on",
            "clause": clause.source,
            "holds": clause.holds,
            "values": dict(clause.values),
            "before": {name: then[name] for name in clause.values},
        }
        for clause in line.explain(now)
    )


def _would(rule: Rule, it: Circumstances, text: str, event: Event | None = None) -> Why:
    """The rule's answer, if it were asked at this instant."""
    case = case_of(
        replace(it.situation, event=event),
        words=it.words,
        standing=it.standing,
        key=it.key,
        workspace_holdout=it.workspace_holdout,
    )
    verdict = judge(rule, case, it.last_started)
    text = f"{text} {_WOULD[verdict.outcome]}"
    return Why(waits_for=rule.trigger.what, text=text, outcome=verdict.outcome, reasons=verdict.reasons)
