from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from engine.core.money import parse_amount
from engine.demo.faults import FLAWS, Flaw, with_faults
from tests.demo.telling import firm


def spoiled(flaw: Flaw) -> tuple[dict[str, object], dict[str, object]]:
    """The wrong row of that flaw, and the good row that it was made from."""
    log, wrong = firm(), with_faults(firm())
    good = {"consents": log.consents, "transactions": log.transactions, "events": log.events}[flaw.file]
    rows = {"consents": wrong.consents, "transactions": wrong.transactions, "events": wrong.events}[flaw.file]
    place = [other for other in FLAWS if other.file == flaw.file].index(flaw)
    return dict(rows[len(good) + place]), dict(good[-1])


def test_the_good_rows_stay_in_front() -> None:
    log, wrong = firm(), with_faults(firm())
    assert wrong.customers == log.customers
    for good, all_rows in (
        (log.consents, wrong.consents),
        (log.transactions, wrong.transactions),
        (log.events, wrong.events),
    ):
        assert all_rows[: len(good)] == good
    added = sum(map(len, (wrong.consents, wrong.transactions, wrong.events)))
    assert added - sum(map(len, (log.consents, log.transactions, log.events))) == len(FLAWS)


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: f"{flaw.file}-{flaw.column}")
def test_a_flaw_is_the_only_thing_wrong_with_its_row(flaw: Flaw) -> None:
    wrong, good = spoiled(flaw)
    assert wrong.keys() == good.keys()
    changed = {column for column in wrong if wrong[column] != good[column]}
    assert flaw.column in changed
    assert changed <= {flaw.column, "id"}


@pytest.mark.parametrize("flaw", [flaw for flaw in FLAWS if flaw.column == "id"], ids=lambda flaw: flaw.file)
def test_a_duplicate_has_an_id_that_is_there_with_other_content(flaw: Flaw) -> None:
    wrong, _ = spoiled(flaw)
    rows = firm().transactions if flaw.file == "transactions" else firm().events
    (twin,) = (row for row in rows if row["id"] == wrong["id"])
    assert dict(twin) != wrong


def test_other_wrong_rows_have_ids_of_their_own() -> None:
    for rows in (with_faults(firm()).transactions, with_faults(firm()).events):
        ids = [row["id"] for row in rows]
        assert len(ids) - len(set(ids)) == 1


def test_the_flaws_are_really_wrong() -> None:
    values = {(flaw.file, flaw.column): flaw.value for flaw in FLAWS}
    with pytest.raises(ValueError, match="abc"):
        parse_amount(values["transactions", "amount"])
    for file in ("consents", "transactions", "events"):
        assert values[file, "customer"] == ""
        with pytest.raises(ValueError, match="Invalid isoformat"):
            date.fromisoformat(values[file, "date"])
    assert len(values["transactions", "currency"]) != 3


def test_an_empty_log_has_nothing_to_spoil() -> None:
    with pytest.raises(ValueError, match="no row to spoil"):
        with_faults(replace(firm(), events=()))
