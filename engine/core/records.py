"""What an adapter may ask to be stored when it has delivered: it travels back in the receipt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPosting:
    """A reward to book: `amount` of `unit` (points, or minor units of a currency) from the programme to a customer."""

    amount: int
    unit: str
    kind: str  # grant | reverse | redeem | expire
    memo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralInvite:
    """A customer was handed a code to share."""

    code: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintJob:
    """One note that was drawn: where its files are, relative to the workspace's out folder, and how many pages."""

    files: tuple[str, ...]
    pages: int
