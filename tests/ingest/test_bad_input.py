"""What bad input gets: wrong rows are named with their place and reason, the good ones go in, and nothing else happens.

Everything here comes in by `premura ingest`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ingest.desk import Desk

SALES = "id,customer,date,amount,currency,cost,reverses\n"
GOOD = "1,C1,2026-01-05,10.00,,,\n"
EVENTS = "customer,date,kind\nC1,2026-01-05,quote.sent\n"
CONSENTS = "customer,date,purpose,channel,given\nC1,2026-01-05,any,email,yes\n"
PEOPLE = "customer,email,country,time_zone,locale,birthday\nC1,a@mail.example,IT,Europe/Rome,it_IT,1980-05-01\n"


Wrong = tuple[str, str, str]
"""A row, the column that is named, and a part of the reason."""

WRONG_SALES: list[tuple[str, str, str, str]] = [
    ("2,C1,2026-02-30,10.00,,,", "date", "2026-02-30", "is not a date such as 2026-12-31 or 31/12/2026"),
    ("2,C1,31/02/2026,10.00,,,", "date", "31/02/2026", "is not a date"),
    ("2,C1,yesterday,10.00,,,", "date", "yesterday", "is not a date"),
    ("2,C1,0202-01-05,10.00,,,", "date", "0202-01-05", "lies in the year 202"),
    ("2,C1,9999-12-31T23:59:59-23:00,1,,,", "date", "9999-12-31T23:59:59-23:00", "lies in the year 9999"),
    ("2,C1,,10.00,,,", "date", "", "is empty"),
    ("2,C1,2026-01-05,abc,,,", "amount", "abc", "'abc' is not an amount"),
    ("2,C1,2026-01-05,1.234,,,", "amount", "1.234", "may be thousands or decimals; say decimal"),
    ('2,C1,2026-01-05,"1,234",,,', "amount", "1,234", "may be thousands or decimals"),
    ("2,C1,2026-01-05,10.005,,,", "amount", "10.005", "may be thousands or decimals"),
    ("2,C1,2026-01-05,10.0005,,,", "amount", "10.0005", "has more decimals than EUR knows (2)"),
    ("2,C1,2026-01-05,10.50,JPY,,", "amount", "10.50", "has more decimals than JPY knows (0)"),
    (f"2,C1,2026-01-05,{'9' * 40},,,", "amount", "9" * 40, "larger than any amount"),
    ("2,C1,2026-01-05,$ 10,,,", "amount", "$ 10", "is in dollars, and this row is in EUR"),
    ("2,C1,2026-01-05,10 USD,,,", "amount", "10 USD", "is in USD, and this row is in EUR"),
    ("2,C1,2026-01-05,€ 10,GBP,,", "amount", "€ 10", "is in EUR, and this row is in GBP"),
    ("2,C1,2026-01-05,,,,", "amount", "", "is empty"),
    ("2,,2026-01-05,10.00,,,", "customer", "", "is empty"),
    ("2,C1,2026-01-05,10.00,EUX,,", "currency", "EUX", "is not a currency code such as EUR"),
    ("2,C1,2026-01-05,10.00,euros,,", "currency", "euros", "is not a currency code"),
    ("2,C1,2026-01-05,10.00,,much,", "cost", "much", "'much' is not an amount"),
    ("2,C1,2026-01-05,10.00,,,,,7", "", "", "9 cells where the header has 7"),
    ("2,C1,2026-01-05,10.00", "", "", "4 cells where the header has 7"),
    ('2,"C"1,2026-01-05,10.00,,,', "", "", "its quotes are not right"),
    ('2,"C1,2026-01-05,10.00,,,', "", "", "its quotes are not right"),
    ("1,C1,2026-01-05,12.00,,,", "id", "1", "row 2 has the same id and says something else"),
    ("1,C2,2026-01-05,10.00,,,", "id", "1", "row 2 has the same id and says something else"),
    ("11,C1,2026-01-06,-10.00,,,9", "reverses", "9", "there is no such sale, in this file or stored"),
    ("12,C1,2026-01-06,10.00,,,1", "amount", "10.00", "takes back the sale 1, so it must be below zero"),
    ("13,C2,2026-01-06,-10.00,,,1", "reverses", "1", "this is a sale to another customer"),
    ("14,C1,2026-01-06,-10.00,USD,,1", "reverses", "1", "this sale was 10.00 EUR, and the refund is in USD"),
    ("15,C1,2026-01-06,-10.00,,,15", "reverses", "15", "this is no sale but a refund itself"),
]
WRONG_EVENTS: list[Wrong] = [
    ("C1,2026-01-05,qoute.sent", "kind", "did you mean quote.sent?"),
    ("C1,2026-01-05,moon.landed", "kind", 'declare it in premura.toml: [events."moon.landed"]'),
    ("C1,2026-01-05,", "kind", "is empty"),
    (",2026-01-05,quote.sent", "customer", "is empty"),
]
WRONG_CONSENTS: list[Wrong] = [
    ("C1,2026-01-05,any,email,perhaps", "given", "'perhaps' is neither yes nor no"),
    ("C1,2026-01-05,any,email,", "given", "is empty"),
    ("C1,2026-01-05,any,pigeon,yes", "channel", "'pigeon' is none of email, note"),
    ("C1,2026-01-05,spam,email,yes", "purpose", "'spam' is none of transactional"),
]
WRONG_PEOPLE: list[Wrong] = [
    ("C2,nobody,IT,,,", "email", "'nobody' is not an e-mail address"),
    ("C2,a@b@mail.example,IT,,,", "email", "is not an e-mail address"),
    ("C2,,Atlantis,,,", "country", "'Atlantis' is not a country such as IT or Italia"),
    ("C2,,,Mars/Olympus,,", "time_zone", "'Mars/Olympus' is not a time zone"),
    ("C2,,,../../etc/passwd,,", "time_zone", "is not a time zone"),
    ("C2,,,,klingon_KL,", "locale", "'klingon_KL' is not a locale such as it_IT"),
    ("C2,,,,,1980-13-01", "birthday", "is not a date"),
    (",b@mail.example,,,,", "customer", "is empty"),
    ("C1,b@mail.example,,,,", "customer", "row 2 has the same customer and says something else"),
]
WRONG_LINES: list[Wrong] = [
    ('{"customer": "C1", "date": "2026-01-05", "kind": "quote.sent"', "", "not JSON: "),
    ("customer,date,kind", "", "not JSON: Expecting value at column 1"),
    ('["C1"]', "", "not a JSON object such as"),
    ("12", "", "not a JSON object such as"),
    ('{"customer": "C1", "date": "2026-01-05", "kind": "quote.sent", "amount": NaN}', "", "NaN is not a number"),
    ('{"customer": "C1", "date": "2026-01-05", "kind": "quote.sent", "amount": 1e999}', "", "1e999 is not a number"),
    (f'{{"customer": {"9" * 5000}}}', "", "not JSON that can be kept"),
    ("[" * 100_000, "", "not JSON that can be kept"),
    (r'{"customer": "C\ud800", "date": "2026-01-05", "kind": "quote.sent"}', "", "not JSON that can be kept"),
    (r'{"customer": "C\u0000", "date": "2026-01-05", "kind": "quote.sent"}', "", "it holds a NUL sign"),
    ('{"date": "2026-01-05", "kind": "quote.sent"}', "customer", "is empty"),
    ('{"customer": null, "date": "2026-01-05", "kind": "quote.sent"}', "customer", "is empty"),
    ('{"customer": {"id": 1}, "date": "2026-01-05", "kind": "quote.sent"}', "customer", "is not a reference"),
    ('{"customer": true, "date": "2026-01-05", "kind": "quote.sent"}', "customer", "is not a reference"),
    ('{"customer": "C1", "date": ["2026-01-05"], "kind": "quote.sent"}', "date", "is not a date"),
    ('{"customer": "C1", "date": "2026-01-05", "kind": ["quote.sent"]}', "kind", "is not a single value"),
    ('{"customer": "C1", "date": "2026-01-05", "kind": "quote.sent", "amount": "much"}', "amount", "is not an amount"),
    ('{"customer": "C1", "date": "2026-01-05", "kind": "quote.sent", "amount": true}', "amount", "is not an amount"),
    (
        '{"customer": "C1", "date": "2026-01-05", "kind": "review.received", "payload": {"rating": 4.5}}',
        "payload.rating",
        "'4.5' is not a whole number",
    ),
    (
        '{"customer": "C1", "date": "2026-01-05", "kind": "contract.signed", "ends_on": "soon"}',
        "ends_on",
        "is not a date",
    ),
]  # fmt: skip


def test_wrong_sales(desk: Desk) -> None:
    rows = "".join(f"{row}\n{number},C3,2026-01-07,30.00,,,\n" for number, (row, *_) in enumerate(WRONG_SALES, 100))

    done = desk.ingest("sales.csv", SALES + GOOD + rows)

    number = len(WRONG_SALES)
    assert (done["rows"], done["new"], done["rejected"], done["known"]) == (2 * number + 1, number + 1, number, 0)
    found = desk.rejects("sales.csv")
    assert [reject[:3] for reject in found] == [
        (str(row), column, value) for row, (_, column, value, _) in zip(range(3, 1000, 2), WRONG_SALES, strict=False)
    ]
    for (*_, said), (row, _, _, reason) in zip(found, WRONG_SALES, strict=True):
        assert reason in said, row

    kept = desk.contents()
    again = desk.ingest("sales.csv")
    assert (again["new"], again["known"], again["rejected"]) == (0, number + 1, number)
    assert (desk.contents(), desk.rejects("sales.csv")) == (kept, found)


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("events.csv", EVENTS, WRONG_EVENTS),
        ("consents.csv", CONSENTS, WRONG_CONSENTS),
        ("people.csv", PEOPLE, WRONG_PEOPLE),
    ],
)
def test_wrong_rows_of_other_kinds(desk: Desk, name: str, text: str, wrong: list[Wrong]) -> None:
    good = text.splitlines()[1].replace("C1", "C7").replace("a@mail", "c@mail")

    done = desk.ingest(name, text + "".join(f"{row}\n" for row, _, _ in wrong) + good + "\n")

    assert (done["rows"], done["new"], done["rejected"]) == (len(wrong) + 2, 2, len(wrong))
    assert sorted(desk.contents()) == ["", "C1", "C7"]
    found = desk.rejects(name)
    assert [reject[:2] for reject in found] == [(str(row), column) for row, (_, column, _) in enumerate(wrong, 3)]
    for (*_, said), (row, _, reason) in zip(found, wrong, strict=True):
        assert reason in said, row


def test_wrong_lines_of_json(desk: Desk) -> None:
    good = json.dumps({"customer": "C9", "date": "2026-01-05", "kind": "quote.sent", "amount": 800})

    done = desk.ingest("events.jsonl", f"{good}\n\n" + "".join(f"{line}\n" for line, _, _ in WRONG_LINES) + f"{good}\n")

    assert (done["rows"], done["new"], done["rejected"]) == (len(WRONG_LINES) + 2, 2, len(WRONG_LINES))
    assert len(desk.contents()["C9"]["events"]) == 2
    found = desk.rejects("events.jsonl")
    assert [reject[:2] for reject in found] == [(str(row), column) for row, (_, column, _) in enumerate(WRONG_LINES, 3)]
    for (*_, said), (line, _, reason) in zip(found, WRONG_LINES, strict=True):
        assert reason in said, line[:80]


def test_all_that_is_wrong_in_a_row_is_said_at_once(desk: Desk) -> None:
    desk.ingest("sales.csv", SALES + "1,,once,some,EUX,,\n")

    assert [column for _, column, _, _ in desk.rejects("sales.csv")] == ["amount", "currency", "customer", "date"]
    assert {row for row, _, _, _ in desk.rejects("sales.csv")} == {"2"}


def test_rows_are_counted_as_an_editor_shows_them_and_columns_named_as_the_file_does(desk: Desk) -> None:
    lines = (
        "",
        "Cliente;Data;Importo;Descrizione",
        'C1;2026-01-05;10,00;"una caldaia\r\nsu due righe\r\ne tre"',
        "",
        "C1;2026-01-06;dieci;",
        "C1;ieri;10,00;",
    )

    done = desk.ingest("vendite.csv", "\r\n".join(lines) + "\r\n")

    assert (done["rows"], done["new"], done["rejected"]) == (3, 1, 2)
    assert [found[:3] for found in desk.rejects("vendite.csv")] == [("7", "Importo", "dieci"), ("8", "Data", "ieri")]


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest(desk: Desk) -> None:
    rows = "".join(f"{number},C{number},2026-01-05,10.00,,,\n" for number in range(3, 1500))

    done = desk.ingest("sales.csv", SALES + GOOD + '2,"C2,2026-01-05,10.00,,,\n' + rows)

    assert (done["rows"], done["new"], done["rejected"]) == (1499, 1498, 1)
    ((number, _, _, reason),) = desk.rejects("sales.csv")
    assert number == "3"
    assert "quotes" in reason


def test_mended_rows_go_in_and_their_rejects_go_away(desk: Desk) -> None:
    wrong = SALES + GOOD + "2,C2,2026-01-06,abc,,,\n3,C3,soon,30.00,,,\n"
    desk.ingest("sales.csv", wrong)
    assert len(desk.rejects("sales.csv")) == 2

    half = desk.ingest("sales.csv", wrong.replace("abc", "20.00"))
    assert (half["new"], half["known"], half["rejected"], len(desk.rejects("sales.csv"))) == (1, 1, 1, 1)

    whole = desk.ingest("sales.csv", wrong.replace("abc", "20.00").replace("soon", "2026-01-07"))
    assert (whole["new"], whole["known"], whole["rejected"], whole["rejects_file"]) == (1, 2, 0, "")
    assert list((desk.folder / "rejects").iterdir()) == []


def test_the_wrong_rows_leave_no_trace(desk: Desk) -> None:
    desk.ingest("sales.csv", SALES + "1,GHOST,2026-01-05,abc,,,\n2,SHADE,2026-01-06,-10.00,,,77\n")
    desk.ingest("events.csv", "customer,date,kind\nPHANTOM,2026-01-05,moon.landed\n")

    assert desk.contents() == {"": {"referrals": [], "dirty": 0}}


def test_people_are_told_what_was_rejected_and_where_to_look(desk: Desk) -> None:
    path = desk.put("vendite.csv", "Cliente;Data;Importo\nC1;2026-01-05;10,00\nC1;2026-01-05;x\n")

    answer = desk.premura("ingest", str(path))

    assert (answer.code, answer.err) == (0, "")
    assert "vendite.csv: 2 transactions: 1 new, 0 known, 1 rejected" in answer.out
    assert "columns read as: customer = Cliente, date = Data, amount = Importo" in answer.out
    assert f"why rows were rejected: {desk.folder / 'rejects' / 'vendite.csv.rejects.csv'}" in answer.out


UNREADABLE: list[tuple[str, bytes, str]] = [
    ("sales.csv", b"", "sales.csv:1: the file is empty or has no header"),
    ("sales.csv", b"\n \n\n", "sales.csv:1: the file is empty or has no header"),
    ("sales.csv", b"\xef\xbb\xbf", "the file is empty or has no header"),
    ("sales.csv", b";;;\n1;2;3;4\n", "the file is empty or has no header"),
    ("sales.csv", b'"customer,date,amount\nC1,2026-01-05,10\n', "the file is empty or has no header: its quotes"),
    ("sales.csv", b"PK\x03\x04\x14\x00\x06\x00\x08", "this is not a text file (hint: export it as CSV or JSON Lines"),
    ("sales.csv", "customer,date,amount\n".encode("utf-16"), "this is not a text file"),
    ("sales.csv", b"customer,date,amount\nC1\x81\x8d,2026-01-05,10\n", "this is not a text file"),
    ("sales.csv", b"customer,date\nC1,2026-01-05\n", "sales.csv:1: no column for amount among customer, date"),
    ("sales.csv", b"C1,2026-01-05,10.00\nC1,2026-01-06,10.00\n", "no column for customer and date and amount among C1"),
    ("sales.csv", b"customer,date,amount,date\n", "sales.csv:1 column 'date': the header names 'date' twice"),
    ("sales.csv", b"customer,Data,DATA,amount\n", "'Data' and 'DATA' may both be date"),
    ("sales.csv", b"customer,date,amount\nC1,1/2/2026,5\nC1,12/31/2026,5\n", "have the month first, as in 12/31/2026"),
    ("what.csv", b"a,b\n1,2\n", "what.csv: it is not clear what this file holds (hint: --kind"),
    ("events.jsonl", b"\n", "events.jsonl: the file is empty"),
    ("events.json", b'[\n{"customer": "C1"}\n]\n', "this is not JSON Lines (hint: one whole object a line"),
    ("events.json", b'{\n"customer": "C1",\n"kind": "quote.sent"\n}\n', "this is not JSON Lines"),
    ("events.jsonl", b'{"customer": "C1", "kind": "quote.sent"}\n', "no column for date among customer, kind"),
]  # fmt: skip


def test_files_that_cannot_be_read_at_all(desk: Desk) -> None:
    desk.ingest("before.csv", "customer,date,amount\nC0,2026-01-01,1.00\n", kind="transactions")

    for name, content, said in UNREADABLE:
        assert said in desk.refused(name, content), content
        assert not (desk.folder / "rejects").exists()


def test_a_file_that_is_not_there_and_a_folder_in_its_place(desk: Desk) -> None:
    (desk.exports / "sales.csv").mkdir()

    assert desk.refused("sales.csv").endswith("sales.csv: cannot be read (Is a directory)")
    assert desk.refused("missing.csv").endswith("missing.csv: cannot be read (No such file or directory)")


def test_an_unknown_kind_is_a_wrong_command(desk: Desk) -> None:
    path = desk.put("sales.csv", SALES)

    answer = desk.premura("ingest", str(path), "--kind", "invoices")

    assert (answer.code, answer.err) == (2, "--kind: 'invoices' is none of customers, transactions, events, consents\n")


def test_rejects_that_cannot_be_written_are_said(desk: Desk) -> None:
    (desk.folder / "rejects").write_text("a file where a folder should be")
    path = desk.put("sales.csv", SALES + GOOD + "2,C2,soon,1,,,\n")

    answer = desk.premura("ingest", str(path))

    assert (answer.code, answer.out) == (1, "")
    assert "the good rows are stored, but the wrong ones cannot be listed" in answer.err
    assert len(desk.contents()["C1"]["transactions"]) == 1


def test_only_a_header_is_a_file_with_nothing_in_it(desk: Desk) -> None:
    done = desk.ingest("sales.csv", SALES)

    assert (done["kind"], done["rows"], done["new"], done["rejects_file"]) == ("transactions", 0, 0, "")


def test_a_first_row_that_is_broken_does_not_hide_the_columns(desk: Desk) -> None:
    done = desk.ingest("sales.csv", SALES + '"x"y\n1\n' + GOOD)

    assert (done["rows"], done["new"], done["rejected"]) == (3, 1, 2)


def test_values_in_the_rejects_file_are_kept_short(desk: Desk) -> None:
    desk.ingest("sales.csv", SALES + f"1,C1,{'x' * 5000},10.00,,,\n")

    ((_, _, value, _),) = desk.rejects("sales.csv")
    assert value == "x" * 200


def test_a_file_in_a_folder_of_its_own_is_known_by_its_name(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "sales.csv"
    path.parent.mkdir()
    path.write_text(SALES + "1,C1,soon,1,,,\n", encoding="utf-8")

    answer = desk.premura("ingest", str(path), "--json")

    assert answer.data["files"][0]["file"] == "sales.csv"
    assert desk.rejects("sales.csv")[0][0] == "2"


EVENTS = "id,customer,date,kind,amount\n"
AGAIN = EVENTS + "1,C1,2026-01-05,quote.sent,10\n2,C2,2026-01-06 10:00,quote.sent,20\n"


def test_an_event_that_comes_again_and_says_something_else_is_told_and_the_first_stays(desk: Desk) -> None:
    desk.ingest("events.csv", AGAIN)
    before = desk.contents()

    done = desk.ingest(
        "events.csv", AGAIN.replace(",20\n", ",25\n").replace("C1,", "GHOST,") + "3,C3,2026-01-07,quote.sent,1\n"
    )

    assert (done["rows"], done["new"], done["known"], done["rejected"], done["contradicted"]) == (3, 1, 0, 2, 2)
    assert done["notes"] == [
        "2 rows say something else than what is stored under the same id, which stays as it is: 2, 3"
    ]
    assert [(row, column, value) for row, column, value, _ in desk.rejects("events.csv")] == [
        ("2", "id", "1"),
        ("3", "id", "2"),
    ]
    stays = "this id is stored already, as quote.sent on 2026-01-06, with another amount; what is stored never changes"
    assert desk.rejects("events.csv")[1][3] == stays
    after = desk.contents()
    assert "GHOST" not in after
    assert {who: what for who, what in after.items() if who in before} == before


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (("quote.sent,20", "quote.accepted,20"), "kind"),
        (("01-06 10:00", "01-06 11:00"), "date"),
        (("01-06 10:00", "01-07"), "date"),
        (("C2", "C1"), "customer"),
        (("01-06 10:00,quote.sent,20", "01-08,quote.sent,21"), "date and amount"),
        (("01-06 10:00", "01-06"), ""),  # a date alone says less, and nothing else
        (("10:00,quote.sent,20", "10:00,quote.sent,20.0"), ""),
        (("10:00,quote.sent,20", "10:00,quote.sent,"), ""),
    ],
)
def test_what_is_another_event(desk: Desk, change: tuple[str, str], differs: str) -> None:
    desk.ingest("events.csv", AGAIN)

    done = desk.ingest("events.csv", AGAIN.replace(*change))

    assert (done["known"], done["rejected"]) == ((2, 0) if not differs else (1, 1))
    assert not differs or f"with another {differs};" in desk.rejects("events.csv")[0][3]


def test_a_sale_that_comes_again_with_another_amount_is_counted_too(desk: Desk) -> None:
    desk.ingest("sales.csv", SALES + GOOD)
    rows = "".join(f"x{number},C1,2026-01-05,1.00,,,\n" for number in range(8))
    desk.ingest("sales.csv", SALES + rows)

    done = desk.ingest("sales.csv", SALES + rows.replace("1.00", "2.00"))

    assert (done["contradicted"], done["rejected"]) == (8, 8)
    assert done["notes"][0].endswith("which stays as it is: 2, 3, 4, 5, 6, …")


def test_what_was_done_is_said_before_what_cannot_be_read(desk: Desk) -> None:
    good, last = desk.put("sales.csv", SALES + GOOD), desk.put("orders.csv", SALES + GOOD.replace("1,", "2,", 1))

    answer = desk.premura("ingest", str(good), "missing.csv", str(last))

    assert (answer.code, answer.err) == (1, "missing.csv: cannot be read (No such file or directory)\n")
    assert [line.split(":")[0] for line in answer.out.splitlines() if not line.startswith(" ")] == [
        "sales.csv",
        "orders.csv",
    ]
    assert len(desk.contents()["C1"]["transactions"]) == 2
    told = desk.premura("ingest", str(good), "missing.csv", "--json")
    assert (told.code, [one["file"] for one in told.data["files"]]) == (1, ["sales.csv"])
    assert told.data["errors"] == [{"file": "missing.csv", "error": answer.err.strip()}]
