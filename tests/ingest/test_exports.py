"""Exports as shops have them: Italian and English, from spreadsheets and from programs, with columns of their own.

Everything here comes in by `premura ingest`.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.core.facts import Address, Customer
from engine.store import customers
from tests.ingest.desk import NOW, Desk


def sales_of(desk: Desk, customer: str = "C1") -> list[tuple[Any, ...]]:
    """Instant, minor units and currency of a customer's transactions, oldest first."""
    return sorted((at, amount, currency) for _, at, amount, currency, *_ in desk.contents()[customer]["transactions"])


def facts_of(desk: Desk, customer: str = "C1") -> Customer:
    facts: Customer = desk.contents()[customer]["facts"]
    return facts


def payloads_of(desk: Desk, customer: str = "C1") -> list[dict[str, Any]]:
    return [json.loads(payload) for *_, payload in desk.contents()[customer]["events"]]


def noon(year: int, month: int, day: int) -> datetime:
    """Noon in Rome, in winter."""
    return datetime(year, month, day, 11, tzinfo=UTC)


def test_an_italian_export_of_sales(desk: Desk) -> None:
    text = (
        "Codice Cliente;Data;Importo;Descrizione\r\n"
        "C1;05/01/2026;1.234,50;Caldaia\r\n"
        "C1;6/1/2026 09:30;€ 12,5;Filtro\r\n"
        "C1;07-01-2026;-12,50;Reso filtro\r\n"
        "C1;08.01.2026;1 250;Manutenzione à forfait\r\n"
    )

    done = desk.ingest("vendite 2026.csv", text.encode("cp1252"))

    assert (done["kind"], done["new"], done["rejected"]) == ("transactions", 4, 0)
    assert done["columns"] == {
        "customer": "Codice Cliente",
        "date": "Data",
        "amount": "Importo",
        "what": "Descrizione",
    }
    assert sales_of(desk) == [
        (noon(2026, 1, 5), 123450, "EUR"),
        (datetime(2026, 1, 6, 8, 30, tzinfo=UTC), 1250, "EUR"),
        (noon(2026, 1, 7), -1250, "EUR"),
        (noon(2026, 1, 8), 125000, "EUR"),
    ]


def test_an_italian_export_of_customers(desk: Desk) -> None:
    text = (
        "Cod. Cliente;Nome;Cognome;Ragione Sociale;E-mail;Telefono;Indirizzo;CAP;Città;Prov.;Paese;Data di nascita;"
        "Cliente dal;Costo acquisizione;Nucleo familiare;Boiler\r\n"
        "C1;Niccolò;D'Amico;;NICCOLO@Mail.example ;0543 1;Via Già 3;47121;Forlì;FC;Italia;29/02/1980;"
        "01/03/2016;12,50; N7;condensazione\r\n"
    )

    done = desk.ingest("clienti.csv", b"\xef\xbb\xbf" + text.encode())

    assert (done["kind"], done["new"], done["rejected"]) == ("customers", 1, 0)
    assert facts_of(desk) == Customer(
        ref="C1",
        household="N7",
        given_name="Niccolò",
        family_name="D'Amico",
        email="niccolo@mail.example",
        phone="0543 1",
        address=Address(street="Via Già 3", postcode="47121", city="Forlì", region="FC", country="IT"),
        birthday=date(1980, 2, 29),
        first_contact_on=date(2016, 3, 1),
        acquisition_cost_minor=1250,
        attributes={"boiler": "condensazione"},
    )


def test_the_same_customers_from_a_spreadsheet_of_the_nineties(desk: Desk) -> None:
    text = "sep=;\r\nCliente;Cognome;Città\r\nC1;D'Amicò;Forlì\r\n"

    done = desk.ingest("clienti.csv", text.encode("cp1252"))

    assert (done["new"], facts_of(desk).family_name, facts_of(desk).address.city) == (1, "D'Amicò", "Forlì")


