"""The cells of rows: each is read in its own way, each wrong one named with its column; equal texts are read once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

from engine.ingest.formats import Reject, Row

_MOST, _LONGEST = 50_000, 64
"""So many texts of a column are remembered, if they are no longer than this."""


class _Wrong:
    """Its own type, by which a column is looked through for it quickest."""


WRONG: Any = _Wrong()
"""What a wrong value means; `Cells` finds out why."""
Whole = Callable[[Sequence[Any]], list[Any] | None]


class Meanings(dict[Any, Any]):
    """What the values of a column mean: None for blanks, WRONG for what is wrong. Each different text is read once.

    verbatim: whether a text means itself, as ids and names do. whole: reads whole columns that are plainly written, to
    the same meanings; None when one is not.
    """

    def __init__(
        self, parse: Callable[[Any], Any], *, verbatim: bool = False, whole: Whole = lambda _said: None
    ) -> None:  # fmt: skip
        super().__init__()
        self.parse, self.verbatim, self._longest = parse, verbatim, -1 if verbatim else _LONGEST
        self._whole = whole

    def __missing__(self, said: Any) -> Any:
        plain = said.strip() if isinstance(said, str) else said
        try:
            found = None if plain is None or plain == "" else self.parse(plain)
        except ValueError:
            return WRONG
        if isinstance(said, str) and len(said) <= self._longest:  # 1, 1.0 and true are one key, and not one value
            if len(self) >= _MOST:
                self.clear()
            self[said] = found
        return found

    def column(self, said: Sequence[Any]) -> list[Any]:
        """What each value of a column means. Raises TypeError when one is a list or an object."""
        if self.verbatim and set(map(type, said)) == {str}:
            plain = list(map(str.strip, said))
            return [one or None for one in plain] if "" in plain else plain
        found = self._whole(said)
        return list(map(self.__getitem__, said)) if found is None else found


def odd(column: Sequence[Any], signs: Collection[Any] = (WRONG,)) -> set[int]:
    """Where a column of meanings has one of these signs."""
    if set(map(type, signs)).isdisjoint(map(type, column)):
        return set()
    return {place for place, found in enumerate(column) if any(found is sign for sign in signs)}


class Cells:
    """The values of one row after the other by our names, and what is wrong with the row at hand."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = columns
        self._number, self._values = 0, cast("Mapping[str, Any]", {})
        self.rejects: list[Reject] = []

    def turn_to(self, row: Row) -> None:
        """From now on this row is at hand."""
        self._number, self._values, self.rejects = row.number, row.values, []

    def has(self, name: str) -> bool:
        """Whether this row says anything of it, be it that it is empty; a row of JSON may leave names out."""
        return self._columns[name] in self._values

    def read(self, name: str, meanings: Meanings, default: Any = None) -> Any:
        """What the value means; the default when the cell is empty; on a fault a reject and the default."""
        column = self._columns.get(name)
        found = None if column is None else self.understand(column, self._values.get(column), meanings)
        return default if found is None else found

    def need(self, name: str, meanings: Meanings) -> Any:
        """What the value means; an empty cell is a fault."""
        faults = len(self.rejects)
        found = self.read(name, meanings)
        if found is None and len(self.rejects) == faults:
            self._reject(self._columns.get(name, name), "", "is empty")
        return found

    def understand(self, column: str, value: Any, meanings: Meanings) -> Any:
        """What the value in a column of the file means; None when it is blank, or wrong."""
        found = meanings[value] if isinstance(value, str) else WRONG
        if found is not WRONG or value is None:
            return None if found is WRONG else found
        plain = value.strip() if isinstance(value, str) else value
        try:
            return meanings.parse(plain)
        except ValueError as error:
            self._reject(column, str(plain), str(error))
            return None

    def refuse(self, name: str, reason: str) -> None:
        """The value can be read, but cannot be."""
        column = self._columns.get(name, name)
        self._reject(column, str(self._values.get(column)).strip(), reason)

    def _reject(self, column: str, value: str, reason: str) -> None:
        self.rejects.append(Reject(row=self._number, column=column, value=value, reason=reason))
