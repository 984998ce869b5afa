"""Whose score crossed a line since decide last looked: asked of all scores at once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, and_, or_, true

from engine.core.condition import Test, names_in
from engine.store import scores
from engine.store.scores import Stored
from engine.store.sweeps import score_columns
from engine.store.where import where


def crossing(
    connection: Connection, lines: Iterable[Test], *, exponent: int, after: int = 0, limit: int = 1000
) -> list[Stored]:
    """New scores of which one of these conditions holds and did not hold before, by customer from behind `after`.

    lines: on names of the score that are kept from before a change. exponent: decimals of the shop's currency.
    """
    crossed = [_crossed(line, exponent, connection.dialect.name) for line in lines]
    return scores.undecided(connection, limit, after=after, among=or_(*crossed)) if crossed else []


def _crossed(line: Test, exponent: int, dialect: str) -> ColumnElement[bool]:
    columns = score_columns(exponent)
    then = {name: columns[f"score.prev_{name.removeprefix('score.')}"] for name in names_in(line)}
    return and_(where(line, columns, dialect), where(line, then, dialect).is_not(true()))  # nor was it unknown