def test_exports_glued_together_from_two_programs(desk: Desk) -> None:
    data = "cliente,città\nC1,Forlì\n".encode() + "C2,Cesenà\n".encode("cp1252") + "C3,Mondovì\n".encode()

    desk.ingest("clienti.csv", data)

    assert [facts_of(desk, ref).address.city for ref in ("C1", "C2", "C3")] == ["Forlì", "Cesenà", "Mondovì"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_delimiter_with_quotes_and_trailing_ones(desk: Desk, delimiter: str) -> None:
    rows = [
        ["customer", '"amount, gross; in euro | €"', "date", ""],
        ["C1", '"1,234.50"', "2026-01-05", ""],
        ['"C""1"', "5", "2026-01-06", "", ""],
    ]
    desk.configure("ingest.transactions", columns={"amount": "amount, gross; in euro | €"})

    done = desk.ingest("sales.csv", "\n".join(delimiter.join(row) for row in rows) + "\n")

    assert (done["new"], done["rejected"]) == (2, 0)
    assert (sales_of(desk)[0][1], sales_of(desk, 'C"1')[0][1]) == (123450, 500)


def test_an_american_export_needs_its_date_format(desk: Desk) -> None:
    text = 'client,order_date,total\nC1,01/02/2026,"1,234.50"\nC1,12/31/2025,$99\n'
    desk.configure("shop", name="American Heating", email="hello@heating.example", currency="USD")

    assert '[ingest.transactions] date_format = "%m/%d/%Y"' in desk.refused("orders.csv", text)

    desk.configure("ingest.transactions", date_format="%m/%d/%Y")
    done = desk.ingest("orders.csv")

    assert (done["new"], done["rejected"]) == (2, 0)
    assert sales_of(desk) == [(noon(2025, 12, 31), 9900, "USD"), (noon(2026, 1, 2), 123450, "USD")]


def test_with_a_date_format_no_other_order_of_day_and_month_is_guessed(desk: Desk) -> None:
    desk.configure("ingest.transactions", date_format="%m/%d/%Y")

    done = desk.ingest("sales.csv", "customer,date,amount\nC1,31/12/2025,1\nC1,2026-01-05,2\nC1,01/06/2026,3\n")

    assert (done["new"], done["rejected"]) == (2, 1)
    ((_, column, value, reason),) = desk.rejects("sales.csv")
    assert (column, value) == ("date", "31/12/2025")
    assert reason == "'31/12/2025' is not a date such as 2026-12-31 and not in the format %m/%d/%Y"
    assert [at for at, _, _ in sales_of(desk)] == [noon(2026, 1, 5), noon(2026, 1, 6)]


def test_a_format_with_a_time_and_two_digits_for_the_year(desk: Desk) -> None:
    desk.configure("ingest.transactions", date_format="%d%m%y %H%M")

    desk.ingest("sales.csv", "customer,date,amount\nC1,050126 2330,1\n")

    assert [at for at, _, _ in sales_of(desk)] == [datetime(2026, 1, 5, 22, 30, tzinfo=UTC)]


@pytest.mark.parametrize("form", ["dd/mm/yyyy", "%d/%m", "%d/%d/%Y", "%Q", "%", "%m %Y"])
def test_a_date_format_that_tells_no_date_is_refused(desk: Desk, form: str) -> None:
    desk.configure("ingest.transactions", date_format=form)

    said = desk.refused("sales.csv", "customer,date,amount\nC1,2026-01-05,1\n")

    assert said == (
        f"premura.toml: [ingest.transactions] date_format = '{form}' tells no date (hint: such as \"%m/%d/%Y\")"
    )


def test_the_decimal_mark_of_the_configuration_settles_what_is_ambiguous(desk: Desk) -> None:
    text = "customer,date,amount\nC1,2026-01-05,1.234\nC1,2026-01-06,2.50\n"
    assert desk.ingest("sales.csv", text)["rejected"] == 1
    assert sales_of(desk) == [(noon(2026, 1, 6), 250, "EUR")]

    desk.configure("ingest.transactions", decimal=",")
    assert desk.ingest("sales.csv")["rejected"] == 1

    assert sales_of(desk) == [(noon(2026, 1, 5), 123400, "EUR"), (noon(2026, 1, 6), 250, "EUR")]
    assert [value for _, _, value, _ in desk.rejects("sales.csv")] == ["2.50"]


def test_columns_are_mapped_by_the_configuration(desk: Desk) -> None:
    desk.configure("ingest.transactions", columns={"customer": "KD", "date": "Dat.", "amount": "VK", "id": "Beleg"})

    done = desk.ingest("export.csv", "KD,Dat.,VK,EK,Beleg\nC1,2026-01-05,10,7,B1\n", kind="transactions")

    assert done["columns"] == {"customer": "KD", "date": "Dat.", "amount": "VK", "id": "Beleg"}
    assert [key for key, *_ in desk.contents()["C1"]["transactions"]] == ["B1"]


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ("ammount", "Totale", "premura.toml: [ingest.transactions] columns has 'ammount', which is none of customer, "),
        ("ammount", "Totale", "; did you mean 'amount'?"),
        ("amount", "totale", "sales.csv:1: the file has no column 'totale', which [ingest.transactions]"),
        ("amount", "totale", "in premura.toml names; did you mean 'Totale'?"),
        ("amount", "Betrag", "the file has no column 'Betrag', which [ingest.transactions] in premura.toml names"),
    ],
)
def test_a_mapping_that_is_wrong_is_said(desk: Desk, ours: str, theirs: str, said: str) -> None:
    desk.configure("ingest.transactions", columns={ours: theirs})

    assert said in desk.refused("sales.csv", "customer,date,Totale\nC1,2026-01-05,10\n")


