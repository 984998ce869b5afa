"""Money taken back from the days on which it was spent: the mechanics of the policy on top of `purchases`.

Everything works on whole arrays: `customer` and `day` name a row's place, money is in minor units.
"""

from __future__ import annotations

import numpy as np

from engine.score.arrays import IntArray
from engine.score.purchase_days import runs


def take_back(
    customer: IntArray,
    day: IntArray,
    sold: IntArray,
    *,
    refund_customer: IntArray,
    refund_day: IntArray,
    refund: IntArray,
    sale_day: IntArray,
) -> tuple[IntArray, int]:
    """What is left of each day of sales (at least one, sorted by customer and day), and what none could bear.

    refund: below zero. sale_day: the day that it names, 0 for none; a day without sales of that customer is no name.
    """
    target = _row_of(customer, day, refund_customer, sale_day)
    named = target >= 0
    wanted = np.zeros_like(sold)
    np.add.at(wanted, target[named], -refund[named])
    left = np.maximum(sold - wanted, 0)
    over = np.flatnonzero(wanted > sold)
    back_customer = np.concatenate((refund_customer[~named], customer[over]))
    back_day = np.concatenate((refund_day[~named], day[over]))
    back = np.concatenate((refund[~named], (sold - wanted)[over]))
    touched = np.flatnonzero(np.isin(customer, back_customer))
    moves_customer = np.concatenate((customer[touched], back_customer))
    moves_day = np.concatenate((day[touched], back_day))
    moves = np.concatenate((left[touched], back))
    order = np.lexsort((moves < 0, moves_day, moves_customer))  # on one day the sale comes before the refund
    remaining = np.empty_like(moves)
    remaining[order], unmatched = _unwind(moves_customer[order], moves[order])
    left[touched] = remaining[: len(touched)]
    return left, unmatched


def _row_of(customer: IntArray, day: IntArray, whose: IntArray, when: IntArray) -> IntArray:
    """The row of a customer's day in the sorted table, or -1."""
    starts, sizes = runs(customer)
    known, lowest = customer[starts], day.min(initial=0)
    span = int(day.max(initial=0) - lowest) + 1
    cells = np.repeat(np.arange(len(starts)), sizes) * span + day - lowest
    code = np.minimum(np.searchsorted(known, whose), len(known) - 1)
    inside = (known[code] == whose) & (when > 0) & (when >= lowest) & (when < lowest + span)
    wanted = np.where(inside, code * span + when - lowest, -1)
    row = np.minimum(np.searchsorted(cells, wanted), len(cells) - 1)
    return np.where(inside & (cells[row] == wanted), row, -1)


def _unwind(group: IntArray, moves: IntArray) -> tuple[IntArray, int]:
    """Last in, first out, for all groups at once: what is left of each positive move after the negative ones.

    The pile of money in a group is the running sum, reflected at zero (nothing can be taken from an empty pile). Of a
    move there stays what the pile never sinks below from then on. Second: what each group could not bear.
    """
    starts, sizes = runs(group)
    before = np.append(0, np.cumsum(moves))
    running = before[1:] - np.repeat(before[starts], sizes)
    missing = np.minimum(_running_minimum(running, sizes), 0)
    pile = running - missing
    floor = _running_minimum(pile[::-1], sizes[::-1])[::-1]
    ends = starts + sizes - 1
    return np.maximum(floor - (pile - np.maximum(moves, 0)), 0), int(-missing[ends].sum())


def _running_minimum(values: IntArray, sizes: IntArray) -> IntArray:
    """The running minimum that starts anew in each group; on ranks, so that no amount can overflow."""
    distinct, rank = np.unique(values, return_inverse=True)
    shift = np.repeat(np.arange(len(sizes)) * len(distinct), sizes)
    lowest = np.minimum.accumulate(rank - shift) + shift
    found: IntArray = distinct[lowest]
    return found
