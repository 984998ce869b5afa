"""Reports through the front door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.cli import run
from engine.report.sources import SourceLine
from engine.report.stage import report_channels, report_clv
from tests.shop import Shop

USUAL = "discount_rate = 0.10"
COSTS = f"{USUAL}\nacquisition_cost = {{ fair = 30.0, radio = 12.345 }}"


@pytest.fixture
def grown(shop: Shop) -> Shop:
    """Six customers from three sources and one from who knows where; the better number, the better customer."""
    sources = {"C1": "fair", "C2": "fair", "C3": "radio", "C4": "friend", "C5": "friend", "C6": ""}
    costs = {"C2": {"acquisition_cost": "50.00"}, "C5": {"acquisition_cost": "0.00"}}
    shop.ingest(
        "customers",
        [{"customer": ref, "source": source, "acquisition_cost": "", **costs.get(ref, {})}
         for ref, source in sources.items()],
    )  # fmt: skip
    for number, ref in enumerate(sources, start=1):
        for month in range(1, number + 2):
            shop.sale(f"2025-{month:02}-10", f"{20 * number}.00", ref)
    shop.app.score()
    shop.close()
    return shop


def told(shop: Shop, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert run(["report", "clv", "-w", str(shop.folder), *words]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def test_reports_add_up_what_was_scored_and_done(shop: Shop) -> None:
    for number in range(1, 6):
        shop.customer(f"C{number}")
        shop.sale("2025-06-01", "80.00", f"C{number}")
        shop.sale("2025-12-01", "90.00", f"C{number}")
        shop.event("service_call.completed", "2026-03-02T09:00:00+01:00", f"C{number}")
    shop.app.score()
    shop.round()

    found, sources = report_clv(shop.app.store, shop.app.settings.score.tiers, {})
    (line,) = report_channels(shop.app.store)

    assert found.customers == 5
    assert sum(tier.clv_minor for tier in found.tiers) == found.clv_minor > 0
    assert [(source.source, source.customers) for source in sources] == [("", 5)]
    assert line.outcomes == {"act": 5}
    assert sum(line.actions["email"].values()) == 5


def test_each_source_has_its_customers_their_worth_and_their_cost(grown: Shop) -> None:
    found, sources = report_clv(grown.app.store, grown.app.settings.score.tiers, {"fair": 3000, "radio": 1234})

    lines = {line.source: line for line in sources}
    assert {source: line.customers for source, line in lines.items()} == {"fair": 2, "radio": 1, "friend": 2, "": 1}
    assert (lines["fair"].mean_cost_minor, lines["fair"].with_cost) == (4000, 2)
    assert (lines["friend"].mean_cost_minor, lines["friend"].with_cost) == (0, 1)
    assert lines["radio"].net_minor == lines["radio"].mean_clv_minor - 1234
    assert (lines[""].mean_cost_minor, lines[""].net_minor) == (None, None)
    assert [line.mean_clv_minor for line in sources] == sorted((s.mean_clv_minor for s in sources), reverse=True)
    whole = sum(line.mean_clv_minor * line.customers for line in sources)
    assert abs(whole - found.clv_minor) <= len(sources)


def test_who_never_bought_is_of_no_source(grown: Shop) -> None:
    grown.ingest("customers", [{"customer": "C7", "source": "leaflet"}])

    _, sources = report_clv(grown.app.store, grown.app.settings.score.tiers, {"leaflet": 100})

    assert "leaflet" not in {line.source for line in sources}


def test_the_command_tells_the_costs_of_the_configuration(grown: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    grown.configure(USUAL, COSTS)

    said: dict[str, Any] = json.loads(told(grown, capsys, "--json"))

    assert said.keys() == {"customers", "clv_minor", "tiers", "top_decile_share", "sources"}
    lines = {line["source"]: line for line in said["sources"]}
    assert said["sources"][0].keys() == set(SourceLine.__slots__)
    assert lines["fair"]["mean_cost_minor"] == 4000
    assert lines["radio"]["mean_cost_minor"] == 1234  # to the nearest cent, half to even
    assert lines["friend"]["with_cost"] == 1


def test_people_read_a_table_by_source(grown: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    grown.configure(USUAL, COSTS)

    lines = told(grown, capsys).splitlines()

    (fair,) = (line.split() for line in lines if line.strip().startswith("fair"))
    assert fair[1] == "2"
    assert "40,00" in fair  # the mean of what one cost and what they usually cost
    (unknown,) = (line for line in lines if line.strip().startswith("not known"))
    assert unknown.split()[-1] == "–"
    assert "By source, per customer: what is still to come, and what it cost to win one." in lines


def test_without_sources_there_is_no_second_table(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert "source" not in told(shop, capsys)
    shop.sale("2025-06-01", "80.00")
    shop.sale("2025-12-01", "90.00")
    shop.app.score()
    shop.close()

    assert "source" not in told(shop, capsys)
    assert len(json.loads(told(shop, capsys, "--json"))["sources"]) == 1


def test_a_currency_without_decimals_has_costs_without_them(
    grown: Shop, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    grown.configure(USUAL, COSTS)
    grown.configure('currency = "EUR"', 'currency = "JPY"')

    lines = {line["source"]: line for line in json.loads(told(grown, capsys, "--json"))["sources"]}

    assert lines["radio"]["mean_cost_minor"] == 12