def test_a_column_that_is_mapped_is_not_guessed_for_another(desk: Desk) -> None:
    desk.configure("ingest.transactions", columns={"amount": "Totale netto", "cost": "totale"})

    done = desk.ingest("sales.csv", "customer,date,Totale netto,totale\nC1,2026-01-05,10,12\n")

    assert done["columns"] == {"amount": "Totale netto", "cost": "totale", "customer": "customer", "date": "date"}


def test_events_with_their_fields_beside_each_other(desk: Desk) -> None:
    desk.configure("ingest.events", columns={"reference": "N° preventivo"}, decimal=",")
    text = (
        "Cliente;Data;Tipo;Importo;Descrizione;N° preventivo;Colore;\nC1;05/01/2026;quote.sent;1.234;Caldaia;P-1;blu;\n"
    )

    done = desk.ingest("eventi.csv", text)

    assert (done["kind"], done["new"], done["rejected"]) == ("events", 1, 0)
    assert payloads_of(desk) == [{"amount": 1234.0, "what": "Caldaia", "reference": "P-1", "Colore": "blu"}]


def test_events_in_json_with_a_nested_payload(desk: Desk) -> None:
    lines = [
        {
            "id": 1,
            "customer": 12,
            "date": "2026-01-05T18:00:00+01:00",
            "kind": "contract.signed",
            "payload": {"amount": 12.5, "what": "Manutenzione\u2028annuale", "ends_on": "31/12/2026", "date": "x"},
        },
        {
            "id": 2.0,
            "customer": "12",
            "date": "2026-01-06T18:00",
            "kind": "review.received",
            "payload": {"rating": 5, "tags": ["quick", {"by": "Luca"}], "empty": None},
            "shop": {"city": "Forlì"},
        },
        {
            "id": "3",
            "customer": "12",
            "date": 20260107,
            "kind": "delivery.completed",
            "amount": "1.234,50",
            "gift": True,
        },
    ]

    done = desk.ingest("log.jsonl", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))

    assert (done["kind"], done["new"], done["rejected"]) == ("events", 3, 0)
    found = desk.contents()["12"]["events"]
    assert [(source, key, kind, at) for source, key, kind, at, _ in found] == [
        ("events", "1", "contract.signed", datetime(2026, 1, 5, 17, tzinfo=UTC)),
        ("events", "2", "review.received", datetime(2026, 1, 6, 17, tzinfo=UTC)),
        ("events", "3", "delivery.completed", noon(2026, 1, 7)),
    ]
    assert payloads_of(desk, "12") == [
        {"amount": 12.5, "what": "Manutenzione\u2028annuale", "ends_on": "2026-12-31", "date": "x"},
        {"rating": 5, "tags": ["quick", {"by": "Luca"}], "shop": {"city": "Forlì"}},
        {"amount": 1234.5, "gift": True},
    ]


