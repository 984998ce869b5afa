"""A shop that works by the whole rule book that ships, for customers who each live through one case of one rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.workspace import read_rules, shipped
from tests.shop import WHO, YES, Shop

MORNING = "2026-03-02T07:00:00+01:00"
"""A Monday on which everything happens, before any mail may go out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What happens to one customer, and what comes of one rule's steps in the end; None: the rule begins nothing.

    at: when its event happened. before, then: what happened earlier and happens later, as (instant, kind, fields).
    facts: of the customer.
    """

    rule: str
    kind: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    at: str = MORNING
    before: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
    then: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    consent: bool = True
    steps: Mapping[str, str] | None = None


def book(folder: Path, now: str, *, without: Iterable[str] = (), database: str = "") -> Shop:
    """A shop with all rules that ship, nobody held out."""
    rules = {Path(name).stem: text for name, text in read_rules(shipped()).items()}
    chosen = {name: text.replace("holdout = 0.10", "holdout = 0") for name, text in rules.items()}
    shop = Shop(
        folder,
        rules={name: text for name, text in chosen.items() if name not in set(without)},
        now=now,
        database=database,
    )
    shop.configure('# start = "2026-09-01"', 'start = "2026-03-01"')
    return shop


def live(shop: Shop, cases: Mapping[str, Case], days: Iterable[str]) -> None:
    """Let all of it happen, each customer by the name of their case, with a round on each of these instants."""
    shop.ingest(
        "customers",
        [{**WHO, "birthday": "", "customer": ref, **mailbox(ref), **one.facts} for ref, one in cases.items()],
    )
    shop.ingest("consents", [{**YES, "customer": ref} for ref, one in cases.items() if one.consent])
    past = [(ref, at, kind, said) for ref, one in cases.items() for at, kind, said in one.before]
    tell(shop, past + [(ref, one.at, one.kind, one.payload) for ref, one in cases.items() if one.kind])
    later = sorted((at, ref, kind, said) for ref, one in cases.items() for at, kind, said in one.then)
    for instant in days:
        tell(shop, [(ref, at, kind, said) for at, ref, kind, said in later if at[:13] <= instant[:13]])
        later = [one for one in later if one[0][:13] > instant[:13]]
        shop.at(instant).round()
    assert not later


def mailbox(ref: str) -> dict[str, str]:
    """An address of their own."""
    return {"email": f"{ref}@mail.example"}


def tell(shop: Shop, happened: Iterable[tuple[str, str, str, Mapping[str, Any]]]) -> None:
    """Events as (customer, instant, kind, fields)."""
    rows = [
        {"id": f"{kind}:{ref}:{at}", "customer": ref, "kind": kind, "date": at, **said}
        for ref, at, kind, said in happened
    ]
    if rows:
        shop.ingest("events", rows)


def came_of(shop: Shop, rule: str) -> dict[str, dict[str, str]]:
    """The states of a rule's steps, by customer."""
    found: dict[str, dict[str, str]] = {}
    for row in shop.actions():
        if row["rule"] == rule:
            found.setdefault(row["customer"], {})[row["step"]] = row["state"]
    return found
