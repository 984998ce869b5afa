"""The reasons of a decision, which are kept as values, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def sentences(reasons: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each reason: the clause with what it read, or what a guard said."""
    for reason in reasons:
        if "clause" in reason:
            read = ", ".join(f"{name} = {_value(value)}" for name, value in reason["values"].items())
            where = "" if reason["code"] == "when" else f" ({reason['code']})"
            yield f"{'✓' if reason['holds'] else '✗'} {reason['clause']}{where}  [{read}]"
        elif reason["code"] == "step":
            yield f"{'✓' if reason['holds'] else '✗'} step {reason['step']}: {reason['text']}"
        else:
            yield f"✗ {reason['text']}"


def _value(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)
