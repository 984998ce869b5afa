"""What a shop keeps of what a customer paid: of a sale the amount less its cost, of a refund its sale's share. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Booked(Protocol):
    """A sale, or what was given back; `reverses` names the sale (`ext_key`) of the same source, if it is known."""

    @property
    def source(self) -> str:
        """Whose keys these are."""

    @property
    def ext_key(self) -> str:
        """Its own."""

    @property
    def reverses(self) -> str | None:
        """Of a refund: its sale's."""

    @property
    def amount_minor(self) -> int:
        """Below zero it is a refund."""

    @property
    def cost_minor(self) -> int | None:
        """What the sale cost the shop, if it is known."""


def kept(booked: Sequence[Booked], margin: float) -> list[int]:
    """What is kept of each, in minor units; below zero of a refund, or of a sale that cost more than it brought.

    booked: all of one customer, oldest first. margin: the shop's, for sales whose cost is not known. A refund takes
    back as large a share as was kept of its sale; one that names none, that of the sale before it.
    """
    shares: dict[tuple[str, str | None], float] = {
        (one.source, one.ext_key): _share(one, margin) for one in booked if one.amount_minor > 0
    }
    found, last = [], margin
    for one in booked:
        if one.amount_minor < 0:
            found.append(round(one.amount_minor * shares.get((one.source, one.reverses), last)))
            continue
        last = shares.get((one.source, one.ext_key), last)
        found.append(round(one.amount_minor * margin) if one.cost_minor is None else one.amount_minor - one.cost_minor)
    return found


def _share(sale: Booked, margin: float) -> float:
    return margin if sale.cost_minor is None else (sale.amount_minor - sale.cost_minor) / sale.amount_minor
