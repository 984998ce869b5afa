"""What a backtest cannot know, said before it begins or beside what it found. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

from engine.backtest.period import Period
from engine.core.calendar import at_local, local_date
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
    """Raise UsageError if nothing is known that a rule asks about which reads scores. scored: when those that are kept
    were written, or could be reckoned."""
    if not scored:
        hint = "scores come from sales: premura ingest sales.csv"
        raise UsageError(
            f"--until: {rule.id} asks about scores, and nobody had bought by {period.until} (hint: {hint})"
        )


def reckoned(period: Period, kept: datetime | None, sold: datetime | None, hour: int) -> list[datetime]:
    """The instants for which scores must be reckoned, a week apart: from a week before the first day, so that what
    changes in the first days is seen, until there are some that are kept. sold: when somebody first bought; hour: of a
    day on which everybody is scored."""
    if sold is None or (kept is not None and local_date(kept, period.time_zone) <= period.since):
        return []
    weeks = range(-1, (period.until - period.since).days // 7 + 1)
    each = [at_local(period.since + timedelta(weeks=week), time(hour), period.time_zone) for week in weeks]
    return [at for at in each if at >= sold and (kept is None or at < kept)]


def notes(rule: Rule, period: Period, whole: datetime | None, reckoned: Sequence[datetime] = ()) -> Iterator[str]:
    """What to know when reading what was found. whole: the instant before which the scores that the rule reads are
    thinned, if they are; reckoned: those that were not kept."""
    yield "names, addresses and attributes are those of today; consents, complaints and scores those of each day"
    if rule.trigger.kind == "sweep":
        yield "who was left alone or not permitted is counted once, not every day"
    if any(step.plan.approve for step in rule.steps):
        yield "what waits for approval is taken as approved at once"
    if reckoned:
        day = local_date(reckoned[-1], period.time_zone)
        yield f"scores up to {day} were not kept: they are reckoned now, for each week, from the sales until then"
    if whole is not None and not reckoned and period.begins < whole:
        day = local_date(whole, period.time_zone)
        yield f"of scores before {day} the first of each month is kept; changes in between are late or not seen"
