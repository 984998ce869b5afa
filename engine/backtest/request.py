"""Which rule is meant, and which days: what people ask of a backtest, and why it cannot be had."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from engine import workspace
from engine.backtest.period import Period
from engine.core.calendar import local_date
from engine.decide.rule import Rule, load
from engine.decide.shape import hint_at
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.app import App


def rule_of(app: App, words: str) -> Rule:
    """The rule with this id, or of this file, which need not be in force; another rule's faults are no matter here.

    Raises UsageError when there is none, and RuleError with its faults.
    """
    files = {Path(name).stem: (name, text) for name, text in workspace.read_rules(app.folder).items()}
    if words in files:
        name, text = files[words]
    elif words.endswith(".toml"):
        name, text = words, _text(Path(words))
    else:
        hint = hint_at(words, files) or "premura rules list shows what there is; a file's name ends in .toml"
        raise UsageError(f"there is no rule '{words}' (hint: {hint})")
    (rule,) = load({name: text}, vocabulary=app.words, templates=app.templates.names)
    return rule


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text (hint: save it as UTF-8)") from None


def period(app: App, since: str, until: str) -> Period:
    """The days from one to the other, both of them too. Raises UsageError for days that are none, or still to come."""
    tz = app.settings.shop.time_zone
    found = Period(since=_day("--since", since), until=_day("--until", until), time_zone=tz)
    today = local_date(app.clock(), tz)
    if found.since > found.until:
        raise UsageError(f"--since: {found.since} is after --until {found.until}")
    if found.until >= today:
        hint = f"the last day that is over is {today - timedelta(days=1)}"
        raise UsageError(f"--until: {found.until} is not over yet, and nobody knows what it brings (hint: {hint})")
    return found


def _day(option: str, text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: '{text}' is not a day such as 2026-10-05") from None
    if not found.year >= 1900:
        raise UsageError(f"{option}: {found} is before anything that a shop could know")
    return found