def test_a_time_in_a_payload_is_on_the_clocks_of_the_shop(desk: Desk) -> None:
    desk.configure("attributes", serviced="timestamp")
    line = {"customer": "C1", "date": "2026-07-05", "kind": "contract.signed", "ends_on": "2026-07-05 09:30"}

    desk.ingest("events.jsonl", json.dumps(line))
    desk.ingest("customers.csv", "customer,serviced\nC1,05/07/2026 09:30\n")

    assert payloads_of(desk) == [{"ends_on": "2026-07-05T07:30:00+00:00"}]
    assert facts_of(desk).attributes == {"serviced": "2026-07-05T07:30:00+00:00"}


def test_sales_in_json_mean_the_numbers_that_they_hold(desk: Desk) -> None:
    desk.configure("ingest.transactions", decimal=",")
    amounts = ["12.1", "0.30000000000000004", "1000", "1e3", '"1.234,5"', "-7"]
    lines = [f'{{"customer": "C1", "date": "2026-01-0{day}", "amount": {one}}}' for day, one in enumerate(amounts, 1)]
    wrong = '{"customer": "C1", "date": "2026-01-09", "amount": 1.234}'

    done = desk.ingest("sales.jsonl", "\n".join([*lines, wrong]))

    assert (done["new"], done["rejected"]) == (6, 1)
    assert [amount for _, amount, _ in sales_of(desk)] == [1210, 30, 100000, 100000, 123450, -700]
    assert desk.rejects("sales.jsonl")[0][3] == "1.234 has more decimals than EUR knows (2)"


def test_currencies_have_their_own_decimals(desk: Desk) -> None:
    text = "customer,date,amount,currency\nC1,2026-01-01,1200,jpy\nC1,2026-01-02,1.2345,KWD\nC1,2026-01-03,5,€\n"

    done = desk.ingest("sales.csv", text + "C1,2026-01-04,1.5,KWD\nC1,2026-01-05,1000,ITL\n")

    assert [found[1:] for found in sales_of(desk)] == [(1200, "JPY"), (500, "EUR"), (1500, "KWD"), (100000, "ITL")]
    assert (done["rejected"], desk.rejects("sales.csv")[0][3]) == (1, "1.2345 has more decimals than KWD knows (3)")


PEOPLE = "customer,given_name,email,city,birthday\n"


def test_customers_again_change_only_what_the_file_names(desk: Desk) -> None:
    desk.ingest("customers.csv", PEOPLE + "C1,Ada,ada@mail.example,Forlì,1980-05-01\nC2,Bea,,Cesena,\n")

    done = desk.ingest("crm.csv", "customer,email,phone\nC1,new@mail.example,123\nC2,,\n", kind="customers")

    assert (done["new"], done["changed"], done["known"]) == (0, 1, 1)
    facts = facts_of(desk)
    assert (facts.given_name, facts.email, facts.phone) == ("Ada", "new@mail.example", "123")
    assert (facts.address.city, facts.birthday) == ("Forlì", date(1980, 5, 1))


def test_an_emptied_cell_empties_what_was_known(desk: Desk) -> None:
    desk.ingest("customers.csv", PEOPLE + "C1,Ada,ada@mail.example,Forlì,1980-05-01\n")

    done = desk.ingest("customers.csv", PEOPLE + "C1,Ada,,,\n")

    assert done["changed"] == 1
    assert facts_of(desk) == Customer(ref="C1", given_name="Ada")


