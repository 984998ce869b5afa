"""How a whole file writes numbers and dates, as its rows tell it one after another."""

from __future__ import annotations

from dataclasses import dataclass

from engine.clv import days


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """What the texts of a file tell of how it writes, so far. last: the last day that can be one."""

    dot: bool = False
    comma: bool = False
    day_first: str = ""
    month_first: str = ""
    last: int = days.LAST

    @property
    def mark(self) -> str:
        """The decimal mark; "" when nothing tells it, or when both occur."""
        return "" if self.dot == self.comma else "." if self.dot else ","

    @property
    def american(self) -> bool:
        """Whether months come first: some dates allow nothing else, and none speaks against it."""
        return bool(self.month_first) and not self.day_first

    def with_(self, other: Notation) -> Notation:
        """What both tell."""
        return Notation(
            dot=self.dot or other.dot,
            comma=self.comma or other.comma,
            day_first=self.day_first or other.day_first,
            month_first=self.month_first or other.month_first,
            last=min(self.last, other.last),
        )

    def same_reading(self, other: Notation) -> bool:
        """Whether every row means the same by both."""
        return (self.mark, self.american, self.last) == (other.mark, other.american, other.last)
