"""What a group of customers brought, and how surely the mean is known: who lives together was drawn together. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Literal

Says = Literal["more", "less", "nothing sure", "too few"]
LEAST = 100
"""Households in each group below which nothing is said: a single large order would decide it."""
_SURE = 1.96
"""Standard errors on either side that hold the true difference 19 times out of 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Customers, their households, what each customer brought on average (in minor units), and the square of that
    mean's standard error."""

    customers: int
    households: int
    mean: float
    error: float

    @classmethod
    def of(cls, households: Iterable[tuple[int, int]]) -> Group:
        """From the members and the sum of each household, one who stands alone being one too.

        The mean is the sum over the members, a ratio; its error is that of a ratio between sums of households, which
        are what was drawn (Cochran, Sampling Techniques, 1977, chapter 6). With one member each it is the usual one.
        """
        number = members = total = squares = products = sizes = 0
        for size, brought in households:
            number, members, total = number + 1, members + size, total + brought
            squares, products, sizes = squares + brought * brought, products + brought * size, sizes + size * size
        if number < 2:
            return cls(customers=members, households=number, mean=total / members if members else 0.0, error=0.0)
        apart = members * members * squares - 2 * members * total * products + total * total * sizes
        error = apart / members**4 * number / (number - 1)
        return cls(customers=members, households=number, mean=total / members, error=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What each customer of the holdout and of the comparison brought on average, in minor units; the difference,
    between low and high 19 times out of 20; and what that says."""

    holdout_mean_minor: int
    comparison_mean_minor: int
    difference_minor: int
    low_minor: int
    high_minor: int
    says: Says


def compared(holdout: Group, comparison: Group) -> Compared:
    """The two groups beside each other."""
    difference = comparison.mean - holdout.mean
    either = _SURE * sqrt(holdout.error + comparison.error)
    says: Says = "more" if difference - either > 0 else "less" if difference + either < 0 else "nothing sure"
    return Compared(
        holdout_mean_minor=round(holdout.mean),
        comparison_mean_minor=round(comparison.mean),
        difference_minor=round(difference),
        low_minor=round(difference - either),
        high_minor=round(difference + either),
        says="too few" if min(holdout.households, comparison.households) < LEAST else says,
    )