def test_a_line_of_json_changes_only_what_it_names_itself(desk: Desk) -> None:
    desk.ingest("customers.csv", PEOPLE + "C1,Ada,ada@mail.example,Forlì,1980-05-01\nC2,Bea,bea@mail.example,Cesena,\n")
    lines = '{"customer": "C1", "city": "Roma"}\n{"customer": "C2", "email": null}\n{"customer": "C1", "phone": "7"}\n'

    assert desk.ingest("customers.jsonl", lines)["changed"] == 3

    assert (facts_of(desk).email, facts_of(desk).address.city, facts_of(desk).phone) == (
        "ada@mail.example",
        "Roma",
        "7",
    )
    assert (facts_of(desk, "C2").email, facts_of(desk, "C2").address.city) == ("", "Cesena")
    assert desk.ingest("customers.jsonl")["changed"] == 0


def test_of_two_lines_about_a_customer_the_later_one_is_the_newer(desk: Desk) -> None:
    desk.configure("attributes", size="double")
    desk.ingest("customers.csv", "customer,phone,boiler\nC1,old,gas\n")

    desk.ingest(
        "customers.jsonl",
        '{"customer": "C1", "phone": "new", "boiler": null}\n{"customer": "C1", "phone": "old", "size": 3}\n',
    )

    assert (facts_of(desk).phone, facts_of(desk).attributes) == ("old", {"size": 3.0})


def test_reading_the_same_customers_again_is_no_change(desk: Desk) -> None:
    text = PEOPLE + "C1,Ada,ada@mail.example,Forlì,1980-05-01\n"
    desk.ingest("customers.csv", text, as_of="2026-01-01")

    assert desk.ingest("customers.csv", text, as_of=NOW)["known"] == 1

    with desk.store.read() as connection:
        assert customers.last_change(connection) == noon(2026, 1, 1)


def test_attributes_are_merged(desk: Desk) -> None:
    desk.configure("attributes", size="double", contract="bool", age="int")
    desk.ingest("one.csv", "customer,Boiler,size,age\nC1,gas,12.5,3\nC2,oil,,\n", kind="customers")

    done = desk.ingest("two.csv", "customer,size,contract\nC1,14,sì\nC2,,no\nC3,7,no\n", kind="customers")

    assert (done["new"], done["changed"]) == (1, 2)
    assert facts_of(desk).attributes == {"boiler": "gas", "size": 14.0, "age": 3, "contract": True}
    assert facts_of(desk, "C2").attributes == {"boiler": "oil", "contract": False}
    assert facts_of(desk, "C3").attributes == {"size": 7.0, "contract": False}

    desk.ingest("three.csv", "customer,boiler\nC1,\n", kind="customers")
    assert facts_of(desk).attributes == {"size": 14.0, "age": 3, "contract": True}
    assert desk.ingest("three.csv", kind="customers")["changed"] == 0


def test_attributes_have_types_and_may_be_mapped(desk: Desk) -> None:
    desk.configure("attributes", age="int")
    desk.configure("ingest.customers", columns={"boiler": "Caldaia", "age": "Anni"})

    done = desk.ingest("clienti.csv", "Cliente;Caldaia;Anni\nC1;gas;12\nC2;gas;12,5\nC3;gas;molti\n")

    assert (done["new"], done["rejected"]) == (1, 2)
    assert facts_of(desk).attributes == {"boiler": "gas", "age": 12}
    assert [(row, column) for row, column, _, _ in desk.rejects("clienti.csv")] == [("3", "Anni"), ("4", "Anni")]


def test_customers_that_only_a_sale_names_are_made_and_completed_later(desk: Desk) -> None:
    desk.ingest("sales.csv", "customer,date,amount\nC1,2026-01-05,10\n")
    assert facts_of(desk) == Customer(ref="C1")

    done = desk.ingest("customers.csv", "customer,given_name\nC1,Ada\nC2,Bea\n")

    assert (done["new"], done["changed"]) == (1, 1)
    assert (facts_of(desk).given_name, len(sales_of(desk))) == ("Ada", 1)


