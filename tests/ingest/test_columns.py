from __future__ import annotations

import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import IngestError
from engine.ingest.columns import KNOWN, REQUIRED, Kind, guess_kind, match

KINDS = st.sampled_from(sorted(KNOWN))
HEADERS = st.lists(
    st.text(string.ascii_letters + " _-.°à", max_size=12) | st.sampled_from(("Data", "Importo", "id")), max_size=6
)


@pytest.mark.parametrize("kind", KNOWN)
def test_a_file_with_our_own_names_needs_no_configuration(kind: Kind) -> None:
    assert match(kind, list(KNOWN[kind]), {}, "a.csv") == {name: name for name in KNOWN[kind]}


@pytest.mark.parametrize("kind", KNOWN)
def test_no_word_stands_for_two_columns_of_a_kind(kind: Kind) -> None:
    words = [word for ours, others in KNOWN[kind].items() for word in (ours, *others)]

    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize("kind", KNOWN)
def test_required_columns_are_known_ones(kind: Kind) -> None:
    assert set(REQUIRED[kind]) <= set(KNOWN[kind])


@pytest.mark.parametrize(
    "name", ["codice_cliente", "Codice Cliente", "CODICE-CLIENTE", "Codice.Cliente", " codice  cliente "]
)
def test_a_name_however_it_is_written(name: str) -> None:
    assert match("transactions", [name, "date", "amount"], {}, "a.csv")["customer"] == name


def test_our_own_name_goes_before_another_word_for_it() -> None:
    found = match("events", ["data", "type", "customer", "date", "kind"], {}, "a.csv")

    assert (found["date"], found["kind"]) == ("date", "kind")


def test_further_columns_are_found_by_name_or_mapped() -> None:
    header = ["customer", "date", "kind", "Importo", "Note", "Serie"]

    found = match("events", header, {"reference": "Serie"}, "a.csv", ["amount", "reference", "note"])

    assert (found["amount"], found["reference"], found["note"]) == ("Importo", "Serie", "Note")


def test_a_column_that_is_mapped_is_free_for_nothing_else() -> None:
    found = match("transactions", ["customer", "date", "Totale", "TOTALE"], {"cost": "Totale"}, "a.csv")

    assert (found["cost"], found["amount"]) == ("Totale", "TOTALE")


def test_an_attribute_never_takes_the_place_of_a_column_but_goes_before_another_word_for_it() -> None:
    found = match("customers", ["customer", "city", "channel"], {}, "a.csv", ["city", "size", "channel"])

    assert found == {"customer": "customer", "city": "city", "channel": "channel"}


@given(
    KINDS,
    HEADERS,
    st.dictionaries(st.sampled_from(("amount", "date", "customer", "oops")), st.text(max_size=5), max_size=2),
)
def test_what_is_found_is_in_the_file_or_one_clear_line(kind: Kind, header: list[str], wanted: dict[str, str]) -> None:
    with suppress(IngestError):
        found = match(kind, header, wanted, "a.csv")
        assert set(found.values()) <= set(header)
        assert set(REQUIRED[kind]) <= set(found)
        assert wanted.items() <= found.items()
        guessed = [theirs for ours, theirs in found.items() if ours not in wanted]
        assert len(guessed) == len(set(guessed))


@pytest.mark.parametrize(
    ("file", "header", "kind"),
    [
        ("transactions-2026.csv", [], "transactions"),
        ("Clienti ordini.csv", [], "transactions"),
        ("consensi.csv", [], "consents"),
        ("eventi.jsonl", [], "events"),
        ("clienti.csv", [], "customers"),
        ("x.csv", ["Cliente", "Data", "Importo"], "transactions"),
        ("x.csv", ["Cliente", "E-mail"], "customers"),
        ("x.csv", ["Codice", "Cognome"], "customers"),
        ("x.csv", ["customer", "date", "kind", "amount"], "events"),
        ("x.csv", ["Cliente", "Data", "Finalità", "Canale", "Consenso"], "consents"),
    ],
)
def test_what_a_file_holds(file: str, header: list[str], kind: Kind) -> None:
    assert guess_kind(file, header) == kind


def test_what_a_file_holds_may_not_be_clear() -> None:
    with pytest.raises(IngestError, match=r"x\.csv: it is not clear what this file holds \(hint: --kind"):
        guess_kind("x.csv", ["a", "b"])
