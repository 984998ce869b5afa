"""How commands show things to people: lines, tables, money, local times."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any


def show(data: object, *, as_json: bool, human: Callable[[], None]) -> None:
    """Print the result: one JSON document, or in words."""
    if as_json:
        print(json.dumps(data, ensure_ascii=False, indent=2, default=_jsonable))
    else:
        human()


def _jsonable(value: object) -> Any:
    from dataclasses import asdict, is_dataclass

    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(type(value).__name__)


def say(*parts: str) -> None:
    """A line for people, on standard output."""
    from rich.console import Console

    Console(highlight=False, soft_wrap=True).print(*parts, markup=False)


def warn(line: str) -> None:
    """A line for people that is not what was asked for, on standard error."""
    print(line, file=sys.stderr)


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """A table for people; columns named in `right` are set flush right, and those in `whole` are never broken."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    made = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(
            column, justify="right" if column in right else "left", overflow="fold", no_wrap=column in whole
        )
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    Console(highlight=False).print(made)


def money(minor: int | None, currency: str, locale: str) -> str:
    """An amount as people of that locale write it."""
    if minor is None:
        return "–"
    from babel.numbers import format_currency

    from engine.core.money import to_major

    return str(format_currency(to_major(minor, currency), currency, locale=locale))


def when(instant: datetime | None, tz: str) -> str:
    """An instant on the clocks of the shop."""
    from engine.core.calendar import zone

    return "" if instant is None else instant.astimezone(zone(tz)).strftime("%Y-%m-%d %H:%M")


def counts(found: dict[str, int]) -> str:
    """``{"act": 3, "no": 5}`` as ``3 act, 5 no``."""
    return ", ".join(f"{number} {name}" for name, number in sorted(found.items())) or "none"