@pytest.mark.parametrize(
    ("name", "header", "row"),
    [
        ("sales.csv", "customer,date,amount", "2026-01-05,10"),
        ("events.csv", "customer,date,kind", "2026-01-05,quote.sent"),
        ("consents.csv", "customer,date,purpose,channel,given", "2026-01-05,any,any,yes"),
    ],
)
def test_unknown_customers_are_rejected_where_the_shop_says_so(desk: Desk, name: str, header: str, row: str) -> None:
    desk.configure("ingest", unknown_customers="reject")
    desk.ingest("customers.csv", "customer,given_name\nC1,Ada\n")

    done = desk.ingest(name, f"{header}\nC1,{row}\nC2,{row}\n")

    assert (done["new"], done["rejected"]) == (1, 1)
    assert desk.rejects(name) == [
        ("3", "customer", "C2", "this customer is not known (hint: ingest the customers first)")
    ]
    assert sorted(desk.contents()) == ["", "C1"]


def test_consents_are_appended_and_withdrawals_stand_beside_them(desk: Desk) -> None:
    header = "Cliente;Data;Finalità;Canale;Consenso;Origine\n"
    desk.ingest("consensi.csv", header + "C1;01/01/2026;any;Email;Sì;modulo\nC1;01/01/2026;marketing;note;no;modulo\n")
    given = desk.contents()["C1"]["consents"]

    done = desk.ingest(
        "consensi.csv", header + "C1;01/01/2026;any;email;sì;modulo\nC1;01/02/2026;any;email;NO;telefono\n"
    )

    assert (done["new"], done["known"]) == (1, 1)
    assert given == [("any", "email", True, noon(2026, 1, 1)), ("marketing", "note", False, noon(2026, 1, 1))]
    assert desk.contents()["C1"]["consents"] == sorted([*given, ("any", "email", False, noon(2026, 2, 1))])


def test_a_day_of_birth_is_the_day_as_written_wherever_its_clock_stands(desk: Desk) -> None:
    text = "customer,birthday\nC1,1980-05-01T00:00:00+02:00\nC2,1980-05-01 00:00:00\nC3,01/05/1980\n"

    desk.ingest("customers.csv", text)

    assert {facts_of(desk, ref).birthday for ref in ("C1", "C2", "C3")} == {date(1980, 5, 1)}


def test_locales_and_countries_are_kept_in_one_spelling(desk: Desk) -> None:
    text = "customer,locale,country\nC1,it-it,it\nC2,EN,Regno Unito\nC3,de_CH,Switzerland\nC4,,UK\n"

    desk.ingest("customers.csv", text)

    kept = [(facts_of(desk, ref).locale, facts_of(desk, ref).address.country) for ref in ("C1", "C2", "C3", "C4")]
    assert kept == [("it_IT", "IT"), ("en", "GB"), ("de_CH", "CH"), ("", "GB")]


def test_two_files_at_once_and_their_summaries(desk: Desk) -> None:
    people = desk.put("customers.csv", "customer,given_name\nC1,Ada\n")
    sales = desk.put("sales.csv", "customer,date,amount\nC1,2026-01-05,10\n")

    answer = desk.premura("ingest", str(people), str(sales), "--json")

    assert [(done["file"], done["kind"], done["new"], done["known"]) for done in answer.data["files"]] == [
        ("customers.csv", "customers", 1, 0),
        ("sales.csv", "transactions", 1, 0),
    ]


def test_sources_keep_their_numbers_apart(desk: Desk) -> None:
    text = "id,customer,date,amount\n1,C1,2026-01-05,10\n"
    desk.ingest("sales.csv", text)
    desk.configure("ingest.transactions", source="web")

    done = desk.ingest("sales.csv", text.replace("10", "12"))

    assert (done["new"], [amount for _, amount, _ in sales_of(desk)]) == (1, [1000, 1200])
