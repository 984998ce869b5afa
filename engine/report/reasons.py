"""The reasons of a decision, which are kept as values, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Reason = Mapping[str, Any]
_TOLD_BY_ITS_CLAUSE = "its condition is false"


def sentences(reasons: Iterable[Reason]) -> Iterator[str]:
    """A line for each reason: the clause with what it read, or what a guard said."""
    for reason in reasons:
        if "clause" in reason:
            where = "" if reason["code"] == "when" else f" ({reason['code']})"
            yield f"{'✓' if reason['holds'] else '✗'} {reason['clause']}{where}  [{_read(reason, '=')}]"
        elif reason["code"] == "step":
            yield f"{'✓' if reason['holds'] else '✗'} step {reason['step']}: {reason['text']}"
        else:
            yield f"✗ {reason['text']}"


def shortfalls(reasons: Iterable[Reason]) -> Iterator[str]:
    """What stood in the way, in few lines: each false clause with what it read, each guard once for all its steps."""
    steps: dict[str, list[str]] = {}
    for reason in reasons:
        if reason.get("holds"):
            continue
        if "clause" in reason:
            where = "" if not reason["code"].startswith("step ") else f"{reason['code']}: "
            yield f"{where}{reason['clause']} is false: {_read(reason, 'is')}"
        elif reason["code"] != "step":
            yield reason["text"]
        elif reason["text"] != _TOLD_BY_ITS_CLAUSE:
            steps.setdefault(reason["text"], []).append(reason["step"])
    for text, names in steps.items():
        yield f"step{'s' if len(names) > 1 else ''} {', '.join(names)}: {text}"


def _read(reason: Reason, sign: str) -> str:
    before = reason.get("before", {})
    return ", ".join(
        f"{name} {sign} {_value(value)}" + (f" (before: {_value(before[name])})" if name in before else "")
        for name, value in reason["values"].items()
    )


def _value(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)
