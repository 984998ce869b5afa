"""What a backtest cannot know, said before it begins or beside what it found. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from engine.backtest.period import Period
from engine.core.calendar import local_date
from engine.decide.rule import Rule
from engine.errors import UsageError


def columns(rule: Rule, reads: Sequence[str]) -> frozenset[str]:
    """The columns of scores that the rule reads, now or before; none when it reads no scores. reads: the names in its
    conditions."""
    line = rule.trigger.condition.names if rule.trigger.condition else ()
    read = (name.removeprefix("score.") for name in (*reads, *line) if name.startswith("score."))
    short = {name.removeprefix("prev_") for name in read}
    return frozenset(short | {f"{name}_minor" for name in short})


def refuse(rule: Rule, period: Period, scored: Sequence[datetime]) -> None:
    """Raise UsageError for what would be replayed wrongly, of a rule that reads scores. scored: when those that are
    kept were written."""
    if not scored:
        hint = "scores are kept from the first premura score on"
        raise UsageError(f"--until: {rule.id} asks about scores, and none were known by {period.until} (hint: {hint})")
    first = local_date(scored[0], period.time_zone)
    if first > period.since:
        known = f"{rule.id} asks about scores, which are known from {first} on"
        hint = f"--since {first}" if first <= period.until else "there are none in these days"
        raise UsageError(f"--since: {known} (hint: {hint})")


def notes(rule: Rule, period: Period, whole: datetime | None) -> Iterator[str]:
    """What to know when reading what was found. whole: the instant before which the scores that the rule reads are
    thinned, if they are."""
    yield "names, addresses and attributes are those of today; consents, complaints and scores those of each day"
    if rule.trigger.kind == "sweep":
        yield "who was left alone or not permitted is counted once, not every day"
    if any(step.plan.approve for step in rule.steps):
        yield "what waits for approval is taken as approved at once"
    if whole is not None and period.begins < whole:
        day = local_date(whole, period.time_zone)
        yield f"of scores before {day} the first of each month is kept; changes in between are late or not seen"
