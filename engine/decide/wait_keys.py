"""The keys with which a step waits for an event: `await`, `within` and what goes with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.actions import Wait
from engine.core.calendar import parse_duration
from engine.core.toml_places import Path
from engine.decide import shape
from engine.decide.condition import Condition
from engine.decide.rule_file import RuleFile


def wait_of(found: shape.Step, when: Condition | None) -> Wait | None:
    """What a step waits for, with the condition that it asks of the event."""
    if not found.awaits or not found.within:
        return None
    within, after = parse_duration(found.within), parse_duration(found.after)
    return Wait(kind=found.awaits, within=within, after=after, when=when.source if when else "")


def check_wait(file: RuleFile, path: Path, raw: Mapping[str, Any]) -> None:
    """Whether a step says for what it waits and for how long, and whether it could ever go out after that."""
    awaits, within = raw.get("await"), raw.get("within")
    if awaits is not None and within is None:
        hint = 'write within = "P14D"; if it has not come by then, the step is given up'
        file.fault((*path, "await"), "R023", "the step does not say how long it waits", hint, key=True)
    elif within is not None and awaits is None:
        hint = 'write await = "review.received", or after for how long after the start'
        file.fault((*path, "within"), "R023", "the step does not say what it waits for", hint, key=True)
    journey = file.data.get("journey")
    stops = journey.get("stop_on") if isinstance(journey, dict) else None
    if isinstance(awaits, str) and isinstance(stops, list) and awaits in stops:
        hint = "take it from stop_on, or wait for another event"
        file.fault((*path, "await"), "R024", f"{awaits} ends the journey, so this step never goes out", hint)
    elif isinstance(awaits, str) and awaits == raw.get("unless"):
        hint = "a step waits for an event, or goes out unless it came"
        file.fault((*path, "unless"), "R024", f"{awaits} keeps back the step that waits for it", hint)
